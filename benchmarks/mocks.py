"""Mocks of a network against Peak Patch boxes, or simulations, of other seeds: abundance and clustering on average.

One command, ``python benchmarks/mocks.py --network networks/vnet-small-channels --boxes 10``, makes ten mocks
by ``make_mock.py`` and ten boxes by Peak Patch, and writes ``mocks.json`` and ``mocks.png`` into the folder of the
network, from which its card takes them. Files that exist are not made again: a run that was killed goes on. Beside a
network of simulations stand simulations: ``--truth results/n_body/ground_truth/0*/haloes.h5``.

Judged: the mean ratio of the numbers of haloes above 100 to 10,000 cells, and of the Lagrangian and Eulerian power
spectra in three bands up to k = 0.3 per Mpc; the goal is 10%. Boxes of other seeds differ by their own scatter: one
bin of ten boxes of (256 Mpc)^3 is known to 15% at the smallest k, a band to 3%. Errors are those of the ratio of two
means of independent boxes.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from halonet import console
from halonet.catalogue import EULERIAN, LAGRANGIAN, read_catalogue
from halonet.figures.style import FAINT, PREDICTION, SEQUENCE, TRUTH, new_figure, save, styled
from halonet.spectra import halo_overdensity, measure_spectra
from halonet.statistics.mass_function import CUTS, KEY_CUTS, count_above

SCRIPTS = Path(__file__).parents[1] / "workflow_scripts"
MINIMUM_CELLS = 100
JUDGED = (100, 10000)  # cells
BANDS = ((0.0, 0.1), (0.1, 0.2), (0.2, 0.3))  # 1/Mpc
LARGEST_K = BANDS[-1][1]
GOAL = 0.1
FEW_HALOES = 100  # fewer in all boxes of the truth together are shown, not judged
MOST_MASSIVE = 15000  # per (512 Mpc)^3, beside all haloes
SPACES = {"lagrangian": LAGRANGIAN, "eulerian": EULERIAN}
TRUTH_SEED = 2718  # master seed of the Peak Patch boxes; that of the training is another


def call(script, *arguments):
    """Run a script; its wall time (s)."""
    start = time.perf_counter()
    subprocess.run([sys.executable, str(SCRIPTS / f"{script}.py"), *map(str, arguments)], check=True)
    return time.perf_counter() - start


def make_mocks(arguments):
    """Catalogues of the mocks, and the seconds each took that was made here."""
    paths, seconds = [], []
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.boxes):
        paths.append(arguments.work / f"mock_{arguments.network.name}_{arguments.cells}_{seed}.h5")
        if not paths[-1].exists():
            options = ("--network", arguments.network, "--threads", arguments.threads, "--output", paths[-1])
            seconds.append(call("make_mock", "--seed", seed, "--cells", arguments.cells, *options))
    return paths, seconds


def make_truth(arguments):
    """Catalogues of Peak Patch in boxes of other seeds, of the cells the network knows."""
    cell_size = json.loads((arguments.network / "normalisation.json").read_text())["cell_size_mpc"]
    spectrum, table = arguments.work / "power_spectrum.csv", arguments.work / "collapse_table.h5"
    side, paths = arguments.cells * cell_size, []
    settings = {"filters": {"largest_mpc": min(34.0, side / 2)}}
    if not table.exists():
        call("compute_power_spectrum", "--output", spectrum)
        call("solve_collapse_table", "--output", table)
    for box in range(arguments.boxes):
        density = arguments.work / "density.h5"
        paths.append(arguments.work / f"truth_{arguments.cells}_{box}.h5")
        if paths[-1].exists():
            continue
        phases = ("--cells", arguments.cells, "--box-size", side, "--seed", TRUTH_SEED, "--box", box)
        call("draw_density", "--power-spectrum", spectrum, *phases, "--density", density)
        found = ("--haloes", paths[-1], "--mask", arguments.work / "mask.h5", "--settings", json.dumps(settings))
        call("find_peak_patch_haloes", "--density", density, "--collapse-table", table, *found)
    return paths


def name_of(truth):
    """Whose haloes a catalogue holds, in words."""
    stage = read_catalogue(truth).header.provenance.get("stage")
    return {"peak_patch": "Peak Patch", "friends_of_friends": "simulations"}[stage]


def measure(path):
    """Numbers above cuts, and power spectra in either space, of one catalogue."""
    haloes = read_catalogue(path).sorted_by_mass()
    compared, number = haloes.larger_than(MINIMUM_CELLS), most_massive(haloes)
    values = {"above": count_above(haloes).astype(float)}
    for space, names in SPACES.items():
        for cut, chosen in (("all", compared), ("most massive", compared.select(slice(number)))):
            values[space, cut], values["modes"] = power(chosen.positions(names), haloes)
    return values


def most_massive(haloes):
    return max(1, round(MOST_MASSIVE * (haloes.box_size_mpc / 512) ** 3))


def power(places, haloes):
    field = halo_overdensity(places, haloes.grid_cells, haloes.box_size_mpc)
    spectra = measure_spectra(field, field, haloes.box_size_mpc)
    return spectra.first, spectra.modes


def ratio_of_means(mocks, truth):
    """Mean over mocks over mean over the truth, and its standard error."""
    mocks, truth = np.array(mocks), np.array(truth)
    means = mocks.mean(axis=0), truth.mean(axis=0)
    known = (means[0] > 0) & (means[1] > 0)
    ratio, error = np.full(means[0].shape, np.nan), np.full(means[0].shape, np.nan)
    ratio[known] = (means[0] / np.where(known, means[1], 1))[known]
    for values, mean in zip((mocks, truth), means, strict=True):
        spread = values.std(axis=0, ddof=1) / np.sqrt(len(values)) / np.where(known, mean, 1)
        error[known] = np.hypot(np.nan_to_num(error), spread)[known]
    return ratio, error * ratio


def compare(mocks, truth, box):
    """Ratios of all that is measured, as JSON values."""
    k = 2 * np.pi / box["box_size_mpc"] * np.arange(1, box["cells"] // 2 + 1)
    seen = k <= LARGEST_K + 1e-9
    result = {"abundance": curve(CUTS, mocks, truth, "above"), "power": {}}
    result["abundance"]["true"] = np.sum([one["above"] for one in truth], axis=0).tolist()
    for space in SPACES:
        result["power"][space] = {
            cut: curve(k, mocks, truth, (space, cut), seen) | {"bands": bands(k, mocks, truth, (space, cut))}
            for cut in ("all", "most massive")
        }
    return result | {"judged": judge(result)}


def bands(k, mocks, truth, key):
    """Ratio of power in bands of k: every bin over the mean of the truth, averaged over modes."""
    rows, modes, mean = [], truth[0]["modes"], np.mean([one[key] for one in truth], axis=0)
    for low, high in BANDS:
        inside = (k > low) & (k <= high + 1e-9) & (mean > 0)
        if not inside.any():
            continue
        weights = (modes / np.where(mean > 0, mean, 1) * inside / modes[inside].sum())[:, None]
        sums = [np.array([one[key] for one in catalogues]) @ weights for catalogues in (mocks, truth)]
        ratio, error = (float(values[0]) for values in ratio_of_means(*sums))
        rows.append({"from": low, "to": high, "ratio": ratio, "error": error})
    return rows


def curve(x, mocks, truth, key, seen=slice(None)):
    ratio, error = (values[seen] for values in ratio_of_means([m[key] for m in mocks], [t[key] for t in truth]))
    listed = [[float(v) if np.isfinite(v) else None for v in values] for values in (ratio, error)]
    return {"x": np.asarray(x)[seen].tolist(), "ratio": listed[0], "error": listed[1]}


def judge(result):
    """Largest departure from 1 of each judged ratio; abundances at the key cuts."""
    abundance = result["abundance"]
    key = {f"{cut:g}": abundance["ratio"][abundance["x"].index(cut)] for cut in KEY_CUTS}
    columns = (abundance[name] for name in ("x", "ratio", "true"))
    in_range = [r for x, r, true in zip(*columns, strict=True) if JUDGED[0] <= x <= JUDGED[1] and true >= FEW_HALOES]
    departures = {"abundance": max(abs(r - 1) for r in in_range)} if in_range else {}
    for space, cuts in result["power"].items():
        if ratios := [band["ratio"] for band in cuts["all"]["bands"]]:
            departures[space] = max(abs(ratio - 1) for ratio in ratios)
    return {"goal": GOAL, "largest_departure": departures, "abundance": key}


@styled
def draw(result):
    figure, (left, *spectra) = new_figure(10.2, 3.6, 1, 3)
    band(left, result["abundance"], PREDICTION, "all haloes")
    left.axvspan(*JUDGED, color=FAINT, alpha=0.25, linewidth=0, zorder=0)
    left.set(xscale="log", xlabel="cells", title="Haloes above a size", ylabel=f"mocks / {result['truth']}")
    for ax, (space, cuts) in zip(spectra, result["power"].items(), strict=True):
        for colour, (cut, values) in zip(SEQUENCE, cuts.items(), strict=False):
            every = f"all above {MINIMUM_CELLS} cells"
            band(ax, values, colour, every if cut == "all" else f"{result['most_massive']:,} most massive")
        ax.set(xlabel=r"$k$  (Mpc$^{-1}$)", title=f"{space.capitalize()} power spectrum", xlim=(0, LARGEST_K * 1.02))
        ax.legend(loc="lower left")
    for ax in (left, *spectra):
        ax.axhspan(1 - GOAL, 1 + GOAL, color=FAINT, alpha=0.6, linewidth=0, zorder=0)
        ax.axhline(1, color=TRUTH, linewidth=0.8)
        ax.set_ylim(0.6, 1.4)
    return figure


def band(ax, values, colour, label):
    """A ratio with its standard error as shading."""
    x, ratio, error = (np.array(values[name], float) for name in ("x", "ratio", "error"))
    ax.plot(x, ratio, color=colour, label=label)
    ax.fill_between(x, ratio - error, ratio + error, color=colour, alpha=0.2, linewidth=0)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", type=Path, required=True, help="folder of a trained network")
    parser.add_argument("--boxes", type=int, default=10, help="mocks, and as many boxes of Peak Patch")
    parser.add_argument("--truth", type=Path, nargs="+", help="catalogues of the same size, in place of Peak Patch")
    parser.add_argument("--cells", type=int, default=256)
    parser.add_argument("--first-seed", type=int, default=1, help="of the mocks")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("results/benchmark_mocks"), help="folder for the catalogues")
    parser.add_argument("--output", type=Path, help="folder for mocks.json and mocks.png; default: the network's")
    return parser.parse_args()


def main():
    arguments = parse()
    arguments.work.mkdir(parents=True, exist_ok=True)
    truth_paths = arguments.truth or make_truth(arguments)
    mock_paths, seconds = make_mocks(arguments)
    first = read_catalogue(mock_paths[0])
    box = {"cells": first.grid_cells, "box_size_mpc": first.box_size_mpc}
    mocks, truth = ([measure(path) for path in paths] for paths in (mock_paths, truth_paths))
    result = compare(mocks, truth, box)
    result |= {"boxes": arguments.boxes, "box": box, "most_massive": most_massive(first)}
    result |= {"truth": name_of(truth_paths[0]), "truth_boxes": len(truth_paths)}
    if seconds:
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        result["cost"] = {"threads": arguments.threads, "seconds": float(np.median(seconds)), "gib": memory}
    output = arguments.output or arguments.network
    output.mkdir(parents=True, exist_ok=True)
    (output / "mocks.json").write_text(json.dumps(result, indent=2) + "\n")
    save(draw(result), output, "mocks")
    print(json.dumps(result["judged"], indent=2))


if __name__ == "__main__":
    console.run(main)
