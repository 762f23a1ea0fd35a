"""Promises of the whole finder: symmetries, independence of ranks, refusals."""

import re

import h5py
import numpy as np
import pytest

from halonet.catalogue import read_catalogue
from halonet.cosmology import growth_factor
from halonet.grid.slabs import Slabs
from halonet.peak_patch.candidates import filter_radii
from halonet.peak_patch.collapse import write_collapse_table
from halonet.peak_patch.finder import find_haloes
from halonet.peak_patch.sharing import share_out
from halonet.settings import CosmologySettings, FilterBankSettings, PeakPatchSettings, SettingsError

from .conftest import REFERENCE

SCRIPT = "find_peak_patch_haloes"


@pytest.fixture(scope="module")
def haloes(small_box, small_settings, cosmology, table):
    return find_haloes(small_box, Slabs(48), 1.0, cosmology, small_settings, table)


def by_position(positions, *columns):
    order = np.lexsort(np.round(positions).T)
    return [values[order] for values in (positions, *columns)]


def assert_same(moved, haloes, positions, axes=(0, 1, 2)):
    """The haloes of a moved field are the haloes, moved; rounding of the transforms may flip a rare tie."""
    mine, radii, vx = by_position(moved.positions(), moved["radius"], moved["vx"])
    expected, radii0, vx0 = by_position(positions, haloes["radius"], haloes[("vx", "vy", "vz")[axes[0]]])
    assert len(mine) == len(expected)
    same = (mine == expected).all(axis=1)
    assert same.mean() > 0.99
    assert np.mean(np.isclose(radii[same], radii0[same], rtol=1e-4)) > 0.99
    assert np.mean(np.isclose(vx[same], vx0[same], rtol=1e-3, atol=0.1)) > 0.99


def test_a_shift_of_the_field_by_whole_cells_shifts_the_catalogue(small_box, haloes, small_settings, cosmology, table):
    shift = (5, -11, 30)
    moved = find_haloes(np.roll(small_box, shift, (0, 1, 2)), Slabs(48), 1.0, cosmology, small_settings, table)
    assert_same(moved, haloes, (haloes.positions() + shift) % 48)


def test_a_rotation_of_the_axes_rotates_the_catalogue(small_box, haloes, small_settings, cosmology, table):
    turned = find_haloes(
        np.ascontiguousarray(small_box.transpose(2, 0, 1)), Slabs(48), 1.0, cosmology, small_settings, table
    )
    assert_same(turned, haloes, haloes.positions()[:, [2, 0, 1]], (2, 0, 1))


def test_lengths_scale_with_the_cell(small_box, haloes, small_settings, cosmology, table):
    # A displacement of the same density on cells of half the size is half as long, so that the strain is the same.
    settings = small_settings.model_copy(update={"filters": FilterBankSettings(largest_mpc=6.0)})
    half = find_haloes(small_box, Slabs(48), 0.5, cosmology, settings, table)
    np.testing.assert_allclose(half["radius"], haloes["radius"] / 2, rtol=1e-5)
    np.testing.assert_allclose(half["mass"], haloes["mass"] / 8, rtol=1e-4)


def test_a_field_at_higher_redshift_is_extrapolated_to_today_and_has_fewer_haloes(
    small_box, haloes, small_settings, cosmology, table
):
    early = CosmologySettings(redshift=0.5)
    density = small_box * np.float32(growth_factor(cosmology, 0.5))
    found = find_haloes(density, Slabs(48), 1.0, early, small_settings, table)
    assert 0 < found["cells"].sum() < 0.8 * haloes["cells"].sum()
    assert (found["overdensity"] >= 0.99 * table.threshold(0.5)).mean() > 0.95


def test_catalogue_columns_belong_together(haloes):
    np.testing.assert_allclose(haloes["cells"], 4 / 3 * np.pi * haloes["radius"].astype(float) ** 3, rtol=1e-5)
    assert (haloes["radius"] <= haloes["raw_radius"] * (1 + 1e-6)).all()
    assert (haloes["strain_1"] >= haloes["strain_2"]).all()
    assert (haloes["strain_2"] >= haloes["strain_3"]).all()
    assert (np.diff(haloes["mass"]) <= 0).all()
    moved = haloes.positions() + haloes.positions(("psi1_x", "psi1_y", "psi1_z"))
    moved += haloes.positions(("psi2_x", "psi2_y", "psi2_z")) - haloes.positions(("x", "y", "z"))
    assert (np.abs(moved - 48 * np.round(moved / 48)) < 1e-4).all()


def test_filter_bank_of_the_paper():
    radii = filter_radii(FilterBankSettings(), 1.0)
    np.testing.assert_allclose(radii[[0, 1, 2, 9, 10, 15, 16]], [2, 2.4, 2.88, 10.32, 12.383, 30.814, 34], rtol=1e-5)
    assert len(radii) == 17
    assert len(filter_radii(FilterBankSettings(smallest_cells=1.65, ratio=1.15), 1.0)) == 23


def test_candidates_are_shared_out_by_cost_wherever_they_lie():
    class Crowd(Slabs):
        def __init__(self, cells, rank, ranks):
            super().__init__(cells)
            self.rank, self.ranks = rank, ranks

    cells = np.sort(np.random.default_rng(6).integers(0, 16 * 128**2, 1000))  # all in one eighth of the box
    costs = np.random.default_rng(7).uniform(1, 10, 1000)
    shares = [share_out(cells, costs, 8, Crowd(128, rank, 4)) for rank in range(4)]
    assert [share.rows.start for share in shares[1:]] == [share.rows.stop for share in shares[:-1]]
    loads = [costs[share.rows].sum() for share in shares]
    assert max(loads) < 1.02 * np.mean(loads)
    for share in shares:
        first, count = share.planes[share.slabs.rank]
        mine = cells[share.rows] // 128**2
        assert mine.min() - 8 == first
        assert mine.max() + 9 == first + count


@pytest.fixture(scope="module")
def stored_table(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "collapse_table.h5"
    write_collapse_table(path, table, {})
    return path


@pytest.fixture
def field(tmp_path, small_box):
    """Write a user's own field; ``change`` edits the open file."""

    def write(change=lambda file: None):
        path = tmp_path / "density.h5"
        with h5py.File(path, "w") as file:
            file["density"] = small_box
            file.attrs["box_size_mpc"] = 48.0
            change(file)
        return path

    return write


def outputs(folder, name):
    return "--haloes", folder / f"{name}_haloes.h5", "--mask", folder / f"{name}_mask.h5"


def test_one_and_three_ranks_write_the_same_bytes(run_script, field, stored_table, small_settings, tmp_path):
    common = ("--density", field(), "--collapse-table", stored_table, "--settings", small_settings.model_dump_json())
    for ranks in (1, 3):
        run_script(SCRIPT, *common, "--ranks", ranks, *outputs(tmp_path, ranks), ranks=ranks)
    for kind in ("haloes", "mask"):
        assert (tmp_path / f"1_{kind}.h5").read_bytes() == (tmp_path / f"3_{kind}.h5").read_bytes()


def test_a_users_own_field_gives_the_catalogue_of_the_library(
    run_script, stored_table, tmp_path, reference, slabs, cosmology, table
):
    run_script(SCRIPT, "--density", REFERENCE, "--collapse-table", stored_table, *outputs(tmp_path, "own"))
    found = read_catalogue(tmp_path / "own_haloes.h5")
    expected = find_haloes(reference["density"], slabs, 1.0, cosmology, PeakPatchSettings(), table)
    for name in expected.columns:
        np.testing.assert_array_equal(found[name], expected[name])


def make_nan(file):
    file["density"][3, 4, 5] = np.nan


def make_flat(file):
    del file["density"]
    file["density"] = np.zeros((8, 8, 4), np.float32)


def lose_box_size(file):
    del file.attrs["box_size_mpc"]


@pytest.mark.parametrize(
    ("change", "message"),
    [(make_nan, "not finite"), (make_flat, r"\(8, 8, 4\)"), (lose_box_size, "box_size_mpc")],
)
def test_a_bad_field_is_refused_and_nothing_is_written(
    change, message, run_script, field, stored_table, small_settings, tmp_path
):
    process = run_script(
        SCRIPT, "--density", field(change), "--collapse-table", stored_table, "--settings",
        small_settings.model_dump_json(), *outputs(tmp_path, "bad"), check=False,
    )  # fmt: skip
    assert process.returncode == 2
    assert "Traceback" not in process.stderr
    assert re.search(message, process.stderr)
    assert not list(tmp_path.glob("bad*"))


def test_a_box_smaller_than_twice_the_largest_filter_is_refused(small_box, cosmology, table):
    with pytest.raises(SettingsError, match="largest_mpc = 34"):
        find_haloes(small_box, Slabs(48), 1.0, cosmology, PeakPatchSettings(), table)


def test_a_world_of_the_wrong_size_is_refused(run_script, field, tmp_path):
    process = run_script(SCRIPT, "--density", field(), "--ranks", 2, *outputs(tmp_path, "bad"), check=False)
    assert process.returncode == 2
    assert "--ranks asks for 2" in process.stderr
