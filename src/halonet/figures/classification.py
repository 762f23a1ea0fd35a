"""ROC curves of the cells of haloes, by mass of the halo and by position in it (Fig. 4)."""

import numpy as np
from matplotlib.axes import Axes

from halonet.figures.shown import with_scatter
from halonet.figures.style import FAINT, SEQUENCE, Drawing, new_figure, plain_power, styled

MASS, RADIUS = "mass", "radius"
FEW_HALOES = 100  # classes of fewer haloes in all boxes together are drawn dashed, not judged


@styled
def draw_roc(summary: dict) -> Drawing:
    """True against false positive rate of every class, from a statistics summary."""
    roc, boxes = summary["roc"], summary["boxes"]
    figure, axes = new_figure(8.6, 4.3, 1, 2, sharey=True)
    figure.set_layout_engine("constrained", wspace=0.06)
    for ax, kind, title in zip(axes, (MASS, RADIUS), ("by mass of the halo", "by position in the halo"), strict=True):
        classes = [curve for curve in roc["classes"] if curve["by"] == kind]
        for curve, colour in zip(classes, SEQUENCE, strict=False):
            _draw_curve(ax, np.array(roc["fpr"]), curve, colour)
        ax.plot([0, 1], [0, 1], color=FAINT, linewidth=1, zorder=0)
        ax.set(title=title, xlabel="false positive rate", xlim=(0, 0.4), ylim=(0.4, 1.005))
        ax.grid()
        ax.legend(loc="lower right", handlelength=1.4)
    axes[0].set_ylabel("true positive rate")
    zones = [curve["range"] for curve in roc["classes"] if curve["by"] == RADIUS]
    scatter = ", shading and ±: standard deviation over boxes" if boxes > 1 else ""
    caption = (
        "Cells with a probability above a threshold, as the threshold falls: fraction of the cells of true haloes "
        f"(true positive rate) against fraction of the cells in no halo. Mean of {boxes} box{'es' if boxes > 1 else ''}"
        f"{scatter}. AUC: area under the whole curve, 1 is perfect and 0.5 is chance. {_limits(roc)} Positions: inner "
        f"below {zones[0][1]:g}, middle to {zones[1][1]:g} of the radius, outer beyond, in haloes of all masses. "
        f"Points: threshold {roc['threshold']:g}. The axes are cut off; dashed: fewer than {FEW_HALOES} haloes, not "
        "judged."
    )
    return Drawing(figure, "Classification of cells", caption)


def _draw_curve(ax: Axes, fpr: np.ndarray, curve: dict, colour: str) -> None:
    """Mean curve with its scatter over boxes and the point of the marked threshold; only a label without cells."""
    auc = curve["auc"]
    if curve["tpr"] is None:
        ax.plot([], [], color=colour, label=f"{curve['name']}: none in these boxes")
        return
    mean, deviation = (np.array(curve["tpr"][name], dtype=float) for name in ("mean", "deviation"))
    style = "-" if curve["haloes"] >= FEW_HALOES else "--"
    ax.plot(fpr, mean, style, color=colour, label=f"{curve['name']}: AUC {with_scatter(auc, '.3f')}")
    ax.fill_between(fpr, mean - deviation, mean + deviation, color=colour, alpha=0.2, linewidth=0)
    ax.plot(*curve["at_threshold"], "o", color=colour, markersize=5.5, markeredgecolor="white")


def _limits(roc: dict) -> str:
    """Mass classes in words."""
    parts = []
    for curve in (curve for curve in roc["classes"] if curve["by"] == MASS):
        low, high = curve["range"]
        limits = f"above {plain_power(low)}" if high is None else f"{plain_power(low)} to {plain_power(high)}"
        parts.append(f"{curve['name']} {limits} ({curve['haloes']:,})")
    return f"Masses (number of haloes): {', '.join(parts)} M☉."
