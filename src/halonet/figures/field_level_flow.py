"""Flow chart of field-level inference."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from halonet.figures.style import MISSED, PREDICTION, TRUTH, Drawing, new_figure, styled

# Samplers of the phases, by the names of settings.
NAMES = {"hmc": "Hamiltonian Monte Carlo", "mclmc": "microcanonical Langevin"}
# Centre (x, y), text and colour of every box.
_BOXES = {
    "noise": (0.0, 2.0, "white noise $s$\nprior $N(0, 1)$", PREDICTION),
    "linear": (2.6, 2.0, "linear density\n" + r"$\delta_k = s_k D\,[P(k)/h^3]^{1/2}$", TRUTH),
    "moved": (5.2, 2.0, "displacement\n1LPT or 2LPT", TRUTH),
    "density": (7.8, 2.0, "density $\\rho$\nclouds in cells, $2^3$", TRUTH),
    "engine": (7.8, 0.5, "engine\n" + r"$\psi = $softplus$(w * \ln\rho + b)$", TRUTH),
    "rate": (5.2, 0.5, "mass function\n" + r"$dn/d\ln M\,(\psi, \theta)$", TRUTH),
    "likelihood": (2.6, 0.5, "Poisson\nlikelihood", TRUTH),
    "haloes": (0.0, 0.5, "halo catalogue\n$x_h, M_h$", MISSED),
    "theta": (5.2, -1.0, "bias parameters $\\theta$\nprior $N(0, 10^2)$", PREDICTION),
}
_ARROWS = (
    ("noise", "linear"), ("linear", "moved"), ("moved", "density"), ("density", "engine"), ("engine", "rate"),
    ("rate", "likelihood"), ("haloes", "likelihood"), ("theta", "engine"), ("theta", "rate"),
)  # fmt: skip
_WIDTH, _HEIGHT = 2.0, 0.8


@styled
def draw_flow(sampler: str) -> Drawing:
    """Flow chart of the inference: forward model, likelihood and the two blocks that are sampled in turn."""
    figure, (axis,) = new_figure(9.6, 4.6)
    axis.set(xlim=(-1.3, 9.1), ylim=(-1.9, 3.1), aspect="equal")
    axis.axis("off")
    for x, y, text, colour in _BOXES.values():
        box = FancyBboxPatch(
            (x - _WIDTH / 2, y - _HEIGHT / 2), _WIDTH, _HEIGHT, boxstyle="round,pad=0,rounding_size=0.1",
            facecolor="#e8f1f8" if colour == PREDICTION else "white", edgecolor=colour, linewidth=1.2,
        )  # fmt: skip
        axis.add_patch(box)
        axis.text(x, y, text, ha="center", va="center", fontsize=7.8)
    for start, end in _ARROWS:
        _connect(axis, _BOXES[start][:2], _BOXES[end][:2])
    _draw_blocks(axis, sampler)
    caption = (
        "Blue: what is sampled; orange: what is given. The gradient of the likelihood runs all the way back to the "
        f"white noise. In turn: one transition of the phases at fixed parameters ({NAMES[sampler]}), one trajectory of "
        "the parameters at fixed density."
    )
    return Drawing(figure, "Flow of the inference", caption)


def _connect(axis: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    (x0, y0), (x1, y1) = start, end
    if y0 == y1:
        side = np.sign(x1 - x0) * (_WIDTH / 2 + 0.04)
        ends = (x0 + side, y0), (x1 - side, y1)
    else:
        side, lean = np.sign(y1 - y0) * (_HEIGHT / 2 + 0.04), 0.6 * np.sign(x1 - x0)
        ends = (x0 + lean, y0 + side), (x1 - lean, y1 - side)
    axis.add_patch(FancyArrowPatch(*ends, arrowstyle="-|>", mutation_scale=11, color="#555555", linewidth=1.2))


def _draw_blocks(axis: Axes, sampler: str) -> None:
    """What moves phases and parameters, as arrows back from the likelihood."""
    style: dict[str, Any] = {
        "arrowstyle": "-|>",
        "mutation_scale": 12,
        "color": PREDICTION,
        "linewidth": 1.4,
        "linestyle": "--",
    }
    axis.add_patch(FancyArrowPatch((1.9, 0.94), (0.3, 1.56), connectionstyle="arc3,rad=0.15", **style))
    axis.text(0.55, 1.08, r"$\partial V/\partial s$", color=PREDICTION, fontsize=8.5, ha="center")
    axis.add_patch(FancyArrowPatch((2.6, 0.06), (4.16, -1.0), connectionstyle="arc3,rad=0.25", **style))
    axis.text(2.75, -0.85, r"$\partial V/\partial\theta$", color=PREDICTION, fontsize=8.5, ha="center")
    axis.text(
        -1.0, 2.75, f"block 1: phases, {NAMES[sampler]}", color=PREDICTION, fontsize=8.5, ha="left", weight="bold"
    )
    axis.text(
        5.2,
        -1.7,
        "block 2: parameters, Hamiltonian Monte Carlo",
        color=PREDICTION,
        fontsize=8.5,
        ha="center",
        weight="bold",
    )
