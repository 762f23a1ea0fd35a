"""PINOCCHIO's ASCII catalogue, read as its users do: comments skipped, columns split at blanks."""

import numpy as np
import pytest

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY
from halonet.export.formats import export_catalogue

H, BOX_SIZE = 0.7, 128.0


@pytest.fixture
def pinocchio(written):
    path, catalogue = written
    output = export_catalogue(path, "pinocchio")
    return catalogue, output.read_text(), np.loadtxt(output)


def test_masses_are_msun_per_h_and_positions_mpc_per_h(pinocchio):
    catalogue, _, rows = pinocchio
    np.testing.assert_allclose(rows[:, 1] / H, catalogue["mass"], rtol=1e-6)
    for columns, names in ((rows[:, 2:5], LAGRANGIAN), (rows[:, 5:8], EULERIAN)):
        apart = np.abs(columns / H - catalogue.positions(names))
        assert np.minimum(apart, BOX_SIZE - apart).max() < 0.0051 / H


def test_velocities_are_km_per_s_and_particles_cells(pinocchio):
    catalogue, _, rows = pinocchio
    np.testing.assert_allclose(rows[:, 8:11], catalogue.positions(VELOCITY), atol=0.0051)
    np.testing.assert_array_equal(rows[:, 11], np.round(catalogue["cells"]))


def test_ids_are_rows_of_the_catalogue(pinocchio):
    catalogue, _, rows = pinocchio
    np.testing.assert_array_equal(rows[:, 0], np.arange(len(catalogue)))


def test_a_position_that_rounds_up_to_the_side_of_the_box_is_at_zero(pinocchio):
    rows = pinocchio[2]
    assert (rows[:, 2:8] >= 0).all()
    assert (rows[:, 2:8] < BOX_SIZE * H).all()


def test_header_and_width_of_the_lines_are_those_of_pinocchio(pinocchio):
    catalogue, text, _ = pinocchio
    lines = text.splitlines()
    least = int(np.round(catalogue["cells"]).min())
    assert lines[0] == f"# Group catalog for redshift 0.500000 and minimal mass of {least} particles"
    assert lines[3] == "#    2) group mass (Msun/h)"
    assert [line.startswith("#") for line in lines[:10]] == 9 * [True] + [False]
    assert {len(line) for line in lines[9:]} == {13 + 14 + 9 * 11 + 13}
