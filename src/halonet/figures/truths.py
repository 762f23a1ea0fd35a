"""Peak Patch against a simulation on the same densities: abundance, objects, masks, clustering, motion."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from halonet.figures.shown import mean_of_known, number
from halonet.figures.style import (
    FAINT,
    MISSED,
    PREDICTION,
    SEQUENCE,
    TRUTH,
    Drawing,
    label_wavenumbers,
    new_figure,
    styled,
)

FEW_PER_BIN = 5  # haloes; bins with fewer are left out of the curves


@styled
def draw_truths(boxes: list[dict]) -> Drawing:
    """Comparison of two truths, from the records of :mod:`halonet.statistics.truths` of all test boxes."""
    figure, axes = new_figure(11.0, 6.6, 2, 3)
    abundance, fractions, masks, lagrangian, eulerian, moved = axes
    mass = boxes[0]["cell_mass_msun"]
    _draw_abundance(abundance, boxes, mass)
    _draw_fractions(fractions, boxes, mass)
    _draw_spectra(masks, boxes, lambda box: box["masks"]["masks"], "masks")
    _draw_spectra(lagrangian, boxes, lambda box: box["lagrangian"]["cuts"][-1], "haloes, Lagrangian")
    _draw_spectra(eulerian, boxes, lambda box: box["eulerian"]["cuts"][-1], "haloes, Eulerian")
    _draw_moved(moved, boxes, mass)
    agreement, dice = (mean_of_known([box["overlap"][name] for box in boxes]) for name in ("agreement", "halo_cells"))
    for ax in (abundance, fractions, moved):
        ax.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))  # with more of them labels would overlap in small boxes
    least = boxes[0]["minimum_cells"]
    found, pure = (mean_of_known([box["matching"][name] for box in boxes]) for name in ("completeness", "purity"))
    densities = f"{len(boxes)} box{'es' if len(boxes) > 1 else ''}"
    caption = (
        f"Peak Patch against the simulation on the densities of {densities}. Masks agree in "
        f"{number(agreement, '.3f')} of the cells, "
        f"Dice of halo cells {number(dice, '.3f')}. Of the simulation's haloes above {least} cells "
        f"{number(found, '.2f')} have a partner, of "
        f"those of Peak Patch {number(pure, '.2f')}{_by_cells(boxes)}. "
        "Upper row: haloes above a mass, over the simulation; "
        "matched fractions (dashed: by shared cells); cross-correlation and ratio of power of the masks. Lower row: "
        "the same of all haloes above that mass at Lagrangian and at Eulerian positions; rms difference of one "
        "component of position and velocity of matched haloes."
    )
    return Drawing(figure, "Peak Patch and simulation", caption)


def _by_cells(boxes: list[dict]) -> str:
    """Matched fractions by shared cells in words; nothing where the cells of protohaloes are not known."""
    shared = [box["shared_cells"] for box in boxes]
    if None in shared:
        return ""
    found, pure, best = (mean_of_known([box[name] for box in shared]) for name in ("completeness", "purity", "spheres"))
    return (
        f"; a partner with which they share more than half of the cells of each have {number(found, '.2f')} "
        f"and {number(pure, '.2f')} "
        f"({number(best, '.2f')} of the simulation's have it in the sphere of their own centre and radius)"
    )


def _draw_abundance(ax: Axes, boxes: list[dict], mass: float) -> None:
    true, other = (np.sum([box["mass_function"][name] for box in boxes], axis=0) for name in ("true", "other"))
    cells, seen = np.array(boxes[0]["mass_function"]["cells"]), true >= FEW_PER_BIN
    ax.axhspan(0.9, 1.1, color=FAINT, alpha=0.7, linewidth=0)
    ax.plot(cells[seen] * mass, other[seen] / true[seen], "o-", color=PREDICTION, markersize=3)
    ax.axhline(1, color=TRUTH, linewidth=0.8)
    ax.set(xscale="log", xlabel=r"$M$  (M$_\odot$)", ylabel="N(> M), Peak Patch / simulation", ylim=(0.5, 1.5))


def _draw_fractions(ax: Axes, boxes: list[dict], mass: float) -> None:
    edges = np.array(boxes[0]["matching"]["edges"])
    centres = np.sqrt(edges[1:] * edges[:-1]) * mass
    labels = (("true", "true_matched", TRUTH, "of the simulation"), ("found", "found_matched", MISSED, "of Peak Patch"))
    for total, part, colour, label in labels:
        whole, matched = (np.sum([box["matching"][name] for box in boxes], axis=0) for name in (total, part))
        seen = whole >= FEW_PER_BIN
        ax.plot(centres[seen], matched[seen] / whole[seen], "o-", color=colour, markersize=3, label=label)
        if all(box["shared_cells"] for box in boxes):
            by_cells = np.sum([box["shared_cells"][part] for box in boxes], axis=0)
            ax.plot(centres[seen], by_cells[seen] / whole[seen], "--", color=colour, linewidth=1)
    ax.set(xscale="log", xlabel=r"$M$  (M$_\odot$)", ylabel="haloes with a partner", ylim=(0, 1.05))
    ax.legend()


def _draw_spectra(ax: Axes, boxes: list[dict], record: Callable[[dict], dict], title: str) -> None:
    k = np.array(boxes[0]["masks"]["k"])
    for name, colour, label in (("correlation", SEQUENCE[0], "r(k)"), ("ratio", SEQUENCE[1], "ratio of power")):
        known = [record(box)[name] for box in boxes if record(box)[name]]
        if known:
            ax.semilogx(k, np.array(known, float).mean(axis=0), color=colour, label=label)
    ax.axhline(1, color=TRUTH, linewidth=0.8)
    label_wavenumbers(ax)
    ax.set(title=title, ylim=(0, None))
    ax.legend()


def _draw_moved(ax: Axes, boxes: list[dict], mass: float) -> None:
    edges = np.array(boxes[0]["moved"]["edges"])
    centres = np.sqrt(edges[1:] * edges[:-1]) * mass
    names = ("pairs", "place_squares", "velocity_squares")
    sums = {name: np.sum([box["moved"][name] for box in boxes], axis=0) for name in names}
    seen = sums["pairs"] >= FEW_PER_BIN
    curves = (("place_squares", 1, "position (Mpc)"), ("velocity_squares", 100, "velocity (100 km/s)"))
    for (name, unit, label), colour in zip(curves, SEQUENCE, strict=False):
        rms = np.sqrt(sums[name][seen] / sums["pairs"][seen]) / unit
        ax.plot(centres[seen], rms, "o-", color=colour, markersize=3, label=label)
    ax.set(xscale="log", xlabel=r"$M$  (M$_\odot$)", ylabel="rms difference of a component", ylim=(0, None))
    ax.legend()
