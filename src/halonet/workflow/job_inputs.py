"""Inputs of rules that depend on wildcards, and refusals of targets for which a run has no files."""

from collections.abc import Callable
from dataclasses import dataclass

from snakemake.exceptions import WorkflowError
from snakemake.io import temp
from snakemake.iocontainers import Wildcards

from halonet.settings import NetworkSettings
from halonet.workflow.kept_files import NETWORK_FILES, KeptFiles
from halonet.workflow.layout import Layout, network_behind

OfWildcards = Callable[[Wildcards], list[str] | str]


@dataclass(frozen=True)
class JobInputs:
    """Files that jobs of a run need; functions of wildcards, as Snakemake takes them for inputs.

    All raise ``WorkflowError`` where the configuration names files that are not there.
    """

    layout: Layout

    def probability_behind(self, *boxes: str) -> OfWildcards:
        """Predictions of boxes in which a catalogue is found; a box may be the wildcard ``{box}``."""

        def paths(wildcards: Wildcards) -> list[str]:
            folder = f"{self.layout.predictions}/{network_behind(wildcards.network)}"
            return [f"{folder}/{box.format(**wildcards)}.h5" for box in boxes]

        return paths

    def of_network_behind(self, name: str) -> OfWildcards:
        """File of the network behind a catalogue."""
        return lambda wildcards: f"{self.layout.networks}/{network_behind(wildcards.network)}/{name}"

    def thresholds(self, wildcards: Wildcards) -> list[str]:
        """Calibrated constants of a catalogue's finder; none where they are given."""
        return KeptFiles(self.layout).thresholds_of(wildcards.network)

    def found_haloes(self, name: str = "{box}") -> list[str]:
        """Catalogue that a test box's true haloes are compared with; none where there are no true haloes."""
        has_haloes = self.layout.settings.ground_truth.has_haloes
        return [f"{self.layout.haloes}/{{network}}/{name}.h5"] if has_haloes else []

    def density_of_shapes(self) -> list[str]:
        """Density in which haloes have shapes; none where there are no true haloes to compare them with."""
        has_haloes = self.layout.settings.ground_truth.has_haloes
        return [f"{self.layout.ground_truth}/{{box}}/density.h5"] if has_haloes else []

    # Of a training.

    def channels(self, wildcards: Wildcards) -> list[str]:
        """Channels of the boxes that train or validate a network; none for a network without channels."""
        folder = f"{self.layout.networks}/{wildcards.network}/channels"
        wanted = self._network(wildcards).channels.count
        return [f"{folder}/{box}.h5" for box in self.layout.known_boxes] if wanted else []

    def targets(self, wildcards: Wildcards) -> list[str]:
        """What the heads of a network learn, of the same boxes; none for a network without heads."""
        wanted = self._network(wildcards).heads.weights
        return [f"{self.layout.dataset}/targets/{box}.h5" for box in self.layout.known_boxes] if wanted else []

    def haloes_behind_targets(self, wildcards: Wildcards) -> list[str]:
        """True haloes, of which training makes sure that the targets are theirs."""
        return KeptFiles(self.layout).true_haloes(self.layout.known_boxes) if self.targets(wildcards) else []

    def start(self, wildcards: Wildcards) -> list[str]:
        """Files of the network that a training starts from; none for one that starts from random weights."""
        start = self._network(wildcards).start_from
        return self._files_of("start_from", start, wildcards) if start else []

    def soft_labels(self, wildcards: Wildcards) -> list[str]:
        """What a network's teacher says of the training boxes; none for a network without a teacher."""
        folder, boxes = f"{self.layout.networks}/{wildcards.network}/soft_labels", self.layout.training_boxes
        return [f"{folder}/{box}.h5" for box in boxes] if self.teacher(wildcards) else []

    def teacher(self, wildcards: Wildcards) -> list[str]:
        """Files of a network's teacher; none for a network without one."""
        teacher = self._network(wildcards).teacher
        return self._files_of("teacher.network", teacher.network, wildcards) if teacher else []

    def _files_of(self, key: str, name: str, wildcards: Wildcards) -> list[str]:
        """Files of another network, of the configuration or in a folder, that a key of a network's settings names."""
        networks = self.layout.settings.networks
        if name in networks:
            return [f"{self.layout.networks}/{name}/{file}" for file in NETWORK_FILES]
        return known_network_files(self.layout, f"networks.{wildcards.network}.{key}", name, list(networks))

    def _network(self, wildcards: Wildcards) -> NetworkSettings:
        return self.layout.settings.networks[wildcards.network]

    # Of a mock, and of targets.

    def mock_network(self, wildcards: Wildcards) -> list[str]:
        """Files of the mocks' network that decide a mock."""
        if self.layout.mock_network_is_own:
            return [f"{self.layout.mock_network}/{name}" for name in NETWORK_FILES]
        settings = self.layout.settings
        return known_network_files(self.layout, "mocks.network", settings.mocks.network, settings.run.networks)

    def true_haloes_or_refusal(self, wildcards: Wildcards) -> list[str]:
        """No file, but a word to the user where a target compares with haloes that the truth does not have."""
        if self.layout.settings.ground_truth.has_haloes:
            return []
        raise WorkflowError(
            "this target compares with true haloes, but ground_truth.files.haloes is null: the truth is a mask alone. "
            "Give haloes, or ask for what a mask allows: snakemake statistics (training, predictions, Dice "
            "coefficient) or snakemake haloes"
        )

    def simulation_or_refusal(self, wildcards: Wildcards) -> list[str]:
        """No file, but a word to the user where there is no simulation to compare Peak Patch with."""
        if self.layout.is_n_body:
            return []
        raise WorkflowError(
            f"the target truths compares Peak Patch with a simulation, but ground_truth.source is "
            f"{self.layout.settings.ground_truth.source!r}; set it to 'n_body'"
        )


def kept(path: str, keep: bool) -> str:
    """An output that Snakemake deletes once it was used, unless the configuration keeps it."""
    return path if keep else temp(path)


def known_network_files(layout: Layout, key: str, name: str, own: list[str]) -> list[str]:
    """Files of a network outside of this run that decide what it predicts; a folder that is no network is refused.

    Parameters
    ----------
    key
        Setting that names the network.
    own
        Networks of the run, which the message offers instead.
    """
    files = [layout.outside_network(name) / file for file in NETWORK_FILES]
    for missing in (file for file in files if not file.is_file()):
        raise WorkflowError(
            f"{key} = {name!r}: {missing} is missing; give one of {', '.join(own)}, or the folder of a trained network"
        )
    quantised = layout.outside_network(name) / "int8.h5"  # which decides too, where there is one
    return list(map(str, [*files, *([quantised] if quantised.is_file() else [])]))
