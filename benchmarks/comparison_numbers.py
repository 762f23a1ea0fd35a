"""What is measured on one rival in one box, for comparison.py: names and numbers, or curves of several numbers."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from halonet.catalogue import EULERIAN, VELOCITY, HaloCatalogue, read_catalogue
from halonet.cosmology import hubble_rate
from halonet.matching import Matches, completeness_and_purity, match_haloes
from halonet.mocks.abundance_matching import MassTable, mass_table
from halonet.owners import read_owners
from halonet.settings import CosmologySettings, StatisticsSettings
from halonet.statistics.clustering import compare_spectra, number_cuts
from halonet.statistics.mass_function import count_above
from halonet.statistics.overlap import measure_overlap
from halonet.statistics.redshift_space import redshift_space_multipoles
from halonet.statistics.roc import MASS_CLASSES, measure_roc
from halonet.storage import read_field

SETTINGS = StatisticsSettings()
CUTS = (100, 300, 1000, 3000, 10000)  # cells
MATCHED = (100, 300, 1000)
CURVE = np.geomspace(50, 5000, 9)  # cells above which curves of the figure are drawn
EDGES = (100, 300, 1000, np.inf)  # cells between which errors of positions and velocities are told apart
LARGE, LARGER = 0.3, 0.2  # 1/Mpc: power spectra, and multipoles, are compared up to here
CORRELATED = 0.1  # 1/Mpc: where r(k) is read
K = "curve of k, as of eulerian power"  # 1/Mpc
COUNTED_MPC = 16.0  # side of the cubes in which haloes are counted
FAINTEST_PART = 0.9  # of the simulations' haloes are matched by abundance: their smallest are not complete


class Truth:
    """The simulation of a box: haloes, mask, owners and density."""

    def __init__(self, folder: Path):
        self.haloes = read_catalogue(folder / "haloes.h5")
        self.mask, self.density = (read_field(folder / f"{name}.h5", name) for name in ("mask", "density"))
        self.owners = read_owners(folder / "owners.h5", len(self.haloes), self.haloes.header.provenance)


def measure(truth: Truth, probability: np.ndarray, found: HaloCatalogue) -> dict:
    """All numbers of one rival in one box."""
    return compare_masks(truth, probability) | compare_haloes(truth.haloes, found)


def compare_masks(truth: Truth, probability: np.ndarray) -> dict:
    """Overlap, and areas under ROC curves whose positives are the true cells of haloes, or those within spheres."""
    overlap = measure_overlap(truth.mask, probability)
    values = {
        "Dice, both classes": overlap.dice,
        "Dice of halo cells": overlap.foreground,
        "cells that agree at p > 0.5": float((truth.mask == (probability > 0.5)).mean()),
    }
    for which, owners in (("", truth.owners), (", within spheres", None)):
        edges = SETTINGS.mass_classes_msun, SETTINGS.radial_zones
        classes = measure_roc(truth.mask, probability, truth.haloes, *edges, owners)
        values |= {f"AUC of {each['name']}{which}": each["auc"] for each in classes if each["by"] == "mass"}
    return values


def compare_haloes(true: HaloCatalogue, found: HaloCatalogue) -> dict:
    """Numbers of a catalogue beside the truth's: objects, abundance, clustering and moves."""
    matches = match_haloes(true, found, SETTINGS.radius_tolerance)
    counts = [count_above(haloes, np.array(CUTS)) for haloes in (true, found)]
    return {
        **_objects(true, found, matches),
        **{f"haloes above {cut}": ratio for cut, ratio in zip(CUTS, _ratios(*counts), strict=True)},
        **_masses(true, found),
        **_spectra(true, found),
        **_redshift_space(true, found),
        **_counts_in_cells(true.larger_than(CUTS[0]), found.larger_than(CUTS[0])),
        **_moved(true.select(matches.true_rows), found.select(matches.found_rows)),
    }


def _objects(true: HaloCatalogue, found: HaloCatalogue, matches: Matches) -> dict:
    fractions = {cut: completeness_and_purity(true, found, matches, cut) for cut in (*MATCHED, *CURVE)}
    counts = [count_above(haloes, CURVE) for haloes in (true, found)]
    values: dict = {}
    for index, word in enumerate(("completeness", "purity")):
        values |= {f"{word} above {cut}": fractions[cut][index] for cut in MATCHED}
        values[f"curve of {word}"] = [fractions[cut][index] for cut in CURVE]
    return values | {"curve of haloes": _ratios(*counts)}


def _ratios(true: np.ndarray, found: np.ndarray) -> list[float]:
    """Numbers over the truth's; NaN where that has none."""
    return np.divide(found, true, out=np.full(len(true), np.nan), where=true > 0).tolist()


def _masses(true: HaloCatalogue, found: HaloCatalogue) -> dict:
    """Total mass in galaxies, groups and clusters over the truth's."""
    sums = [
        np.histogram(haloes["mass"], [*SETTINGS.mass_classes_msun, np.inf], weights=haloes["mass"].astype(float))[0]
        for haloes in (true, found)
    ]
    return {f"mass in {name}": float(sums[1][i] / sums[0][i]) for i, name in enumerate(MASS_CLASSES)}


def _spectra(true: HaloCatalogue, found: HaloCatalogue) -> dict:
    """Power over the truth's to k = 0.3 per Mpc, in all and bin by bin, and r at 0.1, by space and number cut."""
    values: dict = {}
    for space in ("lagrangian", "eulerian"):
        compared = compare_spectra(true, found, SETTINGS, space)
        for cut in compared["cuts"] if compared else ():
            which = f"{space}, {'all' if cut['most_massive'] is None else cut['most_massive']}"
            k = 2 * np.pi / true.box_size_mpc * (1 + np.arange(len(cut["ratio"])))
            first, second = (np.array(cut[name], float)[k <= LARGE] for name in ("power_true", "power_found"))
            weights = k[k <= LARGE] ** 2  # as many modes
            values[f"power ({which})"] = float((weights * second).sum() / (weights * first).sum())
            values[K] = k[k <= LARGE].tolist()
            values[f"curve of power ({which})"] = (second / first).tolist()
            values[f"r at 0.1 ({which})"] = float(np.interp(CORRELATED, k, np.array(cut["correlation"], float)))
    return values


def _redshift_space(true: HaloCatalogue, found: HaloCatalogue) -> dict:
    """Monopole and quadrupole over the truth's to k = 0.2 per Mpc."""
    values = {}
    for number, *pair in number_cuts(true, found, SETTINGS):
        first, second = (_multipoles(haloes) for haloes in pair)
        near = first.k <= LARGER
        for name in ("monopole", "quadrupole"):
            sums = [(each.modes * getattr(each, name))[near].sum() for each in (first, second)]
            values[f"{name} ({'all' if number is None else number})"] = float(sums[1] / sums[0])
    return values


def _multipoles(haloes: HaloCatalogue):
    cosmology = CosmologySettings(**haloes.header.known_cosmology())
    redshift = haloes.header.known_redshift()
    scale = (1 + redshift) / hubble_rate(cosmology, redshift)
    bins = min(32, int(LARGER * haloes.box_size_mpc / (2 * np.pi)) + 1)
    shifts = haloes.positions(VELOCITY) * scale
    return redshift_space_multipoles(haloes.positions(EULERIAN), shifts, haloes.box_size_mpc, bins)


def _counts_in_cells(true: HaloCatalogue, found: HaloCatalogue) -> dict:
    """Counts of haloes in cubes of 16 Mpc at Eulerian positions: variance beyond shot noise, skewness, distribution.

    The part of all cubes that would have to change their count, were the two distributions to be the same, is half the
    sum of their differences.
    """
    first, second = (counted(haloes) for haloes in (true, found))
    variances, skewnesses = zip(*(_moments(counts) for counts in (first, second)), strict=True)
    most = int(max(first.max(), second.max())) + 1
    histograms = [np.bincount(counts, minlength=most) / len(counts) for counts in (first, second)]
    return {
        "counts in cells, variance": variances[1] / variances[0],
        "counts in cells, skewness": skewnesses[1] / skewnesses[0],
        "counts in cells, r": float(np.corrcoef(first, second)[0, 1]),
        "counts in cells, cubes of another count": float(np.abs(np.diff(histograms, axis=0)).sum() / 2),
    }


def counted(haloes: HaloCatalogue, side: float = COUNTED_MPC) -> np.ndarray:
    """Numbers of haloes in the cubes that divide the box, each about ``side`` (Mpc) long, int64 of shape (cubes,)."""
    along = max(1, round(haloes.box_size_mpc / side))
    index = np.minimum((haloes.positions(EULERIAN) * (along / haloes.box_size_mpc)).astype(np.int64), along - 1)
    return np.bincount((index[:, 0] * along + index[:, 1]) * along + index[:, 2], minlength=along**3)


def _moments(counts: np.ndarray) -> tuple[float, float]:
    """Variance of the overdensity without shot noise, and skewness of the counts."""
    mean, deviation = counts.mean(), counts.std()
    return float((deviation / mean) ** 2 - 1 / mean), float((((counts - mean) / deviation) ** 3).mean())


def _moved(true: HaloCatalogue, found: HaloCatalogue) -> dict:
    """Root mean square errors of matched haloes above 100 cells, in three dimensions, in all and by mass."""
    side, cells = true.box_size_mpc, true["cells"]
    apart = found.positions(EULERIAN) - true.positions(EULERIAN)
    apart -= side * np.round(apart / side)
    slower = found.positions(VELOCITY) - true.positions(VELOCITY)
    values = {}
    for name, errors in (("Eulerian positions (Mpc)", apart), ("velocities (km/s)", slower)):
        squares = (errors**2).sum(axis=1)
        values[f"error of {name}"] = float(np.sqrt(squares[cells >= EDGES[0]].mean()))
        for low, high in pairwise(EDGES):
            which = f"above {low}" if np.isinf(high) else f"{low} to {high}"
            values[f"error of {name}, {which}"] = float(np.sqrt(squares[(cells >= low) & (cells < high)].mean()))
    return values


def table_of_masses(found: list[HaloCatalogue], wanted: list[HaloCatalogue]) -> MassTable:
    """Table that gives the haloes of some boxes the mass function of simulations of other boxes.

    Parameters
    ----------
    found
        One rival's haloes in all boxes.
    wanted
        Simulations' haloes.
    """
    volumes = [sum(haloes.box_size_mpc**3 for haloes in each) for each in (found, wanted)]
    every = np.concatenate([haloes["mass"] for haloes in wanted]).astype(float)
    masses = np.geomspace(every.min(), every.max(), 200)
    abundance = np.array([(every >= mass * (1 - 1e-6)).sum() for mass in masses]) / volumes[1]
    kept = np.append(np.diff(abundance) < 0, True)  # strictly falling
    most = int(FAINTEST_PART * len(every) / volumes[1] * volumes[0])
    faintest = np.sort(np.concatenate([haloes["mass"] for haloes in found]))[::-1][:most][-1]
    bright = [haloes.select(haloes["mass"] >= faintest) for haloes in found]
    return mass_table(bright, masses[kept], abundance[kept])


def rescaled(haloes: HaloCatalogue, table: MassTable) -> HaloCatalogue:
    """Haloes whose mass, volume and radius are those of the table."""
    ratio = table(haloes["mass"]) / haloes["mass"]
    volumes = {name: haloes[name] * ratio for name in ("mass", "cells")}
    return replace(haloes, columns=haloes.columns | volumes | {"radius": haloes["radius"] * np.cbrt(ratio)})
