"""Settings of a whole run: which stages fit together."""

from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from halonet.settings.base import Model, Name, SettingsError, validate
from halonet.settings.boxes import BoxSettings
from halonet.settings.field_level import FieldLevelSettings
from halonet.settings.haloes import FINDERS, HaloFindingSettings, StatisticsSettings
from halonet.settings.heads import HEADS
from halonet.settings.light_cone import LightConesSettings
from halonet.settings.mocks import MockSettings
from halonet.settings.network import DatasetSettings, NetworkSettings, PredictionSettings, TrainingSettings
from halonet.settings.neural_bias import NeuralBiasSettings
from halonet.settings.paths import GivenPath
from halonet.settings.simulation import CosmologySettings, GroundTruthSettings, TruthFilesSettings
from halonet.settings.yaml_files import read_yaml


class RunSettings(Model):
    """What identifies a run: its results stand under ``<results>/<name>/``."""

    name: Name
    seed: int = Field(ge=0, lt=2**63)
    results: GivenPath = Field("results", description="folder of all runs; ~ and $VARIABLES are expanded")
    networks: list[Name] = Field(min_length=1, description="which of the networks below are trained and compared")
    neural_bias: bool = Field(True, description="false: neither `all` nor the report has the neural bias model")
    keep_density: bool = Field(True, description="false: density.h5 is deleted once nothing needs it")
    keep_probability: bool = Field(True, description="false: predicted probabilities are deleted after use")


class JobSettings(Model):
    """How much a job asks for, beside what was measured; changes no result."""

    # A profile gives these by --config, in which Snakemake takes every number within braces for text.
    model_config = ConfigDict(strict=False)

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_truth_value(cls, value: object) -> object:
        if isinstance(value, bool):
            raise ValueError(f"{value} is a truth value; a number is needed")
        return value

    boxes_per_job: int = Field(1, ge=1, description="in a job of the target `batches`")
    mocks_per_process: int = Field(
        10, ge=1, description="that a job of the target `mocks` makes ahead, its own included"
    )
    memory_factor: float = Field(1.0, gt=0, description="times the measured memory; every retry doubles it")
    time_factor: float = Field(1.0, gt=0, description="times the measured run time; every retry doubles it")
    largest_memory_mb: int | None = Field(None, ge=500, description="no job asks for more; null: no limit")
    longest_minutes: int | None = Field(None, ge=1, description="no job asks for more; null: no limit")
    gpu_tflops: float = Field(2.5, gt=0, description="10^12 operations per second that training reaches on one GPU")
    core_tflops: float | None = Field(
        None, gt=0, description="the same of one CPU core; null: measured once on the machine that plans the run"
    )
    core_speed: float | None = Field(
        None,
        gt=0,
        description="the same for all other work, beside a core of docs/performance.md; null: measured",
    )


class Settings(Model):
    """Everything a run depends on."""

    run: RunSettings
    cosmology: CosmologySettings
    boxes: BoxSettings
    ground_truth: GroundTruthSettings
    dataset: DatasetSettings
    networks: dict[Name, NetworkSettings]
    training: TrainingSettings
    prediction: PredictionSettings
    halo_finding: HaloFindingSettings
    statistics: StatisticsSettings
    neural_bias: NeuralBiasSettings
    field_level: FieldLevelSettings = FieldLevelSettings()
    mocks: MockSettings = MockSettings()
    light_cone: LightConesSettings = LightConesSettings()
    jobs: JobSettings = JobSettings()

    @property
    def catalogues(self) -> dict[str, HaloFindingSettings]:
        """Every catalogue that is compared with the truth, and how its haloes are found.

        A catalogue has the name of its network, and ``<network>/<finder>`` where a second finder stands beside.
        """
        found, beside = {}, self.halo_finding.beside
        for name in self.run.networks:
            found[name] = self.halo_finding.of_network(self.networks[name])
            if beside not in (None, found[name].finder):
                found[f"{name}/{beside}"] = self.halo_finding.by(beside)
        return found

    @cached_property
    def cosmologies(self) -> list[CosmologySettings]:
        """Cosmology and redshift of every box."""
        return self.boxes.cosmology_of_each(self.cosmology, self.run.seed)

    @property
    def trained_networks(self) -> list[str]:
        """The run's networks, and those of the configuration that they start from or are taught by."""
        found = list(self.run.networks)
        for name in found:  # grows by the others
            needed = self.networks[name].needed_networks
            found += [other for other in needed if other in self.networks and other not in found]
        return found

    @model_validator(mode="after")
    def _stages_fit_together(self) -> Self:
        boxes, window = self.boxes, self.dataset.window
        buffers, sides = 2 * self.prediction.buffer, self.prediction.named_sides
        cores = [(f"prediction.{name} - 2 prediction.buffer", side - buffers) for name, side in sides.items()]
        for what, size in (("dataset.window", window), *cores):
            if boxes.cells % size:
                raise ValueError(f"{what} = {size} does not divide boxes.cells = {boxes.cells}")
        for name, side in sides.items():
            if side > boxes.cells + buffers:
                raise ValueError(f"prediction.{name} = {side} is larger than a box with its buffers")
        try:
            cosmologies = self.cosmologies
        except SettingsError as error:
            raise ValueError(str(error)) from None
        if self.ground_truth.files is not None:
            self._own_files_stand_apart(self.ground_truth.files)
        else:
            for cosmology in cosmologies:
                self._truth_fits(cosmology)
        if (self.neural_bias.box or 0) >= boxes.count:
            raise ValueError(f"neural_bias.box = {self.neural_bias.box}; the boxes are 0 to {boxes.count - 1}")
        if (self.field_level.box or 0) >= boxes.count:
            raise ValueError(f"field_level.box = {self.field_level.box}; the boxes are 0 to {boxes.count - 1}")
        return self._networks_fit()

    def _truth_fits(self, cosmology: CosmologySettings) -> None:
        boxes, truth = self.boxes, self.ground_truth
        if truth.ranks > boxes.cells:
            raise ValueError(f"ground_truth.ranks = {truth.ranks} are more than the planes of {boxes.cells}^3 cells")
        if truth.source == "n_body":
            if truth.n_body.redshifts and self.boxes.cosmologies:
                raise ValueError("ground_truth.n_body.redshifts: boxes.cosmologies gives every box a redshift already")
            try:
                truth.n_body.check_snapshots(truth.n_body.snapshots(cosmology.redshift))
            except SettingsError as error:
                raise ValueError(f"ground_truth.{error}") from None
        if truth.peak_patch.collapse_table == "published" and not cosmology.has_constant:
            raise ValueError(
                "ground_truth.peak_patch.collapse_table = 'published' is that of a cosmological constant, but "
                f"cosmology has w0 = {cosmology.w0:g}, wa = {cosmology.wa:g}; set it to 'fine'"
            )
        # Peak Patch is the truth, or is compared with it on the test boxes.
        largest = truth.peak_patch.filters.largest_mpc
        if 2 * largest > boxes.box_size_mpc:
            raise ValueError(
                f"ground_truth.peak_patch.filters.largest_mpc = {largest} exceeds half of the box "
                f"({boxes.box_size_mpc / 2} Mpc)"
            )

    def _own_files_stand_apart(self, files: TruthFilesSettings) -> None:
        """Refuse files within the run's results: the workflow deletes what a job is about to make."""
        results = Path(self.run.results, self.run.name).resolve()
        for name, pattern in files.model_dump(include={"density", "haloes", "mask"}, exclude_none=True).items():
            if Path(pattern).resolve().is_relative_to(results):
                raise ValueError(
                    f"ground_truth.files.{name} = {pattern!r} lies within the results of this run ({self.run.results}/"
                    f"{self.run.name}), which are made anew; move your files elsewhere, or give the run another name"
                )

    def _networks_fit(self) -> Self:
        for name in self.run.networks:
            if name not in self.networks:
                raise ValueError(f"run.networks names {name!r}; the networks are {', '.join(sorted(self.networks))}")
        self._needed_networks_come_first()
        for name in self.trained_networks:
            network = self.networks[name]
            self._ranks_share_batches(name)
            if (largest := max(map(network.window_of, network.stages))) > self.dataset.window:
                raise ValueError(
                    f"networks.{name}: a window of {largest} cells exceeds dataset.window = {self.dataset.window}"
                )
            for side_name, side in self.prediction.named_sides.items():
                if side % 2**network.levels:
                    raise ValueError(
                        f"prediction.{side_name} = {side} is no multiple of {2**network.levels} for {name}"
                    )
            try:
                network.channels.check_box(self.boxes.cells)
                network.channels.check_cosmologies(self.cosmologies)
            except SettingsError as error:
                raise ValueError(f"networks.{name}.{error}") from None
        return self._haloes_can_be_found()

    def _haloes_can_be_found(self) -> Self:
        for name in self.trained_networks if not self.ground_truth.has_haloes else ():
            if self.networks[name].heads.weights:
                raise ValueError(f"networks.{name}.heads learn from true haloes; give ground_truth.files.haloes")
        finding, heads = self.halo_finding, {name: self.networks[name].heads for name in self.run.networks}
        instead = FINDERS[finding.finder].without_heads
        if instead and not any(each.vote for each in heads.values()):
            raise ValueError(
                f"halo_finding.finder is {finding.finder!r}, but none of the networks {', '.join(heads)} has the heads "
                f"{' and '.join(HEADS)}; add them, or choose the finder {instead!r}"
            )
        calibrated = any(each.needs_calibration for each in self.catalogues.values())
        if calibrated and finding.calibrate_on == "validation" and not self.boxes.validation:
            raise ValueError("halo_finding.calibrate_on is 'validation' but boxes.validation is 0")
        if calibrated and not self.ground_truth.has_haloes:
            raise ValueError(
                "halo_finding.peak_thresholds or shell_threshold is 'calibrated', which is a fit to true haloes, but "
                "ground_truth.files has none; give ground_truth.files.haloes, or the thresholds as numbers"
            )
        return self

    def _needed_networks_come_first(self) -> None:
        try:
            TopologicalSorter({name: self.networks[name].needed_networks for name in self.trained_networks}).prepare()
        except CycleError as error:
            raise ValueError(f"start_from and teacher of networks go round: {', '.join(error.args[1])}") from None

    def _ranks_share_batches(self, name: str) -> None:
        ranks, network = self.training.ranks, self.networks[name]
        if ranks > 1 and network.batch_normalisation:
            raise ValueError(f"training.ranks = {ranks}, but networks.{name}.batch_normalisation = true needs one rank")
        for index, stage in enumerate(network.stages):
            if stage.batch_size % ranks:
                raise ValueError(
                    f"training.ranks = {ranks} does not divide networks.{name}.stages.{index}.batch_size = "
                    f"{stage.batch_size}"
                )


def load_settings(path: str | Path, *over: str | Path) -> Settings:
    """Read and validate a whole configuration (YAML), with the files ``over`` laid over it in their order."""
    values: dict[str, Any] = {}
    for file in (path, *over):
        _lay_over(values, read_yaml(file))
    return validate(Settings, values, " and ".join(map(str, (path, *over))))


def _lay_over(values: dict[str, Any], above: dict[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            _lay_over(values[key], value)
        else:
            values[key] = value
