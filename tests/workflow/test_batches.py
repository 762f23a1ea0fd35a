"""Batches: several boxes in one job, each kept, and the same as if made alone."""

import pytest

BOXES = ("000", "001", "002", "003")


@pytest.mark.slow  # what a batch plans is in every run, and its script makes boxes by the stages' own
def test_a_batch_that_is_planned_again_makes_only_what_is_missing_and_the_same_boxes_as_single_jobs(
    make_workflow, finished
):
    workflow = make_workflow()
    workflow.change("jobs", boxes_per_job=3)
    workflow.run("batches")
    names = [f"ground_truth/{box}/{name}.h5" for box in BOXES for name in ("density", "haloes", "mask")]
    times = {name: (workflow.results / name).stat().st_mtime_ns for name in names}
    assert all((workflow.results / name).read_bytes() == (finished.results / name).read_bytes() for name in names)

    missing = ("ground_truth/001/haloes.h5", "ground_truth/001/mask.h5")
    for name in ("ground_truth/batches/000-002.done", *missing):
        (workflow.results / name).unlink()
    assert workflow.planned_jobs("ground_truth") == {"find_peak_patch_haloes box=001", "ground_truth"}
    assert workflow.planned_jobs("batches") == {"make_batch batch=000-002", "batches"}
    workflow.run("batches")
    remade = {name for name in names if (workflow.results / name).stat().st_mtime_ns != times[name]}
    assert remade == set(missing)
    assert not workflow.planned_jobs("ground_truth")


def test_one_box_is_a_job_of_its_own_unless_batches_are_asked_for(make_workflow):
    workflow = make_workflow()
    assert "make_batch" not in workflow.planned()
    assert workflow.planned("batches")["make_batch"] == 4
