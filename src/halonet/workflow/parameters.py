"""Parameters of jobs: exactly what their results depend on, so that a change of it remakes them and no other does."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from snakemake.iocontainers import Wildcards

from halonet.code_digests import code_digest
from halonet.provenance import file_digest
from halonet.workflow.job_inputs import JobInputs
from halonet.workflow.kept_of_models import mock_thresholds
from halonet.workflow.layout import Layout


def as_json(settings: BaseModel) -> str:
    """Settings of one stage, as its script takes them and as their change is noticed."""
    return json.dumps(settings.model_dump())


def given(option: str, files: str | Sequence[str] | None) -> list[str]:
    """An option of a script and its files, or nothing where there are none."""
    return [option, *([files] if isinstance(files, str) else files)] if files else []


def folder_given(option: str, files: Sequence[str]) -> list[str]:
    """An option of a script and the folder of its files, or nothing where there are none."""
    return [option, str(Path(files[0]).parent)] if files else []


def folder_of_boxes(files: Sequence[str]) -> str:
    """Folder that holds a folder per box, from the boxes' files."""
    return str(Path(files[0]).parents[1])


@dataclass(frozen=True)
class Parameters:
    """Parameters of the jobs of a run."""

    layout: Layout

    def of_script(self, name: str) -> dict[str, str]:
        """Parameters of every rule: its script, and the digest of its code."""
        return {"script": self.layout.script(name), "code": self.digest(name)}

    def digest(self, name: str) -> str:
        """Digest of a script and of the package code behind it: changed code remakes what it makes."""
        return code_digest(self.layout.script(name))

    def finding(self, wildcards: Wildcards) -> str:
        """Settings by which the haloes of a catalogue are found."""
        return as_json(self.layout.catalogues[wildcards.network])

    def n_body(self, *names: str) -> str:
        """Of the simulation's settings, those that a script uses."""
        return json.dumps(self.layout.settings.ground_truth.n_body.model_dump(include=set(names)))

    def neural_bias(self, *names: str) -> str:
        """Of the neural bias model's settings, those that a script uses; how many chains there are changes none."""
        values = self.layout.settings.neural_bias.model_dump(exclude={"sampler": {"chains"}})
        return json.dumps({name: values[name] for name in names})

    def field_level(self, *names: str) -> str:
        """Of field-level inference's settings, those that a script uses; how many chains there are changes none."""
        values = self.layout.settings.field_level.model_dump()
        return json.dumps({name: values[name] for name in names})

    def mocks(self, *names: str) -> str:
        """Of the mocks' settings, those that a script uses."""
        return json.dumps({name: getattr(self.layout.settings.mocks, name) for name in names})

    def light_cone(self) -> str:
        """Observer, opening and redshifts of the light cones."""
        return as_json(self.layout.settings.light_cone.cone)

    def cosmology_today(self) -> str:
        """The cosmology, whose redshift has no meaning for a light cone."""
        return json.dumps(self.layout.settings.cosmology.model_dump(exclude={"redshift"}))

    def outside_validity(self) -> list[str]:
        """The option that lets a user's own truth be unlike haloes, where the configuration says so."""
        files = self.layout.settings.ground_truth.files
        return ["--outside-validity"] if files and files.outside_validity else []

    def mock_options(self) -> list[str]:
        """Options of a mock that stand in the configuration."""
        settings, options = self.layout.settings, []
        if self.layout.mock_network_is_own:
            options += ["--halo-finding", as_json(settings.halo_finding)]
        if settings.mocks.outside_validity:
            options.append("--outside-validity")
        if settings.prediction.precision != "float32":
            options += ["--precision", settings.prediction.precision]
        return options

    def mock_network_digest(self, wildcards: Wildcards) -> list[str] | None:
        """Content of a network that no job of this run makes; what this run trains is noticed as a changed input."""
        if self.layout.mock_network_is_own:
            return None
        files = [*JobInputs(self.layout).mock_network(wildcards), *mock_thresholds(self.layout)]
        return [file_digest(file) for file in files]

    def neural_bias_of_report(self) -> list[str]:
        """Option of the report with summary and figures of the neural bias model, where the run has it."""
        shown = [f"{self.layout.neural_bias}/summary.json", f"{self.layout.figures}/neural_bias"]
        return given("--neural-bias", shown if self.layout.settings.run.neural_bias else [])

    def batch_configuration(self) -> dict[str, Any]:
        """Configuration that makes the boxes of a batch as the run would: all of it, but for how its jobs run."""
        values = self.layout.settings.model_dump(exclude={"training", "jobs", "mocks", "field_level", "light_cone"})
        values["ground_truth"] |= {"ranks": 1, "launcher": ""}
        values["ground_truth"]["n_body"] |= {"threads": 1, "checkpoint_minutes": 10.0}
        return values | {"training": {}}

    def reported_settings(self) -> dict[str, Any]:
        """The settings that decide a run's results: neither how jobs run, nor networks that are not trained."""
        settings = self.layout.settings
        how = dict.fromkeys(("training", "jobs", "mocks", "field_level", "light_cone"), True)
        unused = {
            "files": {"peak_patch", "n_body"},
            "peak_patch": {"source", "files", "n_body"},
            "n_body": {"peak_patch", "files"},
        }[settings.ground_truth.source]
        values = settings.model_dump(exclude=how | {"ground_truth": unused | {"ranks", "launcher"}})
        values["networks"] = {name: values["networks"][name] for name in settings.trained_networks}
        return values
