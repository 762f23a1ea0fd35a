"""Halo by halo: matched fractions as functions of mass, and the probability stacked around true haloes (Fig. 5)."""

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from halonet.figures.limit import Limit, limit_for
from halonet.figures.shown import number
from halonet.figures.style import MISSED, ORDERED_MAP, PREDICTION, TRUTH, Drawing, new_figure, power_of_ten, styled

FEW_PER_BIN = 5  # haloes; bins with fewer are left out of the curves


@styled
def draw_matching(summary: dict) -> Drawing:
    """Completeness and purity, and masses and centres of matched pairs, in bins of mass, from a statistics summary."""
    objects, cell_mass = summary["matching"], summary["box"]["cell_mass_msun"]
    edges = np.array(objects["edges"])
    centres = np.sqrt(edges[1:] * edges[:-1]) * cell_mass
    figure, axes = new_figure(10.8, 4.0, 1, 3)
    _draw_fractions(axes[0], centres, objects)
    shared = summary["shared_cells"]
    if shared:
        _draw_shared(axes[0], centres, objects, shared)
    limit = limit_for(summary)
    if limit:
        _draw_limit(axes[0], limit, cell_mass)
    _draw_pairs(axes[1], centres, objects["pairs_by_mass"]["log_mass_ratio"], PREDICTION)
    _draw_pairs(axes[2], centres, objects["pairs_by_mass"]["centre_offset"], MISSED)
    axes[1].axhline(0, color=TRUTH, linewidth=0.8)
    axes[0].set(ylim=(0, 1.05), ylabel="matched fraction")
    axes[1].set(ylabel="ln (predicted mass / true mass)", ylim=(-0.9, 0.9))
    axes[2].set(ylabel="distance of centres (true radii)", ylim=(0, None))
    for ax in axes:
        ax.axvline(objects["minimum_cells"] * cell_mass, color="#999999", linewidth=0.8, linestyle="--")
        ax.set(xscale="log", xlabel=r"$M$  (M$_\odot$)")
        ax.grid(axis="y")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    caption = (
        "Left: fractions of haloes with a partner: each centre inside the other halo, radii within "
        f"{objects['radius_tolerance']:.0%}, one to one. Above {objects['minimum_cells']} cells (dashed line): "
        f"completeness {number(objects['completeness']['mean'], '.2f')}, "
        f"purity {number(objects['purity']['mean'], '.2f')}; bars are "
        f"binomial errors. {_shared_in_words(shared) if shared else ''}Middle and right: masses and centres of matched "
        "pairs by true mass; points: mean with its standard deviation over boxes, shading: standard deviation of the "
        f"pairs, whose radii differ by no more than the tolerance. Bins of fewer than {FEW_PER_BIN} haloes are left "
        f"out.{f' {limit.words()}; crosses: all haloes above a mass.' if limit else ''}"
    )
    return Drawing(figure, "Matched haloes", caption)


def _draw_fractions(ax: Axes, centres: np.ndarray, objects: dict) -> None:
    """Completeness and purity with binomial errors, and the looser reading of completeness."""
    curves = (
        ("true_matched", "true", PREDICTION, "o-", "completeness: true haloes with a partner"),
        ("found_matched", "found", MISSED, "s--", "purity: predicted haloes with a partner"),
    )
    for matched, total, colour, marks, label in curves:
        part, whole = np.array(objects[matched]), np.array(objects[total])
        seen = whole >= FEW_PER_BIN
        fraction = part[seen] / whole[seen]
        # Agresti-Coull errors do not vanish where every halo has its partner.
        softened = (part[seen] + 2) / (whole[seen] + 4)
        error = np.sqrt(softened * (1 - softened) / (whole[seen] + 4))
        ax.errorbar(
            centres[seen], fraction, error, fmt=marks, color=colour, markersize=4, capsize=2, label=label, lw=1.3
        )
    part, whole = np.array(objects["true_one_sided"]), np.array(objects["true"])
    seen = whole >= FEW_PER_BIN
    ax.plot(
        centres[seen], part[seen] / whole[seen], ":", color=TRUTH, linewidth=1.2, label="one-sided (looser) reading"
    )


def _draw_shared(ax: Axes, centres: np.ndarray, objects: dict, shared: dict) -> None:
    """Matched fractions by shared cells."""
    curves = (
        ("true_matched", "true", PREDICTION, "completeness by shared cells"),
        ("found_matched", "found", MISSED, "purity by shared cells"),
        ("spheres_matched", "true", "#999999", "of the true haloes' own spheres"),
    )
    for matched, total, colour, label in curves:
        part, whole = np.array(shared[matched]), np.array(objects[total])
        seen = whole >= FEW_PER_BIN
        ax.plot(centres[seen], part[seen] / whole[seen], "-.", color=colour, linewidth=1.2, label=label)


def _draw_limit(ax: Axes, limit: Limit, cell_mass: float) -> None:
    """What completeness and purity above a mass can reach."""
    masses = np.array(limit.cells) * cell_mass
    for fractions, colour, name in ((limit.completeness, PREDICTION, "completeness"), (limit.purity, MISSED, "purity")):
        ax.plot(masses, fractions, "x:", color=colour, linewidth=0.9, markersize=5, label=f"limit of {name}")


def _shared_in_words(shared: dict) -> str:
    return (
        "Dash-dotted: partners that share more than half of the cells of each, since true protohaloes are no spheres: "
        f"completeness {number(shared['completeness']['mean'], '.2f')}, "
        f"purity {number(shared['purity']['mean'], '.2f')}; the true haloes' "
        f"own spheres reach {number(shared['spheres']['mean'], '.2f')}. "
    )


def _draw_pairs(ax: Axes, centres: np.ndarray, values: dict, colour: str) -> None:
    """Mean of a property of matched pairs with its scatter over boxes, and the scatter of the pairs."""
    mean, scatter, deviation = (np.array(values[name], dtype=float) for name in ("mean", "scatter", "deviation"))
    seen = np.array(values["pairs"]) >= FEW_PER_BIN
    mean, scatter, deviation = mean[seen], scatter[seen], deviation[seen]
    ax.fill_between(centres[seen], mean - scatter, mean + scatter, color=colour, alpha=0.2, linewidth=0)
    ax.errorbar(centres[seen], mean, deviation, fmt="o-", color=colour, markersize=4, capsize=2, lw=1.3)


@styled
def draw_profiles(summary: dict, thresholds: dict | None) -> Drawing:
    """Stacked probability in shells around true haloes (Fig. 5), and the shell threshold fitted to it where it was."""
    cell_mass = summary["box"]["cell_mass_msun"]
    stacks = [stack for stack in summary["profiles"] if stack["haloes"]]
    boundaries = summary["boundary_profiles"]
    panels = 2 + bool(boundaries) + bool(thresholds)
    figure, axes = new_figure(0.4 + 3.6 * panels, 4.1, 1, panels)
    colours = mpl.colormaps[ORDERED_MAP](np.linspace(0, 0.9, len(stacks)))
    for stack, colour in zip(stacks, colours, strict=True):
        label = rf"{power_of_ten(stack['cells'][0] * cell_mass)}  ({stack['haloes']})"
        for ax, name in zip(axes[:2], ("mean", "deviation"), strict=True):
            values, edge = np.array(stack[name], dtype=float), stack["mean_radius"]
            ax.plot(np.arange(len(values)), values, color=colour, label=label)
            height = np.interp(edge, np.arange(len(values)), values)
            ax.plot(edge, height, "o", color=colour, markersize=5, markeredgecolor="white")
    widest = 1.5 * max((stack["mean_radius"] for stack in stacks), default=20)
    for ax, name, highest in zip(axes[:2], ("mean probability", "standard deviation"), (1.03, 0.6), strict=False):
        ax.set(xlabel="distance from true centre (cells)", title=name, ylim=(0, highest), xlim=(0, widest))
    title = r"halo mass above (M$_\odot$), number of haloes in brackets"
    figure.legend(*axes[0].get_legend_handles_labels(), title=title, loc="outside lower center", ncols=len(stacks))
    if boundaries:
        _draw_boundaries(axes[2], boundaries)
    if thresholds:
        _draw_threshold(axes[-1], thresholds)
    caption = (
        "Predicted probability in shells around true haloes of the test boxes, by mass: mean and standard deviation "
        "over cells; points: mean radius of the haloes. "
    )
    if boundaries:
        caption += (
            "Third: by distance from the boundary of the true protohalo, cell by cell: cells of the halo by their "
            "depth (left of 0), cells of no halo by their distance to the nearest one. "
        )
    if thresholds:
        shift = thresholds["chosen"].get("shift", 0)  # fitted spheres have none
        line = f"the line fitted to it, shifted by {shift:+.2f}" if shift else "the line fitted to it"
        caption += (
            "Right: mean probability at the radius of true haloes of the calibration boxes, and the threshold in force "
            f"({line}), at which the halo finder ends a halo; dotted: the paper's."
        )
    return Drawing(figure, "Probability around true haloes", caption.strip())


def _draw_boundaries(ax: Axes, boundaries: list[dict]) -> None:
    """Mean probability by distance from the boundaries of protohaloes, for each bin of mass that has haloes."""
    stacks = [stack for stack in boundaries if stack["haloes"]]
    for stack, colour in zip(stacks, mpl.colormaps[ORDERED_MAP](np.linspace(0, 0.9, len(stacks))), strict=True):
        distance, mean = (np.array(stack[name], dtype=float) for name in ("distance", "mean"))
        known = np.isfinite(distance)
        ax.plot(distance[known], mean[known], "o-", color=colour, markersize=2.5)
    ax.axvline(0, color=TRUTH, linewidth=0.8)
    ax.set(xlabel="distance from true boundary (cells)", title="mean probability", ylim=(0, 1.03))


def _draw_threshold(ax: Axes, thresholds: dict) -> None:
    edge, shell = thresholds["edge_profile"], thresholds["shell_threshold"]
    radius, mean, deviation, haloes = (np.array(edge[name]) for name in ("radius", "mean", "deviation", "haloes"))
    several = haloes > 1
    error = deviation[several] / np.sqrt(haloes[several])
    ax.errorbar(radius[several], mean[several], error, fmt="o", color=TRUTH, markersize=3.5, capsize=2, label="stacked")
    ax.plot(radius[~several], mean[~several], "o", color=TRUTH, markersize=3.5, fillstyle="none", label="single halo")
    paper = {"inner_slope": 0.044, "inner_value": 0.31, "outer_slope": 0.0045, "outer_value": 0.57, "break_cells": 6.7}
    grid = np.linspace(0, radius.max(), 300)
    for values, style, colour, label in ((shell, "-", PREDICTION, "in force"), (paper, ":", "#777777", "paper")):
        ax.plot(grid, _piecewise(values, grid), style, color=colour, label=label)
    ax.set(xlabel="halo radius (cells)", title="mean probability at the true radius", ylim=(0, 1), xlim=(0, None))
    ax.legend(loc="lower right")


def _piecewise(shell: dict, radius: np.ndarray) -> np.ndarray:
    inner = shell["inner_slope"] * radius + shell["inner_value"]
    return np.where(radius <= shell["break_cells"], inner, shell["outer_slope"] * radius + shell["outer_value"])
