"""Mean and covariance of mocks, and what their number is good for."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from halonet.figures.style import FAINT, MISSED, PREDICTION, TRUTH, Drawing, new_figure, styled


@styled
def draw_covariance(summary: dict) -> Drawing:
    """Mass function, power spectrum, correlation matrix and error of the covariance, from a summary of mocks."""
    figure, (counts, power, matrix, errors) = new_figure(9.6, 8.0, 2, 2)
    bins = _draw_counts(counts, summary)
    _draw_power(power, summary)
    image = _draw_correlation(matrix, summary, bins)
    figure.colorbar(image, ax=matrix, shrink=0.85, label="correlation coefficient")
    _draw_errors(errors, summary["precision"], summary["mocks"])
    box, number = summary["box"], summary["mocks"]
    caption = (
        f"{number} mocks of ({box['box_size_mpc']:g} Mpc)³, haloes of at least {box['minimum_cells']:g} cells. Top: "
        "scatter of one mock over the mean, beside that of Poisson counts and of a Gaussian field. Bottom left: "
        "correlation of numbers in bins of mass and of the power spectrum. Bottom right: relative error of a variance "
        "against the number of mocks, and the factor that makes the inverse covariance unbiased (Hartlap et al. 2007)."
    )
    return Drawing(figure, "Covariance of mocks", caption)


def _draw_counts(ax: Axes, summary: dict) -> int:
    """Relative scatter of the numbers of haloes; returns the number of bins in the covariance."""
    function, cell_mass = summary["mass_function"], summary["box"]["cell_mass_msun"]
    kept = np.array(function["bins"])
    edges = np.array(function["edges"]) * cell_mass
    masses = np.sqrt(edges[1:] * edges[:-1])[kept]
    mean, deviation = (np.array(function[name])[kept] for name in ("mean", "deviation"))
    ax.loglog(masses, deviation / mean, "o-", color=PREDICTION, markersize=4, label="mocks")
    ax.loglog(masses, mean**-0.5, "--", color=TRUTH, linewidth=1, label="Poisson")
    ax.set(title="Numbers in bins of mass", xlabel=r"$M$  (M$_\odot$)", ylabel="scatter / mean")
    ax.legend(loc="upper left")
    return int(kept.sum())


def _draw_power(ax: Axes, summary: dict) -> None:
    """Relative scatter of the power spectrum; a Gaussian field's is sqrt(2 / modes), k and -k both counted."""
    spectrum = summary["power_spectrum"]
    k, modes, mean, deviation = (np.array(spectrum[name]) for name in ("k", "modes", "mean", "deviation"))
    ax.loglog(k, deviation / mean, "o-", color=PREDICTION, markersize=4, label="mocks")
    ax.loglog(k, np.sqrt(2 / modes), "--", color=TRUTH, linewidth=1, label="Gaussian field")
    ax.set(title="Power spectrum (Eulerian)", xlabel=r"$k$  (Mpc$^{-1}$)", ylabel="scatter / mean")
    ax.xaxis.set_major_locator(FixedLocator([0.02, 0.05, 0.1, 0.2, 0.5, 1]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlim(0.9 * k[0], 1.1 * k[-1])
    ax.legend(loc="upper right")


def _draw_correlation(ax: Axes, summary: dict, bins: int):
    correlation = np.array(summary["correlation"])
    image = ax.imshow(correlation, cmap="RdBu_r", vmin=-1, vmax=1, origin="lower")
    ax.axhline(bins - 0.5, color=TRUTH, linewidth=0.8)
    ax.axvline(bins - 0.5, color=TRUTH, linewidth=0.8)
    middles = [(bins - 1) / 2, (bins + len(correlation) - 1) / 2]
    ax.set_xticks(middles, ["bins of mass", "bins of $k$"])
    ax.set_yticks(middles, ["bins of mass", "bins of $k$"], rotation=90, va="center")
    ax.tick_params(length=0)
    ax.set_title("Correlation matrix")
    return image


def _draw_errors(ax: Axes, precision: dict, mocks: int) -> None:
    """Error of a variance and Hartlap's factor against the number of mocks, marked where these mocks stand."""
    data, wanted = precision["data"], precision["wanted"]
    most = 3 * max(mocks, precision["mocks_for_variance"], data + 10)
    numbers = np.unique(np.geomspace(3, most, 200).astype(int))
    ax.loglog(numbers, np.sqrt(2 / (numbers - 1)), color=PREDICTION, label="relative error of a variance")
    invertible = numbers[numbers > data + 2]
    factor = (invertible - data - 2) / (invertible - 1)
    ax.loglog(invertible, factor, color=MISSED, label="factor of the inverse covariance")
    ax.axvline(mocks, color=TRUTH, linewidth=1)
    ax.annotate(f" {mocks} mocks", (mocks, 1.25), fontsize=8.5, va="center")
    ax.axhline(wanted, color=FAINT, linewidth=1, zorder=0)
    ax.annotate(
        f"{wanted:g}: {precision['mocks_for_variance']:,} mocks", (numbers[0], wanted * 1.08), fontsize=8.5, va="bottom"
    )
    ax.set(title="Precision", xlabel="number of mocks", ylim=(min(wanted, (2 / most) ** 0.5) / 2, 1.6))
    ax.legend(loc="lower left")
