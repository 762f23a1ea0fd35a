"""What jobs ask for: memory and run time follow the settings, grow with the attempt and end at the cluster's limits."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import halonet
from halonet.network.flops import flops_per_voxel, unallocated_network
from halonet.settings import JobSettings, load_settings
from halonet.storage import FieldHeader, read_json, write_field
from halonet.workflow import machine
from halonet.workflow.costs import COSTS, JobCosts, Machine
from halonet.workflow.light_cone_costs import cells_of_light_cone
from halonet.workflow.machine import machine_of
from halonet.workflow.operations import TRAINED_WEIGHTS, operations_per_voxel, weights_mb
from halonet.workflow.resources import memory_mb, runtime_minutes

ROOT = Path(__file__).parents[2]
PAPER = ROOT / "config.yaml"
SMALL = ROOT / "profiles/vnet_small/settings.yaml"


@pytest.mark.parametrize("over", [(), (SMALL,)])
def test_operations_are_those_that_are_counted_from_the_layers(over):
    for network in load_settings(PAPER, *over).networks.values():
        counted = flops_per_voxel(unallocated_network(network))
        assert operations_per_voxel(network) == pytest.approx(counted, rel=1e-6)


@pytest.mark.parametrize("over", [(), (SMALL,), (ROOT / "profiles/objects/settings.yaml",)])
def test_weights_are_those_of_the_layers_without_biases(over):
    for network in load_settings(PAPER, *over).networks.values():
        assert weights_mb(network) == pytest.approx(4e-6 * unallocated_network(network).count_params(), rel=0.01)


@pytest.mark.parametrize(("network", "measured_mb"), [("vnet5", 2698), ("vnet4", 1956)])
def test_the_weights_of_the_papers_networks_are_in_the_memory_of_a_prediction(network, measured_mb, tmp_path):
    """Peak memory of predict_mask.py in tiles of the paper, two threads of an Intel Xeon."""
    settings = load_settings(PAPER, written(tmp_path, "boxes: {cells: 128, box_size_mpc: 128.0}"))
    assert measured_mb < JobCosts(settings).megabytes("predict_mask", network) < 1.5 * measured_mb


@pytest.mark.parametrize(("cells", "measured_mb"), [(64, 1765), (128, 3958), (256, 6258)])
def test_a_mock_of_the_default_network_asks_for_more_memory_than_it_was_measured_to_need(cells, measured_mb, tmp_path):
    """Peak memory of make_mock.py with networks/n-body, two threads of an Intel Xeon."""
    settings = load_settings(PAPER, written(tmp_path, f"mocks: {{cells: {cells}, box_size_mpc: {cells}.0}}"))
    assert measured_mb < JobCosts(settings).megabytes("make_mock") < 2.5 * measured_mb


def test_a_chain_of_phases_on_a_small_grid_asks_for_the_memory_of_its_process(tmp_path):
    """1353 MB were measured; fields of so few cells are small beside what libraries and compiled loops take."""
    settings = load_settings(PAPER, written(tmp_path, "field_level: {cells: 8}"))
    assert 1353 < JobCosts(settings).megabytes("sample_field_level") < 1500


def test_memory_and_run_time_double_with_every_attempt_up_to_the_limits():
    jobs = JobSettings(largest_memory_mb=5000, longest_minutes=100)
    memory = [memory_mb(1000, attempt, jobs) for attempt in (1, 2, 3)]
    assert memory == [1750, 3500, 5000]
    minutes = [runtime_minutes(600, attempt, jobs) for attempt in (1, 2, 3)]
    assert minutes == [40, 80, 100]


def test_numbers_of_a_profile_are_taken_though_snakemake_hands_them_on_as_text():
    assert JobSettings(largest_memory_mb="5000").largest_memory_mb == 5000
    with pytest.raises(ValueError, match="largest_memory_mb"):
        JobSettings(largest_memory_mb="much")


@pytest.mark.parametrize(
    ("rule", "measured_mb"),
    [
        ("draw_density", 396),
        ("find_peak_patch_haloes", 800),
        ("find_haloes", 804),
        ("measure_statistics", 775),
        ("slice_subvolumes", 116),
        ("draw_figures", 327),
        ("predict_mask", 1857),
        ("compute_channels", 623),
        ("train_network", 1018),
        ("calibrate_thresholds", 369),
    ],
)
def test_a_job_asks_for_more_than_it_was_measured_to_need_and_not_for_many_times_as_much(rule, measured_mb):
    """Peak memory in a run on boxes of 256^3 cells, with four channels (docs/clusters.md)."""
    settings = load_settings(PAPER, SMALL, ROOT / "tests/data/costs_256.yaml")
    asked = memory_mb(JobCosts(settings).megabytes(rule, "small"), 1, settings.jobs)
    assert 1.2 * measured_mb < asked < 3.5 * measured_mb + 500


def test_channels_of_a_simulation_cost_what_the_simulation_was_measured_to():
    """A box of 256^3 cells (AMD EPYC): 10 s of a processor beside other channels, 952 MB in all."""
    settings = load_settings(PAPER, ROOT / "profiles/n_body/settings.yaml")
    costs = JobCosts(settings)
    without = settings.networks["n-body"].channels.model_copy(update={"simulation": None})
    plain = settings.networks["n-body"].model_copy(update={"channels": without})
    others = JobCosts(settings.model_copy(update={"networks": settings.networks | {"n-body": plain}}))
    for rule in ("compute_channels", "predict_mask"):
        assert 8 < costs.seconds(rule, "n-body") - others.seconds(rule, "n-body") < 16
        assert 200 < costs.megabytes(rule, "n-body") - others.megabytes(rule, "n-body") < 400
    assert 952 < memory_mb(costs.megabytes("compute_channels", "n-body"), 1, settings.jobs) < 3.5 * 952


def test_a_cost_that_depends_on_the_network_is_not_told_without_its_name():
    costs = JobCosts(load_settings(PAPER, SMALL))
    for cost in (costs.megabytes, costs.seconds):
        with pytest.raises(ValueError, match="predict_mask depends on its network"):
            cost("predict_mask")


def test_every_rule_has_a_measured_cost():
    text = "\n".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    assert set(COSTS) == set(re.findall(r"^(?:rule|use rule \w+ as) (\w+)", text, re.MULTILINE))


def test_ranks_share_the_time_of_a_box_and_add_the_memory_of_their_processes(tmp_path):
    one, eight = (
        JobCosts(load_settings(PAPER, written(tmp_path, f"ground_truth: {{ranks: {ranks}}}"))) for ranks in (1, 8)
    )
    rule = "find_peak_patch_haloes"
    assert eight.seconds(rule) < one.seconds(rule) / 3
    assert eight.megabytes(rule) > one.megabytes(rule)


def test_ranks_of_a_mock_by_a_network_share_its_box_but_not_the_tile_and_the_libraries_of_each(tmp_path):
    one, four = (
        JobCosts(load_settings(PAPER, written(tmp_path, f"mocks: {{ranks: {ranks}}}"))).megabytes("make_mock")
        for ranks in (1, 4)
    )
    assert four - one == pytest.approx(3 * COSTS["make_mock"].process_mb)


def test_a_light_cone_costs_its_box_and_a_part_of_the_volume_of_sky_that_it_sees(tmp_path):
    full_sky, octant, circle = (
        cells_of_light_cone(load_settings(PAPER, written(tmp_path, f"light_cone: {{cells: 64, opening: {opening}}}")))
        for opening in ("full_sky", "octant", "{radius: 60}")  # which is a quarter of the sky
    )
    assert full_sky - 64**3 == pytest.approx(8 * (octant - 64**3), rel=1e-4)
    assert circle - 64**3 == pytest.approx(2 * (octant - 64**3), rel=1e-4)


@pytest.mark.parametrize(
    ("mocks", "threads"),
    [
        ("{count: 100}", 1),
        ("{count: 100, threads: 4}", 4),
        ("{count: 1}", 3),
        ("{count: 100, gpus: 1}", 3),
        ("{count: 100, ranks: 2}", 3),
    ],
)
def test_of_many_mocks_as_many_are_made_at_a_time_as_there_are_cores(mocks, threads, tmp_path):
    settings = load_settings(PAPER, written(tmp_path, f"mocks: {mocks}\ntraining: {{threads: 3}}"))
    assert JobCosts(settings).threads("make_mock") == threads


def test_more_gpus_shorten_the_training_and_a_gpu_is_asked_for_by_training_and_prediction(tmp_path):
    one, three = (JobCosts(load_settings(PAPER, written(tmp_path, f"training: {{ranks: {n}}}"))) for n in (1, 3))
    assert three.seconds("train_network", "vnet5") == pytest.approx(one.seconds("train_network", "vnet5") / 3, rel=1e-3)
    assert [three.gpus(rule) for rule in ("train_network", "predict_mask", "find_haloes")] == [3, 1, 0]


def test_a_stage_of_larger_windows_needs_their_memory_and_time():
    settings = load_settings(PAPER, SMALL)
    name = "vnet-small-channels-first"
    network = settings.networks[name]
    first, second = (
        JobCosts(settings.model_copy(update={"networks": {name: network.model_copy(update={"stages": [stage]})}}))
        for stage in network.stages
    )
    of_weights = TRAINED_WEIGHTS * weights_mb(network)
    fixed = COSTS["train_network"].process_mb + of_weights
    needed = [costs.megabytes("train_network", name) - fixed for costs in (first, second)]
    assert needed[1] == pytest.approx(8 * needed[0])
    both = JobCosts(settings)
    assert both.megabytes("train_network", name) == second.megabytes("train_network", name)
    times = [costs.seconds("train_network", name) - COSTS["train_network"].seconds for costs in (first, second, both)]
    assert times[1] / times[0] == pytest.approx(8 * network.stages[1].steps / network.stages[0].steps)
    assert times[2] == pytest.approx(times[0] + times[1])


def written(folder, text):
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


def test_run_times_follow_the_measured_speed_of_the_machine_and_set_ones_win(tmp_path):
    settings = load_settings(PAPER, SMALL)
    name = settings.run.networks[0]
    slow, fast = (JobCosts(settings, Machine(speed, 0.04 * speed)) for speed in (0.5, 2.0))
    for rule in ("find_peak_patch_haloes", "train_network", "predict_mask", "draw_figures"):
        assert slow.seconds(rule, name) == pytest.approx(4 * fast.seconds(rule, name), rel=0.01), rule
    assert machine_of(JobSettings(core_speed=3.0, core_tflops=0.5)) == Machine(3.0, 0.5)


def test_the_speed_of_a_machine_is_measured_once_and_a_damaged_measurement_again(tmp_path, monkeypatch):
    measured = []
    monkeypatch.setattr(machine, "core_tflops", lambda: measured.append(1) or 0.01 * len(measured))
    first = machine.this_machine(tmp_path)
    assert 0.05 < first.core_speed < 20
    assert machine.this_machine(tmp_path) == first
    assert len(measured) == 1
    (file,) = tmp_path.iterdir()
    file.write_text(file.read_text()[:9])
    assert machine.this_machine(tmp_path).core_tflops == 0.02


@pytest.mark.slow  # that these kernels are in force is in every run (test_environment.py)
def test_networks_are_slower_without_the_kernels_that_are_switched_on(monkeypatch):
    """oneDNN, which TensorFlow leaves off on processors without AVX-512: the measurement must see the difference."""
    fast = machine.core_tflops()
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert machine.core_tflops() < fast / 1.5


def test_the_forecast_of_the_quickstart_is_that_of_a_quarter_of_an_hour():
    """11 to 14 minutes were measured on two cores, whose speeds lie between these."""
    settings = load_settings(PAPER, ROOT / "profiles/quickstart/settings.yaml")
    boxes = {
        "draw_density": 11,
        "find_peak_patch_haloes": 11,
        "compute_channels": 9,
        "predict_mask": 6,
        "find_haloes": 2,
    }
    jobs = {
        rule: boxes.get(rule, 1)
        for rule in COSTS
        if not any(each in rule for each in ("mock", "light_cone", "field_level"))
    }
    others = ("import_ground_truth", "make_batch", "assign_cells", "match_abundance", "write_constrained_density")
    for rule in (*others, "measure_controls", "populate_haloes"):
        del jobs[rule]
    for machine_ in (Machine(0.7, 0.04), Machine(1.0, 0.08)):
        costs = JobCosts(settings, machine_)
        core_seconds = sum(n * costs.seconds(rule, "small") * costs.threads(rule) for rule, n in jobs.items())
        assert 7 * 60 < core_seconds / 2 < 20 * 60


@pytest.mark.parametrize(("cells", "measured"), [(256, 22), (512, 123)])
def test_a_mock_is_forecast_to_take_as_long_as_was_measured_to_twice_as_long(cells, measured, tmp_path):
    """By networks/n-body with `--precision fastest`, two threads of an AMD EPYC with AVX-512 and these speeds."""
    mocks = f"mocks: {{cells: {cells}, box_size_mpc: {cells}, threads: 2}}"
    settings = load_settings(PAPER, written(tmp_path, mocks))
    assert measured < JobCosts(settings, Machine(0.75, 0.05)).seconds("make_mock") < 2 * measured


def test_statistics_of_a_simulation_cost_more_since_its_haloes_are_compared_cell_by_cell_too():
    spheres, simulated = load_settings(PAPER), load_settings(PAPER, ROOT / "tests/data/simulated.yaml")
    of_spheres, of_cells = JobCosts(spheres), JobCosts(simulated)
    for cost in ("seconds", "megabytes"):
        assert getattr(of_cells, cost)("measure_statistics") > getattr(of_spheres, cost)("measure_statistics")
        assert getattr(of_cells, cost)("find_haloes") == getattr(of_spheres, cost)("find_haloes")


def peak_mb(script, *options):
    """Peak memory (MB) of a script of a rule in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, ROOT / "workflow_scripts" / f"{script}.py", *options]
    process = subprocess.Popen([str(word) for word in command], env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # it has been waited for
    assert not process.returncode
    return usage.ru_maxrss * 1024 / 1e6


@pytest.mark.slow
def test_a_prediction_uses_no_more_memory_than_is_forecast(tmp_path):
    shipped, box = ROOT / "networks/n-body", {"cells": 128, "box_size_mpc": 128.0}
    text = json.dumps({"boxes": box, "networks": {"shipped": read_json(shipped / "settings.json")}})
    settings = load_settings(PAPER, written(tmp_path, text))
    write_field(tmp_path / "density.h5", "density", halonet.draw_density(seed=7, cells=128), FieldHeader(128.0))
    options = ("--density", tmp_path / "density.h5", "--network", shipped, "--threads", 2)
    tiles = ("--settings", settings.prediction.model_dump_json(), "--probability", tmp_path / "probability.h5")
    used, forecast = peak_mb("predict_mask", *options, *tiles), JobCosts(settings).megabytes("predict_mask", "shipped")
    assert 0.5 * forecast < used < forecast


@pytest.mark.slow
def test_a_mock_uses_no_more_memory_than_is_forecast(tmp_path):
    settings = load_settings(PAPER, written(tmp_path, "mocks: {cells: 64, box_size_mpc: 64.0}"))
    options = ("--network", ROOT / "networks/n-body", "--seed", 7, "--cells", 64, "--threads", 2)
    used = peak_mb("make_mock", *options, "--output", tmp_path / "mock.h5")
    assert used < JobCosts(settings).megabytes("make_mock")
