r"""Means and covariances by control variates: less scatter from what a cheap partner of the same phases shares.

With data x of N mocks, controls c of the same phases and their mean :math:`\mu`,

.. math:: \hat x = \frac{1}{N} \sum_i [x_i - \beta_{-i} (c_i - \mu)]

has the mean of x whatever :math:`\beta` is, and the variance of :math:`\bar x` times :math:`1 - \rho^2` for the best
one, :math:`\rho` the correlation of x and c (Chartier et al. 2021, CARPool). :math:`\beta_{-i}` is estimated without
mock i: independent of :math:`c_i`, it leaves the mean unbiased for any number of mocks and any distribution. The
covariance is regressed element by element, on products of deviations (Chartier & Wandelt 2022), with the products of
the slopes of the mean.
"""

from dataclasses import dataclass

import numpy as np

from halonet.mocks.covariance import CovarianceError
from halonet.settings.mocks import FEWEST_CONTROLS


@dataclass(frozen=True)
class Regression:
    """Data over mocks by control variates.

    Attributes
    ----------
    mean
        Estimate of the mean, shape (p,).
    error
        Its standard error, that of the controls' mean included, shape (p,).
    plain_error
        Standard error of the plain mean, shape (p,).
    """

    mean: np.ndarray
    error: np.ndarray
    plain_error: np.ndarray

    @property
    def gain(self) -> np.ndarray:
        """How many times as many mocks the plain mean would need, shape (p,); NaN where the data do not vary."""
        variance = self.error**2
        return np.divide(self.plain_error**2, variance, out=np.full(variance.shape, np.nan), where=variance > 0)


def regress_mean(
    data: np.ndarray, controls: np.ndarray, control_mean: np.ndarray, mean_error: np.ndarray | float = 0.0
) -> Regression:
    """Mean of ``data`` by ``controls``, each datum by its own: both of shape (mocks, p), rows of the same phases.

    Parameters
    ----------
    control_mean
        Mean of the controls over all phases, shape (p,).
    mean_error
        Standard error of that mean, from other phases, shape (p,); 0 where it is exact.

    Raises
    ------
    CovarianceError
        If shapes differ or there are fewer than four mocks.
    """
    data, controls = _checked(data, controls)
    return _regressed(data, controls, _slopes_without_each(data, controls), control_mean, mean_error)


def _regressed(
    data: np.ndarray,
    controls: np.ndarray,
    slopes: np.ndarray,
    control_mean: np.ndarray,
    mean_error: np.ndarray | float = 0.0,
) -> Regression:
    residuals = data - slopes * (controls - control_mean)
    mocks = len(data)
    variance = residuals.var(axis=0, ddof=1) / mocks + (slopes.mean(axis=0) * mean_error) ** 2
    return Regression(residuals.mean(axis=0), np.sqrt(variance), np.sqrt(data.var(axis=0, ddof=1) / mocks))


def regress_covariance(
    data: np.ndarray, controls: np.ndarray, control_covariance: np.ndarray, covariance_error: np.ndarray | float = 0.0
) -> Regression:
    """Covariance of ``data`` by that of the ``controls``, element by element: arrays of shape (p, p) in the result.

    ``control_covariance`` is that of the controls over all phases, shape (p, p), and ``covariance_error`` its standard
    error, 0 where it is exact. The errors are those that products of deviations have over mocks. The matrix is
    symmetric and unbiased to 1 / N, but need not be positive definite.
    """
    data, controls = _checked(data, controls)
    size = data.shape[1]
    slopes = _slopes_without_each(data, controls)
    # Where data are slopes times controls and something of their own, products have these slopes: they are known much
    # better than those that products would give.
    slopes = (slopes[:, :, None] * slopes[:, None, :]).reshape(len(data), size**2)
    known, error = (np.asarray(each, float).ravel() for each in (control_covariance, covariance_error))
    found = _regressed(_products(data), _products(controls), slopes, known, error)
    return Regression(*(each.reshape(size, size) for each in (found.mean, found.error, found.plain_error)))


def _checked(data: np.ndarray, controls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    data, controls = np.asarray(data, float), np.asarray(controls, float)
    if data.ndim != 2 or data.shape != controls.shape or len(data) < FEWEST_CONTROLS:
        raise CovarianceError(
            f"data of shape {data.shape} and controls of shape {controls.shape}; both need (mocks, data), row by row "
            f"of the same phases, with {FEWEST_CONTROLS} mocks or more"
        )
    return data, controls


def _products(data: np.ndarray) -> np.ndarray:
    """Products of deviations whose mean over mocks is the unbiased covariance, shape (mocks, p^2)."""
    apart = data - data.mean(axis=0)
    mocks, size = data.shape
    return (apart[:, :, None] * apart[:, None, :]).reshape(mocks, size**2) * mocks / (mocks - 1)


def _slopes_without_each(data: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """Slope of the regression over all mocks but one, shape (mocks, p); 0 where the controls do not vary."""
    mocks = len(data)
    x, c = data - data.mean(axis=0), controls - controls.mean(axis=0)
    # What one mock adds to sums of squares about the mean, which moves without it.
    own = mocks / (mocks - 1)
    together = (x * c).sum(axis=0) - own * x * c
    square = (c**2).sum(axis=0) - own * c**2
    varies = square > 1e-12 * (c**2).sum(axis=0)
    return np.divide(together, square, out=np.zeros_like(together), where=varies)
