"""Whether mocks scatter as simulations do: variances over boxes of numbers of haloes and of power spectra.

    python benchmarks/scatter.py --boxes 16 --cells 128 --output benchmarks/results

Mocks of the default network (``--methods network``), and of other methods, stand beside as many simulations of the
same phases. A ratio of variances has an error by leaving out one box after the other (jackknife); the same phases in
both make it smaller than that of either variance. The variance of power is that of single bins over the square of the
simulations' mean, averaged over the bins to k = 0.3 per Mpc with their numbers of modes. Catalogues stay in ``--work``:
a run that was killed goes on.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

import halonet
from halonet import console
from halonet.catalogue import EULERIAN, LAGRANGIAN, HaloCatalogue, read_catalogue, write_catalogue
from halonet.figures.style import SEQUENCE, TRUTH, new_figure, save, styled
from halonet.spectra import halo_overdensity, measure_spectra
from halonet.statistics.mass_function import count_above
from halonet.storage import write_json, write_text

CUTS = (100, 300, 1000)  # cells
LARGEST_K = 0.3  # 1/Mpc
SPACES = {"Lagrangian": LAGRANGIAN, "Eulerian": EULERIAN}
GOAL = 0.1
TRUTH_METHOD = "n_body"
NAMES = {"network": "n-body network", "peak_patch": "Peak Patch"}


def main():
    """Make boxes by every method, and compare their scatter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boxes", type=int, default=16)
    parser.add_argument("--cells", type=int, default=128, help="along a side, of 1 Mpc")
    parser.add_argument("--first-seed", type=int, default=1001)
    parser.add_argument("--methods", nargs="+", default=["network", "peak_patch"], help="beside the simulations")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("results/benchmark_scatter"), help="folder for catalogues")
    parser.add_argument(
        "--output", type=Path, required=True, help="folder for scatter.json, scatter.md and scatter.png"
    )
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.boxes)
    measured: dict[str, list[dict]] = {}
    for seed in console.progress(list(seeds), "boxes"):
        for method in (TRUTH_METHOD, *arguments.methods):
            path = arguments.work / f"{method}_{arguments.cells}_{seed}.h5"
            if not path.exists():
                console.log.info("%s of seed %d", method, seed)
                write_catalogue(path, halonet.make_mock(seed, arguments.cells, method, threads=arguments.threads))
            measured.setdefault(method, []).append(measure(read_catalogue(path)))
    truth = measured.pop(TRUTH_METHOD)
    ratios = {method: compare(mocks, truth) for method, mocks in measured.items()}
    box = {"cells": arguments.cells, "box_size_mpc": float(arguments.cells), "first_seed": arguments.first_seed}
    result = {"boxes": arguments.boxes, "box": box, "goal": GOAL, "ratios": ratios}
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_json(arguments.output / "scatter.json", result)
    write_text(arguments.output / "scatter.md", markdown(ratios))
    save(draw(result), arguments.output, "scatter")
    print(markdown(ratios))


def measure(haloes: HaloCatalogue) -> dict[str, np.ndarray]:
    """Numbers of haloes above every cut, and power with shot noise of all above the first by space."""
    compared = haloes.larger_than(CUTS[0])
    values = {"haloes": count_above(haloes, np.array(CUTS)).astype(float)}
    for space, names in SPACES.items():
        field = halo_overdensity(compared.positions(names), haloes.grid_cells, haloes.box_size_mpc, "cloud_in_cell")
        spectra = measure_spectra(field, field, haloes.box_size_mpc, "cloud_in_cell")
        near = spectra.k <= LARGEST_K
        values[space], values["modes"] = spectra.first[near], spectra.modes[near].astype(float)
    return values


def compare(mocks: list[dict], truth: list[dict]) -> dict[str, dict]:
    """Of every quantity the ratio of variances over boxes with its error, the ratio of means and the correlation."""
    result = {}
    for index, cut in enumerate(CUTS):
        pair = [np.array([box["haloes"][index] for box in boxes])[:, None] for boxes in (mocks, truth)]
        result[f"haloes above {cut}"] = of_pair(*pair, np.ones(1))
    for space in SPACES:
        pair = [np.array([box[space] for box in boxes]) for boxes in (mocks, truth)]
        result[f"{space} power"] = of_pair(*pair, truth[0]["modes"])
    return result


def of_pair(mocks: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """Ratio of variances with its jackknife error, of means, and correlation over boxes; arrays of (boxes, bins)."""

    def of_variances(kept: np.ndarray) -> float:
        means = truth[kept].mean(axis=0)
        sums = [(weights * values[kept].var(axis=0, ddof=1) / means**2).sum() for values in (mocks, truth)]
        return float(sums[0] / sums[1])

    deviations = [values - values.mean(axis=0) for values in (mocks, truth)]
    products = [(weights * one * other / truth.mean(axis=0) ** 2).sum() for one in deviations for other in deviations]
    ratio, error = jackknife(of_variances, len(truth))
    return {
        "variance": ratio,
        "error": error,
        "mean": float((weights * mocks.mean(axis=0)).sum() / (weights * truth.mean(axis=0)).sum()),
        "correlation": float(products[1] / np.sqrt(products[0] * products[3])),
    }


def jackknife(statistic: Callable[[np.ndarray], float], boxes: int) -> tuple[float, float]:
    """A statistic of the rows of all boxes, and its standard error from leaving out one box after the other."""
    rows = np.arange(boxes)
    without = np.array([statistic(rows[rows != box]) for box in rows])
    return statistic(rows), float(np.sqrt((boxes - 1) / boxes * ((without - without.mean()) ** 2).sum()))


def markdown(ratios: dict[str, dict]) -> str:
    """A row for every quantity, three columns for every method."""
    names = [NAMES.get(method, method) for method in ratios]
    heads = [f"{name}: {what}" for name in names for what in ("variance", "mean", "correlation")]
    lines = [f"| mocks over simulations | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    for quantity in next(iter(ratios.values())):
        rows = [values[quantity] for values in ratios.values()]
        cells = [f"{v['variance']:.3f} ± {v['error']:.3f} | {v['mean']:.3f} | {v['correlation']:.3f}" for v in rows]
        lines.append(f"| {quantity} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


@styled
def draw(result: dict):
    """Ratios of variances with their errors."""
    figure, (ax,) = new_figure(6.2, 3.4)
    quantities = list(next(iter(result["ratios"].values())))
    for number, (method, values) in enumerate(result["ratios"].items()):
        ratio, error = (np.array([values[each][name] for each in quantities]) for name in ("variance", "error"))
        x = np.arange(len(quantities)) + 0.15 * (number - (len(result["ratios"]) - 1) / 2)
        ax.errorbar(x, ratio, error, fmt="o", color=SEQUENCE[number], label=NAMES.get(method, method), capsize=2)
    ax.axhspan(1 - GOAL, 1 + GOAL, color="#d9d9d9", alpha=0.6, linewidth=0, zorder=0)
    ax.axhline(1, color=TRUTH, linewidth=0.8)
    ax.set_xticks(range(len(quantities)), [each.replace(" above", "\nabove") for each in quantities])
    side, boxes = result["box"]["box_size_mpc"], result["boxes"]
    ax.set(ylabel="variance, mocks over simulations", title=f"Scatter over {boxes} boxes of ({side:g} Mpc)³")
    ax.legend()
    return figure


if __name__ == "__main__":
    console.run(main)
