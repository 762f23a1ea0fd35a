"""What a file of another code may hold in the place of a plain array is read where that is meaningful, or named."""

import subprocess
import sys

import h5py
import numpy as np
import pytest

from halonet.catalogue import read_columns
from halonet.columns import COLUMNS as KNOWN_COLUMNS
from halonet.storage import StorageError, read_field, read_header

ONES = np.ones((8, 8, 8), "f4")
COLUMNS = ("qx", "qy", "qz", "radius", "mass", "cells")


@pytest.fixture
def own(tmp_path):
    """A user's file, filled by a function."""

    def make(fill):
        with h5py.File(tmp_path / "own.h5", "w") as file:
            file.attrs["box_size_mpc"] = 64.0
            fill(file)
        return tmp_path / "own.h5"

    return make


def virtual(source, name="density"):
    def fill(file):
        layout = h5py.VirtualLayout(ONES.shape, "f4")
        layout[...] = h5py.VirtualSource(source, name, ONES.shape)
        file.create_virtual_dataset("density", layout)

    return fill


def external(file):
    file.create_dataset("density", ONES.shape, "f4", external=[("raw.bin", 0, ONES.nbytes)])


def behind_a_missing_filter(file):
    """As a file with the filter zstd is seen where its plugin is not installed."""
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk(ONES.shape)
    plist.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())
    h5py.h5d.create(file.id, b"density", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple(ONES.shape), plist)


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (lambda file: None, "no dataset 'density'; it holds nothing"),
        (lambda file: file.create_group("density/level_0"), "density is a group of level_0; a dataset"),
        (lambda file: file.__setitem__("density", h5py.SoftLink("/gone")), "density is a link to /gone"),
        (lambda file: file.__setitem__("density", h5py.ExternalLink("no.h5", "/x")), "a link to no.h5, /x.*copy"),
        (lambda file: file.__setitem__("density", np.dtype("f4")), "density is a named type"),
        (lambda file: file.__setitem__("density", h5py.Empty("f4")), "empty dataset without a shape"),
        (lambda file: file.__setitem__("density", np.full((8, 8, 8), b"1.0")), "holds text; write it as numbers"),
        (lambda file: file.__setitem__("density", ONES * (1 + 1j)), "complex numbers; write its real part"),
        (lambda file: file.__setitem__("density", np.zeros((8,) * 3, [("v", "f4")])), "one table with the columns v"),
        (lambda file: file.__setitem__("density", 1.0), r"shape \(\); a cube"),
        (lambda file: file.__setitem__("density", np.zeros((0, 0, 0))), r"shape \(0, 0, 0\); a cube"),
        (lambda file: file.__setitem__("density", np.full((8, 8, 8), 1e300)), "not finite"),
        (virtual("gone.h5"), "virtual dataset, whose source gone.h5 is not there.*read as zeros"),
        (virtual(".", "gone"), "has no dataset gone"),
        (external, "keeps its numbers in raw.bin, outside of the file"),
        (behind_a_missing_filter, r"filter zstd \(32015\), which is not installed: repack it with gzip"),
    ],
)  # fmt: skip
def test_a_density_that_is_no_plain_array_is_named_with_its_remedy(own, fill, words):
    path = own(fill)
    with pytest.raises(StorageError, match=words) as error:
        read_field(path, "density")
    assert str(path) in str(error.value)


@pytest.mark.parametrize("kind", ["<f8", ">f4", "<f2", "<i4", "?"])
def test_real_numbers_of_any_kind_are_read(own, kind):
    path = own(lambda file: file.__setitem__("density", ONES.astype(kind)))
    np.testing.assert_array_equal(read_field(path, "density"), ONES)


def test_links_that_lead_somewhere_and_virtual_data_that_are_there_are_read(own, tmp_path):
    with h5py.File(tmp_path / "there.h5", "w") as file:
        file["density"] = ONES
    for fill in (
        lambda file: file.__setitem__("density", h5py.ExternalLink("there.h5", "/density")),
        virtual("there.h5"),
    ):
        np.testing.assert_array_equal(read_field(own(fill), "density"), ONES)


@pytest.mark.parametrize(("value", "words"), [(2, "mask is 2 in cell"), (0.5, "0.5"), (259, "259"), (-1, "-1")])
def test_a_mask_of_other_values_is_refused_before_it_becomes_a_byte(own, value, words):
    values = np.zeros((8, 8, 8), np.int64 if isinstance(value, int) else float)
    values[1, 2, 3] = value
    with pytest.raises(StorageError, match=rf"mask is {words[-3:] if value == 259 else value} in cell \(1, 2, 3\)"):
        read_field(own(lambda file: file.__setitem__("mask", values)), "mask")


@pytest.mark.parametrize("value", [1.5, -0.1])
def test_a_probability_or_completeness_outside_of_0_and_1_is_refused(own, value):
    with pytest.raises(StorageError, match=f"{value}.*must lie within 0 and 1"):
        read_field(own(lambda file: file.__setitem__("probability", ONES * np.float32(value))), "probability")


def with_a_loop(file):
    haloes()(file)
    del file["haloes/mass"]
    file["haloes/mass"] = h5py.SoftLink("/haloes/mass")


def haloes(**changed):
    def fill(file):
        for name in COLUMNS:
            file[f"haloes/{name}"] = changed.get(name, np.full(3, 1e12 if name == "mass" else 1))
            for attribute, value in changed.get("attributes", {}).items():
                file[f"haloes/{name}"].attrs[attribute] = value
        for name in set(changed) - set(COLUMNS) - {"attributes"}:
            file[f"haloes/{name}"] = changed[name]

    return fill


UNITS = [KNOWN_COLUMNS[name].unit for name in COLUMNS]
UNITS_WITH_H = ["Msun/h" if name == "mass" else KNOWN_COLUMNS[name].unit for name in COLUMNS]


def in_all(attributes, table=False):
    """A catalogue with attributes of its group, or of its table."""
    columns = {name: np.full(3, 1e12 if name == "mass" else 1) for name in COLUMNS}

    def fill(file):
        if table:
            rows = np.zeros(3, [(name, "f8") for name in COLUMNS])
            for name, values in columns.items():
                rows[name] = values
            file["haloes"] = rows
        else:
            haloes()(file)
        file["haloes"].attrs.update(attributes)

    return fill


@pytest.mark.parametrize(
    ("attributes", "table", "words"),
    [
        ({"units": "Mpc, Msun, km/s"}, False, ""),
        ({"units": UNITS}, True, ""),
        ({"units": "comoving Mpc; Msun"}, False, "haloes has the units comoving Mpc; Msun; comoving is not understood"),
        ({"unit": "kpc"}, True, "haloes has the units kpc; kpc is not understood"),
    ],
)
def test_units_of_a_whole_table_are_taken_or_said(own, caplog, attributes, table, words):
    assert len(read_columns(own(in_all(attributes, table)), 64.0)["mass"]) == 3
    assert words in caplog.text
    assert bool(caplog.text) == bool(words)


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (haloes(mass=np.ones((3, 1))), r"haloes/mass has shape \(3, 1\); one number a halo"),
        (haloes(qx=np.array([b"1", b"2", b"3"])), "haloes/qx holds text"),
        (haloes(mass=[1e12, -1, 1e12]), "column mass = -1 in 1 of 3"),
        (haloes(cells=[100, 1e30, 100]), "column cells = 1e.30 in 1 of 3"),
        (haloes(vx=[100, 1e30, 100]), "column vx = 1e.30 in 1 of 3.*km/s"),
        (haloes(vx=[100, np.nan, 100]), "column vx has values that are not finite"),
        (haloes(qx=[1, 64.01, 1]), "qx leaves the box"),
        (haloes(x=[1, 500, 1]), "x leaves the box .* first with 500"),
        (haloes(y=[1, -32, 1]), "y leaves the box .* wrapped into the box"),
        (haloes(mass=[1e12, 0, 1e12]), "column mass = 0 in 1 of 3 values; a halo has a mass"),
        (with_a_loop, "haloes/mass is a link that leads back to itself"),
        (haloes(qx=[1, 2]), "columns of different shapes"),
        (haloes(attributes={"units": "Mpc/h"}), "has the unit Mpc/h; .* is needed, without h"),
        (haloes(attributes={"UNIT": "m/s"}), "has the unit m/s; .* is needed, without h"),
        (in_all({"units": "Mpc/h, Msun/h"}), "haloes has the units Mpc/h, Msun/h; 1, Mpc, Msun, km/s are needed"),
        (in_all({"Unit": "Mpc h^-1"}), r"haloes has the units Mpc h\^-1; 1, Mpc, Msun, km/s are needed, without h"),
        (in_all({"unit": "Msun/h"}, table=True), "haloes has the units Msun/h; 1, Mpc, Msun, km/s are needed"),
        (in_all({"units": UNITS_WITH_H}, table=True), "column mass has the unit Msun/h; Msun is needed, without h"),
        (lambda file: file.__setitem__("haloes", np.ones(3)), "neither a group of columns nor a table"),
        (lambda file: None, "no group 'haloes'; it holds nothing"),
        (lambda file: file.__setitem__("haloes", np.zeros(3, [("qx", "f4")])), "columns cells, mass, .* are missing"),
        (lambda file: file.__setitem__("haloes", h5py.SoftLink("/gone")), "neither a group"),
    ],
)
def test_a_catalogue_that_is_no_table_of_haloes_is_named_with_column_and_value(own, fill, words):
    with pytest.raises(StorageError, match=words):
        read_columns(own(fill), 64.0)


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (
            lambda file: file.__setitem__("haloes", h5py.SoftLink("/haloes")),
            "haloes is a link that leads back to itself",
        ),
        (haloes(mass=[True, True, False]), "haloes/mass holds truth values"),
    ],
)
def test_loops_and_truth_values_are_named(own, fill, words):
    with pytest.raises(StorageError, match=words):
        read_columns(own(fill), 64.0)


def test_positions_that_were_never_written_are_refused(own):
    many = {name: np.full(20, 1e12 if name == "mass" else 1) for name in COLUMNS}
    spread = {name: np.linspace(1, 60, 20) for name in ("qx", "qy", "qz", "x", "y", "z")}
    assert len(read_columns(own(haloes(**many | spread)), 64.0)["x"]) == 20
    with pytest.raises(StorageError, match="column y is 0 in all 20 rows: it was never written"):
        read_columns(own(haloes(**many | spread | {"y": np.zeros(20)})), 64.0)


def test_haloes_that_are_there_twice_are_refused(own):
    once = {name: np.linspace(1, 60, 20) for name in COLUMNS} | {"mass": np.geomspace(1e12, 1e15, 20)}
    for twice, words in (
        (lambda values: np.repeat(values, 2), "20 of 40 haloes have the Lagrangian centre of the row before"),
        (lambda values: np.tile(values, 2), "20 of 40 haloes have the .* centre of the first half of the catalogue"),
    ):
        with pytest.raises(StorageError, match=words):
            read_columns(own(haloes(**{name: twice(values) for name, values in once.items()})), 64.0)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (12.3, 14.9, "12.3 to 14.9, as logarithms to the base 10 do"),
        (28.3, 34.4, "28.3 to 34.4, as natural logarithms do"),
        (97.0, 8e4, r"97 to 8e\+04, as in units of 10\^10 Msun"),
    ],
)
def test_logarithms_and_masses_in_ten_billion_suns_are_no_masses(own, low, high, words):
    spread = {name: np.linspace(1, 60, 20) for name in COLUMNS} | {"mass": np.linspace(low, high, 20)}
    with pytest.raises(StorageError, match=rf"column mass runs from {words}; masses in Msun"):
        read_columns(own(haloes(**spread)), 64.0)


def test_numbers_of_more_than_double_precision_are_read_in_double(own):
    assert read_columns(own(haloes(mass=np.full(3, 1e12, np.longdouble))), 64.0)["mass"].dtype == np.float64


def test_a_file_that_another_process_writes_is_said_to_be_so(tmp_path, monkeypatch):
    monkeypatch.setenv("HDF5_USE_FILE_LOCKING", "TRUE")
    program = f"import h5py, time; file = h5py.File({str(tmp_path / 'own.h5')!r}, 'w'); print('held'); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-u", "-c", program], stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"held\n"
        with pytest.raises(StorageError, match=r"own.h5: another process is writing it"):
            read_header(tmp_path / "own.h5")
        writer.kill()


def test_one_table_is_read_as_columns(own):
    table = np.ones(3, [(name, "f4") for name in COLUMNS])
    table["mass"] = [1e12, 2e12, 3e12]
    columns = read_columns(own(lambda file: file.__setitem__("haloes", table)), 64.0)
    assert set(columns) == set(COLUMNS)
    np.testing.assert_allclose(columns["mass"], [1e12, 2e12, 3e12])


def test_positions_that_rounding_has_put_at_the_side_are_at_0(own):
    positions = np.array([64.0, np.float32(-1e-9), np.nextafter(np.float32(64), np.float32(65)), 63.99], "f4")
    others = {name: np.full(4, 1e12 if name == "mass" else 1) for name in COLUMNS if name != "qx"}
    assert read_columns(own(haloes(qx=positions, **others)), 64.0)["qx"].tolist() == [0, 0, 0, np.float32(63.99)]
