"""Dice coefficients with known answers."""

import numpy as np
import pytest

from halonet.statistics.overlap import measure_overlap


@pytest.fixture
def mask():
    return (np.random.default_rng(1).random((16, 16, 16)) < 0.27).astype(np.uint8)


def test_an_identical_mask_has_dice_1_in_every_form(mask):
    overlap = measure_overlap(mask, mask.astype(np.float32))
    assert (overlap.dice, overlap.foreground, overlap.per_voxel) == (1, 1, 1)


def test_an_all_background_prediction_has_dice_1_minus_f_which_is_the_reported_floor(mask):
    overlap = measure_overlap(mask, np.zeros(mask.shape, np.float32))
    assert overlap.dice == pytest.approx(1 - mask.mean())
    assert overlap.all_background == pytest.approx(1 - mask.mean())
    assert overlap.per_voxel == pytest.approx(1 - mask.mean())
    assert overlap.foreground == 0


def test_the_opposite_mask_has_dice_0(mask):
    overlap = measure_overlap(mask, 1 - mask.astype(np.float32))
    assert (overlap.dice, overlap.foreground, overlap.per_voxel) == (0, 0, 0)


def test_an_undecided_prediction_has_the_dice_of_equation_2(mask):
    # Per voxel g.p = 1/2, |g|^2 = 1, |p|^2 = 1/2: 2 (1/2) / (3/2).
    overlap = measure_overlap(mask, np.full(mask.shape, 0.5, np.float32))
    assert overlap.dice == pytest.approx(2 / 3)
    assert overlap.per_voxel == pytest.approx(2 / 3)
    f = mask.mean()
    assert overlap.foreground == pytest.approx(f / (f + 0.25))


def test_the_sum_over_voxels_differs_from_the_mean_over_voxels(mask):
    probability = np.random.default_rng(2).random(mask.shape, np.float32)
    g, p = np.stack([mask, 1 - mask]).astype(float), np.stack([probability, 1 - probability]).astype(float)
    overlap = measure_overlap(mask, probability)
    assert overlap.dice == pytest.approx(2 * (g * p).sum() / ((g**2).sum() + (p**2).sum()))
    voxels = 2 * (g * p).sum(axis=0) / ((g**2).sum(axis=0) + (p**2).sum(axis=0))
    assert overlap.per_voxel == pytest.approx(voxels.mean())
    assert overlap.dice != pytest.approx(overlap.per_voxel, abs=1e-3)
