"""One-to-one matching of haloes."""

import numpy as np
import pytest

from halonet.matching import completeness_and_purity, harmonic_mean, match_haloes, one_sided_matches


def test_identical_catalogues_match_completely_each_halo_with_itself(many_haloes):
    matches = match_haloes(many_haloes, many_haloes)
    assert matches.true_matched.all()
    assert matches.found_matched.all()
    np.testing.assert_array_equal(matches.true_rows, matches.found_rows)
    assert completeness_and_purity(many_haloes, many_haloes, matches, 100) == (1, 1)


def test_each_centre_must_lie_inside_the_other_halo(catalogue):
    true = catalogue([(10, 10, 10)], [4.0])
    assert match_haloes(true, catalogue([(13.1, 10, 10)], [3.2])).true_matched.all()
    assert not match_haloes(true, catalogue([(13.3, 10, 10)], [3.2])).true_matched.any()


def test_radii_may_differ_by_a_quarter_of_the_larger_one(catalogue):
    true = catalogue([(10, 10, 10)], [4.0])
    for radius, fits in ((3.01, True), (2.99, False), (5.33, True), (5.34, False)):
        assert match_haloes(true, catalogue([(10, 10, 10)], [radius])).true_matched[0] == fits


def test_haloes_match_across_the_faces_of_the_box(catalogue):
    true, found = catalogue([(0.5, 63.5, 30)], [3.0]), catalogue([(63.0, 0.5, 30)], [3.0])
    matches = match_haloes(true, found)
    assert matches.true_matched.all()
    assert matches.distances[0] == pytest.approx(np.hypot(1.5, 1.0))


def test_a_halo_has_one_partner_and_the_closest_pair_is_joined_first(catalogue):
    true = catalogue([(10, 10, 10), (12, 10, 10)], [4.0, 4.0])
    found = catalogue([(11.2, 10, 10)], [4.0])
    matches = match_haloes(true, found)
    assert matches.true_rows.tolist() == [1]
    assert matches.true_matched.tolist() == [False, True]
    assert completeness_and_purity(true, found, matches, 100) == (0.5, 1.0)


def test_closeness_is_measured_in_radii(catalogue):
    # 1 Mpc from a halo of 8 Mpc is closer than 0.9 Mpc from one of 6.5 Mpc.
    true = catalogue([(20, 20, 20), (21.9, 20, 20)], [8.0, 6.5])
    matches = match_haloes(true, catalogue([(21, 20, 20)], [8.0]))
    assert matches.true_rows.tolist() == [0]


def test_matching_is_symmetric(many_haloes, catalogue):
    rng = np.random.default_rng(6)
    moved = (many_haloes.positions() + rng.normal(0, 0.8, (len(many_haloes), 3))) % 63.9
    other = catalogue(moved, many_haloes["radius"] * rng.uniform(0.8, 1.2, len(many_haloes)))
    there, back = match_haloes(many_haloes, other), match_haloes(other, many_haloes)
    assert 0.3 < there.true_matched.mean() < 1
    assert {*zip(there.true_rows, there.found_rows, strict=True)} == {
        *zip(back.found_rows, back.true_rows, strict=True)
    }


def test_a_partner_below_the_cut_still_counts(catalogue):
    true, found = catalogue([(10, 10, 10)], [2.9]), catalogue([(10, 10, 10)], [2.8])
    assert true["cells"][0] > 100 > found["cells"][0]
    assert completeness_and_purity(true, found, match_haloes(true, found), 100) == (
        1,
        pytest.approx(np.nan, nan_ok=True),
    )


def test_the_looser_reading_lets_one_found_halo_serve_two_true_ones(catalogue):
    true, found = catalogue([(10, 10, 10), (12, 10, 10)], [4.0, 4.0]), catalogue([(11, 10, 10)], [4.0])
    assert one_sided_matches(true, found).all()
    assert match_haloes(true, found).true_matched.sum() == 1


def test_the_looser_reading_contains_the_strict_one(many_haloes, catalogue):
    moved = (many_haloes.positions() + 0.7) % 63.9
    for ratio in (0.76, 1.0, 1.32):
        other = catalogue(moved, many_haloes["radius"] * ratio)
        strict = match_haloes(many_haloes, other).true_matched
        assert strict.any()
        assert one_sided_matches(many_haloes, other)[strict].all()


def test_an_empty_catalogue_matches_nothing(many_haloes, catalogue):
    empty = catalogue(np.zeros((0, 3)), np.zeros(0))
    matches = match_haloes(many_haloes, empty)
    assert completeness_and_purity(many_haloes, empty, matches, 100) == (0, pytest.approx(np.nan, nan_ok=True))
    assert not one_sided_matches(many_haloes, empty).any()


def test_boxes_of_different_size_are_refused(many_haloes, catalogue):
    with pytest.raises(ValueError, match=r"64\.0 and 32\.0 Mpc"):
        match_haloes(many_haloes, catalogue([(1, 1, 1)], [2.0], box_size=32.0))


def test_the_harmonic_mean_vanishes_with_either_part():
    assert harmonic_mean(0.6, 0.9) == pytest.approx(0.72)
    assert harmonic_mean(0.0, 0.0) == 0
