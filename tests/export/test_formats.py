"""Every format: what it needs is asked for by name, nothing stays half-written, twice gives the same bytes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from halonet.catalogue import EULERIAN, VELOCITY
from halonet.export import formats
from halonet.export.formats import FORMATS, ExportError, export_catalogue, write_as
from halonet.storage import StorageError

ROOT = Path(__file__).parents[2]
NEED_EULERIAN = [name for name, form in FORMATS.items() if form.columns]
NEED_COSMOLOGY = [name for name, form in FORMATS.items() if form.needs_cosmology]


def without(catalogue, *names):
    return replace(catalogue, columns={name: values for name, values in catalogue.columns.items() if name not in names})


@pytest.mark.parametrize("name", FORMATS)
def test_exported_twice_the_bytes_are_the_same_and_lie_beside_the_catalogue(name, written):
    path, _ = written
    output = export_catalogue(path, name)
    assert output == path.parent / f"haloes{FORMATS[name].suffix}"
    first = output.read_bytes()
    assert export_catalogue(path, name).read_bytes() == first
    assert sorted(path.parent.iterdir()) == sorted([path, output])


@pytest.mark.parametrize("name", FORMATS)
def test_a_catalogue_without_haloes_is_written_too(name, haloes, write):
    path, _ = write(haloes.select(np.zeros(len(haloes), bool)))
    assert export_catalogue(path, name).stat().st_size > 0


@pytest.mark.parametrize("name", NEED_EULERIAN)
def test_a_catalogue_without_eulerian_positions_is_refused_where_the_format_needs_them(name, haloes, write):
    path, _ = write(without(haloes, *EULERIAN, *VELOCITY))
    with pytest.raises(ExportError, match=r"haloes.h5: columns x, y, z.* are missing"):
        export_catalogue(path, name)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", NEED_COSMOLOGY)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cosmology": None}, "needs h, omega_b, omega_cdm"),
        ({"cosmology": {"omega_b": 0.05, "omega_cdm": 0.25}}, "needs h; "),
        ({"redshift": None}, "root attribute redshift is missing"),
        ({"cosmology": {"h": 70.0, "omega_b": 0.05, "omega_cdm": 0.25}}, "cosmology: h = 70.0"),
    ],
)
def test_a_format_in_units_of_h_asks_for_the_cosmology_rather_than_assume_one(name, change, message, haloes, write):
    path, _ = write(replace(haloes, header=replace(haloes.header, **change)))
    with pytest.raises(ValueError, match=message):
        export_catalogue(path, name)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", sorted(set(FORMATS) - set(NEED_COSMOLOGY)))
def test_a_format_without_h_needs_no_cosmology(name, haloes, write):
    path, _ = write(replace(haloes, header=replace(haloes.header, cosmology=None, redshift=None, seed=None)))
    assert export_catalogue(path, name).exists()


@pytest.mark.parametrize("name", NEED_EULERIAN)
def test_eulerian_positions_outside_the_box_are_refused(name, haloes, write):
    path, held = write(haloes)
    held.columns["x"][5] = 130.0
    with pytest.raises(StorageError, match="x leaves the box"):
        write_as(held, name, path.with_name(f"a{FORMATS[name].suffix}"))
    haloes["x"][5] = 130.0
    with pytest.raises(StorageError, match=r"haloes.h5: x leaves the box \[0, 128.0\) Mpc in 1 of 300"):
        write(haloes)  # and reads it


def test_a_mass_that_is_none_is_refused(haloes, write):
    path, held = write(haloes)
    held.columns["mass"][5] = 0.0
    with pytest.raises(ExportError, match=r"mass = 0 Msun in 1 of 300 haloes"):
        write_as(held, "pksc", path.with_name("a.pksc"))
    for value in (-1.0, 0.0):
        haloes["mass"][5] = value
        with pytest.raises(StorageError, match=rf"column mass = {value:g} in 1 of 300 values"):
            write(haloes)  # and reads it


def test_names_that_cannot_be_written_are_refused(written):
    path, _ = written
    with pytest.raises(ExportError, match="no format 'rockstar'; there are pksc"):
        export_catalogue(path, "rockstar")
    with pytest.raises(ExportError, match=r"ends with \.hdf5"):
        export_catalogue(path, "halotools", path.parent / "out.h5")
    with pytest.raises(ExportError, match="is the catalogue itself"):
        export_catalogue(path, "nbodykit", path)


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_that_fails_leaves_the_old_file(name, written, monkeypatch):
    path, _ = written
    output = export_catalogue(path, name)
    old = output.read_bytes()

    def full_disk(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(OSError, match="no space left"):
        export_catalogue(path, name)
    assert output.read_bytes() == old
    assert sorted(path.parent.iterdir()) == sorted([path, output])


def test_the_page_has_a_row_for_every_format():
    page = (ROOT / "docs" / "exporting.md").read_text()
    for name in formats.FORMATS:
        assert f"| `{name}` |" in page


def test_the_command_writes_the_file_and_ends_bad_input_in_one_line(written, run_script):
    path, _ = written
    run_script("export_catalogue", path, "--to", "pksc", "--output", path.parent / "out.pksc")
    assert (path.parent / "out.pksc").exists()
    bad = run_script("export_catalogue", path.parent / "none.h5", "--to", "pksc", check=False)
    assert bad.returncode == 2
    assert bad.stderr.startswith("error: ")
    assert "none.h5: no such file" in bad.stderr


def test_of_one_tile_of_a_universe_it_is_said_that_its_haloes_fill_a_part_of_the_box(haloes, tmp_path, caplog):
    write_as(replace(haloes, notes={"tile": {"index": [0, 1, 0], "of": 8}}), "fits", tmp_path / "tile.fits", "tile.h5")
    assert "tile.h5: tile 0,1,0 of 8 of a universe" in caplog.text
    caplog.clear()
    write_as(haloes, "fits", tmp_path / "whole.fits", "whole.h5")
    assert not caplog.records
