"""A spectrum that was computed before is read again, and never a wrong one."""

import json

import numpy as np
import pytest

from halonet import kept_spectra
from halonet.kept_spectra import kept_power_spectrum
from halonet.settings import CosmologySettings


@pytest.fixture
def computed(monkeypatch, tmp_path):
    """What was asked of CAMB, which says the spectrum of a power law here."""
    asked = []

    def compute(cosmology):
        asked.append(cosmology)
        k = kept_spectra.asks.WAVENUMBERS
        return k, cosmology.sigma8 * k**-1.2 / 3

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(kept_spectra.asks, "compute_power_spectrum", compute)
    return asked


def test_a_spectrum_is_computed_once_and_comes_back_bit_for_bit_at_every_redshift(computed):
    first = kept_power_spectrum(CosmologySettings())
    again = kept_power_spectrum(CosmologySettings(redshift=1.0))
    assert len(computed) == 1
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("changed", [{"sigma8": 0.9}, {"omega_cdm": 0.3}, {"w0": -0.9}])
def test_another_cosmology_has_a_spectrum_of_its_own(computed, changed):
    one, other = kept_power_spectrum(CosmologySettings()), kept_power_spectrum(CosmologySettings(**changed))
    assert len(computed) == 2
    assert changed.get("sigma8", 0.8) == pytest.approx(0.8 * other[1][0] / one[1][0])


def test_a_damaged_note_is_computed_anew_and_a_folder_that_takes_none_is_no_error(computed, tmp_path, monkeypatch):
    power = kept_power_spectrum(CosmologySettings())[1]
    (note,) = (tmp_path / "halonet/spectra").iterdir()
    held = json.loads(note.read_text())
    held["power"][7] *= 2
    for damaged in (json.dumps(held), note.read_text()[:-9], "{}"):
        note.write_text(damaged)
        np.testing.assert_array_equal(kept_power_spectrum(CosmologySettings())[1], power)
    assert len(computed) == 4
    monkeypatch.setenv("XDG_CACHE_HOME", str(note))
    np.testing.assert_array_equal(kept_power_spectrum(CosmologySettings())[1], power)
