"""Paths, boxes and kept files of a run, without Snakemake."""

from pathlib import Path

import pytest

from halonet.figures.names import CALIBRATION, files_of
from halonet.settings import load_settings
from halonet.workflow.job_inputs import JobInputs
from halonet.workflow.kept_files import KeptFiles
from halonet.workflow.kept_of_models import mock_files, neural_bias_figures, neural_bias_files
from halonet.workflow.layout import FOLDERS, Layout, network_behind
from halonet.workflow.parameters import Parameters, folder_given, given

ROOT = Path(__file__).parents[2]
PAPER = ROOT / "config.yaml"


def layout_of(profile=None):
    profiles = [ROOT / f"profiles/{profile}/settings.yaml"] if profile else []
    return Layout(load_settings(PAPER, *profiles), ROOT)


def test_every_box_is_for_training_validation_or_test_and_no_two_of_them():
    layout = layout_of()
    parts = (layout.training_boxes, layout.validation_boxes, layout.test_boxes)
    assert [box for part in parts for box in part] == layout.boxes
    assert len(layout.boxes) == 256
    assert len(layout.test_boxes) == 32


def test_boxes_that_calibrate_are_never_test_boxes_and_none_where_constants_are_given():
    assert layout_of().calibration_boxes == []
    layout = layout_of("quickstart")
    assert layout.calibration_boxes
    assert set(layout.calibration_boxes) <= set(layout.known_boxes)


def test_batches_hold_every_box_once():
    layout = layout_of()
    batches = layout.batches
    assert [box for boxes in batches.values() for box in boxes] == layout.boxes
    assert all(name == f"{boxes[0]}-{boxes[-1]}" for name, boxes in batches.items())


def test_a_folder_that_no_run_has_is_refused_by_its_name():
    layout = layout_of()
    assert {getattr(layout, name) for name in FOLDERS} == {f"results/paper/{name}" for name in FOLDERS}
    with pytest.raises(AttributeError, match="'predicted'; its folders are logs, "):
        layout.predicted  # noqa: B018


def test_where_the_truth_is_a_simulation_peak_patch_stands_beside_it():
    assert layout_of().peak_patch == layout_of().ground_truth
    layout = layout_of("n_body")
    assert layout.peak_patch == "results/n_body/peak_patch"
    assert f"{layout.ground_truth}/000/owners.h5" in KeptFiles(layout).truth_of(["000"])


def test_the_figure_of_a_calibration_is_kept_of_just_those_catalogues_that_were_calibrated():
    layout = layout_of("objects")
    kept = KeptFiles(layout).figures()
    calibrated = {name for name, found in layout.catalogues.items() if found.needs_calibration}
    assert 0 < len(calibrated) < len(layout.catalogues)
    for name in layout.catalogues:
        assert (f"{layout.figures}/{name}/{files_of(CALIBRATION)[0]}" in kept) == (name in calibrated)


def test_the_network_of_a_catalogue_stands_before_the_finder():
    assert [network_behind(name) for name in ("vnet5", "vnet5/fitted")] == ["vnet5", "vnet5"]


def test_catalogues_are_drawn_from_the_bias_model_only_where_it_covers_the_box():
    layout = layout_of()
    engine = layout.settings.neural_bias.engine.model_copy(update={"boundary": "valid"})
    bias = layout.settings.neural_bias.model_copy(update={"engine": engine})
    cut = Layout(layout.settings.model_copy(update={"neural_bias": bias}), ROOT)
    for files, part in ((neural_bias_files, "draw_"), (neural_bias_figures, "predictive")):
        assert [name for name in files(layout) if part in name]
        assert not [name for name in files(cut) if part in name]


def test_a_shipped_network_is_found_in_the_checkout_and_enters_by_its_content():
    layout = layout_of()
    assert not layout.mock_network_is_own
    files = JobInputs(layout).mock_network(None)
    assert all(Path(file).resolve().is_relative_to(ROOT / "networks") for file in files)
    assert "int8.h5" in {Path(file).name for file in files}  # a mock by what is fastest hangs on it
    assert len(Parameters(layout).mock_network_digest(None)) == len(files) + 1  # and its thresholds
    assert f"{layout.mocks}/1/haloes.h5" in mock_files(layout)


def test_options_of_files_that_are_not_there_are_left_out():
    assert given("--haloes", []) == given("--haloes", None) == []
    assert given("--haloes", "a.h5") == ["--haloes", "a.h5"]
    assert folder_given("--channels", []) == []
    assert folder_given("--channels", ["my channels/000.h5"]) == ["--channels", "my channels"]


def test_how_many_ranks_and_chains_there_are_enters_no_parameter():
    layout = layout_of()
    values = Parameters(layout).batch_configuration()
    assert values["ground_truth"]["ranks"] == 1
    assert "mocks" not in values
    assert '"chains"' not in Parameters(layout).neural_bias("sampler")
    assert "launcher" not in Parameters(layout).reported_settings()["ground_truth"]
