"""Background and power spectrum against analytic limits and colossus."""

import numpy as np
import pytest
from colossus.cosmology import cosmology as colossus

from halonet.cosmology import (
    compute_power_spectrum,
    growth_factor,
    growth_rate,
    hubble_rate,
    mean_matter_density,
    read_power_spectrum,
    sigma_of_radius,
    write_power_spectrum,
)
from halonet.settings import CosmologySettings
from halonet.storage import StorageError

PAPER = CosmologySettings()


@pytest.fixture(scope="module")
def spectrum():
    return compute_power_spectrum(PAPER)


@pytest.fixture(scope="module")
def reference():
    parameters = {"flat": True, "H0": 70.0, "Om0": 0.25, "Ob0": 0.043, "sigma8": 0.8, "ns": 0.96, "relspecies": False}
    return colossus.setCosmology("paper", **parameters)


def test_growth_of_an_einstein_de_sitter_universe_is_the_scale_factor():
    flat = CosmologySettings(omega_b=0.05, omega_cdm=0.95 - 1e-9)
    for redshift in (0.5, 3.0, 20.0):
        assert growth_factor(flat, redshift) == pytest.approx(1 / (1 + redshift), rel=1e-6)
        assert growth_rate(flat, redshift) == pytest.approx(1, rel=1e-6)


def test_growth_of_the_paper_agrees_with_the_check_values_of_peak_patch():
    for scale, value in ((0.01, 1.3402), (0.03, 1.3400), (0.1, 1.3393), (0.5, 1.26186), (1, 1)):
        assert growth_factor(PAPER, 1 / scale - 1) / scale == pytest.approx(value, rel=2e-4)
    assert growth_rate(PAPER, 0) == pytest.approx(0.46252, rel=1e-4)


def test_growth_rate_is_the_logarithmic_derivative_of_growth():
    for redshift in (0.0, 1.0, 4.0):
        step = 1e-4
        scales = np.array([1 - step, 1 + step]) / (1 + redshift)
        growth = [growth_factor(PAPER, 1 / scale - 1) for scale in scales]
        assert growth_rate(PAPER, redshift) == pytest.approx(np.diff(np.log(growth))[0] / (2 * step), rel=1e-6)


def test_background_agrees_with_colossus(reference):
    for redshift in (0.0, 0.7, 3.0):
        assert hubble_rate(PAPER, redshift) == pytest.approx(reference.Hz(redshift), rel=1e-5)
        assert growth_factor(PAPER, redshift) == pytest.approx(reference.growthFactor(redshift), rel=2e-4)
    assert mean_matter_density(PAPER) == pytest.approx(reference.rho_m(0) * 1e9 * 0.7**2, rel=1e-3)


def test_sigma8_of_the_power_spectrum_is_the_one_asked_for(spectrum):
    assert sigma_of_radius(*spectrum, 8 / PAPER.h) == pytest.approx(0.8, rel=5e-4)


def test_power_spectrum_agrees_with_the_fit_of_eisenstein_and_hu(spectrum, reference):
    k, power = spectrum
    inside = (k > 1e-3) & (k < 5)
    fit = reference.matterPowerSpectrum(k[inside] / PAPER.h) / PAPER.h**3
    np.testing.assert_allclose(power[inside], fit, rtol=0.06)


def test_power_spectrum_grows_as_k_to_the_primordial_slope_on_the_largest_scales(spectrum):
    k, power = spectrum
    slope = np.polyfit(np.log(k[:100]), np.log(power[:100]), 1)[0]
    assert slope == pytest.approx(PAPER.n_s, abs=0.01)


def test_power_spectrum_file_survives_a_round_trip_and_a_damaged_one_is_named(tmp_path, spectrum):
    write_power_spectrum(tmp_path / "p.csv", *spectrum)
    np.testing.assert_allclose(read_power_spectrum(tmp_path / "p.csv"), spectrum, rtol=1e-9)
    (tmp_path / "q.csv").write_text("k,P\n1,2\n")
    with pytest.raises(StorageError, match=r"q.csv: columns k_per_mpc and power_mpc3"):
        read_power_spectrum(tmp_path / "q.csv")
