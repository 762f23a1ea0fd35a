"""Means of the statistics of mocks with bands of their scatter; what control variates gain."""

import numpy as np
from matplotlib.axes import Axes

from halonet.figures.style import MISSED, SEQUENCE, TRUTH, Drawing, label_wavenumbers, new_figure, styled

TITLES = {
    "mass_function": "Numbers of haloes",
    "power_spectrum": "Power spectrum",
    "multipoles": "Multipoles in redshift space",
    "bispectrum": "Bispectrum",
    "correlation_function": "Two-point function",
    "counts_in_cells": "Counts in cells",
}
K, UNIT = r"$k$  (Mpc$^{-1}$)", r"Mpc$^3$"


@styled
def draw_statistics(summary: dict) -> Drawing:
    """Mean of every statistic with the scatter of one mock, and by control variates where there are some."""
    shown = [name for name in TITLES if name in summary]
    columns = min(3, len(shown))
    figure, axes = new_figure(3.8 * columns, 3.1 * -(-len(shown) // columns), -(-len(shown) // columns), columns)
    for ax, name in zip(axes, shown, strict=False):
        _draw_one(ax, name, summary)
    for ax in axes[len(shown) :]:
        ax.set_visible(False)
    box = summary["box"]
    caption = (
        f"Means over {summary['mocks']} mocks of ({box['box_size_mpc']:g} Mpc)³ at redshift {box['redshift']:g}, "
        f"haloes of at least {box['minimum_cells']:g} cells; bands: scatter of one mock. Shot noise is included."
    )
    if "control_variates" in summary:
        caption += " Points: means by control variates."
    if "truth" in summary:
        boxes = summary["truth"]["boxes"]
        caption += f" Crosses: mean of {boxes} simulation{'s' if boxes > 1 else ''}, with its error."
    return Drawing(figure, "Statistics of the mocks", caption)


def _draw_one(ax: Axes, name: str, summary: dict) -> None:
    better = {(each["statistic"], each["value"]): each for each in summary["order"]}
    x, scale, label = _abscissa(name, summary)
    held = summary[name]
    values = [value for value in held if isinstance(held[value], dict) and "kept" in held[value]]
    for value, colour in zip(values, SEQUENCE, strict=False):
        kept = np.array(held[value]["kept"])
        mean, deviation = (np.array(held[value][each])[kept] for each in ("mean", "deviation"))
        at = x[-len(kept) :][kept]  # squeezed triangles begin with the second bin
        factor = at if name == "multipoles" else at**2 if name == "correlation_function" else 1.0
        ax.plot(at, factor * mean, color=colour, label=value)
        ax.fill_between(
            at, factor * (mean - deviation), factor * (mean + deviation), color=colour, alpha=0.2, linewidth=0
        )
        if "control_variates" in summary:
            part = better[name, value]
            rows = slice(part["first"], part["first"] + part["number"])
            by = np.array(summary["control_variates"]["mean"], float)[rows]
            ax.plot(at, factor * by, "o", color=colour, markeredgecolor=TRUTH, markeredgewidth=0.6, markersize=4)
        if "truth" in summary:
            true = summary["truth"][name][value]
            middle, error = (np.array(true[each], float) for each in ("mean", "error"))
            ax.errorbar(at, factor * middle, factor * error, fmt="x", color=TRUTH, markersize=4, linewidth=0.8)
    ax.set(title=TITLES[name], xlabel=label[0], ylabel=label[1], xscale=scale[0], yscale=scale[1])
    if scale[0] == "log" and name != "mass_function":
        label_wavenumbers(ax)
        ax.set_xlabel(label[0])
    if len(values) > 1:
        ax.legend()


def _abscissa(name: str, summary: dict) -> tuple[np.ndarray, tuple[str, str], tuple[str, str]]:
    """Middles of the bins, the scales of both axes, and their labels."""
    held = summary[name]
    if name == "mass_function":
        edges = np.array(held["edges"]) * (summary["box"]["cell_mass_msun"] or 1.0)
        return np.sqrt(edges[1:] * edges[:-1]), ("log", "log"), (r"$M$  (M$_\odot$)", "haloes in a bin")
    if name == "correlation_function":
        edges = np.array(held["edges"])
        return np.sqrt(edges[1:] * edges[:-1]), ("log", "linear"), ("$r$  (Mpc)", r"$r^2 \xi$  (Mpc$^2$)")
    if name == "counts_in_cells":
        return np.array(held["sides"]), ("log", "log"), ("side of a cube  (Mpc)", "moment / mean")
    k, labels = np.array(held["k"]), {"power_spectrum": f"$P$  ({UNIT})", "bispectrum": r"$B$  (Mpc$^6$)"}
    if name == "multipoles":
        return k, ("linear", "linear"), (K, r"$k P_\ell$  (Mpc$^2$)")
    return k, ("log", "log"), (K, labels[name])


@styled
def draw_gains(summary: dict) -> Drawing:
    """How many times as many plain mocks have the error that control variates leave, datum by datum."""
    figure, (ax,) = new_figure(9.0, 3.2)
    found = summary["control_variates"]
    gain, variance = np.array(found["gain"], float), np.diag(np.array(found["covariance_gain"], float))
    ax.semilogy(gain, color=SEQUENCE[0], label="mean")
    ax.semilogy(variance, color=MISSED, linewidth=1, label="variance")
    for each in summary["order"]:
        ax.axvline(each["first"] - 0.5, color="#d9d9d9", linewidth=0.8, zorder=0)
        middle = each["first"] + (each["number"] - 1) / 2
        ax.annotate(each["value"], (middle, 1.01), xycoords=("data", "axes fraction"), rotation=25, fontsize=7)
    ax.axhline(1, color=TRUTH, linewidth=0.8)
    ax.set(xlabel="datum, in the order of the covariance", ylabel="gain")
    ax.legend(loc="upper right")
    caption = (
        f"Gain of control variates from {found['fields']} further fields: times as many mocks with the same error."
    )
    return Drawing(figure, "Control variates", caption)
