"""Power spectra that were computed before: for a small mock, CAMB takes longer than most of the rest.

They are kept in the user's cache folder, by their cosmology, the version of CAMB and the code that asks for them.
"""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np

from halonet import cosmology as asks
from halonet.code_digests import code_digest
from halonet.settings import CosmologySettings
from halonet.user_cache import cache_file, keep_note, read_note


def kept_power_spectrum(cosmology: CosmologySettings) -> tuple[np.ndarray, np.ndarray]:
    """Spectrum of :func:`halonet.cosmology.compute_power_spectrum`, read if it was computed before, bit for bit."""
    note = _note(cosmology)
    held = read_note(note)
    if held and held.get("digest") == _digest(held.get("power")):
        return asks.WAVENUMBERS, np.array(held["power"])
    k, computed = asks.compute_power_spectrum(cosmology)
    power = computed.tolist()
    keep_note(note, {"power": power, "digest": _digest(power)})
    return k, computed


def _note(cosmology: CosmologySettings) -> Path:
    key = [cosmology.model_dump(exclude={"redshift"}), version("camb"), code_digest(asks.__file__)]
    return cache_file("spectra", f"{_digest(key)[:32]}.json")


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
