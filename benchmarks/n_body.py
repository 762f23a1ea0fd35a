"""The N-body truth against theory: power spectra, mass functions, convergence, the limit of what can be known, cost.

One command, ``python benchmarks/n_body.py --cells 128 --boxes 4 --output FOLDER``: boxes of 1 Mpc cells in the paper's
cosmology. Killed, it goes on with the part it was in. Writes ``n_body_<cells>.json``, tables and a figure. The limit of
what can be known is measured on half as many cells: two simulations of twice their resolution share all modes of that
grid and differ beyond its Nyquist frequency.
"""

import argparse
from pathlib import Path

import numpy as np
from n_body_runs import (
    BANDS,
    CUTS,
    REDSHIFTS,
    against,
    coarse_truth,
    counts_of,
    haloes_of,
    mead2020,
    over_reference,
    power_of,
    run,
)
from performance.measuring import machine
from scipy import fft

from halonet import console
from halonet.cosmology import compute_power_spectrum, mean_matter_density
from halonet.figures.style import SEQUENCE, new_figure, save, styled
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import linear_density
from halonet.initial_conditions.noise import derived_seed, white_noise
from halonet.settings import CosmologySettings, NBodySettings
from halonet.statistics.mass_function import predicted_abundance
from halonet.storage import read_json, write_json, write_text

# Of colossus, with the mass that they count.
LABELS = {
    "watson13": "Watson et al. 2013",
    "courtin11": "Courtin et al. 2011",
    "tinker08": "Tinker et al. 2008 (M200m)",
}
MODELS = {"watson13": ("watson13", "fof"), "courtin11": ("courtin11", "fof"), "tinker08": ("tinker08", "200m")}
VARIANTS = {f"steps {n}": {"steps": n} for n in (20, 40, 80)} | {f"mesh {n}": {"mesh": n} for n in (1, 2, 3)}


class Benchmark:
    """Parts by name, each computed once and stored."""

    def __init__(self, arguments):
        self.cells, self.threads, self.seed = arguments.cells, arguments.threads, arguments.seed
        self.cosmology, self.spectrum = CosmologySettings(), compute_power_spectrum(CosmologySettings())
        self.references = {z: mead2020(self.cosmology, z) for z in REDSHIFTS}
        self.path = arguments.output / f"n_body_{self.cells}.json"
        self.results = read_json(self.path) if self.path.exists() else {"parts": {}}
        self.results |= {"cells": self.cells, "machine": machine(), "command": command(arguments)}

    def part(self, name, compute, *arguments):
        """Compute a part unless it is there."""
        if name not in self.results["parts"]:
            with console.step(name):
                self.results["parts"][name] = compute(*arguments)
            write_json(self.path, self.results)
        return self.results["parts"][name]

    def density(self, box, cells=None):
        """Linear density of today of a box of 1 Mpc cells."""
        cells = cells or self.cells
        seed = derived_seed(self.seed, "box", box)
        return linear_density(Slabs(cells, threads=self.threads), seed, float(cells), *self.spectrum, self.cosmology)

    def measure(self, box, changes):
        """Power spectra, haloes and cost of one box."""
        settings = NBodySettings(**changes)
        found, seconds = run(self.density(box), float(self.cells), self.cosmology, settings, threads=self.threads)
        record = {"seconds": seconds}
        for redshift, particles in found.items():
            haloes, owners, record["seconds"]["haloes"] = haloes_of(particles, self.cosmology, settings)
            record[f"z={redshift:g}"] = {
                "over mead2020": over_reference(*power_of(particles), self.references[redshift]),
                "mask": float((owners >= 0).mean()),
                **counts_of(haloes),
            }
        return record

    def limit(self, coarse):
        """Truth of a grid of ``coarse`` cells from two simulations that differ beyond its Nyquist frequency."""
        settings, truths = NBodySettings(minimum_cells=8 * 27), []
        for density in two_completions(coarse, self.seed, self.spectrum, self.cosmology, self.threads):
            found, _ = run(density, float(coarse), self.cosmology, settings, (0.0,), self.threads)
            haloes, owners, _ = haloes_of(found[0.0], self.cosmology, settings)
            truths.append(coarse_truth(haloes, owners, 2, 27))
        (true, true_mask), (other, mask) = truths
        grid, _ = run(coarsened(density), float(coarse), self.cosmology, NBodySettings(), (0.0,), self.threads)
        haloes, owners, _ = haloes_of(grid[0.0], self.cosmology, NBodySettings())
        return {
            "cells": coarse,
            "two completions": against(true_mask, mask, true, other),
            "completed and not": against(mask, (owners >= 0).astype(np.uint8), other, haloes),
            "haloes": [len(catalogue.larger_than(100)) for catalogue in (true, other, haloes)],
        }


def two_completions(coarse, seed, spectrum, cosmology, threads):
    """Densities on twice as many cells (0.5 Mpc) with the same modes below the Nyquist frequency of the coarse grid."""
    fine, size = Slabs(2 * coarse, threads=threads), 0.5
    k = 2 * np.pi / coarse * np.sqrt(sum(k**2 for k in fine.wavenumbers))
    amplitude = np.interp(np.log(np.maximum(k, k[0, 0, 1])), np.log(spectrum[0]), np.sqrt(spectrum[1] / size**3))
    shared = np.ones(k.shape, bool)
    for axis in fine.wavenumbers:
        shared &= np.abs(axis) < coarse / 2
    modes = [fine.forward(white_noise(fine, derived_seed(seed, "completion", i))) for i in range(2)]
    modes[1][shared] = modes[0][shared]
    for each in modes:
        each *= amplitude.astype(np.float32)
        each[0, 0, 0] = 0
        yield fine.inverse(each)


def coarsened(density):
    """Density on half as many cells along a side: the modes below its Nyquist frequency."""
    n = len(density) // 2
    modes = fft.rfftn(density)
    keep = np.concatenate([np.arange(n // 2), np.arange(len(density) - n // 2, len(density))])
    modes = modes[np.ix_(keep, keep, np.arange(n // 2 + 1))] / 8
    modes[n // 2], modes[:, n // 2], modes[:, :, n // 2] = 0, 0, 0
    return fft.irfftn(modes, s=(n,) * 3).astype(np.float32)


def command(arguments):
    """The command that makes these results."""
    return (
        f"python benchmarks/n_body.py --cells {arguments.cells} --boxes {arguments.boxes} --threads {arguments.threads}"
    )


def summary(benchmark, boxes):
    """Means over boxes, and their ratios to theory."""
    masses = CUTS * mean_matter_density(benchmark.cosmology)
    volume = float(benchmark.cells) ** 3 * len(boxes)
    result = {"k": np.sqrt(BANDS[:-1] * BANDS[1:]).tolist(), "cuts": CUTS.tolist()}
    for redshift in REDSHIFTS:
        name = f"z={redshift:g}"
        power = np.array([box[name]["over mead2020"] for box in boxes], float)
        counts = {kind: np.sum([box[name][kind] for box in boxes], axis=0) for kind in ("fof", "m200m")}
        theory = predicted_abundance(masses, benchmark.cosmology, redshift, *benchmark.spectrum, models=MODELS)
        result[name] = {
            "over mead2020": power.mean(axis=0).tolist(),
            "error": (power.std(axis=0, ddof=1) / len(boxes) ** 0.5).tolist() if len(boxes) > 1 else None,
            "haloes": counts["fof"].tolist(),
            **{
                f"over {model}": (counts["fof" if mass == "fof" else "m200m"] / (theory[model] * volume)).tolist()
                for model, (_, mass) in MODELS.items()
            },
        }
    return result


def tables(results):
    """Markdown of the summary, convergence, limit and cost."""
    mean, parts = results["summary"], results["parts"]
    lines = [f"`{results['command']}` on {results['machine']['cpu']}, {results['machine']['cores']} cores.", ""]
    lines += ["| k per Mpc | " + " | ".join(f"{k:.2f}" for k in mean["k"]) + " |", "|---" * (len(mean["k"]) + 1) + "|"]
    for redshift in REDSHIFTS:
        lines.append(row(f"P / mead2020, z = {redshift:g}", mean[f"z={redshift:g}"]["over mead2020"]))
    for name in VARIANTS:
        if name in parts:
            lines.append(row(f"one box, {name}, z = 0", parts[name]["z=0"]["over mead2020"]))
    lines += ["", "| particles at least | " + " | ".join(map(str, mean["cuts"])) + " |"]
    lines.append("|---" * (len(mean["cuts"]) + 1) + "|")
    for redshift in REDSHIFTS:
        for model in MODELS:
            lines.append(row(f"over {model}, z = {redshift:g}", mean[f"z={redshift:g}"][f"over {model}"]))
    lines.append("| haloes, z = 0 | " + " | ".join(map(str, mean["z=0"]["haloes"])) + " |")
    for name in VARIANTS:
        if name in parts:
            lines.append(f"| one box, {name} | " + " | ".join(map(str, parts[name]["z=0"]["fof"])) + " |")
    lines += ["", "| seconds | " + " | ".join(parts["box 0"]["seconds"]) + " |"]
    lines.append("|---" * (len(parts["box 0"]["seconds"]) + 1) + "|")
    lines += [row(name, part["seconds"].values(), 1) for name, part in parts.items() if "seconds" in part]
    return "\n".join(lines) + "\n"


def row(name, values, digits=3):
    """A row of numbers, empty where there are none."""
    shown = ("" if value is None or np.isnan(value) else f"{value:.{digits}f}" for value in values)
    return f"| {name} | " + " | ".join(shown) + " |"


@styled
def draw(results):
    """Power over mead2020, and mass functions over theory."""
    figure, (left, right) = new_figure(8.5, 3.6, columns=2)
    mean = results["summary"]
    for redshift, colour in zip(REDSHIFTS, SEQUENCE, strict=False):
        record = mean[f"z={redshift:g}"]
        left.errorbar(mean["k"], record["over mead2020"], record["error"], color=colour, label=f"z = {redshift:g}")
    left.axhspan(0.95, 1.05, color="0.9", zorder=0)
    left.set(xscale="log", xlabel="k (per Mpc)", ylabel="P(k) / mead2020", ylim=(0.6, 1.3))
    for model, colour in zip(MODELS, SEQUENCE, strict=False):
        right.plot(mean["cuts"], mean["z=0"][f"over {model}"], "o-", color=colour, label=LABELS[model])
    right.axhspan(0.9, 1.1, color="0.9", zorder=0)
    right.set(xscale="log", xlabel="particles at least", ylabel="N(>= M) / literature, z = 0", ylim=(0.4, 1.3))
    for axes in (left, right):
        axes.axhline(1, color="0.5", lw=0.8)
        axes.legend()
    return figure


def main():
    """Compute what is missing, then means, tables and figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=128, help="along a side of a box of 1 Mpc cells")
    parser.add_argument("--boxes", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=2718)
    parser.add_argument("--parts", nargs="*", choices=("variants", "limit"), default=["variants", "limit"])
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    benchmark = Benchmark(arguments)
    boxes = [benchmark.part(f"box {box}", benchmark.measure, box, {}) for box in range(arguments.boxes)]
    for name, changes in VARIANTS.items() if "variants" in arguments.parts else ():
        benchmark.part(name, benchmark.measure, 0, changes)
    if "limit" in arguments.parts:
        benchmark.part("limit", benchmark.limit, arguments.cells // 2)
    benchmark.results["summary"] = summary(benchmark, boxes)
    write_json(benchmark.path, benchmark.results)
    write_text(benchmark.path.with_suffix(".md"), tables(benchmark.results))
    save(draw(benchmark.results), arguments.output, f"n_body_{arguments.cells}")
    print(tables(benchmark.results))


if __name__ == "__main__":
    console.run(main)
