"""Control variates of mocks: partners measured as the mocks are, and what they make of mean and covariance."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from halonet.cosmology import growth_rate
from halonet.grid.slabs import Slabs
from halonet.mocks.box import MockBox
from halonet.mocks.control_variates import Regression, regress_covariance, regress_mean
from halonet.mocks.covariance import CovarianceError, moments
from halonet.mocks.linear_controls import expected_spectra, linear_spectra
from halonet.mocks.partners import partner_haloes
from halonet.mocks.request import MockRequest
from halonet.settings import MockSettings
from halonet.settings.mocks import FEWEST_CONTROLS
from halonet.statistics.mock import VECTORS, measure_mock, vector
from halonet.statistics.wide_bins import wide_bins

Kept = Mapping[str, Mapping[str, np.ndarray]]


def measure_controls(requests: Sequence[MockRequest], settings: MockSettings) -> dict[str, Any]:
    """Statistics of the partners of mocks, as JSON values.

    Parameters
    ----------
    requests
        The boxes, which differ in their seeds alone; at least one.
    settings
        ``minimum_cells``, ``largest_k_per_mpc`` and ``statistics`` count, as for the mocks.

    Returns
    -------
    dict
        ``box`` as that of a mock; ``fields``, one for each request, with its ``seed``, the ``values`` of each statistic
        of the partner and of the ``linear`` spectra; ``linear_mean`` of the latter over all phases.
    """
    measured = list(_measure_each(requests, settings))
    first = MockBox(requests[0])
    bins = wide_bins(first.header.box_size_mpc, settings.largest_k_per_mpc, first.cells // 2)
    expected = expected_spectra(first.power_spectrum, first.cosmology, bins)
    linear_mean = {name: expected[name].tolist() for name in settings.statistics if name in expected}
    box = measured[0][0] | {"seed": None}
    return {"box": box, "fields": [each for _, each in measured], "linear_mean": linear_mean}


def _measure_each(
    requests: Sequence[MockRequest], settings: MockSettings
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for request in requests:
        box = MockBox(request)
        density = box.density_slab(Slabs(box.cells, None, request.threads))
        haloes = partner_haloes(
            density, box.header, box.cosmology, box.power_spectrum, settings.minimum_cells, request.threads
        )
        found = measure_mock(haloes, settings.minimum_cells, settings.largest_k_per_mpc, settings.statistics)
        bins = wide_bins(box.header.box_size_mpc, settings.largest_k_per_mpc, box.cells // 2)
        rate = growth_rate(box.cosmology, box.cosmology.redshift)
        linear = linear_spectra(density, box.header.box_size_mpc, bins, rate)
        values = {name: vector(found, name).tolist() for name in VECTORS if name in found}
        kept = {name: linear[name].tolist() for name in settings.statistics if name in linear}
        yield found["box"], {"seed": box.header.seed, "values": values, "linear": kept}


def controls_of_mocks(mocks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Measurements of other mocks as controls, of Peak Patch for those of simulations for example."""
    fields = [
        {"seed": mock["box"]["seed"], "values": {name: vector(mock, name).tolist() for name in VECTORS if name in mock}}
        for mock in mocks
    ]
    return {"box": mocks[0]["box"] | {"seed": None}, "fields": fields, "linear_mean": {}}


def read_controls(files: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Controls from what files hold, given with their names: results of measure_controls.py or of measure_mock.py."""
    measured = [values for _, values in files if "fields" not in values]
    for name, values in files:
        if "box" not in values or ("fields" not in values and not set(VECTORS) & set(values)):
            raise CovarianceError(f"{name}: no control; measure_controls.py or measure_mock.py writes such a file")
    controls = [values for _, values in files if "fields" in values]
    if controls and measured:
        raise CovarianceError(
            f"{len(controls)} files of measure_controls.py and {len(measured)} of measure_mock.py; give one kind: "
            "haloes of partners and of other mocks have different means"
        )
    return [controls_of_mocks(measured)] if measured else controls


def control_summary(mocks: Sequence[dict[str, Any]], controls: Sequence[dict[str, Any]], kept: Kept) -> dict[str, Any]:
    """Mean and covariance of mocks by control variates, as JSON values in the order of their covariance.

    Parameters
    ----------
    mocks
        Their measurements.
    controls
        Results of :func:`measure_controls` or :func:`controls_of_mocks`: of every mock a field with its seed, and
        others, which tell the mean.
    kept
        Which values enter the covariance: :func:`halonet.mocks.summary.kept_of` of each statistic.

    Raises
    ------
    CovarianceError
        If a mock has no partner, there are too few further fields, or boxes differ.
    """
    _check_boxes(mocks, controls)
    # A field without a seed has phases that nobody can tell from those of a mock.
    fields = {field["seed"]: field for part in controls for field in part["fields"] if field["seed"] is not None}
    seeds = [mock["box"]["seed"] for mock in mocks]
    if missing := [seed for seed in seeds if seed not in fields]:
        raise CovarianceError(f"{len(missing)} of {len(seeds)} mocks have no control of their seed, first {missing[0]}")
    others = [field for seed, field in sorted(fields.items()) if seed not in set(seeds)]
    if len(others) < FEWEST_CONTROLS:
        raise CovarianceError(
            f"{len(others)} controls beside those of the mocks; their mean needs {FEWEST_CONTROLS} or more, and is "
            "better known from ten times as many as there are mocks"
        )
    data = _table([{name: vector(mock, name) for name in kept} for mock in mocks], kept)
    own, further = (_table([field["values"] for field in some], kept) for some in ([fields[s] for s in seeds], others))
    control_mean, mean_error = _mean_of_controls(further, others, controls[0]["linear_mean"], kept)
    mean = regress_mean(data, own, control_mean, mean_error)
    of_controls = moments(further)
    covariance = regress_covariance(data, own, of_controls.covariance, of_controls.element_error)
    return {
        "fields": len(others),
        **_listed(mean),
        "largest_gain": regress_mean(data, own, control_mean).gain.tolist(),  # of further fields without end
        "covariance": covariance.mean.tolist(),
        "covariance_error": covariance.error.tolist(),
        "covariance_gain": covariance.gain.tolist(),
    }


def _listed(found: Regression) -> dict[str, list[float]]:
    return {name: getattr(found, name).tolist() for name in ("mean", "error", "plain_error", "gain")}


def _table(rows: Sequence[Mapping[str, Any]], kept: Kept) -> np.ndarray:
    """Kept values of measurements, one a row: shape (rows, data)."""
    masks = {name: np.concatenate(list(of.values())) for name, of in kept.items()}
    return np.array(
        [np.concatenate([np.asarray(row[name], float)[mask] for name, mask in masks.items()]) for row in rows]
    )


def _mean_of_controls(
    further: np.ndarray, others: Sequence[dict[str, Any]], linear_mean: Mapping[str, Any], kept: Kept
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the controls and its error; that of spectra by the linear ones, whose own mean is known."""
    mean, error = further.mean(axis=0), further.std(axis=0, ddof=1) / len(further) ** 0.5
    first = 0
    for name, of in kept.items():
        mask = np.concatenate(list(of.values()))
        columns = slice(first, first := first + int(mask.sum()))
        if name in linear_mean:
            linear = np.array([field["linear"][name] for field in others])[:, mask]
            found = regress_mean(further[:, columns], linear, np.asarray(linear_mean[name])[mask])
            better = found.error < error[columns]
            mean[columns] = np.where(better, found.mean, mean[columns])
            error[columns] = np.where(better, found.error, error[columns])
    return mean, error


def _check_boxes(mocks: Sequence[dict[str, Any]], controls: Sequence[dict[str, Any]]) -> None:
    wanted = mocks[0]["box"]
    for part in controls:
        for name in ("box_size_mpc", "redshift", "cosmology", "minimum_cells"):
            if part["box"][name] != wanted[name]:
                raise CovarianceError(
                    f"{name} = {part['box'][name]} in a control and {wanted[name]} in the mocks; a control is of the "
                    "same box"
                )
