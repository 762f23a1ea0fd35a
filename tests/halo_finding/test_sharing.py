import numpy as np
import pytest

from halonet.halo_finding.finder import FoundHaloes, find_haloes
from halonet.halo_finding.sharing import share_probability
from halonet.settings import HaloFindingSettings, SharingSettings

N = 48
REACH, ROUNDS = SharingSettings().reach, SharingSettings().rounds


def distances(centre):
    offset = np.abs(np.stack(np.meshgrid(*[np.arange(N)] * 3, indexing="ij"), axis=-1) + 0.5 - centre)
    return np.sqrt((np.minimum(offset, N - offset) ** 2).sum(axis=-1))


def found(centres, radii):
    cells = np.round(4 / 3 * np.pi * np.array(radii, float) ** 3).astype(np.int64)
    squares = np.round(np.array(radii, float) ** 2).astype(np.int64)
    return FoundHaloes(np.array(centres, np.int64), squares, cells, np.full(len(radii), 0.9))


@pytest.mark.parametrize("radius", [3.0, 5.5, 9.0])
def test_an_isolated_sphere_gets_its_volume_and_centre_from_a_start_that_is_off(radius):
    centre = np.array([1.2, 20.6, 46.9])
    mask = (distances(centre) < radius).astype(np.float32)
    shared = share_probability(mask, found([[2, 21, 46]], [0.85 * radius]), REACH, ROUNDS, 27)
    assert shared.cells[0] == mask.sum()
    offset = np.abs(shared.positions[0] - centre)
    assert np.minimum(offset, N - offset).max() < 0.15


def test_overlapping_spheres_part_at_the_plane_of_their_intersection():
    centres, radii = np.array([[14.5, 24.5, 24.5], [25.5, 24.5, 24.5]]), (8.0, 5.0)
    mask = np.logical_or(*(distances(c) < r for c, r in zip(centres, radii, strict=True))).astype(np.float32)
    plane = (11**2 + radii[0] ** 2 - radii[1] ** 2) / (2 * 11)  # from the first centre
    x = np.arange(N) + 0.5
    sides = mask[x < 14.5 + plane].sum(), mask[x > 14.5 + plane].sum()
    shared = share_probability(mask, found(centres - 0.5, radii), REACH, 1, 27)
    np.testing.assert_allclose(shared.cells, sides, rtol=0.01)
    settled = share_probability(mask, found(centres - 0.5, radii), REACH, ROUNDS, 27)
    np.testing.assert_allclose(settled.cells, sides, rtol=0.05)


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
    here = share_probability(crowd, search(crowd), REACH, ROUNDS, 27)
    moved = np.roll(crowd, shift, (0, 1, 2))
    there = share_probability(moved, search(moved), REACH, ROUNDS, 27)
    assert len(here) >= 8
    np.testing.assert_array_equal(here.cells, there.cells)
    np.testing.assert_allclose((here.positions + shift) % N, there.positions, atol=1e-12)


def test_no_probability_is_counted_twice_and_little_is_lost(crowd):
    shared = share_probability(crowd, search(crowd), REACH, ROUNDS, 27)
    total = crowd.sum(dtype=float)
    assert 0.85 * total < shared.cells.sum() <= total * (1 + 1e-9)


def test_a_halo_that_keeps_next_to_nothing_gives_its_cells_back():
    mask = (distances(np.array([24.5, 24.5, 24.5])) < 7).astype(np.float32)
    spurious = found([[24, 24, 24], [24, 24, 30]], [7.0, 1.2])
    shared = share_probability(mask, spurious, REACH, ROUNDS, 27)
    assert len(shared) == 1
    assert shared.cells[0] == mask.sum()
