"""Work of whole stages that can be counted: Fourier transforms of a box, jobs of a run, bytes of a window."""

import re
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest
from forks import SNAKEMAKE, run_python

from counts.counted_loops import spherical_table
from counts.paper import PAPER
from halonet import spectra
from halonet.catalogue import HaloCatalogue
from halonet.cosmology import WAVENUMBERS
from halonet.dataset import channels
from halonet.dataset.samples import read_window
from halonet.grid.slabs import Slabs
from halonet.halo_finding.haloes import with_eulerian_columns
from halonet.initial_conditions.density import linear_density
from halonet.peak_patch.candidates import filter_radii
from halonet.peak_patch.finder import find_haloes
from halonet.settings import ChannelSettings, CosmologySettings, FilterBankSettings, PeakPatchSettings
from halonet.statistics.shear import measure_shapes
from halonet.storage import FieldHeader, write_field
from halonet.workflow.run_status import jobs_by_rule

ROOT = Path(__file__).parents[2]
CELLS = 32


@pytest.fixture
def transforms(monkeypatch):
    """Counter of the three-dimensional transforms, forward and inverse."""
    count = Counter()

    def counted(name, transform):
        def call(*arguments, **options):
            count[name] += 1
            return transform(*arguments, **options)

        return call

    for name in ("forward", "inverse"):
        monkeypatch.setattr(Slabs, name, counted(name, getattr(Slabs, name)))
    monkeypatch.setattr(spectra.fft, "rfftn", counted("forward", spectra.fft.rfftn))
    return count


@pytest.fixture(scope="module")
def density():
    field = np.random.default_rng(1).standard_normal((CELLS,) * 3, dtype=np.float32)
    return field / field.std()


@pytest.fixture(scope="module")
def haloes():
    random = np.random.default_rng(2)
    columns = {name: random.uniform(0, CELLS, 20) for name in ("qx", "qy", "qz")}
    columns |= {"radius": random.uniform(2, 4, 20), "mass": np.full(20, 3.4e12), "cells": np.full(20, 100.0)}
    return HaloCatalogue(columns, FieldHeader(float(CELLS)), CELLS)


def test_a_density_takes_one_transform_there_and_one_back(transforms):
    linear_density(Slabs(CELLS), 1, float(CELLS), WAVENUMBERS, np.ones_like(WAVENUMBERS), CosmologySettings())
    assert transforms == {"forward": 1, "inverse": 1}


def test_peak_patch_takes_one_transform_a_filter_and_thirteen_for_both_orders_of_the_displacement(transforms, density):
    settings = PeakPatchSettings(filters=FilterBankSettings(largest_mpc=6.0))
    find_haloes(density, Slabs(CELLS), 1.0, CosmologySettings(), settings, spherical_table())
    filters = len(filter_radii(settings.filters, 1.0))
    # Modes of the density and of the second-order source; three components of either order and six of the source.
    assert transforms == {"forward": 2, "inverse": filters + 3 + 6 + 3}


def test_eulerian_positions_take_fourteen_transforms_whatever_the_number_of_haloes(transforms, density, haloes):
    with_eulerian_columns(haloes, density, CosmologySettings(), 0.0)
    assert transforms == {"forward": 2, "inverse": 6 + 3 + 3}


def test_shapes_take_six_transforms_for_two_catalogues(transforms, density, haloes):
    measure_shapes(density, [haloes, haloes])
    assert transforms == {"forward": 1, "inverse": 5}


def test_spectra_take_one_transform_a_field(transforms, density):
    spectra.measure_spectra(density, density**2, float(CELLS))
    assert transforms == {"forward": 2}


def test_channels_share_the_strain_of_a_radius_and_three_transforms_along_x(transforms, density, monkeypatch):
    radii, lines = [2.0, 3.0], Counter()

    def counted(modes, axis, **options):
        lines[axis] += modes.size // modes.shape[axis]
        return ifft(modes, axis=axis, **options)

    ifft = channels.fft.ifft
    monkeypatch.setattr(channels.fft, "ifft", counted)
    settings = ChannelSettings(smoothing_cells=radii, shear_cells=radii, prolateness_cells=radii)
    channels.whole_box_channels(density, settings)
    assert transforms == {"forward": 1}
    a_field = CELLS * (CELLS // 2 + 1)  # lines of the modes of a field
    # Along x where all planes are transformed together, and along y where one of a field is.
    assert lines == {1: 3 * len(radii) * a_field, 0: 6 * len(radii) * a_field}


def test_the_paper_s_run_is_planned_in_as_many_jobs_as_it_has_boxes_and_stages(tmp_path):
    command = ["-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", tmp_path]
    process = run_python([*command, "--dry-run", "--quiet", "host", "--", "all"], SNAKEMAKE)
    assert not process.returncode, process.stdout + process.stderr
    assert jobs_by_rule(process.stdout + process.stderr) == PAPER


def bytes_read(function):
    """Bytes that this process asks the system for while a function runs."""
    counts = []
    for _ in range(2):
        (count,) = re.findall(r"^rchar: (\d+)$", Path("/proc/self/io").read_text(), re.MULTILINE)
        counts.append(int(count))
        if len(counts) == 1:
            function()
    return counts[1] - counts[0]


@pytest.mark.parametrize(("start", "chunks"), [((32, 0, 32), 2**3), ((17, 3, 40), 3**3)])
def test_a_window_reads_the_chunks_it_touches_once(tmp_path, start, chunks):
    write_field(tmp_path / "density.h5", "density", np.ones((128,) * 3, np.float32), FieldHeader(128.0))
    with h5py.File(tmp_path / "density.h5") as file:
        assert file["density"].chunks == (32,) * 3
    needed = chunks * 4 * 32**3
    read = bytes_read(lambda: read_window(tmp_path / "density.h5", "density", start, 64))
    assert needed <= read < needed + 2**17
