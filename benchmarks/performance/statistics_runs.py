"""Every statistic of a box by itself."""

from halonet.matching import match_haloes
from halonet.settings import StatisticsSettings
from halonet.statistics.box import compare_shapes
from halonet.statistics.clustering import compare_correlation_functions, compare_masks, compare_spectra
from halonet.statistics.mass_function import count_above
from halonet.statistics.overlap import measure_overlap
from halonet.statistics.profiles import stacked_profiles
from halonet.statistics.roc import measure_roc
from performance import boxes
from performance.measuring import measured, row

CUTS = 3  # the most massive haloes at two numbers, and all of them


def cases(options):
    return [{"cells": cells, "folder": str(options.work)} for cells in options.sizes]


def measure(case):
    """One row a statistic; kernels are compiled on a box of 64^3 cells."""
    folder = case["folder"]
    inputs = Inputs(folder, 64)
    for name in STATISTICS:
        STATISTICS[name](inputs)[0]()
    inputs = Inputs(folder, case["cells"])
    rows = []
    for name, prepare in STATISTICS.items():
        function, work = prepare(inputs)
        times, _ = measured(function)
        rows.append(row(name, times, case["cells"], work, haloes=len(inputs.true)))
    return rows


class Inputs:
    """What a job of the statistics has read."""

    def __init__(self, folder, cells):
        self.cells, self.settings = cells, StatisticsSettings()
        self.density, self.mask = boxes.density(folder, cells), boxes.mask(folder, cells)
        self.probability = boxes.probability(folder, cells)
        self.true, self.found = boxes.haloes(folder, cells), boxes.haloes(folder, cells, "found")
        self.matches = match_haloes(self.true, self.found, self.settings.radius_tolerance)

    @property
    def inside(self):
        """Cells within the radii of all haloes of both catalogues."""
        return float(self.true["cells"].sum() + self.found["cells"].sum())


def overlap(a):
    return lambda: measure_overlap(a.mask, a.probability), {"bytes": 5 * a.cells**3}


def roc(a):
    settings = a.settings
    # Labels are written and read; distances of labelled cells besides.
    work = {"bytes": (5 + 2) * a.cells**3, "gathered": 2 * float(a.true["cells"].sum())}
    return lambda: measure_roc(a.mask, a.probability, a.true, settings.mass_classes_msun, settings.radial_zones), work


def mass_function(a):
    return lambda: [count_above(haloes) for haloes in (a.true, a.found)], {"bytes": 8 * (len(a.true) + len(a.found))}


def spectra_of_masks(a):
    return lambda: compare_masks(a.mask, a.probability, a.true.box_size_mpc), _spectra(a, 1)


def spectra_of_haloes(a):
    return lambda: compare_spectra(a.true, a.found, a.settings, "lagrangian"), _spectra(a, CUTS)


def _spectra(a, pairs):
    """Two transforms for a pair of fields, and one pass over both fields of modes."""
    return {"transforms": 2 * pairs, "bytes": 2 * 4 * a.cells**3 * pairs}


def correlation(a):
    return lambda: compare_correlation_functions(a.true, a.found, a.settings), {}


def matching(a):
    return lambda: match_haloes(a.true, a.found, a.settings.radius_tolerance), {}


def shapes(a):
    work = {"transforms": 1 + 5, "gathered": 6 * a.inside}
    return lambda: compare_shapes(a.density, a.true, a.found, a.matches), work


def profiles(a):
    reach = 1.8**3  # of the largest halo of a bin of mass; what that is beyond the others is not counted
    return lambda: stacked_profiles(a.probability, a.true), {"gathered": reach * float(a.true["cells"].sum())}


STATISTICS = {
    "overlap": overlap,
    "ROC curves": roc,
    "mass function": mass_function,
    "power spectra, masks": spectra_of_masks,
    "power spectra, haloes of one space": spectra_of_haloes,
    "correlation functions": correlation,
    "matching": matching,
    "shapes": shapes,
    "stacked profiles": profiles,
}
