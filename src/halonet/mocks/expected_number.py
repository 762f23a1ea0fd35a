"""Number of haloes of a box against the mass function: cells of noise, which have the deviation of a density, show."""

from dataclasses import replace

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.plausibility.numbers import check_number
from halonet.plausibility.protohaloes import LEAST_CELLS
from halonet.provenance import with_assumptions
from halonet.settings import CosmologySettings, PeakPatchSettings


def check_haloes(
    haloes: HaloCatalogue, minimum_cells: float, cosmology: CosmologySettings, whose: str, go_on: bool = False
) -> None:
    """Refuse a number of haloes that the mass function does not give.

    Parameters
    ----------
    minimum_cells
        Their least volume; those below :data:`LEAST_CELLS` are not counted.
    whose
        In words, for the message.

    Raises
    ------
    PlausibilityError
        Unless ``go_on``.
    """
    least = max(LEAST_CELLS, minimum_cells)
    box, what = (haloes.cell_size, haloes.box_size_mpc), f"{whose}: haloes of at least {least:g} cells"
    check_count(len(haloes.larger_than(least)), least, box, cosmology, what, go_on)


def check_count(
    found: int,
    cells: float,
    box: tuple[float, float],
    cosmology: CosmologySettings,
    what: str,
    go_on: bool = False,
) -> None:
    """Refuse a number of haloes of at least so many ``cells``; ``box`` is the side of a cell and of the box (Mpc)."""
    from halonet.statistics.mass_function import expected_haloes  # and colossus, which few commands need

    check_number(found, expected_haloes(cells, *box, cosmology), what, go_on)


def checked_patches(
    haloes: HaloCatalogue, settings: PeakPatchSettings, cosmology: CosmologySettings, whose: str, go_on: bool = False
) -> HaloCatalogue:
    """Peak Patch haloes of a density, whose number must be that of the mass function; see :func:`check_haloes`.

    Volumes below that of the smallest filter are not counted, as there are few. What is assumed is in the provenance.
    """
    smallest = 4 / 3 * np.pi * settings.filters.smallest_cells**3
    check_haloes(haloes, max(settings.minimum_cells, smallest), cosmology, whose, go_on)
    return replace(haloes, header=replace(haloes.header, provenance=with_assumptions(haloes.header.provenance)))
