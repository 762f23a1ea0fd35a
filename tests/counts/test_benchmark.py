"""What ``make benchmark`` derives from its measurements: exponents, limits, ratios, forecasts and the page itself."""

import numpy as np
import pytest
from performance import forecast, limits, scaling, transforms
from performance.page import Run, write_page
from performance.running import PARTS, module


def row(stage, seconds, cells=None, work=None, peers=(), **notes):
    return {"stage": stage, "cells": cells, "seconds": seconds, "work": work or {}, "peers": list(peers), **notes}


RATES = [row(f"rate of {kind}", 1.0, work={kind: rate}, threads=1) for kind, rate in (("bytes", 1e10), ("flops", 5e10))]


def result(rows):
    machine = {"cpu": "one", "cores": 2, "memory_gb": 25, "python": "3.11"}
    head = {"command": "c", "date": "d", "commit": "abc", "machine": machine, "busy_cores_before": 0.0, "minutes": 1.0}
    return head | {"cases": [{"part": "p", "case": {}, "wall_seconds": 1.0, "rows": rows}]}


@pytest.fixture
def rows():
    """Two sizes of a stage of one transform, whose time grows as cells^(4/3), and a run that was planned."""
    found = [*RATES]
    for cells in (64, 128):
        slower = {"name": "other", "seconds": 0.3}
        found.append(row("FFT, forward", 0.1, cells, {"bytes": 1e8}, [slower], threads=1))
        found.append(
            row("density", 1e-9 * cells**4, cells, {"transforms": 2, "bytes": 1e9}, bytes=16 * cells**3, ranks=1)
        )
    jobs = {"draw_density": 256, "train_network": 1}
    return [*found, row("planning", 9.0, None, boxes=256, jobs=jobs, bytes=10**8)]


def test_a_power_law_has_its_exponent_and_noise_its_error():
    sizes = np.array([1e3, 1e4, 1e5, 1e6])
    assert scaling.fit(sizes, 3 * sizes**1.5).exponent == pytest.approx(1.5)
    noisy = scaling.fit(sizes, sizes * np.array([1.1, 0.9, 0.9, 1.1]))
    assert abs(noisy.exponent - 1) < noisy.error < 0.1
    assert scaling.fit([8, 8], [1, 2]) is None


def test_the_limit_is_the_sum_of_the_work_at_the_rates_of_the_machine(rows):
    run = Run(result(rows), rows)
    (density,) = (one for one in run.own if one["stage"] == "density" and one["cells"] == 128)
    assert density["limit"] == pytest.approx(2 * 0.1 + 1e9 / 1e10)
    assert limits.describe(density["work"]) == "2 FFTs + 1e+09 bytes at memory bandwidth"


def test_work_of_a_kind_that_was_not_measured_has_no_limit(rows):
    rates = limits.rates(rows)
    assert limits.limit_seconds(row("a", 1.0, work={"exponentials": 5}), rates, {}) is None
    assert limits.limit_seconds(row("a", 1.0, 256, {"transforms": 1}), rates, transforms.fastest(rows)) is None
    assert limits.limit_seconds(row("a", 1.0), rates, {}) is None


def test_the_fastest_peer_sets_the_limit_of_a_transform():
    faster = row("FFT, forward", 0.4, 64, peers=[{"name": "f", "seconds": 0.1}, {"name": "g", "error": "x"}], threads=1)
    assert transforms.fastest([faster]) == {(64, 1): 0.1}


def test_a_peer_of_another_process_is_compared_for_as_many_operations():
    own = row("training step, vnet5", 2.0, 64, {"flops": 4e11}, threads=1)
    other = row("x", 1.0, 64, {"flops": 1e11}, peer_of="training step, vnet5", name="M", per_flop=True)
    run = Run(result([own, other]), [own, other])
    assert run.own[0]["peers"] == [{"name": "M", "seconds": 4.0}]


def test_times_of_the_run_replace_those_of_the_cost_table(rows):
    lines = {line.name: line for line in forecast.paper(rows)}
    drawn = lines["draw_density"]
    assert drawn.measured
    assert not lines["train_network"].measured
    # 128 nanoseconds a cell, on eight ranks, a second of its own and ten to start.
    assert drawn.seconds == pytest.approx(1e-9 * 128 * 512**3 / 8 + 1 + 10)
    assert drawn.core_hours == pytest.approx(256 * 8 * drawn.seconds / 3600)


def test_the_large_box_grows_with_the_fitted_exponent(rows):
    lines, memory = forecast.large_box(rows, scaling.growths(rows, "cells"))
    assert lines[0].seconds == pytest.approx(1e-9 * 4096**4)
    assert memory["density"] == 16 * 4096**3


def test_the_page_names_commit_ratios_and_what_failed(rows, tmp_path):
    found = result(rows)
    found["cases"].append(
        {"part": "reading", "case": {"cells": 64}, "wall_seconds": 1.0, "error": "exit code 1: no disk"}
    )
    write_page(found, tmp_path / "performance.md")
    text = (tmp_path / "performance.md").read_text()
    assert "commit `abc`, of which nothing was changed" in text
    assert "no disk" in text
    assert "| FFT, forward | 128³ | 100 ms | other | 300 ms | 3.00 |" in text
    assert "| density | 1.33 ± " in text or "| density | 1.33 |" in text
    assert {path.name for path in (tmp_path / "images").iterdir()} == {
        "performance-limits.png",
        "performance-growth.png",
    }


@pytest.mark.parametrize("part", PARTS)
def test_every_part_lists_its_cases(part, tmp_path):
    from types import SimpleNamespace

    options = SimpleNamespace(sizes=[64, 128], largest=128, threads=2, work=tmp_path, haloes=1000, boxes=4)
    cases = module(part).cases(options)
    assert cases
    assert all(isinstance(case, dict) for case in cases)
