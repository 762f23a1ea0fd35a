"""Settings: what a user gets wrong is named."""

import json
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import yaml

from halonet.settings import (
    CosmologySettings,
    HaloFindingSettings,
    LightConeSettings,
    NBodySettings,
    PeakPatchSettings,
    Settings,
    SettingsError,
    SurveySettings,
    load_settings,
    stage_settings,
    validate,
)
from halonet.settings.base import of_kind
from halonet.workflow.operations import operations_per_voxel

PAPER = Path(__file__).parents[1] / "config.yaml"

OWN = {"density": "own/{box}/density.h5", "mask": "own/{box}/mask.h5"}


def own(**files):
    return {"source": "files", "files": OWN | files}


def simulated(**keys):
    return {"source": "n_body", "n_body": keys}


def changed(**sections):
    values = yaml.safe_load(PAPER.read_text())
    for section, keys in sections.items():
        values[section].update(keys)
    return values


def failure(**sections):
    with pytest.raises(SettingsError) as error:
        validate(Settings, changed(**sections), "config")
    return str(error.value)


def test_top_level_configuration_is_the_run_of_the_paper():
    settings = load_settings(PAPER)
    assert (settings.boxes.count, settings.boxes.test, settings.boxes.cells) == (256, 32, 512)
    assert settings.boxes.cell_size == 1.0
    assert settings.cosmology.omega_m == pytest.approx(0.25)
    training = settings.boxes.count - settings.boxes.test
    assert training * (settings.boxes.cells // settings.dataset.window) ** 3 == 14336
    assert settings.boxes.validation * 8 == training
    network = settings.networks[settings.run.networks[0]]
    assert (network.levels, network.filters, network.kernel, len(network.stages)) == (5, 16, 5, 2)
    core = settings.prediction.tile - 2 * settings.prediction.buffer
    assert (settings.boxes.cells // core) ** 3 == 8**3


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"boxes": {"cels": 64}}, ["boxes.cels", "no such key"]),
        ({"cosmology": {"h": -0.7}}, ["cosmology.h", "-0.7", "greater than 0"]),
        ({"boxes": {"cells": 500}}, ["dataset.window = 128", "does not divide", "500"]),
        ({"prediction": {"tile": 96, "buffer": 12}}, ["prediction.tile - 2 prediction.buffer = 72", "512"]),
        ({"prediction": {"width": 160}}, ["prediction.width - 2 prediction.buffer = 96", "512"]),
        ({"prediction": {"width": 96}}, ["width 96 is smaller than tile 128"]),
        ({"prediction": {"width": 320, "average": "cube"}}, ["tiles are to be turned (average cube)"]),
        ({"prediction": {"tile": 128, "buffer": 64}}, ["buffer 64", "half of tile 128"]),
        ({"run": {"networks": ["vnet7"]}}, ["vnet7", "vnet4, vnet5"]),
        ({"neural_bias": {"ablation_kernels": []}}, ["neural_bias.ablation_kernels", "at least 1 item"]),
        ({"run": {"keep_density": "false"}}, ["run.keep_density", "'false'", "boolean"]),
        ({"ground_truth": {"ranks": 700}}, ["ground_truth.ranks = 700", "512"]),
        ({"boxes": {"box_size_mpc": 64.0}}, ["largest_mpc = 34.0", "32.0"]),
        ({"boxes": {"test": 256}}, ["leave none of the 256 boxes"]),
        ({"jobs": {"memory_factor": True}}, ["jobs.memory_factor = True", "truth value; a number is needed"]),
        ({"boxes": {"test": 0}}, ["boxes.test", "0", "greater than or equal to 1"]),
        ({"dataset": {"window": 64}}, ["networks.vnet5", "a window of 128 cells exceeds dataset.window = 64"]),
        ({"halo_finding": {"peak_thresholds": [0.9, 0.99]}}, ["peak_thresholds", "descend"]),
        ({"statistics": {"radial_zones": [0.6, 0.3]}}, ["statistics", "radial_zones [0.6, 0.3] must ascend"]),
        ({"statistics": {"mass_classes_msun": [1e13]}}, ["statistics.mass_classes_msun", "at least 3"]),
        ({"ground_truth": {"source": "nbody"}}, ["ground_truth.source = 'nbody'", "'peak_patch', 'n_body' or 'files'"]),
        ({"ground_truth": simulated(steps=3)}, ["ground_truth.n_body.steps = 3", "greater than or equal to 5"]),
        (
            {"ground_truth": simulated(redshifts=[9.0])},
            ["ground_truth.n_body.start = 0.1", "redshift 9.0", "the start"],
        ),
        ({"ground_truth": simulated(redshifts=[1.0, 1.0])}, ["ground_truth.n_body", "[1.0, 1.0]", "twice"]),
        # Peak Patch is compared with the simulation, and would fail after it.
        ({"ground_truth": simulated(), "boxes": {"box_size_mpc": 60.0}}, ["filters.largest_mpc = 34.0", "(30.0 Mpc)"]),
        ({"ground_truth": simulated() | {"ranks": 513}}, ["ground_truth.ranks = 513", "more than the planes of 512^3"]),
        ({"ground_truth": simulated(steps=5, redshifts=[5, 4, 3, 2, 1])}, ["n_body.steps = 5", "6 snapshots"]),
        ({"ground_truth": simulated() | {"files": OWN}}, ["source is 'n_body'", "set source to 'files'"]),
        ({"ground_truth": {"source": "files"}}, ["ground_truth", "key files is missing"]),
        ({"ground_truth": {"files": OWN}}, ["ground_truth", "source is 'peak_patch'", "set source to 'files'"]),
        ({"ground_truth": own(density=None)}, ["ground_truth.files.density", "string"]),
        ({"ground_truth": own(mask=None)}, ["ground_truth.files", "neither haloes nor mask is given"]),
        ({"ground_truth": own(mask="mask.h5")}, ["ground_truth.files.mask = 'mask.h5'", "{box}"]),
        ({"ground_truth": own(mask="{box}/{name}.h5")}, ["ground_truth.files.mask", "no other braces"]),
        (
            {"ground_truth": own(mask="results/paper/ground_truth/{box}/mask.h5")},
            ["ground_truth.files.mask", "results of this run (results/paper)", "another name"],
        ),
        (
            {"ground_truth": own(), "halo_finding": {"peak_thresholds": "calibrated"}},
            ["halo_finding.peak_thresholds", "ground_truth.files has none", "thresholds as numbers"],
        ),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_what_would_be_right(sections, words):
    message = failure(**sections)
    for word in ["config", *words]:
        assert word in message


def test_a_truth_of_files_needs_nothing_of_peak_patch_to_fit():
    values = changed(ground_truth=own() | {"ranks": 7}, boxes={"box_size_mpc": 64.0})
    settings = validate(Settings, values, "config").ground_truth
    assert not settings.has_haloes
    assert validate(Settings, changed(ground_truth=own(haloes="{box}.h5")), "config").ground_truth.has_haloes
    assert load_settings(PAPER).ground_truth.has_haloes


def test_a_missing_section_is_named():
    values = yaml.safe_load(PAPER.read_text())
    del values["boxes"]
    with pytest.raises(SettingsError, match="boxes: this key is missing"):
        validate(Settings, values, "config")


def test_a_script_takes_its_settings_as_text_or_as_a_file_or_not_at_all(tmp_path):
    (tmp_path / "s.json").write_text('{"h": 0.68}')
    assert stage_settings(CosmologySettings, '{"h": 0.68}').h == 0.68
    assert stage_settings(CosmologySettings, str(tmp_path / "s.json")).h == 0.68
    assert stage_settings(CosmologySettings, None).h == 0.7


def test_settings_survive_the_journey_to_a_script_unchanged():
    settings = load_settings(PAPER)
    assert validate(Settings, json.loads(json.dumps(settings.model_dump())), "copy") == settings


@pytest.mark.parametrize(
    ("argument", "words"), [('{"h": 0.7', "no valid JSON"), ("nowhere.json", "No such file"), ('{"H0": 70}', "H0")]
)
def test_unusable_script_settings_give_one_clear_message(argument, words):
    with pytest.raises(SettingsError, match=words):
        stage_settings(CosmologySettings, argument)


HEADS = {"centre_offset": {"weight": 0.5}, "log_radius": {}}
SMALL = Path(__file__).parents[1] / "profiles" / "heads" / "settings.yaml"


def test_votes_are_for_networks_with_both_heads_and_a_second_finder_stands_beside(tmp_path):
    over = {"beside": "fitted", "votes": "calibrated", "peak_thresholds": "calibrated"}
    (tmp_path / "over.yaml").write_text(yaml.safe_dump({"halo_finding": over}))
    found = load_settings(PAPER, SMALL, tmp_path / "over.yaml").catalogues
    finders = {name: finding.finder for name, finding in found.items()}
    fitted = dict.fromkeys(("no-heads", "offset-only", "radius-only", "both-heads/fitted"), "fitted")
    assert finders == fitted | {"both-heads": "votes"}
    assert all(finding.needs_calibration for finding in found.values())


def test_the_settings_of_a_catalogue_do_not_change_with_what_stands_beside_it():
    alone, both = (validate(Settings, changed(halo_finding=keys), "config") for keys in ({}, {"beside": "fitted"}))
    assert alone.catalogues["vnet5"] == both.catalogues["vnet5"]
    assert list(both.catalogues) == ["vnet5", "vnet5/fitted"]


def test_votes_without_a_network_that_votes_and_heads_without_haloes_are_refused():
    assert "none of the networks vnet5 has the heads centre_offset and log_radius" in failure(
        halo_finding={"finder": "votes"}
    )
    networks = {"vnet5": yaml.safe_load(PAPER.read_text())["networks"]["vnet5"] | {"heads": HEADS}}
    message = failure(networks=networks, ground_truth=own())
    assert "networks.vnet5.heads learn from true haloes; give ground_truth.files.haloes" in message


def test_networks_that_need_each_other_are_refused():
    paper = yaml.safe_load(PAPER.read_text())["networks"]["vnet5"]
    networks = {"vnet5": paper | {"start_from": "other"}, "other": paper | {"start_from": "vnet5"}}
    message = "start_from and teacher of networks go round: vnet5, other, vnet5"
    assert message in failure(networks=networks)
    networks["other"] = paper | {"teacher": {"network": "vnet5"}}
    assert message in failure(networks=networks)


def test_the_networks_of_the_ablation_of_heads_cost_the_same():
    settings = load_settings(PAPER, SMALL)
    costs = [
        sum(operations_per_voxel(network) * stage.steps * network.window_of(stage) ** 3 for stage in network.stages)
        for network in map(settings.networks.get, settings.run.networks)
    ]
    assert max(costs) / min(costs) < 1.01  # a step is 1.5 to 2% of them


def test_control_variates_need_some_mocks_and_some_further_fields():
    message = "control_fields = 3 with count = 10; control variates need 4 or more of both"
    assert message in failure(mocks={"control_fields": 3})
    assert "control_fields = 50 with count = 2" in failure(mocks={"control_fields": 50, "count": 2})
    settings = load_settings(PAPER, SMALL)
    assert settings.mocks.control_fields == 0


@pytest.mark.parametrize("redshift", [-2e-16, np.float64(-1e-9), np.float32(-1e-20)])
def test_a_redshift_of_rounding_is_0_wherever_it_is_set(redshift):
    assert CosmologySettings(redshift=redshift).redshift == 0
    assert stage_settings(CosmologySettings, json.dumps({"redshift": float(redshift)})).redshift == 0
    assert NBodySettings(redshifts=[1.0, redshift]).redshifts == [1, 0]
    assert LightConeSettings(redshift_range=[redshift, 0.1]).redshift_range == [0, 0.1]
    assert SurveySettings(smallest_redshift=redshift, largest_redshift=1).smallest_redshift == 0
    with pytest.raises(SettingsError, match=r"redshift = -2e-09: .* greater than or equal to 0"):
        CosmologySettings(redshift=-2e-9)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: CosmologySettings(h=-1), "CosmologySettings: h = -1: Input should be greater than 0"),
        (lambda: CosmologySettings(sigma8=True), "CosmologySettings: sigma8 = True: Input should be a valid number"),
        (lambda: CosmologySettings(sigma8=np.bool_(True)), "CosmologySettings: sigma8 = True: .* a valid number"),
        (lambda: CosmologySettings(sigma8=np.ones(2)), r"CosmologySettings: sigma8 = \[1.0, 1.0\]: .* a valid number"),
        (lambda: CosmologySettings(h=0.7 + 1j), r"CosmologySettings: \(0.7\+1j\) is a complex and no setting"),
        (lambda: CosmologySettings(H0=70), "CosmologySettings: H0 = 70: there is no such key"),
        (
            lambda: PeakPatchSettings(filters={"largest_mpc": -3.0}),
            "PeakPatchSettings: filters.largest_mpc = -3.0: Input should be greater than 0",
        ),
    ],
)
def test_settings_that_python_builds_are_refused_in_one_line_that_names_the_key(build, words):
    with pytest.raises(SettingsError, match=words) as error:
        build()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("sequence", [list, tuple, np.array])
def test_numbers_in_any_sequence_are_a_list_of_settings(sequence):
    assert HaloFindingSettings(peak_thresholds=sequence([0.99, 0.9])).peak_thresholds == [0.99, 0.9]
    assert SurveySettings(largest_redshift=1, observer=sequence([1.0, 2.0, 3.0])).observer == [1, 2, 3]
    assert of_kind({"redshifts": sequence([1.0, 0.5])}, NBodySettings).redshifts == [1, 0.5]


def test_settings_are_taken_from_any_mapping_and_hold_settings_as_they_are():
    assert of_kind(MappingProxyType({"h": 0.68}), CosmologySettings).h == 0.68
    filters = PeakPatchSettings(filters=MappingProxyType({"largest_mpc": 8.0})).filters
    assert PeakPatchSettings(filters=filters).filters == filters
    assert of_kind({"filters": filters}, PeakPatchSettings).filters == filters
