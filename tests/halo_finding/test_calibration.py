"""Thresholds fitted on boxes of known truth."""

import numpy as np
import pytest

from halonet.halo_finding.calibration_boxes import CalibrationBox, CalibrationError
from halonet.halo_finding.haloes import to_catalogue
from halonet.halo_finding.paper.calibration import (
    LADDERS,
    Candidate,
    EdgeProfile,
    best_candidate,
    compare_thresholds,
    edge_probabilities,
    fit_shell_threshold,
    shifted,
    stack_edges,
)
from halonet.halo_finding.paper.growth import shell_threshold_at
from halonet.halo_finding.paper.search import find_haloes
from halonet.halo_finding.score import ABUNDANCE_CUTS
from halonet.matching import completeness_and_purity, match_haloes
from halonet.settings import CosmologySettings, ShellThresholdSettings

COSMOLOGY = CosmologySettings()


def edges_on(settings, radii, rng, scatter=0.02, haloes=50):
    """Edge profile of haloes whose edge probability lies on a given threshold, with a little scatter."""
    radii = np.repeat(radii, haloes)
    values = shell_threshold_at(settings, radii) + rng.normal(0, scatter, len(radii))
    return stack_edges(np.stack([radii, values], axis=1))


def test_the_fit_recovers_the_papers_threshold():
    paper = ShellThresholdSettings()
    profile = edges_on(paper, np.arange(1.9, 20, 0.5), np.random.default_rng(1))
    fitted = fit_shell_threshold(profile)
    radius = np.linspace(2, 19, 100)
    np.testing.assert_allclose(shell_threshold_at(fitted, radius), shell_threshold_at(paper, radius), atol=0.015)
    assert fitted.break_cells == pytest.approx(6.7, abs=1)


def test_the_fitted_threshold_is_continuous():
    profile = EdgeProfile(
        np.arange(2, 9.0), np.array([0.3, 0.5, 0.4, 0.7, 0.6, 0.5, 0.6]), np.full(7, 0.1), np.full(7, 19)
    )
    fitted = fit_shell_threshold(profile)
    inner = fitted.inner_slope * fitted.break_cells + fitted.inner_value
    assert inner == pytest.approx(fitted.outer_slope * fitted.break_cells + fitted.outer_value)


def test_a_single_odd_halo_hardly_moves_the_fit():
    paper = ShellThresholdSettings()
    profile = edges_on(paper, np.arange(1.9, 20, 0.5), np.random.default_rng(2), scatter=0.1)
    odd = EdgeProfile(*(np.append(getattr(profile, name), value) for name, value in (
        ("radius", 21.0), ("mean", 0.1), ("deviation", 0.0), ("haloes", 1))))  # fmt: skip
    radius = np.linspace(2, 19, 50)
    before, after = (shell_threshold_at(fit_shell_threshold(p), radius) for p in (profile, odd))
    assert np.abs(before - after).max() < 0.03


def test_the_edge_probability_is_the_mean_at_the_true_radius(box):
    edges = edge_probabilities(box, 0.0)
    np.testing.assert_allclose(edges[:, 0], box.true["radius"])
    assert edges[:, 1].mean() == pytest.approx(0.5, abs=0.07)


def test_haloes_the_network_does_not_see_can_be_left_out_of_the_fit(box):
    half = np.arange(len(box.probability))[:, None, None] < 32
    unseen = CalibrationBox(np.where(half, box.probability, np.float32(0.1)), box.true)
    everything, seen = edge_probabilities(unseen, 0.0), edge_probabilities(unseen, 0.5)
    assert (len(everything), len(seen)) == (64, 32)
    assert seen[:, 1].mean() > everything[:, 1].mean() + 0.1


def test_a_shift_raises_the_threshold_at_every_radius():
    paper, radius = ShellThresholdSettings(), np.linspace(0, 20, 50)
    raised = shell_threshold_at(shifted(paper, 0.07), radius)
    np.testing.assert_allclose(raised, shell_threshold_at(paper, radius) + 0.07)


def test_too_few_haloes_to_fit_are_refused():
    with pytest.raises(CalibrationError, match="2 true haloes in 2 bins"):
        fit_shell_threshold(stack_edges(np.array([[2.1, 0.4], [4.2, 0.5]])))


def test_each_beginning_of_a_ladder_is_judged_as_a_search_of_its_own(box):
    fitted = ShellThresholdSettings(inner_slope=0, inner_value=0.45, outer_slope=0, outer_value=0.45)
    candidates = compare_thresholds([box], fitted, [0.0, 0.05], COSMOLOGY, 100)
    assert len(candidates) == 2 * sum(len(ladder) for ladder in LADDERS)
    for candidate in (*candidates[2:6], *candidates[-3:]):
        threshold = shifted(fitted, candidate.shift)
        found = find_haloes(box.probability, candidate.peak_thresholds, threshold)
        catalogue = to_catalogue(found, len(box.probability), box.true.header, COSMOLOGY, 1)
        matches = match_haloes(box.true, catalogue)
        expected = completeness_and_purity(box.true, catalogue, matches, 100)
        assert (candidate.completeness, candidate.purity) == pytest.approx(expected)
        numbers = [[(h["cells"] >= cut).sum() for cut in 100 * ABUNDANCE_CUTS] for h in (box.true, catalogue)]
        true, found = np.maximum(numbers, 0.5)
        assert candidate.abundance_error == pytest.approx(np.abs(np.log(found / true)).mean())


def test_calibrated_thresholds_find_isolated_spheres(box):
    shell = fit_shell_threshold(stack_edges(edge_probabilities(box, 0.0)))
    chosen = best_candidate(compare_thresholds([box], shell, [0.0], COSMOLOGY, 100), 0.02)
    assert chosen.score > 0.95


def candidate(score, abundance_error, name=0.9):
    return Candidate((name,), 0.0, score, score, score, abundance_error)


def test_of_lists_that_score_alike_the_truest_mass_function_wins():
    candidates = [candidate(0.80, 0.3), candidate(0.79, 0.1), candidate(0.7, 0.0)]
    assert best_candidate(candidates, 0.02) == candidates[1]
    assert best_candidate(candidates, 0.0) == candidates[0]


def test_a_useless_network_still_gets_the_list_with_the_truest_mass_function():
    candidates = [candidate(0.0, 2.0), candidate(0.0, 1.0)]
    assert best_candidate(candidates, 0.02) == candidates[1]
