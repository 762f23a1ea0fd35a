"""Mocks beside simulations: how far the means of their statistics are apart, and how far chance would bring them.

Where every simulation has the phases of a mock, which their seeds tell, only those mocks are compared, each with its
own: what both share of the scatter of their phases cancels. Otherwise both are independent.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from halonet.mocks.covariance import CovarianceError

FEWEST_PAIRS = 3  # of one phase, whose differences have a scatter


def against_truth(
    mocks: Sequence[dict[str, Any]], truths: Sequence[dict[str, Any]], kept: Mapping[str, Mapping[str, np.ndarray]]
) -> dict[str, Any]:
    """Means of simulations beside those of mocks, for every value that enters the covariance.

    Parameters
    ----------
    mocks, truths
        Measurements of :func:`halonet.statistics.mock.measure_mock`, of the same kind of box.
    kept
        By statistic and value: which bins are compared.

    Returns
    -------
    dict
        ``boxes``, their number; ``paired``, whether mocks of the same phases were taken; and for every statistic and
        value arrays over the kept bins: ``mean`` of the simulations and its ``error`` (null for one box), the ``ratio``
        of the mocks' mean to it, and ``ratio_error``.
    """
    chosen = _of_the_same_phases(mocks, truths)
    found: dict[str, Any] = {"boxes": len(truths), "paired": chosen is not None}
    for statistic, of in kept.items():
        if statistic not in truths[0]:
            raise CovarianceError(f"a simulation has no {statistic}; measure all with the same mocks.statistics")
        found[statistic] = {}
        for value, which in of.items():
            own, true = (_rows(some, statistic, value)[:, which] for some in (chosen or mocks, truths))
            found[statistic][value] = _compared(own, true, paired=chosen is not None)
    return found


def _of_the_same_phases(
    mocks: Sequence[dict[str, Any]], truths: Sequence[dict[str, Any]]
) -> list[dict[str, Any]] | None:
    """The mock of each simulation's phases; None where one is missing, or there are too few of them."""
    by_seed = {mock["box"]["seed"]: mock for mock in mocks if mock["box"]["seed"] is not None}
    seeds = [truth["box"]["seed"] for truth in truths]
    paired = len(truths) >= FEWEST_PAIRS and len(set(seeds)) == len(seeds) and set(seeds) <= by_seed.keys()
    return [by_seed[seed] for seed in seeds] if paired else None


def _rows(some: Sequence[dict[str, Any]], statistic: str, value: str) -> np.ndarray:
    return np.array([each[statistic][value] for each in some], float)


def _compared(own: np.ndarray, true: np.ndarray, paired: bool) -> dict[str, list[float]]:
    """Means and ratio of values of mocks and simulations, both of shape (boxes, bins)."""
    number = len(true)
    mean, scatter = true.mean(axis=0), true.std(axis=0, ddof=1) if number > 1 else np.full(true.shape[1], np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(mean == 0, np.nan, own.mean(axis=0) / mean)
        if paired:
            error = (own - ratio * true).std(axis=0, ddof=1) / number**0.5
        else:  # one box has no scatter of its own: that of the mocks stands for it
            deviation = own.std(axis=0, ddof=1)
            error = deviation * (1 / len(own) + ratio**2 / number) ** 0.5
        found = {"mean": mean, "error": scatter / number**0.5, "ratio": ratio, "ratio_error": error / np.abs(mean)}
    return {name: values.tolist() for name, values in found.items()}
