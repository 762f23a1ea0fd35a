"""Training and validation samples: windows of the boxes' HDF5 files, in an order and orientation that a seed decides.

What sample a training step sees depends on (seed, stage, epoch, number of the sample in the epoch) only, through the
counter-based generator Philox: not on the number of workers, nor on whether the run was interrupted before.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import h5py
import keras
import numpy as np

from halonet.dataset.channel_files import channel_file
from halonet.dataset.manifest import Subvolume, box_folder
from halonet.dataset.normalisation import Normalisation
from halonet.dataset.symmetries import GROUPS
from halonet.dataset.targets import head_truth, read_membership, target_file, turned
from halonet.storage import StorageError, open_hdf5

_ORDER, _SAMPLE = 0, 1  # streams of the generator


def read_window(path: str | Path, name: str, start: tuple[int, int, int], cells: int) -> np.ndarray:
    """Cube of ``cells``^3 of the field ``name`` from the cell ``start`` on, float32 (uint8 for a mask).

    Where the field has channels, shape (N, N, N, C), all of them are read.
    """
    with open_hdf5(path) as file:
        if name not in file or min(file[name].shape[:3]) < max(start) + cells:
            found = f"shape {file[name].shape}" if name in file else "no such dataset"
            raise StorageError(f"{path}: {name} must hold {cells}^3 cells from {tuple(start)} on; found {found}")
        try:
            window = _cube(file[name], start, cells)
        except OSError as error:
            raise StorageError(f"{path}: {name} cannot be read, the file is damaged ({error})") from None
    # float16, as channels are stored, is slow to check.
    window = window.astype(np.uint8 if name == "mask" else np.float32, copy=False)
    if name != "mask" and not np.isfinite(window).all():
        raise StorageError(f"{path}: {name} has values that are not finite from cell {tuple(start)} on")
    return window


def _cube(data: h5py.Dataset, start: tuple[int, int, int], cells: int) -> np.ndarray:
    return data[tuple(slice(first, first + cells) for first in start)]


@dataclass(frozen=True)
class SoftLabels:
    """Probabilities that a teacher gives the training boxes (:class:`halonet.settings.TeacherSettings`).

    Attributes
    ----------
    folder
        Holds ``<box>.h5`` as ``predict_mask.py`` writes it.
    weight
        Of the probabilities in what is learnt; the true mask has the rest.
    """

    folder: Path
    weight: float

    def file(self, box: int) -> Path:
        """File of a box."""
        return self.folder / f"{box:03d}.h5"

    def beside(self, mask: np.ndarray, window: Subvolume) -> np.ndarray:
        """What is learnt of the cells of a window, float32 between 0 and 1, from their true mask and the teacher."""
        probability = read_window(self.file(window.box), "probability", window.start, window.cells)
        return (1 - self.weight) * mask.astype(np.float32) + self.weight * probability


@dataclass(frozen=True)
class BoxFiles:
    """Where densities, masks and further input channels stand, and how densities are normalised.

    Attributes
    ----------
    ground_truth
        Folder that holds ``<box>/density.h5`` and ``<box>/mask.h5``.
    normalisation
        Standard deviations of the boxes.
    kind
        ``global`` or ``individual``.
    channels
        Folder of the files of :mod:`halonet.dataset.channel_files`; None: the density is the only input.
    targets
        Folder of the files of :mod:`halonet.dataset.targets`, for a network with heads; None: the mask is the truth.
    soft_labels
        What a teacher says of the boxes, where there is one.
    """

    ground_truth: Path
    normalisation: Normalisation
    kind: str
    channels: Path | None = None
    targets: Path | None = None
    soft_labels: SoftLabels | None = None

    def sample(self, window: Subvolume) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and truth of a window of S^3 cells.

        Inputs are float32 of shape (S, S, S, 1 + C): first the normalised density, then the C channels.

        The truth is the mask, uint8 (S, S, S), or with targets that of :func:`halonet.dataset.targets.head_truth`. A
        teacher's probabilities make the mask float32.
        """
        folder = box_folder(self.ground_truth, window.box)
        density = read_window(folder / "density.h5", "density", window.start, window.cells)
        mask = read_window(folder / "mask.h5", "mask", window.start, window.cells)
        if self.soft_labels is not None:
            mask = self.soft_labels.beside(mask, window)
        inputs = (density / np.float32(self.normalisation.of_box(window.box, self.kind)))[..., None]
        if self.channels is not None:
            beside = read_window(channel_file(self.channels, window.box), "channels", window.start, window.cells)
            inputs = np.concatenate([inputs, beside], axis=-1)
        if self.targets is None:
            return inputs, mask
        membership = read_membership(target_file(self.targets, window.box), window.start, window.cells)
        return inputs, head_truth(mask, membership)


class TrainingSamples(keras.utils.PyDataset):
    """Batches of a training stage; item ``n`` is the batch of step ``start + n``.

    There are none before :meth:`between` says of which steps.

    An epoch passes over as many cells as the sub-volumes hold: where the window is smaller than the sub-volumes, each
    is visited several times and the window is cut at random inside it. Batches run on across the ends of epochs, so
    that all have the same size. A batch is (inputs, mask) of shapes (batch, S, S, S, 1 + C) and (batch, S, S, S, 1),
    float32 and uint8, the density first among the inputs; with targets the truth has their channels, float32.

    Parameters
    ----------
    files, rows
        The data and the sub-volumes to draw from.
    window
        Cells along a side of a sample.
    augmentation
        Name of a group of :data:`halonet.dataset.symmetries.GROUPS`.
    seed, stage
        What decides order, position and orientation of the samples.
    """

    def __init__(
        self,
        files: BoxFiles,
        rows: list[Subvolume],
        window: int,
        augmentation: str,
        batch_size: int,
        seed: int,
        stage: int = 0,
        workers: int = 1,
    ) -> None:
        super().__init__(workers=workers)
        if any(row.cells < window for row in rows):
            raise StorageError(f"window = {window} is larger than a sub-volume of the manifest")
        self.files, self.rows, self.window = files, rows, window
        self.group, self.batch_size, self.seed, self.stage = GROUPS[augmentation], batch_size, seed, stage
        self.start = self.stop = 0
        self.visits = (rows[0].cells // window) ** 3

    @property
    def samples_per_epoch(self) -> int:
        """Samples of an epoch."""
        return len(self.rows) * self.visits

    def steps_of(self, epochs: int) -> int:
        """Steps that make up ``epochs`` epochs."""
        return math.ceil(epochs * self.samples_per_epoch / self.batch_size)

    def between(self, start: int, stop: int) -> "TrainingSamples":
        """The same samples, those of steps ``start`` to ``stop``."""
        group = next(name for name, group in GROUPS.items() if group is self.group)
        common = (self.files, self.rows, self.window, group, self.batch_size, self.seed, self.stage)
        samples = TrainingSamples(*common, self.workers)
        samples.start, samples.stop = start, stop
        return samples

    def __len__(self) -> int:
        """Number of batches."""
        return self.stop - self.start

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Batch of step ``start + index``."""
        first = (self.start + index) * self.batch_size
        return self.batch(range(first, first + self.batch_size))

    def batch(self, numbers: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
        """Batch of the samples of these numbers, counted from the start of the stage."""
        samples = [self.sample(number) for number in numbers]
        inputs, truths = (np.stack(fields) for fields in zip(*samples, strict=True))
        return inputs, _with_channels(truths)

    def sample(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs (S, S, S, 1 + C) and truth of sample ``number``, counted from the start of the stage."""
        epoch, within = divmod(number, self.samples_per_epoch)
        row = self.rows[self.order(epoch)[within] // self.visits]
        random = self._generator(_SAMPLE, epoch, within)
        offsets = random.integers(0, row.cells - self.window + 1, size=3)
        symmetry = self.group[random.integers(len(self.group))]
        x, y, z = (int(first + offset) for first, offset in zip(row.start, offsets, strict=True))
        inputs, truth = self.files.sample(Subvolume(row.box, (x, y, z), self.window))
        return symmetry(inputs), turned(truth, symmetry)

    def order(self, epoch: int) -> np.ndarray:
        """Order in which the samples of an epoch are visited."""
        return _permutation(self.seed, self.stage, epoch, self.samples_per_epoch)

    def _generator(self, stream: int, epoch: int, index: int) -> np.random.Generator:
        return _generator(self.seed, self.stage, stream, epoch, index)


def _with_channels(truths: np.ndarray) -> np.ndarray:
    """Truths of a batch; masks get the one channel that they are."""
    return truths if truths.ndim == 5 else truths[..., None]


def _generator(seed: int, stage: int, stream: int, epoch: int, index: int = 0) -> np.random.Generator:
    # The lowest word of the counter counts the numbers drawn; the others tell the streams apart.
    return np.random.Generator(np.random.Philox(key=[seed, 1 + stage], counter=[0, index, epoch, stream]))


@lru_cache(maxsize=4)
def _permutation(seed: int, stage: int, epoch: int, count: int) -> np.ndarray:
    return _generator(seed, stage, _ORDER, epoch).permutation(count)


class ValidationSamples(keras.utils.PyDataset):
    """Validation windows one by one, as they are: batches (inputs, mask) of one window each, as in training."""

    def __init__(self, files: BoxFiles, windows: list[Subvolume], workers: int = 1) -> None:
        super().__init__(workers=workers)
        self.files, self.windows = files, windows

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.windows)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Window number ``index``."""
        inputs, truth = self.files.sample(self.windows[index])
        return inputs[None], _with_channels(truth[None])
