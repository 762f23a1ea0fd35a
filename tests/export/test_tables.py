"""FITS read with astropy, Parquet with pyarrow and pandas: every column, its unit and all metadata come back."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.io import fits
from astropy.table import QTable
from pyarrow import parquet

from halonet.catalogue import COLUMNS
from halonet.export.formats import export_catalogue
from halonet.settings import SettingsError

ASTROPY_UNITS = {"Mpc": units.Mpc, "km/s": units.km / units.s, "Msun": units.Msun}


def held(catalogue):
    """Columns of a catalogue in the order of the table."""
    return {name: column for name, column in COLUMNS.items() if name in catalogue.columns}


@pytest.fixture
def exported(written):
    path, catalogue = written
    return lambda name: (export_catalogue(path, name), catalogue)


@pytest.mark.filterwarnings("error")
def test_fits_columns_are_quantities_without_h(exported):
    path, catalogue = exported("fits")
    table = QTable.read(path, hdu="HALOES")
    assert table.colnames == list(held(catalogue))
    for name, column in held(catalogue).items():
        if column.unit == "1":
            assert table[name].unit is None
            np.testing.assert_array_equal(np.asarray(table[name]), catalogue[name])
        else:
            assert table[name].unit == ASTROPY_UNITS[column.unit]
            np.testing.assert_array_equal(table[name].value, catalogue[name])


@pytest.mark.filterwarnings("error")
def test_the_header_of_a_fits_table_says_what_the_catalogue_says(exported):
    path, catalogue = exported("fits")
    with fits.open(path) as file:
        file.verify("exception")
        header, columns = file["HALOES"].header, file["HALOES"].columns
        assert (header["BOXSIZE"], header["REDSHIFT"], header["SEED"], header["NGRID"]) == (128.0, 0.5, 7, 64)
        assert json.loads(header["COSMOLOG"]) == catalogue.header.cosmology
        assert json.loads(header["PROVENAN"]) == catalogue.header.provenance
        assert json.loads(header["NOTES"]) == catalogue.notes
        assert header[f"TCOMM{columns.names.index('mass') + 1}"] == COLUMNS["mass"].description
        formats = [{"f4": "E", "f8": "D"}[column.dtype] for column in held(catalogue).values()]
        assert [column.format for column in columns] == formats


def test_parquet_columns_come_back_with_dtype_unit_and_description(exported):
    path, catalogue = exported("parquet")
    table = parquet.read_table(path)
    assert table.column_names == list(held(catalogue))
    for name, column in held(catalogue).items():
        assert table[name].type.to_pandas_dtype() == np.dtype(column.dtype)
        np.testing.assert_array_equal(table[name].to_numpy(), catalogue[name])
        about = table.schema.field(name).metadata
        assert about == {b"unit": column.unit.encode(), b"description": column.description.encode()}


def test_the_schema_of_a_parquet_table_says_what_the_catalogue_says(exported):
    path, catalogue = exported("parquet")
    about = parquet.read_schema(path).metadata
    assert float(about[b"box_size_mpc"]) == 128.0
    assert float(about[b"redshift"]) == 0.5
    assert int(about[b"grid_cells"]) == 64
    assert json.loads(about[b"cosmology"]) == catalogue.header.cosmology
    assert json.loads(about[b"provenance"]) == catalogue.header.provenance


def test_pandas_reads_the_parquet_table(exported):
    path, catalogue = exported("parquet")
    frame = pd.read_parquet(path)
    np.testing.assert_array_equal(frame["mass"], catalogue["mass"])


def test_a_table_has_the_columns_the_catalogue_has_and_no_others(haloes, write):
    del haloes.columns["overdensity"], haloes.columns["x"]
    path, _ = write(haloes)
    expected = list(held(haloes))
    assert not {"overdensity", "x"} & set(expected)
    assert parquet.read_table(export_catalogue(path, "parquet")).column_names == expected
    assert QTable.read(export_catalogue(path, "fits"), hdu="HALOES").colnames == expected


@pytest.mark.parametrize(("name", "library"), [("fits", "astropy"), ("parquet", "pyarrow")])
def test_a_library_that_is_not_installed_is_named_with_how_to_install_it(written, monkeypatch, name, library):
    for module in [module for module in sys.modules if module.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(SettingsError, match=rf"needs {library}.*pip install -r requirements/export\.txt"):
        export_catalogue(written[0], name)
