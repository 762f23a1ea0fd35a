"""What a run prints while it is going: a report of progress, not a log."""

import re

import pytest
from checkout import ROOT

from halonet.settings import load_settings
from halonet.workflow.costs import COSTS, JobCosts
from halonet.workflow.run_log import FailedJob
from halonet.workflow.run_progress import TITLES, RunProgress, clock_time


class Clock:
    """Time that passes when it is told to."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def started(clock, planned, **options):
    return RunProgress(planned, clock=clock, **options)


def test_every_rule_has_a_title():
    assert set(TITLES) == set(COSTS)


def test_a_stage_is_told_once_when_its_last_job_has_ended(clock):
    progress = started(clock, {"draw_density": 2, "all": 1})
    for job, box in ((1, "000"), (2, "001")):
        progress.start(job, "draw_density", {"box": box}, None)
    clock.now = 65.0
    assert progress.finish(2) is None
    assert progress.at_work() == ["initial densities 1 of 2: box 000"]
    assert progress.summary() == "1 of 2 jobs"
    clock.now = 80.0
    assert re.fullmatch(r" +1:20  initial densities +2 jobs in +1:20", progress.finish(1))
    assert progress.summary() == "all 2 jobs done"


def test_a_failed_job_is_named_with_the_end_of_its_log_and_is_not_done(clock, tmp_path):
    progress = started(clock, {"find_haloes": 1})
    log = tmp_path / "003.log"
    log.write_text("begins\nerror: no such luck\n")
    progress.start(1, "find_haloes", {"network": "small", "box": "003"}, str(log))
    text = progress.fail(1, FailedJob("find_haloes", ("haloes/003.h5",), (str(log),), "out of memory"))
    for words in ("failed: find_haloes made no haloes/003.h5", "out of memory", str(log), "error: no such luck"):
        assert words in text
    assert progress.summary() == "0 of 1 jobs"
    assert not progress.at_work()


def test_the_time_left_is_that_of_the_jobs_left_shared_by_the_cores(clock, tmp_path):
    costs = JobCosts(load_settings(ROOT / "config.yaml"))
    progress = started(clock, {"find_haloes": 5}, costs=costs, cores=2)
    assert progress.seconds_left() == pytest.approx(5 * costs.seconds("find_haloes") / 2)
    progress.start(1, "find_haloes", {}, None)
    clock.now = 60.0
    progress.finish(1)  # from now on a job is known to take a minute
    assert progress.seconds_left() == pytest.approx(4 * 60 / 2)
    log = tmp_path / "job.log"
    log.write_text("20:15:01 stage 1: 7 of 60, 500 s left\n")
    progress.start(2, "find_haloes", {}, log)
    assert progress.seconds_left() == pytest.approx((3 * 60 + 500) / 2)
    assert progress.at_work() == ["predicted haloes 1 of 5: stage 1: 7 of 60, 500 s left"]
    assert started(clock, {"find_haloes": 5}, costs=costs).seconds_left() is None  # in a queue nobody knows


def test_few_jobs_do_not_tell_the_time_of_a_mock_since_each_makes_others_ahead(clock):
    costs = JobCosts(load_settings(ROOT / "config.yaml"))
    progress, cores = started(clock, {"make_mock": 50}, costs=costs, cores=2), min(2, costs.threads("make_mock"))
    for job, seconds in enumerate([1000.0] + 18 * [1.0]):
        progress.start(job, "make_mock", {"seed": str(job)}, None)
        clock.now += seconds
        progress.finish(job)
    assert progress.seconds_left() == pytest.approx(31 * costs.seconds("make_mock") * cores / 2)
    progress.start(19, "make_mock", {"seed": "19"}, None)
    clock.now += 982.0
    progress.finish(19)
    assert progress.seconds_left() == pytest.approx(30 * 100 * cores / 2)


def test_times_read_like_those_of_a_clock():
    assert [clock_time(seconds) for seconds in (7.4, 754, 3723)] == ["0:07", "12:34", "1:02:03"]


def test_a_run_prints_a_line_for_each_stage_and_hardly_more(finished):
    lines = finished.output.splitlines()
    jobs = int(re.search(r"^(\d+) jobs on 2 cores, about \d+ min to go$", finished.output, re.MULTILINE)[1])
    stages = re.findall(r"^ +[\d:]+  (.*?) +\d+ jobs? in +[\d:]+$", finished.output, re.MULTILINE)
    assert f"all {jobs} jobs done" in lines[-1]
    assert {"initial densities", "training", "predicted haloes", "report"} <= set(stages) <= set(TITLES.values())
    assert len(stages) == len(set(stages))
    assert len(lines) < jobs + 40
    assert not [line for line in lines if "resources:" in line or "wildcards:" in line or line.startswith("rule ")]
    assert (finished.results / "logs/train_network/tiny.log").read_text()
