"""A light cone at a glance: a slice through it, the number of its haloes against redshift, their angular power."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from halonet.figures.style import FAINT, ORDERED_MAP, SEQUENCE, TRUTH, Drawing, new_figure, power_of_ten, styled
from halonet.settings import CircleSettings
from halonet.sky.catalogue import LightConeCatalogue
from halonet.sky.coordinates import directions

THICKNESS = 20.0  # Mpc, of the slice that is shown
MOST_SHOWN = 30_000  # haloes of the slice, the heaviest
MIDDLES = {"full_sky": (0.0, 0.0), "hemisphere": (0.0, 45.0), "octant": (45.0, 35.0)}  # degrees; of the openings


@styled
def draw_light_cone(catalogue: LightConeCatalogue, shells: dict[str, Any]) -> Drawing:
    """A slice that holds the observer and the middle of the opening, n(z) in shells, and the angular power spectrum.

    ``shells`` are those of :func:`halonet.light_cones.shells.measure_shells`; ``angular_power`` among them is what
    :func:`halonet.light_cones.angular_power.measure_angular_power` has measured, None where there is none.
    """
    angular = shells.get("angular_power")
    figure, (slice_ax, counts_ax, *others) = new_figure(15.0 if angular else 10.4, 4.6, 1, 3 if angular else 2)
    shown = _draw_slice(slice_ax, catalogue)
    figure.colorbar(shown, ax=slice_ax, shrink=0.85, label="redshift")
    _draw_counts(counts_ax, shells)
    if angular:
        _draw_angular_power(others[0], angular)
    first, last = catalogue.settings.redshift_range
    caption = (
        f"Light cone of {len(catalogue):,} haloes, redshift {first:g} to {last:g}. Left: those within "
        f"{THICKNESS / 2:g} Mpc of a plane through the observer, where they are when their light leaves them; larger "
        f"points are heavier. {'Middle' if angular else 'Right'}: comoving number density above some masses in "
        "shells of redshift, with Poisson errors; lines: Tinker et al. 2008 at the redshift of each shell."
    )
    if angular:
        caption += (
            f" Right: angular power spectrum of the {angular['haloes']:,} haloes above "
            f"{power_of_ten(angular['least_mass'])} solar masses, without their shot noise (dotted); line: linear "
            "theory in Limber's approximation, with the bias of Tinker et al. 2010."
        )
    return Drawing(figure, "A light cone", caption)


def _draw_slice(ax: Axes, catalogue: LightConeCatalogue) -> Any:
    opening = catalogue.settings.opening
    circle = isinstance(opening, CircleSettings)
    middle = (opening.right_ascension, opening.declination) if isinstance(opening, CircleSettings) else MIDDLES[opening]
    ra, dec = (np.array([angle]) for angle in middle)
    axes = directions(np.append(ra, ra + 90.0), np.append(dec, 0.0))  # towards the middle, and east of it
    along, across = axes @ catalogue.positions().T
    height = catalogue.positions() @ np.cross(axes[0], axes[1])
    inside = np.flatnonzero(np.abs(height) < THICKNESS / 2)
    inside = np.sort(inside[np.argsort(-catalogue["mass"][inside], kind="stable")[:MOST_SHOWN]])
    sizes = 0.6 * (catalogue["mass"][inside] / 1e13) ** (2 / 3)
    shown = ax.scatter(
        along[inside], across[inside], s=np.clip(sizes, 0.1, 30), c=catalogue["redshift"][inside], cmap=ORDERED_MAP,
        linewidths=0, rasterized=True,
    )  # fmt: skip
    ax.plot([0], [0], "+", color="k")
    ax.set(
        title=f"A slice of {THICKNESS:g} Mpc", aspect="equal", ylabel="Mpc",
        xlabel="Mpc, towards the centre of the circle" if circle else "Mpc, towards the middle of the opening",
    )  # fmt: skip
    return shown


def _draw_counts(ax: Axes, shells: dict[str, Any]) -> None:
    edges, volumes = np.array(shells["edges"]), np.array(shells["volumes"])
    middles = (edges[1:] + edges[:-1]) / 2
    for i, mass in enumerate(shells["masses"]):
        counts, expected = np.array(shells["counts"][i]), np.array(shells["tinker_2008"][i])
        colour = SEQUENCE[i]
        seen = counts > 0
        errors = np.sqrt(counts[seen]) / volumes[seen]
        ax.errorbar(
            middles[seen], counts[seen] / volumes[seen], errors, fmt="o", color=colour, markersize=4,
            label=rf"above {power_of_ten(mass)} M$_\odot$",
        )  # fmt: skip
        ax.plot(middles, expected / volumes, "--", color=colour, linewidth=1)
    ax.plot([], [], "--", color=TRUTH, linewidth=1, label="Tinker et al. (2008)")
    ax.set(title="Number density", xlabel="redshift", ylabel=r"$n({>}M)$  (Mpc$^{-3}$)", yscale="log")
    ax.grid(color=FAINT, linewidth=0.5)
    lowest, highest = ax.get_ylim()
    ax.set_ylim(lowest * (lowest / highest) ** 0.4, highest)  # room for what lines and points are
    ax.legend(loc="lower left", ncols=2)


def _draw_angular_power(ax: Axes, angular: dict[str, Any]) -> None:
    multipoles = np.array(angular["l"])
    ax.errorbar(
        multipoles, angular["power"], angular["error"], fmt="o", color=SEQUENCE[0], markersize=4, label="haloes"
    )
    ax.plot(multipoles, angular["linear"], "--", color=TRUTH, linewidth=1, label="linear theory")
    ax.axhline(angular["shot_noise"], color=TRUTH, ls=":", lw=1, label="shot noise")
    ax.set(title="Angular power spectrum", xlabel=r"multipole $\ell$", ylabel=r"$C_\ell$  (sr)", yscale="log")
    ax.grid(color=FAINT, linewidth=0.5)
    ax.legend(loc="best")
