"""Where a run keeps its files, and which boxes, batches, snapshots and mocks it has."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from halonet.settings import CosmologySettings, HaloFindingSettings, Settings

CONTROLS_PER_JOB = 25  # cheap fields that one job measures


@dataclass(frozen=True)
class Layout:
    """Folders and names of a run; every path is text, relative to the folder where Snakemake runs.

    Attributes
    ----------
    settings
        Configuration of the run.
    root
        Folder of the checkout.
    """

    settings: Settings
    root: Path

    @property
    def results(self) -> str:
        """Folder of the run."""
        return f"{self.settings.run.results}/{self.settings.run.name}"

    def __getattr__(self, name: str) -> str:
        """Folder of a stage, by its name in :data:`FOLDERS`."""
        if name in FOLDERS:
            return f"{self.results}/{name}"
        raise AttributeError(f"a run has no {name!r}; its folders are {', '.join(FOLDERS)}")

    @property
    def report(self) -> str:
        """The report of the run."""
        return f"{self.results}/report.html"

    @property
    def is_n_body(self) -> bool:
        """Whether the truth is a simulation."""
        return self.settings.ground_truth.source == "n_body"

    @property
    def peak_patch(self) -> str:
        """Folder of Peak Patch haloes; beside the truth, for comparison, where that is a simulation."""
        return f"{self.results}/peak_patch" if self.is_n_body else self.ground_truth

    @property
    def catalogues(self) -> dict[str, HaloFindingSettings]:
        """Settings of halo finding of every catalogue, by its name."""
        return self.settings.catalogues

    def names_of_catalogues(self, calibrated: bool) -> str:
        """Pattern of the names of the catalogues whose finder was calibrated, or was not; it fits none if none is."""
        names = [name for name, found in self.catalogues.items() if found.needs_calibration == calibrated]
        return "|".join(map(re.escape, names)) or "(?!)"

    # Boxes, by their names.

    @cached_property
    def boxes(self) -> list[str]:
        """All boxes: for training, validation and test, in this order."""
        return [f"{i:03d}" for i in range(self.settings.boxes.count)]

    @property
    def test_boxes(self) -> list[str]:
        """Boxes that no training and no calibration sees."""
        return self.boxes[self.settings.boxes.count - self.settings.boxes.test :]

    @property
    def known_boxes(self) -> list[str]:
        """Boxes for training and validation."""
        return self.boxes[: self.settings.boxes.count - self.settings.boxes.test]

    @property
    def training_boxes(self) -> list[str]:
        """Boxes that train networks."""
        return self.known_boxes[: len(self.known_boxes) - self.settings.boxes.validation]

    @property
    def validation_boxes(self) -> list[str]:
        """Boxes that validate networks."""
        return self.known_boxes[len(self.training_boxes) :]

    @property
    def calibration_boxes(self) -> list[str]:
        """Boxes whose predictions calibrate the halo finders; none where their constants are given."""
        finding = self.settings.halo_finding
        if not any(found.needs_calibration for found in self.catalogues.values()):
            return []
        known = self.training_boxes if finding.calibrate_on == "training" else self.validation_boxes
        return known[: finding.calibration_boxes]

    @property
    def neural_bias_box(self) -> str:
        """Box of the neural bias model: the one that the settings name, else the first test box."""
        return self._box(self.settings.neural_bias.box)

    @property
    def field_level_box(self) -> str:
        """Box of field-level inference: the one that the settings name, else the first test box."""
        return self._box(self.settings.field_level.box)

    def _box(self, chosen: int | None) -> str:
        return [*self.test_boxes, *self.boxes][0] if chosen is None else self.boxes[chosen]

    @cached_property
    def batches(self) -> dict[str, list[str]]:
        """Boxes of each batch, named by its first and last box, so that batches of another size are others."""
        size = self.settings.jobs.boxes_per_job
        cuts = [self.boxes[start : start + size] for start in range(0, len(self.boxes), size)]
        return {f"{boxes[0]}-{boxes[-1]}": boxes for boxes in cuts}

    # Cosmologies.

    def cosmology_of(self, box: str) -> CosmologySettings:
        """Cosmology and redshift of a box."""
        return self.settings.cosmologies[int(box)]

    def power_spectrum(self, box: str) -> str:
        """Linear power spectrum of a box."""
        return f"{self._cosmology_folder(box)}/power_spectrum.csv"

    def collapse_table(self, box: str) -> str:
        """Collapse table of a box."""
        return f"{self._cosmology_folder(box)}/collapse_table.h5"

    def _cosmology_folder(self, box: str) -> str:
        if self.settings.boxes.cosmologies is None:
            return self.cosmology
        return f"{self.cosmology}/{next(first for first, alike in self.cosmologies.items() if box in alike)}"

    @cached_property
    def cosmologies(self) -> dict[str, list[str]]:
        """Boxes of each cosmology and redshift, by the first of them."""
        return self._alike(self.boxes)

    @cached_property
    def test_cosmologies(self) -> dict[str, list[str]]:
        """Test boxes of each cosmology and redshift, by the first of them."""
        return self._alike(self.test_boxes)

    def _alike(self, boxes: list[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for box in boxes:
            alike = (first for first in found if self.cosmology_of(first) == self.cosmology_of(box))
            found.setdefault(next(alike, box), []).append(box)
        return found

    # Truths.

    def snapshots_of(self, box: str) -> list[float]:
        """Redshifts of the simulation of a box, that of its truth first."""
        return self.settings.ground_truth.n_body.snapshots(self.cosmology_of(box).redshift)

    @property
    def snapshots(self) -> list[float]:
        """Redshifts of a simulation, that of the run first."""
        return self.settings.ground_truth.n_body.snapshots(self.settings.cosmology.redshift)

    def snapshot_folder(self, redshift: float) -> str:
        """Folder of a snapshot within that of its box: the box's own for the redshift of the run."""
        return "" if redshift == self.snapshots[0] else f"redshift_{redshift:g}/"

    @property
    def truth_scripts(self) -> list[str]:
        """Scripts that make the ground truth."""
        return {
            "files": ["import_ground_truth"],
            "peak_patch": ["draw_density", "find_peak_patch_haloes"],
            "n_body": ["draw_density", "simulate_n_body", "find_n_body_haloes"],
        }[self.settings.ground_truth.source]

    # Networks and mocks.

    def outside_network(self, folder: str) -> Path:
        """Folder of a network that no job of this run makes: a user's, or one that is shipped with the code."""
        return Path(folder) if Path(folder).is_dir() else self.root / folder

    @property
    def mock_network_is_own(self) -> bool:
        """Whether this run trains the network of its mocks."""
        return self.settings.mocks.network in self.settings.run.networks

    @property
    def mock_network(self) -> str:
        """Folder of the mocks' network."""
        name = self.settings.mocks.network
        return f"{self.networks}/{name}" if self.mock_network_is_own else str(self.outside_network(name))

    @property
    def mocks(self) -> str:
        """Folder of the mocks, by their network."""
        return f"{self.results}/mocks/{Path(self.mock_network).name}"

    @property
    def mock_seeds(self) -> list[int]:
        """Seeds of the mocks."""
        return [self.settings.mocks.first_seed + i for i in range(self.settings.mocks.count)]

    @property
    def populated_haloes(self) -> str:
        """Name of the catalogue of a mock that gets galaxies: with matched masses where the run has them."""
        return "matched_haloes" if self.settings.mocks.abundance_matching else "haloes"

    @property
    def control_batches(self) -> dict[str, list[int]]:
        """Seeds of the mocks' controls, mocks first, by the first and last seed of each job; none without controls."""
        mocks = self.settings.mocks
        number = mocks.count + mocks.control_fields if mocks.control_fields else 0
        seeds = [mocks.first_seed + i for i in range(number)]
        cuts = [seeds[start : start + CONTROLS_PER_JOB] for start in range(0, number, CONTROLS_PER_JOB)]
        return {f"{cut[0]}-{cut[-1]}": cut for cut in cuts}

    def last_ahead(self, seed: int) -> int:
        """Last seed that a process goes on to once it has made the mock of ``seed``; where ranks share a mock, none."""
        further = self.settings.jobs.mocks_per_process - 1 if self.settings.mocks.ranks == 1 else 0
        return min(seed + further, self.mock_seeds[-1])

    def script(self, name: str) -> str:
        """A script of the workflow, wherever the run's working folder is."""
        return str(self.root / "workflow_scripts" / f"{name}.py")


# Folders of a run, each an attribute of its layout.
FOLDERS = (
    "logs",
    "cosmology",
    "ground_truth",
    "dataset",
    "networks",
    "predictions",
    "haloes",
    "statistics",
    "figures",
    "neural_bias",
    "field_level",
    "light_cones",
)


def network_behind(catalogue: str) -> str:
    """Network behind a catalogue: its name up to that of the finder which stands beside the first."""
    return catalogue.split("/")[0]
