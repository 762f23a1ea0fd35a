"""Figures of the neural bias model; each function returns a matplotlib figure."""

from dataclasses import dataclass

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from scipy import fft

from halonet.neural_bias.evolution import assign_clouds, voxel_of
from halonet.neural_bias.inputs import Haloes, Inputs
from halonet.neural_bias.kernels import multipole_basis

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Clustering:
    """Halo power spectrum (Mpc^3) at k (1/Mpc), and the fraction of voxels that hold 0, 1, ... haloes."""

    k: np.ndarray
    power: np.ndarray
    occupation: np.ndarray


def mass_function_figure(arrays: Arrays, minimum_mass: float) -> Figure:
    """Mass function in bins of density: the catalogue as diamonds, the posterior as mean and 1-sigma band."""
    found, volumes, width = (arrays[f"mass_functions/{name}"] for name in ("found", "volumes", "width"))
    samples, mass = arrays["mass_functions/samples"], minimum_mass * np.exp(arrays["mass_functions/log_mass"])
    figure, axis = plt.subplots(figsize=(7, 5), layout="constrained")
    for i, color in enumerate(plt.cm.viridis(np.linspace(0.05, 0.85, len(found)))):
        scale = 1 / (volumes[i] * width)
        mean, deviation = samples[:, i].mean(axis=0), samples[:, i].std(axis=0)
        axis.fill_between(mass, np.maximum(mean - deviation, mean / 100), mean + deviation, color=color, alpha=0.3)
        axis.plot(mass, mean, color=color)
        some = found[i] > 0
        axis.errorbar(
            mass[some], found[i][some] * scale, found[i][some] ** 0.5 * scale, fmt="D--", ms=4, lw=0.8, color=color
        )
        axis.plot([], [], color=color, label=f"density quarter {i + 1}")
    axis.set(xscale="log", yscale="log", xlabel=r"mass [$M_\odot$]", ylabel=r"$dn/d\ln M$ [Mpc$^{-3}$]")
    axis.set_ylim(bottom=0.3 / (volumes.max() * width))
    axis.legend()
    return figure


def field_figure(inputs: Inputs, arrays: Arrays) -> Figure:
    """Initial density, evolved density, the engine's summary, and the haloes, projected along z."""
    cells = inputs.cells
    haloes = np.bincount(voxel_of(inputs.haloes.places, cells, inputs.box_size), minlength=cells**3).reshape(
        (cells,) * 3
    )
    panels = [("evolved density, ln", np.log(inputs.density + 0.01)), ("engine summary", arrays["summary"])]
    panels.append(("haloes per voxel column", haloes * 1.0))
    if inputs.linear is not None:
        panels.insert(0, ("initial density", inputs.linear))
    figure, axes = plt.subplots(1, len(panels), figsize=(4 * len(panels), 4), layout="constrained")
    depth = max(1, cells // 8)
    for axis, (title, field) in zip(axes, panels, strict=True):
        projected = field[:, :, :depth].sum(axis=2) if title.startswith("haloes") else field[:, :, :depth].mean(axis=2)
        image = axis.imshow(projected.T, origin="lower", extent=(0, inputs.box_size) * 2, cmap="magma")
        axis.set(title=title, xlabel="x [Mpc]")
        figure.colorbar(image, ax=axis, shrink=0.75)
    return figure


def kernel_figure(size: int = 3, largest: int = 3) -> Figure:
    """Kernels of each multipole, plane by plane; equal weights have equal colours."""
    bases = [multipole_basis(size, ell) for ell in range(largest + 1)]
    figure, axes = plt.subplots(
        largest + 1, size, figsize=(2 * size, 2 * (largest + 1)), layout="constrained", squeeze=False
    )
    for row, basis in zip(axes, bases, strict=True):
        order = basis.orders == np.unique(basis.orders)[len(np.unique(basis.orders)) // 2]
        shown = np.tensordot(1.0 + np.arange(order.sum()), basis.kernels[order], 1)
        limit = np.abs(shown).max()
        for plane, axis in enumerate(row):
            axis.imshow(shown[:, :, plane].T, origin="lower", cmap="coolwarm", vmin=-limit, vmax=limit)
            axis.set(xticks=[], yticks=[], title=f"z = {plane - size // 2}")
        row[0].set_ylabel(f"l = {basis.ell}: {len(basis)} weights")
    return figure


def comparison_figure(summary: dict) -> Figure:
    """Share of the multipoles in the response, and likelihood gains of the models over a global mass function."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    response = summary["multipole_response"]
    left.bar(range(len(response)), response)
    left.set(xlabel="multipole l", ylabel="share of the response's variance", yscale="log", xticks=range(len(response)))
    models = summary["models"]
    base = models[0]["log_likelihood"]
    names = [f"{model['model']} ({model['parameters']})" for model in models[1:]]
    right.barh(names, [model["log_likelihood"] - base for model in models[1:]])
    right.set_xlabel(r"$\Delta \ln L$ over a global mass function")
    return figure


def measure_clustering(haloes: Haloes, cells: int, box_size: float) -> Clustering:
    """Power spectrum and counts in cells of haloes on a grid; shot noise is not subtracted."""
    contrast = assign_clouds(haloes.places.T, cells, box_size) * cells**3 / len(haloes) - 1
    power = np.abs(fft.rfftn(contrast)) ** 2 * box_size**3 / cells**6
    numbers = fft.fftfreq(cells, 1 / cells)
    distance = np.sqrt(
        numbers[:, None, None] ** 2 + numbers[None, :, None] ** 2 + np.arange(cells // 2 + 1)[None, None] ** 2
    )
    shell = np.rint(distance).astype(int).ravel()
    weights = np.bincount(shell)
    mean = np.bincount(shell, power.ravel()) / weights
    used = slice(1, cells // 2)
    counts = np.bincount(voxel_of(haloes.places, cells, box_size), minlength=cells**3)
    return Clustering(2 * np.pi / box_size * np.arange(len(mean))[used], mean[used], np.bincount(counts) / cells**3)


def predictive_figure(found: Clustering, drawn: list[Clustering]) -> Figure:
    """Power spectrum and counts in cells of the catalogue and of draws from the posterior."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for i, draw in enumerate(drawn):
        label = "posterior draws" if i == 0 else None
        left.loglog(draw.k, draw.power, color="C0", alpha=0.7, label=label)
        right.semilogy(np.arange(len(draw.occupation)), draw.occupation, color="C0", alpha=0.7, label=label)
    left.loglog(found.k, found.power, "k--", label="catalogue")
    some = found.occupation > 0
    right.semilogy(np.flatnonzero(some), found.occupation[some], "kD", ms=4, label="catalogue")
    left.set(xlabel=r"$k$ [Mpc$^{-1}$]", ylabel=r"$P(k)$ [Mpc$^3$], with shot noise")
    right.set(xlabel="haloes in a voxel", ylabel="fraction of voxels")
    left.legend()
    return figure


def trace_figure(arrays: Arrays, summary: dict) -> Figure:
    """Energy along every chain, and effective samples of the counts in bins of density and mass."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for i, energy in enumerate(arrays["energy"]):
        left.plot(energy - arrays["energy"].min(), lw=0.6, label=f"chain {i}")
    left.set(xlabel="transition", ylabel="potential above its least", yscale="symlog")
    left.legend()
    sizes = summary["convergence"]["effective_samples"]
    right.bar(range(len(sizes)), sizes)
    right.axhline(500, color="0.3", ls="--")
    right.set(xlabel="bin of density and mass", ylabel="effective samples, all chains")
    return figure
