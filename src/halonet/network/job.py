"""A training job: what decides its result, and the fingerprint that tells two configurations apart."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path

import keras

from halonet.dataset.channel_files import channel_file, check_channels
from halonet.dataset.manifest import Subvolume, box_folder, read_manifest, subvolumes
from halonet.dataset.normalisation import Normalisation, read_normalisation
from halonet.dataset.samples import BoxFiles, SoftLabels, TrainingSamples, ValidationSamples
from halonet.dataset.targets import check_targets, target_file
from halonet.network.folder import WEIGHTS
from halonet.settings import NetworkSettings, SettingsError
from halonet.storage import open_hdf5


@dataclass(frozen=True)
class TrainingJob:
    """Settings, seed and data of a training run.

    Attributes
    ----------
    settings
        The network and its schedule.
    seed
        Decides first weights, order and orientation of samples, dropout.
    ground_truth
        Folder that holds ``<box>/density.h5`` and ``<box>/mask.h5``.
    manifest, normalisation_file
        Files of :mod:`halonet.dataset`.
    code
        Digest of the code that trains.
    channels
        Folder of the boxes' channels, for a network that has any (:mod:`halonet.dataset.channel_files`).
    targets
        Folder of the boxes' targets, for a network that has heads (:mod:`halonet.dataset.targets`).
    start
        Folder of the trained network that training starts from, for a network that has one.
    soft_labels
        Folder of what its teacher says of the training boxes, for a network that has one.
    """

    settings: NetworkSettings
    seed: int
    ground_truth: Path
    manifest: Path
    normalisation_file: Path
    code: str = ""
    channels: Path | None = None
    targets: Path | None = None
    start: Path | None = None
    soft_labels: Path | None = None

    def __post_init__(self) -> None:
        """Refuse channels, targets or a start that are missing, or not those of the network and of the boxes."""
        wanted = self.settings.channels
        if bool(wanted.count) != (self.channels is not None):
            given = f"--channels is {self.channels}" if self.channels else "--channels gives no folder of them"
            raise SettingsError(f"the network has the channels {wanted.model_dump()}, but {given}")
        if self.channels is not None:
            for box in self.boxes:
                density = box_folder(self.ground_truth, box) / "density.h5"
                check_channels(channel_file(self.channels, box), wanted, density)
        heads = self.settings.heads.weights
        if bool(heads) != (self.targets is not None):
            given = f"--targets is {self.targets}" if self.targets else "--targets gives no folder of what they learn"
            raise SettingsError(f"the network has the heads {list(heads)}, but {given}")
        if self.targets is not None:
            for box in self.boxes:
                check_targets(target_file(self.targets, box), box_folder(self.ground_truth, box) / "haloes.h5")
        if (self.settings.start_from is None) != (self.start is None):
            given = f"--start-from is {self.start}" if self.start else "--start-from gives no folder of it"
            raise SettingsError(f"the network has start_from = {self.settings.start_from!r}, but {given}")
        if (self.settings.teacher is None) != (self.soft_labels is None):
            given = f"is {self.soft_labels}" if self.soft_labels else "gives no folder of what it says"
            raise SettingsError(f"the network has teacher = {self.settings.teacher!r}, but --soft-labels {given}")

    @cached_property
    def normalisation(self) -> Normalisation:
        """Normalisation of the boxes."""
        return read_normalisation(self.normalisation_file)

    @cached_property
    def files(self) -> BoxFiles:
        """Reader of the boxes and of their truth."""
        common = (Path(self.ground_truth), self.normalisation, self.settings.normalisation)
        return BoxFiles(*common, self.channels, self.targets)

    @cached_property
    def taught_files(self) -> BoxFiles:
        """Reader of the training boxes and of what is learnt of them: the truth, and what a teacher says beside it."""
        if self.settings.teacher is None or self.soft_labels is None:
            return self.files
        return replace(self.files, soft_labels=SoftLabels(self.soft_labels, self.settings.teacher.weight))

    def rows(self, split: str, boxes: int | None = None) -> list[Subvolume]:
        """Sub-volumes of a split; those that the windows of the network and its stages do not divide are refused."""
        rows, settings = subvolumes(read_manifest(self.manifest), split, boxes), self.settings
        for row, window in product(rows, {settings.window, *map(settings.window_of, settings.stages)}):
            if row.cells % window:
                raise SettingsError(
                    f"window = {window} does not divide the {row.cells} cells of the sub-volumes of {self.manifest}"
                )
        return rows

    def training_samples(self, stage: int, workers: int = 1) -> TrainingSamples:
        """Samples of a stage."""
        chosen, settings = self.settings.stages[stage], self.settings
        rows = self.rows("training", chosen.boxes)
        window = settings.window_of(chosen)
        common = (self.taught_files, rows, window, settings.augmentation, chosen.batch_size, self.seed)
        return TrainingSamples(*common, stage=stage, workers=workers)

    def stage_steps(self, stage: int) -> int:
        """Steps of a stage."""
        chosen = self.settings.stages[stage]
        if chosen.steps is not None:
            return chosen.steps
        assert chosen.epochs is not None  # one of the two is given: StageSettings
        return self.training_samples(stage).steps_of(chosen.epochs)

    def validation_samples(self) -> ValidationSamples:
        """Validation windows: whole sub-volumes, cut into the network's windows where it is tied to their size."""
        rows, size = self.rows("validation"), self.settings.window
        if self.settings.activation == "prelu":
            rows = [piece for row in rows for piece in row.pieces(size)]
        return ValidationSamples(self.files, rows[: self.settings.validation_windows])

    def fingerprint(self) -> dict:
        """All that decides the weights, by name; fields by the attributes of their files and standard deviations."""
        return {
            "settings": self.settings.model_dump(),
            "seed": self.seed,
            "manifest": _digest(Path(self.manifest).read_bytes()),
            "normalisation": vars(self.normalisation),
            "fields": {str(box): self._digest_of_box(box) for box in sorted(self.boxes)},
            "start": _digest((self.start / WEIGHTS).read_bytes()) if self.start else None,
            "code": self.code,
            "backend": f"{keras.backend.backend()}, keras {keras.__version__}",
        }

    @property
    def boxes(self) -> set[int]:
        """Boxes the manifest names."""
        return set(read_manifest(self.manifest)["box"])

    def _digest_of_box(self, box: int) -> str:
        parts = []
        paths = [box_folder(self.ground_truth, box) / f"{name}.h5" for name in ("density", "mask")]
        if self.channels is not None:
            paths.append(channel_file(self.channels, box))
        if self.targets is not None:
            paths.append(target_file(self.targets, box))
        soft_labels = self.taught_files.soft_labels
        if soft_labels is not None and box in {row.box for row in self.rows("training")}:
            paths.append(soft_labels.file(box))
        for path in paths:
            with open_hdf5(path) as file:
                parts += [f"{key}={file.attrs[key]}" for key in sorted(file.attrs)]
        return _digest("\n".join(parts).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
