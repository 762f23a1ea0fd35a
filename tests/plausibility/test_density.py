"""A density, a spectrum, spheres and numbers that contradict the cosmology are refused, with number and remedy."""

from functools import cache

import h5py
import numpy as np
import pytest

from halonet.catalogue import HaloCatalogue
from halonet.checks import assumptions
from halonet.cosmology import compute_power_spectrum, growth_factor, sigma_of_radius
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import linear_density
from halonet.mocks.box import MockBox
from halonet.mocks.request import MockRequest
from halonet.plausibility.density import check_against_spectrum, check_density, expected_deviation, moments
from halonet.plausibility.numbers import check_number
from halonet.plausibility.protohaloes import check_protohaloes
from halonet.plausibility.spectrum import check_spectrum, shape_without_wiggles
from halonet.plausibility.verdict import PlausibilityError
from halonet.provenance import provenance
from halonet.settings import CosmologySettings, SettingsError
from halonet.storage import FieldHeader

CELLS = 48
PAPER = CosmologySettings()
PLANCK = CosmologySettings(h=0.6766, omega_b=0.049, omega_cdm=0.2607, n_s=0.9665, sigma8=0.8102, redshift=1.0)


camb = cache(compute_power_spectrum)


@pytest.fixture(scope="module")
def spectrum():
    return camb(PAPER)


@pytest.fixture(scope="module")
def density(spectrum):
    return linear_density(Slabs(CELLS), 5, float(CELLS), *spectrum, PAPER)


@pytest.mark.parametrize("mean", [0.0, 1.0, 300.0])
def test_mean_and_deviation_are_those_of_all_cells_also_where_planes_differ(mean):
    field = np.random.default_rng(0).normal(mean, 1, (24,) * 3) + np.linspace(-3, 5, 24)[:, None, None]
    found = moments(field.astype(np.float32))
    assert (found.mean, found.deviation) == pytest.approx((field.mean(), field.std()), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("side", [64.0, 256.0])
def test_every_fourth_plane_has_the_moments_of_the_whole_box(spectrum, side):
    drawn = linear_density(Slabs(128), 5, side, *spectrum, PAPER)
    drawn += np.float32(0.1)
    found, values = moments(drawn), drawn.astype(float)
    assert found.mean == pytest.approx(values.mean(), abs=1e-3 * values.std())
    assert found.deviation == pytest.approx(values.std(), rel=0.01)
    assert (found.mean, found.deviation) != (values.mean(), values.std())  # not all of them were looked at


def test_any_ranks_look_at_the_same_planes(monkeypatch, density):
    field = np.concatenate([density] * 3)[:130, :8, :8]
    alone, seen = moments(field, Slabs(130)), []
    for start, stop in ((0, 43), (43, 87), (87, 130)):
        slabs = Slabs(130)
        slabs.start, slabs.stop = start, stop
        sums = []
        monkeypatch.setattr(slabs, "sum_planes", lambda values, sums=sums: sums.append(values) or 1.0)
        moments(field[start:stop], slabs)
        seen.append(sums)
    of_ranks = [np.concatenate(parts) for parts in zip(*seen, strict=True)]
    assert of_ranks[0].sum() == 33
    assert of_ranks[1].sum() / 33 == alone.mean


@pytest.mark.parametrize("cosmology", [PAPER, PLANCK], ids=["paper", "planck at redshift 1"])
@pytest.mark.parametrize(("cells", "side"), [(48, 48.0), (32, 100.0), (64, 20.0)])
def test_the_deviation_that_is_expected_is_that_of_a_box_that_is_drawn(cosmology, cells, side):
    drawn = linear_density(Slabs(cells), 3, side, *camb(cosmology), cosmology)
    assert moments(drawn).deviation == pytest.approx(expected_deviation(cosmology, side, cells), rel=0.06)


def test_a_linear_density_passes_at_its_redshift_in_coarse_and_smoothed_cells(density, spectrum):
    check_against_spectrum(density, Slabs(CELLS), float(CELLS), PAPER, "own.h5")
    coarse = density.reshape(24, 2, 24, 2, 24, 2).mean(axis=(1, 3, 5))  # smoothed by its cells
    check_against_spectrum(coarse, Slabs(24), float(CELLS), PAPER, "own.h5")
    early = CosmologySettings(redshift=2.0)
    growth = growth_factor(PAPER, 2.0)
    check_against_spectrum(np.float32(growth) * density, Slabs(CELLS), float(CELLS), early, "own.h5")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda delta: 1 + delta, "mean 1, .* has 0: subtract the mean"),
        (lambda delta: 5e10 * (1 + delta), "subtract the mean"),
        (lambda delta: np.float32(growth_factor(PAPER, 127.0)) * delta, "standard deviation 0.0.*growth factors"),
        (lambda delta: np.float32(growth_factor(PAPER, 1.0)) * delta, "standard deviation 2.0"),
        (lambda delta: 0 * delta, "standard deviation 0, "),
        (lambda delta: delta / np.float32(0.5), "standard deviation 6"),
        (lambda delta: delta / np.float32(0.7**3), "standard deviation 9"),
    ],
)
def test_what_is_no_linear_overdensity_at_its_redshift_is_refused(density, change, words):
    with pytest.raises(PlausibilityError, match=f"own.h5.*{words}.*--outside-validity"):
        check_against_spectrum(change(density), Slabs(CELLS), float(CELLS), PAPER, "own.h5")


def test_a_network_knows_its_deviation_more_closely(density):
    known = 3.35
    check_density(moments(density), known, "own.h5", CELLS, of_network=True)
    at_half = moments(np.float32(growth_factor(PAPER, 0.5)) * density)
    check_density(at_half, known, "own.h5", CELLS)  # which the spectrum alone cannot tell from a smoothed field
    with pytest.raises(PlausibilityError, match=r"boxes the network was trained on have 3\.35"):
        check_density(at_half, known, "own.h5", CELLS, of_network=True)


def test_the_override_says_the_number_and_leaves_it_in_the_output(density, caplog):
    with assumptions.recorded():
        check_against_spectrum(1 + density, Slabs(CELLS), float(CELLS), PAPER, "own.h5", go_on=True)
        assert any("mean 1" in line for line in provenance("test", {})["assumed"])
    assert any("mean 1" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("cosmology", [PAPER, PLANCK], ids=["paper", "planck"])
def test_spectra_of_camb_and_of_the_fit_have_the_sigma8_of_their_cosmology(cosmology):
    k, power = camb(cosmology)
    check_spectrum(k, power, cosmology, "p.csv")
    check_spectrum(k, shape_without_wiggles(k, cosmology), cosmology, "p.csv")
    assert sigma_of_radius(k, shape_without_wiggles(k, cosmology), 1.0) == pytest.approx(
        sigma_of_radius(k, power, 1.0), rel=0.04
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda k, power: (k / 0.7, power * 0.7**3), r"it looks like k in h/Mpc and P in \(Mpc/h\)\^3"),
        (lambda k, power: (k / 0.7, power), "it looks like k in h/Mpc"),
        (lambda k, power: (k, power * 0.7**3), r"it looks like P in \(Mpc/h\)\^3"),
        (lambda k, power: (k, power * k**3 / (2 * np.pi**2)), r"it looks like .*2 pi\^2 / k\^3"),
        (lambda k, power: (k, power * 1.1**2), r"sigma8 = 0\.880\d, but the cosmology 0\.8:"),
        (lambda k, power: (k, 0 * power), "sigma8 = 0, "),
    ],
)
def test_a_spectrum_in_other_units_is_refused_and_the_mistake_is_named(spectrum, change, words):
    with pytest.raises(PlausibilityError, match=f"p.csv: the power spectrum has .*{words}"):
        check_spectrum(*change(*spectrum), PAPER, "p.csv")


def test_a_spectrum_at_the_redshift_of_the_output_is_told_from_one_at_0():
    k, power = camb(PLANCK)
    growth = growth_factor(PLANCK, 1.0)
    with pytest.raises(PlausibilityError, match="it looks like a spectrum at redshift 1"):
        check_spectrum(k, power * growth**2, PLANCK, "p.csv")


def test_a_spectrum_too_narrow_for_sigma8_is_taken_and_said(spectrum, caplog):
    k, power = spectrum
    narrow = (k > 0.05) & (k < 10)
    check_spectrum(k[narrow], power[narrow], PAPER, "p.csv")
    assert "too narrow for sigma8" in caplog.text


def own_density(path, density, **attributes):
    with h5py.File(path, "w") as file:
        file["density"] = density
        file.attrs.update({"box_size_mpc": float(len(density))} | attributes)
    return path


def box_of(path, **options):
    return MockBox(MockRequest(density=path, threads=1, **options), PAPER, 1.0, known_deviation=3.35)


def test_a_redshift_without_cosmology_is_the_redshift_of_the_mock(tmp_path, density):
    """Which a network that was trained at another refuses by its validity."""
    path = own_density(tmp_path / "own.h5", density, redshift=1.0)
    assert box_of(path).cosmology.redshift == 1.0
    assert box_of(path).header.redshift == 1.0


def test_a_cosmology_of_another_redshift_than_the_density_is_refused(tmp_path, density):
    path = own_density(tmp_path / "own.h5", density, redshift=1.0)
    with pytest.raises(SettingsError, match=r"redshift = 1, but --cosmology says 0"):
        _ = box_of(path, cosmology=PAPER).header


def test_a_mock_of_a_density_of_ones_own_holds_it_against_the_network(tmp_path, density):
    slabs = Slabs(CELLS)
    np.testing.assert_array_equal(box_of(own_density(tmp_path / "own.h5", density)).density_slab(slabs), density)
    wrong = own_density(tmp_path / "wrong.h5", 1 + density)
    with pytest.raises(PlausibilityError, match="mean 1"):
        box_of(wrong).density_slab(slabs)
    assert box_of(wrong, outside_validity=True).density_slab(slabs).mean() == pytest.approx(1, abs=1e-3)


def spheres(density, count=30, radius=4.0):
    """Catalogue of spheres at the peaks of the smoothed density, which is what protohaloes are in first order."""
    k = 2 * np.pi * np.fft.fftfreq(CELLS)
    wave = np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + k**2) * radius
    window = 3 * (np.sin(wave) - wave * np.cos(wave)) / np.maximum(wave, 1e-3) ** 3
    window[0, 0, 0] = 1
    smooth, peaks = np.fft.ifftn(np.fft.fftn(density) * window).real, []
    for flat in np.argsort(smooth, axis=None)[::-1]:
        place = np.array(np.unravel_index(flat, smooth.shape))
        if smooth.flat[flat] < 2.6 and all(
            np.abs((place - other + CELLS / 2) % CELLS - CELLS / 2).max() > radius for other in peaks
        ):
            peaks.append(place)
        if len(peaks) == count:
            break
    positions = (np.array(peaks) + 0.5).T
    cells = np.full(count, 4 / 3 * np.pi * radius**3)
    columns = dict(zip(("qx", "qy", "qz"), positions, strict=True))
    columns |= {"radius": np.full(count, radius), "cells": cells, "mass": 3.4e10 * cells}
    return HaloCatalogue(columns, FieldHeader(float(CELLS), 0.0), CELLS)


def changed(haloes, **columns):
    return HaloCatalogue(haloes.columns | columns, haloes.header, CELLS)


def test_spheres_where_haloes_collapse_pass(density):
    assert 1.5 < check_protohaloes(density, spheres(density), "spheres.h5") < 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda h: {"qx": h["qz"], "qz": h["qx"]}, "Lagrangian.*order"),
        (lambda h: {name: (h[name] + 5) % CELLS for name in ("qx", "qy", "qz")}, "Lagrangian"),
        (lambda h: {name: CELLS - h[name] for name in ("qx", "qy", "qz")}, "Lagrangian"),
        (lambda h: {"radius": h["radius"] / 200 ** (1 / 3)}, "too small: .* no virial radii"),
        (lambda h: {"radius": 3 * h["radius"]}, "Lagrangian"),
    ],
    ids=["axes exchanged", "shifted", "mirrored", "virial radii", "diameters and more"],
)
def test_spheres_that_are_elsewhere_or_of_other_radii_are_refused(density, change, words):
    haloes = spheres(density)
    with pytest.raises(PlausibilityError, match=rf"spheres.h5: within its spheres the linear overdensity is .*{words}"):
        check_protohaloes(density, changed(haloes, **change(haloes)), "spheres.h5")


def test_the_order_of_the_spheres_decides_nothing(density, monkeypatch):
    monkeypatch.setattr("halonet.plausibility.protohaloes.MOST", 12)
    found = spheres(density)
    found = changed(found, mass=found["mass"] * np.linspace(1.0, 1.1, len(found)))
    order = np.random.default_rng(2).permutation(len(found))
    assert check_protohaloes(density, found.select(order), "own.h5") == check_protohaloes(density, found, "own.h5")


def test_of_few_spheres_nothing_is_said(density):
    haloes = spheres(density).select(np.arange(5))
    assert check_protohaloes(-density, haloes, "spheres.h5") is None


@pytest.mark.parametrize(("found", "expected"), [(100, 110.0), (60, 100.0), (0, 20.0), (5, 12.0), (0, np.nan)])
def test_numbers_that_chance_or_a_finder_may_give_pass(found, expected):
    check_number(found, expected, "network")


@pytest.mark.parametrize(("found", "expected"), [(0, 40.0), (5000, 100.0), (30, 100.0)])
def test_numbers_that_no_mass_function_gives_are_refused(found, expected):
    with pytest.raises(PlausibilityError, match=f"network: {found} haloes, where the mass function has {expected:.0f}"):
        check_number(found, expected, "network")
