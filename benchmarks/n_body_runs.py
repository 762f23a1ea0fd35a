"""Simulations for benchmarks/n_body.py, and what is measured on each of them."""

import time
from itertools import pairwise

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.cosmology import WAVENUMBERS, growth_factor
from halonet.friends_of_friends.haloes import find_haloes
from halonet.grid.fixed_point import fixed_positions
from halonet.grid.slabs import Slabs
from halonet.matching import completeness_and_purity, match_haloes
from halonet.n_body.clouds import ABOVE, BELOW, deposit
from halonet.n_body.forces import Gravity
from halonet.n_body.growth import Growth
from halonet.n_body.schedule import plan
from halonet.n_body.simulation import State, simulate
from halonet.n_body.snapshots import comoving_fields, snapshot_header
from halonet.n_body.start import start_particles
from halonet.particles import Particles
from halonet.spectra import measure_spectra
from halonet.statistics.mass_function import count_above
from halonet.statistics.overlap import measure_overlap
from halonet.storage import FieldHeader

BANDS = np.geomspace(0.1, 2.5, 15)  # per Mpc
CUTS = np.array([27, 50, 100, 200, 300, 1000, 3000, 10000])  # particles
REDSHIFTS = (1.0, 0.0)


def run(density, box_size, cosmology, settings, redshifts=REDSHIFTS, threads=2):
    """Particles at each redshift, and wall seconds of the stages, from the linear density of today."""
    slabs, seconds, found = Slabs(len(density), threads=threads), {}, {}
    start = time.perf_counter()
    state = State(*start_particles(density, slabs, Growth(cosmology), settings.start))
    seconds["start"] = time.perf_counter() - start

    def keep(step, state):
        header = snapshot_header(step, FieldHeader(box_size, None, cosmology.model_dump()), {})
        found[step.snapshot] = Particles(*comoving_fields(step, state, header), header)

    start = time.perf_counter()
    schedule = plan(cosmology, settings, list(redshifts))
    simulate(state, schedule, Gravity(slabs, settings.mesh), keep)
    seconds["simulation"] = time.perf_counter() - start
    seconds["a force and its step"] = seconds["simulation"] / (len(schedule.steps) + 1)
    return found, seconds


def power_of(particles):
    """Power spectrum of the particles by clouds in cells on a mesh of twice their cells: k, modes, P (Mpc^3)."""
    cells, side = particles.cells, 2 * particles.cells
    counts = np.zeros((BELOW + side + ABOVE, side, side), np.int32)
    places = np.empty((cells**2, 3), np.uint32)
    scale = np.float32(1 / particles.cell_size)
    for plane, displacements in enumerate(particles.displacements):
        fixed_positions(displacements.reshape(-1, 3) * scale, plane * cells**2, cells, 2, 0.0, places)
        deposit(places, counts, 0, 0, side)
    counts[BELOW] += counts[BELOW + side]
    delta = counts[BELOW : BELOW + side].astype(np.float32)
    delta /= delta.mean(dtype=np.float64)
    delta -= 1
    spectra = measure_spectra(delta, delta, particles.header.box_size_mpc, "cloud_in_cell")
    return spectra.k, spectra.modes, spectra.first


def mead2020(cosmology, redshift):
    """Non-linear power spectrum of CAMB's mead2020 (Mead et al. 2021), with the linear growth of this project."""
    import camb

    h2 = cosmology.h**2
    common = {
        "H0": 100 * cosmology.h, "ombh2": cosmology.omega_b * h2, "omch2": cosmology.omega_cdm * h2, "omk": 0.0,
        "mnu": 0.0, "num_massive_neutrinos": 0, "TCMB": 2.725, "ns": cosmology.n_s, "WantTransfer": True,
    }  # fmt: skip

    def results(amplitude):
        parameters = camb.set_params(As=amplitude, halofit_version="mead2020", **common)
        parameters.set_matter_power(redshifts=sorted({0.0, redshift}, reverse=True), kmax=30.0)
        return camb.get_results(parameters)

    linear = results(2e-9)
    amplitude = 2e-9 * (cosmology.sigma8 / linear.get_sigma8_0()) ** 2
    options = {"hubble_units": False, "k_hunit": False}
    found = results(amplitude)
    k = WAVENUMBERS[(WAVENUMBERS > 1e-3) & (WAVENUMBERS < 20)]
    nonlinear = found.get_matter_power_interpolator(nonlinear=True, **options).P(redshift, k)
    early, today = (found.get_matter_power_interpolator(nonlinear=False, **options).P(z, k) for z in (redshift, 0.0))
    return k, nonlinear * growth_factor(cosmology, redshift) ** 2 * today / early


def over_reference(k, modes, power, reference):
    """Power over a reference in bands of k; None where a band holds no modes."""
    ratios = []
    for low, high in pairwise(BANDS):
        inside = (k >= low) & (k < high)
        expected = np.exp(np.interp(np.log(k[inside]), np.log(reference[0]), np.log(reference[1])))
        ratios.append(float((modes * power)[inside].sum() / (modes[inside] * expected).sum()) if inside.any() else None)
    return ratios


def haloes_of(particles, cosmology, settings):
    """Catalogue and owners of a snapshot, and the seconds they took."""
    start = time.perf_counter()
    of_snapshot = cosmology.model_copy(update={"redshift": particles.header.redshift})
    haloes, owners = find_haloes(particles, of_snapshot, settings)
    return haloes, owners, time.perf_counter() - start


def counts_of(haloes):
    """Numbers of haloes above the cuts, by friends of friends and by spherical overdensity (particles)."""
    particle = haloes["mass"][0] / haloes["cells"][0]
    spherical = np.sort(haloes["m200m"] / particle)
    return {
        "fof": count_above(haloes, CUTS).tolist(),
        "m200m": (len(spherical) - np.searchsorted(spherical, CUTS - 0.5)).tolist(),
    }


def against(true_mask, mask, true, found):
    """How well one catalogue and mask of a box know another: agreement, Dice, completeness and purity by mass."""
    matches = match_haloes(true, found)
    overlap = measure_overlap(true_mask, mask.astype(np.float32))
    objects = {str(cut): completeness_and_purity(true, found, matches, cut) for cut in (27, 100, 300, 1000)}
    return {
        "cells that agree": float((true_mask == mask).mean()),
        "dice": overlap.dice,
        "dice of halo cells": overlap.foreground,
        "completeness and purity above": objects,
    }


def coarse_truth(haloes, owners, factor, minimum):
    """Truth of a simulation on cells ``factor`` times as large: catalogue and mask of those mostly in haloes."""
    kept = haloes.larger_than(minimum * factor**3)
    columns = dict(kept.columns) | {"cells": kept["cells"] / factor**3}
    n = len(owners) // factor
    in_halo = (owners >= 0) & (owners < len(kept))
    share = in_halo.reshape(n, factor, n, factor, n, factor).mean(axis=(1, 3, 5))
    return HaloCatalogue(columns, kept.header, n), (share >= 0.5).astype(np.uint8)
