"""Collapse of an ellipsoid as the published tables hold it: fixed steps, all of it in single precision.

A value of these tables is the scale factor at the end of a coarse last step, so rounding decides which step is the
last one; and a growth factor summed in single precision is 1e-5 too high at early times. Solved in double precision,
the same table brings 98.4% of the radii of the reference catalogues to 1e-4; in single precision, 99.97%. That is why
this module repeats the equations of :mod:`halonet.peak_patch.ellipsoid`, in the arithmetic of the time.
"""

import numba
import numpy as np

from halonet.settings import CosmologySettings

REAL = np.float32
STEP, MAXIMUM_STEPS, LAST_SCALE_FACTOR = REAL(0.01), 10_000, REAL(2)
GROWTH_STEPS = 2000  # in ln a, from a = 1e-7 to the last scale factor
FIRST_LOG = REAL(-16.11809)  # ln 1e-7 with the digits it was given; the sums of rounding errors depend on the last one
GROWTH_TABLE = (REAL(1 / 1001), LAST_SCALE_FACTOR)  # scale factors that the growth history keeps
BARYONS_CLUSTER = REAL(1e-3)  # scale factor before which baryons do not


def growth_history(cosmology: CosmologySettings) -> np.ndarray:
    """Scale factor, growth factor over scale factor (1 today) and growth rate, float32 of shape (3, steps)."""
    a, growth, rate = _integrate_growth(REAL(cosmology.omega_cdm), REAL(cosmology.omega_b))
    after = np.argmax(a >= 1)
    part = (a[after] - REAL(1)) / (a[after] - a[after - 1])
    today = growth[after] * (REAL(1) - part) + growth[after - 1] * part
    return np.stack([a, growth * (REAL(1) / today), rate])


@numba.njit(cache=True)
def _growth_acceleration(a, rate, omega_cdm, omega_b):
    """Derivative of the growth rate with respect to ln a."""
    matter = omega_cdm + omega_b
    vacuum = (REAL(1) - matter) * (a * a * a)
    half = REAL(0.5) / (matter + vacuum)
    clustering = omega_cdm if a <= BARYONS_CLUSTER else matter
    source, deceleration = half * clustering, half * (matter - REAL(2) * vacuum)
    return REAL(3) * source - rate * rate - (REAL(1) - deceleration) * rate


@numba.njit(cache=True)
def _integrate_growth(omega_cdm, omega_b):
    step = (np.log(LAST_SCALE_FACTOR) - FIRST_LOG) / REAL(GROWTH_STEPS)
    log_a, log_growth, a = FIRST_LOG, np.log(REAL(1e-7)), REAL(1e-7)
    rate = REAL(0.25) * (np.sqrt(REAL(24) * omega_cdm / (omega_cdm + omega_b) + REAL(1)) - REAL(1))
    result, count = np.empty((3, GROWTH_STEPS), REAL), 0
    half = REAL(0.5) * step
    for _ in range(GROWTH_STEPS):
        k1 = _growth_acceleration(a, rate, omega_cdm, omega_b)
        log_a += half
        a = np.exp(log_a)
        rate2 = rate + half * k1
        k2 = _growth_acceleration(a, rate2, omega_cdm, omega_b)
        rate3 = rate + half * k2
        k3 = _growth_acceleration(a, rate3, omega_cdm, omega_b)
        log_a += half
        a = np.exp(log_a)
        rate4 = rate + step * k3
        k4 = _growth_acceleration(a, rate4, omega_cdm, omega_b)
        sixth = step / REAL(6)
        log_growth += sixth * (rate + rate4 + REAL(2) * (rate2 + rate3))
        rate += sixth * (k1 + k4 + REAL(2) * (k2 + k3))
        if GROWTH_TABLE[0] <= a <= GROWTH_TABLE[1]:
            result[0, count], result[1, count], result[2, count] = a, np.exp(log_growth) / a, rate
            count += 1
    return result[:, :count]


@numba.njit(cache=True)
def _growth(a, history):
    """Growth factor and rate by Lagrange interpolation of four points, two at the ends, constant beyond."""
    knots, count = history[0], history.shape[1]
    if a <= knots[0] or a >= knots[-1]:
        end = 0 if a <= knots[0] else count - 1
        return history[1, end] * a, history[2, end]
    below = np.searchsorted(knots, a) - 1
    first, points = (below - 1, 4) if 1 <= below <= count - 3 else (below, 2)
    growth = rate = REAL(0)
    for i in range(first, first + points):
        weight = REAL(1)
        for j in range(first, first + points):
            if j != i:
                weight *= (a - knots[j]) / (knots[i] - knots[j])
        growth += weight * history[1, i]
        rate += weight * history[2, i]
    return growth * a, rate


@numba.njit(cache=True)
def _carlson_rd(x, y, z):
    """Carlson's elliptic integral R_D, as :func:`halonet.peak_patch.ellipsoid.carlson_rd`."""
    total, factor = REAL(0), REAL(1)
    while True:
        root_x, root_y, root_z = np.sqrt(x), np.sqrt(y), np.sqrt(z)
        shift = root_x * (root_y + root_z) + root_y * root_z
        total += factor / (root_z * (z + shift))
        factor *= REAL(0.25)
        x, y, z = REAL(0.25) * (x + shift), REAL(0.25) * (y + shift), REAL(0.25) * (z + shift)
        mean = REAL(0.2) * (x + y + REAL(3) * z)
        dx, dy, dz = (mean - x) / mean, (mean - y) / mean, (mean - z) / mean
        if max(abs(dx), abs(dy), abs(dz)) <= REAL(0.05):
            break
    ea, eb = dx * dy, dz * dz
    ec, ed = ea - eb, ea - REAL(6) * eb
    ee = ed + ec + ec
    series = REAL(1) + ed * (REAL(-3 / 14) + REAL(9 / 88) * ed - REAL(9 / 52) * dz * ee)
    series += dz * (REAL(1 / 6) * ee + dz * (REAL(-9 / 22) * ec + dz * REAL(3 / 26) * ea))
    return REAL(3) * total + factor * series / (mean * np.sqrt(mean))


@numba.njit(cache=True)
def _self_gravity(y):
    """Share of each axis in the ellipsoid's own gravity."""
    r2, r3 = y[1] / y[0], y[2] / y[0]
    if r3 < r2:
        product = REAL(1 / 3) * r2 * r3
        b3 = product * _carlson_rd(r2 * r2, REAL(1), r3 * r3)
        b2 = product * _carlson_rd(r3 * r3, REAL(1), r2 * r2)
        return REAL(1) - (b2 + b3), b2, b3
    if r3 >= REAL(0.999):
        return REAL(1 / 3), REAL(1 / 3), REAL(1 / 3)
    e2 = REAL(1) - r3 * r3
    s = np.sqrt(e2)
    logarithm = np.log((REAL(1) + s) / (REAL(1) - s)) * REAL(0.5) / s
    b = REAL(0.5) * ((REAL(1) - e2) / e2 * (REAL(1) / (REAL(1) - e2) - logarithm))
    return REAL(1) - REAL(2) * b, b, b


@numba.njit(cache=True)
def _derivatives(a, state, strain, mean_strain, lambda_ratio, history, freeze_out, frozen, result):
    """Right-hand side for axes and their momenta, ``state`` of shape (6,); freezes axes that have become small."""
    cube = a * a * a
    hubble = np.sqrt((REAL(1) + lambda_ratio * cube) / a)
    inverse = REAL(1) / hubble
    for i in (2, 1, 0):
        if frozen[i] == 0 and state[i] <= freeze_out[i] * a and (i == 2 or frozen[2] > 0):
            frozen[i] = freeze_out[i] * a
    for i in range(3):
        if frozen[i] > 0:
            state[i], state[3 + i] = frozen[i], REAL(0)
    contrast = cube / state[0] / state[1] / state[2]
    background = (REAL(0.5) / cube - lambda_ratio) * inverse
    inside = REAL(1.5) * (contrast - REAL(1)) / cube * inverse
    tide = REAL(1.5) / cube * inverse * _growth(a, history)[0]
    shares = _self_gravity(state)
    for i in range(3):
        pull = inside * shares[i] + background + tide * (strain[i] - mean_strain)
        result[i] = REAL(0) if frozen[i] > 0 else state[3 + i] * inverse
        result[3 + i] = REAL(0) if frozen[i] > 0 else -state[i] * pull


@numba.njit(cache=True, nogil=True)
def published_collapse(overdensity, ellipticity, prolateness, lambda_ratio, history, freeze_out):
    """1 + z of collapse by classical Runge-Kutta steps, -1 if not before a = 2.

    Parameters
    ----------
    overdensity, ellipticity, prolateness, lambda_ratio
        Of the linear field today, and Omega_Lambda / Omega_m; float32.
    history
        See :func:`growth_history`.
    freeze_out
        Fractions of the background size at which axes 1, 2, 3 freeze, float32 of shape (3,).
    """
    third = overdensity / REAL(3)
    strain = np.empty(3, REAL)
    strain[2] = third * (REAL(1) + REAL(3) * ellipticity + prolateness)
    strain[1] = third * (REAL(1) - REAL(2) * prolateness)
    strain[0] = third * (REAL(1) - REAL(3) * ellipticity + prolateness)
    a = REAL(1) / (REAL(20) * overdensity)
    growth, rate = _growth(a, history)
    hubble = np.sqrt((REAL(1) + lambda_ratio * (a * a * a)) / a)
    state, trial, frozen = np.empty(6, REAL), np.empty(6, REAL), np.zeros(3, REAL)
    slopes = np.empty((4, 6), REAL)
    for i in range(3):
        state[i] = a * (REAL(1) - growth * strain[i])
        state[3 + i] = hubble * (REAL(1) - (REAL(1) + rate) * growth * strain[i])
    for _ in range(MAXIMUM_STEPS):
        h = STEP * state[2] * np.sqrt(state[2]) * hubble
        # The first stage writes frozen axes into the state itself, after the length of the step is set.
        _derivatives(a, state, strain, third, lambda_ratio, history, freeze_out, frozen, slopes[0])
        for stage in range(1, 4):
            part = h if stage == 3 else h * REAL(0.5)
            for i in range(6):
                trial[i] = state[i] + part * slopes[stage - 1, i]
            _derivatives(a + part, trial, strain, third, lambda_ratio, history, freeze_out, frozen, slopes[stage])
        for i in range(6):
            inner = slopes[1, i] + slopes[2, i]
            state[i] += h / REAL(6) * (slopes[0, i] + slopes[3, i] + REAL(2) * inner)
        a += h
        if frozen[0] > 0:
            return REAL(1) / a
        if a >= LAST_SCALE_FACTOR:
            break
    return REAL(-1)
