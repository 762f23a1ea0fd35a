"""Counted and analytic mass functions."""

import numpy as np
import pytest
from scipy import integrate

from halonet.cosmology import compute_power_spectrum, growth_factor, mean_matter_density, sigma_of_radius
from halonet.settings import CosmologySettings
from halonet.statistics.mass_function import CUTS, KEY_CUTS, count_above, predicted_abundance

COSMOLOGY = CosmologySettings()
MASSES = np.array([1e12, 1e13, 1e14, 1e15])
# hmf 3.5.2 with the same power spectrum: n(>M) in Mpc^-3, Tinker08 at SOMean(200), by redshift.
HMF_TINKER = {
    0.0: [1.72405e-03, 1.90680e-04, 1.23398e-05, 1.22445e-07],
    1.0: [1.30290e-03, 8.40065e-05, 1.42745e-06, 2.76025e-10],
}


@pytest.fixture(scope="module")
def spectrum():
    return compute_power_spectrum(COSMOLOGY)


def test_haloes_are_counted_from_the_cut_upwards(catalogue):
    cells = np.array([27.0, 99.9, 100.0, 300.0, 1000.0])
    haloes = catalogue(np.full((5, 3), 5.0), (3 * cells / (4 * np.pi)) ** (1 / 3))
    haloes.columns["cells"][:] = cells
    assert count_above(haloes, np.array([20, 100, 100.1, 1000, 1001])).tolist() == [5, 3, 2, 1, 0]
    assert set(KEY_CUTS) <= set(CUTS)


@pytest.mark.parametrize("redshift", [0.0, 1.0])
def test_tinker_2008_agrees_with_hmf(spectrum, redshift):
    # colossus uses the four fit parameters as Table 2 of the paper prints them, hmf unrounded; c = 1.19 instead of
    # 1.193958 raises the exponential tail by 0.004 / sigma^2, which is all of the difference.
    tinker = predicted_abundance(MASSES, COSMOLOGY, redshift, *spectrum)["tinker_2008"]
    radii = (3 * MASSES / (4 * np.pi * mean_matter_density(COSMOLOGY))) ** (1 / 3)
    sigma = np.array([sigma_of_radius(*spectrum, radius) for radius in radii]) * growth_factor(COSMOLOGY, redshift)
    np.testing.assert_allclose(tinker / HMF_TINKER[redshift], 1, atol=0.01 + 0.005 / sigma[-1] ** 2)
    ordinary = sigma > 0.8
    assert ordinary.any()
    np.testing.assert_allclose((tinker / HMF_TINKER[redshift])[ordinary], 1, atol=0.01)


def test_press_schechter_agrees_with_its_analytic_integral(spectrum):
    # dn/dlnM = sqrt(2/pi) rho/M nu exp(-nu^2/2) dln(nu)/dlnM with nu = 1.686 / sigma(M).
    k, power = spectrum
    density = mean_matter_density(COSMOLOGY)
    lnm = np.linspace(12, 17, 501) * np.log(10)
    mass = np.exp(lnm)
    sigma = np.array([sigma_of_radius(k, power, (3 * m / (4 * np.pi * density)) ** (1 / 3)) for m in mass])
    nu = 1.686 / sigma
    differential = np.sqrt(2 / np.pi) * density / mass * nu * np.exp(-(nu**2) / 2) * np.gradient(np.log(nu), lnm)
    expected = [
        integrate.simpson(differential[lnm >= np.log(m) - 1e-9], x=lnm[lnm >= np.log(m) - 1e-9]) for m in MASSES
    ]
    found = predicted_abundance(MASSES, COSMOLOGY, 0.0, k, power)["press_schechter"]
    np.testing.assert_allclose(found[:3], expected[:3], rtol=0.005)


def test_there_were_fewer_massive_haloes_at_higher_redshift(spectrum):
    now, then = (predicted_abundance(MASSES, COSMOLOGY, z, *spectrum) for z in (0.0, 1.0))
    for name in now:
        assert (then[name] < now[name]).all()
        assert (np.diff(now[name]) < 0).all()
