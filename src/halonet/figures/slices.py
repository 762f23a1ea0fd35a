"""Slices through a box: density, true mask and predicted probability; true and predicted haloes (Figs. 3 and 6)."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.patches import Circle

from halonet.catalogue import HaloCatalogue
from halonet.figures.style import (
    DENSITY_MAP,
    MISSED,
    PREDICTION,
    PROBABILITY_MAP,
    Drawing,
    new_figure,
    styled,
)
from halonet.matching import match_haloes

WIDEST = 160  # cells; more could not be told apart on a page


@dataclass(frozen=True)
class Slice:
    """A square window of one plane of cells.

    Attributes
    ----------
    corner
        First cell (x, y) of the window.
    plane
        Cell index z of the plane.
    width
        Cells along a side of the window.
    cells, cell_size
        Cells along a side of the box, and their size (Mpc).
    """

    corner: tuple[int, int]
    plane: int
    width: int
    cells: int
    cell_size: float

    def cut(self, field: np.ndarray) -> np.ndarray:
        """The window of a field (N, N, N), shape (width, width), indexed [x, y]."""
        x, y = (np.arange(start, start + self.width) % self.cells for start in self.corner)
        return field[:, :, self.plane][np.ix_(x, y)]

    @property
    def side(self) -> float:
        """Side of the window (Mpc)."""
        return self.width * self.cell_size


def slice_through_largest(true: HaloCatalogue) -> Slice:
    """The plane through the centre of the most massive true halo: the whole of it, or a window around that halo."""
    cells = true.grid_cells
    centre = np.array([cells // 2] * 3)
    if len(true):
        largest = true.select(np.argmax(true["mass"], keepdims=True))
        centre = np.floor(largest.positions()[0] / true.cell_size).astype(int)
    x, y, z = (int(index) for index in centre)
    width = min(cells, WIDEST)
    corner = (0, 0) if width == cells else (x - width // 2, y - width // 2)
    return Slice(corner, z, width, cells, true.cell_size)


@styled
def draw_fields(where: Slice, density: np.ndarray, mask: np.ndarray, probability: np.ndarray, dice: float) -> Drawing:
    """Density, true mask and predicted probability side by side (Fig. 3): planes of shape (N, N) by ``where.cut``."""
    figure, axes = new_figure(10.2, 3.75, 1, 3, sharex=True, sharey=True)
    limit = 2.5 * density.std()
    panels = (
        ("Linear density contrast", density, DENSITY_MAP, -limit, limit),
        ("True halo mask", mask, PROBABILITY_MAP, 0, 1),
        ("Predicted probability", probability, PROBABILITY_MAP, 0, 1),
    )
    for ax, (title, field, colours, low, high) in zip(axes, panels, strict=True):
        image = ax.imshow(
            field.T,
            origin="lower",
            extent=(0, where.side) * 2,
            cmap=colours,
            vmin=low,
            vmax=high,
            interpolation="nearest",
        )
        ax.set(title=title, xlabel="x (Mpc)")
        _frame(ax)
        figure.colorbar(image, ax=ax, orientation="horizontal", fraction=0.05, pad=0.02, aspect=30)
    axes[0].set_ylabel("y (Mpc)")
    caption = (
        f"One plane of cells ({where.cell_size:g} Mpc thick, {where.side:g} Mpc wide) through the most massive true "
        "halo of a test box, in Lagrangian space. Left: what the network is given. Middle: cells of true haloes. "
        f"Right: the network's probability for the same. Dice coefficient of this box: {dice:.3f}."
    )
    return Drawing(figure, "Density, truth and prediction", caption)


@styled
def draw_haloes(where: Slice, true: HaloCatalogue, found: HaloCatalogue, tolerance: float) -> Drawing:
    """True and predicted haloes where the plane cuts them (Fig. 6), told apart by whether they have a partner."""
    figure, axes = new_figure(9.6, 5.3, 1, 2, sharex=True, sharey=True)
    matches = match_haloes(true, found, tolerance)
    panels = (
        ("True haloes", true, matches.true_matched, "missed"),
        ("Predicted haloes", found, matches.found_matched, "without partner"),
    )
    counts = []
    for ax, (title, haloes, matched, word) in zip(axes, panels, strict=True):
        circles = {
            PREDICTION: _circles(where, haloes.select(matched)),
            MISSED: _circles(where, haloes.select(~matched)),
        }
        for colour, patches in circles.items():
            ax.add_collection(PatchCollection(patches, facecolor=(colour, 0.35), edgecolor=colour, linewidth=0.9))
        counts.append(sum(map(len, circles.values())))
        title = f"{title}: {len(circles[PREDICTION])} matched, {len(circles[MISSED])} {word}"
        ax.set(title=title, xlabel="x (Mpc)", xlim=(0, where.side), ylim=(0, where.side), aspect="equal")
        _frame(ax)
    axes[0].set_ylabel("y (Mpc)")
    caption = (
        f"Haloes cut by the plane of the figure above, as the circles in which the plane cuts them; {counts[0]} true "
        f"and {counts[1]} predicted. Blue: matched, that is each centre lies inside the other halo and the radii "
        f"differ by at most {tolerance:.0%}, one to one. Orange: without partner."
    )
    return Drawing(figure, "Haloes, true and predicted", caption)


def _frame(ax: Axes) -> None:
    ax.spines[:].set_visible(True)


def _circles(where: Slice, haloes: HaloCatalogue) -> list[Circle]:
    """Circles in which the plane cuts the haloes, with the periodic images that reach into the window."""
    box = haloes.box_size_mpc
    origin = np.array([*where.corner, where.plane + 0.5]) * where.cell_size
    relative = haloes.positions() - origin
    depth = relative[:, 2] - box * np.rint(relative[:, 2] / box)
    squared = haloes["radius"].astype(np.float64) ** 2 - depth**2
    circles = []
    for (x, y, _), square in zip(relative[squared > 0] % box, squared[squared > 0], strict=True):
        radius = square**0.5
        for image_x in (x - box, x, x + box):
            for image_y in (y - box, y, y + box):
                if all(-radius < value < where.side + radius for value in (image_x, image_y)):
                    circles.append(Circle((image_x, image_y), radius))
    return circles
