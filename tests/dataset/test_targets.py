"""Targets of the heads: where the centre of a cell's halo is, and how large it is."""

import h5py
import numpy as np
import pytest

from halonet.catalogue import LAGRANGIAN, HaloCatalogue, write_catalogue
from halonet.dataset.symmetries import GROUPS
from halonet.dataset.targets import (
    check_targets,
    find_membership,
    head_truth,
    membership_of_owners,
    read_membership,
    turned,
    write_membership,
)
from halonet.grid.slabs import Slabs
from halonet.owners import NO_HALO, write_owners
from halonet.peak_patch.mask import halo_mask
from halonet.settings import SettingsError
from halonet.storage import FieldHeader, StorageError

N, SIDE = 24, 48.0


def catalogue(centres, radii) -> HaloCatalogue:
    """Haloes with centres and radii in cells, in a box of two Mpc a cell."""
    centres, radii = np.asarray(centres, float), np.asarray(radii, float)
    columns = {name: (2 * centres[:, axis]).astype("f4") for axis, name in enumerate(LAGRANGIAN)}
    cells = 4 / 3 * np.pi * radii**3
    columns |= {"radius": (2 * radii).astype("f4"), "cells": cells, "mass": 1e10 * cells}
    return HaloCatalogue(columns, FieldHeader(SIDE, provenance={"of": "test"}), N)


@pytest.fixture(scope="module")
def haloes() -> HaloCatalogue:
    """Overlapping haloes, some across the faces of the box."""
    random = np.random.default_rng(3)
    return catalogue(random.uniform(0, N, (12, 3)), random.uniform(2, 6, 12))


@pytest.fixture(scope="module")
def membership(haloes):
    return find_membership(haloes)


def depths(haloes):
    """Distance over radius from every halo of every cell, and the vectors to the centres, by brute force."""
    positions = np.stack(np.meshgrid(*[np.arange(N) + 0.5] * 3, indexing="ij"), axis=-1)
    vectors = haloes.positions()[:, None, None, None] / 2 - positions
    vectors -= N * np.round(vectors / N)
    return np.sqrt((vectors**2).sum(-1)) / (haloes["radius"] / 2)[:, None, None, None], vectors


def test_a_cell_points_to_the_halo_it_is_deepest_in_across_the_faces_of_the_box(haloes, membership):
    depth, vectors = depths(haloes)
    deepest, inside = depth.argmin(axis=0), depth.min(axis=0) < 1
    assert ((depth < 1).sum(axis=0) > 1).any()
    expected = np.take_along_axis(vectors, deepest[None, ..., None], axis=0)[0]
    np.testing.assert_allclose(membership.centre_offset()[inside], expected[inside], atol=1e-5)
    np.testing.assert_allclose(membership.radius()[inside], (haloes["radius"] / 2)[deepest[inside]], rtol=1e-6)
    assert not membership.radius()[~inside].any()
    assert not membership.centre_offset()[~inside].any()


def test_the_cells_of_haloes_are_those_of_the_mask(haloes, membership):
    assert np.array_equal(membership.rows != NO_HALO, halo_mask(haloes, Slabs(N)) == 1)


@pytest.mark.parametrize("start", [(0, 0, 0), (3, 9, 16), (16, 0, 5)])
def test_a_window_of_a_file_holds_the_targets_of_its_place_in_the_box(haloes, membership, start, tmp_path):
    write_membership(tmp_path / "t.h5", membership, haloes)
    window = read_membership(tmp_path / "t.h5", start, 8)
    cut = tuple(slice(first, first + 8) for first in start)
    np.testing.assert_array_equal(window.radius(), membership.radius()[cut])
    np.testing.assert_allclose(window.centre_offset(), membership.centre_offset()[cut], atol=1e-6)


def test_targets_turn_with_the_box_under_every_symmetry_of_the_cube(haloes, membership):
    """Turned targets are those of the turned catalogue: vectors change sign and axes where positions do."""
    truth = head_truth((membership.rows != NO_HALO).astype(np.uint8), membership)
    centres = haloes.positions() / 2
    for symmetry in GROUPS["cube"]:
        moved = centres[:, list(symmetry.axes)]
        moved = np.where(symmetry.flips, (N - moved) % N, moved)
        expected = find_membership(catalogue(moved, haloes["radius"] / 2))
        expected = head_truth((expected.rows != NO_HALO).astype(np.uint8), expected)
        # Where two haloes are equally deep, single precision decides.
        differs = np.abs(turned(truth, symmetry) - expected).max(axis=-1) > 1e-4
        assert differs.mean() < 1e-3


def test_a_plain_mask_is_turned_as_ever():
    mask = np.random.default_rng(1).integers(0, 2, (6, 6, 6)).astype(np.uint8)
    for symmetry in GROUPS["cube"]:
        assert np.array_equal(turned(mask, symmetry), symmetry(mask))


def test_targets_of_other_haloes_are_refused(haloes, membership, tmp_path):
    write_membership(tmp_path / "t.h5", membership, haloes)
    write_catalogue(tmp_path / "haloes.h5", haloes)
    check_targets(tmp_path / "t.h5", tmp_path / "haloes.h5")
    other = HaloCatalogue(haloes.columns, FieldHeader(SIDE, provenance={"of": "another"}), N)
    write_catalogue(tmp_path / "haloes.h5", other)
    with pytest.raises(SettingsError, match=r"t\.h5: these are not the targets of .*haloes\.h5"):
        check_targets(tmp_path / "t.h5", tmp_path / "haloes.h5")


def test_a_file_that_holds_no_targets_and_a_window_beyond_the_box_are_refused(haloes, membership, tmp_path):
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["mask"] = np.zeros(3)
    with pytest.raises(
        StorageError, match=r"foreign\.h5: no centres, halo, radii; assign_cells\.py writes such a file"
    ):
        read_membership(tmp_path / "foreign.h5")
    write_membership(tmp_path / "t.h5", membership, haloes)
    with pytest.raises(StorageError, match=r"t\.h5: halo must hold 8\^3 cells from \(0, 17, 0\)"):
        read_membership(tmp_path / "t.h5", (0, 17, 0), 8)


def test_true_cells_of_a_protohalo_take_the_place_of_its_sphere(run_script, haloes, tmp_path):
    """A cell that no sphere holds learns of its halo, and one within a sphere that is not its own learns nothing."""
    haloes = haloes.sorted_by_mass()
    owners = np.full((N,) * 3, NO_HALO, np.int32)
    owners[2:9, 5, 7] = 3
    membership = membership_of_owners(haloes, owners)
    offsets, radius = membership.centre_offset(), membership.radius()
    place = np.array([4.5, 5.5, 7.5])
    expected = (haloes.positions()[3] / 2 - place + N / 2) % N - N / 2
    np.testing.assert_allclose(offsets[4, 5, 7], expected, atol=1e-5)
    assert radius[4, 5, 7] == pytest.approx(haloes["radius"][3] / 2)
    assert not radius[owners == NO_HALO].any()

    files = {name: tmp_path / f"{name}.h5" for name in ("haloes", "owners", "targets")}
    write_catalogue(files["haloes"], haloes)
    write_owners(files["owners"], owners, haloes.header)
    arguments = [part for name, path in files.items() for part in (f"--{name}", path)]
    run_script("assign_cells", *arguments)
    np.testing.assert_array_equal(read_membership(files["targets"]).rows, owners)
    check_targets(files["targets"], files["haloes"])


def test_owners_of_another_catalogue_make_no_targets(run_script, haloes, tmp_path):
    write_catalogue(tmp_path / "haloes.h5", haloes)
    write_owners(tmp_path / "owners.h5", np.zeros((N,) * 3, np.int32), FieldHeader(SIDE, provenance={"of": "another"}))
    files = ("--haloes", tmp_path / "haloes.h5", "--owners", tmp_path / "owners.h5")
    process = run_script("assign_cells", *files, "--targets", tmp_path / "targets.h5", check=False)
    assert process.returncode == 2
    assert "owners.h5: the owners are not those of this catalogue" in process.stderr
    assert not (tmp_path / "targets.h5").exists()
