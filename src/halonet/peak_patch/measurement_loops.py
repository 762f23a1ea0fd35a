"""Loops over the cells around a candidate, compiled; :mod:`halonet.peak_patch.measurement` says what they measure."""

import numba
import numpy as np

from halonet.peak_patch.collapse import look_up
from halonet.peak_patch.sphere import SUPPORT


@numba.njit(cache=True)
def _extend(index, known, wanted, radius, centre, shape, offsets):
    """Flat indices of the first ``wanted`` cells of the sphere, all within ``radius``; returns how many are known."""
    if wanted <= known:
        return known
    planes, n, _ = shape
    reach = int(np.ceil(radius))
    x, y, z = centre
    inside = reach <= x < planes - reach and reach <= y < n - reach and reach <= z < n - reach
    if inside:
        base = (x * n + y) * n + z
        for i in range(known, wanted):
            index[i] = base + (offsets[i, 0] * n + offsets[i, 1]) * n + offsets[i, 2]
        return wanted
    wrap_x, wrap_y, wrap_z = np.empty((3, 2 * reach + 1), np.int64)
    for i in range(2 * reach + 1):
        wrap_x[i] = (x + i - reach) % planes * n * n
        wrap_y[i] = (y + i - reach) % n * n
        wrap_z[i] = (z + i - reach) % n
    for i in range(known, wanted):
        index[i] = wrap_x[offsets[i, 0] + reach] + wrap_y[offsets[i, 1] + reach] + wrap_z[offsets[i, 2] + reach]
    return wanted


@numba.njit(cache=True)
def means(field, shape, centres, counts, radii, offsets):
    """Mean of the first ``counts`` cells around every centre, shape (centres, components)."""
    components = field.shape[1]
    index, result = np.empty(len(offsets), np.int64), np.zeros((len(centres), components))
    for row in range(len(centres)):
        _extend(index, 0, counts[row], radii[row], centres[row], shape, offsets)
        for i in range(counts[row]):
            for component in range(components):
                result[row, component] += field[index[i], component]
        for component in range(components):
            result[row, component] /= counts[row]
    return result


@numba.njit(cache=True)
def _mean_density(density, index, starts, radii, begin, end, shell_mean, mean):
    """Mean overdensity within shells ``begin`` to ``end``, by the trapezoidal rule in volume from the one before."""
    for m in range(begin, end + 1):
        total = 0.0
        for i in range(starts[m], starts[m + 1]):
            total += density[index[i]]
        shell_mean[m] = total / (starts[m + 1] - starts[m])
        if m == 0:
            mean[m] = shell_mean[m]
            continue
        inner, outer = radii[m - 1] ** 3, radii[m] ** 3
        mean[m] = (inner * mean[m - 1] + 0.5 * (shell_mean[m - 1] + shell_mean[m]) * (outer - inner)) / outer


@numba.njit(cache=True)
def _surface_sum(displacement, index, offsets, begin, end, result):
    """Sum of displacement times offset over cells ``begin`` to ``end``, symmetrised: xx, yy, zz, yz, xz, xy."""
    xx = yy = zz = yz = xz = xy = 0.0
    for i in range(begin, end):
        j = index[i]
        px, py, pz = displacement[j, 0], displacement[j, 1], displacement[j, 2]
        ox, oy, oz = np.float64(offsets[i, 0]), np.float64(offsets[i, 1]), np.float64(offsets[i, 2])
        xx += px * ox
        yy += py * oy
        zz += pz * oz
        yz += py * oz + pz * oy
        xz += px * oz + pz * ox
        xy += px * oy + py * ox
    result[0], result[1], result[2] = xx, yy, zz
    result[3], result[4], result[5] = 0.5 * yz, 0.5 * xz, 0.5 * xy


@numba.njit(cache=True)
def _eigenvalues(s):
    """Eigenvalues of the symmetric matrix (xx, yy, zz, yz, xz, xy), largest first (Smith 1961, CACM 4, 168)."""
    mean = (s[0] + s[1] + s[2]) / 3
    a, b, c = s[0] - mean, s[1] - mean, s[2] - mean
    scale = np.sqrt((a * a + b * b + c * c + 2 * (s[3] * s[3] + s[4] * s[4] + s[5] * s[5])) / 6)
    if scale == 0:
        return mean, mean, mean
    determinant = a * (b * c - s[3] * s[3]) - s[5] * (s[5] * c - s[3] * s[4]) + s[4] * (s[5] * s[3] - b * s[4])
    angle = np.arccos(min(max(determinant / (2 * scale**3), -1.0), 1.0)) / 3
    largest = mean + 2 * scale * np.cos(angle)
    smallest = mean + 2 * scale * np.cos(angle + 2 * np.pi / 3)
    return largest, 3 * mean - largest - smallest, smallest


@numba.njit(cache=True)
def _ellipsoid(m, upper, mean, sums, tables, collapse, result):
    """Properties within shell m from the shells of its window up to ``upper``; returns 1 + z of collapse."""
    _, _, _, first, last, weight_starts, weights = tables
    strain = np.zeros(6)
    for other in range(first[m], min(last[m], upper) + 1):
        weight = weights[weight_starts[m] + other - first[m]]
        for i in range(6):
            strain[i] += weight * sums[other, i]
    l1, l2, l3 = _eigenvalues(strain)
    trace = l1 + l2 + l3
    e, p = ((l1 - l3) / (2 * trace), (l1 + l3 - 2 * l2) / (2 * trace)) if trace > 0 else (0.0, 0.0)
    result[0], result[1], result[2], result[3], result[4], result[5] = mean[m], e, p, l1, l2, l3
    return look_up(collapse[0], collapse[1], mean[m], e, p)


@numba.njit(cache=True)
def _close(wanted, density, index, reached, centre, shape, tables, shell_mean, mean):
    """See that the mean within shells up to ``wanted`` is known; ``reached``: cells with an index, shells closed."""
    offsets, starts, radii, _, _, _, _ = tables
    if wanted >= reached[1]:
        reached[0] = _extend(index, reached[0], starts[wanted + 1], radii[wanted], centre, shape, offsets)
        _mean_density(density, index, starts, radii, reached[1], wanted, shell_mean, mean)
        reached[1] = wanted + 1


@numba.njit(cache=True)
def _outer_shell(start, threshold, density, index, reached, centre, shape, tables, published, shell_mean, mean):
    """Outermost shell of the inward search, -1 to reject.

    Where the sphere within the starting shell is still dense enough, the corrected search goes on outward from the last
    shell that the reference code has summed by then, 2 cells beyond.
    """
    _, _, radii, _, last, _, _ = tables
    end, m = len(radii) - 1, start
    _close(m, density, index, reached, centre, shape, tables, shell_mean, mean)
    if mean[m] < threshold:
        while m >= 0 and mean[m] < threshold:
            m -= 1
        return m + 1 if m >= 0 else -1
    if published:
        return m
    m = last[m] + 1
    while m <= end:
        _close(m, density, index, reached, centre, shape, tables, shell_mean, mean)
        if mean[m] < threshold:
            return m if radii[end] >= radii[m] + SUPPORT else -1
        m += 1
    _close(end, density, index, reached, centre, shape, tables, shell_mean, mean)
    return end


@numba.njit(cache=True)
def _search(
    outer, upper, reached, displacement, index, centre, shape, tables, collapse, target, published, sums, summed, mean,
    result,
):  # fmt: skip
    """Search inward from shell ``outer`` for the first that collapses; returns it, or -1, and the radius (cells)."""
    offsets, starts, radii, first, last, _, _ = tables
    previous, z_out = np.empty(6), -1.0
    # In the published search nothing is known about the outermost shell itself.
    for m in range(outer - 1 if published else outer, -1, -1):
        for other in range(min(last[m], upper), first[m] - 1, -1):
            if not summed[other]:
                end = starts[other + 1]
                reached[0] = _extend(index, reached[0], end, radii[other], centre, shape, offsets)
                _surface_sum(displacement, index, offsets, starts[other], end, sums[other])
                summed[other] = True
        z_in = _ellipsoid(m, upper, mean, sums, tables, collapse, result)
        if z_in >= target and m < outer:
            if z_out <= 0 or z_out == z_in:
                return m, radii[m]
            part = (z_in - target) / (z_in - z_out)
            for i in range(6):
                result[i] += part * (previous[i] - result[i])
            return m, (radii[m] ** 3 + part * (radii[m + 1] ** 3 - radii[m] ** 3)) ** (1 / 3)
        z_out = z_in
        previous[:] = result
    return -1, 0.0


@numba.njit(cache=True, nogil=True)
def measure_all(
    density, displacement, shape, centres, begins, limits, tables, collapse, thresholds, targets, published
):
    """Outermost shell that collapses, radius (cells, 0 for none) and properties of every candidate.

    What is known around a centre is kept for the next candidate, which may be the same centre at another redshift.
    """
    offsets, last = tables[0], tables[4]
    count = len(last)
    index, reached = np.empty(len(offsets), np.int64), np.zeros(2, np.int64)
    sums, summed = np.empty((count, 6)), np.zeros(count, np.bool_)
    shell_mean, mean = np.empty(count), np.empty(count)
    shells, sizes = np.full(len(centres), -1, np.int64), np.zeros(len(centres))
    properties = np.zeros((len(centres), 6))
    for row in range(len(centres)):
        if row == 0 or not (centres[row] == centres[row - 1]).all():
            reached[:], summed[:] = 0, False
        threshold = thresholds[row]
        outer = _outer_shell(
            begins[row], threshold, density, index, reached, centres[row], shape, tables, published, shell_mean, mean
        )
        if outer < 0:
            continue
        upper = count - 1
        # The published search has lost the outer half of the window unless it starts at the outermost shell.
        if published and mean[outer] < threshold:
            upper = outer if outer >= limits[row] else min(limits[row], last[outer])
        shells[row], sizes[row] = _search(
            outer, upper, reached, displacement, index, centres[row], shape, tables, collapse, targets[row], published,
            sums, summed, mean, properties[row],
        )  # fmt: skip
    return shells, sizes, properties
