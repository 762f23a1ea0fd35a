"""What the rules share: validated settings, paths, parameters and resources. All functions of the workflow are here."""

import json
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# The package of this checkout, here and in every job, whatever else is installed.
ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT / "src"))
shell.prefix(
    f"set -euo pipefail; export PYTHONPATH='{ROOT}/src'${{{{PYTHONPATH:+:$PYTHONPATH}}}}; "
)

from halonet import run_progress
from halonet.costs import JobCosts, memory_mb, runtime_minutes
from halonet.machine import machine_of
from halonet.provenance import code_digest, file_digest
from halonet.run_log import describe_failures, failed_jobs
from halonet.settings import Settings, SettingsError, validate

try:
    SETTINGS = validate(Settings, config, "config")
except SettingsError as error:
    raise WorkflowError(str(error)) from None

COSTS = JobCosts(SETTINGS, machine_of(SETTINGS.jobs))
run_progress.costs = COSTS
CATALOGUES = SETTINGS.catalogues
RESULTS = f"{SETTINGS.run.results}/{SETTINGS.run.name}"
LOGS = f"{RESULTS}/logs"
COSMOLOGY = f"{RESULTS}/cosmology"
GROUND_TRUTH = f"{RESULTS}/ground_truth"
# Where the truth is a simulation, Peak Patch haloes of the same densities stand beside it, for comparison.
N_BODY = SETTINGS.ground_truth.source == "n_body"
PEAK_PATCH = f"{RESULTS}/peak_patch" if N_BODY else GROUND_TRUTH
DATASET = f"{RESULTS}/dataset"
NETWORKS = f"{RESULTS}/networks"
NETWORK_FILES = ("model.weights.h5", "settings.json", "normalisation.json")
PREDICTIONS = f"{RESULTS}/predictions"
HALOES = f"{RESULTS}/haloes"
STATISTICS = f"{RESULTS}/statistics"
FIGURES = f"{RESULTS}/figures"
NEURAL_BIAS = f"{RESULTS}/neural_bias"
FIELD_LEVEL = f"{RESULTS}/field_level"
REPORT = f"{RESULTS}/report.html"

BOXES = [f"{i:03d}" for i in range(SETTINGS.boxes.count)]
TEST_BOXES = BOXES[SETTINGS.boxes.count - SETTINGS.boxes.test :]
KNOWN_BOXES = BOXES[: SETTINGS.boxes.count - SETTINGS.boxes.test]
TRAINING_BOXES = KNOWN_BOXES[: len(KNOWN_BOXES) - SETTINGS.boxes.validation]
VALIDATION_BOXES = KNOWN_BOXES[len(TRAINING_BOXES) :]

# Batches are named by their first and last box, so that those of another size are others.
SIZE = SETTINGS.jobs.boxes_per_job
CUTS = [BOXES[start : start + SIZE] for start in range(0, len(BOXES), SIZE)]
BATCHES = {f"{boxes[0]}-{boxes[-1]}": boxes for boxes in CUTS}
TRUTH_SCRIPTS = {
    "files": ["import_ground_truth"],
    "peak_patch": ["draw_density", "find_peak_patch_haloes"],
    "n_body": ["draw_density", "simulate_n_body", "find_n_body_haloes"],
}[SETTINGS.ground_truth.source]
SNAPSHOTS = SETTINGS.ground_truth.n_body.snapshots(SETTINGS.cosmology.redshift)


def outside_network(folder):
    """Folder of a network that no job of this run makes: a user's, or one that is shipped with the code."""
    return Path(folder) if Path(folder).is_dir() else ROOT / folder


MOCK_NETWORK_IS_OWN = SETTINGS.mocks.network in SETTINGS.run.networks
if MOCK_NETWORK_IS_OWN:
    MOCK_NETWORK = f"{NETWORKS}/{SETTINGS.mocks.network}"
else:
    MOCK_NETWORK = str(outside_network(SETTINGS.mocks.network))
MOCKS = f"{RESULTS}/mocks/{Path(MOCK_NETWORK).name}"
MOCK_SEEDS = [SETTINGS.mocks.first_seed + i for i in range(SETTINGS.mocks.count)]

NEURAL_BIAS_BOX = (
    BOXES if SETTINGS.neural_bias.box is not None else [*TEST_BOXES, *BOXES]
)[SETTINGS.neural_bias.box or 0]
FIELD_LEVEL_BOX = (
    BOXES if SETTINGS.field_level.box is not None else [*TEST_BOXES, *BOXES]
)[SETTINGS.field_level.box or 0]

# MPI programs start through {resources.launcher} where there is more than one rank; the choice is left to the shell, so that
# another launcher or another number of ranks is no changed parameter and remakes nothing. srun takes the number of cores of
# a rank from the environment alone (SLURM 22.05 and later).
LAUNCH = (
    "export SRUN_CPUS_PER_TASK={threads}; "
    'launch=""; [ {resources.tasks} -eq 1 ] || launch="{resources.launcher} -n {resources.tasks}"; $launch '
)


def script(name):
    """A script of the workflow, wherever the run's working folder is."""
    return str(ROOT / "workflow_scripts" / f"{name}.py")


def digest(name):
    """Digest of a script and of the package code behind it: changed code remakes what it makes."""
    return code_digest(script(name))


def as_json(settings):
    """Settings of one stage, as its script takes them and as their change is noticed."""
    return json.dumps(settings.model_dump())


def given(option, files):
    """An option of a script and its files, or nothing where there are none."""
    return [option, *([files] if isinstance(files, str) else files)] if files else []


def trained(catalogue):
    """Network behind a catalogue: that before the finder which stands beside the first."""
    return catalogue.split("/")[0]


def probability_behind(*boxes):
    """Predictions of boxes, as an input: those in which a catalogue is found."""

    def paths(wildcards):
        network = trained(wildcards.network)
        return [
            f"{PREDICTIONS}/{network}/{box.format(**wildcards)}.h5" for box in boxes
        ]

    return paths


def in_network(name):
    """File of the network behind a catalogue, as an input."""
    return lambda wildcards: f"{NETWORKS}/{trained(wildcards.network)}/{name}"


def finding(wildcards):
    """Settings by which the haloes of a catalogue are found."""
    return as_json(CATALOGUES[wildcards.network])


def calibration_boxes():
    """Boxes whose predictions fit the halo finders' thresholds; none where the thresholds are given."""
    finding = SETTINGS.halo_finding
    if not any(found.needs_calibration for found in CATALOGUES.values()):
        return []
    known = TRAINING_BOXES if finding.calibrate_on == "training" else VALIDATION_BOXES
    return known[: finding.calibration_boxes]


def mpi(settings):
    """What the SLURM executor takes for a request of MPI tasks; none for one rank, which it refuses."""
    return settings.launcher if settings.ranks > 1 else None


def memory(rule):
    """Memory (MB) that a job of a rule asks for, from its settings and its attempt."""

    def mem_mb(wildcards, attempt):
        return memory_mb(
            COSTS.megabytes(rule, wildcards.get("network")), attempt, SETTINGS.jobs
        )

    return mem_mb


def runtime(rule):
    """Run time (minutes) that a job of a rule asks for, from its settings and its attempt."""

    def minutes(wildcards, attempt):
        return runtime_minutes(
            COSTS.seconds(rule, wildcards.get("network")), attempt, SETTINGS.jobs
        )

    return minutes


def collapse_table():
    """Table behind Peak Patch; none where the truth is a user's own."""
    made_here = SETTINGS.ground_truth.source == "peak_patch"
    return [f"{COSMOLOGY}/collapse_table.h5"] if made_here else []


def truth_files(boxes):
    """Kept files of the ground truth of these boxes."""
    names = ["mask.h5"] + (["density.h5"] if SETTINGS.run.keep_density else [])
    if N_BODY:
        names += n_body_names()
    files = expand(f"{GROUND_TRUTH}/{{box}}/{{name}}", box=boxes, name=names)
    return files + true_haloes(boxes)


def snapshot_folder(redshift):
    """Folder of a snapshot within that of its box: the box's own for the redshift of the run."""
    return "" if redshift == SNAPSHOTS[0] else f"redshift_{redshift:g}/"


def n_body_names():
    """Kept files of a box's simulation, beside haloes and mask of the run's redshift."""
    names = ["owners.h5"]
    further = [snapshot_folder(redshift) for redshift in SNAPSHOTS[1:]]
    names += [
        f"{folder}{name}.h5"
        for folder in further
        for name in ("haloes", "mask", "owners")
    ]
    if SETTINGS.ground_truth.n_body.keep_particles:
        names += [f"{folder}particles.h5" for folder in ("", *further)]
    return names


def n_body_settings(*names):
    """Of the simulation's settings, those that a script uses, as JSON."""
    return json.dumps(SETTINGS.ground_truth.n_body.model_dump(include=set(names)))


def batch_configuration():
    """Configuration that makes the boxes of a batch as the run would: all of it, but for how its jobs run."""
    values = SETTINGS.model_dump(exclude={"training", "jobs", "mocks", "field_level"})
    values["ground_truth"] |= {"ranks": 1, "launcher": ""}
    values["ground_truth"]["n_body"] |= {"threads": 1, "checkpoint_minutes": 10.0}
    return values | {"training": {}}


def folder_of_boxes(files):
    """Folder that holds a folder per box, from the boxes' files."""
    return str(Path(files[0]).parents[1])


def kept(path, keep):
    """An intermediate that the configuration may let go once it was used."""
    return path if keep else temp(path)


def ground_truth_files():
    """Kept files of the ground truth."""
    power_spectrum = f"{COSMOLOGY}/power_spectrum.csv"
    return [*truth_files(BOXES), power_spectrum, *collapse_table()]


def true_haloes(boxes):
    """Catalogues of true haloes of these boxes; none where the truth is a user's mask alone."""
    return (
        [f"{GROUND_TRUTH}/{box}/haloes.h5" for box in boxes]
        if SETTINGS.ground_truth.has_haloes
        else []
    )


def true_owners(boxes):
    """Halo of every cell of these boxes; none where protohaloes are spheres."""
    return [f"{GROUND_TRUTH}/{box}/owners.h5" for box in boxes] if N_BODY else []


def truths_figures():
    """Figure of Peak Patch against the simulation, and its caption."""
    names = ("truths.png", "truths.pdf", "captions.json")
    return [f"{FIGURES}/truths/{name}" for name in names]


def truths_of_run():
    """Comparison of Peak Patch with the simulation, where the truth is one; nothing elsewhere."""
    return truths_figures() if N_BODY else []


def needs_a_simulation(wildcards):
    """No file, but a word to the user where there is no simulation to compare Peak Patch with."""
    if N_BODY:
        return []
    raise WorkflowError(
        f"the target truths compares Peak Patch with a simulation, but ground_truth.source is "
        f"{SETTINGS.ground_truth.source!r}; set it to 'n_body'"
    )


def needs_true_haloes(wildcards):
    """No file, but a word to the user where a target compares with haloes that the truth does not have."""
    if SETTINGS.ground_truth.has_haloes:
        return []
    raise WorkflowError(
        "this target compares with true haloes, but ground_truth.files.haloes is null: the truth is a mask alone. "
        "Give haloes, or ask for what a mask allows: snakemake statistics (training, predictions, Dice coefficient) "
        "or snakemake haloes"
    )


def dataset_files():
    """Kept files of the dataset."""
    return [f"{DATASET}/subvolumes.csv", f"{DATASET}/normalisation.json"]


def channel_files(wildcards):
    """Channels of the boxes that train or validate a network; none for a network without channels."""
    if not SETTINGS.networks[wildcards.network].channels.count:
        return []
    return expand(
        f"{NETWORKS}/{wildcards.network}/channels/{{box}}.h5", box=KNOWN_BOXES
    )


def target_files(wildcards):
    """What the heads of a network learn, of the boxes that train or validate it; none for a network without heads."""
    if not SETTINGS.networks[wildcards.network].heads.weights:
        return []
    return expand(f"{DATASET}/targets/{{box}}.h5", box=KNOWN_BOXES)


def haloes_behind_targets(wildcards):
    """True haloes, of which training makes sure that the targets are theirs."""
    return true_haloes(KNOWN_BOXES) if target_files(wildcards) else []


def start_files(wildcards):
    """Files of the network that a training starts from; none for one that starts from random weights."""
    start = SETTINGS.networks[wildcards.network].start_from
    if start is None:
        return []
    if start in SETTINGS.networks:
        return [f"{NETWORKS}/{start}/{name}" for name in NETWORK_FILES]
    key = f"networks.{wildcards.network}.start_from"
    return known_network_files(key, start, SETTINGS.networks)


def known_network_files(key, name, own):
    """Files of a network outside of this run that decide what it predicts; a folder that is no network is refused."""
    files = [outside_network(name) / file for file in NETWORK_FILES]
    for missing in (file for file in files if not file.is_file()):
        raise WorkflowError(
            f"{key} = {name!r}: {missing} is missing; give one of {', '.join(own)}, or the folder of a trained network"
        )
    return list(map(str, files))


def network_files():
    """Kept files of the trained networks."""
    return [file for name in SETTINGS.run.networks for file in network_folder(name)]


def network_folder(name):
    """Files a trained network consists of."""
    names = (
        "model.weights.h5",
        "settings.json",
        "normalisation.json",
        "provenance.json",
        "history.csv",
        "progress.png",
    )
    return [f"{NETWORKS}/{name}/{file}" for file in names]


def probability_files():
    """Predicted probabilities of the calibration and test boxes."""
    boxes = calibration_boxes() + TEST_BOXES
    return expand(
        f"{PREDICTIONS}/{{network}}/{{box}}.h5",
        network=SETTINGS.run.networks,
        box=boxes,
    )


def kept_probabilities():
    """Predicted probabilities, where the configuration keeps them."""
    return probability_files() if SETTINGS.run.keep_probability else []


def halo_files():
    """Kept files of halo finding."""
    files = expand(
        f"{HALOES}/{{network}}/{{box}}.h5",
        network=CATALOGUES,
        box=TEST_BOXES,
    )
    return files + [file for name in CATALOGUES for file in thresholds_of(name)]


def found_haloes_to_compare(name="{box}"):
    """Catalogue that a test box's true haloes are compared with; none where there are no true haloes."""
    has_haloes = SETTINGS.ground_truth.has_haloes
    return [f"{HALOES}/{{network}}/{name}.h5"] if has_haloes else []


def density_to_compare():
    """Density in which haloes have shapes; none where there are no true haloes to compare them with."""
    return (
        [f"{GROUND_TRUTH}/{{box}}/density.h5"]
        if SETTINGS.ground_truth.has_haloes
        else []
    )


def thresholds_of(catalogue):
    """Calibrated thresholds of a catalogue, where the configuration asks for them."""
    needed = CATALOGUES[catalogue].needs_calibration
    return [f"{HALOES}/{catalogue}/thresholds.json"] if needed else []


def statistics_files():
    """Kept files of the statistics."""
    names = [*TEST_BOXES, "summary"]
    return expand(
        f"{STATISTICS}/{{network}}/{{name}}.json",
        network=CATALOGUES,
        name=names,
    )


def figure_names():
    """Files of one catalogue's figures."""
    drawings = [
        "slice",
        "haloes",
        "mass_function",
        "differential_mass_function",
        "power_spectrum",
        "eulerian_power_spectrum",
        "correlation_function",
        "roc",
        "matching",
        "shapes",
        "profiles",
        "training",
        "network",
    ]
    if all(found.needs_calibration for found in CATALOGUES.values()):
        drawings.append("calibration")
    return [f"{drawing}.{kind}" for drawing in drawings for kind in ("png", "pdf")] + [
        "captions.json"
    ]


def figure_files():
    """Kept files of the figures."""
    return expand(
        f"{FIGURES}/{{network}}/{{name}}",
        network=CATALOGUES,
        name=figure_names(),
    )


def reported_settings():
    """The settings that decide a run's results: neither how jobs run, nor networks that are not trained."""
    unused = {"ranks", "launcher"} | {
        "files": {"peak_patch", "n_body"},
        "peak_patch": {"source", "files", "n_body"},
        "n_body": {"peak_patch", "files"},
    }[SETTINGS.ground_truth.source]
    how = dict.fromkeys(("training", "jobs", "mocks", "field_level"), True)
    how["ground_truth"] = unused
    values = SETTINGS.model_dump(exclude=how)
    values["networks"] = {
        name: values["networks"][name] for name in SETTINGS.trained_networks
    }
    return values


def neural_bias_settings(*names):
    """Of the neural bias model's settings, those that a script uses, as JSON; how many chains there are changes none."""
    values = SETTINGS.neural_bias.model_dump(exclude={"sampler": {"chains"}})
    return json.dumps({name: values[name] for name in names})


def neural_bias_chains():
    """Chains of the neural bias model."""
    return expand(
        f"{NEURAL_BIAS}/chain_{{chain}}.h5",
        chain=range(SETTINGS.neural_bias.sampler.chains),
    )


def neural_bias_draws():
    """Catalogues drawn from the neural bias model, where it covers the whole box."""
    whole = SETTINGS.neural_bias.engine.boundary == "wrap"
    draws = SETTINGS.neural_bias.draws if whole else 0
    return expand(f"{NEURAL_BIAS}/draw_{{draw}}.h5", draw=range(draws))


def neural_bias_figures():
    """Figures of the neural bias model, and their captions."""
    names = ["mass_functions", "rivals", "fields", "predictive", "chains", "kernels"]
    if SETTINGS.neural_bias.engine.boundary != "wrap":
        names.remove("predictive")
    files = [f"{name}.{kind}" for name in names for kind in ("png", "pdf")]
    return [f"{FIGURES}/neural_bias/{file}" for file in [*files, "captions.json"]]


def neural_bias_of_run():
    """Kept files of the neural bias model, where the run has it."""
    if not SETTINGS.run.neural_bias:
        return []
    return neural_bias_figures() + neural_bias_files()


def neural_bias_option():
    """Summary and figures of the neural bias model for the report, where the run has it."""
    shown = [f"{NEURAL_BIAS}/summary.json", f"{FIGURES}/neural_bias"]
    return given("--neural-bias", shown if SETTINGS.run.neural_bias else [])


def neural_bias_files():
    """Kept files of the neural bias model."""
    names = ("inputs.h5", "summary.json", "arrays.h5")
    return (
        [f"{NEURAL_BIAS}/{name}" for name in names]
        + neural_bias_chains()
        + neural_bias_draws()
    )


def field_level_settings(*names):
    """Of field-level inference's settings, those that a script uses, as JSON; how many chains there are changes none."""
    values = SETTINGS.field_level.model_dump()
    return json.dumps({name: values[name] for name in names})


def field_level_chains():
    """Chains of field-level inference."""
    return expand(
        f"{FIELD_LEVEL}/chain_{{chain}}.h5",
        chain=range(SETTINGS.field_level.chains),
    )


def field_level_figures():
    """Figures of field-level inference, and their captions."""
    names = ("recovery", "maps", "spectra", "chains", "predictive", "flow")
    files = [f"{name}.{kind}" for name in names for kind in ("png", "pdf")]
    return [f"{FIGURES}/field_level/{file}" for file in [*files, "captions.json"]]


def field_level_files():
    """Kept files of field-level inference."""
    names = ("inputs.h5", "summary.json", "arrays.h5")
    chosen = SETTINGS.field_level
    return (
        [f"{FIELD_LEVEL}/{name}" for name in names]
        + field_level_chains()
        + expand(f"{FIELD_LEVEL}/draw_{{draw}}.h5", draw=range(chosen.draws))
        + expand(
            f"{FIELD_LEVEL}/constrained/{{draw}}/density.h5",
            draw=range(chosen.constrained),
        )
    )


def mock_network_files(wildcards):
    """Files of the mocks' network that decide a mock."""
    if MOCK_NETWORK_IS_OWN:
        return [f"{MOCK_NETWORK}/{name}" for name in NETWORK_FILES]
    return known_network_files(
        "mocks.network", SETTINGS.mocks.network, SETTINGS.run.networks
    )


def mock_thresholds():
    """Thresholds of the mocks' network: this run's, or those that travel with it; none where there are none."""
    if MOCK_NETWORK_IS_OWN:
        return thresholds_of(SETTINGS.mocks.network)
    shipped = Path(MOCK_NETWORK) / "thresholds.json"
    return [str(shipped)] if shipped.is_file() else []


def mock_network_digest(wildcards):
    """Content of a network that no job of this run makes; what this run trains is noticed as a changed input."""
    if MOCK_NETWORK_IS_OWN:
        return None
    files = [*mock_network_files(wildcards), *mock_thresholds()]
    return [file_digest(file) for file in files]


def mock_settings(*names):
    """Of the mocks' settings, those that a script uses, as JSON."""
    return json.dumps({name: getattr(SETTINGS.mocks, name) for name in names})


def mock_options():
    """Options of a mock that stand in the configuration."""
    mocks = SETTINGS.mocks
    options = []
    if MOCK_NETWORK_IS_OWN:
        options += ["--halo-finding", as_json(SETTINGS.halo_finding)]
    if mocks.outside_validity:
        options.append("--outside-validity")
    return options


def kept_mock_fields(folder):
    """Fields of a mock, where the configuration keeps them."""
    mocks = SETTINGS.mocks
    kept = {"density": mocks.keep_density, "probability": mocks.keep_probability}
    return {name: f"{folder}/{name}.h5" for name, wanted in kept.items() if wanted}


def mock_files():
    """Kept files of the mocks."""
    names = ["haloes.h5"]
    names += [f"{name}.h5" for name in kept_mock_fields(MOCKS)]
    if SETTINGS.mocks.abundance_matching:
        names.append("matched_haloes.h5")
    files = expand(f"{MOCKS}/{{seed}}/{{name}}", seed=MOCK_SEEDS, name=names)
    if SETTINGS.mocks.count > 1:
        files += expand(f"{MOCKS}/{{seed}}/statistics.json", seed=MOCK_SEEDS)
        files += [f"{MOCKS}/covariance.{kind}" for kind in ("json", "png", "pdf")]
    return files


def own_network_files():
    """The mocks' network and thresholds, where this run makes them."""
    if not MOCK_NETWORK_IS_OWN:
        return []
    return network_folder(SETTINGS.mocks.network) + mock_thresholds()
