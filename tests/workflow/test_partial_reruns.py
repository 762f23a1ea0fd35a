"""What a change makes the tiny run remake: that, what follows from it, and nothing else."""

import shutil

import pytest

BOXES = ("000", "001", "002", "003")
STATISTICS = {"measure_statistics network=tiny, box=003", "summarise_statistics network=tiny"}
FIGURES = {"draw_figures_with_calibration network=tiny", "write_report"}
FINDING = {f"{rule} network=tiny, box=003" for rule in ("find_haloes", "find_haloes_at_known_centres")}
HALOES = {"calibrate_thresholds network=tiny", *FINDING, *STATISTICS, *FIGURES}
PREDICTIONS = {"predict_mask network=tiny, box=002", "predict_mask network=tiny, box=003", *HALOES}
TRAINING = {"train_network network=tiny", *PREDICTIONS}
GROUND_TRUTH = {f"{rule} box={box}" for rule in ("draw_density", "find_peak_patch_haloes") for box in BOXES}
CHAINS = {f"sample_neural_bias chain={chain}" for chain in (0,)}
SAMPLED = {
    *CHAINS,
    "summarise_neural_bias",
    "draw_neural_bias_haloes draw=0",
    "draw_neural_bias_figures",
    "write_report",
}
NEURAL_BIAS = {"prepare_neural_bias", *SAMPLED}
BEFORE_TRAINING = {"compute_power_spectrum", "solve_collapse_table", "slice_subvolumes", *GROUND_TRUTH}
EVERYTHING = BEFORE_TRAINING | TRAINING | NEURAL_BIAS


@pytest.fixture
def restored(finished):
    """The finished run; settings are put back after the test."""
    before = finished.settings.read_text()
    yield finished
    finished.settings.write_text(before)


@pytest.mark.parametrize(
    ("section", "keys", "remade"),
    [
        ("cosmology", {"sigma8": 0.81}, EVERYTHING),
        ("statistics", {"minimum_cells": 9}, STATISTICS | FIGURES),
        ("halo_finding", {"peak_thresholds": [0.99, 0.9]}, HALOES),
        ("neural_bias", {"minimum_mass_msun": 2.5e12}, NEURAL_BIAS),
        ("neural_bias", {"density_floor": 0.02}, SAMPLED),
        ("neural_bias", {"draws": 2}, {"draw_neural_bias_haloes draw=1", "write_report"}),
        ("training", {"threads": 1, "checkpoint_minutes": 5.0}, set()),
        ("ground_truth", {"ranks": 2, "launcher": "srun"}, set()),
        ("jobs", {"memory_factor": 3.0, "longest_minutes": 5}, set()),
    ],
)
def test_a_changed_setting_remakes_what_depends_on_it_and_nothing_else(restored, section, keys, remade):
    restored.change(section, **keys)
    assert restored.planned_jobs() == remade


@pytest.fixture
def two_networks(restored):
    """The finished run as if it had trained a second network, with the same settings, too."""
    tiny = restored.values()["networks"]["tiny"]
    for folder in sorted(restored.results.glob("*/tiny")):
        shutil.copytree(folder, folder.with_name("other"), dirs_exist_ok=True)
    restored.change("networks", other=tiny)
    restored.change("run", networks=["tiny", "other"])
    # Records all files as made by the present settings.
    restored.run("--touch", "--forceall")
    yield restored
    restored.change("run", networks=["tiny"])
    restored.run("--touch", "--forceall")


def test_a_changed_network_is_trained_anew_and_the_others_are_not(two_networks):
    assert not two_networks.planned_jobs()
    two_networks.change("networks", other=two_networks.values()["networks"]["tiny"] | {"filters": 4})
    assert two_networks.planned_jobs() == {job.replace("=tiny", "=other") for job in TRAINING}


def test_a_network_is_trained_after_the_one_it_starts_from_and_anew_with_it(restored):
    tiny = restored.values()["networks"]["tiny"]
    restored.change("networks", other=tiny | {"start_from": "tiny"})
    restored.change("run", networks=["other"])
    anew = {job.replace("=tiny", "=other") for job in TRAINING}
    assert restored.planned_jobs() == anew
    restored.change("networks", tiny=tiny | {"validation_interval": 7})
    assert restored.planned_jobs() == {"train_network network=tiny", *anew}


def test_a_student_is_trained_after_its_teacher_told_of_the_training_boxes(restored):
    tiny = restored.values()["networks"]["tiny"]
    restored.change("networks", other=tiny | {"teacher": {"network": "tiny"}})
    restored.change("run", networks=["other"])
    soft_labels = {f"predict_soft_labels network=other, box={box}" for box in ("000", "001")}
    assert restored.planned_jobs() == soft_labels | {job.replace("=tiny", "=other") for job in TRAINING}


def test_a_teacher_that_is_no_network_is_refused_by_its_key(restored):
    restored.change("networks", tiny=restored.values()["networks"]["tiny"] | {"teacher": {"network": "nowhere"}})
    message = "networks.tiny.teacher.network = 'nowhere': "
    assert message in restored.run("--dry-run", check=False).output


def test_a_start_that_is_no_network_is_refused_by_its_key(restored):
    restored.change("networks", tiny=restored.values()["networks"]["tiny"] | {"start_from": "nowhere"})
    message = "networks.tiny.start_from = 'nowhere': "
    assert message in restored.run("--dry-run", check=False).output


def test_changed_memory_time_and_partition_remake_nothing(finished):
    resources = ("find_peak_patch_haloes:mem_mb=4321", "find_haloes:runtime=7", "train_network:slurm_partition=other")
    assert not finished.planned_jobs("--set-resources", *resources)
    assert not finished.planned_jobs("--profile", "slurm")


def test_a_deleted_box_remakes_that_box_and_what_follows_from_it(finished, tmp_path):
    box = finished.results / "ground_truth/001"
    shutil.copytree(box, tmp_path / "001")
    shutil.rmtree(box)
    planned = finished.planned_jobs()
    shutil.copytree(tmp_path / "001", box)
    assert planned == {"draw_density box=001", "find_peak_patch_haloes box=001", "slice_subvolumes", *TRAINING}
    assert not finished.planned_jobs()


def test_a_deleted_catalogue_remakes_halo_finding_and_what_follows(finished):
    path = finished.results / "haloes/tiny/003.h5"
    content = path.read_bytes()
    path.unlink()
    planned = finished.planned_jobs()
    path.write_bytes(content)
    assert planned == {"find_haloes network=tiny, box=003", *STATISTICS, *FIGURES}


def test_a_run_without_the_neural_bias_model_plans_none_of_it(make_workflow):
    workflow = make_workflow()
    assert "sample_neural_bias" in workflow.planned()
    workflow.change("run", neural_bias=False)
    assert not any("neural_bias" in rule for rule in workflow.planned())


def test_a_touched_file_remakes_nothing(finished):
    (finished.results / "ground_truth/000/density.h5").touch()
    assert not finished.planned_jobs()


@pytest.mark.parametrize(
    ("module", "remade"),
    [
        ("figures/style.py", FIGURES | {"draw_neural_bias_figures"}),
        ("neural_bias/coordinates.py", NEURAL_BIAS - {"prepare_neural_bias"}),
        ("halo_finding/paper/search.py", HALOES),
        ("network/unet.py", TRAINING),
        ("workflow/costs.py", set()),
    ],
)
def test_changed_code_of_a_stage_remakes_that_stage_and_what_follows(finished, module, remade):
    path = finished.folder / "src/halonet" / module
    before = path.read_text()
    path.write_text(before + "\n\n# a comment\n")
    commented = finished.planned_jobs()
    path.write_text(before + "\n\nCHANGED = True\n")
    changed = finished.planned_jobs()
    path.write_text(before)
    assert not commented
    assert changed == remade
