"""One truth of a box against another on the same density: what Peak Patch makes of the haloes of a simulation."""

import numpy as np

from halonet.catalogue import EULERIAN, VELOCITY, HaloCatalogue
from halonet.matching import match_haloes
from halonet.settings import StatisticsSettings
from halonet.statistics.clustering import compare_masks, compare_spectra
from halonet.statistics.mass_function import CUTS, count_above
from halonet.statistics.objects import MATCHING_EDGES, compare_objects
from halonet.statistics.overlap import measure_overlap
from halonet.statistics.shared_cells import compare_cells
from halonet.statistics.spread import defined


def compare_truths(
    mask: np.ndarray,
    other_mask: np.ndarray,
    true: HaloCatalogue,
    other: HaloCatalogue,
    settings: StatisticsSettings,
    owners: np.ndarray | None = None,
) -> dict:
    """Compare two truths of one box.

    Parameters
    ----------
    mask, other_mask
        0 or 1, shape (N, N, N).
    true, other
        Catalogues with Eulerian positions and velocities.
    owners
        Row in ``true`` sorted by mass of the halo of every cell, int32 of shape (N, N, N).

    Returns
    -------
    dict
        JSON values: ``overlap`` of the masks, ``mass_function``, ``matching``, ``shared_cells`` (null without owners),
        spectra of haloes in either space and of the masks, and ``moved``, the rms difference of Eulerian positions
        (Mpc) and velocities (km/s) of one component, of matched haloes in bins of true mass.
    """
    matches = match_haloes(true, other, settings.radius_tolerance)
    overlap = measure_overlap(mask, other_mask.astype(np.float32))
    return {
        "box": {"cells": true.grid_cells, "box_size_mpc": true.box_size_mpc, "redshift": true.header.redshift},
        "cell_mass_msun": float(true["mass"][0] / true["cells"][0]) if len(true) else None,
        "minimum_cells": settings.minimum_cells,
        "overlap": {
            "agreement": float((mask == other_mask).mean()),
            "dice": overlap.dice,
            "halo_cells": defined(overlap.foreground),
            "true_fraction": float(mask.mean()),
            "other_fraction": float(other_mask.mean()),
        },
        "mass_function": {"cells": CUTS.tolist()}
        | {name: count_above(each).tolist() for name, each in (("true", true), ("other", other))},
        "matching": compare_objects(true, other, matches, settings),
        "shared_cells": None if owners is None else compare_cells(owners, true, other, settings.minimum_cells),
        "masks": compare_masks(mask, other_mask.astype(np.float32), true.box_size_mpc),
        "lagrangian": compare_spectra(true, other, settings, "lagrangian"),
        "eulerian": compare_spectra(true, other, settings, "eulerian"),
        "moved": _moved(true.select(matches.true_rows), other.select(matches.found_rows)),
    }


def _moved(true: HaloCatalogue, other: HaloCatalogue) -> dict:
    """Numbers of pairs, and sums of squared differences of a component, in bins of true mass; of boxes they add up."""
    side = true.box_size_mpc
    apart = other.positions(EULERIAN) - true.positions(EULERIAN)
    apart -= side * np.round(apart / side)
    slower = other.positions(VELOCITY) - true.positions(VELOCITY)

    def binned(weights: np.ndarray | None) -> list[float]:
        return np.histogram(true["cells"], MATCHING_EDGES, weights=weights)[0].astype(float).tolist()

    return {
        "edges": MATCHING_EDGES.tolist(),
        "pairs": binned(None),
        "place_squares": binned((apart**2).mean(axis=1)),
        "velocity_squares": binned((slower**2).mean(axis=1)),
        "true_velocity_squares": binned((true.positions(VELOCITY) ** 2).mean(axis=1)),
    }
