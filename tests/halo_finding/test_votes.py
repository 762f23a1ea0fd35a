"""Haloes from the votes of their cells."""

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest
from thread_ranks import on_ranks

from halonet.catalogue import LAGRANGIAN, HaloCatalogue, read_catalogue, write_catalogue
from halonet.dataset.targets import find_membership
from halonet.grid.slabs import Slabs
from halonet.halo_finding.clustering import LARGEST_K, power_of_most_massive
from halonet.halo_finding.haloes import to_catalogue
from halonet.halo_finding.score import Comparison, best_of
from halonet.halo_finding.votes import casting, counting
from halonet.halo_finding.votes.calibration import CHOICES, START, VoteBox, calibrate_votes, vote_record
from halonet.halo_finding.votes.casting import UNIT, cast_votes
from halonet.halo_finding.votes.counting import ONE, count_votes, peaks
from halonet.halo_finding.votes.fields import HeadFields
from halonet.halo_finding.votes.search import find_by_votes
from halonet.halo_finding.votes.sizes import AS_THEY_VOTE, fit_sizes
from halonet.matching import completeness_and_purity, harmonic_mean, match_haloes
from halonet.settings import CosmologySettings, HaloFindingSettings, VoteSettings
from halonet.storage import FieldHeader

N = 40
SETTINGS = VoteSettings()
CALIBRATION = HaloFindingSettings(finder="votes", votes="calibrated", calibration_cells=50, calibration_large_cells=300)


def catalogue(centres, radii) -> HaloCatalogue:
    centres, radii = np.asarray(centres, float), np.asarray(radii, float)
    columns = {name: centres[:, axis] for axis, name in enumerate(LAGRANGIAN)}
    cells = 4 / 3 * np.pi * radii**3
    return HaloCatalogue(columns | {"radius": radii, "cells": cells, "mass": cells * 3.4e10}, FieldHeader(float(N)), N)


def perfect(centres, radii) -> HeadFields:
    """What a network would say that knows the haloes: mask, vectors and radii; nonsense outside of haloes."""
    membership = find_membership(catalogue(centres, radii))
    radius = membership.radius()
    inside = radius > 0
    offset = np.where(inside[..., None], membership.centre_offset(), 3.0).astype(np.float32)
    return HeadFields(inside.astype(np.float32), offset, np.log(np.where(inside, radius, 2.0)).astype(np.float32))


def noisy(fields: HeadFields, offset: float, log_radius: float, seed: int = 1) -> HeadFields:
    """Fields with errors: of the offset in radii along each axis, and of ln radius."""
    random, radius = np.random.default_rng(seed), np.exp(fields.log_radius)
    errors = random.normal(0, offset, fields.centre_offset.shape) * radius[..., None]
    return HeadFields(
        fields.probability,
        (fields.centre_offset + errors).astype(np.float32),
        (fields.log_radius + random.normal(0, log_radius, radius.shape)).astype(np.float32),
    )


def apart(positions, others):
    gap = np.abs(positions - others)
    return np.minimum(gap, N - gap).max()


def ordered(found, centres):
    """Row of the found halo nearest to each centre."""
    gaps = np.abs(found.positions[None] - np.asarray(centres)[:, None])
    return (np.minimum(gaps, N - gaps) ** 2).sum(-1).argmin(1)


@pytest.mark.parametrize("radius", [2.0, 4.5, 9.0])
@pytest.mark.parametrize("centre", [(20.5, 20.5, 20.5), (0.1, 39.8, 17.3)])
def test_an_isolated_sphere_is_recovered_exactly_and_collects_one_vote(centre, radius):
    fields = perfect([centre], [radius])
    found = find_by_votes(fields, SETTINGS)
    assert len(found) == 1
    assert apart(found.positions, centre) < 1e-5
    assert found.radii[0] == pytest.approx(radius, rel=1e-6)
    assert found.votes[0] == pytest.approx(fields.probability.sum() / (4 / 3 * np.pi * radius**3), rel=1e-5)
    assert found.centre_scatter[0] < 1e-3
    assert found.radius_scatter[0] < 1e-3


@pytest.mark.parametrize("distance", [7.0, 9.0, 11.0])
def test_touching_and_overlapping_spheres_are_recovered_exactly(distance):
    centres, radii = [(10.2, 20.5, 20.7), (10.2 + distance, 20.5, 20.7)], [6.0, 4.0]
    found = find_by_votes(perfect(centres, radii), SETTINGS)
    assert len(found) == 2
    rows = ordered(found, centres)
    assert apart(found.positions[rows], np.array(centres)) < 1e-5
    np.testing.assert_allclose(found.radii[rows], radii, rtol=1e-6)


@pytest.fixture(scope="module")
def crowd() -> tuple[np.ndarray, np.ndarray]:
    """Centres and radii of haloes none of which is centred in a larger one, as Peak Patch leaves them."""
    random, centres, radii = np.random.default_rng(8), [], []
    for radius in np.sort(random.uniform(2.2, 7, 60))[::-1]:
        centre = random.uniform(0, N, 3)
        gaps = np.abs(np.array(centres).reshape(-1, 3) - centre)
        distance = np.sqrt((np.minimum(gaps, N - gaps) ** 2).sum(1))
        if (distance > np.maximum(radii, 0) * 1.15).all():
            centres.append(centre)
            radii.append(radius)
    return np.array(centres), np.array(radii)


def test_a_crowd_of_haloes_is_found_in_spite_of_errors_of_a_fifth_of_a_radius(crowd):
    centres, radii = crowd
    assert len(radii) > 25
    found = find_by_votes(noisy(perfect(centres, radii), 0.2, 0.15), SETTINGS)
    rows = ordered(found, centres)
    gaps = np.abs(found.positions[rows] - centres)
    distance = np.sqrt((np.minimum(gaps, N - gaps) ** 2).sum(1))
    right = (distance < 0.5 * radii) & (np.abs(found.radii[rows] / radii - 1) < 0.25)
    assert right.mean() > 0.85
    assert len(found) <= len(radii)


def test_a_box_shifted_by_whole_cells_gives_the_shifted_haloes_to_the_last_bit(crowd):
    fields, shift = noisy(perfect(*crowd), 0.25, 0.2), (7, -13, 22)
    moved = HeadFields(*(np.roll(field, shift, (0, 1, 2)) for field in vars(fields).values()))
    here, there = find_by_votes(fields, SETTINGS), find_by_votes(moved, SETTINGS)
    assert len(here) > 15
    order, other = np.lexsort((here.radii, here.votes)), np.lexsort((there.radii, there.votes))
    for name in ("radii", "cells", "votes", "centre_scatter", "radius_scatter"):
        np.testing.assert_array_equal(getattr(here, name)[order], getattr(there, name)[other])
    np.testing.assert_allclose((here.positions[order] + shift) % N, there.positions[other], atol=1e-12)


def test_the_number_of_threads_changes_no_bit(crowd, monkeypatch):
    fields = noisy(perfect(*crowd), 0.25, 0.2)
    two = find_by_votes(fields, SETTINGS)
    for threads in (1, 3):
        for module in (casting, counting):
            monkeypatch.setattr(module, "THREADS", threads)
        other = find_by_votes(fields, SETTINGS)
        assert all(np.array_equal(*pair) for pair in zip(vars(two).values(), vars(other).values(), strict=True))


@pytest.mark.parametrize("ranks", [2, 3, 4, 7])
@pytest.mark.parametrize("known", [False, True])
def test_slabs_of_several_ranks_give_the_bits_of_one_and_send_no_field(crowd, ranks, known):
    fields = noisy(perfect(*crowd), 0.25, 0.2)
    centres = np.floor(crowd[0]).astype(np.int64) if known else None

    def find(communicator):
        slabs = Slabs(N, communicator)
        own = HeadFields(*(field[slabs.start : slabs.stop].copy() for field in vars(fields).values()))
        return find_by_votes(own, SETTINGS, centres, slabs)

    results, sent = on_ranks(ranks, find)
    one = find_by_votes(fields, SETTINGS, centres)
    crossing = np.abs(one.positions[:, 0, None] - Slabs(N).cells * np.arange(ranks) / ranks) < one.radii[:, None]
    assert crossing.any(axis=0).all()  # haloes lie across every border
    for found in results:
        assert all(np.array_equal(*pair) for pair in zip(vars(one).values(), vars(found).values(), strict=True))
    of_plane = sum(field.nbytes for field in vars(fields).values()) / N
    assert max(sent) < 2 * crowd[1].max() * of_plane  # what is near its two borders, however thick the slab


def test_scatter_of_the_votes_is_the_error_that_was_put_in():
    radius = 8.0
    found = find_by_votes(noisy(perfect([(20.5, 20.5, 20.5)], [radius]), 0.1, 0.05), SETTINGS)
    assert found.centre_scatter[0] == pytest.approx(0.1 * radius, rel=0.05)
    assert found.radius_scatter[0] == pytest.approx(0.05, rel=0.05)


def test_a_candidate_within_one_of_more_votes_is_dropped():
    """A tenth of a large halo's cells point to a place within it, where they alone would make a complete small halo."""
    fields = perfect([(20.5, 20.5, 20.5)], [9.0])
    positions = np.stack(np.meshgrid(*[np.arange(N) + 0.5] * 3, indexing="ij"), axis=-1)
    small = np.sqrt(((positions - [24.5, 20.5, 20.5]) ** 2).sum(-1)) < 4
    offset = np.where(small[..., None], np.array([24.5, 20.5, 20.5]) - positions, fields.centre_offset)
    log_radius = np.where(small, np.log(4.0), fields.log_radius)
    split = HeadFields(fields.probability, offset.astype(np.float32), log_radius.astype(np.float32))
    assert len(find_by_votes(split, SETTINGS)) == 1
    assert len(find_by_votes(split, SETTINGS.model_copy(update={"exclusion": 0.3}))) == 2


def test_a_halo_of_too_few_votes_is_left_out():
    fields = perfect([(10.5, 10.5, 10.5), (28.5, 28.5, 28.5)], [5.0, 5.0])
    fields.probability[20:] *= 0.5
    assert len(find_by_votes(fields, SETTINGS)) == 2
    found = find_by_votes(fields, SETTINGS.model_copy(update={"least_votes": 0.6}))
    assert len(found) == 1
    assert apart(found.positions, (10.5, 10.5, 10.5)) < 1e-5


def test_known_centres_take_the_place_of_the_search(crowd):
    centres, radii = crowd
    found = find_by_votes(perfect(centres, radii), SETTINGS, np.floor(centres).astype(np.int64))
    assert len(found) == len(radii)
    np.testing.assert_allclose(np.sort(found.radii), np.sort(radii), rtol=1e-5)


def test_votes_of_one_cell_and_nearly_one_radius_are_one_with_the_moments_of_all(crowd):
    fields = noisy(perfect(*crowd), 0.15, 0.1)
    cast, voting = cast_votes(fields, 0.3), fields.probability >= 0.3
    p, log_radius = fields.probability[voting].astype(float), np.clip(fields.log_radius[voting], 0.4, 4.0).astype(float)
    offset = fields.centre_offset[voting].astype(float)
    steps = np.floor(offset + 0.5)
    rest = offset - steps
    moments = p * np.stack([np.ones_like(p), *rest.T, log_radius, (rest**2).sum(1), log_radius**2])
    by_cell = np.zeros((2, 7, N, N, N))
    for field, cells, values in (
        (by_cell[0], (np.argwhere(voting) + steps.astype(int)) % N, moments.T),
        (by_cell[1], cast.cells, cast.moments / UNIT),
    ):
        for moment, column in zip(field, values.T, strict=True):
            np.add.at(moment, tuple(cells.T), column)
    np.testing.assert_allclose(*by_cell, atol=1e-5)
    assert len(cast) < voting.sum() / 2
    spread = cast.moments[:, 6] / cast.moments[:, 0] - (cast.moments[:, 4] / cast.moments[:, 0]) ** 2
    assert np.sqrt(spread.max()) < 0.15 / 2


def test_the_count_of_votes_is_their_sum_under_a_kernel_that_follows_the_radius():
    random = np.random.default_rng(2)
    probability = np.zeros((16, 16, 16), np.float32)
    cells = random.integers(0, 16, (20, 3))
    probability[tuple(cells.T)] = random.uniform(0.4, 1, 20)
    offset = random.uniform(-5, 5, (16, 16, 16, 3)).astype(np.float32)
    log_radius = random.uniform(0.5, 2, (16, 16, 16)).astype(np.float32)
    counts = count_votes(cast_votes(HeadFields(probability, offset, log_radius), 0.3), 0.6, 1.5) / ONE
    expected = np.zeros((16, 16, 16))
    positions = np.stack(np.meshgrid(*[np.arange(16)] * 3, indexing="ij"), axis=-1)
    for cell in np.argwhere(probability):
        p, radius = probability[tuple(cell)], np.exp(log_radius[tuple(cell)])
        gap = (positions - cell - offset[tuple(cell)] + 8) % 16 - 8
        near = np.maximum(1 - (gap**2).sum(-1) / max(0.6 * radius, 1.5) ** 2, 0)
        expected += p / (4 / 3 * np.pi * radius**3) * near**2
    np.testing.assert_allclose(counts, expected, atol=1e-6)


def test_of_equal_neighbours_one_is_a_peak():
    counts = np.zeros((6, 6, 6), np.int64)
    counts[2, 3, 5] = counts[2, 3, 0] = counts[3, 3, 0] = ONE
    counts[5, 0, 2] = 2 * ONE
    assert len(peaks(counts, 0.5)) == 2
    np.testing.assert_array_equal(peaks(counts, 0.5)[0], (5, 0, 2))
    assert len(peaks(counts, 1.5)) == 1


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0, 1.3])
def test_the_radius_of_a_halo_that_votes_predict_wrongly_follows_their_volume_by_its_weight(weight):
    fields = perfect([(20.5, 20.5, 20.5)], [7.0])
    wrong = replace(fields, log_radius=fields.log_radius - np.float32(0.2))
    constants = SETTINGS.model_copy(update={"volume_weight": weight, "volume_factor": 1.1})
    (radius,) = find_by_votes(wrong, constants).radii
    of_volume = (1.1 * fields.probability.sum() * 3 / (4 * np.pi)) ** (1 / 3)
    assert np.log(radius) == pytest.approx((1 - weight) * (np.log(7.0) - 0.2) + weight * np.log(of_volume), abs=1e-6)


@pytest.mark.parametrize("radius", [3.0, 7.0])
def test_volumes_are_stretched_about_that_of_300_cells(radius):
    fields = perfect([(20.5, 20.5, 20.5)], [radius])
    plain, stretched = (
        find_by_votes(fields, SETTINGS.model_copy(update={"volume_weight": 0.8, "volume_slope": slope})).cells[0]
        for slope in (1.0, 0.9)
    )
    assert stretched / 300 == pytest.approx((plain / 300) ** 0.9, rel=1e-6)


@pytest.mark.parametrize("large_slope", [None, 0.9, 1.3])
def test_what_is_beyond_1000_cells_is_stretched_by_a_slope_of_its_own(large_slope):
    settings = SETTINGS.model_copy(update={"volume_slope": 0.9, "large_volume_slope": large_slope})
    for radius in (3.0, 5.0, 7.0, 9.0):  # 113, 524, 1437 and 3054 cells
        fields = perfect([(20.5, 20.5, 20.5)], [radius])
        plain = find_by_votes(fields, SETTINGS).cells[0]
        beyond = max(plain / 1000, 1)
        expected = 300 * (plain / beyond / 300) ** 0.9 * beyond ** (large_slope or 0.9)
        assert find_by_votes(fields, settings).cells[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("weight", [0.5, 1.0, 1.2])
def test_sizes_from_numbers_undo_a_factor_and_a_slope_on_either_side_of_1000_cells(weight):
    """Haloes of a steep mass function, whose volumes were spoilt by known constants, get their own volumes back."""
    true = 30 * np.random.default_rng(3).uniform(size=200_000) ** -0.9
    distance = np.log(true / 300)
    bend = 0.95 * np.log(1000 / 300)  # to where the slope below takes 1000 cells
    spoilt = np.where(distance < bend, distance / 0.95, bend / 0.95 + (distance - bend) / 1.1) + np.log(300)
    sizes = fit_sizes(spoilt - weight * np.log(1.2), true, weight, 100)
    assert sizes.volume_factor == pytest.approx(1.2, rel=1e-3)
    assert sizes.volume_slope == pytest.approx(0.95, rel=0.01)
    assert sizes.large_volume_slope == pytest.approx(1.1, rel=0.02)


def test_sizes_stay_as_they_vote_where_too_few_haloes_can_tell():
    few = np.log([120.0, 150.0])
    assert fit_sizes(few, np.array([140.0, 190.0]), 1.0, 100) == AS_THEY_VOTE  # none true above 300 cells
    assert fit_sizes(few, np.full(5, 400.0), 1.0, 100) == AS_THEY_VOTE  # fewer found than true ones
    alone = fit_sizes(np.log([150.0]), np.array([400.0]), 1.0, 100)
    assert alone.volume_factor == pytest.approx(400 / 150)
    of_300 = fit_sizes(np.log([150.0]), np.array([300.0]), 1.0, 100)  # as many as it takes
    assert of_300.volume_factor == pytest.approx(300 / 150)


def test_slopes_of_sizes_are_those_that_settings_take():
    """Also where volumes hardly differ, or far too much: between 1/2 and 2."""
    true = 30 * np.random.default_rng(3).uniform(size=2000) ** -0.9
    for power, slope in ((0.1, 2.0), (10.0, 0.5)):
        sizes = fit_sizes(power * np.log(true), true, 1.0, 100)
        assert sizes.volume_slope == slope
        assert 0.5 <= sizes.large_volume_slope <= 2


def test_power_of_haloes_is_shot_noise_where_they_are_at_random_and_more_where_they_sit_in_pairs():
    rng = np.random.default_rng(5)
    centres = rng.uniform(0, 200, (4000, 3))
    columns = {"cells": rng.uniform(100, 1000, 4000), "radius": np.full(4000, 3.0), "mass": rng.uniform(1, 2, 4000)}

    def haloes(positions):
        each = dict(zip(LAGRANGIAN, positions.T, strict=True))
        return HaloCatalogue(each | columns, FieldHeader(200.0), 200)

    modes = 4 / 3 * np.pi * (LARGEST_K * 200 / (2 * np.pi)) ** 3
    for number in (1000, 4000):
        power = power_of_most_massive(haloes(centres), number)
        assert power == pytest.approx(modes * 200**3 / number, rel=0.1)
    pairs = np.concatenate([centres[:2000], centres[:2000]])
    assert power_of_most_massive(haloes(pairs), 4000) > 1.7 * power_of_most_massive(haloes(centres), 4000)
    assert np.isnan(power_of_most_massive(haloes(centres), 0))


def test_an_error_of_clustering_counts_beyond_its_tolerance_and_not_at_all_without_one(crowd):
    true = catalogue(*crowd)
    columns = dict(true.columns)
    columns["qx"] = 0.3 * columns["qx"]  # squeezed into a slab: all cluster more
    found = HaloCatalogue(columns, true.header, true.grid_cells)
    ratio = np.log(power_of_most_massive(found, len(true)) / power_of_most_massive(true, len(true)))
    assert ratio > 0.2
    for tolerance, lost in ((None, 0.0), (0.0, ratio), (0.1, ratio - 0.1), (1.0, max(ratio - 1.0, 0))):
        comparison = Comparison(HaloFindingSettings(calibration_cells=1, calibration_power=tolerance))
        comparison.add(true, found)
        agreement = comparison.agreement
        assert agreement.power_excess == pytest.approx(lost)
        assert agreement.agreement == pytest.approx(agreement.score - agreement.abundance_excess - lost)


@pytest.fixture(scope="module")
def calibrated(crowd):
    """A box whose prediction is unsure, and the agreement of all constants that its calibration tries."""
    box = VoteBox(noisy(perfect(*crowd), 0.3, 0.15), catalogue(*crowd))
    return box, calibrate_votes(lambda: iter([box]), CALIBRATION, CosmologySettings())


def test_calibration_ends_where_no_change_of_one_constant_is_for_the_better(calibrated):
    _, results = calibrated
    best = best_of(results)
    assert results[best].score > 0.8
    for name, values in CHOICES.items():
        assert getattr(START, name) in values
        for value in values:
            assert results[replace(best, **{name: value})].agreement <= results[best].agreement


def test_calibration_judges_constants_by_the_haloes_of_a_search_of_their_own(calibrated):
    box, results = calibrated
    for trial in (best_of(results), START, list(results)[-1]):
        haloes = find_by_votes(box.fields, trial.settings(results[trial].sizes))
        found = to_catalogue(haloes, N, box.true.header, CosmologySettings(), 1)
        matches = match_haloes(box.true, found)
        matched = completeness_and_purity(box.true, found, matches, 50)
        assert matched == pytest.approx((results[trial].completeness, results[trial].purity))
        large = harmonic_mean(*completeness_and_purity(box.true, found, matches, 300))
        assert results[trial].score == pytest.approx((harmonic_mean(*matched) + large) / 2)


def test_a_calibration_gives_faint_haloes_the_volumes_of_true_ones():
    """Probabilities of 0.8 where haloes are: the volume that votes is too small by as much."""
    centres = [(x, y, z) for x in (10, 30) for y in (10, 30) for z in (10, 30)]
    true = catalogue(centres, [6.5, 6.0, 5.5, 5.0, 4.5, 4.0, 3.5, 3.0])
    fields = perfect(centres, true["radius"])
    box = VoteBox(replace(fields, probability=np.float32(0.8) * fields.probability), true)
    results = calibrate_votes(lambda: iter([box]), CALIBRATION, CosmologySettings())
    best = best_of(results)
    assert results[best].sizes.volume_factor == pytest.approx(1 / 0.8, rel=0.1)
    assert results[best].abundance_error < 0.05
    record = vote_record(results)
    assert record["votes"]["volume_factor"] == record["chosen"]["volume_factor"] == results[best].sizes.volume_factor
    found = find_by_votes(box.fields, VoteSettings(**record["votes"]))
    np.testing.assert_allclose(np.sort(found.cells), np.sort(true["cells"]), rtol=0.1)


def test_the_mass_function_of_large_haloes_counts_as_much_as_that_of_all():
    """Of eight isolated haloes, half of them large, half of the large ones are found: of all of them six."""
    centres = [(x, y, z) for x in (10, 30) for y in (10, 30) for z in (10, 30)]
    true = catalogue(centres, [6.0] * 4 + [3.0] * 4)  # 905 and 113 cells
    settings = CALIBRATION.model_copy(update={"calibration_cells": 80, "calibration_large_cells": 300})
    comparison = Comparison(settings)
    comparison.add(true, true.select(np.arange(8) >= 2))
    of_all = [8 / 6, 4 / 2, 4 / 2, 4 / 2, 4 / 2]  # above 80, 160, 240, 400 and 800 cells; none true is none found
    of_large = [4 / 2, 4 / 2, 4 / 2, 1, 1]  # above 300, 600, 900, 1500 and 3000 cells
    assert comparison.agreement.abundance_error == pytest.approx(np.log([of_all, of_large]).mean())
    alone = Comparison(settings.model_copy(update={"calibration_large_cells": None}))
    alone.add(true, true.select(np.arange(8) >= 2))
    assert alone.agreement.abundance_error == pytest.approx(np.log(of_all).mean())


def test_an_error_of_the_mass_function_counts_beyond_the_tolerance_of_its_own_cut_only():
    found = catalogue([(10, 10, 10), (30, 30, 30)], [3.0, 3.0])
    true = catalogue([(10, 10, 10), (30, 30, 30), (10, 30, 10)], [3.0, 3.0, 3.0])
    for tolerance, lost in ((0.0, np.log(1.5) / 5), (0.1, (np.log(1.5) - 0.1) / 5), (0.5, 0.0)):
        settings = HaloFindingSettings(calibration_cells=80, calibration_abundance=tolerance)
        comparison = Comparison(settings)
        comparison.add(true, found)
        assert comparison.agreement.agreement == pytest.approx(harmonic_mean(2 / 3, 1) - lost)


def test_the_lesser_of_completeness_and_purity_can_be_the_score():
    true = catalogue([(10, 10, 10), (30, 30, 30), (10, 30, 10)], [3.0, 6.0, 6.0])
    found = true.select(np.array([0, 1]))
    for which, score in (("mean", harmonic_mean(2 / 3, 1)), ("lesser", 2 / 3)):
        settings = HaloFindingSettings(calibration_cells=80, calibration_score=which)
        comparison = Comparison(settings)
        comparison.add(true, found)
        assert comparison.agreement.score == pytest.approx(score)
        large = Comparison(settings.model_copy(update={"calibration_large_cells": 300}))
        large.add(true, found)
        assert large.agreement.large_score == pytest.approx({"mean": harmonic_mean(1 / 2, 1), "lesser": 1 / 2}[which])


@pytest.fixture
def files(tmp_path, crowd):
    """A prediction with heads and the true haloes behind it."""
    fields = perfect(*crowd)
    with h5py.File(tmp_path / "p.h5", "w") as file:
        for name, field in vars(fields).items():
            file[name] = field if name == "probability" else field.astype(np.float16)
        file.attrs["box_size_mpc"] = float(N)
    write_catalogue(tmp_path / "true.h5", catalogue(*crowd))
    return tmp_path


def test_the_scripts_calibrate_and_find_by_votes_and_say_how_sure_they_are(files, run_script, crowd):
    settings = json.dumps({"finder": "votes", "votes": "calibrated", "calibration_cells": 50})
    arguments = ("--probability", files / "p.h5", "--settings", settings, "--thresholds", files / "t.json")
    run_script("calibrate_thresholds", *arguments, "--haloes", files / "true.h5")
    record = json.loads((files / "t.json").read_text())
    assert record["chosen"]["score"] > 0.95
    run_script("find_haloes", *arguments, "--haloes", files / "found.h5")
    haloes = read_catalogue(files / "found.h5")
    assert haloes.header.provenance["settings"]["in_force"]["votes"] == record["votes"]
    assert haloes["votes"].max() == pytest.approx(1, abs=0.2)
    assert (haloes["centre_error"] < 0.05).all()
    assert (haloes["radius_error"] < 0.05).all()


def test_a_prediction_without_heads_is_refused_by_name(files, run_script):
    with h5py.File(files / "p.h5", "a") as file:
        del file["log_radius"]
    arguments = ("--probability", files / "p.h5", "--settings", '{"finder": "votes"}', "--haloes", files / "h.h5")
    process = run_script("find_haloes", *arguments, check=False)
    assert process.returncode == 2
    assert "p.h5: no dataset 'log_radius'" in process.stderr
    assert not (files / "h.h5").exists()


def test_an_untrained_network_that_points_anywhere_ends_without_a_halo():
    random = np.random.default_rng(1)
    fields = HeadFields(
        np.full((16, 16, 16), 0.9, np.float32),
        random.normal(0, 30, (16, 16, 16, 3)).astype(np.float32),
        random.normal(2, 3, (16, 16, 16)).astype(np.float32),
    )
    assert len(find_by_votes(replace(fields), SETTINGS)) < 5
