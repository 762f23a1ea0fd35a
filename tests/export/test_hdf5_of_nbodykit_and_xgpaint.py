"""HDF5 for nbodykit and XGPaint, read by what their readers do: neither can be installed by pip without a compiler."""

import h5py
import numpy as np

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY
from halonet.export.formats import export_catalogue

H, BOX_SIZE = 0.7, 128.0


def read_as_nbodykit(path):
    """Every dataset of the file is a column, all of one length; attributes of the group ``Header`` are metadata."""
    columns = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: columns.update({name: item[:]}) if isinstance(item, h5py.Dataset) else None)
        header = dict(file["Header"].attrs)
    assert len({len(values) for values in columns.values()}) == 1
    return columns, header


def test_nbodykit_finds_positions_in_mpc_per_h_velocities_in_km_per_s_and_masses_in_msun_per_h(written):
    path, catalogue = written
    columns, header = read_as_nbodykit(export_catalogue(path, "nbodykit"))
    np.testing.assert_allclose(columns["Position"] / H, catalogue.positions(EULERIAN), rtol=1e-12)
    np.testing.assert_allclose(columns["LagrangianPosition"] / H, catalogue.positions(LAGRANGIAN), rtol=1e-12)
    np.testing.assert_array_equal(columns["Velocity"], catalogue.positions(VELOCITY))
    np.testing.assert_allclose(columns["Mass"] / H, catalogue["mass"], rtol=1e-12)
    np.testing.assert_allclose(columns["LagrangianRadius"] / H, catalogue["radius"], rtol=1e-12)
    np.testing.assert_allclose(header["BoxSize"], 3 * [BOX_SIZE * H])
    assert header["redshift"] == 0.5
    assert (columns["Position"] < BOX_SIZE * H).all()


def test_xgpaint_finds_four_rows_with_positions_in_mpc_about_the_observer_and_masses_in_msun(written):
    path, catalogue = written
    with h5py.File(export_catalogue(path, "xgpaint")) as file:
        julia = file["halos"][:].T  # the order in which Julia sees the axes
    assert julia.shape == (4, len(catalogue))
    assert julia.dtype == np.float32
    np.testing.assert_allclose(julia[:3].T + BOX_SIZE / 2, catalogue.positions(EULERIAN), atol=1e-5)
    np.testing.assert_allclose(julia[3], catalogue["mass"], rtol=1e-6)
