"""Field-level inference: recovered phases, maps, spectra of samples, chains and drawn catalogues."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from halonet.figures.field_level_flow import NAMES
from halonet.figures.style import (
    DENSITY_MAP,
    FAINT,
    MISSED,
    PREDICTION,
    SEQUENCE,
    TRUTH,
    Drawing,
    new_figure,
    plain_power,
    styled,
)

Arrays = dict[str, np.ndarray]
SHOWN_SHELLS = 5  # whose power is traced along the chains


def _wavenumbers(axis: Axes) -> None:
    """A logarithmic axis of k with ticks that can be read where it spans a decade only."""
    axis.set(xscale="log", xlabel=r"$k$  (Mpc$^{-1}$)")
    axis.xaxis.set_major_locator(FixedLocator([base * ten for ten in (1e-3, 1e-2, 1e-1, 1.0) for base in (1, 2, 5)]))
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.xaxis.set_minor_locator(NullLocator())


@styled
def draw_recovery(summary: dict, arrays: Arrays) -> Drawing:
    """Transfer function and correlation coefficient with the true initial density against k."""
    figure, (left, right) = new_figure(9.4, 3.6, 1, 2, sharex=True)
    # The last shell holds the corners beyond the Nyquist frequency.
    k = arrays["k"][:-1]
    for axis, name in ((left, "transfer"), (right, "correlation")):
        each = arrays[f"recovery/sample_{name}"][:, :-1]
        axis.fill_between(k, *np.percentile(each, [2.5, 97.5], axis=0), color=MISSED, alpha=0.25, lw=0)
        axis.plot(k, each.mean(axis=0), color=MISSED, label="posterior samples")
        axis.plot(k, arrays[f"recovery/{name}"][:-1], "o-", ms=3.5, color=PREDICTION, label="posterior mean")
        _wavenumbers(axis)
        axis.axhline(1, color=TRUTH, ls=":", lw=0.8)
    left.set(ylabel=r"transfer function $[P / P_{\rm true}]^{1/2}$", ylim=(0, None))
    right.set(ylabel=r"correlation coefficient $r(k)$ with the truth", ylim=(min(0, right.get_ylim()[0]), 1.05))
    left.legend()
    caption = (
        f"Initial density inferred from {summary['haloes']:,} haloes against the true one, on {summary['cells']}³ "
        "cells. The posterior mean keeps the modes that the haloes fix and lets go the others: its transfer function "
        "is its correlation coefficient, as of any Wiener filter. Samples (mean, band of 95%) have full power on all "
        "scales, and correlate with the truth as the square of the mean does."
    )
    return Drawing(figure, "Phase recovery", caption)


@styled
def draw_maps(arrays: Arrays, box_size: float) -> Drawing:
    """A slab of initial and evolved density: truth where it is known, posterior mean and standard deviation."""
    parts = [part for part in ("truth", "mean", "deviation") if f"linear_{part}" in arrays]
    titles = {"truth": "truth", "mean": "posterior mean", "deviation": "posterior deviation"}
    figure, axes = new_figure(3.2 * len(parts), 6.2, 2, len(parts), sharex=True, sharey=True)
    cells = len(arrays["linear_mean"])
    depth = max(1, cells // 16)
    for row, field in enumerate(("linear", "density")):
        slabs = {part: arrays[f"{field}_{part}"][:, :, :depth].mean(axis=2) for part in parts}
        for column, part in enumerate(parts):
            axis = axes[row * len(parts) + column]
            image = _draw_slab(axis, field, part, slabs, box_size)
            figure.colorbar(image, ax=axis, shrink=0.85, location="right", aspect=25)
            axis.set_title(f"{'Initial' if field == 'linear' else 'Evolved'} density, {titles[part]}")
    for axis in axes[len(parts) :]:
        axis.set_xlabel(r"$x$  (Mpc)")
    for axis in axes[:: len(parts)]:
        axis.set_ylabel(r"$y$  (Mpc)")
    caption = (
        f"A slab of {depth * box_size / cells:.3g} Mpc of the box: linear density contrast (above) and density evolved "
        "by Lagrangian perturbation theory in units of the mean (below). The deviation of the evolved density is "
        "largest where it is dense."
    )
    return Drawing(figure, "Initial and evolved density", caption)


def _draw_slab(axis: Axes, field: str, part: str, slabs: Arrays, box_size: float) -> AxesImage:
    plane, shared = slabs[part], [slab for name, slab in slabs.items() if name != "deviation"]
    if part == "deviation":
        colours, low, high = "magma", 0.0, np.quantile(plane, 0.998)
    elif field == "linear":
        high = np.quantile(np.abs(shared[0]), 0.998)
        colours, low = DENSITY_MAP, -high
    else:
        colours, low, high = "magma", 0.0, np.quantile(shared[0], 0.995)
    return axis.imshow(plane.T, origin="lower", extent=(0, box_size) * 2, cmap=colours, vmin=low, vmax=high)


@styled
def draw_spectra(summary: dict, arrays: Arrays) -> Drawing:
    """Power of the phases of every chain after the warm-up against that of the prior."""
    figure, (axis,) = new_figure(6.4, 4.0)
    k, scatter, warmup = arrays["k"], arrays["noise_scatter"], int(arrays["warmup"])
    for width, alpha in ((2, 0.35), (1, 0.6)):
        axis.fill_between(k, 1 - width * scatter, 1 + width * scatter, color=FAINT, alpha=alpha, lw=0)
    for i, chain in enumerate(arrays["noise_power"][:, warmup:]):
        colour = SEQUENCE[i % len(SEQUENCE)]
        axis.errorbar(
            k * (1 + 0.012 * i), chain.mean(axis=0), chain.std(axis=0), fmt="o", ms=3.5, lw=1, color=colour,
            label=f"chain {i}",
        )  # fmt: skip
    axis.axhline(1, color=TRUTH, ls=":", lw=0.8)
    _wavenumbers(axis)
    axis.set_ylabel("power of the phases / prior")
    axis.legend(ncols=2)
    caption = (
        "Power of the sampled white noise in shells (mean and scatter of the samples), in units of the prior's; grey: "
        "one and two standard deviations of draws from the prior. The last point is of all modes beyond the Nyquist "
        f"frequency. Largest distance of a mean: {summary['spectrum']['largest_pull']:.1f} standard deviations."
    )
    return Drawing(figure, "Spectra of the samples", caption)


@styled
def draw_chains(summary: dict, arrays: Arrays) -> Drawing:
    """Potential, power of the phases in some shells, and halo density along every chain."""
    figure, (left, middle, right) = new_figure(11.0, 3.4, 1, 3)
    energy, power, warmup = arrays["energy"], arrays["noise_power"], int(arrays["warmup"])
    reference = np.median(energy[:, warmup:])
    for i, trace in enumerate(energy):
        left.plot(trace - reference, lw=0.6, color=SEQUENCE[i % len(SEQUENCE)], label=f"chain {i}")
    left.set(xlabel="transition", ylabel="potential above its median")
    left.legend(ncols=2)
    shells = np.unique(np.geomspace(1, power.shape[2] - 1, SHOWN_SHELLS).astype(int)) - 1
    for colour, shell in zip(SEQUENCE, shells, strict=False):
        for i, chain in enumerate(power[:, :, shell]):
            label = f"{arrays['k'][shell]:.2g}" if i == 0 else None
            middle.plot(chain, lw=0.5, color=colour, alpha=0.9 if i == 0 else 0.5, label=label)
    middle.axhline(1, color=TRUTH, ls=":", lw=0.8)
    middle.set(xlabel="transition", ylabel="power of the phases / prior")
    middle.legend(title=r"$k$ (Mpc$^{-1}$)", ncols=2, fontsize=7.5)
    for axis in (left, middle):
        axis.axvspan(0, warmup, color=FAINT, alpha=0.5, lw=0)
        axis.set_xlim(0, energy.shape[1])
    for i, chain in enumerate(arrays["halo_densities"]):
        right.plot(chain[:, -1, 0], lw=0.6, color=SEQUENCE[i % len(SEQUENCE)])
    right.set(xlabel="sample", ylabel=r"haloes per Mpc$^3$, densest quarter")
    return Drawing(figure, "Chains of phases and parameters", _chains_caption(summary))


def _chains_caption(summary: dict) -> str:
    found = summary["convergence"]
    agreement = ", ".join(
        f"{what} {found[name]['largest_r_hat']:.2f}"
        for name, what in (("modes", "modes"), ("shells", "power in shells"), ("halo_densities", "halo densities"))
        if found[name]["largest_r_hat"] is not None
    )
    text = (
        f"{summary['chains']} chains of {summary['samples_per_chain']:,} samples after the warm-up (grey); phases by "
        f"{NAMES[summary['sampler']]}. "
    )
    if agreement:
        text += f"Largest rank-normalised split R-hat: {agreement}. "
    cost = found["modes"]["evaluations_per_effective_sample"]["of_the_median"]
    return text + f"Evaluations of the forward model per effective sample of the median mode: {cost:,.0f}."


@styled
def draw_predictive(summary: dict, arrays: Arrays, minimum_mass: float) -> Drawing:
    """Power spectrum of the catalogue and of catalogues drawn from posterior samples of phases and parameters."""
    figure, (axis,) = new_figure(6.4, 4.0)
    k, power = arrays["predictive/k"], arrays["predictive/power"]
    for low, high, alpha in ((2.5, 97.5, 0.18), (16, 84, 0.3)):
        axis.fill_between(k, *np.percentile(power, [low, high], axis=0), color=PREDICTION, alpha=alpha, lw=0)
    axis.plot(k, power.mean(axis=0), color=PREDICTION, label="posterior-predictive catalogues")
    axis.plot(k, arrays["predictive/found_power"], "D-", ms=3.5, color=TRUTH, label="catalogue")
    axis.axhline(float(arrays["predictive/shot_noise"]), color="#999999", ls=":", lw=1, label="shot noise")
    _wavenumbers(axis)
    axis.set(yscale="log", ylabel=r"$P(k)$  (Mpc$^3$)")
    axis.legend()
    caption = (
        f"Power spectrum of {summary['haloes']:,} haloes above {plain_power(minimum_mass)} solar masses, and of "
        f"{len(power)} catalogues drawn at posterior samples, each with phases and parameters of its own (mean, bands "
        "of 68% and 95%); shot noise included."
    )
    return Drawing(figure, "Posterior-predictive catalogues", caption)
