"""What a network says of one image of a box, each cell of which has grown to the redshift at which it is seen.

Density and strain grow alike in linear theory, with D(z). So the inputs of a network that knows many amplitudes are
those of today, times the growth factor at the distance of every cell; along the few cells that it sees D hardly varies.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from halonet.grid.scratch import zeros
from halonet.grid.tiles import core_starts, periodic_window
from halonet.peak_patch.images import Images
from halonet.settings import PredictionSettings
from halonet.sky.epochs import Epochs

STEP = 1.0  # Mpc, of the table of growth against distance, linear between its nodes: right to 1e-8


@dataclass(frozen=True)
class GrowingImages:
    """Images of a box around an observer, with what networks see of them.

    Attributes
    ----------
    images
        Of the box.
    epochs
        Growth and distances.
    fields
        Of today: density, float32, and further inputs, shape (N, N, N) each.
    beyond
        How far from what the images hold of the region its haloes have neighbours (Mpc).
    """

    images: Images
    epochs: Epochs
    fields: tuple[np.ndarray, ...]
    beyond: float = 0.0

    @cached_property
    def _growth(self) -> tuple[np.ndarray, np.ndarray]:
        """Distances (Mpc) and the growth factor there, from the observer to beyond all that is seen.

        Nodes do not depend on how far that is, so that a part of a light cone has the bits of the whole.
        """
        farthest = self.images.region.farthest + self.images.margin + 2 * self.images.cells * self.images.cell_size
        farthest = min(farthest, float(self.epochs.distance(self.epochs.nodes[-1])))
        distances = np.arange(0.0, farthest, STEP)
        return distances, self.epochs.growth(self.epochs.redshift(distances))

    def growth(self, corner: np.ndarray, size: int) -> np.ndarray:
        """Growth factor in a cube of the lattice of all boxes, float32 of shape (size, size, size)."""
        x, y, z = self.images.from_observer(corner + np.arange(size)[:, None]).T ** 2
        distances = np.sqrt(x[:, None, None] + y[:, None] + z)
        return np.interp(distances, *self._growth).astype(np.float32)

    def predict(
        self,
        predict: Callable[..., np.ndarray | tuple[np.ndarray, ...]],
        offset: np.ndarray,
        pad: int,
        tiles: PredictionSettings,
        heads: Mapping[str, np.ndarray],
        track: Callable[[list], Iterable] = iter,
    ) -> np.ndarray:
        """Probability of the cells of an image and of ``pad`` cells around it, float32 of shape (N + 2 pad,) * 3.

        It is 0 where nothing reaches the region.

        Parameters
        ----------
        predict
            Of :func:`halonet.network.prediction.tile_predictor`.
        offset
            Whole boxes from the observer's own one to the image, int64 of shape (3,).
        heads
            Arrays of zeros for what the heads say, by their names; they are filled.
        track
            Wraps the list of tiles while it is worked through.
        """
        cells, core = self.images.cells + 2 * pad, tiles.tile - 2 * tiles.buffer
        origin = offset * self.images.cells - pad
        probability = zeros((cells,) * 3, np.float32)
        starts = [
            start for start in core_starts(cells, tiles.tile, tiles.buffer) if self._reaches(origin + start, core)
        ]
        for start in track(starts):
            corner = origin + np.array(start) - tiles.buffer
            outputs = predict(*self._inputs(corner, tiles.tile))
            outputs = outputs if isinstance(outputs, tuple) else (outputs,)
            for target, output in zip((probability, *heads.values()), outputs, strict=True):
                trimmed = (len(output) - core) // 2
                target[_cube(start, core)] = output[_cube((trimmed,) * 3, core)]
        return probability

    def _reaches(self, start: np.ndarray, core: int) -> bool:
        """Whether a cube of the lattice reaches what is seen, with its margin."""
        middle = (start + 0.5 * core) * self.images.cell_size - self.images.observer
        half = 0.5 * 3**0.5 * core * self.images.cell_size
        return bool(self.images.region.outside(middle[None])[0] <= self.images.margin + self.beyond + half)

    def _inputs(self, corner: np.ndarray, size: int) -> list[np.ndarray]:
        growth = self.growth(corner, size)
        x, y, z = (int(first) for first in corner)
        return [(periodic_window(each, (x, y, z), size) * growth).astype(each.dtype) for each in self.fields]


def _cube(start: Iterable[int], size: int) -> tuple[slice, ...]:
    return tuple(slice(first, first + size) for first in start)
