"""A run on a user's own truth: what is planned, what an exchanged file remakes, what a mask alone does not allow."""

import h5py
import numpy as np
import pytest

from halonet.catalogue import read_catalogue
from halonet.storage import FieldHeader, read_field, write_field

BOXES, CELLS, SIDE = ("000", "001", "002"), 32, 64.0
# Random numbers and not what haloes give: the run is told to take them all the same.
SPHERES = {"density": "own/{box}/density.h5", "haloes": "own/{box}/haloes.h5", "outside_validity": True}
MASK_ALONE = {"density": "own/{box}/density.h5", "mask": "own/{box}/mask.h5", "outside_validity": True}


def write_truth(folder, seed):
    rng = np.random.default_rng(seed)
    density = rng.normal(0, 1, (CELLS,) * 3).astype(np.float32)
    write_field(folder / "density.h5", "density", density, FieldHeader(SIDE))
    with h5py.File(folder / "density.h5", "a") as file:
        file["something else"] = rng.normal(size=2**18)  # 2 MB: of large files Snakemake takes no checksum by itself
    write_field(folder / "mask.h5", "mask", density > 1, FieldHeader(SIDE))
    with h5py.File(folder / "haloes.h5", "w") as file:
        file.attrs["box_size_mpc"] = SIDE
        for name in ("qx", "qy", "qz"):
            file[f"haloes/{name}"] = rng.uniform(0, SIDE, 9)
        file["haloes/radius"] = rng.uniform(4, 8, 9)


@pytest.fixture
def own_truth(make_workflow):
    def make(files, **halo_finding):
        workflow = make_workflow()
        for seed, box in enumerate(BOXES):
            write_truth(workflow.folder / "own" / box, seed)
        workflow.change("boxes", count=3)
        workflow.change("ground_truth", source="files", files=files)
        workflow.change("halo_finding", **halo_finding)
        return workflow

    return make


def test_own_files_take_the_place_of_drawn_boxes_and_a_touched_one_remakes_nothing(own_truth):
    workflow = own_truth(SPHERES)
    planned = workflow.planned()
    assert planned["import_ground_truth"] == 3
    assert {"measure_statistics", "calibrate_thresholds", "draw_figures_with_calibration", "write_report"} < set(
        planned
    )
    assert not {"draw_density", "find_peak_patch_haloes", "solve_collapse_table"} & set(planned)
    made = workflow.results / "ground_truth/001"
    target = str((made / "haloes.h5").relative_to(workflow.folder))
    workflow.run(target)
    assert len(read_catalogue(made / "haloes.h5")) == 9
    assert 0 < read_field(made / "mask.h5", "mask").mean() < 1
    for name in ("density", "haloes"):
        (workflow.folder / f"own/001/{name}.h5").touch()
    assert not workflow.planned(target)
    write_truth(workflow.folder / "own/001", 11)
    assert workflow.planned(target) == {"import_ground_truth": 1}


def test_a_mask_alone_trains_and_is_compared_by_overlap_and_other_targets_say_what_they_lack(own_truth):
    workflow = own_truth(MASK_ALONE, peak_thresholds=[0.9, 0.8], shell_threshold={})
    planned = workflow.planned("statistics")
    assert {"train_network", "predict_mask", "find_haloes", "measure_statistics", "summarise_statistics"} < set(planned)
    assert "calibrate_thresholds" not in planned
    for target in ("all", "figures", "neural_bias"):
        process = workflow.run(target, "--dry-run", check=False)
        assert process.returncode
        assert "ground_truth.files.haloes is null: the truth is a mask alone" in process.output


def test_a_missing_file_of_the_user_is_named(own_truth):
    workflow = own_truth(SPHERES)
    (workflow.folder / "own/002/haloes.h5").unlink()
    process = workflow.run("--dry-run", check=False)
    assert process.returncode
    assert "own/002/haloes.h5" in process.output
