"""Prediction of the probability mask of a whole periodic box, tile by tile (HaloNet paper, section 3.3)."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from halonet import heap
from halonet.dataset.channel_units import COLLAPSE_THRESHOLD
from halonet.dataset.channels import whole_box_channels
from halonet.dataset.symmetries import GROUPS, Symmetry
from halonet.grid.scratch import forget
from halonet.grid.slab_tiles import map_tiles_of_slabs
from halonet.grid.slabs import Slabs
from halonet.grid.tiles import map_tiles
from halonet.n_body.ends import Keep
from halonet.network.build import size_multiple
from halonet.network.engines import arithmetic, engine_of
from halonet.network.folder import TrainedNetwork
from halonet.network.heads import positions
from halonet.network.validity import trained_cosmology
from halonet.plausibility.density import check_density, moments
from halonet.settings import PredictionSettings, SettingsError
from halonet.storage import StorageError

log = logging.getLogger("halonet")
CELL_SIZE_TOLERANCE = 0.01


def predict_box(
    network: TrainedNetwork,
    density: np.ndarray,
    cell_size_mpc: float,
    settings: PredictionSettings,
    track: Callable[[list], Iterable] = iter,
    heads: Mapping | None = None,
    slabs: Slabs | None = None,
    keep: Keep | None = None,
) -> np.ndarray:
    """Probability of every cell of a periodic box to belong to a halo; collective.

    Parameters
    ----------
    network
        See :func:`halonet.network.folder.load_network`.
    density
        Linear overdensity at the redshift the network was trained for, float32: this rank's planes, (N / ranks, N, N).
    cell_size_mpc
        Side of a cell (Mpc); one that the network was not trained on is warned of.
    settings
        Tile, buffer, blend and average; tile - 2 buffer divides N, and the network takes tiles of that size.
    track
        Wraps the list of tiles.
    heads
        Where to put what heads say, by their names: arrays or HDF5 datasets of zeros, (N, N, N) or (N, N, N, 3).
    slabs
        Planes of this rank, and threads of the network and of its channels; default: all of them, and one.
    keep
        Of a network that sees a simulation, gets its particles: :func:`halonet.n_body.ends.where_particles_end`.

    Returns
    -------
    ndarray
        float32 of shape (N / ranks, N, N). Memory: density, result and the network's activations for one tile; of C
        channels 2 C bytes per cell more, C in eight bits, and :data:`halonet.dataset.channels.BYTES_PER_CELL` at first.
    """
    _check_tile(network, settings, slabs)
    _check_cells(network, cell_size_mpc)
    slabs = slabs or Slabs(len(density))
    steps, names = _channel_steps(network, settings), tuple(heads or {})
    beside = _channels(network, density, slabs, steps, keep)
    divided = divided_by(network, density, slabs)
    predict = _predictor(network, divided, settings, slabs.threads, names, steps is not None)
    further = tuple((heads or {}).values())
    if slabs.ranks > 1:
        fields, unread = (density, *beside), partial(_forget_unread, beside)
        return map_tiles_of_slabs(predict, slabs, fields, settings.sides, settings.buffer, track, further, unread)
    forgetting = partial(_forgetting, track, beside, settings.buffer)
    return map_tiles(predict, density, settings.sides, settings.buffer, forgetting, beside, settings.blend, further)


def tile_predictor(
    network: TrainedNetwork, settings: PredictionSettings, threads: int = 1, heads: tuple[str, ...] = ()
) -> Callable[..., np.ndarray | tuple[np.ndarray, ...]]:
    """Function of a tile of the density and of one of each channel, for a network that needs to know no more.

    It returns the probability, trimmed alike at all faces, and where there are ``heads`` a tuple of it and what they
    say.

    Raises
    ------
    SettingsError
        If the network divides by the deviation of a whole box, or does not take such tiles.
    """
    if network.settings.normalisation == "individual":
        raise SettingsError("the network divides by the deviation of a whole box at one redshift; tiles have none")
    _check_tile(network, settings, None)
    return _predictor(network, _divisor(network), settings, threads, heads)


def _channels(
    network: TrainedNetwork, density: np.ndarray, slabs: Slabs, steps: np.ndarray | None, keep: Keep | None
) -> tuple[np.ndarray, ...]:
    """Channels of the box that the network wants beside its density, one by one; collective."""
    wanted = network.settings.channels
    if not wanted.count:
        return ()
    cosmology = trained_cosmology(network.normalisation)
    channels = whole_box_channels(density, wanted, slabs.threads, slabs, steps, cosmology, keep)
    heap.give_back()  # what they were made from, before the network takes as much
    return tuple(np.moveaxis(channels, -1, 0))


def _forgetting(
    track: Callable[[list], Iterable], fields: tuple[np.ndarray, ...], buffer: int, starts: list
) -> Iterator[tuple[int, int, int]]:
    """Tiles by the first cells of their cores, and no memory for planes that none will see any more."""
    done = buffer  # the planes below it belong to the last tiles, too
    for start in track(starts):
        if (stop := start[0] - buffer) > done:
            for field in fields:
                forget(field[done:stop])
            done = stop
        yield start


def _forget_unread(fields: tuple[np.ndarray, ...], unread: np.ndarray) -> None:
    """No memory for planes that no rank will see any more, nor for what of the last tile is free."""
    borders = np.flatnonzero(np.diff(unread, prepend=False, append=False))
    for start, stop in borders.reshape(-1, 2):
        for field in fields:
            forget(field[start:stop])
    heap.give_back()


def _channel_steps(network: TrainedNetwork, settings: PredictionSettings) -> np.ndarray | None:
    """What units of the channels are worth where they are whole numbers: None where the network wants them exact."""
    quantised = network.quantised
    if quantised is None or "int8" not in arithmetic(settings.precision, True):
        return None
    return quantised.channel_steps if len(quantised.channel_steps) else None


def _predictor(
    network: TrainedNetwork,
    deviation: float,
    settings: PredictionSettings,
    threads: int,
    heads: tuple[str, ...],
    whole_channels: bool = False,
) -> Callable[..., np.ndarray | tuple[np.ndarray, ...]]:
    """Function of a tile and its channels: its probability, trimmed, and where there are ``heads`` what they say."""
    engine = engine_of(network.model, settings, threads, network.quantised, whole_channels)
    places = positions(network.settings.heads)
    symmetries = GROUPS[settings.average]

    def predict(tile: np.ndarray, *channels: np.ndarray) -> np.ndarray | tuple[np.ndarray, ...]:
        normalised, totals = tile / np.float32(deviation), list[np.ndarray]()
        for symmetry in symmetries:
            predicted = _finite(engine(symmetry(normalised), *map(symmetry, channels)))
            parts = _turned_back(predicted, places, heads, symmetry.inverse())
            totals = [total + part for total, part in zip(totals, parts, strict=True)] if totals else parts
        means = [total / np.float32(len(symmetries)) for total in totals] if len(symmetries) > 1 else totals
        return tuple(means) if heads else means[0]

    return predict


def _turned_back(
    predicted: np.ndarray, places: Mapping[str, slice], heads: tuple[str, ...], back: Symmetry
) -> list[np.ndarray]:
    """Probability of a tile, (S, S, S), and what its heads say, in the orientation of the box."""
    parts = [back(predicted[..., 0])]
    for name in heads:
        field = predicted[..., places[name]]
        # Vectors, or scalars without their one channel.
        parts.append(back.turn_vectors(field) if field.shape[-1] == 3 else back(field[..., 0]))
    return parts


def check_input(
    network: TrainedNetwork, density: np.ndarray, cell_size_mpc: float, source: str | Path, go_on: bool = False
) -> None:
    """Refuse a density whose mean or deviation is not that of the boxes the network was trained on.

    The deviation is not asked for of cells of another size, nor where the network divides by the box's own or has
    learnt from boxes of many amplitudes.

    Raises
    ------
    PlausibilityError
        Unless ``go_on``.
    """
    found, trained = moments(density), network.normalisation
    same_cells = abs(cell_size_mpc / trained.cell_size_mpc - 1) <= CELL_SIZE_TOLERANCE
    known = same_cells and network.settings.normalisation != "individual" and trained.region is None
    check_density(found, trained.mean_deviation if known else found.deviation or 1.0, source, len(density), True, go_on)


def _finite(predicted: np.ndarray) -> np.ndarray:
    """What the network says, unless that is nothing."""
    if not np.isfinite(predicted).all():
        raise StorageError(
            "the network predicts values that are not finite: its weights are damaged, or the density is far from what "
            "it was trained on; nothing was written"
        )
    return predicted


def _check_cells(network: TrainedNetwork, cell_size_mpc: float) -> None:
    trained = network.normalisation.cell_size_mpc
    if abs(cell_size_mpc / trained - 1) > CELL_SIZE_TOLERANCE:
        log.warning(
            "the cells are %.4g Mpc wide but the network was trained on cells of %.4g Mpc: it finds haloes of the same "
            "number of cells, not of the same mass",
            cell_size_mpc,
            trained,
        )


def divided_by(network: TrainedNetwork, density: np.ndarray, slabs: Slabs) -> float:
    """What the density is divided by before the network sees it."""
    if network.settings.normalisation != "individual":
        return _divisor(network)
    deviation = slabs.standard_deviation(density)
    if not (np.isfinite(deviation) and deviation > 0):
        raise SettingsError(f"the density has standard deviation {deviation}; it cannot be normalised")
    return deviation


def _divisor(network: TrainedNetwork) -> float:
    """What a network divides every density by."""
    return COLLAPSE_THRESHOLD if network.settings.normalisation == "threshold" else network.normalisation.mean_deviation


def _check_tile(network: TrainedNetwork, settings: PredictionSettings, slabs: Slabs | None) -> None:
    multiple, window, tile = size_multiple(network.settings), network.settings.window, settings.tile
    if slabs is not None and slabs.ranks > 1 and settings.blend:
        raise SettingsError(f"blend = {settings.blend}: tiles that are shared out among ranks do not blend; give 0")
    if network.settings.activation == "prelu" and set(settings.sides) != {window}:
        raise SettingsError(f"tile = {tile}; a network with PReLU takes the size it was trained on only, {window}")
    for name, side in settings.named_sides.items():
        if side % multiple:
            raise SettingsError(
                f"{name} = {side}; this network of {network.settings.levels} levels needs a multiple of {multiple}"
            )
