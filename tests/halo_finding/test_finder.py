"""The paper's halo finder on probabilities whose haloes are known."""

import numpy as np
import pytest

from halonet.grid.shells import shells_within
from halonet.halo_finding.paper.growth import HaloGrowth, shell_threshold_at
from halonet.halo_finding.paper.search import find_haloes, find_haloes_at
from halonet.settings import HaloFindingSettings, ShellThresholdSettings

PAPER = ShellThresholdSettings()
FLAT = ShellThresholdSettings(inner_slope=0, inner_value=0.5, outer_slope=0, outer_value=0.5)
PEAKS = HaloFindingSettings().peak_thresholds
CELLS = 48
CENTRES = np.array([(6, 7, 8), (30, 9, 40), (0, 24, 24), (40, 40, 47), (20, 30, 10)])
RADII = np.array([5.0, 4.0, 7.0, 3.0, 6.0])


def nearest(found, centre, cells=CELLS):
    """Row and distance (cells) of the found halo nearest to a centre."""
    difference = (found.centres - centre + cells // 2) % cells - cells // 2
    distance = np.sqrt((difference**2).sum(axis=1))
    return distance.argmin(), distance.min()


def grown(growth, centre):
    """Squared radius and cells of a halo grown from one cell."""
    squared_radii, cells = growth.grow(np.array([centre]))
    return squared_radii[0], cells[0]


def shell_index(squared_radius):
    return np.searchsorted(shells_within(12).squared_radii, squared_radius)


def test_isolated_spheres_give_back_centres_to_half_a_cell_and_radii_to_one_shell(spheres):
    found = find_haloes(spheres(CELLS, CENTRES, RADII), [0.999, 0.99, 0.9], FLAT)
    assert len(found) == len(CENTRES)
    for centre, radius in zip(CENTRES, RADII, strict=True):
        row, distance = nearest(found, centre)
        assert distance <= 0.5
        assert abs(shell_index(found.squared_radii[row]) - shell_index(radius**2)) <= 1


def test_spheres_between_cell_centres_give_back_centres_to_half_a_cell_along_each_axis(spheres):
    centres, radii = np.array([(10.3, 11.7, 30.4), (30.45, 30.2, 10.8)]), [5.5, 7.2]
    found = find_haloes(spheres(CELLS, centres, radii), [0.999, 0.99], FLAT)
    assert len(found) == 2
    for centre in centres:
        row, _ = nearest(found, centre)
        assert np.abs(found.centres[row] - centre).max() <= 0.5


@pytest.mark.parametrize("small", [3.0, 4.0, 5.0])
def test_touching_spheres_of_different_size_are_separated(spheres, small):
    large = 8.0
    centres = np.array([(16.0, 24, 24), (16 + large + small + 1, 24, 24)])
    found = find_haloes(spheres(CELLS, centres, [large, small]), [0.9999, 0.99, 0.975], PAPER)
    (first, first_distance), (second, second_distance) = (nearest(found, centre) for centre in centres)
    assert first != second
    assert first_distance <= 0.5
    assert second_distance <= 1
    for row, radius in ((first, large), (second, small)):
        assert found.squared_radii[row] ** 0.5 == pytest.approx(radius, abs=1)


def test_haloes_shift_with_the_box_and_change_in_nothing_else():
    rng = np.random.default_rng(5)
    noise = np.fft.irfftn(np.fft.rfftn(rng.standard_normal((32,) * 3)) * _smoothing(32))
    probability = (1 / (1 + np.exp(-3 * noise / noise.std()))).astype(np.float32)
    probability[probability > 0.99] = 1  # saturated, as a network's are
    shift = (13, 31, 6)
    thresholds = [0.99, 0.9, 0.8, 0.6]
    here = find_haloes(probability, thresholds, PAPER)
    there = find_haloes(np.roll(probability, shift, (0, 1, 2)), thresholds, PAPER)
    assert len(here) > 30
    np.testing.assert_array_equal((here.centres + shift) % 32, there.centres)
    np.testing.assert_array_equal(here.squared_radii, there.squared_radii)
    np.testing.assert_array_equal(here.cells, there.cells)


def _smoothing(cells):
    k = np.fft.fftfreq(cells) * 2 * np.pi
    kz = np.fft.rfftfreq(cells) * 2 * np.pi
    return np.exp(-2 * (k[:, None, None] ** 2 + k[None, :, None] ** 2 + kz**2))


def test_the_haloes_of_a_shorter_list_are_the_first_of_a_longer_one(spheres):
    probability = spheres(CELLS, CENTRES, RADII, scale=0.8)
    longer = find_haloes(probability, [0.999, 0.99, 0.9, 0.5], PAPER)
    shorter = find_haloes(probability, [0.999, 0.99], PAPER)
    assert 0 < len(shorter) < len(longer)
    kept = longer.peak_thresholds >= 0.99
    np.testing.assert_array_equal(longer.centres[kept], shorter.centres)
    np.testing.assert_array_equal(longer.cells[kept], shorter.cells)


def test_a_halo_holds_every_cell_up_to_its_radius():
    growth = HaloGrowth(np.zeros((9, 9, 9), np.float32), FLAT)
    for squared, cells in ((0, 1), (1, 7), (2, 19), (3, 27), (4, 33)):
        growth.claimed[:] = False
        growth.probability[:] = 0
        axis = np.arange(9) - 4
        distances = sum(o**2 for o in np.meshgrid(axis, axis, axis, indexing="ij"))
        growth.probability[distances <= squared] = 1
        assert grown(growth, (4, 4, 4)) == (squared, cells)
        assert growth.claimed.sum() == cells


def test_a_shell_counts_only_cells_without_a_halo():
    probability = np.zeros((15, 15, 15), np.float32)
    probability[7, 7, 7] = 1
    probability[8, 7, 7] = 1  # the only free one of the six neighbours
    growth = HaloGrowth(probability, FLAT)
    for x, y, z in ((6, 7, 7), (7, 6, 7), (7, 8, 7), (7, 7, 6), (7, 7, 8)):
        growth.claimed[x, y, z] = True
    assert grown(growth, (7, 7, 7)) == (1, 7)


def test_a_shell_without_free_cells_is_passed_over():
    axis = np.arange(15) - 7
    distances = sum(o**2 for o in np.meshgrid(axis, axis, axis, indexing="ij"))
    probability = (distances <= 2).astype(np.float32)
    growth = HaloGrowth(probability, FLAT)
    growth.claimed[distances == 1] = True
    assert grown(growth, (7, 7, 7)) == (2, 19)


def test_a_region_whose_centre_is_taken_is_dropped():
    growth = HaloGrowth(np.ones((8, 8, 8), np.float32), FLAT)
    growth.claimed[4, 4, 4] = True
    assert grown(growth, (4, 4, 4)) == (0, 0)


def test_a_halo_never_meets_its_own_periodic_image():
    found = find_haloes(np.ones((16, 16, 16), np.float32), [0.5], FLAT)
    assert found.squared_radii[0] == 49


def test_a_halo_may_outgrow_the_first_set_of_shells(spheres):
    found = find_haloes(spheres(80, [(40, 40, 40), (2, 2, 2)], [35.0, 4.0]), [0.99], FLAT)
    assert (found.squared_radii**0.5).tolist() == pytest.approx([35, 4], abs=0.6)


def test_the_threshold_is_the_papers_piecewise_line():
    values = shell_threshold_at(PAPER, np.array([0.0, 5.0, 6.7, 6.8, 20.0]))
    np.testing.assert_allclose(values, [0.31, 0.53, 0.6048, 0.6006, 0.66])


def test_known_centres_give_back_every_sphere(spheres):
    probability = spheres(CELLS, CENTRES, RADII)
    order = np.argsort(-RADII)
    found = find_haloes_at(probability, CENTRES[order], FLAT)
    np.testing.assert_array_equal(found.centres, CENTRES[order])
    for squared, radius in zip(found.squared_radii, RADII[order], strict=True):
        assert abs(shell_index(squared) - shell_index(radius**2)) <= 1


def test_no_probable_cell_means_no_halo():
    found = find_haloes(np.full((8, 8, 8), 0.2, np.float32), PEAKS, PAPER)
    assert len(found) == 0
    assert found.centres.shape == (0, 3)
