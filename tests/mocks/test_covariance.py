"""Covariance over mocks, on Gaussian samples whose covariance is known."""

import numpy as np
import pytest

from halonet.mocks.covariance import (
    CovarianceError,
    hartlap_factor,
    mocks_for_parameters,
    mocks_for_variance,
    moments,
    parameter_inflation,
    percival_factor,
    variance_error,
)

TRUE = np.array([[4.0, 1.5, 0.0], [1.5, 1.0, -0.3], [0.0, -0.3, 0.25]])
MOCKS = 12


@pytest.fixture(scope="module")
def estimates():
    """Moments of many sets of few mocks."""
    rng = np.random.default_rng(5)
    samples = rng.multivariate_normal([10.0, 20.0, 30.0], TRUE, size=(6000, MOCKS))
    return [moments(sample) for sample in samples]


def test_mean_and_covariance_of_few_mocks_are_unbiased(estimates):
    np.testing.assert_allclose(np.mean([m.mean for m in estimates], axis=0), [10, 20, 30], rtol=0.002)
    np.testing.assert_allclose(np.mean([m.covariance for m in estimates], axis=0), TRUE, rtol=0.025, atol=0.03)


def test_the_error_of_an_element_is_its_scatter_over_sets_of_mocks(estimates):
    scatter = np.std([m.covariance for m in estimates], axis=0)
    expected = np.sqrt((TRUE**2 + np.outer(np.diag(TRUE), np.diag(TRUE))) / (MOCKS - 1))
    np.testing.assert_allclose(scatter, expected, rtol=0.05)
    np.testing.assert_allclose(np.mean([m.element_error for m in estimates], axis=0), expected, rtol=0.1)


def test_the_relative_error_of_a_variance_is_its_scatter(estimates):
    variances = np.array([np.diag(m.covariance) for m in estimates]) / np.diag(TRUE)
    np.testing.assert_allclose(variances.std(axis=0), variance_error(MOCKS), rtol=0.05)


def test_hartlaps_factor_makes_the_inverse_covariance_unbiased(estimates):
    inverse = np.mean([np.linalg.inv(m.covariance) for m in estimates], axis=0)
    factor = hartlap_factor(MOCKS, 3)
    np.testing.assert_allclose(factor * inverse, np.linalg.inv(TRUE), rtol=0.05)
    assert abs(inverse[0, 0] / np.linalg.inv(TRUE)[0, 0] - 1) > 0.3  # without the factor it is not


def test_the_variance_of_fitted_parameters_is_inflated_as_predicted():
    """The best-fitting amplitude of a known shape, its weights from the inverse of an estimated covariance."""
    rng, data, mocks = np.random.default_rng(9), 6, 20
    amplitudes = []
    for _ in range(4000):
        weights = np.linalg.inv(np.cov(rng.normal(size=(mocks, data)), rowvar=False)).sum(axis=0)
        amplitudes.append(weights @ rng.normal(size=data) / weights.sum())
    assert np.var(amplitudes) * data - 1 == pytest.approx(parameter_inflation(mocks, data, 1), rel=0.2)


def test_percivals_factor_turns_the_variance_of_a_likelihood_into_that_of_the_parameters():
    """The amplitude of a known shape again: the likelihood's variance by Hartlap's inverse, and the true one."""
    rng, data, mocks = np.random.default_rng(19), 6, 20
    amplitudes, variances = [], []
    for _ in range(4000):
        inverse = hartlap_factor(mocks, data) * np.linalg.inv(np.cov(rng.normal(size=(mocks, data)), rowvar=False))
        variances.append(1 / inverse.sum())
        amplitudes.append(variances[-1] * inverse.sum(axis=0) @ rng.normal(size=data))
    factor = np.var(amplitudes) / np.mean(variances)
    assert percival_factor(mocks, data, 1) == pytest.approx(factor, rel=0.05)
    assert percival_factor(10, data, 1) is None


@pytest.mark.parametrize("precision", [0.5, 0.1, 0.05])
def test_the_number_of_mocks_for_a_precision_is_the_fewest_that_reach_it(precision):
    number = mocks_for_variance(precision)
    assert variance_error(number) <= precision * (1 + 1e-9) < variance_error(number - 1)
    number = mocks_for_parameters(precision, 20, 3)
    assert parameter_inflation(number, 20, 3) <= precision * (1 + 1e-9) < parameter_inflation(number - 1, 20, 3)


def test_too_few_mocks_have_no_inverse_and_one_has_no_covariance():
    assert hartlap_factor(22, 20) is None
    assert hartlap_factor(23, 20) is not None
    assert parameter_inflation(24, 20, 3) is None
    with pytest.raises(CovarianceError, match="two mocks"):
        moments(np.ones((1, 4)))


def test_a_datum_that_does_not_vary_has_no_correlation():
    data = np.random.default_rng(1).normal(size=(10, 3))
    data[:, 1] = 7
    correlation = moments(data).correlation
    np.testing.assert_allclose(np.diag(correlation)[[0, 2]], 1)
    assert np.isnan(correlation[1]).all()
    assert np.isnan(correlation[:, 1]).all()
    assert 0 < abs(correlation[0, 2]) < 1
