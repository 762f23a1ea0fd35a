"""Agreement with the reference Peak Patch code, object by object, on one 128^3 field and three configurations."""

import numpy as np
import pytest

from halonet.grid.slabs import Slabs
from halonet.initial_conditions.displacement import first_order_displacement
from halonet.peak_patch.candidates import filter_radii, find_candidates
from halonet.peak_patch.finder import find_haloes
from halonet.peak_patch.mask import halo_mask
from halonet.peak_patch.measurement import Search, measure
from halonet.peak_patch.sphere import sphere
from halonet.settings import PeakPatchSettings

from .conftest import GROUPS

COUNTS = {  # >= 27 cells, >= 100 cells, >= 100 cells after final-state exclusion
    "published_bank_2.0_1.2": (2335, 947, 904),
    "published_bank_1.65_1.15": (2631, 973, 915),
    "corrected_bank_1.65_1.15": (2452, 950, 896),
}


def flat_cells(catalogue):
    return np.ravel_multi_index(np.floor(catalogue.positions()).astype(int).T, (128,) * 3)


@pytest.fixture(scope="module")
def fields(reference, slabs):
    modes = slabs.forward(reference["density"])
    psi = np.stack([first_order_displacement(modes, slabs, 1.0, axis) for axis in range(3)], axis=-1)
    return modes, psi


def compare_candidates(expected, cells, radii):
    """Fraction of candidates at the same cell, and of these with the same radius to 1e-4."""
    _, mine, theirs = np.intersect1d(cells, expected["candidate_cells"], return_indices=True)
    same = np.abs(radii[mine] / expected["candidate_radii"][theirs] - 1) < 1e-4
    return len(mine) / max(len(cells), len(expected["candidate_cells"])), np.mean(same)


@pytest.mark.parametrize("group", GROUPS)
def test_candidates_and_radii_are_those_of_the_reference(group, reference, fields, slabs, table):
    settings, (modes, psi) = GROUPS[group], fields
    radii = filter_radii(settings.filters, 1.0)
    cells, filters = find_candidates(modes, slabs, radii, table.threshold(0.0))
    density = reference["density"]
    search = Search(radii, 1.0, sphere(31), table, settings.search)
    found = measure(density, psi, 0, cells, filters, np.zeros(len(cells)), search)
    at_same_cell, of_same_radius = compare_candidates(reference[group], cells[found.rows], found.radii)
    assert at_same_cell >= 0.999
    assert of_same_radius >= 0.999


@pytest.mark.parametrize("group", GROUPS)
def test_every_candidate_is_the_reference_s_in_the_padded_tile_the_reference_smooths(group, reference, fields, table):
    # The reference smooths a tile of 192^3 cells, the box and 32 cells around it, as if the tile were periodic.
    settings, buffer = GROUPS[group], 32
    pad = [(buffer, buffer)] * 3
    density = np.pad(reference["density"], pad, mode="wrap")
    psi = np.pad(fields[1], [*pad, (0, 0)], mode="wrap")
    tile, radii = Slabs(192), filter_radii(settings.filters, 1.0)
    cells, filters = find_candidates(tile.forward(density), tile, radii, table.threshold(0.0))
    index = np.stack(np.unravel_index(cells, density.shape)) - buffer
    inside = np.all((index >= 0) & (index < 128), axis=0)
    cells, filters, index = cells[inside], filters[inside], index[:, inside]
    search = Search(radii, 1.0, sphere(31), table, settings.search)
    found = measure(density, psi, 0, cells, filters, np.zeros(len(cells)), search)
    in_box = np.ravel_multi_index(index[:, found.rows], (128,) * 3)
    at_same_cell, of_same_radius = compare_candidates(reference[group], in_box, found.radii)
    assert at_same_cell >= 0.9999
    assert of_same_radius >= 0.9995


@pytest.mark.parametrize("group", GROUPS)
def test_haloes_and_mask_are_those_of_the_reference(group, reference, slabs, table, cosmology):
    haloes = find_haloes(reference["density"], slabs, 1.0, cosmology, GROUPS[group], table)
    expected = reference[group]
    kept = expected["keep_final"]
    _, mine, theirs = np.intersect1d(flat_cells(haloes), expected["halo_cells"][kept], return_indices=True)
    difference = np.abs(haloes["radius"][mine] / expected["R_shared"][kept][theirs] - 1)
    assert np.sum(difference < 1e-4) >= 0.995 * max(len(haloes), kept.sum())
    distance = np.abs(haloes.positions(("x", "y", "z"))[mine] - expected["pos_euler"][kept][theirs])
    assert np.mean(np.minimum(distance, 128 - distance).max(axis=1) < 0.01) >= 0.999
    velocity = expected["vel"][kept][theirs]
    error = np.linalg.norm(haloes.positions(("vx", "vy", "vz"))[mine] - velocity, axis=1)
    assert np.mean(error < 0.005 * np.linalg.norm(velocity, axis=1)) >= 0.999
    mask = np.unpackbits(expected["mask"]).reshape(128, 128, 128)
    assert np.mean(halo_mask(haloes, slabs, 27.0) == mask) >= 0.9995


@pytest.mark.parametrize("group", GROUPS)
def test_halo_counts_are_the_published_ones(group, reference, slabs, table, cosmology):
    final = find_haloes(reference["density"], slabs, 1.0, cosmology, GROUPS[group], table)
    settings = PeakPatchSettings(**{**GROUPS[group].model_dump(), "final_state_exclusion": None})
    shared = find_haloes(reference["density"], slabs, 1.0, cosmology, settings, table)
    counts = (len(shared.larger_than(27)), len(shared.larger_than(100)), len(final.larger_than(100)))
    np.testing.assert_allclose(counts, COUNTS[group], rtol=0.002)


def test_smaller_reduction_takes_the_overlap_from_the_smaller_halo_like_the_reference(
    reference, slabs, table, cosmology
):
    group = "published_bank_2.0_1.2"
    settings = GROUPS[group].model_copy(update={"reduction": "smaller", "final_state_exclusion": None})
    haloes = find_haloes(reference["density"], slabs, 1.0, cosmology, settings, table)
    expected = reference[group]
    _, mine, theirs = np.intersect1d(flat_cells(haloes), expected["halo_cells"], return_indices=True)
    difference = np.abs(haloes["radius"][mine] / expected["R_smaller"][theirs] - 1)
    assert np.mean(difference < 1e-3) >= 0.995
