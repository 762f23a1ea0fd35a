"""What goes wrong: a killed run goes on to the same result, and bad input ends in one clear message."""

import pytest

BOX = ("ground_truth/003/haloes.h5", "ground_truth/003/mask.h5")


def half_written(workflow):
    return [path for path in workflow.results.rglob("*") if path.name.endswith(".part")]


@pytest.mark.parametrize(
    ("where", "sign", "targets", "artifacts"),
    [
        ("while a box is searched for haloes", "logs/find_peak_patch_haloes", ["ground_truth"], BOX),
        (
            "in the middle of training",
            "networks/tiny/checkpoints",
            ["training"],
            (*BOX, "networks/tiny/model.weights.h5"),
        ),
    ],
)
@pytest.mark.slow  # a killed training and a killed Snakemake are in every run (network/test_resume.py, tests/slurm)
def test_a_run_killed_and_started_again_ends_with_the_same_catalogues_and_network(
    make_workflow, finished, where, sign, targets, artifacts
):
    workflow = make_workflow()
    workflow.change("run", neural_bias=False)
    workflow.kill_when(lambda: any(path.is_file() for path in (workflow.results / sign).rglob("*")))
    assert not (workflow.results / "report.html").exists()
    workflow.run(*targets)
    for name in artifacts:
        assert (workflow.results / name).read_bytes() == (finished.results / name).read_bytes(), name


@pytest.mark.parametrize(
    ("section", "keys", "words"),
    [
        ("boxes", {"cels": 32}, ["boxes.cels = 32", "there is no such key"]),
        ("prediction", {"tile": 32, "buffer": 6}, ["prediction.tile - 2 prediction.buffer = 20", "32"]),
        ("run", {"networks": ["tinny"]}, ["'tinny'", "tiny"]),
    ],
)
def test_a_wrong_configuration_stops_the_workflow_before_the_first_job(make_workflow, section, keys, words):
    workflow = make_workflow()
    workflow.change(section, **keys)
    process = workflow.run(check=False)
    assert process.returncode
    for word in words:
        assert word in process.output
    assert "Traceback" not in process.output
    assert not workflow.results.exists()


def test_a_flag_given_as_text_is_refused(make_workflow):
    process = make_workflow().run("--config", "run={'keep_density': 'false'}", check=False)
    assert process.returncode
    assert "run.keep_density = 'false'" in process.output


def test_a_truncated_density_stops_its_jobs_with_the_name_of_the_file(finished, tmp_path, run_script):
    damaged = tmp_path / "density.h5"
    damaged.write_bytes((finished.results / "ground_truth/003/density.h5").read_bytes()[:50_000])
    network = finished.results / "networks/tiny"
    scripts = {
        "find_peak_patch_haloes": ("--haloes", tmp_path / "h.h5", "--mask", tmp_path / "m.h5"),
        "predict_mask": ("--network", network, "--probability", tmp_path / "p.h5"),
    }
    for name, outputs in scripts.items():
        process = run_script(name, "--density", damaged, *outputs, check=False)
        assert process.returncode
        assert f"error: {damaged}: no complete HDF5 file" in process.stderr
        assert "Traceback" not in process.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"density.h5"}


def test_nothing_half_written_is_left_after_a_run(finished):
    assert not half_written(finished)
