"""Clustering of true and predicted haloes, the most massive ones and all, at Lagrangian or Eulerian positions."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from halonet.catalogue import EULERIAN, LAGRANGIAN, HaloCatalogue
from halonet.settings import StatisticsSettings
from halonet.spectra import halo_overdensity, measure_spectra
from halonet.statistics.correlation import count_pairs, separation_edges
from halonet.statistics.spread import listed

REFERENCE_BOX = 512.0  # Mpc; number cuts of the settings are per box of this side
SPACES = {"lagrangian": LAGRANGIAN, "eulerian": EULERIAN}


def compare_masks(mask: np.ndarray, probability: np.ndarray, box_size: float) -> dict:
    """Spectra of a true mask and a probability beside each other, shape (N, N, N) each, as JSON values.

    ``k`` (1/Mpc) and ``modes`` of the shells; ``masks`` holds their correlation r(k) and ratio of power.
    """
    spectra = measure_spectra(mask.astype(np.float32), probability, box_size)
    masks = {"correlation": listed(spectra.correlation), "ratio": listed(spectra.ratio)}
    return {"k": spectra.k.tolist(), "modes": spectra.modes.tolist(), "masks": masks}


def compare_spectra(true: HaloCatalogue, found: HaloCatalogue, settings: StatisticsSettings, space: str) -> dict | None:
    """Power spectra, their ratio and r(k) for every number cut; null where a catalogue lacks positions in that space.

    Parameters
    ----------
    space
        ``lagrangian``, or ``eulerian`` where haloes have moved to by second-order perturbation theory.
    """
    if not has_positions(true, space) or not has_positions(found, space):
        return None
    return spectra_of_cuts(true, found, settings, space)


def spectra_of_cuts(true: HaloCatalogue, found: HaloCatalogue, settings: StatisticsSettings, space: str) -> dict:
    """As :func:`compare_spectra`, in a space in which both catalogues have positions, as always the Lagrangian one."""
    cuts = []
    for number, most_true, most_found in number_cuts(true, found, settings):
        counts = {"most_massive": number, "true": len(most_true), "found": len(most_found)}
        cuts.append(counts | _compare_cut(most_true, most_found, settings.assignment, space))
    return {"assignment": settings.assignment, "cuts": cuts}


def has_positions(haloes: HaloCatalogue, space: str) -> bool:
    """Whether a catalogue has positions in that space: without their density, haloes have no Eulerian ones."""
    return set(SPACES[space]) <= set(haloes.columns)


def number_cuts(
    true: HaloCatalogue, found: HaloCatalogue, settings: StatisticsSettings
) -> Iterator[tuple[int | None, HaloCatalogue, HaloCatalogue]]:
    """Yield (n, true, found) with the n most massive haloes of either catalogue, at last (None, all, all).

    Numbers are those of the settings, scaled to the volume of the box; only haloes above the smallest compared one.
    """
    true, found = (haloes.sorted_by_mass().larger_than(settings.minimum_cells) for haloes in (true, found))
    scale = (true.box_size_mpc / REFERENCE_BOX) ** 3
    numbers = [max(1, round(number * scale)) for number in settings.number_cuts]
    # A cut beyond the end of a catalogue would compare different numbers of haloes.
    for number in [*(n for n in numbers if n < min(len(true), len(found))), None]:
        yield number, true.select(slice(number)), found.select(slice(number))


def _compare_cut(true: HaloCatalogue, found: HaloCatalogue, assignment: str, space: str) -> dict:
    if not (len(true) and len(found)):
        return {"power_true": None, "power_found": None, "ratio": None, "correlation": None}
    cells, box_size = true.grid_cells, true.box_size_mpc
    positions = [haloes.positions(SPACES[space]) for haloes in (true, found)]
    first, second = (halo_overdensity(each, cells, box_size, assignment) for each in positions)
    spectra = measure_spectra(first, second, box_size, assignment)
    return {
        "shot_noise_true": box_size**3 / len(true),
        "shot_noise_found": box_size**3 / len(found),
        "power_true": listed(spectra.first),
        "power_found": listed(spectra.second),
        "ratio": listed(spectra.ratio),
        "correlation": listed(spectra.correlation),
    }


def compare_correlation_functions(true: HaloCatalogue, found: HaloCatalogue, settings: StatisticsSettings) -> dict:
    """Pairs of haloes in bins of separation, and those expected of random positions, for every number cut.

    Returns
    -------
    dict
        ``edges`` of the bins (Mpc), and for either space its cuts (null without positions there), each with ``pairs``
        and ``expected`` of the ``true`` and the ``found`` haloes.
    """
    edges = separation_edges(true.box_size_mpc)
    result = {"edges": edges.tolist()}
    for space, names in SPACES.items():
        if not has_positions(true, space) or not has_positions(found, space):
            result[space] = None
            continue
        result[space] = []
        for number, *pair in number_cuts(true, found, settings):
            cut: dict[str, Any] = {"most_massive": number}
            for name, haloes in zip(("true", "found"), pair, strict=True):
                pairs, expected = count_pairs(haloes.positions(names), haloes.box_size_mpc, edges)
                cut[name] = {"haloes": len(haloes), "pairs": pairs.tolist(), "expected": expected.tolist()}
            result[space].append(cut)
    return result
