"""Fields and catalogues on disk: nothing half-written, nothing damaged or foreign taken for data."""

import subprocess
import sys
import threading
import time
from itertools import permutations

import h5py
import numpy as np
import pytest

from halonet.catalogue import COLUMNS, REQUIRED, HaloCatalogue, read_catalogue, write_catalogue
from halonet.locks import exclusive, exclusive_outputs
from halonet.storage import FieldHeader, StorageError, atomic_path, field_cells, read_field, read_header, write_field

HEADER = FieldHeader(64.0, 0.5, {"h": 0.7}, 7, {"stage": "test"})


@pytest.fixture
def density(tmp_path):
    values = np.random.default_rng(1).standard_normal((64, 64, 64), np.float32)
    write_field(tmp_path / "density.h5", "density", values, HEADER)
    return tmp_path / "density.h5", values


@pytest.fixture
def catalogue():
    rng = np.random.default_rng(2)
    columns = {name: rng.uniform(1, 60, 50).astype(COLUMNS[name].dtype) for name in REQUIRED}
    return HaloCatalogue(columns | {"mass": 1e12 * columns["mass"]}, HEADER, 64)


def test_a_field_and_its_header_come_back_as_written(density):
    path, values = density
    assert field_cells(path, "density") == 64
    np.testing.assert_array_equal(read_field(path, "density"), values)
    np.testing.assert_array_equal(read_field(path, "density", 10, 20), values[10:20])
    assert read_header(path) == HEADER


def fail_half_way(path):
    def write():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()


def test_a_write_that_fails_leaves_nothing_behind(tmp_path):
    fail_half_way(tmp_path / "x.h5")
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_keeps_the_old_file(tmp_path):
    (tmp_path / "x.h5").write_text("old")
    fail_half_way(tmp_path / "x.h5")
    assert (tmp_path / "x.h5").read_text() == "old"


def test_a_locked_folder_is_waited_for_and_a_killed_holder_frees_it(tmp_path):
    program = (
        f"from halonet.locks import exclusive\nwith exclusive({str(tmp_path / '.lock')!r}):\n    input(print('held'))"
    )
    command = [sys.executable, "-u", "-c", program]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    waiter = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with pytest.raises(subprocess.TimeoutExpired):
        waiter.wait(2)
    holder.kill()
    assert waiter.stdout.readline() == b"held\n"
    waiter.communicate(b"\n")
    holder.communicate()


def test_a_lock_is_held_by_one_after_the_other_and_leaves_nothing(tmp_path):
    path, order = tmp_path / ".lock", []

    def hold(name):
        with exclusive(path):
            order.append(name)
            time.sleep(0.05)
            order.append(name)

    others = [threading.Thread(target=hold, args=(name,)) for name in range(8)]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join()
    assert order[::2] == order[1::2]  # one after the other
    assert not list(tmp_path.iterdir())


def test_who_waited_for_a_lock_that_was_deleted_holds_a_new_one(tmp_path, caplog):
    path, seen = tmp_path / ".lock", []
    caplog.set_level("INFO")

    def wait():
        with exclusive(path):
            seen.append(path.exists())  # or the next one who comes would not wait

    with exclusive(path):
        waiter = threading.Thread(target=wait)
        waiter.start()
        while "waiting for it to end" not in caplog.text:
            time.sleep(0.01)
    waiter.join()
    assert seen == [True]


def test_locks_of_several_outputs_are_taken_in_one_order_and_never_wait_for_each_other(tmp_path):
    order, names = [], [tmp_path / name for name in "abc"]

    def hold(outputs):
        with exclusive_outputs(outputs):
            order.append(outputs)
            time.sleep(0.02)
            order.append(outputs)

    others = [threading.Thread(target=hold, args=(outputs,), daemon=True) for outputs in permutations(names, 2)]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join(30)
    assert len(order) == 12
    assert order[::2] == order[1::2]  # any two pairs of three outputs share one
    assert not list(tmp_path.iterdir())


def test_a_truncated_file_is_refused_by_name(density):
    path, _ = density
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(StorageError, match=r"density.h5: no complete HDF5 file"):
        read_field(path, "density")


def test_a_foreign_or_missing_file_is_refused_by_name(tmp_path):
    (tmp_path / "notes.txt").write_text("no HDF5")
    with pytest.raises(StorageError, match=r"notes.txt: no complete HDF5 file"):
        read_header(tmp_path / "notes.txt")
    with pytest.raises(StorageError, match=r"nowhere.h5: no such file"):
        read_header(tmp_path / "nowhere.h5")


def test_a_field_with_nan_is_refused_and_its_plane_named(density):
    path, _ = density
    with h5py.File(path, "a") as file:
        file["density"][5, 1, 2] = np.nan
    with pytest.raises(StorageError, match="density has values that are not finite, first in plane 5"):
        read_field(path, "density")


def test_a_field_that_is_no_cube_or_has_no_box_size_is_refused(tmp_path):
    with h5py.File(tmp_path / "slab.h5", "w") as file:
        file["density"] = np.zeros((8, 8, 4), np.float32)
    with pytest.raises(StorageError, match=r"shape \(8, 8, 4\); a cube"):
        field_cells(tmp_path / "slab.h5", "density")
    with pytest.raises(StorageError, match="box_size_mpc is missing"):
        read_header(tmp_path / "slab.h5")
    with pytest.raises(StorageError, match="no dataset 'mask'; it holds density"):
        field_cells(tmp_path / "slab.h5", "mask")


def test_a_catalogue_comes_back_sorted_by_mass_with_units(tmp_path, catalogue):
    write_catalogue(tmp_path / "haloes.h5", catalogue)
    read = read_catalogue(tmp_path / "haloes.h5")
    assert (np.diff(read["mass"]) <= 0).all()
    np.testing.assert_array_equal(read["mass"], np.sort(catalogue["mass"])[::-1])
    assert read.header == HEADER
    with h5py.File(tmp_path / "haloes.h5") as file:
        assert file["haloes/mass"].attrs["unit"] == "Msun"


@pytest.mark.parametrize(("value", "words"), [(np.nan, "qx has values"), (64.5, "qx leaves the box"), (-0.1, "leaves")])
def test_a_catalogue_with_impossible_positions_is_refused(tmp_path, catalogue, value, words):
    write_catalogue(tmp_path / "haloes.h5", catalogue)
    with h5py.File(tmp_path / "haloes.h5", "a") as file:
        file["haloes/qx"][3] = value
    with pytest.raises(StorageError, match=words):
        read_catalogue(tmp_path / "haloes.h5")


def test_a_column_of_unknown_meaning_is_refused(catalogue):
    with pytest.raises(ValueError, match="unknown \\['charm'\\]"):
        HaloCatalogue(catalogue.columns | {"charm": np.zeros(50)}, HEADER, 64)


def test_a_catalogue_that_is_not_finite_is_never_written(tmp_path, catalogue):
    catalogue["mass"][7] = np.nan
    with pytest.raises(StorageError, match="mass is not finite in 1 of 50 haloes; nothing is written"):
        write_catalogue(tmp_path / "haloes.h5", catalogue)
    assert not list(tmp_path.iterdir())


def test_a_field_that_is_not_finite_is_never_written(tmp_path):
    field = np.zeros((8, 8, 8), np.float32)
    field[3, 1, 2] = np.nan
    with pytest.raises(StorageError, match=r"density has values .* first in plane 3; nothing is written"):
        write_field(tmp_path / "density.h5", "density", field, HEADER)
    assert not list(tmp_path.iterdir())
