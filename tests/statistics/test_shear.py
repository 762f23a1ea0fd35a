"""Strain within haloes of densities whose strain is known."""

import json

import numpy as np
import pytest

from halonet.statistics.shear import CELLS_EDGES, EDGES, HaloShapes, mean_strains, measure_shapes, shape_histograms

CELLS = 64


def waves(*terms):
    """Sum of plane waves a cos(2 pi k.(x - x0) / L), each given as (a, k, x0), on a grid of 1 Mpc cells."""
    axis = np.arange(CELLS) + 0.5
    grid = np.meshgrid(axis, axis, axis, indexing="ij")
    total = np.zeros((CELLS,) * 3)
    for amplitude, k, origin in terms:
        phase = sum(n * (x - o) for n, x, o in zip(k, grid, origin, strict=True))
        total += amplitude * np.cos(2 * np.pi * phase / CELLS)
    return total.astype(np.float32)


@pytest.mark.parametrize("k", [(3, 0, 0), (0, 0, 2), (1, -2, 3), (4, 1, -1)])
def test_a_plane_wave_strains_along_itself_alone(catalogue, k):
    crest = (20.5, 40.5, 10.5)
    density = waves((0.3, k, crest))
    (strain,) = mean_strains(density, [catalogue([crest], [0.5])])
    expected = 0.3 * np.outer(k, k) / np.dot(k, k)
    np.testing.assert_allclose(strain[0], expected, atol=1e-6)


@pytest.mark.parametrize("axes", [((2, 0, 0), (0, 2, 0), (0, 0, 2)), ((0, 3, 4), (0, -4, 3), (5, 0, 0))])
def test_the_shear_of_a_quadratic_potential_is_recovered(catalogue, axes):
    # At the common crest of three orthogonal waves of one length, the potential is quadratic with these axes.
    crest, lengths = (31.5, 5.5, 60.5), (0.9, 0.5, 0.2)
    density = waves(*((length, k, crest) for length, k in zip(lengths, axes, strict=True)))
    (shapes,) = measure_shapes(density, [catalogue([crest], [2.0])])
    assert shapes.ellipticity[0] == pytest.approx((0.9 - 0.2) / (2 * 1.6), rel=1e-3)
    assert shapes.prolateness[0] == pytest.approx((0.9 - 2 * 0.5 + 0.2) / (2 * 1.6), abs=1e-3)
    inside = np.array([(x, y, z) for x in range(-2, 3) for y in range(-2, 3) for z in range(-2, 3)])
    inside = inside[(inside**2).sum(axis=1) <= 4]
    means = [np.cos(2 * np.pi * inside @ k / CELLS).mean() for k in axes]
    assert shapes.overdensity[0] == pytest.approx(np.dot(lengths, means), rel=1e-5)


def test_a_sphere_has_no_shear(catalogue):
    crest = (30.5, 30.5, 30.5)
    density = waves(*((0.5, k, crest) for k in ((2, 0, 0), (0, 2, 0), (0, 0, 2))))
    (shapes,) = measure_shapes(density, [catalogue([crest], [5.0])])
    assert shapes.ellipticity[0] == pytest.approx(0, abs=1e-6)
    assert shapes.prolateness[0] == pytest.approx(0, abs=1e-6)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(9).normal(0.1, 2, (CELLS,) * 3).astype(np.float32)


def test_the_overdensity_is_the_mean_density_of_the_cells_within_the_radius(noise, many_haloes):
    (shapes,) = measure_shapes(noise, [many_haloes])
    assert shapes.overdensity.shape == (400,)
    axis = np.arange(CELLS) - 32
    squared = sum(o**2 for o in np.meshgrid(axis, axis, axis, indexing="ij"))
    for row in (0, 57, 399):
        centre = np.floor(many_haloes.positions()[row]).astype(int)
        around = np.roll(noise, 32 - centre, axis=(0, 1, 2))
        expected = around[squared <= many_haloes["radius"][row] ** 2].mean(dtype=float)
        assert shapes.overdensity[row] == pytest.approx(expected, abs=1e-5)


def test_no_direction_of_the_grid_is_preferred(noise, many_haloes, catalogue):
    (first,) = mean_strains(noise, [many_haloes])
    turned = catalogue(many_haloes.positions()[:, [2, 0, 1]], many_haloes["radius"])
    (second,) = mean_strains(np.ascontiguousarray(noise.transpose(2, 0, 1)), [turned])
    order = np.array([2, 0, 1])
    np.testing.assert_allclose(second, first[:, order[:, None], order], atol=1e-5)
    mirrored = many_haloes.positions()
    mirrored[:, 0] = 63.999 - mirrored[:, 0]
    (third,) = mean_strains(np.ascontiguousarray(noise[::-1]), [catalogue(mirrored, many_haloes["radius"])])
    signs = np.array([-1, 1, 1])
    np.testing.assert_allclose(third, first * np.outer(signs, signs), atol=1e-5)


def test_eigenvalues_keep_their_bounds_and_a_void_has_no_shape(noise, many_haloes):
    (shapes,) = measure_shapes(noise, [many_haloes])
    dense = shapes.overdensity > 0
    assert 0 < dense.sum() < len(dense)
    e, p = shapes.ellipticity, shapes.prolateness
    assert (e[dense] >= 0).all()
    assert (np.abs(p[dense]) <= e[dense] + 1e-9).all()
    assert np.isnan(e[~dense]).all()
    assert np.isnan(p[~dense]).all()


def test_two_catalogues_are_measured_as_each_alone(noise, many_haloes):
    few = many_haloes.select(slice(100, 120))
    both = measure_shapes(noise, [many_haloes, few])
    np.testing.assert_array_equal(both[0].overdensity[100:120], both[1].overdensity)
    np.testing.assert_array_equal(both[1].prolateness, measure_shapes(noise, [few])[0].prolateness)


def test_every_halo_is_in_one_bin_of_each_property():
    shapes = HaloShapes(np.array([2.0, 9.0, -0.1]), np.array([0.3, 0.95, np.nan]), np.array([-0.1, 0.6, np.nan]))
    counts = shape_histograms(shapes, np.array([50.0, 200.0, 50.0]), np.array([True, False, True]))
    json.dumps(counts)
    totals = {name: [np.sum(counts[group][name]) for group in ("matched", "unmatched")] for name in EDGES}
    assert totals == {"overdensity": [2, 1], "ellipticity": [1, 1], "prolateness": [1, 1]}
    table = np.array(counts["unmatched"]["ellipticity"])
    assert np.argwhere(table).tolist() == [[np.searchsorted(CELLS_EDGES, 200) - 1, len(EDGES["ellipticity"]) - 2]]
