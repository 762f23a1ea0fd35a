"""The power spectrum of mocks for which none is given."""

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from halonet.cosmology import read_power_spectrum, write_power_spectrum
from halonet.kept_spectra import kept_power_spectrum
from halonet.plausibility.same_box import CAMBS, drawn_as
from halonet.plausibility.verdict import judge
from halonet.provenance import file_digest
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader

SAME_SPECTRUM = 1e-6  # relative, beyond what another processor rounds otherwise


@lru_cache(maxsize=8)
def camb_spectrum(cosmology: CosmologySettings) -> tuple[np.ndarray, np.ndarray]:
    """CAMB's spectrum at z = 0 as a file gives it back, so that one made beforehand gives the same bits."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "power_spectrum.csv"
        write_power_spectrum(path, *kept_power_spectrum(cosmology))
        return read_power_spectrum(path)


def is_cambs(spectrum: tuple[np.ndarray, np.ndarray], cosmology: CosmologySettings) -> bool:
    """Whether a power spectrum is that which is taken where none is given, as another processor may round it."""
    known = camb_spectrum(cosmology.model_copy(update={"redshift": 0.0}))
    return all(
        own.shape == other.shape and np.allclose(own, other, rtol=SAME_SPECTRUM, atol=0)
        for own, other in zip(spectrum, known, strict=True)
    )


def check_spectrum_of(
    header: FieldHeader, source: str | Path, path: str | Path, cosmology: CosmologySettings, go_on: bool = False
) -> None:
    """Refuse the power spectrum of the file ``path`` where ``source`` says in its header that it has another one."""
    said = drawn_as(header.provenance).get("power_spectrum")
    if said is None or said == file_digest(path):
        return
    if said != CAMBS or not is_cambs(read_power_spectrum(path), cosmology):
        whose = "that of CAMB for its cosmology" if said == CAMBS else f"a file with the digest {said}"
        judge(f"{path}: {source} was drawn from another power spectrum, {whose}", go_on)
