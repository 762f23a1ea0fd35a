"""The notebook of the documentation runs from its first cell to its last on a mock."""

from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue, write_catalogue
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader

NOTEBOOKS = Path(__file__).parents[2] / "docs/notebooks"
NOTEBOOK = NOTEBOOKS / "mock.ipynb"
SIDE = 64.0


@pytest.fixture
def mock(tmp_path):
    """A catalogue with the columns of a mock, whose mass function falls as 1 / M."""
    rng = np.random.default_rng(1)
    columns = {}
    for q, x, v in zip(LAGRANGIAN, EULERIAN, VELOCITY, strict=True):
        start, moved = rng.uniform(0, SIDE, 400), rng.normal(0, 8, 400)
        columns |= {q: start.astype("f4"), x: ((start + moved) % SIDE).astype("f4"), v: (33 * moved).astype("f4")}
    cells = 27 / rng.uniform(1e-3, 1, 400)
    columns |= {"radius": np.cbrt(3 * cells / (4 * np.pi)), "mass": 3.4e10 * cells, "cells": cells}
    header = FieldHeader(SIDE, 0.0, CosmologySettings().model_dump(), 1)
    write_catalogue(tmp_path / "mock.h5", HaloCatalogue(columns, header, 64))
    return tmp_path


def test_the_notebook_runs_and_draws_its_three_figures(mock):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": mock}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert "400 haloes in a box of 64 Mpc" in outputs[0]["text"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 3


@pytest.mark.slow  # its functions are those of README's lines, which are in every run
def test_ten_lines_lead_from_a_density_to_its_mass_function_beside_tinkers(tmp_path):
    notebook = nbformat.read(NOTEBOOKS / "own_density.ipynb", as_version=4)
    nbformat.validate(notebook)
    first, last = (cell for cell in notebook.cells if cell.cell_type == "code")
    assert sum(bool(line) and "import" not in line for line in first.source.splitlines()) <= 10
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    assert any("image/png" in output.get("data", {}) for output in first.outputs)
    assert "305 haloes" in last.outputs[0]["data"]["text/html"]


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path):
    for cell in nbformat.read(path, as_version=4).cells:
        assert not cell.get("outputs")
