"""A periodic universe that is too large to be held: any part of its linear density, with the same bits for all.

Notes
-----
The density is the sum of two independent Gaussian fields (Pen 1997, ApJ 490, L127; Bertschinger 2001, ApJS 137, 1).
With g = exp(-k^2 r^2 / 2) their amplitudes are

    short:  sqrt(P) (1 - g)^3                 long:  sqrt(P) (1 - (1 - g)^6)^(1/2)

so that their powers add up to P exactly. The long field lives on a coarse grid of the whole universe, and r is so large
that nothing of it lies beyond the Nyquist frequency there. The short field reaches a few r in real space: it is the
convolution of white noise of the fine cells, of which every block has a stream of its own, so that a window of noise
makes it without the rest of the universe. That needs no agreement between coarse and fine noise, which is what other
schemes constrain (Hahn & Abel 2011, MNRAS 415, 2101) or define by a tree (Jenkins 2013, MNRAS 434, 2094).
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import gcd

import numpy as np

from halonet.grid.lattice_cube import Corner, Cube
from halonet.grid.slabs import Slabs
from halonet.grid.threads import in_threads
from halonet.initial_conditions.density import check_covered, scaled
from halonet.initial_conditions.noise import derived_seed, generator, white_noise
from halonet.settings import SettingsError

FINEST, USUAL = 2, 8  # cells along a side of a coarse cell, at least, and where the coarse grid may grow
SMALL, LARGE = 256, 512  # cells along a side of the coarse grid, at most, of smaller and of larger coarse cells
SPLIT = 1.3  # r in coarse cells: the long field has a thousandth of the power at the Nyquist frequency
# How far windows reach beyond what they are for: the short field, and what the source of second order has beyond what
# long modes make of it. In coarse cells, and in cells at least.
REACH, LEAST_REACH = 5, 16
SOURCE_REACH, LEAST_SOURCE_REACH = 8, 24
LARGEST_BRICK, SMALLEST_BRICK, BLOCK = 128, 32, 32  # cells


@dataclass(frozen=True, eq=False)
class Universe:
    """A universe of N^3 cells, periodic.

    Attributes
    ----------
    seed
        Another seed, an independent universe.
    cells
        N, cells along a side; a multiple of :attr:`coarsening`.
    cell_size
        Side of a cell (Mpc).
    k, power
        Linear power spectrum today: 1/Mpc and Mpc^3, shape (wavenumbers,).
    threads
        Change no bit.
    """

    seed: int
    cells: int
    cell_size: float
    k: np.ndarray
    power: np.ndarray
    threads: int = 1

    def __post_init__(self) -> None:
        check_covered(self.cells, self.cells * self.cell_size, self.k)
        _ = self.brick
        if self.cells % self.coarsening:
            raise SettingsError(f"cells = {self.cells}; a universe needs a multiple of {self.coarsening}")

    @cached_property
    def coarsening(self) -> int:
        """Cells along a side of a coarse cell: 2 of up to 512 cells, 4 of up to 1024, 8 of up to 4096, and so on.

        A finer coarse grid makes windows smaller, and is larger itself.
        """
        coarsening = FINEST
        while self.cells > (SMALL if coarsening < USUAL else LARGE) * coarsening:
            coarsening *= 2
        return coarsening

    @cached_property
    def brick(self) -> int:
        """Cells along a side of a brick: bricks fill the universe, and each is always computed by itself."""
        most = min(LARGEST_BRICK, max(self.cells // 2, 1))
        side = next(side for side in range(most, 0, -1) if self.cells % side == 0)
        if side < min(SMALLEST_BRICK, most):
            raise SettingsError(
                f"cells = {self.cells}; a universe is filled with bricks of {SMALLEST_BRICK} to {LARGEST_BRICK} cells, "
                "of which none divides it; give a multiple of 32"
            )
        return side

    @property
    def reach(self) -> int:
        """Cells beyond a window whose noise it needs."""
        return max(REACH * self.coarsening, LEAST_REACH)

    @property
    def source_reach(self) -> int:
        """Cells beyond a window in which it needs the source of the second-order displacement."""
        return max(SOURCE_REACH * self.coarsening, LEAST_SOURCE_REACH)

    @property
    def coarse_cells(self) -> int:
        """Cells along a side of the coarse grid; its point j lies on the cell ``coarsening`` j of the universe."""
        return self.cells // self.coarsening

    @property
    def coarse_cell_size(self) -> float:
        """Side of a coarse cell (Mpc)."""
        return self.coarsening * self.cell_size

    def low_pass(self, k: np.ndarray) -> np.ndarray:
        """The filter g of wavenumbers (1/Mpc)."""
        return np.exp(-0.5 * (k * SPLIT * self.coarse_cell_size) ** 2)

    def short_amplitude(self, k: np.ndarray) -> np.ndarray:
        """Amplitude of the short field's modes for noise of unit variance in fine cells, at wavenumbers (1/Mpc)."""
        return self._amplitude(k, self.cell_size) * (1 - self.low_pass(k)) ** 3

    def long_amplitude(self, k: np.ndarray) -> np.ndarray:
        """Amplitude of the long field's modes for noise of unit variance in coarse cells, at wavenumbers (1/Mpc)."""
        share = 1 - (1 - self.low_pass(k)) ** 6
        return self._amplitude(k, self.coarse_cell_size) * np.sqrt(share)

    @cached_property
    def short_displacement(self) -> float:
        """Standard deviation of a component of the short field's first-order displacement today (Mpc)."""
        variance = self.power * (1 - self.low_pass(self.k)) ** 6 / (6 * np.pi**2)
        return float(np.trapezoid(variance, self.k) ** 0.5)

    def _amplitude(self, k: np.ndarray, cell_size: float) -> np.ndarray:
        return np.interp(np.log(k), np.log(self.k), np.sqrt(self.power / cell_size**3))

    def long_modes(self) -> np.ndarray:
        """Modes of the long field on the coarse grid, complex64; none on its Nyquist planes, which have no phase."""
        slabs = Slabs(self.coarse_cells, None, self.threads)
        modes = slabs.forward(white_noise(slabs, derived_seed(self.seed, "coarse noise of universe")))
        scaled(modes, slabs, self.cells * self.cell_size, self.long_amplitude)
        for off in slabs.off_nyquist:
            modes *= off
        return modes

    def noise(self, start: Corner, side: int) -> np.ndarray:
        """White noise of the window of ``side`` cells from ``start`` on, float32 of shape (side, side, side)."""
        if side > self.cells:  # the universe repeats
            whole = Cube((0, 0, 0), self.cells, self.cells)
            return self.noise(whole.start, self.cells)[whole.window(start, side)]
        noise, block = np.empty((side, side, side), np.float32), gcd(self.cells, BLOCK)
        firsts = [range(low // block, (low + side - 1) // block + 1) for low in start]
        across = self.cells // block

        def draw(index: tuple[int, ...]) -> None:
            x, y, z = (i % across for i in index)
            stream = generator(self.seed, "noise of universe", (x * across + y) * across + z)
            values = stream.standard_normal((block, block, block), np.float32)
            lows = [i * block - low for i, low in zip(index, start, strict=True)]
            inner = tuple(slice(max(-low, 0), min(block, side - low)) for low in lows)
            noise[tuple(slice(max(low, 0), min(low + block, side)) for low in lows)] = values[inner]

        in_threads(draw, list(product(*firsts)), self.threads)
        return noise

    def cube(self, start: Corner, side: int) -> Cube:
        """A cube of the universe, or all of it."""
        return Cube.within(start, side, self.cells)
