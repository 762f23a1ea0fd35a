"""A mock at a glance; mean and covariance of mocks, and what their number is good for."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.image import AxesImage
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, NullLocator

from halonet.catalogue import EULERIAN, LAGRANGIAN, HaloCatalogue
from halonet.figures.style import FAINT, MISSED, PREDICTION, TINKER, TRUTH, Drawing, new_figure, styled

SLICE = 0.1  # of the box, thickness of the slice that is shown
SMALLEST_SHOWN = 100.0  # cells
SHORT = {
    "mass_function": "numbers",
    "power_spectrum": "$P(k)$",
    "multipoles": "$P_{0,2,4}(k)$",
    "bispectrum": "$B(k)$",
    "correlation_function": r"$\xi(r)$",
    "counts_in_cells": "cells",
}  # statistics on the axes of a matrix
COLLAPSED = 200.0  # density of a collapsed halo over the mean


@styled
def draw_mock(haloes: HaloCatalogue, masses: np.ndarray, tinker: np.ndarray) -> Drawing:
    """Slices through a mock before and after its haloes have moved, and its mass function.

    Parameters
    ----------
    masses, tinker
        Masses (Msun) and n(>M) of Tinker et al. 2008 (Mpc^-3), for comparison.
    """
    figure, (before, after, function) = new_figure(11.4, 3.9, 1, 3)
    side = haloes.box_size_mpc
    # Drawn haloes are smaller than the voxels they are drawn in: no number of cells tells how good one is.
    drawn = len(haloes) > 0 and haloes["cells"].min() < 1
    shown = haloes if drawn else haloes.larger_than(SMALLEST_SHOWN)
    least = "" if drawn else f" of at least {SMALLEST_SHOWN:g} cells"
    for ax, names, title, shrunk in (
        (before, LAGRANGIAN, "in the initial conditions", 1.0),
        (after, EULERIAN, "where they have moved", COLLAPSED ** (-1 / 3)),
    ):
        positions = shown.positions(names)
        inside = positions[:, 2] < SLICE * side
        diameters = 2 * shrunk * shown["radius"][inside]
        circles = EllipseCollection(
            diameters,
            diameters,
            np.zeros(inside.sum()),
            units="x",
            offsets=positions[inside, :2],
            offset_transform=ax.transData,
            facecolor=PREDICTION,
            alpha=0.35,
            edgecolor=PREDICTION,
            linewidth=0.5,
        )
        ax.add_collection(circles)
        ax.set(title=title, xlim=(0, side), ylim=(0, side), aspect="equal", xlabel="Mpc")
    _draw_abundance(function, haloes, masses, tinker)
    caption = (
        f"Mock of ({side:g} Mpc)³, {len(shown):,} haloes{least}; those within "
        f"{SLICE * side:g} Mpc of one face, as circles of the radius that holds their mass: before they move at the "
        f"mean density, then at {COLLAPSED:g} times that."
    )
    return Drawing(figure, "A mock", caption)


def _draw_abundance(ax: Axes, haloes: HaloCatalogue, masses: np.ndarray, tinker: np.ndarray) -> None:
    ax.set(title="Mass function", xlabel=r"$M$  (M$_\odot$)", ylabel=r"$n({>}M)$  (Mpc$^{-3}$)")
    if not len(haloes):
        ax.text(0.5, 0.5, "no haloes", ha="center", transform=ax.transAxes)
        return
    found = np.sort(haloes["mass"])[::-1]
    density = np.arange(1, len(found) + 1) / haloes.box_size_mpc**3
    ax.loglog(found, density, color=PREDICTION, label="mock")
    seen = (masses > found[-1]) & (masses < 2 * found[0])
    ax.loglog(masses[seen], tinker[seen], "--", color=TINKER, label="Tinker et al. 2008")
    ax.set_ylim(0.5 * density[0], None)
    ax.legend(loc="lower left")


@styled
def draw_covariance(summary: dict) -> Drawing:
    """Mass function, power spectrum, correlation matrix and error of the covariance, from a summary of mocks."""
    figure, (counts, power, matrix, errors) = new_figure(9.6, 8.0, 2, 2)
    for ax, statistic, draw in (
        (counts, "mass_function", _draw_counts),
        (power, "power_spectrum", _draw_power),
    ):
        if statistic in summary:
            draw(ax, summary)
        else:
            ax.set_visible(False)
    image = _draw_correlation(matrix, summary)
    figure.colorbar(image, ax=matrix, shrink=0.85, label="correlation coefficient")
    _draw_errors(errors, summary["precision"], summary["mocks"])
    box, number = summary["box"], summary["mocks"]
    caption = (
        f"{number} mocks of ({box['box_size_mpc']:g} Mpc)³, haloes of at least {box['minimum_cells']:g} cells. Top: "
        "scatter of one mock over the mean, beside that of Poisson counts and of a Gaussian field. Bottom left: "
        "correlation of all statistics, in the order of their bins. Bottom right: relative error of a variance "
        "against the number of mocks, and the factor that makes the inverse covariance unbiased (Hartlap et al. 2007)."
    )
    return Drawing(figure, "Covariance of mocks", caption)


def _draw_counts(ax: Axes, summary: dict) -> None:
    """Relative scatter of the numbers of haloes."""
    function, cell_mass = summary["mass_function"], summary["box"]["cell_mass_msun"]
    kept = np.array(function["counts"]["kept"])
    edges = np.array(function["edges"]) * cell_mass
    masses = np.sqrt(edges[1:] * edges[:-1])[kept]
    mean, deviation = (np.array(function["counts"][name])[kept] for name in ("mean", "deviation"))
    ax.loglog(masses, deviation / mean, "o-", color=PREDICTION, markersize=4, label="mocks")
    ax.loglog(masses, mean**-0.5, "--", color=TRUTH, linewidth=1, label="Poisson")
    ax.set(title="Numbers in bins of mass", xlabel=r"$M$  (M$_\odot$)", ylabel="scatter / mean")
    _plain_numbers(ax)
    ax.legend(loc="upper left")


def _plain_numbers(ax: Axes) -> None:
    """Ticks of a logarithmic axis at 1, 2 and 5, written without powers of ten."""
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())


def _draw_power(ax: Axes, summary: dict) -> None:
    """Relative scatter of the power spectrum; a Gaussian field's is sqrt(2 / modes), k and -k both counted."""
    spectrum = summary["power_spectrum"]
    k, modes = (np.array(spectrum[name]) for name in ("k", "modes"))
    mean, deviation = (np.array(spectrum["power"][name]) for name in ("mean", "deviation"))
    ax.loglog(k, deviation / mean, "o-", color=PREDICTION, markersize=4, label="mocks")
    ax.loglog(k, np.sqrt(2 / modes), "--", color=TRUTH, linewidth=1, label="Gaussian field")
    ax.set(title="Power spectrum (Eulerian)", xlabel=r"$k$  (Mpc$^{-1}$)", ylabel="scatter / mean")
    ax.xaxis.set_major_locator(FixedLocator([0.02, 0.05, 0.1, 0.2, 0.5, 1]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlim(0.9 * k[0], 1.1 * k[-1])
    _plain_numbers(ax)
    ax.legend(loc="upper right")


def _draw_correlation(ax: Axes, summary: dict) -> AxesImage:
    correlation = np.array(summary["correlation"], dtype=float)  # none of what does not vary
    image = ax.imshow(correlation, cmap="RdBu_r", vmin=-1, vmax=1, origin="lower")
    parts: dict[str, list[int]] = {}  # first bin and one after the last of each statistic
    for each in summary["order"]:
        first, end = each["first"], each["first"] + each["number"]
        parts[each["statistic"]] = [parts.get(each["statistic"], [first])[0], end]
    for _, end in list(parts.values())[:-1]:
        ax.axhline(end - 0.5, color=TRUTH, linewidth=0.8)
        ax.axvline(end - 0.5, color=TRUTH, linewidth=0.8)
    middles = [(first + end - 1) / 2 for first, end in parts.values()]
    ax.set_xticks(middles, [SHORT[name] for name in parts], rotation=30, ha="right")
    ax.set_yticks(middles, [SHORT[name] for name in parts])
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
    ax.set(title="Precision", xlabel="number of mocks", ylim=(min(wanted, (2 / most) ** 0.5) / 4, 1.6))
    _plain_numbers(ax)
    ax.legend(loc="lower left", frameon=True, framealpha=1, edgecolor="none")
