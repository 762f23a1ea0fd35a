"""Mean and covariance of the mass function and power spectrum over mocks, put together for a file and a figure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from halonet.mocks.covariance import (
    CovarianceError,
    Moments,
    hartlap_factor,
    mocks_for_parameters,
    mocks_for_variance,
    moments,
    parameter_inflation,
    variance_error,
)

PARAMETERS = 3  # of a fit, for which the loss of information is quoted
FEWEST_HALOES = 1.0  # mean number in a bin of mass below which it is left out: no covariance can be made of it


def summarise_mocks(mocks: Sequence[dict[str, Any]], precision: float) -> dict[str, Any]:
    """Summary of the measurements of mocks of the same box, as JSON values.

    Parameters
    ----------
    mocks
        Results of :func:`halonet.statistics.mock.measure_mock`.
    precision
        Wanted relative error of a variance, and inflation of fitted parameters' variances.

    Returns
    -------
    dict
        ``mocks``, ``box``, ``seeds``; ``mass_function`` and ``power_spectrum`` with mean and deviation over mocks;
        ``covariance`` and ``correlation`` of both together, counts first, with the standard ``error`` of every element;
        ``precision``: what this number of mocks reaches and how many reach what is wanted.

    Raises
    ------
    CovarianceError
        If the mocks are of different boxes, or two are the same.
    """
    _check(mocks)
    counts = np.array([mock["mass_function"]["counts"] for mock in mocks], float)
    power = np.array([mock["power_spectrum"]["power"] for mock in mocks])
    kept = counts.mean(axis=0) >= FEWEST_HALOES
    both = moments(np.concatenate([counts[:, kept], power], axis=1))
    first = mocks[0]
    cell_mass = next((mock["box"]["cell_mass_msun"] for mock in mocks if mock["box"]["cell_mass_msun"]), None)
    return {
        "mocks": len(mocks),
        "seeds": [mock["box"]["seed"] for mock in mocks],
        "box": first["box"] | {"seed": None, "cell_mass_msun": cell_mass},
        "mass_function": first["mass_function"]
        | {"counts": None, "above": _mean_and_deviation([mock["mass_function"]["above"] for mock in mocks])}
        | {"bins": kept.tolist()}
        | _mean_and_deviation(counts),
        "power_spectrum": first["power_spectrum"] | {"power": None} | _mean_and_deviation(power),
        "covariance": both.covariance.tolist(),
        "error": both.element_error.tolist(),
        "correlation": both.correlation.tolist(),
        "precision": _precision(both, precision),
    }


def _mean_and_deviation(rows: npt.ArrayLike) -> dict[str, Any]:
    table = np.asarray(rows, float)
    return {"mean": table.mean(axis=0).tolist(), "deviation": table.std(axis=0, ddof=1).tolist()}


def _precision(both: Moments, wanted: float) -> dict[str, Any]:
    mocks, data = both.mocks, len(both.mean)
    return {
        "data": data,
        "variance_error": variance_error(mocks),
        "hartlap_factor": hartlap_factor(mocks, data),
        "parameters": PARAMETERS,
        "parameter_inflation": parameter_inflation(mocks, data, PARAMETERS),
        "wanted": wanted,
        "mocks_for_variance": mocks_for_variance(wanted),
        "mocks_for_parameters": mocks_for_parameters(wanted, data, PARAMETERS),
    }


def _check(mocks: Sequence[dict[str, Any]]) -> None:
    first = mocks[0]["box"]
    for mock in mocks:
        for name in ("cells", "box_size_mpc", "redshift", "cosmology", "minimum_cells"):
            if mock["box"][name] != first[name]:
                raise CovarianceError(
                    f"{name} = {mock['box'][name]} in one mock and {first[name]} in another; a covariance is that of "
                    "mocks of one kind of box"
                )
    if not any(sum(mock["mass_function"]["counts"]) for mock in mocks):
        raise CovarianceError(
            f"none of {len(mocks)} mocks has a halo of at least {first['minimum_cells']:g} cells; a covariance needs "
            "larger boxes, or a smaller mocks.minimum_cells"
        )
    seeds = [mock["box"]["seed"] for mock in mocks if mock["box"]["seed"] is not None]
    if len(set(seeds)) < len(seeds):
        raise CovarianceError("two mocks have the same seed; a covariance needs independent ones")
