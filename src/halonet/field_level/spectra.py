"""Fields in shells of wavenumber: power of the phases, and agreement of two fields."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import fft

from halonet.field_level.fourier import mode_numbers, mode_weights

PROBES = 3  # modes of each shell whose course is recorded


@dataclass(frozen=True)
class WavenumberShells:
    """Shells one fundamental mode wide, up to the Nyquist frequency, and one of the modes in the corners beyond it.

    Attributes
    ----------
    cells
        N, cells along a side of the grid.
    box_size
        Side of the box (Mpc).
    """

    cells: int
    box_size: float

    @cached_property
    def _shell(self) -> np.ndarray:
        """Shell of every mode, 0 for the mean, shape (modes,)."""
        shell = np.rint(np.sqrt(sum(n**2 for n in mode_numbers(self.cells)))).astype(int).ravel()
        return np.minimum(shell, self.cells // 2 + 1)

    @cached_property
    def _weights(self) -> np.ndarray:
        weights = mode_weights(self.cells)
        return np.broadcast_to(weights, (self.cells, self.cells, len(weights))).ravel()

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Mean over the modes of each shell but the mean's, of values of shape (N, N, N / 2 + 1)."""
        sums = np.bincount(self._shell, self._weights * values.ravel())
        return sums[1:] / self.modes

    @cached_property
    def modes(self) -> np.ndarray:
        """Independent real numbers in each shell, shape (shells,)."""
        return np.bincount(self._shell, self._weights)[1:]

    @cached_property
    def k(self) -> np.ndarray:
        """Mean wavenumber (1/Mpc) of each shell, shape (shells,)."""
        modulus = np.sqrt(sum(n**2 for n in mode_numbers(self.cells)))
        return 2 * np.pi / self.box_size * self.mean(modulus)

    def noise_power(self, noise: np.ndarray) -> np.ndarray:
        """Power of white noise in units of the prior's, shape (shells,); flat or cubic input."""
        modes = fft.rfftn(np.reshape(noise, (self.cells,) * 3))
        return self.mean(np.abs(modes) ** 2) / self.cells**3

    @property
    def noise_scatter(self) -> np.ndarray:
        """Standard deviation of :meth:`noise_power` among draws from the prior: sqrt(2 / modes), shape (shells,)."""
        return np.sqrt(2 / self.modes)

    def compared(self, field: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Transfer function sqrt(P_field / P_truth) and correlation coefficient of two fields.

        The fields have the shape (N, N, N), the results (shells,).
        """
        one, other = (fft.rfftn(each.astype(np.float64)) for each in (field, truth))
        power, true_power = self.mean(np.abs(one) ** 2), self.mean(np.abs(other) ** 2)
        cross = self.mean((one * other.conj()).real)
        return np.sqrt(power / true_power), cross / np.sqrt(power * true_power)

    def shell_of(self, index: np.ndarray) -> np.ndarray:
        """Shell of modes given by their flat index, the same shape; the first shell is 1."""
        return self._shell[index]

    def probes(self, number: int = PROBES) -> np.ndarray:
        """Flat indices of the modes whose course a chain records, ascending, shape (modes,).

        They are up to ``number`` modes of each shell, evenly spread.
        """
        # Of the plane k_z = 0 and its opposite, half the modes are the conjugates of the others.
        inner = (self._weights == 2) & (self._shell > 0)
        picked = []
        for shell in range(1, len(self.modes) + 1):
            members = np.flatnonzero(inner & (self._shell == shell))
            picked.append(members[np.linspace(0, len(members) - 1, min(number, len(members))).astype(int)])
        return np.unique(np.concatenate(picked))
