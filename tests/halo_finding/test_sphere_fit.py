import tracemalloc

import numpy as np
import pytest

from halonet.grid.scratch import on_disk
from halonet.halo_finding.fitted.sphere_fit import fit_spheres
from halonet.halo_finding.paper.search import FoundHaloes, find_haloes
from halonet.settings import HaloFindingSettings, SphereFitSettings

N = 48
FIT = SphereFitSettings()


def distances(centre):
    offset = np.abs(np.stack(np.meshgrid(*[np.arange(N)] * 3, indexing="ij"), axis=-1) + 0.5 - centre)
    return np.sqrt((np.minimum(offset, N - offset) ** 2).sum(axis=-1))


def found(centres, radii):
    cells = np.round(4 / 3 * np.pi * np.array(radii, float) ** 3).astype(np.int64)
    squares = np.round(np.array(radii, float) ** 2).astype(np.int64)
    return FoundHaloes(np.array(centres, np.int64), squares, cells, np.full(len(radii), 0.9))


def apart(positions, others):
    offset = np.abs(positions - others)
    return np.minimum(offset, N - offset)


@pytest.mark.parametrize("radius", [3.0, 5.5, 9.0])
def test_an_isolated_sphere_gets_its_volume_and_centre_from_a_start_that_is_off(radius):
    centre = np.array([1.2, 20.6, 46.9])
    mask = (distances(centre) < radius).astype(np.float32)
    fitted = fit_spheres(mask, found([[2, 21, 46]], [0.85 * radius]), FIT, 27)
    assert fitted.cells[0] == mask.sum()
    assert apart(fitted.positions[0], centre).max() < 0.15


@pytest.mark.parametrize("distance", [9.0, 11.0, 12.5])
def test_overlapping_spheres_get_back_their_whole_radii_and_centres(distance):
    centres, radii = np.array([[14.5, 24.5, 24.5], [14.5 + distance, 24.5, 24.5]]), np.array([8.0, 6.0])
    mask = np.logical_or(*(distances(c) < r for c, r in zip(centres, radii, strict=True))).astype(np.float32)
    fitted = fit_spheres(mask, found(np.floor(centres), 0.9 * radii), SphereFitSettings(rounds=12), 27)
    np.testing.assert_allclose(fitted.radii, radii, rtol=0.03)
    assert apart(fitted.positions, centres).max() < 0.4


def test_a_halo_centred_within_a_larger_one_is_dropped_as_in_peak_patch():
    centres, radii = np.array([[24.5, 24.5, 24.5], [24.5, 24.5, 32.5]]), (9.0, 5.0)
    # It sticks out, and would keep the cells that do.
    mask = np.logical_or(*(distances(c) < r for c, r in zip(centres, radii, strict=True))).astype(np.float32)
    fitted = fit_spheres(mask, found(centres - 0.5, radii), FIT, 27)
    assert len(fitted) == 1
    assert fitted.radii[0] >= 9


def test_a_halo_without_probability_of_its_own_is_dropped():
    mask = (distances(np.array([24.5, 24.5, 24.5])) < 7).astype(np.float32)
    faint = 0.02 * (distances(np.array([24.5, 24.5, 44.5])) < 3).astype(np.float32)
    fitted = fit_spheres(mask + faint, found([[24, 24, 24], [24, 24, 44]], [7.0, 3.0]), FIT, 27)
    assert len(fitted) == 1
    assert fitted.cells[0] == mask.sum()


@pytest.mark.parametrize(("own_fraction", "haloes"), [(0.3, 2), (0.65, 1)])
def test_a_splinter_of_a_larger_halo_is_dropped_for_what_little_is_its_own(own_fraction, haloes):
    centres, radii = np.array([[24.5, 24.5, 24.5], [24.5, 24.5, 34.5]]), (9.0, 5.0)
    whole = (distances(centres[0]) < 9).astype(np.float32)
    mask = np.maximum(whole, 0.35 * (distances(centres[1]) < 5)).astype(np.float32)
    settings = SphereFitSettings(own_fraction=own_fraction)
    fitted = fit_spheres(mask, found(centres - 0.5, radii), settings, 27)
    assert len(fitted) == haloes


@pytest.fixture(scope="module")
def crowd():
    """Overlapping haloes whose probability rises towards their centres."""
    random = np.random.default_rng(5)
    probability = np.zeros((N, N, N))
    for radius in random.uniform(3, 8, 12):
        rise = 1 / (1 + np.exp(1.5 * (distances(random.uniform(0, N, 3)) - radius)))
        probability = np.maximum(probability, rise)
    return probability.astype(np.float32)


def search(probability):
    settings = HaloFindingSettings()
    return find_haloes(probability, [0.98, 0.9], settings.shell_threshold)


def test_a_box_shifted_by_whole_cells_gives_the_shifted_haloes_to_the_last_bit(crowd):
    shift = (5, -17, 30)
    here = fit_spheres(crowd, search(crowd), FIT, 27)
    moved = np.roll(crowd, shift, (0, 1, 2))
    there = fit_spheres(moved, search(moved), FIT, 27)
    assert len(here) >= 8
    np.testing.assert_array_equal(here.cells, there.cells)
    np.testing.assert_allclose((here.positions + shift) % N, there.positions, atol=1e-12)


def test_the_union_of_the_spheres_looks_like_the_probability(crowd):
    fitted = fit_spheres(crowd, search(crowd), FIT, 27)
    union = np.zeros(crowd.shape, bool)
    for centre, radius in zip(fitted.positions, fitted.radii, strict=True):
        union |= distances(centre) < radius
    assert union.sum() == pytest.approx(crowd.sum(dtype=float), rel=0.1)
    assert (union == (crowd > 0.5)).mean() > 0.95


def test_a_search_with_its_fields_on_disk_finds_the_same_and_holds_less_than_a_field_in_memory(box, tmp_path):
    """Beside the probability: which cells are claimed, by whom and how near, all in files of the scratch folder."""

    def find():
        haloes = find_haloes(box.probability, [0.9, 0.7], HaloFindingSettings().shell_threshold)
        return fit_spheres(box.probability, haloes, FIT, 27)

    in_memory = find()
    with on_disk(tmp_path):
        tracemalloc.start()
        found = find()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < box.probability.nbytes
    for name in ("positions", "cells", "peak_thresholds"):
        np.testing.assert_array_equal(getattr(found, name), getattr(in_memory, name))
