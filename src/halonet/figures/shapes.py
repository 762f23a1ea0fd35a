"""Overdensity, ellipticity and prolateness of true and predicted haloes against their mass (Fig. 9)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm

from halonet.figures.style import MISSED, PREDICTION, TRUTH, Drawing, new_figure, styled

SYMBOLS = {
    "overdensity": r"overdensity $\bar\delta$",
    "ellipticity": "ellipticity $e$",
    "prolateness": "prolateness $p$",
}
SPHERICAL = 1.686  # linear overdensity at which a sphere collapses
FAINTEST = 1e-3  # of the fullest bin; emptier ones are left white
MEDIAN = 3  # of the seven quantiles of a summary; those beside it are 1, 2 and 3 deviations away


@styled
def draw_shapes(summary: dict) -> Drawing:
    """Distributions of either catalogue, and their medians and deviations in one panel, from a statistics summary."""
    shapes, cell_mass = summary["shapes"], summary["box"]["cell_mass_msun"]
    masses = np.array(shapes["cells_edges"]) * cell_mass
    figure, axes = new_figure(10.2, 8.2, 3, 3, sharex=True, sharey="row")
    grid = [axes[first : first + 3] for first in (0, 3, 6)]
    for row, (name, label) in zip(grid, SYMBOLS.items(), strict=True):
        edges = np.array(shapes["edges"][name])
        for ax, which in zip(row, ("true", "found"), strict=False):
            image = _draw_counts(ax, masses, edges, shapes[which], name)
        for which, colour in (("true", TRUTH), ("found", PREDICTION)):
            _draw_quantiles(row[2], masses, shapes[which]["quantiles"][name], colour)
        row[0].set(ylabel=label, ylim=_limits(edges, shapes, name))
        if name == "overdensity":
            for ax in row:
                ax.axhline(SPHERICAL, color=MISSED, linewidth=1)
    bar = figure.colorbar(image, ax=grid[-1][:2], location="bottom", aspect=60, shrink=0.7)
    bar.set_label("number of haloes, over that of the fullest bin of a panel")
    titles = ("truth", "HaloNet (predicted)", "truth (dark), prediction (blue)")
    for ax, below, title in zip(grid[0], grid[-1], titles, strict=True):
        ax.set(title=title, xscale="log", xlim=_masses_seen(masses, shapes))
        below.set_xlabel(r"$M$  (M$_\odot$)")
    caption = (
        "Mean linear overdensity within the radius of each halo, and ellipticity and prolateness of the strain there "
        f"(Eqs. 7 to 9), of all haloes of {summary['boxes']} test box{'es' if summary['boxes'] > 1 else ''}. Right: "
        "median with its standard deviation over boxes (line with bars) and the regions of 1, 2 and 3 standard "
        "deviations around it (shaded and lines) where counts allow; dots: median of the predicted haloes without a "
        f"true partner. Orange: overdensity {SPHERICAL:g}, at which a sphere collapses. Predicted masses are whole "
        "numbers of cells within a sphere on the grid, which small ones show. Values beyond the axes are drawn at them."
    )
    return Drawing(figure, "Shapes of haloes", caption)


def _draw_counts(ax: Axes, masses: np.ndarray, edges: np.ndarray, tables: dict, name: str) -> QuadMesh:
    """Number of haloes in bins of mass and of a property, on a logarithmic scale of colour."""
    counts = np.array(tables["matched"][name]) + np.array(tables["unmatched"][name])
    share = counts / max(counts.max(), 1)
    shown = np.ma.masked_less(share.T, FAINTEST)
    return ax.pcolormesh(masses, edges, shown, norm=LogNorm(FAINTEST, 1), cmap="viridis", rasterized=True)


def _draw_quantiles(ax: Axes, masses: np.ndarray, values: dict, colour: str) -> None:
    """Median with its scatter over boxes, and the 1, 2 and 3 deviations around it."""
    middle = np.sqrt(masses[1:] * masses[:-1])
    quantiles = np.array(values["quantiles"], dtype=float)
    deviation = np.array(values["deviation"], dtype=float)
    ax.errorbar(middle, quantiles[MEDIAN], deviation, color=colour, linewidth=1.6, capsize=1.5)
    ax.fill_between(middle, quantiles[MEDIAN - 1], quantiles[MEDIAN + 1], color=colour, alpha=0.22, linewidth=0)
    for away, style in ((2, "--"), (3, ":")):
        for row in (MEDIAN - away, MEDIAN + away):
            ax.plot(middle, quantiles[row], style, color=colour, linewidth=0.9)
    if colour == PREDICTION:
        ax.plot(middle, np.array(values["median_unmatched"], dtype=float), "o", color=colour, markersize=3, mfc="white")


def _masses_seen(masses: np.ndarray, shapes: dict) -> tuple[float, float]:
    haloes = sum(np.array(shapes[which]["quantiles"]["overdensity"]["haloes"]) for which in ("true", "found"))
    seen = np.flatnonzero(haloes)
    return (masses[seen[0]], masses[seen[-1] + 1]) if len(seen) else (masses[0], masses[-1])


def _limits(edges: np.ndarray, shapes: dict, name: str) -> tuple[float, float]:
    """Limits of the values that occur in more than a few haloes, with a bin to spare."""
    tables = (shapes[which][group][name] for which in ("true", "found") for group in ("matched", "unmatched"))
    total = np.sum([np.sum(table, axis=0) for table in tables], axis=0)
    seen = np.flatnonzero(total > total.sum() * 3e-4)
    first, last = (seen[0], seen[-1]) if len(seen) else (0, len(edges))
    return edges[max(first - 1, 0)], edges[min(last + 2, len(edges) - 1)]
