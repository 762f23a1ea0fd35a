"""The power spectrum of mocks for which none is given."""

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from halonet.cosmology import read_power_spectrum, write_power_spectrum
from halonet.kept_spectra import kept_power_spectrum
from halonet.settings import CosmologySettings


@lru_cache(maxsize=8)
def camb_spectrum(cosmology: CosmologySettings) -> tuple[np.ndarray, np.ndarray]:
    """CAMB's spectrum at z = 0 as a file gives it back, so that one made beforehand gives the same bits."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "power_spectrum.csv"
        write_power_spectrum(path, *kept_power_spectrum(cosmology))
        return read_power_spectrum(path)
