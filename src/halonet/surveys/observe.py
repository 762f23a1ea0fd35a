"""What a survey observes of a box of haloes or galaxies, and randoms with the same selection; from a seed."""

import math
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from scipy.spatial import KDTree

from halonet.checks.assumptions import assume
from halonet.checks.errors import StorageError
from halonet.checks.numbers import SEED, checked
from halonet.column_table import ColumnTable
from halonet.columns import EULERIAN, VELOCITY, Column
from halonet.cosmology import declared
from halonet.initial_conditions.noise import generator
from halonet.settings import CosmologySettings
from halonet.settings.survey import SurveySettings
from halonet.sky.coordinates import declination, directions, observed_redshift, radial_velocities, right_ascension
from halonet.sky.epochs import Epochs
from halonet.storage import FieldHeader
from halonet.surveys.geometry import draw_angles, inside_mask
from halonet.surveys.selection import Selection, selection_of
from halonet.tiles_of_universes import check_whole

SURVEY_COLUMNS = {
    column.name: column
    for column in (
        Column("RA", "f8", "deg", "right ascension"),
        Column("DEC", "f8", "deg", "declination"),
        Column("Z", "f8", "1", "observed redshift, peculiar velocity included; of randoms drawn from n(z)"),
        Column("WEIGHT", "f8", "1", "1 / (1 + n(Z) P0) of Feldman, Kaiser & Peacock (1994)"),
        Column("NZ", "f8", "1", "expected comoving density n(Z) per Mpc^3"),
        Column("Z_COSMO", "f8", "1", "redshift of the distance alone"),
    )
}
OUTSIDE = 1e-3  # of the survey's volume, that may lie outside of a box which is not replicated
BEYOND = 0.05  # in redshift: how far peculiar velocities may carry a galaxy, with much to spare
MOST_RANDOMS, MOST_IMAGES = 1e10, 100_000
TRIALS = 20_000  # points of the survey's volume by which that is found out


@dataclass(frozen=True)
class Survey:
    """A survey and its randoms.

    Attributes
    ----------
    data, randoms
        Columns of :data:`SURVEY_COLUMNS`, float64 arrays of shape (n,).
    header
        Of the box, with the seed of the survey.
    notes
        Settings, numbers, and what was lost by the way, as JSON values.
    """

    data: dict[str, np.ndarray]
    randoms: dict[str, np.ndarray]
    header: FieldHeader
    notes: dict[str, Any] = field(default_factory=dict)


def observe_box(points: ColumnTable, settings: SurveySettings, seed: int) -> Survey:
    """Observe the points of a periodic box from a position in it or outside.

    The whole box is at one redshift. Distances give redshifts, velocities shift them, and the selection in redshift is
    of the observed one.

    Raises
    ------
    StorageError
        If the catalogue lacks what a survey needs, the n(z) does not fit, or the survey leaves a box that is not
        replicated.
    """
    check_whole(points)
    seed = int(checked("seed", seed, SEED))
    cosmology, side = _cosmology(points), points.header.box_size_mpc
    table = Epochs(cosmology, settings.largest_redshift + BEYOND)
    selection = selection_of(settings, len(points) / side**3)
    observer = np.array(settings.observer or [side / 2] * 3)
    if not settings.replicate:
        _check_inside_box(settings, table, observer, side)
    if not settings.smallest_redshift <= cosmology.redshift <= settings.largest_redshift:
        assume(
            f"the whole box is at redshift {cosmology.redshift:g}, and is seen at redshifts from "
            f"{settings.smallest_redshift:g} to {settings.largest_redshift:g}"
        )
    rng = generator(seed, "survey")
    seen = _seen(points, settings, table, observer)
    kept = rng.random(len(seen["Z"])) * (len(points) / side**3) < selection.at(seen["Z"])
    data = {name: values[kept] for name, values in seen.items()}
    selected = len(data["Z"])
    apart = _without_collisions(data, settings.collision_arcsec, rng)
    data = _with_weights({name: values[apart] for name, values in data.items()}, selection, settings)
    randoms = _randoms(settings, table, selection, generator(seed, "survey randoms"))
    notes = {
        "survey": settings.model_dump(),
        "observed": len(data["Z"]),
        "collided": selected - len(data["Z"]),
        "randoms": len(randoms["Z"]),
    }
    header = FieldHeader(side, cosmology.redshift, cosmology.model_dump(), seed, points.header.provenance)
    return Survey(data, _with_weights(randoms, selection, settings), header, notes)


def _seen(points: ColumnTable, settings: SurveySettings, table: Epochs, observer: np.ndarray) -> dict[str, np.ndarray]:
    """Angles and redshifts of all points within mask and redshifts, of every image of the box that can hold some."""
    side, positions, velocities = points.header.box_size_mpc, points.positions(EULERIAN), points.positions(VELOCITY)
    parts = []
    for shift in _images(settings, table, observer, side):
        offsets = positions + shift - observer
        ra, dec, distance = right_ascension(offsets), declination(offsets), np.linalg.norm(offsets, axis=1)
        near = np.flatnonzero(inside_mask(ra, dec, settings) & (distance < _reach(settings, table)))
        cosmological = table.redshift(distance[near])
        observed = observed_redshift(cosmological, radial_velocities(offsets[near], velocities[near]))
        within = (observed >= settings.smallest_redshift) & (observed <= settings.largest_redshift)
        found = {"RA": ra[near], "DEC": dec[near], "Z": observed, "Z_COSMO": cosmological}
        parts.append({name: values[within] for name, values in found.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _images(settings: SurveySettings, table: Epochs, observer: np.ndarray, side: float) -> list[np.ndarray]:
    """Shifts (Mpc) of the images of the box that the survey may reach."""
    if not settings.replicate:
        return [np.zeros(3)]
    reach = _reach(settings, table)
    ranges = [range(int(np.floor((at - reach) / side)), int(np.floor((at + reach) / side)) + 1) for at in observer]
    if (number := math.prod(map(len, ranges))) > MOST_IMAGES:
        raise StorageError(
            f"the survey reaches over {number:,} images of a box of {side:g} Mpc, and {MOST_IMAGES:,} are possible: "
            "a larger box is needed, or a smaller largest_redshift"
        )
    return [side * np.array(image, float) for image in product(*ranges)]


def _reach(settings: SurveySettings, table: Epochs) -> float:
    """Distance (Mpc) from beyond which no velocity brings a point into the survey."""
    return float(table.distance(np.array(settings.largest_redshift + BEYOND)))


def _without_collisions(data: dict[str, np.ndarray], arcsec: float, rng: np.random.Generator) -> np.ndarray:
    """Rows that keep their fibre: of points closer than ``arcsec`` on the sky the first in a random order."""
    kept = np.ones(len(data["RA"]), bool)
    if arcsec and len(kept):
        order = rng.permutation(len(kept))
        at = directions(data["RA"], data["DEC"])[order]
        chord = 2 * np.sin(np.radians(arcsec / 3600) / 2)
        pairs = KDTree(at).query_pairs(chord, output_type="ndarray")
        for first, second in pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]:
            if kept[order[first]]:
                kept[order[second]] = False
    return np.flatnonzero(kept)


def _with_weights(data: dict[str, np.ndarray], selection: Selection, settings: SurveySettings) -> dict[str, np.ndarray]:
    density = selection.at(data["Z"])
    full = data | {"NZ": density, "WEIGHT": 1 / (1 + density * settings.fkp_power_mpc3)}
    return {name: np.asarray(full[name], np.float64) for name in SURVEY_COLUMNS}


def _randoms(
    settings: SurveySettings, table: Epochs, selection: Selection, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Points without clustering: uniform within the mask, and in redshift as the volume times n(z)."""
    grid = np.linspace(settings.smallest_redshift, settings.largest_redshift, 2001)
    cubes = table.distance(grid) ** 3
    middles = 0.5 * (grid[1:] + grid[:-1])
    sines = np.sin(np.radians(settings.dec))
    solid_angle = np.radians(settings.ra[1] - settings.ra[0]) * (sines[1] - sines[0])  # holes included, and lost below
    numbers = selection.at(middles) * np.diff(cubes) * solid_angle / 3
    mean = settings.randoms * numbers.sum()
    if mean > MOST_RANDOMS:
        raise StorageError(f"randoms = {settings.randoms:g} are {mean:.3g} points; at most {MOST_RANDOMS:g} are drawn")
    number = rng.poisson(mean)
    chosen = np.cumsum(numbers) / max(numbers.sum(), 1e-300)
    step = np.minimum(np.searchsorted(chosen, rng.random(number), side="right"), len(numbers) - 1)
    cube = cubes[step] + rng.random(number) * (cubes[step + 1] - cubes[step])
    redshift = np.clip(table.redshift(np.cbrt(cube)), settings.smallest_redshift, settings.largest_redshift)
    ra, dec = draw_angles(number, settings, rng)
    inside = inside_mask(ra, dec, settings)
    return {"RA": ra[inside], "DEC": dec[inside], "Z": redshift[inside], "Z_COSMO": redshift[inside]}


def _check_inside_box(settings: SurveySettings, table: Epochs, observer: np.ndarray, side: float) -> None:
    """Refuse a survey of more than the box, by points of its volume."""
    uniform = Selection(np.array([settings.smallest_redshift, settings.largest_redshift]), np.ones(2))
    rng = generator(0, "volume of a survey")
    near, far = table.distance(settings.smallest_redshift), table.distance(settings.largest_redshift)
    sines = np.sin(np.radians(settings.dec))
    volume = np.radians(settings.ra[1] - settings.ra[0]) * (sines[1] - sines[0]) * float(far**3 - near**3) / 3
    some = settings.model_copy(update={"randoms": TRIALS / volume, "holes": []})
    sampled = _randoms(some, table, uniform, rng)
    at = observer + directions(sampled["RA"], sampled["DEC"]) * table.distance(sampled["Z"])[:, None]
    outside = ((at < 0) | (at >= side)).any(axis=1).mean() if len(at) else 0.0
    if outside > OUTSIDE:
        raise StorageError(
            f"{100 * outside:.3g}% of the survey's volume, up to redshift {settings.largest_redshift:g} at "
            f"{float(table.distance(settings.largest_redshift)):.0f} Mpc, lie outside of the box of {side:g} Mpc; set "
            "replicate: true, or another observer, region or largest_redshift"
        )


def _cosmology(points: ColumnTable) -> CosmologySettings:
    if missing := [name for name in (*EULERIAN, *VELOCITY) if name not in points.columns]:
        raise StorageError(f"columns {', '.join(missing)} are missing; a survey needs positions and velocities")
    if points.header.cosmology is None or points.header.redshift is None:
        raise StorageError("the catalogue says no cosmology or no redshift; a survey needs both, for its distances")
    return declared(points.header.cosmology | {"redshift": points.header.redshift}, "catalogue")
