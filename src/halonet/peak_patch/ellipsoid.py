"""Collapse of a homogeneous ellipsoid: the equations of motion.

Bond & Myers 1996 (ApJS 103, 1), section 2: an ellipsoid under its own gravity, dark energy and the linear external
tide. The integration variable is the scale factor; lengths are proper, in units in which the background is
y = a; velocities are in units of H0 sqrt(Omega_m). An axis that has shrunk to a fraction of the background freezes out
at constant proper size, the shortest one first; the ellipsoid has collapsed when the last axis freezes.
"""

import numba
import numpy as np


@numba.njit(cache=True)
def carlson_rd(x: float, y: float, z: float) -> float:
    """Carlson's elliptic integral of the second kind R_D(x, y, z) (Carlson 1979, Numer. Math. 33, 1), to 1e-8."""
    total, factor = 0.0, 1.0
    while True:
        mean = 0.2 * (x + y + 3 * z)
        dx, dy, dz = 1 - x / mean, 1 - y / mean, 1 - z / mean
        if max(abs(dx), abs(dy), abs(dz)) < 0.05:
            break
        root_x, root_y, root_z = np.sqrt(x), np.sqrt(y), np.sqrt(z)
        shift = root_x * (root_y + root_z) + root_y * root_z
        total += factor / (root_z * (z + shift))
        factor *= 0.25
        x, y, z = 0.25 * (x + shift), 0.25 * (y + shift), 0.25 * (z + shift)
    ea, eb = dx * dy, dz * dz
    ec, ed = ea - eb, ea - 6 * eb
    ee = ed + ec + ec
    series = 1 + ed * (-3 / 14 + 9 / 88 * ed - 4.5 / 26 * dz * ee)
    series += dz * (ee / 6 + dz * (-9 / 22 * ec + dz * 3 / 26 * ea))
    return 3 * total + factor * series / (mean * np.sqrt(mean))


@numba.njit(cache=True)
def self_gravity(y1: float, y2: float, y3: float) -> tuple[float, float, float]:
    """Share of each axis in the ellipsoid's own gravity; they sum to 1, and are 1/3 each for a sphere."""
    r2, r3 = y2 / y1, y3 / y1
    if r3 >= r2:  # axes 2 and 3 equal: closed form of a spheroid
        if r3 >= 0.999:
            return 1 / 3, 1 / 3, 1 / 3
        e2 = 1 - r3 * r3
        s = np.sqrt(e2)
        b = 0.5 * (1 - e2) / e2 * (1 / (1 - e2) - np.log((1 + s) / (1 - s)) / (2 * s))
        return 1 - 2 * b, b, b
    b3 = r2 * r3 / 3 * carlson_rd(r2 * r2, 1.0, r3 * r3)
    b2 = r2 * r3 / 3 * carlson_rd(r3 * r3, 1.0, r2 * r2)
    return 1 - b2 - b3, b2, b3


@numba.njit(cache=True)
def growth(a: float, growth_table: np.ndarray, row: int) -> float:
    """Growth factor (row 0) or its logarithmic rate f (row 1) at scale factor ``a``, interpolated linearly.

    ``growth_table`` is that of :func:`halonet.peak_patch.collapse.growth_table`.
    """
    x = a / growth_table[2, 0]
    i = min(int(x), growth_table.shape[1] - 2)
    return growth_table[row, i] + (x - i) * (growth_table[row, i + 1] - growth_table[row, i])


@numba.njit(cache=True)
def dark_energy(a: float, growth_table: np.ndarray) -> tuple[float, float]:
    """Density of dark energy over today's, and -(1 + 3 w) / 2 times it, by which it repels: 1 and 1 for a constant."""
    if growth_table.shape[0] == 3:
        return 1.0, 1.0
    return growth(a, growth_table, 3), growth(a, growth_table, 4)


@numba.njit(cache=True)
def derivatives(a, y, p, frozen, strain, lambda_ratio, growth_table, dy, dp):
    """Right-hand side; ``frozen[i]`` is the size of a frozen axis, or 0 while it moves."""
    y1 = frozen[0] if frozen[0] > 0 else y[0]
    y2 = frozen[1] if frozen[1] > 0 else y[1]
    y3 = frozen[2] if frozen[2] > 0 else y[2]
    inverse = 1 / (a * a * a)
    density, repulsion = dark_energy(a, growth_table)
    repulsion *= lambda_ratio
    hubble = np.sqrt((1 + lambda_ratio * density * a * a * a) / a)
    contrast = 1 / (inverse * y1 * y2 * y3) - 1
    shares = self_gravity(y1, y2, y3)
    tide = 1.5 * inverse * growth(a, growth_table, 0)
    mean = (strain[0] + strain[1] + strain[2]) / 3
    for i in range(3):
        if frozen[i] > 0:
            dy[i] = dp[i] = 0.0
            continue
        pull = 0.5 * inverse - repulsion + 1.5 * inverse * contrast * shares[i] + tide * (strain[i] - mean)
        dy[i] = p[i] / hubble
        dp[i] = -y[i] / hubble * pull


@numba.njit(cache=True)
def freeze(a, y, frozen, freeze_out):
    """Freeze axes that have become small enough; axes 1 and 2 only once axis 3 is frozen."""
    if frozen[2] == 0 and y[2] <= freeze_out[2] * a:
        frozen[2] = freeze_out[2] * a
    if frozen[2] > 0:
        for i in (1, 0):
            if frozen[i] == 0 and y[i] <= freeze_out[i] * a:
                frozen[i] = freeze_out[i] * a


@numba.njit(cache=True)
def start(strain, lambda_ratio, growth_table, y, p):
    """Linear theory at a = 1 / (20 F); returns that scale factor."""
    a = 1 / (20 * (strain[0] + strain[1] + strain[2]))
    hubble = np.sqrt((1 + lambda_ratio * dark_energy(a, growth_table)[0] * a * a * a) / a)
    d, rate = growth(a, growth_table, 0), growth(a, growth_table, 1)
    for i in range(3):
        y[i] = a * (1 - d * strain[i])
        p[i] = hubble * (1 - (1 + rate) * d * strain[i])
    return a
