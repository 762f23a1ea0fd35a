"""Halo power spectra of truth and prediction, their ratio and cross-correlation (Fig. 8)."""

import numpy as np
from matplotlib.axes import Axes

from halonet.figures.style import FAINT, SEQUENCE, TRUTH, Drawing, new_figure, styled

LARGE_SCALES = 0.2  # 1/Mpc; the power spectrum is judged below


@styled
def draw_power_spectrum(summary: dict, minimum_cells: float) -> Drawing:
    """Power spectrum, its ratio to the truth and r(k) for every number cut, from a statistics summary."""
    spectra, boxes = summary["power_spectrum"], summary["boxes"]
    volume, k = summary["box"]["box_size_mpc"] ** 3, np.array(spectra["k"])
    figure, axes = new_figure(10.2, 3.9, 1, 3)
    power, ratio, correlation = axes
    for cut, colour in zip(spectra["cuts"], SEQUENCE, strict=False):
        if cut["ratio"] is None:
            continue
        label = _label(cut, minimum_cells)
        power.loglog(k, cut["power_true"]["mean"], color=colour, linewidth=3.2, alpha=0.35)
        power.loglog(k, cut["power_found"]["mean"], color=colour, label=label)
        power.axhline(volume * boxes / cut["true"], color=colour, linestyle=":", linewidth=1)
        _band(ratio, k, cut["ratio"], colour)
        _band(correlation, k, cut["correlation"], colour)
    _band(correlation, k, spectra["masks"]["correlation"], TRUTH, "masks")
    ratio.axhspan(0.95, 1.05, color=FAINT, alpha=0.7, linewidth=0)
    for ax in (ratio, correlation):
        ax.axhline(1, color=TRUTH, linewidth=0.8)
        ax.axvline(LARGE_SCALES, color="#999999", linewidth=0.8, linestyle="--")
        ax.set_xscale("log")
    ratio.set_ylim(0.4, 1.6 if _highest_ratio(spectra) < 1.6 else 2.5)
    correlation.set_ylim(0, 1.05)
    correlation.legend(loc="lower left")
    figure.legend(*power.get_legend_handles_labels(), loc="outside lower center", ncols=len(spectra["cuts"]))
    titles = (r"$P(k)$  (Mpc$^3$)", r"$P_{\rm predicted} / P_{\rm true}$", r"cross-correlation $r(k)$")
    for ax, title in zip(axes, titles, strict=True):
        ax.set(title=title, xlabel=r"$k$  (Mpc$^{-1}$)", xlim=(k[0], k[-1]))
    assignment = {"nearest": "the nearest cell, without correction", "cloud_in_cell": "cloud-in-cell, corrected"}
    caption = (
        "Left: power spectra of true (pale, broad) and predicted haloes (thin), with their shot noise V/N (dotted), "
        "which is not subtracted. Middle: ratio; the grey band is ±5%. Right: cross-correlation coefficient; black: "
        f"true mask with predicted probability. Mean of {boxes} boxes, shading: standard deviation over boxes. Halo "
        f"counts are assigned to {assignment[spectra['assignment']]}; bins of the fundamental width. Spectra are "
        f"judged at k < {LARGE_SCALES:g}/Mpc (dashed)."
    )
    return Drawing(figure, "Clustering", caption)


def _highest_ratio(spectra: dict) -> float:
    """Highest mean ratio on large scales, for the limits of the axis."""
    values = [cut["ratio"]["large_scales"]["mean"] for cut in spectra["cuts"] if cut["ratio"]]
    return max((value for value in values if value is not None), default=1.0) + 0.2


def _label(cut: dict, minimum_cells: float) -> str:
    if cut["most_massive"] is None:
        return f"all above {minimum_cells:g} cells"
    return f"{cut['most_massive']:,} most massive"


def _band(ax: Axes, k: np.ndarray, curve: dict, colour: str, label: str | None = None) -> None:
    """Mean with the standard deviation over boxes as shading."""
    mean, deviation = (np.array(curve[name], dtype=float) for name in ("mean", "deviation"))
    ax.plot(k, mean, color=colour, linewidth=1.3, label=label)
    ax.fill_between(k, mean - deviation, mean + deviation, color=colour, alpha=0.15, linewidth=0)
