"""Tiles that cover a mock of any size, without a choice to be made by the user.

The box is cut into cores that divide it, each read with a buffer around it. The core is the largest that a laptop's
memory allows; the buffer is what leaves no seam (docs/halo_finding.md), 32 cells, or 24 for networks of no more than
three levels, which look less far; or a little less where a network that halves its input n times needs a tile that is a
multiple of 2^n.
"""

from halonet.settings import PredictionSettings, SettingsError
from halonet.settings.network import Precision

LARGEST_CORE = 128  # cells: tiles of 192, some 2 GB of activations for the shipped networks
SMALLEST_CORE = 16  # smaller ones would be nearly all buffer
WIDE = 2  # wide cores along a side, at least, of a box that they are worth their memory for
LARGEST_BUFFER, SMALLEST_BUFFER = 32, 16  # cells; smaller ones leave seams
SHALLOW, SHALLOW_BUFFER = 8, 24  # sides that are multiples of no more: three levels


def tiles_for(cells: int, multiple: int, precision: Precision = "float32", wide: bool = False) -> PredictionSettings:
    """Tile and buffer for a box of ``cells``^3 cells and a network that takes sides that are multiples of ``multiple``.

    ``precision`` is that of :class:`~halonet.settings.PredictionSettings`. ``wide`` tiles of large boxes are twice as
    wide along y and z: a quarter less of what is computed is buffer. They take 1 to 2 GB more.

    Raises
    ------
    SettingsError
        If no core divides the box; the message names the nearest boxes that can be covered.
    """
    fitting = _fitting(cells, multiple)
    if fitting is None:
        near = [n for d in range(1, cells) for n in (cells - d, cells + d) if _fitting(n, multiple)][:2]
        raise SettingsError(
            f"cells = {cells}: no core of {SMALLEST_CORE} to {LARGEST_CORE} cells divides it such that tiles are "
            f"multiples of {multiple}; {' and '.join(map(str, sorted(near)))} can be covered"
        )
    tile, buffer = fitting
    core = 2 * (tile - 2 * buffer)
    large = cells % core == 0 and cells >= WIDE * core and (core + 2 * buffer) % multiple == 0
    width = core + 2 * buffer if wide and large else None
    return PredictionSettings(tile=tile, width=width, buffer=buffer, precision=precision)


def _fitting(cells: int, multiple: int) -> tuple[int, int] | None:
    """Tile and buffer of the largest core that fits."""
    buffers = range(SHALLOW_BUFFER if multiple <= SHALLOW else LARGEST_BUFFER, SMALLEST_BUFFER - 1, -1)
    for core in range(min(LARGEST_CORE, cells), SMALLEST_CORE - 1, -1):
        for buffer in buffers if cells % core == 0 else ():
            if (core + 2 * buffer) % multiple == 0:
                return core + 2 * buffer, buffer
    return None
