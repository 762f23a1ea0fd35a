"""Galaxies drawn into the haloes of a catalogue, from a seed: the same call gives the same bits."""

from dataclasses import replace

import numpy as np

from halonet.catalogue import EULERIAN, VELOCITY, HaloCatalogue
from halonet.checks.errors import StorageError
from halonet.checks.numbers import SEED, checked
from halonet.cosmology import declared
from halonet.galaxies.occupation import mean_centrals, mean_satellites
from halonet.galaxies.profile import (
    circular_velocity,
    concentration,
    halo_radius,
    radius_of_fraction,
    velocity_dispersion,
)
from halonet.galaxy_catalogue import GALAXY_COLUMNS, GalaxyCatalogue
from halonet.initial_conditions.noise import generator
from halonet.provenance import provenance
from halonet.settings import CosmologySettings
from halonet.settings.galaxies import OccupationSettings
from halonet.tiles_of_universes import check_whole

MOST_SATELLITES = 1e10


def populate_haloes(haloes: HaloCatalogue, settings: OccupationSettings, seed: int) -> GalaxyCatalogue:
    """Draw the galaxies of haloes: those of a halo stand together, its central first, most massive halo first.

    A central is at the halo's centre and moves with it. Satellites follow the halo's mass, with the isotropic
    dispersion of the Jeans equation about its velocity. Both numbers are drawn independently.

    Raises
    ------
    StorageError
        If the catalogue lacks positions, velocities, masses, redshift or cosmology.
    """
    check_whole(haloes)
    seed = int(checked("seed", seed, SEED))
    cosmology = _cosmology(haloes, settings)
    haloes = haloes.sorted_by_mass()
    mass = haloes[settings.mass].astype(float)
    rng = generator(seed, "galaxies")
    central = rng.random(len(mass)) < mean_centrals(mass, settings)
    mean = mean_satellites(mass, settings)
    if (expected := float(mean.sum())) > MOST_SATELLITES:
        raise StorageError(
            f"log_satellite_mass = {settings.log_satellite_mass:g} and slope = {settings.slope:g} give {expected:.3g} "
            f"satellites; at most {MOST_SATELLITES:g} are drawn"
        )
    satellites = rng.poisson(mean)
    host = np.concatenate([np.flatnonzero(central), np.repeat(np.arange(len(mass)), satellites)])
    offsets, velocities = _satellites(mass[host[central.sum() :]], cosmology, settings, rng)
    still = np.zeros((int(central.sum()), 3))
    order = np.argsort(host, kind="stable")  # centrals, which come first, stay first
    positions = haloes.positions(EULERIAN)[host] + np.concatenate([still, offsets])
    moving = haloes.positions(VELOCITY)[host] + np.concatenate([still, velocities])
    wrapped = np.mod(positions, haloes.box_size_mpc).astype(np.float32)
    wrapped[wrapped >= haloes.box_size_mpc] = 0  # rounded up to the side
    columns = dict(zip((*EULERIAN, *VELOCITY), np.hstack([wrapped, moving]).T, strict=True))
    columns |= {"halo": host, "halo_mass": mass[host], "central": np.arange(len(host)) < central.sum()}
    typed = {name: columns[name][order].astype(column.dtype) for name, column in GALAXY_COLUMNS.items()}
    record = provenance("populate", settings.model_dump(), seed) | {"haloes": haloes.header.provenance}
    header = replace(haloes.header, seed=seed, provenance=record)
    lightest = float(mass.min()) if len(mass) else None
    notes = {"occupation": settings.model_dump(), "smallest_halo_msun": lightest}
    return GalaxyCatalogue(typed, header, notes)


def _satellites(
    mass: np.ndarray, cosmology: CosmologySettings, settings: OccupationSettings, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Offsets (Mpc) and velocities (km/s) from their haloes, of ``mass`` (Msun) each, shape (satellites, 3)."""
    concentrations = concentration(mass, cosmology, settings.concentration)
    radius = radius_of_fraction(rng.random(len(mass)), concentrations)
    directions = rng.normal(size=(len(mass), 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    dispersion = velocity_dispersion(radius, concentrations) * circular_velocity(mass, cosmology)
    offsets = directions * (radius * halo_radius(mass, cosmology))[:, None]
    return offsets, rng.normal(size=(len(mass), 3)) * dispersion[:, None]


def missing_fraction(haloes: HaloCatalogue, settings: OccupationSettings) -> float:
    """Mean number of centrals of the smallest halo: near 0 where smaller haloes would have had no galaxies."""
    return float(mean_centrals(haloes[settings.mass].min(), settings)) if len(haloes) else 0.0


def _cosmology(haloes: HaloCatalogue, settings: OccupationSettings) -> CosmologySettings:
    """Cosmology and redshift of a catalogue that has all that galaxies need."""
    if missing := [name for name in (*EULERIAN, *VELOCITY, settings.mass) if name not in haloes.columns]:
        raise StorageError(f"columns {', '.join(missing)} are missing from the haloes; galaxies need them")
    header = haloes.header
    if header.cosmology is None or header.redshift is None:
        raise StorageError("the haloes say no cosmology or no redshift; galaxies need both, for sizes and velocities")
    return declared(header.cosmology | {"redshift": header.redshift}, "catalogue")
