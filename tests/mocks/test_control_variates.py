"""Control variates on Gaussian fields, whose power spectra have a known mean, covariance and correlation."""

import numpy as np
import pytest

from halonet.mocks.control_variates import regress_covariance, regress_mean
from halonet.mocks.covariance import CovarianceError

MODES = np.array([9, 30, 60])  # independent ones of each bin
SIGNAL, NOISE = np.array([40.0, 12.0, 5.0]), 4.0  # power of the field, and of what its partner lacks
MOCKS, SETS = 24, 1500


@pytest.fixture(scope="module")
def spectra():
    """Power of signal and noise, and of the signal alone, of many sets of mocks: shape (sets, mocks, bins)."""
    rng = np.random.default_rng(3)
    data, controls = [], []
    for number, power in zip(MODES, SIGNAL, strict=True):
        signal = rng.normal(scale=power**0.5, size=(SETS, MOCKS, number))
        noise = rng.normal(scale=NOISE**0.5, size=signal.shape)
        controls.append((signal**2).mean(axis=-1))
        data.append(((signal + noise) ** 2).mean(axis=-1))
    return np.stack(data, axis=-1), np.stack(controls, axis=-1)


@pytest.fixture(scope="module")
def means(spectra):
    return [regress_mean(data, controls, SIGNAL) for data, controls in zip(*spectra, strict=True)]


CORRELATION = SIGNAL / (SIGNAL + NOISE)  # of the two powers: the square of that of the fields


def test_the_mean_is_unbiased_to_a_twentieth_of_the_plain_error(means):
    plain = np.sqrt(2 / MODES / MOCKS) * (SIGNAL + NOISE)
    mean = np.mean([each.mean for each in means], axis=0)
    error = np.std([each.mean for each in means], axis=0) / SETS**0.5
    assert error.max() < 0.03 * plain.max()
    assert np.abs((mean - SIGNAL - NOISE) / plain).max() < 0.05


def test_the_variance_of_the_mean_falls_by_the_correlation_with_the_control(means):
    plain = 2 / MODES / MOCKS * (SIGNAL + NOISE) ** 2
    gain = plain / np.var([each.mean for each in means], axis=0)
    np.testing.assert_allclose(gain, 1 / (1 - CORRELATION**2), rtol=0.15)


def test_the_error_that_is_said_is_the_scatter_over_sets_of_mocks(means):
    said = np.sqrt(np.mean([each.error**2 for each in means], axis=0))
    np.testing.assert_allclose(said, np.std([each.mean for each in means], axis=0), rtol=0.1)
    gains = np.median([each.gain for each in means], axis=0)
    np.testing.assert_allclose(gains, 1 / (1 - CORRELATION**2), rtol=0.25)


def test_the_covariance_is_that_of_a_gaussian_field_with_less_scatter(spectra):
    true = np.diag(2 / MODES * (SIGNAL + NOISE) ** 2)
    of_controls = np.diag(2 / MODES * SIGNAL**2)
    pairs = list(zip(*spectra, strict=True))[:800]
    found = np.array([regress_covariance(data, controls, of_controls).mean for data, controls in pairs])
    plain = np.array([np.cov(data, rowvar=False) for data, _ in pairs])
    scale = np.sqrt(np.outer(np.diag(true), np.diag(true)))
    assert np.abs((found.mean(axis=0) - true) / scale).max() < 0.05
    gain = np.diag(plain.var(axis=0) / found.var(axis=0))
    np.testing.assert_allclose(gain, 1 / (1 - CORRELATION**4), rtol=0.25)  # squares of what has the correlation


def test_an_error_of_the_controls_mean_enters_the_error(spectra):
    data, controls = (each[0] for each in spectra)
    exact, known = regress_mean(data, controls, SIGNAL), regress_mean(data, controls, SIGNAL, 3.0)
    np.testing.assert_array_equal(exact.mean, known.mean)
    np.testing.assert_allclose(known.error**2 - exact.error**2, 9, rtol=0.6)
    of_controls = np.diag(2 / MODES * SIGNAL**2)
    known = regress_covariance(data, controls, of_controls, np.full((3, 3), 5.0)).error
    assert (known > regress_covariance(data, controls, of_controls).error).all()


def test_a_control_that_does_not_vary_changes_nothing():
    data = np.random.default_rng(1).normal(size=(10, 2))
    found = regress_mean(data, np.full((10, 2), 7.0), np.array([1.0, 7.0]))
    np.testing.assert_allclose(found.mean, data.mean(axis=0))
    np.testing.assert_allclose(found.error, found.plain_error)


def test_controls_of_other_shape_or_too_few_are_refused():
    with pytest.raises(CovarianceError, match=r"data of shape \(9, 2\) and controls of shape \(8, 2\)"):
        regress_mean(np.zeros((9, 2)), np.zeros((8, 2)), np.zeros(2))
    with pytest.raises(CovarianceError, match="with 4 mocks or more"):
        regress_mean(np.zeros((3, 2)), np.zeros((3, 2)), np.zeros(2))


def test_the_slope_of_a_mock_is_that_of_the_regression_over_all_others(spectra):
    data, controls = (each[0, :6] for each in spectra)
    slopes = np.empty_like(data)
    for i, column in np.ndindex(data.shape):
        slopes[i, column] = np.polyfit(*(np.delete(each[:, column], i) for each in (controls, data)), 1)[0]
    expected = (data - slopes * (controls - SIGNAL)).mean(axis=0)
    np.testing.assert_allclose(regress_mean(data, controls, SIGNAL).mean, expected, rtol=1e-9)


def test_the_covariance_by_controls_that_do_not_vary_is_the_unbiased_one_of_the_data(spectra):
    data = spectra[0][0, :6]
    found = regress_covariance(data, np.ones_like(data), np.zeros((3, 3)))
    np.testing.assert_allclose(found.mean, np.cov(data, rowvar=False))
