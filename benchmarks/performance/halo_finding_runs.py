"""Halo finding: labelling, search, fit of spheres and Eulerian places, beside cc3d and scipy."""

import numpy as np

from halonet.catalogue import write_catalogue
from halonet.halo_finding.constants import thresholds_in_force
from halonet.halo_finding.fitted.sphere_fit import fit_spheres
from halonet.halo_finding.haloes import to_catalogue, with_eulerian_columns
from halonet.halo_finding.paper.regions import connected_regions
from halonet.halo_finding.paper.search import find_haloes
from halonet.settings import CosmologySettings, HaloFindingSettings
from halonet.storage import FieldHeader
from performance import boxes
from performance.measuring import measured, peer, row

CALIBRATED = {
    "finder": "fitted",
    "sphere_fit": {"own_fraction": "calibrated", "reach": "calibrated"},
    "peak_thresholds": "calibrated",
    "shell_threshold": "calibrated",
}
PLACES = 1 + 6 + 1 + 6  # transforms of the Eulerian places: density, source, and components of either order


def cases(options):
    return [{"cells": cells, "folder": str(options.work)} for cells in options.sizes]


def measure(case):
    cells, folder = case["cells"], case["folder"]
    _compile()
    thresholds = thresholds_in_force(HaloFindingSettings(**CALIBRATED), boxes.NETWORK / "thresholds.json")
    probability, rows = boxes.probability(folder, cells), []
    rows.append(_labelling(probability, thresholds.peak[0]))
    times, found = measured(lambda: find_haloes(probability, thresholds.peak, thresholds.shell))
    # Each threshold reads the probability and what is claimed, and writes and reads the candidates.
    work = {"bytes": (4 + 1 + 1 + 1) * cells**3 * len(thresholds.peak), "gathered": int(2 * found.cells.sum())}
    rows.append(row("search of haloes", times, cells, work, haloes=len(found)))
    times, fitted = measured(lambda: fit_spheres(probability, found, thresholds.fit, 27))
    # Each round clears owners and scores, and looks at every cell in reach of a halo twice.
    seen = float(fitted.cells.sum()) * thresholds.fit.reach**3
    work = {"bytes": 8 * cells**3 * thresholds.fit.rounds, "gathered": 2 * seen * thresholds.fit.rounds}
    rows.append(row("fit of spheres", times, cells, work, haloes=len(fitted)))
    rows.append(_places(fitted, folder, cells))
    return rows


def _compile():
    small = np.full((16,) * 3, 0.9, np.float32)
    small[:8] = 0.1
    found = find_haloes(small, [0.5], HaloFindingSettings().shell_threshold)
    fit_spheres(small, found, HaloFindingSettings(finder="fitted").sphere_fit, 1)


def _labelling(probability, threshold):
    """Regions of one threshold with their sizes and centres of mass, the job of the others, too."""
    free = np.zeros(probability.shape, bool)
    above = probability > np.float32(threshold)
    times, regions = measured(lambda: connected_regions(probability, free, threshold))
    others = [
        peer("cc3d, periodic", lambda: _by_cc3d(probability, threshold)),
        peer("scipy, not periodic", lambda: _by_scipy(probability, threshold)),
    ]
    # Probability and claimed cells are read, candidates written and read; each of these is seen from six sides.
    work = {"bytes": 7 * probability.size, "gathered": 6 * int(above.sum())}
    return row("connected regions", times, len(probability), work, others, regions=len(regions))


def _by_cc3d(probability, threshold):
    import cc3d

    labels = cc3d.connected_components(probability > np.float32(threshold), connectivity=6, periodic_boundary=True)
    return cc3d.statistics(labels)


def _by_scipy(probability, threshold):
    from scipy import ndimage

    labels, count = ndimage.label(probability > np.float32(threshold))
    return np.bincount(labels.ravel()), ndimage.center_of_mass(labels > 0, labels, np.arange(1, count + 1))


def _places(found, folder, cells):
    density, cosmology = boxes.density(folder, cells), CosmologySettings()
    header = FieldHeader(cells * boxes.CELL_SIZE, 0.0, cosmology.model_dump(), boxes.SEED)
    catalogue = to_catalogue(found, cells, header, cosmology, 27)
    with_eulerian_columns(catalogue.select(slice(1)), density[:16, :16, :16].copy(), cosmology, 0.0)  # compiles
    times, moved = measured(lambda: with_eulerian_columns(catalogue, density, cosmology, 0.0))
    if cells <= boxes.DRAWN:
        write_catalogue(boxes.place(folder, cells) / "found.h5", moved)
    work = {"transforms": PLACES, "gathered": float(6 * moved["cells"].sum())}
    stored = boxes.stored(folder, cells) if cells <= boxes.DRAWN else None
    return row("Eulerian places", times, cells, work, haloes=len(moved), stored=stored)
