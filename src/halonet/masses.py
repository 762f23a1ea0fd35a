"""Masses by spherical overdensity, from the mass of a catalogue by NFW profiles and a concentration relation.

Notes
-----
What the mass of a catalogue is, is an assumption, and said. ``mass`` is mean matter density times Lagrangian volume:

- Peak Patch: the volume that collapses. Axes freeze at 200^(-1/3) of the background's size (Bond & Myers 1996), which
  is 200 times the mean density, and the readers of the code's WebSky catalogue (Stein et al. 2020, arXiv:2001.08787)
  call this mass M200m. ``200m``, the default; so are masses matched to Tinker et al. (2008).
- Friends of friends of 0.2: number of particles. Roughly ``200m`` (White 2001, astro-ph/0011495); the surface is at a
  local density of 81.62 times the mean (More et al. 2011, arXiv:1103.0005), which is ``fof`` here, and right for many
  particles per halo only.

Everything is tabulated over the mass within 200 times the mean density, on fixed nodes, so that a halo's numbers do not
depend on the others of its catalogue. Concentrations and definitions are those of colossus (Diemer 2018).
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, get_args

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

from halonet.catalogue import HaloCatalogue
from halonet.checks.assumptions import assume
from halonet.columns import COLUMNS
from halonet.cosmology import (
    CRITICAL_DENSITY,
    DECIDING,
    declared,
    expansion_rate,
    matter_fraction,
    mean_matter_density,
    use_in_colossus,
)
from halonet.settings import CosmologySettings, SettingsError, validate
from halonet.settings.galaxies import Concentration

DEFINITIONS = {
    "200m": ("m200m", "r200m"),
    "200c": ("m200c", "r200c"),
    "500c": ("m500c", "r500c"),
    "vir": ("mvir", "rvir"),
}
RELATIONS = get_args(Concentration)
TAKEN_AS = (*DEFINITIONS, "fof")
FRIENDS_OF_FRIENDS = 81.62  # times the mean density at the surface, for a linking length of 0.2 (More et al. 2011)
NODES = np.geomspace(1e6, 1e17, 441)  # Msun, within 200 times the mean density


@dataclass(frozen=True)
class MassTable:
    """Masses of NFW haloes by all definitions.

    Attributes
    ----------
    masses
        By definition, and ``fof``: masses (Msun), float64 of shape (nodes,), rising.
    scale_radii
        Of the profiles: comoving Mpc, shape (nodes,).
    """

    masses: dict[str, np.ndarray]
    scale_radii: np.ndarray

    def convert(self, masses: np.ndarray, taken_as: str, to: str) -> np.ndarray:
        """Masses (Msun) by the definition ``to`` of haloes whose ``masses`` are by ``taken_as``; same shape."""
        return masses * np.exp(self._along(masses, taken_as, np.log(self.masses[to] / self.masses[taken_as])))

    def scale_radius(self, masses: np.ndarray, taken_as: str) -> np.ndarray:
        """Comoving scale radii (Mpc) of haloes whose ``masses`` (Msun) are by ``taken_as``; same shape."""
        return np.exp(self._along(masses, taken_as, np.log(self.scale_radii)))

    def _along(self, masses: np.ndarray, taken_as: str, values: np.ndarray) -> np.ndarray:
        nodes = self.masses[taken_as]
        if len(masses) and not (nodes[0] <= masses.min() and masses.max() <= nodes[-1]):
            raise SettingsError(
                f"masses of {masses.min():.3g} to {masses.max():.3g} Msun; the concentration relation is known from "
                f"{nodes[0]:.3g} to {nodes[-1]:.3g} Msun at this redshift: choose another one of {', '.join(RELATIONS)}"
            )
        return CubicSpline(np.log(nodes), values)(np.log(masses))


@lru_cache(maxsize=8)
def mass_table(cosmology: CosmologySettings, relation: str = RELATIONS[0]) -> MassTable:
    """Table for the cosmology at its redshift, with the mean concentrations of ``relation``."""
    from colossus.halo import concentration, mass_defs, profile_nfw

    use_in_colossus(cosmology)
    h, z = cosmology.h, cosmology.redshift
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of masses outside of the relation's range, which are left out
        known = concentration.concentration(NODES * h, "200m", z, model=relation, range_return=True)
    concentrations, inside = (values[known[1] & (known[0] > 0)] for values in (known[0], NODES))
    if not len(inside):
        raise SettingsError(f"concentrations of {relation} are not known at redshift {z:g}; take {RELATIONS[0]}")
    masses = {"200m": inside}
    for name in DEFINITIONS.keys() - masses.keys():
        masses[name] = mass_defs.changeMassDefinition(inside * h, concentrations, z, "200m", name)[0] / h
    # Of the profile only its shape is colossus's; densities are this project's.
    scale = radius_of(inside, "200m", cosmology) / concentrations
    shape = profile_nfw.NFWProfile.mu(concentrations)
    characteristic = inside / (4 * np.pi * scale**3 * shape) / mean_matter_density(cosmology)
    surface = np.array([_surface(value) for value in characteristic])
    masses["fof"] = inside * profile_nfw.NFWProfile.mu(surface) / shape
    return MassTable(masses, scale)


def _surface(characteristic: float) -> float:
    """Radius, in scale radii, at which an NFW profile has fallen to the surface density of friends of friends."""
    return float(brentq(lambda x: x * (1 + x) ** 2 - characteristic / FRIENDS_OF_FRIENDS, 0, 1e4, xtol=1e-12))


def threshold(definition: str, cosmology: CosmologySettings) -> float:
    """Mean density (Msun per comoving Mpc^3) within the radius of a definition, at the redshift of the cosmology.

    Of ``vir`` the overdensity is that of Bryan & Norman (1998, ApJ 495, 80, eq. 6, flat with Lambda).
    """
    z = cosmology.redshift
    matter = mean_matter_density(cosmology)
    critical = CRITICAL_DENSITY * (cosmology.h * expansion_rate(cosmology, z)) ** 2 / (1 + z) ** 3
    if definition == "vir":
        x = matter_fraction(cosmology, z) - 1
        return (18 * np.pi**2 + 82 * x - 39 * x**2) * critical
    number, of = float(definition[:-1]), definition[-1]
    return number * (matter if of == "m" else critical)


def radius_of(masses: np.ndarray, definition: str, cosmology: CosmologySettings) -> np.ndarray:
    """Comoving radii (Mpc) of masses (Msun) by a definition, at the redshift of the cosmology; same shape."""
    return np.cbrt(3 * np.asarray(masses, float) / (4 * np.pi * threshold(definition, cosmology)))


def with_masses(
    haloes: HaloCatalogue, wanted: Sequence[str], taken_as: str = "200m", relation: str = RELATIONS[0]
) -> HaloCatalogue:
    """The catalogue with mass and radius by every ``wanted`` definition, and the scale radius of the profiles.

    Columns that were measured stay as they are. What was assumed stands in the notes and in the provenance.

    Raises
    ------
    SettingsError
        If a definition or relation is not known, the catalogue names no cosmology or redshift, or a mass is out of
        the relation's range.
    """
    wanted = _known(wanted, taken_as, relation)
    cosmology = cosmology_of_masses(haloes)
    base, table = np.asarray(haloes["mass"], float), mass_table(cosmology, relation)
    columns = haloes.columns | {"scale_radius": table.scale_radius(base, taken_as).astype("f4")}
    converted_before = _made(haloes).get("converted", ())
    measured = [DEFINITIONS[name][0] for name in wanted]
    measured = [mass for mass in measured if mass in haloes.columns and mass not in converted_before]
    for name in wanted:
        mass, radius = DEFINITIONS[name]
        if mass not in measured:
            columns[mass] = base.copy() if name == taken_as else table.convert(base, taken_as, name)
        columns[radius] = radius_of(columns[mass], name, cosmology).astype("f4")
    converted = [DEFINITIONS[name][0] for name in wanted if DEFINITIONS[name][0] not in measured]
    made = {"taken_as": taken_as, "profile": "nfw", "concentration": relation, "converted": converted}
    made["columns"] = [column for name in wanted for column in DEFINITIONS[name]] + ["scale_radius"]
    assume(
        f"the mass of the catalogue is taken for that within {taken_as}, profiles for NFW with the mean concentrations "
        f"of {relation}{'; ' + ', '.join(measured) + ' stay as measured' if measured else ''}"
    )
    header = replace(haloes.header, provenance=haloes.header.provenance | {"masses": made})
    return replace(haloes, columns=columns, header=header, notes=haloes.notes | {"masses": made})


def requested_masses(haloes: HaloCatalogue) -> list[str]:
    """Columns of masses, radii and the scale radius that :func:`with_masses` was asked for, in the table's order."""
    asked = _made(haloes).get("columns", ())
    return [name for name in COLUMNS if name in haloes.columns and name in asked]


def _made(haloes: HaloCatalogue) -> dict[str, Any]:
    """What an earlier conversion left in the notes; a user's own note under that name is none."""
    made = haloes.notes.get("masses")
    return made if isinstance(made, dict) else {}


def _known(wanted: Sequence[str], taken_as: str, relation: str) -> list[str]:
    """The definitions, each once, in the order of the table."""
    if isinstance(wanted, str):
        wanted = [wanted]
    for values, names, what in ((wanted, DEFINITIONS, "masses"), ([taken_as], TAKEN_AS, "mass_is")):
        if unknown := [value for value in values if value not in names]:
            raise SettingsError(f"{what} = {unknown[0]!r}; there are {', '.join(names)}")
    if relation not in RELATIONS:
        raise SettingsError(f"concentration = {relation!r}; there are {', '.join(RELATIONS)}")
    if not wanted:
        raise SettingsError(f"masses name no definition; there are {', '.join(DEFINITIONS)}")
    return [name for name in DEFINITIONS if name in wanted]


def cosmology_of_masses(haloes: HaloCatalogue, source: str = "catalogue") -> CosmologySettings:
    """Cosmology at the catalogue's redshift; masses within radii hang on both, and neither is guessed."""
    said = haloes.header.cosmology or {}
    if missing := [name for name in DECIDING if name not in said]:
        raise SettingsError(f"{source}: masses by other definitions need {', '.join(missing)} of its cosmology")
    if haloes.header.redshift is None:
        raise SettingsError(f"{source}: masses by other definitions need its redshift, which it does not name")
    return validate(
        CosmologySettings, dict(declared(said, source).model_dump(), redshift=haloes.header.redshift), source
    )
