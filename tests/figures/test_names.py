"""Names of figures: what is drawn is planned, and what is planned is drawn."""

import importlib.util
import json
import sys
from argparse import Namespace
from pathlib import Path

import h5py
import pytest
from matplotlib.figure import Figure

from halonet.catalogue import write_catalogue
from halonet.figures import names
from halonet.figures.style import Drawing, save_all
from halonet.storage import FieldHeader, read_json, write_field, write_json

SCRIPT = Path(__file__).parents[2] / "workflow_scripts/draw_figures.py"


@pytest.fixture(scope="module")
def draw_figures():
    spec = importlib.util.spec_from_file_location("draw_figures", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("calibrated", [False, True])
def test_a_catalogue_has_exactly_the_figures_that_the_workflow_plans(
    draw_figures, monkeypatch, tmp_path, boxes, box_statistics, summary, thresholds, history, calibrated
):
    """From boxes with Eulerian positions, as those of the workflow have."""
    header = FieldHeader(48.0)
    files = Namespace(**{name: str(tmp_path / f"{name}.h5") for name in ("density", "true_mask", "probability")})
    for name, content in (("density", "density"), ("true_mask", "mask"), ("probability", "probability")):
        write_field(vars(files)[name], content, boxes[0][content], header)
    catalogues = {"true_haloes": boxes[0]["true"], "haloes": boxes[0]["found"]}
    for name, catalogue in catalogues.items():
        write_catalogue(tmp_path / f"{name}.h5", catalogue)
    written = {"statistics": box_statistics[0], "summary": summary, "thresholds": thresholds}
    for name, content in written.items():
        write_json(tmp_path / f"{name}.json", content)
    history.to_csv(tmp_path / "history.csv", index=False)
    arguments = [f"--{name.replace('_', '-')}={path}" for name, path in vars(files).items()]
    arguments += [f"--{name.replace('_', '-')}={tmp_path / name}.h5" for name in catalogues]
    arguments += [f"--{name}={tmp_path / name}.json" for name in written if calibrated or name != "thresholds"]
    arguments += [f"--history={tmp_path / 'history.csv'}", f"--network={network_folder(tmp_path)}"]
    monkeypatch.setattr(sys, "argv", ["draw_figures.py", *arguments, f"--figures={tmp_path / 'figures'}"])
    drawn = []
    monkeypatch.setattr("halonet.figures.style.save", lambda figure, folder, name: drawn.append(name))
    draw_figures.main()
    assert sorted(drawn) == sorted(names.of_catalogue(calibrated))
    assert set(read_json(tmp_path / "figures" / names.CAPTIONS)) == set(drawn)


def network_folder(folder):
    """A network of four convolutions, as far as its drawing reads it."""
    (folder / "network").mkdir()
    (folder / "network/settings.json").write_text('{"window": 32, "architecture": "unet"}')
    kernels = {"level1_down": (2, 2, 2, 1, 4), "level0_up": (2, 2, 2, 2, 4), "head": (1, 1, 1, 2, 2)}
    with h5py.File(folder / "network/model.weights.h5", "w") as file:
        file["layout"] = json.dumps([(f"{name}/kernel", shape) for name, shape in kernels.items()])
    return folder / "network"


def test_a_figure_that_the_workflow_does_not_plan_is_refused_before_any_is_written(tmp_path):
    drawings = {name: Drawing(Figure(), "", "") for name in ("truths", "other")}
    with pytest.raises(ValueError, match="other: drawn, but not among the planned figures truths"):
        save_all(drawings, tmp_path, names.TRUTHS)
    assert not list(tmp_path.iterdir())
