"""Connected regions and their centres: periodic, exact, the same wherever the box is cut open."""

import numpy as np
import pytest

from halonet.halo_finding.paper.regions import connected_regions

CELLS = 24


def regions_of(cells, value=0.9, size=CELLS):
    """Regions above one half of a field that is ``value`` in the given cells."""
    probability = np.zeros((size,) * 3, np.float32)
    probability[tuple(np.transpose(cells))] = value
    return connected_regions(probability, np.zeros(probability.shape, bool), 0.5)


def test_cells_are_connected_through_faces_and_not_through_edges():
    assert len(regions_of([(4, 4, 4), (4, 4, 5)])) == 1
    assert len(regions_of([(4, 4, 4), (4, 5, 5)])) == 2


def test_a_region_across_all_faces_of_the_box_is_one_and_has_its_centre_there():
    corner = [(x % CELLS, y % CELLS, z % CELLS) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)]
    regions = regions_of(corner)
    assert regions.sizes.tolist() == [27]
    assert regions.centres.tolist() == [[0, 0, 0]]


def test_the_centre_is_the_cell_nearest_to_the_centre_of_mass():
    regions = regions_of([(5, 5, 5), (6, 5, 5), (7, 5, 5), (8, 5, 5), (8, 6, 5)])
    assert regions.centres.tolist() == [[7, 5, 5]]  # centre of mass (6.8, 5.2, 5)


def test_the_largest_region_comes_first():
    regions = regions_of([(2, 2, 2), (9, 9, 9), (9, 9, 10), (9, 9, 11), (15, 3, 3), (15, 3, 4)])
    assert regions.sizes.tolist() == [3, 2, 1]


def test_cells_that_belong_to_a_halo_are_in_no_region():
    probability = np.full((8, 8, 8), 0.9, np.float32)
    claimed = np.ones(probability.shape, bool)
    claimed[3, 3, 3] = False
    regions = connected_regions(probability, claimed, 0.5)
    assert regions.centres.tolist() == [[3, 3, 3]]
    assert regions.sizes.tolist() == [1]


def test_only_probabilities_above_the_threshold_count():
    assert len(regions_of([(3, 3, 3)], value=0.5)) == 0
    assert len(regions_of([(3, 3, 3)], value=np.nextafter(np.float32(0.5), np.float32(1)))) == 1


@pytest.mark.parametrize("shift", [(1, 0, 0), (5, 11, 17), (23, 23, 23)])
def test_regions_shift_with_the_box(shift):
    rng = np.random.default_rng(3)
    # Coarse values make many regions of equal size, and centres half-way between two cells.
    probability = (rng.integers(0, 4, (CELLS,) * 3) / 4).astype(np.float32)
    nothing = np.zeros(probability.shape, bool)
    here = connected_regions(probability, nothing, 0.6)
    there = connected_regions(np.roll(probability, shift, (0, 1, 2)), nothing, 0.6)
    assert len(np.unique(here.sizes)) < len(here)
    moved = {tuple(centre) for centre in ((here.centres + shift) % CELLS).tolist()}
    assert {tuple(centre) for centre in there.centres.tolist()} == moved
    np.testing.assert_array_equal(there.sizes, here.sizes)


def test_a_region_round_the_whole_box_is_centred_on_its_bulk():
    bar = [(x, 12, 12) for x in range(CELLS)]
    bulk = [(x, y, z) for x in (16, 17, 18) for y in range(10, 15) for z in range(10, 15)]
    regions = regions_of(sorted({*bar, *bulk}))
    assert len(regions) == 1
    assert abs(regions.centres[0][0] - 17) <= 2
    assert regions.centres[0][1:].tolist() == [12, 12]
