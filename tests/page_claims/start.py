"""The front door: README.md, docs/mocks.md, docs/tutorial.md, docs/performance.md."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from memory_of_ranks import SMALL
from memory_of_ranks import table as table_of_ranks
from performance import page as performance_page
from precision import table
from rivals import CUT
from rivals import table as table_of_rivals

from halonet.cosmology import mean_matter_density
from halonet.dataset.channels import BYTES_PER_CELL
from halonet.halo_finding.finder import Finder, finder_of
from halonet.mocks.covariance import mocks_for_variance
from halonet.network.card_numbers import mass_text, power_departures
from halonet.network.shipped import DEFAULT_NETWORK, find_network
from halonet.provenance import file_digest
from halonet.settings import CosmologySettings, load_settings
from page_claims.base import ROOT, claims, measured, off, read, results, row, shown

CONFIG, QUICKSTART = ROOT / "config.yaml", ROOT / "profiles/quickstart/settings.yaml"
REDRAW = "the default network is another now: python benchmarks/tutorial.py --help"


def cell_mass():
    """Of a cell of 1 Mpc in the paper's cosmology (solar masses)."""
    return mean_matter_density(CosmologySettings())


@claims("README.md")
def the_quickstart():
    held = results("quickstart")
    box, ratios = held["box"], {one["cells"]: one for one in held["abundance"]}
    assert held["kernels"] == "AVX2"
    boxes = load_settings(CONFIG, QUICKSTART).boxes
    training = boxes.count - boxes.validation - boxes.test
    assert (boxes.count, training, boxes.test, boxes.cells) == (11, 8, 2, 128)
    yield "simulates eleven boxes of 128³ cells, trains a small network on eight of them, predicts two that it never saw"
    side = f"{box['box_size_mpc']:.0f}"
    mass = box["cell_mass_msun"] / 1e10
    yield f"two test boxes of ({side} Mpc)³, {ratios[100]['true']:,} true haloes above 100 cells of {mass:.1f} × 10¹⁰ solar masses"
    yield f"| Dice coefficient | {held['dice']:.3f} | 1 |"
    yield f"marking no halo at all gives {held['background_dice']:.3f} here"
    counts = " / ".join(f"{ratios[cells]['ratio']:.2f}" for cells in (100, 300, 1000))
    yield row("haloes above 100 / 300 / 1000 cells, predicted over true", counts, "1")
    yield f"| completeness, purity | {held['completeness']:.2f}, {held['purity']:.2f} | 1 |"
    yield f"the power spectrum of all haloes together is {100 * (1 - held['power_of_all_haloes']['lagrangian']):.0f}% too low on large scales"
    assert round(held["training_minutes"]) == 9
    yield "trains for nine minutes of its run"


@claims("README.md")
def times_of_the_commands():
    kinds = {one["kind"]: one for one in results("processors")["rows"]}
    yield f"`make quickstart` took {kinds['AVX2']['quickstart_seconds'] / 60:.0f} minutes with its installation."


@claims("README.md")
def methods_beside_one_another():
    mean, scatter = results("n_body_comparison")["mean"], results("scatter")["ratios"]
    rivals = [mean[name] for name in ("Peak Patch", "n-body")]
    rows = {
        "haloes of a simulation above 100 particles (3.4 × 10¹² solar masses at 1 Mpc): found, true": [
            shown([one[f"{word} above 100"]["mean"] for word in ("completeness", "purity")], ".2f") for one in rivals
        ],
        "number above 100, 300, 1000, 3000, 10,000 particles, over the simulation's": [
            shown([one[f"haloes above {cut}"]["mean"] for cut in (100, 300, 1000, 3000, 10000)], ".2f")
            for one in rivals
        ],
        "Eulerian power to k = 0.3 per Mpc, over the simulation's": [
            shown([one[f"power (eulerian, {cut})"]["mean"] for cut in (375, 1875, "all")], ".2f")
            + " (375, 1875 most massive, all)"
            for one in rivals
        ],
        "where those found are: rms errors of position and velocity": [
            f"{one['error of Eulerian positions (Mpc)']['mean']:.2f} Mpc, {one['error of velocities (km/s)']['mean']:.0f} km/s"
            for one in rivals
        ],
        "scatter over boxes of (128 Mpc)³: variance of numbers above 100; above 300 particles, over the simulations'": [
            "; ".join(
                f"{one[f'haloes above {cut}']['variance']:.2f} ± {one[f'haloes above {cut}']['error']:.2f}"
                for cut in (100, 300)
            )
            for one in (scatter["peak_patch"], scatter["network"])
        ],
    }
    for name, cells in rows.items():
        yield row(name, *cells)
    simulated = results("n_body_256")["summary"]
    cut = simulated["cuts"].index(100)
    over = [simulated["z=0"][f"over {name}"][cut] for name in ("watson13", "courtin11")]
    k, power = simulated["k"], simulated["z=0"]["over mead2020"]
    assert off([value for at, value in zip(k, power, strict=True) if 0.1 < at < 0.8]) < 0.05
    yield "power spectrum of CAMB's `mead2020` to 5% for k from 0.1 to 0.8 per Mpc"
    yield f"above 100 particles {over[0]:.2f} of Watson et al. (2013), {over[1]:.2f} of Courtin et al. (2011)"
    seconds = results("n_body_256")["parts"]["box 0"]["seconds"]
    assert 110 < seconds["start"] + seconds["simulation"] + seconds["haloes"] < 130
    yield "2 minutes and 2.0 GiB on two cores, Intel Xeon with AMX"


@claims("README.md")
def what_a_mock_by_the_network_costs():
    stages, rivals = results("mock_stages")["512"], results("rivals")["256"]
    default, fastest = (rivals["rows"][name] for name in ("network", "network, `--precision fastest`"))
    gib = default["peak_bytes"] / 2**30
    assert all("EPYC" in found["machine"]["cpu"] for found in (stages, rivals))
    yield f"{default['wall_seconds']:.0f} s and {gib:.1f} GiB on two cores, AMD EPYC with AVX-512"
    yield f"{fastest['wall_seconds']:.0f} s with `--precision fastest`"
    large = stages["runs"]["fastest"]
    yield (
        f"{large['process_seconds']:.0f} s and {large['peak_bytes'] / 2**30:.1f} GiB with `--precision fastest`, two "
        "cores of an AMD EPYC with AVX-512"
    )


@claims("README.md")
def votes_of_the_network_with_heads():
    held = measured("vnet-small-objects")
    assert off([one["ratio"] for one in held["abundance"]]) < 0.05
    yield f"haloes by votes: completeness {held['completeness']:.2f}, purity {held['purity']:.2f}, the mass function to 5%."


@claims("README.md", "docs/tutorial.md", "docs/halo_finding.md", "docs/n_body.md", "docs/mocks.md")
def masses_of_cells():
    mass = 100 * cell_mass()
    assert f"{mass:.1e}" == "3.4e+12"
    yield "3.4 × 10¹² solar masses"


@claims("docs/objects.md")
def masses_of_large_haloes():
    for cells, written in ((1000, "1000 cells"), (100, "100 cells"), (13700, "13,700")):
        yield written + mass_text(cells, cell_mass())


@claims("docs/mocks.md")
def mocks_against_peak_patch():
    channels, plain = (read(f"networks/{name}/mocks.json") for name in ("vnet-small-channels", "vnet-small"))
    abundance = [one["judged"]["largest_departure"]["abundance"] for one in (channels, plain)]
    yield f"agree with the truth to {100 * abundance[0]:.0f}% (vnet-small: {100 * abundance[1]:.0f}%)."
    (bands, bins), (plain_bands, _) = (power_departures(one, "all") for one in (channels, plain))
    yield f"agree to {100 * bands[0]:.0f} and {100 * bands[1]:.0f}% ({100 * plain_bands[0]:.0f} and {100 * plain_bands[1]:.0f}%)"
    massive, massive_bins = power_departures(channels, "most massive")
    of_vnet, bins_of_vnet = power_departures(plain, "most massive")
    yield (
        f"those of the {channels['most_massive']:,} most massive to {100 * massive[0]:.0f} and {100 * massive[1]:.0f}% "
        f"({100 * of_vnet[0]:.0f} and {100 * of_vnet[1]:.0f}%)"
    )
    yield f"Single bins depart by up to {100 * max(*bins, *massive_bins, *bins_of_vnet):.0f}%"


@claims("docs/mocks.md")
def accuracy_of_what_is_fastest():
    held = results("precision")
    assert held["network"] == DEFAULT_NETWORK
    assert held["arithmetic"]["float32"] == "OpenVINO, float32"
    assert held["arithmetic"]["fastest"].startswith("OpenVINO, int8")
    assert len(held["boxes"]) == 4
    yield "Four boxes of (256 Mpc)³"
    yield from table(held["numbers"]).splitlines()[2:]


@claims("docs/mocks.md")
def rivals_at_one_seed():
    held = results("rivals")["256"]
    assert "EPYC" in held["machine"]["cpu"]
    yield f"which part of its haloes above {CUT} cells each finds"
    yield from table_of_rivals(held["rows"]).splitlines()[2:]


@claims("docs/mocks.md")
def memory_of_ranks():
    held = results("memory_of_ranks")
    assert all("EPYC" in one["machine"]["cpu"] for each in held.values() for one in each.values())
    yield from table_of_ranks(held).splitlines()[2:]
    yield f"a mock of {SMALL}³ cells takes on as many ranks"


@claims("docs/mocks.md")
def covariances_and_memory():
    yield f"A variance to 10% takes {mocks_for_variance(0.1)} mocks."
    yield f"2 C bytes of channels, or C where they are whole numbers ({BYTES_PER_CELL} more while they are computed)"


@claims("docs/tutorial.md")
def the_picture_is_that_of_the_default_network():
    held = results("tutorial")
    folder = find_network(DEFAULT_NETWORK)
    thresholds = folder / "thresholds.json"
    finder = Finder(finder_of(thresholds), thresholds)
    assert held["network"] == {"name": folder.name, "weights": file_digest(folder / "model.weights.h5")}, REDRAW
    assert held["in_force"] == json.loads(json.dumps(finder.in_force)), REDRAW
    assert held["displacement"] == finder.settings.displacement.model_dump(), REDRAW
    yield f"{held['haloes_above_100_cells']:,} of at least 100 cells (3.4 × 10¹² solar masses)"
    yield f"this mock is within {held['largest_departure_from_tinker']:.0%} of Tinker's;"


@claims("docs/tutorial.md")
def as_many_mocks_as_the_configuration_asks_for():
    assert load_settings(CONFIG).mocks.count == 10
    yield "makes the ten mocks that `config.yaml` asks for"
    assert len([path for path in (ROOT / "networks").iterdir() if path.is_dir()]) == 6
    yield "No network has to be trained: six are shipped."


@claims("docs/performance.md")
def the_page_is_written_from_the_results():
    """All of it: what ``make benchmark`` would write from the committed numbers."""
    drawn, performance_page.draw = performance_page.draw, lambda *_: None
    try:
        with TemporaryDirectory() as folder:
            performance_page.write_page(results("performance"), Path(folder) / "performance.md")
            yield from (Path(folder) / "performance.md").read_text().split("\n\n")
    finally:
        performance_page.draw = drawn
