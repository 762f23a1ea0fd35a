"""HaloNet: from random phases to compared mock halo catalogues. A table of contents; each stage stands in rules/."""

from snakemake.utils import min_version

min_version("9.27")


configfile: f"{workflow.basedir}/config.yaml"


include: "rules/common.smk"
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


wildcard_constraints:
    box=r"\d+",
    # A network, or a catalogue, which has the name of its network where no second finder stands beside.
    network="|".join([*SETTINGS.trained_networks, *CATALOGUES]),
    batch=r"\d+-\d+",
    chain=r"\d+",
    draw=r"\d+",
    redshift=r"[\d.]+",
    seed=r"\d+",


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
    truths,


# Targets list every kept file of their stage and of the stages before it: a deleted intermediate is noticed and remade.


rule all:
    default_target: True
    input:
        needs_true_haloes,
        figure_files(),
        REPORT,
        neural_bias_of_run(),
        statistics_files(),
        halo_files(),
        kept_probabilities(),
        network_files(),
        dataset_files(),
        ground_truth_files(),


# Ahead of the others, where boxes are many and small (docs/clusters.md).


rule batches:
    input:
        expand(f"{GROUND_TRUTH}/batches/{{batch}}.done", batch=BATCHES),


rule ground_truth:
    input:
        ground_truth_files(),


rule dataset:
    input:
        dataset_files(),
        ground_truth_files(),


rule training:
    input:
        network_files(),
        dataset_files(),
        ground_truth_files(),


rule predictions:
    input:
        probability_files(),
        network_files(),
        dataset_files(),
        ground_truth_files(),


rule haloes:
    input:
        halo_files(),
        kept_probabilities(),
        network_files(),
        dataset_files(),
        ground_truth_files(),


rule statistics:
    input:
        statistics_files(),
        halo_files(),
        kept_probabilities(),
        network_files(),
        dataset_files(),
        ground_truth_files(),


rule figures:
    input:
        needs_true_haloes,
        figure_files(),
        statistics_files(),
        halo_files(),
        kept_probabilities(),
        network_files(),
        dataset_files(),
        ground_truth_files(),


# Peak Patch against the simulation that is the truth.


rule truths:
    input:
        needs_a_simulation,
        truths_of_run(),


rule neural_bias:
    input:
        needs_true_haloes,
        neural_bias_figures(),
        neural_bias_files(),
        [
            f"{GROUND_TRUTH}/{NEURAL_BIAS_BOX}/{name}.h5"
            for name in ("density", "haloes")
        ],


# Initial phases and bias parameters from the haloes of one box alone; no part of `all`.


rule field_level:
    input:
        needs_true_haloes,
        field_level_figures(),
        field_level_files(),
        [
            f"{GROUND_TRUTH}/{FIELD_LEVEL_BOX}/{name}.h5"
            for name in ("density", "haloes")
        ],


# New catalogues from a trained network, shipped or of this run; no part of `all`.


rule mocks:
    input:
        mock_files(),
        own_network_files(),
