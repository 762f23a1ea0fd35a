"""Input channels computed from the density of a whole periodic box: what a window of it cannot know by itself.

A channel is a scalar field, so a reflection or permutation of the axes acts on it as on the density. There are three
kinds from linear theory, all divided by the critical overdensity 1.686 of spherical collapse, so that they are of order
one where haloes form:

- the density averaged over a sphere (top-hat) of some cells;
- the shear of the strain so averaged, zero in a spherical perturbation;
- the prolateness of that strain, which tells pancakes from filaments.

Together they are the three invariants of the averaged strain, all that decides the collapse of a homogeneous ellipsoid
(Bond & Myers 1996, section 2).

A short simulation of the box gives three more (:mod:`halonet.n_body.ends`): the logarithms of the density where the
particle of a cell ends, and of its mean in a sphere around, in units of that of 18 pi^2, the density of a collapsed
sphere over the mean; and the contraction of the cell, in units of 3, with which neighbours end in one point. Its motion
gives another three (:mod:`halonet.dataset.simulated_channels`).

Notes
-----
With W the top-hat window, the strain s_ij = d_i d_j laplacian^-1 delta has modes k_i k_j / k^2 W(k R) delta_k and the
trace delta. Its traceless part t_ij has the norm

    shear = sqrt(t_ij t_ij) = sqrt(s_ij s_ij - (tr s)^2 / 3)

and the determinant det t, from which

    prolateness = 3 sqrt(6) det t / shear^2

is between -shear and shear: shear where matter falls in along one axis alone (a pancake), -shear where it does along
two (a filament). t is computed by its five components in an orthonormal basis of such tensors: nothing large cancels.
Odd derivatives vanish on their Nyquist plane, or channels would not commute with reflections.

The density is transformed once, and of each radius the x axis back once, for its three derivatives; then planes of
constant x are finished one by one, in the cache of a processor (:mod:`halonet.dataset.channel_loops`).
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
from scipy import fft

from halonet import heap
from halonet.dataset.channel_loops import derive_along_x, invariants, strain_of_plane
from halonet.dataset.channel_units import COLLAPSE_THRESHOLD, put
from halonet.dataset.simulated_channels import fill_simulated
from halonet.grid.scratch import zeros
from halonet.grid.slabs import Slabs
from halonet.grid.threads import in_threads
from halonet.grid.transposes import gather_x, rounds
from halonet.grid.windows import over_squares, top_hat_of_squares
from halonet.n_body.ends import Keep
from halonet.n_body.mesh import times_window
from halonet.settings import ChannelSettings, CosmologySettings

BYTES_PER_CELL = 17  # at most, while channels are computed: besides the density and 2 bytes per channel of the result
RUNS = 8  # of planes, for each thread
BLOCK_BYTES = 2**18  # of modes of one derivative, which are transformed at a time
FIELDS = 3  # that are transformed together: derivatives of a potential, or densities of some radii
ROUND_BYTES = 2**24  # of modes of these fields, which ranks exchange at a time


def whole_box_channels(
    density: np.ndarray,
    settings: ChannelSettings,
    threads: int = 1,
    slabs: Slabs | None = None,
    steps: np.ndarray | None = None,
    cosmology: CosmologySettings | None = None,
    keep: Keep | None = None,
) -> np.ndarray:
    """Channels of a box, beside its density; collective.

    Parameters
    ----------
    density
        Linear overdensity, not normalised: this rank's planes, shape (N / ranks, N, N).
    settings
        Radii in cells; none larger than N / 2.
    threads
        Change no bit.
    slabs
        Of the box, where several ranks have it.
    steps
        What a unit of every channel is worth, where they are wanted as whole numbers: float32 of shape (C,).
    cosmology
        Of the box, with its redshift; needed for channels of a simulation.
    keep
        Of a simulation, gets its particles; see :func:`halonet.n_body.ends.where_particles_end`.

    Returns
    -------
    ndarray
        float16 of shape (N / ranks, N, N, C), or int8 from -127 to 127, to which what is beyond is cut: first smoothed
        densities, then shear amplitudes, then prolatenesses, in the order of the settings, then what a simulation
        gives. In memory each channel stands by itself, as what computes networks takes them.
        float16 keeps 11 bits, a rounding a thousand times smaller than what a channel tells. Memory: see
        :data:`BYTES_PER_CELL`, and before that :data:`halonet.n_body.ends.BYTES_PER_CELL` for a simulation.
    """
    slabs = slabs or Slabs(len(density), threads=threads)
    settings.check_box(slabs.cells)
    channels = zeros((settings.count, *density.shape), np.float16 if steps is None else np.int8)
    if settings.simulation:  # first, as it takes the most memory
        fill_simulated(density, settings, channels, slabs, steps, cosmology, keep)
        heap.give_back()  # what the simulation took, before other channels take as much
    if any(settings.radii.values()):
        _linear(density, settings, channels, slabs, steps, threads)
    return np.moveaxis(channels, 0, -1)


def _linear(
    density: np.ndarray,
    settings: ChannelSettings,
    channels: np.ndarray,
    slabs: Slabs,
    steps: np.ndarray | None,
    threads: int,
) -> None:
    """Fill the channels of linear theory; collective."""
    cells = slabs.cells
    modes = slabs.forward(np.asarray(density, np.float32))
    mean = modes[0, 0, 0].real / np.float32(cells**3)
    if slabs.ranks > 1:
        mean = slabs.communicator.bcast(mean)  # the first rank has the mode of the mean
    fields = zeros((slabs.planes, FIELDS, cells, modes.shape[2]), np.complex64)
    tensors = dict.fromkeys((*settings.shear_cells, *settings.prolateness_cells))
    for radius in tensors:
        derive = partial(derive_along_x, odd_x=_odd(cells), window=over_squares(top_hat_of_squares(cells, radius)))
        _transform_along_x(slabs, modes, derive, fields, threads)
        finish = partial(_finish_tensor, fields, mean, _places(settings, radius), channels, steps)
        in_threads(finish, _runs(slabs.planes, threads), threads)
    means = [channel for channel, radius in enumerate(settings.smoothing_cells) if radius not in tensors]
    for first in range(0, len(means), FIELDS):
        some = means[first : first + FIELDS]
        windows = np.stack([top_hat_of_squares(cells, settings.smoothing_cells[channel]) for channel in some])
        _transform_along_x(slabs, modes, partial(_smooth, windows), fields[:, : len(some)], threads)
        finish = partial(_finish_means, fields, some, channels, steps)
        in_threads(finish, _runs(slabs.planes, threads), threads)


def _runs(planes: int, threads: int) -> list[range]:
    """Planes by runs, several for each thread: as many as find their way into its caches again and again."""
    cuts = np.linspace(0, planes, min(planes, RUNS * threads) + 1).astype(int)
    return [range(start, stop) for start, stop in pairwise(cuts)]


def _transform_along_x(
    slabs: Slabs, modes: np.ndarray, derive: Callable[..., None], fields: np.ndarray, threads: int
) -> None:
    """Fill this rank's planes of some fields, transformed along x; ``derive`` gets modes of a few ky; collective."""
    if slabs.ranks == 1:
        in_threads(partial(_transform_block, modes, 0, derive, fields), _blocks(modes), threads)
        return
    for rows in rounds(slabs, max(1, ROUND_BYTES // (fields.shape[1] * modes[:, 0].nbytes))):
        own = modes[:, slice(*rows[slabs.rank])]
        columns = np.empty((len(own), fields.shape[1], *own.shape[1:]), np.complex64)
        first = slabs.start + rows[slabs.rank][0]
        in_threads(partial(_transform_block, own, first, derive, columns), _blocks(own), threads)
        for start, (low, high), piece in zip(slabs.bounds, rows, gather_x(slabs, columns, rows), strict=False):
            fields[:, :, start + low : start + high] = piece


def _places(settings: ChannelSettings, radius: float) -> dict[str, int]:
    """Which channels a radius fills: those of trace, shear and prolateness."""
    places, first = {}, 0
    for name, radii in (
        ("trace", settings.smoothing_cells),
        ("shear", settings.shear_cells),
        ("prolateness", settings.prolateness_cells),
    ):
        if radius in radii:
            places[name] = first + list(radii).index(radius)
        first += len(radii)
    return places


def _blocks(modes: np.ndarray) -> list[slice]:
    """Some ky at a time, so that their columns stay in the cache."""
    size = max(1, BLOCK_BYTES // (modes.shape[0] * modes.shape[2] * modes.itemsize))
    return [slice(start, min(start + size, modes.shape[1])) for start in range(0, modes.shape[1], size)]


def _odd(cells: int) -> np.ndarray:
    """0 for the wavenumber of the Nyquist plane, where odd derivatives of a real field vanish, else 1."""
    return (2 * np.arange(cells) != cells).astype(np.float32)


def _transform_block(
    modes: np.ndarray, first: int, derive: Callable[..., None], fields: np.ndarray, block: slice
) -> None:
    """What ``derive`` makes of a block of the ky of modes, which begin with the ``first``, transformed along x."""
    columns = np.empty((fields.shape[1], len(modes), block.stop - block.start, modes.shape[2]), np.complex64)
    derive(modes[:, block], first + block.start, columns=columns)
    columns = fft.ifft(columns, axis=1, overwrite_x=True)
    fields[:, :, block] = columns.swapaxes(0, 1)


def _smooth(windows: np.ndarray, modes: np.ndarray, first: int, columns: np.ndarray) -> None:
    """Modes of a few ky, which begin with the ``first``, times each of some windows."""
    for column, window in zip(columns, windows, strict=True):
        column[:] = modes
        times_window(column.view(np.float32), first, window)


def _finish_means(
    fields: np.ndarray,
    places: list[int],
    channels: np.ndarray,
    steps: np.ndarray | None,
    planes: range,
) -> None:
    """Smoothed densities of some radii in a run of planes of constant x, in units of the critical density."""
    for x in planes:
        for modes, channel in zip(fields[x], places, strict=False):
            field = fft.irfft(fft.ifft(modes, axis=0, overwrite_x=True), n=fields.shape[2], axis=1)
            put(field, COLLAPSE_THRESHOLD, None if steps is None else steps[channel], channels[channel, x])


def _finish_tensor(
    derivatives: np.ndarray,
    mean: np.float32,
    places: dict[str, int],
    channels: np.ndarray,
    steps: np.ndarray | None,
    planes: range,
) -> None:
    """All channels of a radius in a run of planes of constant x, in units of the critical density."""
    cells, n_modes = derivatives.shape[2:]
    # Made once: memory of that size that is asked for again for every plane is given back and zeroed every time.
    strain, fields = np.empty((6, cells, n_modes), np.complex64), np.empty((6, cells, cells), np.float32)
    shear, prolateness = np.empty((2, cells, cells), np.float32)
    kz = np.repeat(np.arange(n_modes, dtype=np.float32), 2)
    kz = np.stack([kz, np.where(2 * kz == cells, np.float32(0), kz)])
    wanted = range(6 if "trace" in places else 5)
    for x in planes:
        strain_of_plane(derivatives[x].view(np.float32), _odd(cells), kz, strain.view(np.float32))
        for component in wanted:
            columns = fft.ifft(strain[component], axis=0, overwrite_x=True)
            fields[component] = fft.irfft(columns, n=cells, axis=1)
        invariants(fields, shear, prolateness)
        if "trace" in places:
            np.add(fields[5], mean, out=fields[5])
        found = {"trace": fields[5], "shear": shear, "prolateness": prolateness}
        for name, channel in places.items():
            step = None if steps is None else steps[channel]
            put(found[name], COLLAPSE_THRESHOLD, step, channels[channel, x])
