"""Cumulative and differential halo mass function of truth and prediction, beside analytic ones (Fig. 7)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from halonet.figures.style import FAINT, PREDICTION, PRESS_SCHECHTER, TINKER, TRUTH, Drawing, new_figure, styled

FEW_HALOES = 100  # fewer true haloes than this in all boxes together are shown, not judged
THEORIES = (
    ("tinker_2008", TINKER, "--", r"Tinker et al. 2008 (200 $\bar\rho_m$)"),
    ("press_schechter", PRESS_SCHECHTER, ":", "Press & Schechter 1974"),
)


@styled
def draw_mass_function(summary: dict, minimum_cells: float) -> Drawing:
    """Number density above mass, and its ratio to the truth, from a statistics summary."""
    counts, boxes = summary["mass_function"], summary["boxes"]
    volume = boxes * summary["box"]["box_size_mpc"] ** 3
    masses, true, found = (np.array(counts[name], dtype=float) for name in ("masses", "true", "found"))
    seen = _seen(true, found)
    compared = np.array(counts["cells"]) >= minimum_cells
    figure, (top, bottom) = new_figure(5.6, 5.6, 2, 1, sharex=True, height_ratios=(2.2, 1))
    for name, colour, dashes, label in THEORIES:
        theory = np.array(counts[name])
        top.loglog(masses[seen], theory[seen] / volume, dashes, color=colour, label=label)
        bottom.semilogx(*_ratio(masses, theory, true), dashes, color=colour, linewidth=1.2)
    top.loglog(masses[true > 0], true[true > 0] / volume, color=TRUTH, linewidth=3.2, alpha=0.45, label="truth")
    top.loglog(masses[found > 0], found[found > 0] / volume, color=PREDICTION, label="HaloNet (predicted)")
    for one_true, one_found in zip(counts["per_box"]["true"], counts["per_box"]["found"], strict=True):
        bottom.semilogx(*_ratio(masses, np.array(one_found), np.array(one_true)), color=PREDICTION, lw=0.7, alpha=0.45)
    bottom.semilogx(*_ratio(masses, found, true), color=PREDICTION, linewidth=2.2)
    bottom.axhspan(0.9, 1.1, color=FAINT, alpha=0.6, linewidth=0)
    bottom.axhline(1, color=TRUTH, linewidth=0.8)
    _shade_few(bottom, masses, true)
    _shade_few(top, masses, true)
    top.set(ylabel=r"$n({>}M)$  (Mpc$^{-3}$)", xlim=(masses[seen].min(), masses[seen].max() * 1.1))
    top.set_ylim(0.5 / volume, None)
    bottom.set(xlabel=r"$M$  (M$_\odot$)", ylabel="ratio to truth", ylim=_ratio_limits(true[compared], found[compared]))
    top.legend(loc="lower left")
    _cells_axis(top, summary["box"]["cell_mass_msun"])
    caption = (
        f"Cumulative mass function of {boxes} test box{'es' if boxes > 1 else ''} of "
        f"({summary['box']['box_size_mpc']:g} Mpc)³. Lower panel: ratio to the true haloes, all boxes together "
        "(thick) and each box (thin); the grey band is ±10%. The paper compares haloes of at least "
        f"{minimum_cells:g} cells; where all boxes together hold fewer than {FEW_HALOES} true haloes (hatched) numbers "
        "are too small to judge."
    )
    return Drawing(figure, "Halo mass function", caption)


@styled
def draw_differential_mass_function(summary: dict, minimum_cells: float) -> Drawing:
    """Number density in bins of mass, and its ratio to the truth, from a statistics summary."""
    counts, boxes = summary["mass_function"]["differential"], summary["boxes"]
    edges, true, found = (np.array(counts[name], dtype=float) for name in ("masses", "true", "found"))
    masses, per_volume = np.sqrt(edges[1:] * edges[:-1]), 1 / (boxes * summary["box"]["box_size_mpc"] ** 3)
    density = per_volume / np.diff(np.log(edges))
    seen, compared = _seen(true, found), np.array(counts["cells"])[:-1] >= minimum_cells
    figure, (top, bottom) = new_figure(5.6, 5.6, 2, 1, sharex=True, height_ratios=(2.2, 1))
    for name, colour, dashes, label in THEORIES:
        theory = np.array(counts[name])
        top.loglog(masses[seen], (theory * density)[seen], dashes, color=colour, label=label)
        bottom.semilogx(*_ratio(masses, theory, true), dashes, color=colour, linewidth=1.2)
    for values, colour, marks, label in (
        (true, TRUTH, "s", "truth"),
        (found, PREDICTION, "o", "HaloNet (predicted)"),
    ):
        some = values > 0
        height, error = (values * density)[some], (np.sqrt(values) * density)[some]
        # A single halo's bar would reach down to zero, which a logarithmic axis cannot show.
        bars = [np.minimum(error, 0.9 * height), error]
        top.errorbar(masses[some], height, bars, fmt=marks, color=colour, markersize=4, capsize=2, label=label)
    deviation = np.array(counts["deviation"], dtype=float)[true > 0]
    bottom.errorbar(*_ratio(masses, found, true), deviation, fmt="o", color=PREDICTION, markersize=4, capsize=2)
    bottom.axhspan(0.9, 1.1, color=FAINT, alpha=0.6, linewidth=0)
    bottom.axhline(1, color=TRUTH, linewidth=0.8)
    for ax in (top, bottom):
        _shade_few(ax, edges[:-1], true)
    top.set(ylabel=r"$dn / d\ln M$  (Mpc$^{-3}$)", xlim=(edges[:-1][seen].min(), edges[1:][seen].max()))
    top.set_ylim(0.3 * density.min(), None)
    bottom.set(xlabel=r"$M$  (M$_\odot$)", ylabel="ratio to truth", ylim=_ratio_limits(true[compared], found[compared]))
    top.legend(loc="lower left")
    _cells_axis(top, summary["box"]["cell_mass_msun"])
    caption = (
        f"Differential mass function of {boxes} test box{'es' if boxes > 1 else ''} of "
        f"({summary['box']['box_size_mpc']:g} Mpc)³ in bins of {np.diff(np.log10(edges)).mean():.1f} dex; bars: "
        "Poisson errors. Lower panel: ratio to the true haloes and its standard deviation over boxes; the grey band is "
        "±10%. Analytic mass functions are averaged over the same bins. Hatched: bins of fewer than "
        f"{FEW_HALOES} true haloes."
    )
    return Drawing(figure, "Differential mass function", caption)


def _seen(true: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Where there is any halo; everywhere if there is none at all."""
    seen = np.maximum(true, found) > 0
    return seen if seen.any() else ~seen


def _ratio_limits(true: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """Limits of the ratio panel, wide enough that no ratio that counts is out of sight."""
    judged = true >= FEW_HALOES
    ratios = found[judged] / true[judged]
    inside = ((ratios > 0.4) & (ratios < 1.6)).all()
    return (0.4, 1.6) if inside else (-0.05, 2.05)


def _ratio(masses: np.ndarray, numerator: np.ndarray, denominator: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = denominator > 0
    return masses[known], numerator[known] / denominator[known]


def _shade_few(ax: Axes, masses: np.ndarray, true: np.ndarray) -> None:
    """Hatch the masses above which there are too few haloes."""
    few = masses[true < FEW_HALOES]
    if few.size:
        ax.axvspan(few.min(), few.max() * 2, facecolor="none", edgecolor=FAINT, hatch="////", linewidth=0, zorder=0)


def _cells_axis(ax: Axes, cell_mass: float) -> None:
    """Second axis on top: halo volume in grid cells."""
    there_and_back = (lambda mass: np.divide(mass, cell_mass), lambda count: np.multiply(count, cell_mass))
    cells = ax.secondary_xaxis("top", functions=there_and_back)
    cells.xaxis.set_major_locator(FixedLocator([30, 100, 300, 1000, 3000, 10000, 30000]))
    cells.xaxis.set_minor_locator(NullLocator())
    cells.xaxis.set_major_formatter("{x:,.0f}")
    cells.set_xlabel("cells")
