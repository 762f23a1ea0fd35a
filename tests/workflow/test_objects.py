"""A network with heads in the workflow: its targets, and two catalogues from one prediction."""

from checkout import TINY, Workflow

HEADS = {"centre_offset": {"weight": 0.5}, "log_radius": {"weight": 0.5}}
CALIBRATED = {"calibrate_thresholds", "draw_figures_with_calibration"}
FOUND = {"find_haloes", "find_haloes_at_known_centres", "measure_statistics"}


def test_two_finders_work_on_one_prediction_and_heads_get_targets_of_the_known_boxes(tmp_path):
    workflow = Workflow(tmp_path / "halonet", TINY)
    workflow.change("networks", tiny=workflow.values()["networks"]["tiny"] | {"heads": HEADS})
    workflow.change("halo_finding", finder="votes", votes="calibrated", beside="fitted")
    planned = workflow.planned_jobs()
    assert {f"assign_cells box={box}" for box in ("000", "001", "002")} == {
        job for job in planned if job.startswith("assign_cells")
    }
    assert {job for job in planned if job.startswith(("train", "predict"))} == {
        "train_network network=tiny", "predict_mask network=tiny, box=002", "predict_mask network=tiny, box=003",
    }  # fmt: skip
    for catalogue in ("tiny", "tiny/fitted"):
        assert {f"{rule} network={catalogue}, box=003" for rule in FOUND} <= planned
        assert {
            f"{rule} network={catalogue}" for rule in ("calibrate_thresholds", "draw_figures_with_calibration")
        } <= planned
    assert "write_report" in planned
