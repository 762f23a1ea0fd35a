"""A run on the truth of a simulation: what is planned, and what a changed setting remakes."""

import json

import pytest

BOXES = ("000", "001", "002", "003")
TRUTH = {f"{rule} box={box}" for rule in ("draw_density", "simulate_n_body", "find_n_body_haloes") for box in BOXES}


@pytest.fixture
def simulated(make_workflow):
    workflow = make_workflow()
    heads = {"centre_offset": {"weight": 0.5}, "log_radius": {"weight": 0.5}}
    workflow.change("networks", tiny=workflow.values()["networks"]["tiny"] | {"heads": heads})
    workflow.change("ground_truth", source="n_body", n_body={"steps": 5, "minimum_cells": 8})
    return workflow


def test_a_simulation_takes_the_place_of_peak_patch_and_all_that_follows_stays(simulated):
    planned = simulated.planned_jobs()
    assert planned >= TRUTH
    assert {f"assign_cells box={box}" for box in BOXES[:3]} <= planned
    assert {"train_network network=tiny", "measure_statistics network=tiny, box=003", "write_report"} <= planned
    # Peak Patch only where it is compared with the simulation.
    assert {job for job in planned if job.startswith("find_peak_patch")} == {"find_peak_patch_haloes box=003"}


def test_further_snapshots_are_truths_of_their_own_from_the_same_simulation(simulated):
    simulated.change("ground_truth", n_body={"steps": 5, "redshifts": [0.5, 1.0]})
    planned = simulated.planned("ground_truth")
    assert planned["simulate_n_body"] == 4
    assert planned["find_n_body_haloes"] == 4
    assert planned["find_n_body_haloes_of_snapshot"] == 8


@pytest.mark.slow  # its scripts are in every run (tests/n_body/test_scripts.py), and what is planned
def test_a_box_of_the_truth_is_made_once_and_changed_settings_remake_what_they_decide(simulated):
    folder = simulated.results / "ground_truth/001"
    targets = [str((folder / f"{name}.h5").relative_to(simulated.folder)) for name in ("haloes", "mask", "owners")]
    simulated.run(*targets)
    assert {path.name for path in folder.iterdir()} == {"density.h5", "haloes.h5", "mask.h5", "owners.h5"}
    again = {"simulate_n_body box=001", "find_n_body_haloes box=001"}
    for keys, remade in (
        ({"steps": 5, "minimum_cells": 9}, again),  # the particles are gone
        ({"steps": 5, "minimum_cells": 8, "threads": 2, "checkpoint_minutes": 1.0}, set()),
    ):
        simulated.change("ground_truth", source="n_body", n_body=keys)
        assert simulated.planned_jobs(*targets) == remade
    simulated.change("ground_truth", n_body=keys | {"keep_particles": True})
    assert "simulate_n_body box=001" in simulated.planned_jobs("ground_truth")


@pytest.mark.slow  # a minute; what is compared is in every run (tests/statistics/test_truths.py)
def test_peak_patch_is_compared_with_the_simulation_on_the_test_boxes_and_shown_in_the_report(simulated):
    folder = simulated.results / "figures/truths"
    simulated.run("truths")
    assert {path.name for path in folder.iterdir()} == {"truths.png", "truths.pdf", "captions.json"}
    (record,) = (json.loads(path.read_text()) for path in (simulated.results / "statistics/truths").iterdir())
    assert 0.6 < record["overlap"]["agreement"] < 1
    assert record["matching"]["pairs"] > 5
    assert not (simulated.results / "peak_patch/000").exists()
    planned = simulated.planned_jobs()
    assert "write_report" in planned
    assert not any(job.startswith(("compare_truths", "draw_truths")) for job in planned)


def test_a_run_without_a_simulation_has_no_truths_to_compare(make_workflow):
    process = make_workflow().run("truths", "--dry-run", check=False)
    assert process.returncode
    assert "ground_truth.source is 'peak_patch'; set it to 'n_body'" in process.output
