"""Columns of a catalogue file that do not fit one another, or its box, are not taken without a word."""

import re
from dataclasses import replace

import h5py
import numpy as np
import pytest

import halonet


@pytest.fixture(scope="module")
def mock():
    return halonet.make_mock(seed=7, cells=64)


@pytest.fixture
def said(tmp_path, caplog):
    """What is assumed of a catalogue that is written, and has some attributes replaced then."""

    def read(catalogue, **attributes):
        halonet.write_catalogue(tmp_path / "own.h5", catalogue)
        with h5py.File(tmp_path / "own.h5", "r+") as file:
            file.attrs.update(attributes)
        halonet.read_catalogue(tmp_path / "own.h5")
        return caplog.text

    return read


def times(mock, factor, *names):
    return replace(mock, columns=mock.columns | {name: mock[name] * np.float32(factor) for name in names})


def test_catalogues_of_every_method_fit_themselves(mock, said):
    assert not said(mock)
    assert not said(halonet.make_mock(seed=7, cells=48, method="n_body"))
    assert not said(halonet.make_mock(seed=7, cells=64, abundance_matching=True))


@pytest.mark.parametrize(
    ("factor", "names", "words"),
    [
        (0.7, ["radius"], "cells is 2.92 times what the radii give in a box of 64 Mpc with 64 cells"),
        (200 ** (-1 / 3), ["radius"], "cells is 200 times what the radii give"),
        (8.0, ["cells"], "cells is 8 times what the radii give"),
        (0.7, ["mass"], "mass is 0.7 times what the radii give"),
        (0.7, ["qx", "qy", "qz"], "its 305 haloes reach over 0.6.* of the side of a box of 64 Mpc"),
    ],
)
def test_columns_in_other_units_are_said(mock, said, factor, names, words):
    assert re.search(rf"assumed: .*own.h5: {words}", said(times(mock, factor, *names)))


@pytest.mark.parametrize("attributes", [{"box_size_mpc": 65.0}, {"box_size_mpc": 64 / 0.7}, {"grid_cells": 62}])
def test_a_box_or_grid_of_another_size_is_said(mock, said, attributes):
    assert "times what the radii give" in said(mock, **attributes)
