"""The neural bias model (Charnock et al. 2020): its mass functions, fields, kernels, rivals, draws and chains."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from halonet.figures.style import (
    DENSITY_MAP,
    FAINT,
    ORDERED_MAP,
    PREDICTION,
    SEQUENCE,
    TRUTH,
    Drawing,
    new_figure,
    plain_power,
    styled,
)

Arrays = dict[str, np.ndarray]
ENOUGH_SAMPLES, CLOSE_CHAINS = 500, 1.01  # effective samples of all chains, and R-hat, that a fit should reach


@styled
def draw_mass_functions(summary: dict, arrays: Arrays, minimum_mass: float) -> Drawing:
    """Mass function in bins of density: the catalogue as diamonds, the posterior as mean and 1-sigma band."""
    found, volumes, width = (arrays[f"mass_functions/{name}"] for name in ("found", "volumes", "width"))
    samples, mass = arrays["mass_functions/samples"], minimum_mass * np.exp(arrays["mass_functions/log_mass"])
    figure, (axis,) = new_figure(6.4, 4.8)
    edges = summary["density_edges"]
    for i, colour in enumerate(colormaps[ORDERED_MAP](np.linspace(0.0, 0.85, len(found)))):
        scale = 1 / (volumes[i] * width)
        mean, deviation = samples[:, i].mean(axis=0), samples[:, i].std(axis=0)
        label = _between(edges[i - 1] if i else None, edges[i] if i < len(edges) else None)
        axis.fill_between(
            mass, np.maximum(mean - deviation, mean / 100), mean + deviation, color=colour, alpha=0.3, lw=0
        )
        axis.plot(mass, mean, color=colour, label=label)
        some = found[i] > 0
        values, errors = found[i][some] * scale, found[i][some] ** 0.5 * scale
        errors = np.stack([np.minimum(errors, 0.9 * values), errors])
        axis.errorbar(mass[some], values, errors, fmt="D", ls="--", ms=3.5, lw=0.8, color=colour)
    axis.set(xscale="log", yscale="log", xlabel=r"$M$  (M$_\odot$)", ylabel=r"$dn / d\ln M$  (Mpc$^{-3}$)")
    axis.set_ylim(bottom=0.3 / (volumes.max() * width))
    axis.legend(title="density of the voxel / mean")
    inside = summary["coverage"]
    caption = (
        f"Mass function of {summary['haloes']:,} haloes above {plain_power(minimum_mass)} solar masses in four bins of "
        f"the evolved density, equal in volume: catalogue (diamonds, Poisson errors) and the posterior of the "
        f"{summary['parameters']} parameters (mean, band of one standard deviation). Of the numbers in bins, "
        f"{inside['68%']:.0%} lie in the central 68% of what the posterior predicts, {inside['95%']:.0%} in its 95%."
    )
    return Drawing(figure, "Halo mass function by environment", caption)


def _between(low: float | None, high: float | None) -> str:
    if low is None:
        return f"below {high:.2f}"
    return f"above {low:.2f}" if high is None else f"{low:.2f} to {high:.2f}"


@styled
def draw_engine_fields(
    linear: np.ndarray | None, density: np.ndarray, summary: np.ndarray, haloes: np.ndarray, box_size: float
) -> Drawing:
    """Initial density, evolved density, the engine's summary and the haloes of a slab, fields of shape (N, N, N)."""
    cells = len(density)
    depth = max(1, cells // 8)
    planes = [
        (r"Evolved density, $\ln\rho$", np.log(density[:, :, :depth].mean(axis=2)), "magma"),
        (r"Engine's summary $\psi$", summary[:, :, :depth].mean(axis=2), "magma"),
        ("Haloes", haloes[:, :, :depth].sum(axis=2), "magma"),
    ]
    if linear is not None:
        planes.insert(0, ("Initial (linear) density", linear[:, :, :depth].mean(axis=2), DENSITY_MAP))
    figure, axes = new_figure(2.9 * len(planes), 3.0, 1, len(planes), sharex=True, sharey=True)
    for axis, (title, plane, colours) in zip(axes, planes, strict=True):
        limit = np.abs(plane).max() if colours == DENSITY_MAP else None
        low, high = (-limit, limit) if limit else np.quantile(plane, [0.005, 0.998])
        image = axis.imshow(plane.T, origin="lower", extent=(0, box_size) * 2, cmap=colours, vmin=low, vmax=high)
        axis.set(title=title, xlabel=r"$x$  (Mpc)")
        figure.colorbar(image, ax=axis, shrink=0.8, location="bottom", aspect=30)
    axes[0].set_ylabel(r"$y$  (Mpc)")
    caption = (
        f"A slab of {depth * box_size / cells:.3g} Mpc on the engine's grid of {cells}³ voxels of "
        f"{box_size / cells:.3g} Mpc, from initial phases to haloes. The engine's summary (posterior mean) "
        "sets the mass function of every voxel, from which haloes are a Poisson draw: it need not look like them."
    )
    return Drawing(figure, "From the density to haloes", caption)


@styled
def draw_kernels(kernels: dict[int, np.ndarray], weights: dict[int, int]) -> Drawing:
    """One kernel of each multipole plane by plane, every shell with a weight of its own.

    Parameters
    ----------
    kernels
        For every l the kernels of one harmonic, one for each shell, shape (shells, n, n, n).
    weights
        For every l the number of free weights of all its kernels.
    """
    size = next(iter(kernels.values())).shape[-1]
    figure, axes = new_figure(1.5 * size + 1, 1.45 * len(kernels), len(kernels), size)
    for row, (ell, shells) in enumerate(kernels.items()):
        largest = np.abs(shells).max(axis=(1, 2, 3), keepdims=True)
        shown = np.tensordot(1 - 0.25 * np.arange(len(shells)), shells / largest, 1)
        for plane in range(size):
            axis = axes[row * size + plane]
            axis.imshow(shown[:, :, plane].T, origin="lower", cmap=DENSITY_MAP, vmin=-1, vmax=1)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(True)
            if row == 0:
                axis.set_title(f"$z = {plane - size // 2}$")
        axes[row * size].set_ylabel(f"$l = {ell}$\n{weights[ell]} weights")
    caption = (
        "Multipole kernels, plane by plane: one harmonic of each l, its shells of equal distance told apart by fainter "
        f"colours. Weights of all these l together: {sum(weights.values())}; {size}³ cells can have {size**3}."
    )
    return Drawing(figure, "Multipole kernels", caption)


@styled
def draw_rivals(summary: dict) -> Drawing:
    """Share of the multipoles in the response, and what the engine gains over other models in the same likelihood."""
    figure, (left, right) = new_figure(9.4, 3.4, 1, 2, width_ratios=(2, 3))
    response = summary["multipole_response"]
    left.bar(range(len(response)), response, color=PREDICTION)
    left.set(
        xlabel="multipole $l$", ylabel="share of the variance of responses", yscale="log", xticks=range(len(response))
    )
    reference, *models = summary["models"]
    places = np.arange(len(models))[::-1]
    gains = [model["log_likelihood"] - reference["log_likelihood"] for model in models]
    right.barh(places, gains, color=[PREDICTION if "engine" in model["model"] else FAINT for model in models])
    names = [f"{model['model']} ({model['parameters']})" for model in models]
    right.set_yticks(places, names)
    for place, gain, model in zip(places, gains, models, strict=True):
        difference = model["bic"] - reference["bic"]
        right.annotate(f" {gain:,.0f}  (ΔBIC {difference:,.0f})", (gain, place), va="center", fontsize=8)
    right.set(xlabel=r"$\Delta \ln L$ over the same mass function everywhere", xlim=(0, 1.45 * max(gains)))
    caption = (
        "Left: how much each multipole of the kernel, with equal weights, answers to the density. Right: maximum "
        "likelihood of truncated power-law bias and of engines that see 1, 3, ... voxels along a side (number of "
        "parameters), above a mass function that is the same everywhere."
    )
    return Drawing(figure, "What a larger neighbourhood is worth", caption)


@styled
def draw_predictive(arrays: Arrays) -> Drawing:
    """Power spectrum and counts in cells of the catalogue and of draws from the posterior."""
    figure, (left, right) = new_figure(9.4, 3.6, 1, 2)
    k, power, found = (arrays[f"predictive/{name}"] for name in ("k", "power", "found_power"))
    _draw_range(left, k, power)
    left.plot(k, found, color=TRUTH, label="catalogue")
    left.axhline(float(arrays["predictive/shot_noise"]), color="#999999", ls=":", lw=1, label="shot noise")
    left.set(xscale="log", yscale="log", xlabel=r"$k$  (Mpc$^{-1}$)", ylabel=r"$P(k)$  (Mpc$^3$)")
    left.xaxis.set_minor_formatter(NullFormatter())
    left.legend()
    occupation, found = arrays["predictive/occupation"], arrays["predictive/found_occupation"]
    numbers = np.arange(len(found))
    _draw_range(right, numbers, occupation)
    right.plot(numbers[found > 0], found[found > 0], "D", ms=3.5, color=TRUTH, label="catalogue")
    right.set(yscale="log", xlabel="haloes in a voxel", ylabel="voxels", ylim=(0.5, None))
    caption = (
        f"Catalogues drawn from {len(power)} posterior samples (mean, bands of 68% and 95% of the draws) and the one "
        "that was fitted. Left: power spectrum on the engine's grid, cloud in cell, shot noise included. Right: "
        "numbers of voxels by the haloes they hold. Neither was fitted; both use the same density."
    )
    return Drawing(figure, "Drawn catalogues", caption)


def _draw_range(axis: Axes, x: np.ndarray, draws: np.ndarray) -> None:
    for low, high, alpha in ((2.5, 97.5, 0.18), (16, 84, 0.3)):
        axis.fill_between(x, *np.percentile(draws, [low, high], axis=0), color=PREDICTION, alpha=alpha, lw=0)
    axis.plot(x, draws.mean(axis=0), color=PREDICTION, label="posterior draws")


@styled
def draw_chains(summary: dict, arrays: Arrays) -> Drawing:
    """Potential along every chain, effective samples and R-hat of the counts in bins of density and mass."""
    figure, (left, middle, right) = new_figure(10.2, 3.3, 1, 3, width_ratios=(3, 2, 2))
    energy, warmup = arrays["energy"], int(arrays["warmup"])
    least = energy[:, warmup:].min()
    for i, trace in enumerate(energy):
        left.plot(trace - least, lw=0.5, color=SEQUENCE[i % len(SEQUENCE)], label=f"chain {i}")
    left.axvspan(0, warmup, color=FAINT, alpha=0.5, lw=0)
    top = np.quantile(energy[:, warmup:] - least, 0.999)
    left.set(xlabel="transition", ylabel="potential above its least", ylim=(-1, 1.6 * top), xlim=(0, energy.shape[1]))
    left.legend(ncols=2, loc="upper right")
    convergence = summary["convergence"]
    sizes, bins = convergence["effective_samples"], np.arange(len(convergence["effective_samples"]))
    middle.bar(bins, sizes, color=PREDICTION)
    middle.axhline(ENOUGH_SAMPLES, color=TRUTH, ls="--", lw=0.8)
    middle.set(xlabel="bin of density and mass", ylabel="effective samples, all chains", xticks=bins)
    if convergence["r_hat"]:
        right.plot(bins, np.array(convergence["r_hat"]) - 1, "o", ms=4, color=PREDICTION)
        right.axhline(CLOSE_CHAINS - 1, color=TRUTH, ls="--", lw=0.8)
        right.set(xlabel="bin of density and mass", ylabel=r"$\hat{R} - 1$", ylim=(0, None), xticks=bins)
    caption = (
        f"{len(energy)} chains of {energy.shape[1] - warmup:,} transitions after a warm-up of {warmup:,} (grey), mean "
        f"acceptance {np.mean(convergence['acceptance']):.2f}, {convergence['divergences']} divergent. Effective "
        "samples and rank-normalised split R-hat of the expected haloes in 12 bins; dashed: what a fit should reach."
    )
    return Drawing(figure, "Chains", caption)
