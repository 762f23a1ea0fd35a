"""Peak Patch catalogues, read by a parser written from the layout that Peak Patch documents."""

import struct

import numpy as np
import pytest

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY
from halonet.export.formats import export_catalogue

BOX_SIZE = 128.0
MEAN_DENSITY = 2.775e11 * 0.25 * 0.7**2  # Msun / Mpc^3, as Peak Patch's scripts have it


def read_pksc(path):
    data = path.read_bytes()
    count, largest, redshift = struct.unpack("<iff", data[:12])
    rows = np.array(struct.unpack(f"<{11 * count}f", data[12:])).reshape(count, 11)
    return largest, redshift, rows


@pytest.fixture
def pksc(written):
    path, catalogue = written
    return catalogue, *read_pksc(export_catalogue(path, "pksc"))


def test_positions_are_mpc_about_the_centre_of_the_box_and_velocities_km_per_s(pksc):
    catalogue, _, _, rows = pksc
    np.testing.assert_allclose(rows[:, 0:3] + BOX_SIZE / 2, catalogue.positions(EULERIAN), atol=1e-5)
    np.testing.assert_allclose(rows[:, 3:6], catalogue.positions(VELOCITY), rtol=1e-6)
    np.testing.assert_allclose(rows[:, 7:10] + BOX_SIZE / 2, catalogue.positions(LAGRANGIAN), atol=1e-5)
    assert (np.abs(rows[:, :3]) <= BOX_SIZE / 2).all()


def test_a_reader_gets_the_mass_of_the_catalogue_from_the_radius(pksc):
    catalogue, largest, _, rows = pksc
    np.testing.assert_allclose(4 * np.pi / 3 * rows[:, 6] ** 3 * MEAN_DENSITY, catalogue["mass"], rtol=1e-6)
    assert largest == rows[:, 6].max()


def test_the_header_gives_the_redshift_of_the_box(pksc):
    assert pksc[2] == 0.5


def test_the_last_column_is_the_overdensity(pksc):
    catalogue, _, _, rows = pksc
    np.testing.assert_array_equal(rows[:, 10], catalogue["overdensity"])


def test_haloes_of_a_network_have_no_overdensity_and_get_minus_one(haloes, write):
    del haloes.columns["overdensity"]
    path, _ = write(haloes)
    assert (read_pksc(export_catalogue(path, "pksc"))[2][:, 10] == -1).all()
