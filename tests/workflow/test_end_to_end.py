"""The tiny run from random phases to the report: what it makes, and what is planned."""

import json
import time

import h5py
import numpy as np
import yaml

from halonet.catalogue import read_catalogue
from halonet.storage import read_field


def test_every_artifact_of_a_run_is_made_and_can_be_read(finished):
    true = read_catalogue(finished.results / "ground_truth/003/haloes.h5")
    found = read_catalogue(finished.results / "haloes/tiny/003.h5")
    assert len(true) > 10
    assert len(found) > 0
    assert found.header.seed == true.header.seed
    mask = read_field(finished.results / "ground_truth/003/mask.h5", "mask")
    probability = read_field(finished.results / "predictions/tiny/003.h5", "probability")
    assert 0.05 < mask.mean() < 0.6
    assert ((probability >= 0) & (probability <= 1)).all()
    # Eighty steps are enough for a network to tell protohaloes from the rest far better than chance.
    assert probability[mask == 1].mean() > probability[mask == 0].mean() + 0.15
    report = (finished.results / "report.html").read_text()
    drawn = read_catalogue(finished.results / "neural_bias/draw_0.h5")
    summary = json.loads((finished.results / "neural_bias/summary.json").read_text())
    assert 0.3 < len(drawn) / summary["haloes"] < 3
    assert 'id="neural-bias"' in report
    assert "<img" in report or "<svg" in report
    assert "http://" not in report.replace("http://www.w3.org", "").replace("http://purl.org", "")


def test_every_artifact_says_how_it_was_made(finished):
    boxes = (
        "ground_truth/000/density.h5",
        "ground_truth/000/haloes.h5",
        "predictions/tiny/003.h5",
        "haloes/tiny/003.h5",
    )
    for name in boxes:
        with h5py.File(finished.results / name) as file:
            record = json.loads(file.attrs["provenance"])
        assert record["settings"], name
        assert {"stage", "halonet", "git_commit", "libraries"} <= set(record), name
    assert json.loads((finished.results / "networks/tiny/provenance.json").read_text())["settings"]


def test_boxes_of_a_run_are_independent(finished):
    one, other = (read_field(finished.results / f"ground_truth/{box}/density.h5", "density") for box in ("000", "001"))
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.1


def test_a_finished_run_has_nothing_to_do_and_says_so_quickly(finished):
    start = time.monotonic()
    assert "Nothing to be done" in finished.run().output
    assert time.monotonic() - start < 15


def test_parts_of_the_run_are_a_word_each(make_workflow):
    workflow = make_workflow()
    ground_truth = {"compute_power_spectrum", "solve_collapse_table", "draw_density", "find_peak_patch_haloes"}
    training = ground_truth | {"slice_subvolumes", "train_network"}
    assert set(workflow.planned("ground_truth")) == ground_truth
    assert set(workflow.planned("training")) == training
    assert set(workflow.planned("haloes")) == training | {"predict_mask", "calibrate_thresholds", "find_haloes"}


def test_channels_are_computed_for_the_network_that_has_them_and_the_boxes_it_knows(make_workflow):
    workflow = make_workflow()
    tiny = yaml.safe_load(workflow.settings.read_text())["networks"]["tiny"]
    workflow.change("networks", wider=tiny | {"channels": {"smoothing_cells": [2], "shear_cells": [2, 4]}})
    assert "compute_channels" not in workflow.planned("training")
    workflow.change("run", networks=["tiny", "wider"])
    planned = workflow.planned("training")
    assert (planned["compute_channels"], planned["train_network"]) == (3, 2)


def test_the_run_of_the_paper_is_planned_one_job_per_box_and_stage_in_seconds(make_workflow):
    workflow = make_workflow()
    workflow.settings.write_text("{}")
    start = time.monotonic()
    jobs = workflow.planned("--profile", "slurm")
    assert time.monotonic() - start < 20
    assert (jobs["draw_density"], jobs["find_peak_patch_haloes"], jobs["predict_mask"]) == (256, 256, 32)
    assert (jobs["find_haloes"], jobs["measure_statistics"], jobs["train_network"]) == (32, 32, 1)
    assert 400 < sum(jobs.values()) < 700
