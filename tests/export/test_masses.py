"""Masses by other definitions in the files of other codes, and what is refused."""

import h5py
import numpy as np
import pytest

from halonet.export.formats import FORMATS, ExportError, Masses, export_catalogue
from halonet.masses import with_masses
from halonet.settings import SettingsError

H = 0.7


@pytest.fixture
def unmeasured(haloes, write):
    """A catalogue as Peak Patch and networks make it: nothing is measured of its haloes' profiles."""
    for name in ("m200m", "r200m", "m200c"):
        del haloes.columns[name]
    return write(haloes)


@pytest.mark.parametrize("name", ["fits", "parquet"])
def test_tables_have_the_columns_of_the_masses_that_are_asked_for(unmeasured, name):
    path, catalogue = unmeasured
    expected = with_masses(catalogue, ["200c", "vir"])
    output = export_catalogue(path, name, masses=Masses(["vir", "200c"]))
    if name == "fits":
        table = pytest.importorskip("astropy.table").Table.read(output, hdu="HALOES")
        assert '"taken_as": "200m"' in table.meta["PROVENAN"]
    else:
        table = pytest.importorskip("pandas").read_parquet(output)
    for column in ("m200c", "r200c", "mvir", "rvir", "scale_radius"):
        np.testing.assert_array_equal(np.asarray(table[column]), expected[column])
    assert not {"m200m", "m500c"} & set(table.columns)


def test_halotools_gets_the_virial_mass_that_goes_with_the_others_in_units_of_h(unmeasured):
    path, catalogue = unmeasured
    expected = with_masses(catalogue, ["200m", "vir"])
    with h5py.File(export_catalogue(path, "halotools", masses=Masses(["200m"]))) as file:
        table, notes = file["data"][:], file.attrs["processing_notes"].decode()
    np.testing.assert_allclose(table["halo_m200m"] / H, catalogue["mass"], rtol=1e-12)
    np.testing.assert_allclose(table["halo_mvir"] / H, expected["mvir"], rtol=1e-12)
    np.testing.assert_allclose(table["halo_rvir"] / H, expected["rvir"], rtol=1e-12)
    assert (table["halo_mvir"] < table["halo_m200m"]).all()
    assert "taken for a mass within 200m" in notes


def test_nbodykit_gets_further_columns_with_their_units(unmeasured):
    path, catalogue = unmeasured
    expected = with_masses(catalogue, ["500c"])
    with h5py.File(export_catalogue(path, "nbodykit", masses=Masses(["500c"]))) as file:
        np.testing.assert_allclose(file["m500c"][:] / H, expected["m500c"], rtol=1e-12)
        np.testing.assert_allclose(file["r500c"][:] / H, expected["r500c"], rtol=1e-12)
        assert (file["m500c"].attrs["unit"], file["r500c"].attrs["unit"]) == ("Msun/h", "Mpc/h")


@pytest.mark.parametrize("name", [form.name for form in FORMATS.values() if form.masses is None])
def test_a_format_without_a_column_for_them_is_refused_and_nothing_is_written(unmeasured, name):
    path, _ = unmeasured
    with pytest.raises(ExportError, match=f"{name} has no column for masses by vir; halotools, nbodykit, fits"):
        export_catalogue(path, name, masses=Masses(["vir"]))
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_without_cosmology_no_mass_is_converted(unmeasured):
    path, _ = unmeasured
    with h5py.File(path, "a") as file:
        del file.attrs["cosmology"]
    with pytest.raises(SettingsError, match="masses by other definitions need h, omega_b, omega_cdm"):
        export_catalogue(path, "parquet", masses=Masses(["vir"]))
