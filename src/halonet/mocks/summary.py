"""Mean and covariance of the statistics of mocks, put together for a file and a figure."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from halonet.mocks.against_truth import against_truth
from halonet.mocks.controls import control_summary
from halonet.mocks.covariance import (
    CovarianceError,
    Moments,
    hartlap_factor,
    mocks_for_parameters,
    mocks_for_variance,
    moments,
    parameter_inflation,
    percival_factor,
    variance_error,
)
from halonet.plausibility.same_box import PHASES, contradictions
from halonet.statistics.mock import VECTORS
from halonet.storage import FieldHeader

PARAMETERS = 3  # of a fit, for which the loss of information is quoted
# No covariance can be made of what hardly ever happens.
FEWEST_HALOES = 1.0  # mean number in a bin of mass below which it is left out
FEWEST_PAIRS = 10.0  # mean number in a bin of separation below which it is left out


def summarise_mocks(
    mocks: Sequence[dict[str, Any]],
    precision: float,
    controls: Sequence[dict[str, Any]] = (),
    truths: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Summary of the measurements of mocks of the same box, as JSON values.

    Parameters
    ----------
    mocks
        Results of :func:`halonet.statistics.mock.measure_mock`, of the same statistics.
    precision
        Wanted relative error of a variance, and inflation of fitted parameters' variances.
    controls, truths
        Measurements for :mod:`halonet.mocks.controls`, and those of simulations.

    Returns
    -------
    dict
        ``mocks``, ``box``, ``seeds``; every statistic with its bins, and of each of its values ``mean``, ``deviation``
        over mocks and which of them are ``kept``; ``covariance`` and ``correlation`` of all kept ones together, whose
        ``order`` says what stands where, with the standard ``error`` of every element; ``precision``: what this
        number of mocks reaches and how many reach what is wanted, for all data and for each statistic; with controls
        ``control_variates``, mean and covariance with less scatter, in the same order; with simulations ``truth``.

    Raises
    ------
    CovarianceError
        If the boxes differ, or two mocks are the same.
    """
    statistics = _check(mocks, truths)
    tables, kept = ({name: each(mocks, name) for name in statistics} for each in (value_tables, kept_of))
    columns = [tables[name][value][:, which] for name, of in kept.items() for value, which in of.items()]
    both = moments(np.concatenate(columns, axis=1))
    cell_mass = next(filter(None, (mock["box"]["cell_mass_msun"] for mock in mocks)), None)
    sizes = {name: sum(int(each.sum()) for each in of.values()) for name, of in kept.items()}
    return {
        "mocks": len(mocks),
        "seeds": [mock["box"]["seed"] for mock in mocks],
        "box": mocks[0]["box"] | {"seed": None, "cell_mass_msun": cell_mass},
        **{name: _axes(mocks, name) | _means(tables[name], kept[name]) for name in statistics},
        "order": _order(kept),
        **_matrices(both),
        "precision": _precision(both.mocks, len(both.mean), precision)
        | {"by_statistic": {name: _precision(both.mocks, size, precision) for name, size in sizes.items()}},
        **({"control_variates": control_summary(mocks, controls, kept)} if controls else {}),
        **({"truth": against_truth(mocks, truths, kept)} if truths else {}),
    }


def _matrices(both: Moments) -> dict[str, Any]:
    error = both.element_error.tolist()
    return {"covariance": both.covariance.tolist(), "error": error, "correlation": both.correlation.tolist()}


def value_tables(mocks: Sequence[dict[str, Any]], statistic: str) -> dict[str, np.ndarray]:
    """Values of a statistic over mocks by their names, each of shape (mocks, values)."""
    return {name: np.array([mock[statistic][name] for mock in mocks], float) for name in VECTORS[statistic]}


def kept_of(mocks: Sequence[dict[str, Any]], statistic: str) -> dict[str, np.ndarray]:
    """Which values of a statistic enter the covariance, by their names: those of bins that are hardly ever empty."""
    tables = value_tables(mocks, statistic)
    kept = {name: np.ones(table.shape[1], bool) for name, table in tables.items()}
    if statistic == "mass_function":
        kept["counts"] = tables["counts"].mean(axis=0) >= FEWEST_HALOES
    if statistic == "correlation_function":
        pairs = np.array([mock[statistic]["pairs"] for mock in mocks], float)
        kept["correlation"] = pairs.mean(axis=0) >= FEWEST_PAIRS
    return kept


def _axes(mocks: Sequence[dict[str, Any]], statistic: str) -> dict[str, Any]:
    """Bins of a statistic, which all mocks share, and means of what is measured beside its values."""
    first = mocks[0][statistic]
    axes = {name: first[name] for name in ("edges", "cuts", "k", "modes", "sides") if name in first}
    for name in ("above", "pairs", "expected"):
        if name in first:
            axes[name] = _mean_and_deviation(np.array([mock[statistic][name] for mock in mocks], float))
    if statistic == "bispectrum":
        noises = [mock[statistic]["shot_noise"] for mock in mocks]
        axes["shot_noise"] = {name: np.mean([noise[name] for noise in noises], axis=0).tolist() for name in noises[0]}
    return axes


def _means(tables: dict[str, np.ndarray], kept: dict[str, np.ndarray]) -> dict[str, Any]:
    return {name: _mean_and_deviation(table) | {"kept": kept[name].tolist()} for name, table in tables.items()}


def _mean_and_deviation(table: np.ndarray) -> dict[str, list[float]]:
    return {"mean": table.mean(axis=0).tolist(), "deviation": table.std(axis=0, ddof=1).tolist()}


def _order(kept: dict[str, dict[str, np.ndarray]]) -> list[dict[str, Any]]:
    """What stands where in the covariance: rows ``first`` to ``first + number`` are the kept bins of a value."""
    order, first = [], 0
    for statistic, of in kept.items():
        for name, which in of.items():
            order.append({"statistic": statistic, "value": name, "first": first, "number": int(which.sum())})
            first += int(which.sum())
    return order


def _precision(mocks: int, data: int, wanted: float) -> dict[str, Any]:
    return {
        "data": data,
        "variance_error": variance_error(mocks),
        "hartlap_factor": hartlap_factor(mocks, data),
        "parameters": PARAMETERS,
        "parameter_inflation": parameter_inflation(mocks, data, PARAMETERS),
        "percival_factor": percival_factor(mocks, data, PARAMETERS),
        "wanted": wanted,
        "mocks_for_variance": mocks_for_variance(wanted),
        "mocks_for_parameters": mocks_for_parameters(wanted, data, PARAMETERS),
    }


def check_same_box(mocks: Sequence[dict[str, Any]]) -> None:
    """Refuse measurements of boxes that differ in more than their phases."""
    first = mocks[0]["box"]
    for mock in mocks:
        for name in ("cells", "box_size_mpc", "redshift", "cosmology", "minimum_cells"):
            if mock["box"][name] != first[name]:
                raise CovarianceError(
                    f"{name} = {mock['box'][name]} in one mock and {first[name]} in another; a covariance is that of "
                    "mocks of one kind of box"
                )
    said = [FieldHeader(first["box_size_mpc"], provenance=mock.get("provenance", {})) for mock in mocks]
    for contradiction in contradictions(((f"measurement {i}", header) for i, header in enumerate(said, 1)), PHASES):
        raise CovarianceError(f"{contradiction}; a covariance is that of mocks of one universe")


def _check(mocks: Sequence[dict[str, Any]], truths: Sequence[dict[str, Any]]) -> list[str]:
    """The statistics that all mocks have, in their order."""
    check_same_box([*mocks, *truths])
    first = mocks[0]["box"]
    statistics = [name for name in VECTORS if name in mocks[0]]
    for mock in mocks:
        if (found := [name for name in VECTORS if name in mock]) != statistics:
            raise CovarianceError(
                f"one mock has {', '.join(statistics)} and another {', '.join(found)}; measure all with the same "
                "mocks.statistics"
            )
    measured = "mass_function" if "mass_function" in statistics else None
    if measured and not any(sum(mock[measured]["counts"]) for mock in mocks):
        raise CovarianceError(
            f"none of {len(mocks)} mocks has a halo of at least {first['minimum_cells']:g} cells; a covariance needs "
            "larger boxes, or a smaller mocks.minimum_cells"
        )
    seeds = [mock["box"]["seed"] for mock in mocks if mock["box"]["seed"] is not None]
    if len(set(seeds)) < len(seeds):
        raise CovarianceError("two mocks have the same seed; a covariance needs independent ones")
    # Numbers alone may be the same by chance, spectra are not.
    telling = [name for name in statistics if name in ("power_spectrum", "multipoles", "bispectrum")]
    spectra = [json.dumps([mock[name] for name in telling]) for mock in mocks if telling and _has_haloes(mock)]
    if len(set(spectra)) < len(spectra):
        raise CovarianceError("two mocks have the same spectra, to the last digit: one catalogue was given twice")
    return statistics


def _has_haloes(mock: dict[str, Any]) -> bool:
    return "mass_function" not in mock or sum(mock["mass_function"]["counts"]) > 0
