"""Catalogues of other codes come back as they were written, and what contradicts the box is refused by number."""

import json
from dataclasses import replace

import numpy as np
import pytest

import halonet
from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, read_catalogue
from halonet.export.formats import export_catalogue
from halonet.export.reading import READERS, ForeignBox, _check_moves, _within, import_catalogue
from halonet.export.rows import ForeignError
from halonet.settings import CosmologySettings
from halonet.storage import StorageError

from .conftest import BOX_SIZE, CELLS, COSMOLOGY

BOX = ForeignBox(BOX_SIZE, CELLS, COSMOLOGY)
PRINTED = {"pksc": 1e-5, "pinocchio": 0.005 / 0.7 + 1e-5}  # last digits of a position (Mpc)


@pytest.fixture(params=READERS)
def foreign(request, written):
    """A catalogue, and the file of another code that holds it."""
    path, catalogue = written
    return request.param, export_catalogue(path, request.param), catalogue


def test_what_is_exported_comes_back_in_units_and_frame_of_this_project(foreign):
    name, path, catalogue = foreign
    back = import_catalogue(path, name, BOX)
    assert back.header.redshift == 0.5
    assert back.header.cosmology == COSMOLOGY.model_dump()
    assert (back.grid_cells, back.box_size_mpc, len(back)) == (CELLS, BOX_SIZE, len(catalogue))
    np.testing.assert_allclose(back["mass"], catalogue["mass"], rtol=1e-6)
    np.testing.assert_allclose(back["cells"], catalogue["cells"], rtol=1e-6)
    for names in (LAGRANGIAN, EULERIAN):
        apart = np.abs(back.positions(names) - catalogue.positions(names))
        assert np.minimum(apart, BOX_SIZE - apart).max() <= PRINTED[name]
        assert ((back.positions(names) >= 0) & (back.positions(names) < BOX_SIZE)).all()
    np.testing.assert_allclose(back.positions(VELOCITY), catalogue.positions(VELOCITY), atol=0.006)


def test_the_radius_is_that_of_the_mass_at_the_mean_density(foreign):
    name, path, _ = foreign
    back = import_catalogue(path, name, BOX)
    volume = 4 / 3 * np.pi * back["radius"].astype(float) ** 3 / (BOX_SIZE / CELLS) ** 3
    np.testing.assert_allclose(volume, back["cells"], rtol=1e-5)


def test_a_catalogue_of_no_haloes_comes_back_empty(haloes, write, tmp_path):
    path, _ = write(haloes.select(slice(0, 0)))
    for name in READERS:
        assert len(import_catalogue(export_catalogue(path, name, tmp_path / name), name, BOX)) == 0


@pytest.mark.parametrize("box_size", [BOX_SIZE * 0.7, BOX_SIZE / 2])
def test_a_box_in_units_of_h_or_too_small_is_refused(foreign, box_size):
    name, path, _ = foreign
    with pytest.raises(ForeignError, match=r"outside of a box of .* Mpc.*Mpc/h"):
        import_catalogue(path, name, replace(BOX, box_size_mpc=box_size))


def test_another_redshift_than_the_file_s_is_refused(foreign):
    name, path, _ = foreign
    with pytest.raises(ForeignError, match=r"its redshift is 0.5, that of the cosmology 1"):
        import_catalogue(path, name, replace(BOX, cosmology=COSMOLOGY.model_copy(update={"redshift": 1.0})))


@pytest.mark.parametrize(
    "changes", [{"cells": 2 * CELLS}, {"cosmology": COSMOLOGY.model_copy(update={"omega_cdm": 0.3})}]
)
def test_particles_of_another_grid_or_cosmology_are_refused(written, changes):
    path = export_catalogue(written[0], "pinocchio")
    with pytest.raises(ForeignError, match="times the mass of a cell of this box and cosmology"):
        import_catalogue(path, "pinocchio", replace(BOX, **changes))


def swapped(data):
    return np.frombuffer(data, "<u4").byteswap().tobytes()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-4], "cut off"),
        (lambda data: data + b"\0" * 8, "cut off"),
        (lambda data: data[:7], "7 bytes"),
        (lambda data: b"", "0 bytes"),
        (swapped, "another byte order"),
        (lambda data: data[:4] + b"\0\0\0\x41" + data[8:], "largest radius 8 Mpc in the header"),
        (lambda data: data[:12] + b"\0\0\xc0\x7f" + data[16:], "not finite"),
        (lambda data: data[:36] + b"\0\0\0\x80" + data[40:], "not positive"),
    ],
)
def test_a_damaged_pksc_is_refused_and_told_how(written, damage, message):
    path = export_catalogue(written[0], "pksc")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ForeignError, match=message):
        import_catalogue(path, "pksc", BOX)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("relative to H0=100", "in true units"), "OutputInH100"),
        (lambda text: text.replace("redshift", "time"), "no redshift"),
        (lambda text: text.rsplit(" ", 3)[0] + "\n", "numbers in a line where 12 are due"),
        (lambda text: text.replace(" 1 ", " x ", 1) if " 1 " in text else text + "x" * 3, "due|no numbers"),
        (lambda text: text + " ".join(["nan"] * 12) + "\n", "not finite"),
        (lambda text: "", "no redshift"),
    ],
)
def test_a_text_that_is_no_catalogue_of_pinocchio_is_refused_and_told_why(written, damage, message):
    path = export_catalogue(written[0], "pinocchio")
    path.write_text(damage(path.read_text()))
    with pytest.raises(ForeignError, match=message):
        import_catalogue(path, "pinocchio", BOX)


@pytest.mark.parametrize("text", ["...", "-", "1e"])
def test_a_redshift_in_the_header_that_is_no_number_is_named_with_its_file(written, text):
    path = export_catalogue(written[0], "pinocchio")
    path.write_text(path.read_text().replace("redshift 0.500000", f"redshift {text}"))
    with pytest.raises(ForeignError, match=r"redshift in its header: .* is no number"):
        import_catalogue(path, "pinocchio", BOX)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [(3, 1e30, r"column vx = 1.*e\+30 in .* values from -100000 to 100000 km/s"), (6, 1e3, "column mass = .* Msun")],
)
def test_values_that_no_halo_has_are_refused_before_anything_is_written(written, column, value, words):
    path = export_catalogue(written[0], "pksc")
    data = path.read_bytes()
    rows = np.frombuffer(data[12:], "<f4").reshape(-1, 11).copy()
    rows[:, column] = value
    path.write_bytes(data[:4] + (rows[:1, 6].tobytes() if column == 6 else data[4:8]) + data[8:12] + rows.tobytes())
    with pytest.raises(StorageError, match=words):
        import_catalogue(path, "pksc", BOX)


def test_lagrangian_positions_in_another_order_of_axes_are_refused():
    rng = np.random.default_rng(1)
    starts = rng.uniform(0, 64, (300, 3))
    ends = np.mod(starts + rng.normal(0, 6, (300, 3)), 64)
    _check_moves("own", starts, ends, 64.0)
    for wrong in (starts[:, ::-1], np.zeros((300, 3)), rng.permutation(starts)):
        with pytest.raises(ForeignError, match=r"own: its haloes are .* Mpc \(rms\) from their Lagrangian positions"):
            _check_moves("own", wrong, ends, 64.0)


def test_many_haloes_in_the_middle_of_a_box_are_of_a_smaller_one():
    box, larger = (ForeignBox(side, 64, CosmologySettings()) for side in (64.0, 64 / 0.7))
    haloes = np.random.default_rng(1).uniform(0, 64, (300, 3))
    np.testing.assert_array_equal(_within("own", LAGRANGIAN, haloes, box, 0.0), haloes)
    few = haloes[:20] + 14
    np.testing.assert_array_equal(_within("own", LAGRANGIAN, few, larger, 0.0), few)  # chance decides
    with pytest.raises(ForeignError, match=r"300 haloes reach over 6.* Mpc along qx, .* in a box of 91.4286 Mpc"):
        _within("own", LAGRANGIAN, haloes + 13.7, larger, 0.0)


def test_thousands_of_haloes_in_a_box_of_a_tenth_more_are_of_a_smaller_one():
    mock = halonet.make_mock(seed=5, cells=96)
    assert len(mock) > 900
    box, larger = (ForeignBox(side, 96, CosmologySettings()) for side in (96.0, 105.6))
    np.testing.assert_array_equal(_within("own", LAGRANGIAN, mock.positions(), box, 0.0), mock.positions())
    with pytest.raises(ForeignError, match=r"haloes reach over 9.* Mpc along qx, .* in a box of 105.6 Mpc"):
        _within("own", LAGRANGIAN, mock.positions(), larger, 0.0)


def test_centres_of_peak_patch_that_are_no_cells_of_the_box_are_said_to_be_so(tmp_path, caplog):
    export_catalogue_of(halonet.make_mock(seed=5, cells=64), tmp_path / "mock.pksc")
    for side, cells, told in ((64.0, 64, False), (65.0, 64, True), (64.0, 62, True)):
        caplog.clear()
        import_catalogue(tmp_path / "mock.pksc", "pksc", ForeignBox(side, cells, CosmologySettings()))
        assert ("cells off those of cells (median)" in caplog.text) == told


def export_catalogue_of(mock, path):
    halonet.export_catalogue(mock, path, "pksc")


def test_one_format_is_not_the_other(written):
    for name, other in (("pksc", "pinocchio"), ("pinocchio", "pksc")):
        with pytest.raises(ForeignError):
            import_catalogue(export_catalogue(written[0], name), other, BOX)


def test_the_command_writes_a_catalogue_that_says_where_it_is_from(written, tmp_path, monkeypatch):
    from halonet.command.main import parse

    path = export_catalogue(written[0], "pksc")
    words = f"import {path} --from pksc --box-size {BOX_SIZE} --cells {CELLS} -o {tmp_path / 'back.h5'} --cosmology"
    given = json.dumps(COSMOLOGY.model_dump(exclude={"redshift"}))
    arguments = parse([*words.split(), given])
    arguments.run(arguments)
    back = read_catalogue(tmp_path / "back.h5")
    assert back.header.redshift == 0.5
    assert back.header.provenance["settings"]["file"]["name"] == path.name
    np.testing.assert_allclose(back["mass"], written[1]["mass"], rtol=1e-6)
