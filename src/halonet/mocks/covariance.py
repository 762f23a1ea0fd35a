r"""Mean and covariance of data vectors over mocks, and how many mocks a stated precision needs.

From N independent mocks of p data points the unbiased covariance S has a Wishart distribution if the data are Gaussian:

- an element has the variance :math:`(C_{ij}^2 + C_{ii} C_{jj}) / (N - 1)`, so a variance has the relative error
  :math:`\sqrt{2 / (N - 1)}` (Anderson 2003; Taylor, Joachimi & Kitching 2013);
- its inverse is too large by 1 over :math:`h = (N - p - 2) / (N - 1)` (Hartlap, Simon & Schneider 2007);
- errors of q parameters fitted with the inverse are inflated in variance by :math:`1 + B (p - q)` with
  :math:`B = (N - p - 2) / ((N - p - 1)(N - p - 4))` (Dodelson & Schneider 2013);
- the variance that a Gaussian likelihood with Hartlap's inverse reads off is to be multiplied by
  :math:`(1 + B (p - q)) / (1 + A + B (q + 1))`, :math:`A = 2 / ((N - p - 1)(N - p - 4))`, to be that of the parameters
  (Percival et al. 2014).
"""

from dataclasses import dataclass

import numpy as np


class CovarianceError(ValueError):
    """Data from which no covariance can be made."""


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of data over mocks.

    Attributes
    ----------
    mean
        Shape (p,).
    covariance
        Unbiased estimate, shape (p, p).
    mocks
        N.
    """

    mean: np.ndarray
    covariance: np.ndarray
    mocks: int

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation over mocks, shape (p,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def correlation(self) -> np.ndarray:
        """Correlation matrix, 1 on the diagonal; NaN in row and column of a datum that does not vary."""
        scale = np.outer(self.deviation, self.deviation)
        matrix = np.divide(self.covariance, scale, out=np.full_like(scale, np.nan), where=scale > 0)
        varies = np.diag(scale) > 0
        matrix[varies, varies] = 1.0
        return matrix

    @property
    def element_error(self) -> np.ndarray:
        """Standard error of every element of the covariance, for Gaussian data, shape (p, p)."""
        variance = np.diag(self.covariance)
        return np.sqrt((self.covariance**2 + np.outer(variance, variance)) / (self.mocks - 1))


def moments(data: np.ndarray) -> Moments:
    """Mean and unbiased covariance of ``data``, shape (mocks, p).

    Raises
    ------
    CovarianceError
        If there are fewer than two mocks.
    """
    data = np.asarray(data, np.float64)
    if data.ndim != 2 or len(data) < 2:
        raise CovarianceError(f"data of shape {data.shape}; a covariance needs (mocks, data) with two mocks or more")
    mean = data.mean(axis=0)
    deviations = data - mean
    return Moments(mean, deviations.T @ deviations / (len(data) - 1), len(data))


def variance_error(mocks: int) -> float:
    """Relative standard error of a variance estimated from so many mocks."""
    return (2 / (mocks - 1)) ** 0.5


def mocks_for_variance(precision: float) -> int:
    """Fewest mocks whose variances have a relative error of at most ``precision``."""
    return int(np.ceil(1 + 2 / precision**2 - 1e-9))  # rounding must not ask for one more


def hartlap_factor(mocks: int, data: int) -> float | None:
    """Factor that makes the inverse of the estimated covariance unbiased; None where there is no inverse."""
    return (mocks - data - 2) / (mocks - 1) if mocks > data + 2 else None


def parameter_inflation(mocks: int, data: int, parameters: int) -> float | None:
    """Relative increase of the variance of fitted parameters, B (p - q); None where it is infinite."""
    if mocks <= data + 4:
        return None
    return (mocks - data - 2) / ((mocks - data - 1) * (mocks - data - 4)) * (data - parameters)


def percival_factor(mocks: int, data: int, parameters: int) -> float | None:
    """Factor from the likelihood's variance of a fitted parameter to its true one; None where it is infinite."""
    inflation = parameter_inflation(mocks, data, parameters)
    if inflation is None:
        return None
    products = (mocks - data - 1) * (mocks - data - 4)
    return (1 + inflation) / (1 + 2 / products + (mocks - data - 2) / products * (parameters + 1))


def mocks_for_parameters(inflation: float, data: int, parameters: int) -> int:
    """Fewest mocks that inflate the variance of ``parameters`` fitted parameters by at most ``inflation``."""
    # With m = N - p, B (p - q) <= inflation is x (m - 1)(m - 4) >= m - 2, whose larger root is wanted.
    x = inflation / max(data - parameters, 1)
    half = (5 * x + 1) / 2
    root = (half + (half**2 - x * (4 * x + 2)) ** 0.5) / x
    return data + int(np.ceil(root - 1e-9))
