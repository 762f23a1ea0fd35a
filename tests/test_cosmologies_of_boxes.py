"""Boxes of several cosmologies: which has which, and what is refused."""

from pathlib import Path

import pytest
import yaml

from halonet.settings import CosmologySettings, Settings, SettingsError, load_settings
from halonet.workflow.kept_files import KeptFiles
from halonet.workflow.layout import Layout

ROOT = Path(__file__).parents[1]
RANGES = {"redshift": [0.0, 2.0], "sigma8": [0.7, 0.9], "omega_m": [0.2, 0.3]}
TEST = [{}, {"redshift": 1.0}]


def settings_with(tmp_path, cosmologies, **more) -> Settings:
    over = {"boxes": {"count": 12, "validation": 2, "test": 5, "cosmologies": cosmologies}} | more
    (tmp_path / "over.yaml").write_text(yaml.safe_dump(over))
    return load_settings(ROOT / "config.yaml", ROOT / "profiles/quickstart/settings.yaml", tmp_path / "over.yaml")


def test_training_boxes_are_a_latin_hypercube_with_its_ends_and_validation_boxes_one_of_their_own(tmp_path):
    boxes = settings_with(tmp_path, {"ranges": RANGES, "test": TEST}).cosmologies
    for name, (low, high) in RANGES.items():
        values = sorted(getattr(box, name) for box in boxes[:5])
        even = [low + (high - low) * i / 4 for i in range(5)]
        scale_factors = [1 + (1 / (1 + high) - 1) * i / 4 for i in range(5)]
        expected = [1 / a - 1 for a in scale_factors] if name == "redshift" else even
        assert values == pytest.approx(expected, abs=1e-6)
        assert sorted(getattr(box, name) for box in boxes[5:7]) == pytest.approx([low, high])
    by_redshift = sorted(boxes[:5], key=lambda box: box.redshift)
    assert [box.sigma8 for box in by_redshift] != sorted(box.sigma8 for box in by_redshift)  # each in its own order
    assert {box.h for box in boxes} == {0.7}
    assert {box.omega_b for box in boxes} == {0.043}


def test_the_seed_of_the_run_decides_who_has_which_cosmology(tmp_path):
    drawn = [settings_with(tmp_path, {"ranges": RANGES, "test": TEST}, run={"seed": seed}) for seed in (1, 1, 2)]
    assert drawn[0].cosmologies == drawn[1].cosmologies
    assert drawn[0].cosmologies[:5] != drawn[2].cosmologies[:5]
    assert drawn[0].cosmologies[7:] == drawn[2].cosmologies[7:]


def test_listed_cosmologies_are_taken_in_turn(tmp_path):
    listed = [{"redshift": 0.5}, {"omega_m": 0.3, "omega_b": 0.05}]
    boxes = settings_with(tmp_path, {"training": listed, "test": TEST}).cosmologies
    assert [box.redshift for box in boxes] == [0.5, 0, 0.5, 0, 0.5, 0.5, 0, 0, 1, 0, 1, 0]
    assert (boxes[1].omega_b, boxes[1].omega_cdm) == (0.05, 0.25)


def test_without_them_all_boxes_have_the_cosmology_of_the_run(tmp_path):
    assert settings_with(tmp_path, None).cosmologies == [CosmologySettings()] * 12


@pytest.mark.parametrize(
    ("cosmologies", "message"),
    [
        ({"test": TEST}, "give ranges, or a list training"),
        ({"ranges": RANGES, "training": TEST, "test": TEST}, "one of the two"),
        ({"ranges": RANGES}, "test: this key is missing"),
        ({"ranges": {"Omega": [0, 1]}, "test": TEST}, "Omega: no parameter; there are h, omega_b"),
        ({"ranges": {"sigma8": [0.9, 0.7]}, "test": TEST}, r"sigma8 = \[0.9, 0.7\]; the first must be below"),
        ({"ranges": RANGES | {"omega_cdm": [0.1, 0.2]}, "test": TEST}, "omega_m and omega_cdm: give one of them"),
        ({"training": TEST, "test": [{"sigma8": -1.0}]}, r"boxes.cosmologies: box 7: sigma8 = -1.0.*with \{'sigma8'"),
        ({"training": TEST, "test": [{"omega_m": 0.01}]}, "omega_cdm = -0.033"),
        ({"training": [{"w0": -0.9}], "test": TEST}, "collapse_table = 'published' is that of a cosmological constant"),
        ({"training": TEST, "test": [{"redshift": "1"}]}, "redshift = '1'"),
        (
            {"ranges": RANGES, "test": [{"sigma8": 0.95}]},
            "test box 7 has sigma8 = 0.95, outside of the ranges, 0.7 to 0.9",
        ),
        ({"ranges": {"sigma8": [0.5, 0.7]}, "test": [{}]}, "sigma8 = 0.8, outside of the ranges"),
    ],
)
def test_what_is_no_cosmology_is_refused_by_its_key_when_the_run_is_planned(tmp_path, cosmologies, message):
    with pytest.raises(SettingsError, match=message):
        settings_with(tmp_path, cosmologies)


def test_further_snapshots_of_simulations_are_refused_beside_redshifts_of_boxes(tmp_path):
    truth = {"ground_truth": {"source": "n_body", "n_body": {"redshifts": [1.0]}}}
    with pytest.raises(SettingsError, match="gives every box a redshift already"):
        settings_with(tmp_path, {"training": TEST, "test": TEST}, **truth)


def test_every_cosmology_has_its_spectrum_and_table_once_and_test_boxes_a_summary_of_each(tmp_path):
    layout = Layout(settings_with(tmp_path, {"training": TEST, "test": TEST[::-1]}), ROOT)
    assert layout.cosmologies == {
        "000": ["000", "002", "004", "005", "008", "010"],
        "001": ["001", "003", "006", "007", "009", "011"],
    }
    assert layout.power_spectrum("008") == layout.power_spectrum("000") != layout.power_spectrum("001")
    assert layout.collapse_table("011") == f"{layout.results}/cosmology/001/collapse_table.h5"
    kept = KeptFiles(layout)
    assert len(kept.cosmologies(layout.boxes)) == 4
    assert layout.test_cosmologies == {"007": ["007", "009", "011"], "008": ["008", "010"]}
    assert [file[-16:] for file in kept.statistics()[-2:]] == ["all/summary.json", "summary_008.json"]
    one = Layout(settings_with(tmp_path, None), ROOT)
    assert one.power_spectrum("003") == f"{one.results}/cosmology/power_spectrum.csv"
