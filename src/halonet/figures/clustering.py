"""Clustering of true and predicted haloes: power spectra with ratio and cross-correlation (Fig. 8), and pair counts."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from halonet.figures.style import FAINT, SEQUENCE, TRUTH, Drawing, label_wavenumbers, new_figure, styled

LARGE_SCALES = 0.2  # 1/Mpc; the power spectrum is judged below
POSITIONS = {
    "lagrangian": ("Clustering", "at their positions in the initial conditions (Lagrangian)"),
    "eulerian": (
        "Clustering of moved haloes",
        "at the redshift of the output (Eulerian); predicted ones are moved by second-order perturbation theory, each "
        "by the mean displacement of its cells",
    ),
}


@styled
def draw_power_spectrum(summary: dict, minimum_cells: float, space: str = "lagrangian") -> Drawing:
    """Power spectrum, its ratio to the truth and r(k) for every number cut, from a statistics summary."""
    spectra, boxes = summary["power_spectrum"], summary["boxes"]
    volume, k = summary["box"]["box_size_mpc"] ** 3, np.array(spectra["k"])
    if space == "eulerian":
        spectra = {"masks": None} | summary["eulerian_power_spectrum"]
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
    if spectra["masks"]:
        _band(correlation, k, spectra["masks"]["correlation"], TRUTH, "masks")
        correlation.legend(loc="lower left")
    ratio.axhspan(0.95, 1.05, color=FAINT, alpha=0.7, linewidth=0)
    for ax in (ratio, correlation):
        ax.axhline(1, color=TRUTH, linewidth=0.8)
        ax.axvline(LARGE_SCALES, color="#999999", linewidth=0.8, linestyle="--")
    ratio.set_ylim(0.4, 1.6 if _highest_ratio(spectra) < 1.6 else 2.5)
    correlation.set_ylim(0, 1.05)
    figure.legend(*power.get_legend_handles_labels(), loc="outside lower center", ncols=len(spectra["cuts"]))
    titles = (r"$P(k)$  (Mpc$^3$)", r"$P_{\rm predicted} / P_{\rm true}$", r"cross-correlation $r(k)$")
    for ax, title in zip(axes, titles, strict=True):
        label_wavenumbers(ax)
        ax.set(title=title, xlim=(k[0], k[-1]))
    assignment = {"nearest": "the nearest cell, without correction", "cloud_in_cell": "cloud-in-cell, corrected"}
    title, positions = POSITIONS[space]
    masks = "; black: true mask with predicted probability" if spectra["masks"] else ""
    caption = (
        f"Power spectra of haloes {positions}. Left: true (pale, broad) and predicted haloes (thin), with the shot "
        "noise V/N of the true ones (dotted), which is not subtracted. Middle: ratio; the grey band is ±5%. Right: "
        f"cross-correlation coefficient{masks}. Mean of {boxes} boxes, shading: standard deviation over boxes. Halo "
        f"counts are assigned to {assignment[spectra['assignment']]}; bins of the fundamental width. Spectra are "
        f"judged at k < {LARGE_SCALES:g}/Mpc (dashed)."
    )
    return Drawing(figure, title, caption)


@styled
def draw_correlation(summary: dict, minimum_cells: float) -> Drawing:
    """Two-point correlation function of either catalogue for every number cut, from a statistics summary."""
    function, boxes = summary["correlation_function"], summary["boxes"]
    spaces = [space for space in ("lagrangian", "eulerian") if function[space]]
    figure, axes = new_figure(4.6 * len(spaces) + 0.4, 4.3, 1, len(spaces))
    edges = np.array(function["edges"])
    for ax, space in zip(axes, spaces, strict=True):
        for cut, colour in zip(function[space], SEQUENCE, strict=False):
            _draw_pairs(ax, edges, cut, colour, _label(cut, minimum_cells))
        ax.axhline(1, color=TRUTH, linewidth=0.8)
        ax.set(xscale="log", xlim=(edges[0], edges[-1]))
        ax.set(**{"ylim": (0, None)} if space == "lagrangian" else {"yscale": "log", "ylim": (0.7, None)})
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
        ax.set(title=f"{space.capitalize()} positions", xlabel=r"separation $r$  (Mpc)")
    axes[0].set_ylabel(r"$1 + \xi(r)$")
    handles, labels = axes[0].get_legend_handles_labels()
    handles += [Line2D([], [], color=TRUTH, linewidth=3.2, alpha=0.35)]
    figure.legend(handles, [*labels, "truth"], loc="outside lower center", ncols=len(handles))
    caption = (
        "Two-point correlation function: pairs of haloes over those of as many random positions, true (pale, broad) "
        f"and predicted (points). {boxes} box{'es' if boxes > 1 else ''} of ({summary['box']['box_size_mpc']:g} Mpc)³ "
        "together; bars: Poisson errors of the pairs, thin shading: standard deviation over boxes. Lagrangian haloes "
        "keep their distance. Bins without a pair, or with less than one expected of random positions, are left out."
    )
    return Drawing(figure, "Correlation function", caption)


def _draw_pairs(ax: Axes, edges: np.ndarray, cut: dict, colour: str, label: str) -> None:
    """1 + xi of true and predicted haloes, where a random sample would have at least one pair."""
    middle = np.sqrt(edges[1:] * edges[:-1])
    values = {}
    for name in ("true", "found"):
        curve = {key: np.array(cut[name][key], dtype=float) for key in ("pairs", "xi", "poisson_error", "deviation")}
        expected = curve["pairs"] / np.maximum(1 + curve["xi"], 1e-300)
        curve["known"] = (expected >= 1) & (curve["pairs"] > 0)
        values[name] = curve
    true, found = values["true"], values["found"]
    ax.plot(middle[true["known"]], 1 + true["xi"][true["known"]], color=colour, linewidth=3.2, alpha=0.35)
    known = found["known"]
    one, error, deviation = (found[name][known] for name in ("xi", "poisson_error", "deviation"))
    ax.errorbar(middle[known], 1 + one, error, fmt="o-", color=colour, ms=3, lw=1, capsize=1.5, label=label)
    ax.fill_between(middle[known], 1 + one - deviation, 1 + one + deviation, color=colour, alpha=0.12, linewidth=0)


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
