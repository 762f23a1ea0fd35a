"""What jobs cost and ask for, and how many there are: docs/clusters.md, docs/architecture.md, the how-tos; from the code."""

import re
from functools import cache
from math import ceil
from tempfile import NamedTemporaryFile

import network_costs
from counts.paper import PAPER

from halonet.export.reading import EMPTY, EMPTY_CELLS, EMPTY_HALOES, MANY, MOVED
from halonet.settings import load_settings
from halonet.workflow import costs, resources
from halonet.workflow.costs import COSTS, JobCosts
from halonet.workflow.operations import weights_mb
from halonet.workflow.resources import memory_mb
from halonet.workflow.run_status import START_SECONDS
from page_claims.base import ROOT, claims, results, row

CONFIG, CLUSTERS = ROOT / "config.yaml", "docs/clusters.md"
OF_NETWORK = ("train_network", "predict_mask")
SHOWN = (  # rows of the forecast; the other rules are one row
    *("draw_density", "find_peak_patch_haloes", "slice_subvolumes", "train_network", "predict_mask", "find_haloes"),
    *("find_haloes_at_known_centres", "measure_statistics", "sample_neural_bias", "summarise_neural_bias"),
)


def laid_over(text, *files):
    """Costs of a run of ``config.yaml``, other files and settings as text."""
    with NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        return JobCosts(load_settings(CONFIG, *files, file.name))


def job(held, rule, network=None):
    """Seconds of a job, its core hours and GPU hours, and the GB it asks for."""
    seconds = START_SECONDS + held.seconds(rule, network)
    cores = held.ranks(rule) * held.threads(rule)
    asked = memory_mb(held.megabytes(rule, network), 1, held.settings.jobs) / 1e3
    return seconds, seconds * cores / 3600, seconds * held.gpus(rule) / 3600, asked


def hours(value, digits=1):
    return "0" if value == 0 else f"{value:,.{0 if value > 1000 else digits}f}"


@claims(CLUSTERS)
def forecast_of_the_papers_run():
    held, others, totals = JobCosts(load_settings(CONFIG)), [], [0.0, 0.0]
    for rule, jobs in PAPER.items():
        seconds, core, gpu, asked = job(held, rule, "vnet5" if rule in OF_NETWORK else None)
        totals = [totals[0] + jobs * core, totals[1] + jobs * gpu]
        if rule not in SHOWN:
            others.append((jobs, seconds, jobs * core, asked))
            continue
        cores, gpus = held.ranks(rule) * held.threads(rule), held.gpus(rule)
        counted = (f"{jobs}", f"{seconds:,.0f}", f"{cores}", f"{gpus}")
        yield row(rule, *counted, hours(jobs * core), hours(jobs * gpu), f"{asked:.1f}")
    jobs, seconds, core, asked = (list(column) for column in zip(*others, strict=True))
    assert len(jobs) == 8
    yield row(
        "eight others",
        f"{sum(jobs)}",
        f"{min(seconds):.0f} to {max(seconds):.0f}",
        "1",
        "0",
        f"{sum(core):.1f}",
        "0",
        f"{max(asked):.1f} at most",
    )
    yield f"| together | {sum(PAPER.values())} | | | | {totals[0]:,.0f} | {totals[1]:.1f} | |"
    bias = sum(jobs for rule, jobs in PAPER.items() if "neural_bias" in rule)
    assert bias == 9
    yield "`run: neural_bias: false` leaves nine of them out."
    truth = PAPER["draw_density"] + PAPER["find_peak_patch_haloes"]
    yield f"which is {truth} of the paper's {sum(PAPER.values())} jobs."


@claims(CLUSTERS)
def training_on_other_gpus():
    one, three = (
        laid_over(f"jobs: {{gpu_tflops: 10}}\ntraining: {{ranks: {n}}}").seconds("train_network", "vnet5") / 3600
        for n in (1, 3)
    )
    yield f"training: {one:.0f} hours on one GPU, four wall times"
    assert 3 < one / 24 < 4
    yield f"`training: {{ ranks: 3 }}` {three:.0f} hours on three GPUs, two wall times;"
    assert 1 < three / 24 < 2
    days = JobCosts(load_settings(CONFIG)).seconds("train_network", "vnet5") / 86400
    yield f"the forecast below needs {ceil(days)} wall times of a day on the slowest GPU"


@claims(CLUSTERS)
def the_same_boxes_from_simulations():
    held, together = laid_over("ground_truth: {source: n_body, ranks: 8}"), 0.0
    for rule in costs.N_BODY_RULES:
        seconds, core, _, asked = job(held, rule)
        together += 256 * core
        cores = held.ranks(rule) * held.threads(rule)
        yield row(rule, "256", f"{seconds:.0f}", f"{cores}", f"{256 * core:.1f}", f"{asked:.1f}")
    yield f"| together | 768 | | | {together:.1f} | |"
    peak_patch = 256 * job(JobCosts(load_settings(CONFIG)), "find_peak_patch_haloes")[1]
    yield f"Peak Patch takes {peak_patch:.0f} core hours for the same boxes."


@claims(CLUSTERS)
def what_jobs_ask_for():
    margins = (resources.MEMORY_MARGIN, resources.TIME_MARGIN, resources.SNAKEMAKE_MB, resources.START_MINUTES)
    assert margins == (1.5, 3.0, 250, 10.0)
    yield "A job asks for 1.5 times that memory and 250 MB more for its two Snakemakes, and for three times that time and 10 minutes more."
    settings = load_settings(CONFIG, ROOT / "profiles/vnet_small/settings.yaml", ROOT / "tests/data/costs_256.yaml")
    rules = ("draw_density", "find_peak_patch_haloes", "slice_subvolumes", "compute_channels", "train_network")
    rules += ("predict_mask", "calibrate_thresholds", "find_haloes", "measure_statistics", "draw_figures")
    text = (ROOT / CLUSTERS).read_text()
    for rule in rules:
        measured = re.search(rf"^\| {rule}(?: \(20 steps\))? \| (\d+ \| [\d.]+ \| [\d-]+) \|", text, re.MULTILINE)[1]
        asked = memory_mb(JobCosts(settings).megabytes(rule, "small"), 1, settings.jobs)
        name = f"{rule} (20 steps)" if rule == "train_network" else rule
        yield row(name, measured, f"{asked}")
    per_cell = COSTS["find_peak_patch_haloes"].bytes_per_cell
    yield f"The two-rank figure of Peak Patch, {per_cell:.0f} bytes per cell, comes from"


@claims("docs/reliability.md")
def weights_that_a_prediction_holds():
    yield f"the weights of the paper's network ({weights_mb(load_settings(CONFIG).networks['vnet5']):.0f} MB)"


@claims("docs/reliability.md")
def bounds_of_imports():
    yield f"mean square over that of positions at random | {MOVED} |"
    empty = f"the smaller of {EMPTY_CELLS}/N + {EMPTY_HALOES}/n and {EMPTY}"
    yield f"part of a box's side that {MANY} imported haloes or more leave empty at its ends, of N cells and n haloes | above {empty}"


@claims("docs/reliability.md")
def what_checks_cost():
    found = results("checks")
    yield f"a box of {found['cells']}³ cells (`python benchmarks/checks.py`; {found['machine']['cpu']})"
    for one in found["rows"]:
        share = one["checks_seconds"] / one["seconds"]
        assert share < 0.02, one["stage"]
        yield row(f"`{one['stage']}`", f"{one['seconds']:.1f} s", f"{one['checks_seconds']:.2f} s", f"{share:.1%}")


@claims("docs/architecture.md")
def jobs_of_the_papers_run():
    yield f"{sum(PAPER.values())} jobs for the paper's run"


@cache
def presets():
    """Rows of the table, which builds every network."""
    return network_costs.rows()


@claims("docs/networks.md")
def what_networks_cost():
    for name, source, weights, size, per_voxel, training, total in presets():
        yield f"| {name} | {training} | `{source}` | {weights:,} | {size:.1f} | {per_voxel:.1f} | {total:.2g} |"


@claims("docs/how_to/own_cosmology.md")
def core_hours_of_another_cosmology():
    text = (ROOT / "docs/how_to/own_cosmology.md").read_text()
    mine = "\n".join(line.strip() for line in re.search(r"\n((?: {8}\w+: .*\n)+)", text)[1].splitlines())
    held = laid_over(mine, ROOT / "profiles/vnet_small/settings.yaml")
    boxes = held.settings.boxes
    networks = ("vnet-small-channels-first", "vnet-small-channels")
    core = sum(job(held, "train_network", name)[1] for name in networks)
    core += boxes.count * sum(job(held, rule)[1] for rule in ("draw_density", "find_peak_patch_haloes"))
    core += boxes.test * sum(job(held, rule)[1] for rule in ("find_haloes", "measure_statistics"))
    core += boxes.test * job(held, "predict_mask", networks[1])[1]
    chains = held.settings.neural_bias.sampler.chains
    core += chains * job(held, "sample_neural_bias")[1] + job(held, "summarise_neural_bias")[1]
    assert 9 < core < 12
    yield "some 10 core hours for the recipe below"


@claims("docs/how_to/n_body.md")
def minutes_of_a_simulation():
    held = laid_over("", ROOT / "profiles/n_body/settings.yaml")
    assert held.settings.boxes.count == 13
    assert 3.5 < 60 * sum(job(held, rule)[1] for rule in costs.N_BODY_RULES) < 4.5
    yield "thirteen times four minutes of one core"
