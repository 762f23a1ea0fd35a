"""Converged integration of the collapsing ellipsoid."""

import numba
import numpy as np

from halonet.peak_patch.ellipsoid import derivatives, freeze, start

LAST_SCALE_FACTOR = 8.0  # what has not collapsed then hardly ever will
TOLERANCE = 1e-8

# Dormand & Prince 1980 (J. Comp. Appl. Math. 6, 19), fifth order with an error estimate of fourth order.
_NODES = np.array([0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1])
_STAGES = np.array(
    [
        [0, 0, 0, 0, 0, 0],
        [1 / 5, 0, 0, 0, 0, 0],
        [3 / 40, 9 / 40, 0, 0, 0, 0],
        [44 / 45, -56 / 15, 32 / 9, 0, 0, 0],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0, 0],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0],
        [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ]
)
_ERROR = np.array([71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])


@numba.njit(cache=True)
def _step(a, h, y, p, frozen, strain, lambda_ratio, growth_table, work, y_new, p_new, tolerance):
    """One Dormand-Prince step of size h; returns its error in units of the tolerance. ``work``: shape (2, 7, 3)."""
    dy, dp = work[0], work[1]
    for stage in range(7):
        for i in range(3):
            y_new[i], p_new[i] = y[i], p[i]
            for j in range(stage):
                y_new[i] += h * _STAGES[stage, j] * dy[j, i]
                p_new[i] += h * _STAGES[stage, j] * dp[j, i]
            if y_new[i] <= 0:
                return 1e10  # far too long a step
        derivatives(
            a + _NODES[stage] * h, y_new, p_new, frozen, strain, lambda_ratio, growth_table, dy[stage], dp[stage]
        )
    error = 0.0
    for i in range(3):
        error_y, error_p = 0.0, 0.0
        for stage in range(7):
            error_y += h * _ERROR[stage] * dy[stage, i]
            error_p += h * _ERROR[stage] * dp[stage, i]
        error = max(error, abs(error_y) / y_new[i], abs(error_p) / (abs(p_new[i]) + 1))
    return error / tolerance


@numba.njit(cache=True)
def _excess(a, y, frozen, freeze_out):
    """Distance of the axes that may freeze next from freezing; negative once one of them has passed."""
    if frozen[2] == 0:
        return y[2] / a - freeze_out[2]
    nearest = y[0] / a - freeze_out[0]
    if frozen[1] == 0:
        nearest = min(nearest, y[1] / a - freeze_out[1])
    return nearest


@numba.njit(cache=True, nogil=True)
def converged_collapse(strain, lambda_ratio, growth_table, freeze_out, tolerance=TOLERANCE):
    """1 + z of collapse to a relative accuracy of about 1e-6; 0, its limit, if not before a = 8.

    Adaptive Dormand-Prince steps; the instants at which axes freeze are located by bisection.

    Parameters
    ----------
    strain
        Eigenvalues l1 <= l2 <= l3 of the linear strain at z = 0.
    lambda_ratio
        Omega_Lambda / Omega_m.
    growth_table
        Growth factors and rates, and dark energy if it is no constant, shape (3, n) or (5, n); see
        :func:`halonet.peak_patch.collapse.growth_table`.
    freeze_out
        Fractions of the background size at which axes 1, 2, 3 freeze.
    """
    y, p, frozen, work = np.empty(3), np.empty(3), np.zeros(3), np.empty((2, 7, 3))
    y_new, p_new = np.empty(3), np.empty(3)
    a = start(strain, lambda_ratio, growth_table, y, p)
    h = 0.01 * a
    while a < LAST_SCALE_FACTOR:
        error = _step(a, h, y, p, frozen, strain, lambda_ratio, growth_table, work, y_new, p_new, tolerance)
        if error > 1:
            h *= max(0.2, 0.9 * error**-0.2)
            continue
        taken = h
        if _excess(a + h, y_new, frozen, freeze_out) <= 0:
            low = 0.0
            while taken - low > 1e-9 * a:
                middle = 0.5 * (low + taken)
                _step(a, middle, y, p, frozen, strain, lambda_ratio, growth_table, work, y_new, p_new, tolerance)
                if _excess(a + middle, y_new, frozen, freeze_out) <= 0:
                    taken = middle
                else:
                    low = middle
            _step(a, taken, y, p, frozen, strain, lambda_ratio, growth_table, work, y_new, p_new, tolerance)
        a += taken
        y[:], p[:] = y_new, p_new
        freeze(a, y, frozen, freeze_out)
        if frozen[0] > 0:
            return 1 / a
        for i in range(3):
            if frozen[i] > 0:
                y[i], p[i] = frozen[i], 0.0
        h = min(h * min(4.0, 0.9 * (error + 1e-12) ** -0.2), 0.1 * a)
    return 0.0
