"""HaloNet: from random phases to compared mock halo catalogues. A table of contents; each stage stands in rules/."""

import json
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.27")


configfile: f"{workflow.basedir}/config.yaml"


# The package of this checkout, here and in every job, whatever else is installed.
ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT / "src"))
SOURCE = shlex.quote(f"{ROOT}/src").replace("{", "{{").replace("}", "}}")
shell.prefix(
    f"set -euo pipefail; export PYTHONPATH={SOURCE}${{{{PYTHONPATH:+:$PYTHONPATH}}}}; "
)

from halonet.provenance import file_digest
from halonet.settings import Settings, SettingsError, validate
from halonet.settings.paths import as_in_a_shell
from halonet.settings.yaml_files import read_yaml
from halonet.workflow import run_progress
from halonet.workflow.costs import JobCosts
from halonet.workflow.job_inputs import JobInputs, kept
from halonet.workflow.kept_files import KeptFiles
from halonet.workflow.kept_of_models import (
    field_level_chains,
    field_level_figures,
    field_level_files,
    kept_mock_fields,
    light_cone_files,
    mock_files,
    mock_thresholds,
    neural_bias_chains,
    neural_bias_figures,
    neural_bias_files,
    neural_bias_of_run,
    own_mock_network,
    truths_figures,
    truths_of_run,
)
from halonet.workflow.layout import Layout, network_behind
from halonet.workflow.machine import machine_of
from halonet.workflow.parameters import (
    Parameters,
    as_json,
    folder_given,
    folder_of_boxes,
    given,
)
from halonet.workflow.resources import LAUNCH, JobResources, of_ranks
from halonet.workflow.run_log import describe_failures, failed_jobs, remember_logs

try:
    for (
        file
    ) in workflow.configfiles:  # Snakemake takes the last of keys that stand twice
        if not str(file).endswith(".json"):
            read_yaml(file)
    SETTINGS = validate(Settings, config, "config")
except SettingsError as error:
    raise WorkflowError(str(error)) from None

COSTS = JobCosts(SETTINGS, machine_of(SETTINGS.jobs))
run_progress.costs = COSTS
LAYOUT = Layout(SETTINGS, ROOT)
KEPT = KeptFiles(LAYOUT)
INPUTS = JobInputs(LAYOUT)
PARAMETERS = Parameters(LAYOUT)
RESOURCES = JobResources(COSTS)


include: "rules/cosmology.smk"
include: f"rules/{'import_' if SETTINGS.ground_truth.files else ''}ground_truth.smk"


if SETTINGS.ground_truth.source == "n_body":

    include: "rules/n_body.smk"
    include: "rules/truths.smk"


include: "rules/batches.smk"
include: "rules/dataset.smk"
include: "rules/training.smk"
include: "rules/prediction.smk"
include: "rules/halo_finding.smk"
include: "rules/statistics.smk"
include: "rules/report.smk"
include: "rules/neural_bias.smk"
include: "rules/field_level.smk"
include: "rules/mocks.smk"
include: "rules/light_cones.smk"


wildcard_constraints:
    box=r"\d+",
    # A network, or a catalogue, which has the name of its network where no second finder stands beside.
    network="|".join([*SETTINGS.trained_networks, *LAYOUT.catalogues]),
    batch=r"\d+-\d+",
    chain=r"\d+",
    draw=r"\d+",
    redshift=r"[\d.]+",
    seed=r"\d+",


onstart:
    remember_logs(SETTINGS.run.name, log)


onerror:
    print(describe_failures(failed_jobs(log)), file=sys.stderr)


localrules:
    all,
    batches,
    ground_truth,
    dataset,
    training,
    predictions,
    haloes,
    statistics,
    figures,
    neural_bias,
    field_level,
    mocks,
    light_cones,
    truths,


# Targets list every kept file of their stage and of the stages before it: a deleted intermediate is noticed and remade.


rule all:
    default_target: True
    input:
        INPUTS.true_haloes_or_refusal,
        KEPT.figures(),
        LAYOUT.report,
        neural_bias_of_run(LAYOUT),
        KEPT.statistics(),
        KEPT.haloes(),
        KEPT.kept_probabilities(),
        KEPT.networks(),
        KEPT.dataset(),
        KEPT.ground_truth(),


# Ahead of the others, where boxes are many and small (docs/clusters.md).


rule batches:
    input:
        expand(f"{LAYOUT.ground_truth}/batches/{{batch}}.done", batch=LAYOUT.batches),


rule ground_truth:
    input:
        KEPT.ground_truth(),


rule dataset:
    input:
        KEPT.dataset(),
        KEPT.ground_truth(),


rule training:
    input:
        KEPT.networks(),
        KEPT.dataset(),
        KEPT.ground_truth(),


rule predictions:
    input:
        KEPT.probabilities(),
        KEPT.networks(),
        KEPT.dataset(),
        KEPT.ground_truth(),


rule haloes:
    input:
        KEPT.haloes(),
        KEPT.kept_probabilities(),
        KEPT.networks(),
        KEPT.dataset(),
        KEPT.ground_truth(),


rule statistics:
    input:
        KEPT.statistics(),
        KEPT.haloes(),
        KEPT.kept_probabilities(),
        KEPT.networks(),
        KEPT.dataset(),
        KEPT.ground_truth(),


rule figures:
    input:
        INPUTS.true_haloes_or_refusal,
        KEPT.figures(),
        KEPT.statistics(),
        KEPT.haloes(),
        KEPT.kept_probabilities(),
        KEPT.networks(),
        KEPT.dataset(),
        KEPT.ground_truth(),


# Peak Patch against the simulation that is the truth.


rule truths:
    input:
        INPUTS.simulation_or_refusal,
        truths_of_run(LAYOUT),


rule neural_bias:
    input:
        INPUTS.true_haloes_or_refusal,
        neural_bias_figures(LAYOUT),
        neural_bias_files(LAYOUT),
        [
            f"{LAYOUT.ground_truth}/{LAYOUT.neural_bias_box}/{name}.h5"
            for name in ("density", "haloes")
        ],


# Initial phases and bias parameters from the haloes of one box alone; no part of `all`.


rule field_level:
    input:
        INPUTS.true_haloes_or_refusal,
        field_level_figures(LAYOUT),
        field_level_files(LAYOUT),
        [
            f"{LAYOUT.ground_truth}/{LAYOUT.field_level_box}/{name}.h5"
            for name in ("density", "haloes")
        ],


# New catalogues from a trained network, shipped or of this run; no part of `all`.


rule mocks:
    input:
        mock_files(LAYOUT),
        own_mock_network(LAYOUT),


# What observers see of boxes, by Peak Patch; no part of `all`.


rule light_cones:
    input:
        light_cone_files(LAYOUT),


# A file may be asked for by the name that the settings give its folder, with ~ or a variable: a rule of that name.
AS_WRITTEN = f"{config['run']['results']}/"
for TARGET in sys.argv[1:]:

    if TARGET.startswith(AS_WRITTEN) and TARGET != as_in_a_shell(TARGET):

        rule:
            name:
                TARGET
            input:
                as_in_a_shell(TARGET),
            localrule: True
