"""Files that the targets of a run keep, stage by stage, from the ground truth to the figures."""

from dataclasses import dataclass

from halonet.figures import names as figure_names
from halonet.workflow.layout import Layout

NETWORK_FILES = ("model.weights.h5", "settings.json", "normalisation.json")  # what decides a prediction
RECORDS = ("provenance.json", "history.csv", "progress.png")


@dataclass(frozen=True)
class KeptFiles:
    """Files of a run that a target asks for; a deleted one is noticed and remade."""

    layout: Layout

    # Ground truth.

    def ground_truth(self) -> list[str]:
        """Of the ground truth of all boxes."""
        return [*self.truth_of(self.layout.boxes), *self.cosmologies(self.layout.boxes)]

    def cosmologies(self, boxes: list[str]) -> list[str]:
        """Spectra behind these boxes, and tables of collapse where their truth is Peak Patch."""
        layout, files = self.layout, [self.layout.power_spectrum]
        if layout.settings.ground_truth.source == "peak_patch":
            files.append(layout.collapse_table)
        return list(dict.fromkeys(file(box) for file in files for box in boxes))

    def truth_of(self, boxes: list[str]) -> list[str]:
        """Of the ground truth of these boxes."""
        names = ["mask.h5"] + (["density.h5"] if self.layout.settings.run.keep_density else [])
        if self.layout.is_n_body:
            names += self._simulated()
        files = [f"{self.layout.ground_truth}/{box}/{name}" for box in boxes for name in names]
        return files + self.true_haloes(boxes)

    def _simulated(self) -> list[str]:
        """Names of the files of a box's simulation, beside haloes and mask of the run's redshift."""
        further = [self.layout.snapshot_folder(redshift) for redshift in self.layout.snapshots[1:]]
        names = ["owners.h5"]
        names += [f"{folder}{name}.h5" for folder in further for name in ("haloes", "mask", "owners")]
        if self.layout.settings.ground_truth.n_body.keep_particles:
            names += [f"{folder}particles.h5" for folder in ("", *further)]
        return names

    def true_haloes(self, boxes: list[str]) -> list[str]:
        """Catalogues of true haloes of these boxes; none where the truth is a user's mask alone."""
        has_haloes = self.layout.settings.ground_truth.has_haloes
        return [f"{self.layout.ground_truth}/{box}/haloes.h5" for box in boxes] if has_haloes else []

    def true_owners(self, boxes: list[str]) -> list[str]:
        """Halo of every cell of these boxes; none where protohaloes are spheres."""
        return [f"{self.layout.ground_truth}/{box}/owners.h5" for box in boxes] if self.layout.is_n_body else []

    # Networks and what they predict.

    def dataset(self) -> list[str]:
        """Of the dataset."""
        return [f"{self.layout.dataset}/{name}" for name in ("subvolumes.csv", "normalisation.json")]

    def networks(self) -> list[str]:
        """Of the trained networks."""
        return [file for name in self.layout.settings.run.networks for file in self.network(name)]

    def network(self, name: str) -> list[str]:
        """Files a trained network consists of."""
        return [f"{self.layout.networks}/{name}/{file}" for file in (*NETWORK_FILES, *RECORDS)]

    def probabilities(self) -> list[str]:
        """Predicted probabilities of the calibration and test boxes."""
        boxes = self.layout.calibration_boxes + self.layout.test_boxes
        networks = self.layout.settings.run.networks
        return [f"{self.layout.predictions}/{network}/{box}.h5" for network in networks for box in boxes]

    def kept_probabilities(self) -> list[str]:
        """Predicted probabilities, where the configuration keeps them."""
        return self.probabilities() if self.layout.settings.run.keep_probability else []

    # Catalogues.

    def haloes(self) -> list[str]:
        """Of halo finding."""
        names, boxes = self.layout.catalogues, self.layout.test_boxes
        files = [f"{self.layout.haloes}/{name}/{box}.h5" for name in names for box in boxes]
        return files + [file for name in names for file in self.thresholds_of(name)]

    def thresholds_of(self, catalogue: str) -> list[str]:
        """Calibrated constants of a catalogue's finder, where the configuration asks for them."""
        needed = self.layout.catalogues[catalogue].needs_calibration
        return [f"{self.layout.haloes}/{catalogue}/thresholds.json"] if needed else []

    def statistics(self) -> list[str]:
        """Of the statistics."""
        names = [*self.layout.test_boxes, "summary"]
        names += [f"summary_{box}" for box in list(self.layout.test_cosmologies)[1:]]
        return [f"{self.layout.statistics}/{found}/{name}.json" for found in self.layout.catalogues for name in names]

    def figures(self) -> list[str]:
        """Of the figures of all catalogues."""
        return [
            f"{self.layout.figures}/{name}/{file}"
            for name, found in self.layout.catalogues.items()
            for file in figure_names.files_of(figure_names.of_catalogue(found.needs_calibration))
        ]

    def figures_of_catalogue(self, calibrated: bool) -> list[str]:
        """Of the figures of a catalogue ``{network}``, whose finder was calibrated or not."""
        names = figure_names.files_of(figure_names.of_catalogue(calibrated))
        return [f"{self.layout.figures}/{{network}}/{name}" for name in names]
