"""The network, drawn from the weights of its own layers (Fig. 1): resolution and channels of every level."""

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from halonet.figures.style import MISSED, PREDICTION, TIMES, TRUTH, Drawing, new_figure, styled
from halonet.settings.heads import HEADS
from halonet.storage import StorageError, open_hdf5, read_json

OUTPUTS = ("head", *HEADS)  # last layers; channels of the probability, and of heads beside it
DESCENT, ASCENT, BOTTOM = "descent", "ascent", "bottom"
_WIDTH, _HEIGHT, _STEP, _SLOPE = 2.3, 0.72, 1.35, 0.42  # of boxes and of the way from level to level, in axis units


@dataclass
class Block:
    """Layers of one level on one side of the network.

    Attributes
    ----------
    level
        How often the resolution has been halved.
    side
        ``descent``, ``ascent``, or ``bottom`` for the deepest level.
    convolutions
        Side of the kernel (cells) of each convolution that keeps the resolution, in order.
    channels
        Channels of the result.
    resampling
        Whether it begins with a convolution of stride 2, down or up.
    """

    level: int
    side: str
    convolutions: list[int] = field(default_factory=list)
    channels: int = 0
    resampling: bool = False


@dataclass(frozen=True)
class Outline:
    """A network: its blocks from input to output, input and output channels, weights, cells along a side, its name."""

    blocks: list[Block]
    inputs: int
    outputs: int
    weights: int
    window: int
    architecture: str


def read_outline(folder: str | Path) -> Outline:
    """Outline of a trained network from the names and shapes of its weights; nothing of them is loaded."""
    folder = Path(folder)
    with open_hdf5(folder / "model.weights.h5") as file:
        if "layout" not in file:
            raise StorageError(f"{folder / 'model.weights.h5'}: no weights of a HaloNet network; 'layout' is missing")
        layout = json.loads(file["layout"][()])
    settings = read_json(folder / "settings.json")
    return outline_of(layout, settings["window"], settings["architecture"])


def outline_of(layout: list, window: int, architecture: str) -> Outline:
    """Outline from a list of (path, shape) of weights, such as level2_in_convolution_1/kernel (k, k, k, in, out)."""
    kernels = {path.split("/")[0]: shape for path, shape in layout if path.endswith("/kernel") and len(shape) == 5}
    levels = max((_level(name) for name in kernels), default=0)
    blocks: dict[tuple, Block] = {}
    for name, shape in kernels.items():
        if not name.startswith("level") or name.endswith("shortcut"):
            continue
        level, side = _level(name), BOTTOM
        if level < levels:
            side = ASCENT if re.search("_(up|merge|out)", name) else DESCENT
        block = blocks.setdefault((level, side), Block(level, side))
        if name.endswith(("_down", "_up")):
            block.resampling = True
        else:
            block.convolutions.append(shape[0])
        # A transposed convolution holds its output before its input.
        block.channels = shape[3] if name.endswith("_up") else shape[4]
    first = next(iter(kernels.values()))
    weights = sum(math.prod(shape) for _, shape in layout)
    outputs = sum(shape[4] for name, shape in kernels.items() if name in OUTPUTS)
    return Outline(list(blocks.values()), first[3], outputs, weights, window, architecture)


def _level(name: str) -> int:
    found = re.match(r"level(\d+)_", name)
    return int(found[1]) if found else 0


@styled
def draw_network(outline: Outline, name: str) -> Drawing:
    """Boxes by level with their cells and channels, and what leads from one to the next."""
    levels = max(block.level for block in outline.blocks)
    places = {(block.level, block.side): _place(block.level, block.side, levels) for block in outline.blocks}
    right, top, low = _place(0, ASCENT, levels)[0] + _WIDTH / 2 + 0.1, 1.3, -levels * _STEP - _HEIGHT / 2 - 0.1
    figure, (ax,) = new_figure(9.4, 9.4 * (top - low) / (2 * right))
    ax.set(xlim=(-right, right), ylim=(low, top), aspect="equal")
    ax.axis("off")
    for block in outline.blocks:
        _draw_block(ax, places[block.level, block.side], block, outline.window)
    _draw_ends(ax, places, outline, levels)
    for level in range(levels):
        _connect(ax, places, level, levels)
    caption = (
        f"Network {name} ({outline.architecture}), drawn from the weights of its layers: {outline.weights:,} weights, "
        f"{levels} level{'s' if levels > 1 else ''} below the resolution of its input, shown for the {outline.window}³ "
        "cells it was trained on. In each box: cells and channels of its result, its convolutions and the side of "
        "their kernels. Orange: convolutions of stride 2 that halve the resolution, or double it (transposed). Grey: "
        "features of the descent that join those of the ascent. At last, a convolution 1³ and a softmax over halo and "
        "background (Eq. 1)."
    )
    if outline.outputs > 2:
        caption += " Beside it heads: a convolution of the last features each, and a linear one 1³."
    return Drawing(figure, "Network", caption)


def _place(level: int, side: str, levels: int) -> tuple[float, float]:
    """Centre of a block: the two sides of a V that meet at the deepest level."""
    half = _SLOPE * (levels - level) * _WIDTH + _WIDTH * 0.75
    return {DESCENT: -half, ASCENT: half, BOTTOM: 0.0}[side], -level * _STEP


def _draw_block(ax: Axes, place: tuple[float, float], block: Block, window: int) -> None:
    x, y = place
    box = FancyBboxPatch(
        (x - _WIDTH / 2, y - _HEIGHT / 2), _WIDTH, _HEIGHT, boxstyle="round,pad=0,rounding_size=0.08",
        facecolor="#e8f1f8", edgecolor=PREDICTION, linewidth=1.1,
    )  # fmt: skip
    ax.add_patch(box)
    ax.text(
        x, y + 0.14, f"{window // 2**block.level}³ {TIMES} {block.channels}", ha="center", va="center", weight="bold"
    )
    ax.text(x, y - 0.17, _convolutions(block.convolutions), ha="center", va="center", fontsize=8, color=TRUTH)


def _convolutions(kernels: list[int]) -> str:
    """Convolutions in words, like 2 convolutions 3³."""
    words = []
    for size in dict.fromkeys(kernels):
        number = kernels.count(size)
        words.append(f"{number} convolution{'s' if number > 1 else ''} {size}³")
    return ", ".join(words)


def _draw_ends(ax: Axes, places: dict, outline: Outline, levels: int) -> None:
    """What enters and what leaves the network."""
    (left, _), (right, _) = (_place(0, side, levels) for side in (DESCENT, ASCENT))
    what = "density" if outline.inputs == 1 else "density, channels"
    says = "probability" if outline.outputs == 2 else "probability and heads"
    # A network without layers on its finest level begins with the density itself.
    begins = (0, DESCENT) in places
    between = " " if begins else "\n"  # beside the arrow that begins there, which a longer line would meet
    for x, y, text in (
        (left, 1.1 if begins else 0.0, f"{what}:{between}{outline.window}³ {TIMES} {outline.inputs}"),
        (right, 1.1, f"{says}: {outline.window}³ {TIMES} {outline.outputs}"),
    ):
        ax.text(x, y, text, ha="center", va="center", weight="bold")
    if begins:
        _arrow(ax, (left, 0.92), (left, _HEIGHT / 2 + 0.04), TRUTH)
    _arrow(ax, (right, _HEIGHT / 2 + 0.04), (right, 0.92), TRUTH)


def _connect(ax: Axes, places: dict, level: int, levels: int) -> None:
    """Arrows from a level to the one below, back up, and across."""
    left, right = _place(level, DESCENT, levels), _place(level, ASCENT, levels)
    deepest = level + 1 == levels
    down, up = (places[level + 1, BOTTOM if deepest else side] for side in (DESCENT, ASCENT))
    gap, inwards, side = _HEIGHT / 2 + 0.04, _WIDTH * 0.2, _WIDTH / 2 + 0.06
    _arrow(ax, (left[0] + inwards, left[1] - gap), (down[0] - inwards, down[1] + gap), MISSED)
    _arrow(ax, (up[0] + inwards, up[1] + gap), (right[0] - inwards, right[1] - gap), MISSED)
    _arrow(ax, (left[0] + side, left[1]), (right[0] - side, right[1]), "#9a9a9a")


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color=colour, linewidth=1.3))
