"""The tiny run through a real SLURM: what it makes, and where its jobs ran."""

import pytest
from checkout import ROOT


@pytest.fixture
def two_ranks(workflow):
    """Ground truth on two MPI ranks."""
    before = workflow.settings.read_text()
    workflow.change("ground_truth", ranks=2)
    yield
    workflow.settings.write_text(before)


def test_the_tiny_run_goes_from_random_phases_to_the_report_in_jobs_of_slurm(workflow, finished):
    assert (workflow.results / "report.html").exists()
    jobs = finished.jobs()
    assert {job["state"] for job in jobs} == {"COMPLETED"}
    rules = {job["comment"].removeprefix("rule_").split("_wildcards")[0] for job in jobs}
    assert {"draw_density", "find_peak_patch_haloes", "predict_mask", "draw_figures_with_calibration"} <= rules
    assert len(finished.jobs("rule_draw_density")) == 3
    assert {job["partition"] for job in finished.jobs("rule_train_network")} == {"gpu"}
    assert {job["partition"] for job in finished.jobs("rule_find_haloes")} == {"cpu"}
    assert "Nothing to be done" in workflow.start().end().output


@pytest.mark.parametrize("nodes", [1, 2])
def test_a_box_drawn_by_two_ranks_on_one_and_on_two_nodes_has_the_same_bytes(workflow, finished, two_ranks, nodes):
    names = [f"ground_truth/000/{name}.h5" for name in ("density", "haloes", "mask")]
    held = workflow.delete(*names)
    rules = ("draw_density", "find_peak_patch_haloes")
    spread = [f"{rule}:nodes={nodes}" for rule in rules]
    run = workflow.start(*map(workflow.target, names), "--set-resources", *spread).end()
    for rule, job in zip(rules, run.jobs(), strict=True):
        assert job["comment"].startswith(f"rule_{rule}")
        assert (job["nodes"], job["cpus"]) == (str(nodes), "2")
    assert workflow.holds(held)


def test_a_launcher_of_another_mpi_is_refused_by_the_size_of_its_world(workflow, finished, two_ranks):
    name = "ground_truth/000/density.h5"
    held = workflow.delete(name)
    wrong = ("--config", "ground_truth={launcher: srun --mpi=none}")
    run = workflow.start(workflow.target(name), "--retries", 0, *wrong).end(ok=False)
    assert "MPI world of 1 rank(s) where --ranks asks for 2" in run.output
    assert run.jobs("rule_draw_density")
    assert not (workflow.results / name).exists()
    workflow.start(workflow.target(name)).end()
    assert workflow.holds(held)


def test_prediction_asks_for_a_gpu_on_the_partition_that_has_them(workflow, finished):
    name = "predictions/tiny/002.h5"
    workflow.delete(name)
    before = workflow.settings.read_text()
    workflow.change("training", gpus=1)
    # The GPU of this cluster is only counted: TensorFlow would miss it, JAX takes the CPU then.
    run = workflow.start(workflow.target(name), KERAS_BACKEND="jax").end()
    workflow.settings.write_text(before)
    (job,) = run.jobs()
    assert (job["partition"], job["state"]) == ("gpu", "COMPLETED")
    assert run.gpus(job) == "gres:gpu:1"
    workflow.start().end()


def test_two_ranks_on_two_nodes_train_one_network(workflow, finished):
    before = workflow.settings.read_text()
    tiny = workflow.values()["networks"]["tiny"]
    stage = tiny["stages"][0] | {"steps": 20, "batch_size": 2}
    workflow.change("networks", pair=tiny | {"stages": [stage]})
    workflow.change("run", networks=["pair"])
    workflow.change("training", ranks=2)
    run = workflow.start(workflow.target("networks/pair/history.csv"), "--set-resources", "train_network:nodes=2").end()
    workflow.settings.write_text(before)
    (job,) = run.jobs("rule_train_network")
    assert (job["nodes"], job["cpus"]) == ("2", "4")
    assert (workflow.results / "networks/pair/model.weights.h5").exists()


def test_a_mock_by_two_ranks_on_two_nodes_has_the_bytes_of_one(workflow, finished):
    before, names = workflow.settings.read_text(), [f"mocks/n-body/1/{name}.h5" for name in ("density", "haloes")]
    mock = {"count": 1, "cells": 64, "box_size_mpc": 64.0, "keep_density": True}
    workflow.change("mocks", network=str(ROOT / "networks/n-body"), **mock)
    workflow.start(*map(workflow.target, names)).end()
    held = workflow.delete(*names)
    workflow.change("mocks", ranks=2)
    run = workflow.start(*map(workflow.target, names), "--set-resources", "make_mock:nodes=2").end()
    workflow.settings.write_text(before)
    (job,) = run.jobs("rule_make_mock")
    assert (job["nodes"], job["cpus"]) == ("2", "4")
    assert workflow.holds(held)
