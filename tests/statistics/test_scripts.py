"""Statistics, figures and report from plain files, as a user makes them."""

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest

from halonet.catalogue import read_catalogue, write_catalogue
from halonet.figures.names import files_of as files_of_figures
from halonet.figures.names import of_catalogue
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader, write_field


@pytest.fixture(scope="module")
def folder(tmp_path_factory, many_haloes):
    """Truth and a prediction of one box, and a mask of another box."""
    path = tmp_path_factory.mktemp("box")
    rng = np.random.default_rng(3)
    header = FieldHeader(64.0, 0.0, CosmologySettings().model_dump(), 1)
    mask = (rng.random((64, 64, 64)) < 0.3).astype(np.uint8)
    write_field(path / "mask.h5", "mask", mask, header)
    write_field(path / "other.h5", "mask", mask[:32, :32, :32], FieldHeader(32.0))
    write_field(path / "density.h5", "density", rng.normal(0, 1, mask.shape).astype(np.float32), header)
    write_field(path / "probability.h5", "probability", (0.1 + 0.8 * mask).astype(np.float32), header)
    write_catalogue(path / "true.h5", many_haloes)
    write_catalogue(path / "found.h5", many_haloes.select(slice(50, 400)))
    (path / "network").mkdir()
    (path / "network" / "settings.json").write_text('{"window": 32, "architecture": "unet"}')
    with h5py.File(path / "network" / "model.weights.h5", "w") as file:
        kernels = {"level1_down": (2, 2, 2, 1, 4), "level0_up": (2, 2, 2, 2, 4), "head": (1, 1, 1, 2, 2)}
        file["layout"] = json.dumps([(f"{name}/kernel", shape) for name, shape in kernels.items()])
    columns = "stage,step,training_dice,validation_dice,floor\n"
    (path / "history.csv").write_text(columns + "1,100,0.8,0.8,0.7\n1,200,0.85,0.84,0.7\n")
    return path


def files_of(folder, mask="mask.h5"):
    return (
        "--true-mask", folder / mask, "--true-haloes", folder / "true.h5",
        "--probability", folder / "probability.h5", "--haloes", folder / "found.h5",
    )  # fmt: skip


def test_from_plain_files_to_the_report(folder, run_script):
    density = ("--density", folder / "density.h5")
    run_script("measure_statistics", *files_of(folder), *density, "--statistics", folder / "000.json")
    summary = ("--summary", folder / "summary.json")
    run_script("summarise_statistics", "--statistics", folder / "000.json", *summary)
    shown = (*density, "--statistics", folder / "000.json", *summary)
    network = ("--history", folder / "history.csv", "--network", folder / "network")
    figures = (*network, "--figures", folder / "figures")
    run_script("draw_figures", *files_of(folder), *shown, *figures)
    run_script(
        "write_report", "--networks", "small", "--summaries", folder / "summary.json",
        "--figures", folder / "figures", "--report", folder / "report.html",
    )  # fmt: skip
    result = json.loads((folder / "000.json").read_text())
    assert result["matching"]["purity"] == 1
    assert result["provenance"]["stage"] == "statistics"
    names = {path.name for path in (folder / "figures").iterdir()}
    # Without Eulerian positions there is one figure less than in the workflow.
    drawn = tuple(name for name in of_catalogue(calibrated=False) if name != "eulerian_power_spectrum")
    assert names == set(files_of_figures(drawn))
    assert "network small reaches a Dice coefficient" in (folder / "report.html").read_text()


def test_files_of_different_boxes_are_refused(folder, run_script, tmp_path):
    out = tmp_path / "statistics.json"
    process = run_script("measure_statistics", *files_of(folder, "other.h5"), "--statistics", out, check=False)
    assert process.returncode == 2
    assert "other.h5" in process.stderr
    assert "same box" in process.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", 12345678), ("redshift", 1.0), ("cosmology", CosmologySettings(sigma8=0.9).model_dump())],
)
def test_files_of_another_seed_redshift_or_cosmology_are_refused(folder, run_script, tmp_path, name, value):
    found = read_catalogue(folder / "found.h5")
    header = replace(found.header, **{name: value})
    if name == "redshift":
        header = replace(header, cosmology=header.cosmology | {"redshift": value})
    write_catalogue(tmp_path / "found.h5", replace(found, header=header))
    files = [tmp_path / "found.h5" if each == folder / "found.h5" else each for each in files_of(folder)]
    process = run_script("measure_statistics", *files, "--statistics", tmp_path / "out.json", check=False)
    assert process.returncode == 2
    wanted = {"seed": "seed = 12345678, but", "redshift": "redshift = 1.0, but", "cosmology": "sigma8 = 0.9, but"}[name]
    assert f"found.h5: {wanted} {folder / 'true.h5'} has" in process.stderr


def test_a_file_that_holds_no_statistics_is_refused(folder, run_script, tmp_path):
    (tmp_path / "odd.json").write_text('{"box": {}}')
    out = tmp_path / "summary.json"
    process = run_script("summarise_statistics", "--statistics", tmp_path / "odd.json", "--summary", out, check=False)
    assert process.returncode == 2
    assert "odd.json: overlap" in process.stderr
    assert not out.exists()
