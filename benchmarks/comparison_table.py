"""Table and figure of comparison.py."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
from comparison_numbers import CURVE, EDGES, K
from matplotlib.figure import Figure

from halonet.figures.limit import LIMIT
from halonet.figures.style import FAINT, SEQUENCE, TRUTH, new_figure, styled

WITHIN = 3  # standard errors
LIMIT_NAME = "limit of knowability"
ELSEWHERE = (
    "Elsewhere: Alokda & Porciani (2025, arXiv:2508.00049) report for protohaloes of their own simulations AUC of 0.98 "
    "to 0.99 in every class of mass, and total masses within 1%.\n"
)


def limit() -> dict[str, float]:
    """What two simulations with the same modes on the grid know of each other, by the names of the rows."""
    values = {"Dice, both classes": LIMIT.dice, "Dice of halo cells": LIMIT.halo_cells}
    values["cells that agree at p > 0.5"] = LIMIT.dice  # of two masks of as many cells both are the same number
    for word, fractions in (("completeness", LIMIT.completeness), ("purity", LIMIT.purity)):
        values |= {f"{word} above {cut}": value for cut, value in zip(LIMIT.cells, fractions, strict=True)}
    return values


AIMS = {  # by a pattern of rows
    r"Dice, both classes": "0.93",
    r"AUC of galaxies.*": "0.98",
    r"AUC of groups.*": "0.988",
    r"AUC of clusters.*": "0.99",
    r"(completeness|purity) above 100": "0.87",
    r"(completeness|purity) above 1000": "0.93",
    r"haloes above .*": "1 ± 0.04",
    r"mass in .*": "1 ± 0.02",
    r"power .*": "1 ± 0.05",
    r"curve of power .*": f"all within {WITHIN} errors",
    r"r at 0.1 .*": "0.95",
    r"quadrupole .*": "1 ± 0.1",
    r"error of Eulerian positions \(Mpc\)": "1, and 3/4 of second order",
}


def aim(row: str) -> str:
    """What the project aims at, where it does."""
    return next((aimed for pattern, aimed in AIMS.items() if re.fullmatch(pattern, row)), "")


def markdown(table: dict) -> str:
    """A row for every number, a column for every rival, for the limit of what can be known and for the aim."""
    known = limit()
    lines = [f"| | {' | '.join(table)} | {LIMIT_NAME} | aim |", f"|---|{'---|' * (len(table) + 2)}"]
    for name in dict.fromkeys(name for values in table.values() for name in values):
        if name.startswith("curve of") and not name.startswith("curve of power"):
            continue
        cells = [shown(name, values[name]) if name in values else "" for values in table.values()]
        row = name.replace("curve of power", "bins of power to 0.3: within 3 errors, farthest from 1")
        last = f"{known[name]:.3f}" if name in known else ""
        lines.append(f"| {row} | {' | '.join(cells)} | {last} | {aim(name)} |")
    note = f"The limit of knowability: {LIMIT.words().split(': ', 1)[1]}.\n"
    return "\n".join(lines) + "\n\n" + ELSEWHERE + "\n" + note


def shown(name: str, value: dict) -> str:
    """Mean and error of a number; of a curve, how many of its bins are near 1."""
    if isinstance(value["mean"], list):
        mean = np.array(value["mean"])
        farthest = f"{mean[np.argmax(np.abs(mean - 1))] - 1:+.2f}"
        if value["error"] is None:
            return farthest
        return f"{(np.abs(mean - 1) <= WITHIN * np.array(value['error'])).sum()} of {len(mean)}, {farthest}"
    digits = 1 if "km/s" in name else 3
    text = f"{value['mean']:.{digits}f}"
    return text if value["error"] is None else f"{text} ± {value['error']:.{digits}f}"


@styled
def draw(table: dict) -> Figure:
    """Objects, abundance, Eulerian power and errors of positions at a glance."""
    figure, (objects, abundance, power, moved) = new_figure(9.6, 6.6, 2, 2)
    rivals = [name for name in table if ", " not in name]
    colours = dict(zip(rivals, SEQUENCE, strict=False))
    for name, values in table.items():
        whose, variant = (*name.split(", "), "")[:2]
        colour, style = colours[whose], {"": "-", "matched": ":", "second order": "--"}[variant]
        if variant == "":
            objects.plot(CURVE, values["curve of completeness"]["mean"], color=colour, label=name)
            objects.plot(CURVE, values["curve of purity"]["mean"], color=colour, linestyle="--")
        if variant != "second order":
            band(abundance, CURVE, values["curve of haloes"], colour, style, name)
        if variant != "matched":
            spectrum = values["curve of power (eulerian, all)"]
            band(power, values[K]["mean"], spectrum, colour, style, name)
            errors = [values[f"error of Eulerian positions (Mpc), {which}"]["mean"] for which in masses()]
            moved.plot(range(len(errors)), errors, color=colour, linestyle=style, marker="o", markersize=4, label=name)
    objects.plot(LIMIT.cells[:-1], LIMIT.completeness[:-1], color=TRUTH, linewidth=1, label=LIMIT_NAME)
    objects.plot(LIMIT.cells[:-1], LIMIT.purity[:-1], color=TRUTH, linewidth=1, linestyle="--")
    objects.set(xscale="log", xlim=(50, 5000), ylim=(0.5, 1.01), title="Haloes that have a partner")
    objects.set(xlabel="cells, at least", ylabel="completeness (lines), purity (dashes)")
    abundance.set(xscale="log", title="Number of haloes", xlabel="cells, at least", ylabel="over the simulation's")
    power.set(title="Eulerian power, all above 100 cells", xlabel=r"$k$  (Mpc$^{-1}$)", ylabel="over the simulation's")
    for ax, aimed in ((abundance, 0.04), (power, 0.05)):
        ax.axhspan(1 - aimed, 1 + aimed, color=FAINT, alpha=0.6, linewidth=0, zorder=0)
        ax.axhline(1, color=TRUTH, linewidth=0.8)
        ax.set_ylim(0.6 if ax is abundance else 0.8, 1.2)  # room for what the colours mean
    moved.set(title="Where matched haloes end", ylabel="error of the position (Mpc)", xlabel="cells", ylim=(0, None))
    moved.set_xticks(range(len(masses())), masses())
    moved.set_xlim(-0.25, len(masses()) - 0.75)
    for ax in (objects, abundance, moved):
        ax.legend(loc="lower left", fontsize=7.5, handlelength=3, ncols=1 if ax is objects else 2)
    return figure


def masses() -> list[str]:
    """Words for the classes of mass in which errors are told apart, as in the names of the rows."""
    limits = pairwise(EDGES)
    return [f"above {low}" if np.isinf(high) else f"{low} to {high}" for low, high in limits]


def band(ax, x, values: dict, colour: str, style: str, label: str):
    """A curve with its standard error as shading."""
    mean = np.array(values["mean"])
    ax.plot(x, mean, color=colour, linestyle=style, label=label)
    if values["error"] is not None:
        error = np.array(values["error"])
        ax.fill_between(x, mean - error, mean + error, color=colour, alpha=0.15, linewidth=0)


if __name__ == "__main__":
    import sys

    folder = Path(sys.argv[1])
    print(markdown(json.loads((folder / "comparison.json").read_text())["mean"]))
