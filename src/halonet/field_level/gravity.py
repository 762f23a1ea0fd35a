"""From white noise to the evolved density, differentiable: linear density, Lagrangian displacement, clouds in cells.

Notes
-----
With white noise s of unit variance per cell, delta_k = rfft3(s) D sqrt(P(k) / h^3), h the cell size; P at z = 0. The
displacement is that of :mod:`halonet.initial_conditions.displacement`, i k / k^2 delta_k to first order and
-(3/7) Om^(-1/143) times -i k / k^2 S_k beyond (Bouchet et al. 1995), S = sum_{i<j} (phi_ii phi_jj - phi_ij^2).

Particles stand on a lattice of ``supersample`` points per cell along a side. The displacement there is that of the
modes: every sub-lattice is the grid shifted by a fraction of a cell, so its displacement is the inverse transform of
modes turned by exp(i k . shift), which is the Fourier interpolation of :func:`halonet.neural_bias.evolution.resample`
without its larger grid. As there, modes on Nyquist planes are left out of the interpolation.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product

import numpy as np
import tensorflow as tf

from halonet.cosmology import growth_factor
from halonet.field_level.clouds import assign_clouds
from halonet.field_level.fourier import irfft3, mode_numbers, rfft3, wavenumber
from halonet.initial_conditions.displacement import second_order_coefficient
from halonet.settings import CosmologySettings


@dataclass(frozen=True)
class Gravity:
    """Forward model of one grid.

    Attributes
    ----------
    amplitude
        D sqrt(P / h^3) of every mode, shape (N, N, N / 2 + 1); 0 for the mean.
    second_order
        psi2 = ``second_order`` eta2 at the redshift of the density; 0 for first order.
    supersample
        Particles per cell along a side.
    """

    cells: int
    box_size: float
    amplitude: np.ndarray
    second_order: float = 0.0
    supersample: int = 2

    @cached_property
    def linear_power(self) -> np.ndarray:
        """Linear power spectrum (Mpc^3) of every mode at the redshift of the density, shape (N, N, N / 2 + 1)."""
        return self.amplitude**2 * (self.box_size / self.cells) ** 3

    def linear_modes(self, noise: tf.Tensor) -> tf.Tensor:
        """Modes of the linear density of white noise of shape (N, N, N)."""
        modes = rfft3(tf.reshape(noise, (self.cells,) * 3))
        return modes * tf.constant(self.amplitude, modes.dtype)

    def linear_density(self, noise: tf.Tensor) -> tf.Tensor:
        """Linear density contrast, shape (N, N, N)."""
        return irfft3(self.linear_modes(noise))

    def displacement(self, modes: tf.Tensor) -> tf.Tensor:
        """Displacement (Mpc) at the cell centres, shape (3, N, N, N), from the modes of the linear density."""
        return irfft3(tf.stack(self._displacement_modes(modes)))

    def density(self, noise: tf.Tensor) -> tf.Tensor:
        """Evolved density in units of its mean, shape (N, N, N)."""
        modes = tf.stack(self._displacement_modes(self.linear_modes(noise)))
        cell_size = self.box_size / self.cells
        moved, lattice = self._moved(modes) / cell_size, np.indices((self.cells,) * 3)
        starts = np.stack([lattice + shift[:, None, None, None] for shift in self._shifts])
        positions = tf.transpose(moved + tf.constant(starts, moved.dtype), (1, 0, 2, 3, 4))
        return assign_clouds(tf.reshape(positions, (3, -1)), self.cells) / self.supersample**3

    @cached_property
    def _shifts(self) -> np.ndarray:
        """Of the sub-lattices from the cell centres, in cells, shape (sub-lattices, 3)."""
        one = (np.arange(self.supersample) + 0.5) / self.supersample - 0.5
        return np.array(list(product(one, repeat=3)))

    def _moved(self, modes: tf.Tensor) -> tf.Tensor:
        """Displacement of the particles, shape (sub-lattices, 3, N, N, N)."""
        if self.supersample == 1:
            return irfft3(modes)[None]
        inside = np.prod([np.abs(n) < self.cells / 2 for n in np.broadcast_arrays(*mode_numbers(self.cells))], axis=0)
        turns = [
            inside * np.exp(2j * np.pi / self.cells * sum(n * d for n, d in zip(self._numbers, shift, strict=True)))
            for shift in self._shifts
        ]
        return irfft3(modes[None] * tf.constant(np.stack(turns)[:, None], modes.dtype))

    @cached_property
    def _numbers(self) -> list[np.ndarray]:
        return mode_numbers(self.cells)

    @cached_property
    def _odd(self) -> list[np.ndarray]:
        """Mode numbers for odd derivatives, which vanish on their Nyquist plane."""
        return [np.where(np.abs(n) < self.cells / 2, n, 0.0) for n in self._numbers]

    @cached_property
    def _inverse_square(self) -> np.ndarray:
        """1 / n^2 of the mode numbers, 0 for the mean."""
        squared = sum(n**2 for n in self._numbers)
        return np.divide(1, squared, out=np.zeros_like(squared), where=squared > 0)

    def _displacement_modes(self, modes: tf.Tensor) -> list[tf.Tensor]:
        """Modes of the three components of the displacement (Mpc)."""
        length = self.box_size / (2 * np.pi)
        factors = [tf.constant(1j * length * n * self._inverse_square, modes.dtype) for n in self._odd]
        if not self.second_order:
            return [factor * modes for factor in factors]
        # eta2 = -i k / k^2 S: the same factors with the other sign.
        total = modes - self.second_order * rfft3(self._source(modes))
        return [factor * total for factor in factors]

    def _source(self, modes: tf.Tensor) -> tf.Tensor:
        """Source S of the second order, shape (N, N, N)."""

        def tidal(i: int, j: int) -> tf.Tensor:
            return irfft3(modes * tf.constant(self._odd[i] * self._odd[j] * self._inverse_square, modes.dtype))

        x, y, z = (tidal(i, i) for i in range(3))
        return x * y + y * z + z * x - sum(tidal(i, j) ** 2 for i, j in combinations(range(3), 2))


def make_gravity(
    k: np.ndarray,
    power: np.ndarray,
    cells: int,
    box_size: float,
    cosmology: CosmologySettings,
    order: int = 2,
    supersample: int = 2,
) -> Gravity:
    """Forward model to the redshift of the cosmology.

    Parameters
    ----------
    k, power
        Linear power spectrum at z = 0: 1/Mpc and Mpc^3, shape (wavenumbers,).
    order
        1 or 2 of Lagrangian perturbation theory.

    Raises
    ------
    ValueError
        If the spectrum does not cover the modes of the grid, the order is none of 1 and 2, or N is odd.
    """
    if order not in (1, 2):
        raise ValueError(f"Lagrangian perturbation theory of order {order}: 1 or 2 is possible")
    if cells % 2:
        raise ValueError(f"a grid of {cells} cells along a side: an even number is needed")
    modulus, cell_size = wavenumber(cells, box_size), box_size / cells
    fundamental = 2 * np.pi / box_size
    if k[0] > fundamental or k[-1] < modulus.max():
        raise ValueError(
            f"the power spectrum covers {k[0]:.3g} to {k[-1]:.3g} per Mpc; a box of {box_size} Mpc with cells of "
            f"{cell_size} Mpc needs {fundamental:.3g} to {modulus.max():.3g} per Mpc"
        )
    growth = growth_factor(cosmology, cosmology.redshift)
    # Interpolated as the pipeline does it (initial_conditions.density), so that the same noise is the same density.
    amplitude = np.interp(np.log(np.maximum(modulus, fundamental)), np.log(k), growth * np.sqrt(power / cell_size**3))
    amplitude[0, 0, 0] = 0.0
    second = second_order_coefficient(cosmology, cosmology.redshift) if order == 2 else 0.0
    return Gravity(cells, box_size, amplitude, second, supersample)
