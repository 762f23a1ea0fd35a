"""The catalogue for halotools: read with the call halotools makes, held to its rules, and by halotools itself."""

import h5py
import numpy as np
import pytest
from astropy.table import Table
from colossus.cosmology import cosmology as colossus
from colossus.halo import concentration

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY
from halonet.export.formats import export_catalogue

H, BOX_SIZE, CELLS = 0.7, 128.0, 64


@pytest.fixture
def exported(written):
    path, catalogue = written
    return export_catalogue(path, "halotools"), catalogue


def compare(table, catalogue):
    for name in (*EULERIAN, *LAGRANGIAN):
        np.testing.assert_allclose(table[f"halo_{name}"] / H, catalogue[name], rtol=1e-12)
    for name in VELOCITY:
        np.testing.assert_array_equal(table[f"halo_{name}"], catalogue[name])
    np.testing.assert_allclose(table["halo_mvir"] / H, catalogue["mass"], rtol=1e-12)
    np.testing.assert_allclose(table["halo_nfw_conc"] * table["halo_rs"], table["halo_rvir"], rtol=1e-12)
    np.testing.assert_allclose(table["halo_lagrangian_radius"] / H, catalogue["radius"], rtol=1e-12)
    np.testing.assert_array_equal(table["halo_id"], np.arange(len(catalogue)))


def test_positions_are_mpc_per_h_and_masses_msun_per_h(exported):
    path, catalogue = exported
    compare(Table.read(path, path="data"), catalogue)  # the call of halotools' CachedHaloCatalog.halo_table


def test_the_box_and_the_mass_of_a_cell_are_in_units_of_h(exported):
    with h5py.File(exported[0]) as file:
        attributes = dict(file.attrs)
    assert attributes["Lbox"] == pytest.approx(BOX_SIZE * H)
    assert attributes["particle_mass"] == pytest.approx(2.775e11 * 0.25 * (BOX_SIZE * H / CELLS) ** 3)
    assert attributes["redshift"] == b"0.5000"
    assert {"simname", "halo_finder", "version_name", "fname"} <= set(attributes)


def test_the_table_obeys_the_rules_of_the_cache(exported):
    """The rules of ``HaloTableCacheLogEntry`` of halotools 0.8."""
    table = Table.read(exported[0], path="data")
    assert all(name.startswith("halo_") for name in table.colnames)
    assert len(set(table["halo_id"])) == len(table)
    for name in EULERIAN:
        assert ((table[f"halo_{name}"] >= 0) & (table[f"halo_{name}"] <= BOX_SIZE * H)).all()
    assert (table["halo_rvir"] < 50).all()
    assert (table["halo_upid"] == -1).all()


def test_concentrations_are_the_mean_ones_of_virial_masses(exported):
    colossus.setCosmology(
        "box", {"flat": True, "H0": 70.0, "Om0": 0.25, "Ob0": 0.043, "sigma8": 0.8, "ns": 0.96, "relspecies": False}
    )
    table = Table.read(exported[0], path="data")[:3]
    expected = concentration.concentration(table["halo_mvir"], "vir", 0.5, model="diemer19")
    # The relation, of masses within 200c, is averaged for another definition by colossus, and here along one profile.
    np.testing.assert_allclose(table["halo_nfw_conc"], expected, rtol=0.01)


def test_the_columns_that_prebuilt_models_ask_for_are_there(exported):
    """``_haloprop_list`` of the models of halotools 0.8, and what populate_mock asks of any catalogue."""
    names = set(Table.read(exported[0], path="data").colnames)
    of_models = {"halo_mvir", "halo_rvir", "halo_nfw_conc"}
    of_any = {f"halo_{name}" for name in ("id", "upid", "hostid", "x", "y", "z", "vx", "vy", "vz")}
    assert of_models | of_any <= names


@pytest.mark.filterwarnings("ignore")
def test_models_of_halotools_populate_the_catalogue_where_it_is_installed(exported, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".astropy" / "cache").mkdir(parents=True)
    manager = pytest.importorskip("halotools.sim_manager", exc_type=ImportError)
    models = pytest.importorskip("halotools.empirical_models", exc_type=ImportError)
    haloes = manager.CachedHaloCatalog(fname=str(exported[0]))
    for name in ("leauthaud11", "tinker13", "hearin15", "zu_mandelbaum15", "zu_mandelbaum16", "zheng07"):
        model = models.PrebuiltHodModelFactory(name, threshold=-19 if name == "zheng07" else 10.5, redshift=0.5)
        model.populate_mock(haloes, seed=1, Num_ptcl_requirement=0)
        galaxies = model.mock.galaxy_table
        assert len(galaxies), name
        assert ((galaxies["x"] >= 0) & (galaxies["x"] <= BOX_SIZE * H)).all()


@pytest.mark.filterwarnings("ignore")
def test_halotools_itself_takes_the_file_where_it_is_installed(exported, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".astropy" / "cache").mkdir(parents=True)
    halotools = pytest.importorskip("halotools.sim_manager", exc_type=ImportError)
    path, catalogue = exported
    cached = halotools.CachedHaloCatalog(fname=str(path))
    compare(cached.halo_table, catalogue)
    np.testing.assert_allclose(cached.Lbox, BOX_SIZE * H)
    assert cached.redshift == 0.5
    columns = {name: np.array(cached.halo_table[name]) for name in cached.halo_table.colnames}
    supplied = halotools.UserSuppliedHaloCatalog(
        Lbox=cached.Lbox, particle_mass=cached.particle_mass, redshift=cached.redshift, **columns
    )
    compare(supplied.halo_table, catalogue)
