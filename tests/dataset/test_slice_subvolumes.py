import json

import pytest

from halonet.dataset.manifest import read_manifest


def arguments(ground_truth, folder, settings):
    files = ("--manifest", folder / "subvolumes.csv", "--normalisation", folder / "normalisation.json")
    return (
        "--ground-truth",
        ground_truth,
        "--training",
        0,
        1,
        "--validation",
        2,
        "--settings",
        json.dumps(settings),
        *files,
    )


def test_manifest_and_normalisation_of_a_folder_of_boxes(ground_truth, tmp_path, run_script):
    run_script("slice_subvolumes", *arguments(ground_truth, tmp_path, {"window": 8}))
    manifest = read_manifest(tmp_path / "subvolumes.csv")
    assert list(manifest.columns) == ["box", "i", "j", "k", "split", "cells"]
    assert manifest.groupby("split").size().to_dict() == {"training": 16, "validation": 8}
    normalisation = json.loads((tmp_path / "normalisation.json").read_text())
    assert normalisation["global"] == pytest.approx((normalisation["boxes"]["000"] + normalisation["boxes"]["001"]) / 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"window": 12}, "window = 12 does not divide the 16 cells"), ({"windw": 8}, "windw = 8: there is no such key")],
)
def test_bad_settings_are_one_clear_line_and_write_nothing(ground_truth, tmp_path, run_script, settings, message):
    process = run_script("slice_subvolumes", *arguments(ground_truth, tmp_path, settings), check=False)
    assert process.returncode == 2
    assert message in process.stderr
    assert "Traceback" not in process.stderr
    assert not list(tmp_path.iterdir())


def test_a_truncated_density_is_named(ground_truth, tmp_path, run_script):
    for box in range(3):
        (tmp_path / f"{box:03d}").mkdir()
        content = (ground_truth / f"{box:03d}" / "density.h5").read_bytes()
        (tmp_path / f"{box:03d}" / "density.h5").write_bytes(content if box != 1 else content[:3000])
    process = run_script("slice_subvolumes", *arguments(tmp_path, tmp_path / "out", {"window": 8}), check=False)
    assert process.returncode == 2
    assert f"error: {tmp_path / '001' / 'density.h5'}: no complete HDF5 file" in process.stderr
    assert not (tmp_path / "out").exists()
