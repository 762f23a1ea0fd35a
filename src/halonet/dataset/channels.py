"""Input channels computed from the density of a whole periodic box: what a window of it cannot know by itself.

A channel is a scalar field, so a reflection or permutation of the axes acts on it as on the density. There are three
kinds, all divided by the critical overdensity 1.686 of spherical collapse, so that they are of order one where haloes
form:

- the density averaged over a sphere (top-hat) of some cells;
- the shear of the strain so averaged, zero in a spherical perturbation;
- the prolateness of that strain, which tells pancakes from filaments.

Together they are the three invariants of the averaged strain, all that decides the collapse of a homogeneous ellipsoid
(Bond & Myers 1996, section 2).

Notes
-----
With W the top-hat window, the strain s_ij = d_i d_j laplacian^-1 delta has modes k_i k_j / k^2 W(k R) delta_k and the
trace delta. Its traceless part t_ij has the norm

    shear = sqrt(t_ij t_ij) = sqrt(s_ij s_ij - (tr s)^2 / 3)

and the determinant det t, from which

    prolateness = 3 sqrt(6) det t / shear^2

is between -shear and shear: shear where matter falls in along one axis alone (a pancake), -shear where it does along
two (a filament). t is computed by its five components in an orthonormal basis of such tensors, each by one inverse
transform: no trace is needed, and nothing large cancels. Odd derivatives vanish on their Nyquist plane, or channels
would not commute with reflections.
"""

from collections.abc import Iterable

import numpy as np

from halonet.grid.scratch import zeros
from halonet.grid.slabs import Slabs
from halonet.grid.windows import top_hat
from halonet.settings import ChannelSettings, SettingsError

COLLAPSE_THRESHOLD = 1.686  # delta_c, linear overdensity at which a sphere collapses
BYTES_PER_CELL = 33  # at most, while channels are computed: besides the density and 2 bytes per channel of the result


def whole_box_channels(density: np.ndarray, settings: ChannelSettings, threads: int = 1) -> np.ndarray:
    """Channels of a box, beside its density.

    Parameters
    ----------
    density
        Linear overdensity, not normalised, shape (N, N, N).
    settings
        Radii in cells; none larger than N / 2.
    threads
        Threads of the Fourier transforms.

    Returns
    -------
    ndarray
        float16 of shape (N, N, N, C), so that a window of all channels is read in one piece: first smoothed
        densities, then shear amplitudes, then prolatenesses, in the order of the settings. float16 keeps 11 bits, a
        rounding a thousand times smaller than what a channel tells. Memory: see :data:`BYTES_PER_CELL`.
    """
    cells = len(density)
    settings.check_box(cells)
    slabs = Slabs(cells, threads=threads)
    channels = zeros((*density.shape, settings.count), np.float16)
    modes = slabs.forward(np.asarray(density, np.float32))
    for index, radius in enumerate(settings.smoothing_cells):
        _store(slabs.inverse(_filtered(modes, slabs, radius), overwrite=True), channels[..., index])
    first = len(settings.smoothing_cells)
    strain = zeros((5, *slabs.shape), np.float32)
    for radius in dict.fromkeys([*settings.shear_cells, *settings.prolateness_cells]):
        for component, field in enumerate(strain):
            field[...] = slabs.inverse(_filtered(modes, slabs, radius, component), overwrite=True)
        if radius in settings.shear_cells:
            index = first + settings.shear_cells.index(radius)
            _store((_shear(strain[:, x]) for x in range(cells)), channels[..., index])
        if radius in settings.prolateness_cells:
            index = first + len(settings.shear_cells) + settings.prolateness_cells.index(radius)
            _store((_prolateness(strain[:, x]) for x in range(cells)), channels[..., index])
    return channels


def _store(planes: Iterable[np.ndarray], channel: np.ndarray) -> None:
    """Write the planes of a field, in units of the critical density, into its channel."""
    limit = COLLAPSE_THRESHOLD * float(np.finfo(np.float16).max)
    for plane, target in zip(planes, channel, strict=True):
        if not np.abs(plane).max() < limit:
            raise SettingsError(
                f"a channel of the density is beyond {limit:.3g} or not finite; a linear density is needed"
            )
        target[...] = plane / np.float32(COLLAPSE_THRESHOLD)


def _filtered(modes: np.ndarray, slabs: Slabs, radius: float, component: int | None = None) -> np.ndarray:
    """Modes averaged over a sphere of ``radius`` cells: of the density, or of a component of its traceless strain."""
    # k^2 in units of the fundamental is a whole number: one table holds every value of the window.
    numbers = np.arange(3 * (slabs.cells // 2) ** 2 + 1)
    window = top_hat(2 * np.pi / slabs.cells * np.sqrt(numbers) * radius)
    result = np.empty_like(modes)
    for plane in range(slabs.cells):
        factor = window[_squared(slabs, plane)]
        if component is not None:
            factor *= _traceless(slabs, plane, component)
        result[plane] = factor.astype(np.float32) * modes[plane]
    return result


def _shear(strain: np.ndarray) -> np.ndarray:
    """Norm of traceless tensors given by their five components."""
    return np.sqrt(np.square(strain).sum(axis=0))


def _prolateness(strain: np.ndarray) -> np.ndarray:
    """3 sqrt(6) times the determinant of such tensors, over the square of their norm; zero for the zero tensor."""
    xy, yz, zx = strain[2:] / np.float32(2**0.5)
    half, axial = strain[0] / np.float32(2**0.5), strain[1] / np.float32(6**0.5)
    xx, yy, zz = half - axial, -half - axial, 2 * axial
    determinant = xx * yy * zz + 2 * xy * yz * zx - xx * yz**2 - yy * zx**2 - zz * xy**2
    return np.float32(3 * 6**0.5) * determinant / np.maximum(np.square(strain).sum(axis=0), np.finfo(np.float32).tiny)


def _traceless(slabs: Slabs, plane: int, component: int) -> np.ndarray:
    """Component of k_i k_j / k^2 in an orthonormal basis of symmetric traceless tensors, for one plane of modes."""
    kx, ky, kz = (k[plane] if axis == 0 else k[0] for axis, k in enumerate(slabs.wavenumbers))
    off = [k[plane] if axis == 0 else k[0] for axis, k in enumerate(slabs.off_nyquist)]
    squared = _squared(slabs, plane)
    if component == 0:
        product = (kx**2 - ky**2) / 2**0.5
    elif component == 1:
        product = (3 * kz**2 - squared) / 6**0.5
    else:
        one, other = [(kx * off[0], ky * off[1]), (ky * off[1], kz * off[2]), (kz * off[2], kx * off[0])][component - 2]
        product = 2**0.5 * one * other
    return product / np.maximum(squared, 1)


def _squared(slabs: Slabs, plane: int) -> np.ndarray:
    """k^2 of one plane of modes in units of the fundamental, integers of shape (N, N / 2 + 1)."""
    kx, ky, kz = slabs.wavenumbers
    return np.rint(kx[plane] ** 2 + ky[0] ** 2 + kz[0] ** 2).astype(np.int64)
