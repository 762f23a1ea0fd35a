"""Number of haloes of a catalogue, held against the mass function: damage shows there before a file has its name."""

import numpy as np

from halonet.plausibility.verdict import judge

FACTOR = 3.0  # networks and finders are within 1.2 of the mass function; what is damaged is not within 3
FEWEST = 30.0  # expected haloes, below which chance decides


def check_number(found: int, expected: float, what: str, go_on: bool = False) -> None:
    """Refuse a number of haloes that no mass function gives; small boxes, in which chance decides, pass.

    Parameters
    ----------
    found, expected
        Haloes above a mass in the box, and by the mass function.
    what
        In words, for the message: whose haloes, above which mass.

    Raises
    ------
    PlausibilityError
        Unless ``go_on``.
    """
    if not np.isfinite(expected) or expected < FEWEST or expected / FACTOR <= found <= expected * FACTOR:
        return
    judge(
        f"{what}: {found} haloes, where the mass function has {expected:.0f}: a network, thresholds or a density that "
        "are damaged or do not belong together give such a number",
        go_on,
    )
