"""The self-consistent mock in small, what is made of its chain, and constrained boxes in the pipeline."""

import json
import subprocess
import sys

import h5py
import numpy as np
import pytest
from checkout import ROOT

from halonet.catalogue import read_catalogue
from halonet.cosmology import write_power_spectrum
from halonet.field_level.constrained import constrained_density
from halonet.field_level.data import write_data
from halonet.field_level.results import halo_densities, predicted, read_chains, summarise
from halonet.field_level.run_chain import open_chain, run_chain
from halonet.field_level.spectra import WavenumberShells
from halonet.neural_bias.evolution import resample
from halonet.neural_bias.results import write_arrays
from halonet.settings import BiasSamplerSettings, CosmologySettings, FieldLevelSettings
from halonet.settings.base import SettingsError, validate
from halonet.storage import FieldHeader, read_field, read_header, write_field, write_json

SLOW = pytest.mark.slow  # of a chain of minutes: `python -m pytest -m slow`


@pytest.fixture(scope="module")
def run(make_mock, tmp_path_factory):
    """Folder, mock, settings, summary and arrays of a chain on 16^3 cells of 10 Mpc."""
    folder = tmp_path_factory.mktemp("mock")
    mock, settings = make_mock(
        16, theta=BiasSamplerSettings(moves=2), warmup=80, samples=160, phase_thinning=8, start="filtered"
    )
    write_data(folder / "inputs.h5", mock.data, {})
    run_chain(open_chain(mock.data, settings, 1, 0, folder / "chain.h5"), folder / "chain.h5", {})
    summary, arrays = summarise(mock.data, settings, [folder / "chain.h5"], 1)
    return folder, mock, settings, summary, arrays


@SLOW
def test_phases_drawn_from_the_model_are_recovered_on_large_scales_and_let_go_on_small_ones(run):
    correlation, transfer = (np.array(run[3]["recovery"][name]) for name in ("correlation", "transfer"))
    assert correlation[0] > 0.8
    assert correlation[0] > correlation[2] > correlation[5]
    assert abs(correlation[6:]).max() < 0.35
    # Of the posterior mean of a well-specified model, what is left of the power is what is right.
    np.testing.assert_allclose(transfer[:4], correlation[:4], atol=0.25)


@SLOW
def test_the_power_of_the_sampled_phases_is_that_of_the_prior_in_every_shell(run):
    _, mock, settings, summary, _ = run
    assert summary["spectrum"]["largest_pull"] < 2
    # The check would see a chain that is still over-smooth, as BORG's starts are.
    shells = WavenumberShells(settings.cells, mock.data.inputs.box_size)
    assert np.abs((shells.noise_power(0.8 * mock.noise) - 1) / shells.noise_scatter).max() > 3


@SLOW
def test_the_bias_parameters_of_a_mock_are_recovered_as_halo_densities_in_four_environments(run):
    _, mock, settings, _, arrays = run
    problem = mock.data.problem(settings)
    truth = halo_densities(problem, mock.theta_of(problem.model)[None])[0]
    found = arrays["halo_densities"][0]
    # A single short chain knows its own spread but roughly.
    assert (np.abs(found.mean(axis=0) - truth) < 4 * found.std(axis=0) + 0.05 * truth).all()
    # The mass function rises with the density by as much as it should.
    contrast, true_contrast = (np.log(each[-1, 0] / each[0, 0]) for each in (found.mean(axis=0), truth))
    assert contrast == pytest.approx(true_contrast, rel=0.25)
    assert true_contrast > 1


@SLOW
def test_posterior_predictive_catalogues_have_the_haloes_and_their_clustering(run):
    folder, mock, settings, _, arrays = run
    catalogue = predicted(mock.data, settings, read_chains([folder / "chain.h5"]), 0, 1, {})
    expected = len(mock.data.inputs.haloes)
    assert abs(len(catalogue) - expected) < 5 * expected**0.5
    assert catalogue.box_size_mpc == mock.data.inputs.box_size
    low, high = np.percentile(arrays["predictive/power"], [0.5, 99.5], axis=0)
    found = arrays["predictive/found_power"]
    assert ((low * 0.7 < found) & (found < high * 1.4)).all()


@SLOW
def test_the_posterior_is_narrower_than_the_prior_and_holds_the_truth(run):
    _, mock, _, _, arrays = run
    prior = mock.data.truth["linear"].std()
    assert arrays["linear_deviation"].mean() < 0.97 * prior
    inside = np.abs(arrays["linear_mean"] - mock.data.truth["linear"]) < 2 * arrays["linear_deviation"]
    assert 0.9 < inside.mean() < 0.99


@SLOW
def test_figures_and_a_constrained_density_are_made_by_the_scripts_and_peak_patch_runs_on_it(run, tmp_path):
    folder, mock, settings, summary, arrays = run
    write_json(folder / "summary.json", summary)
    write_arrays(folder / "arrays.h5", arrays, {})

    def script(name, **options):
        words = [word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", str(value))]
        command = [sys.executable, str(ROOT / f"workflow_scripts/{name}.py"), *words]
        subprocess.run(command, check=True, capture_output=True, text=True)

    common = {"inputs": folder / "inputs.h5", "summary": folder / "summary.json", "arrays": folder / "arrays.h5"}
    script("draw_field_level_figures", **common, figures=tmp_path / "figures")
    names = {path.stem for path in (tmp_path / "figures").glob("*.png")}
    assert names == {"recovery", "maps", "spectra", "chains", "predictive", "flow"}
    density = tmp_path / "density.h5"
    script(
        "write_constrained_density", inputs=folder / "inputs.h5", chains=folder / "chain.h5", seed=1, cells=64,
        settings=settings.model_dump_json(), density=density,
    )  # fmt: skip
    header = read_header(density)
    assert (header.box_size_mpc, header.redshift) == (160.0, 0.0)
    assert header.provenance["stage"] == "constrained density"
    # The box has the large waves of the truth behind the catalogue.
    shells = WavenumberShells(16, 160.0)
    assert shells.compared(resample(read_field(density, "density"), 16), mock.data.truth["linear"])[1][0] > 0.6
    peak_patch = {"minimum_cells": 20, "filters": {"largest_mpc": 20.0}}
    script(
        "find_peak_patch_haloes", density=density, haloes=tmp_path / "haloes.h5", mask=tmp_path / "mask.h5",
        settings=json.dumps(peak_patch),
    )  # fmt: skip
    assert len(read_catalogue(tmp_path / "haloes.h5")) > 10


def test_a_constrained_box_keeps_the_sampled_modes_and_has_the_linear_spectrum_beyond_them(spectrum, make_gravity):
    import tensorflow as tf

    cosmology, gravity = CosmologySettings(), make_gravity(8)
    sampled = gravity.linear_density(tf.constant(np.random.default_rng(0).standard_normal((8,) * 3))).numpy()
    fine, other = (constrained_density(sampled, 32, gravity.box_size, seed, spectrum, cosmology) for seed in (1, 2))
    kept = resample(sampled, 32)
    np.testing.assert_allclose(resample(resample(fine, 8), 32), resample(resample(kept, 8), 32), atol=1e-4)
    shells = WavenumberShells(32, gravity.box_size)
    correlation = shells.compared(fine, other)[1]
    assert (correlation[:3] > 0.999).all()  # below the Nyquist planes of 8^3 cells, which begin at the fourth
    assert np.abs(correlation[8:]).max() < 0.2
    power = shells.mean(np.abs(np.fft.rfftn(fine)) ** 2) * gravity.box_size**3 / 32**6
    expected = shells.mean(make_gravity(32, cell_size=gravity.box_size / 32).linear_power)
    assert (np.abs(power[8:] / expected[8:] - 1) < 4 * shells.noise_scatter[8:]).all()
    np.testing.assert_array_equal(
        constrained_density(sampled, 8, gravity.box_size, 1, spectrum, cosmology), sampled.astype(np.float32)
    )
    with pytest.raises(ValueError, match="6 cells along a side cannot hold a sample of 8"):
        constrained_density(sampled, 6, gravity.box_size, 1, spectrum, cosmology)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cells": 33}, "cells = 33 must be even"),
        ({"engine": {"boundary": "valid"}}, "engine.boundary = 'valid'"),
        ({"supersample": 1}, "supersample = 1 leaves voxels empty"),
        ({"samples": 10, "phase_thinning": 20}, "phase_thinning = 20 keeps no phases"),
        ({"maximum_mass_msun": 1e12}, "maximum_mass_msun = 1000000000000.0 must exceed"),
        ({"phases": {"kind": "nuts"}}, "phases.kind = 'nuts'"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_key_and_value(values, message):
    with pytest.raises(SettingsError, match=message):
        validate(FieldLevelSettings, values, "config")


@SLOW
def test_the_script_of_the_data_takes_a_catalogue_of_the_pipeline_and_names_what_is_missing(run, tmp_path, spectrum):
    folder, mock, settings, _, _ = run
    write_power_spectrum(tmp_path / "power.csv", *spectrum)
    catalogue = predicted(mock.data, settings, read_chains([folder / "chain.h5"]), 1, 1, {})
    from halonet.catalogue import write_catalogue

    write_catalogue(tmp_path / "haloes.h5", catalogue)
    write_field(tmp_path / "truth.h5", "density", mock.data.truth["linear"], FieldHeader(160.0, 0.0))
    command = [sys.executable, str(ROOT / "workflow_scripts/prepare_field_level.py"), "--seed", "1"]
    command += ["--power-spectrum", tmp_path / "power.csv", "--settings", settings.model_dump_json()]
    command += ["--inputs", tmp_path / "inputs.h5"]
    truth = ["--haloes", tmp_path / "haloes.h5", "--truth", tmp_path / "truth.h5"]
    subprocess.run(command + truth, check=True, capture_output=True)
    with h5py.File(tmp_path / "inputs.h5") as file:
        assert len(file["mass"]) == len(catalogue)
        np.testing.assert_allclose(file["truth/density"][()], mock.data.truth["density"], atol=1e-4)
    (tmp_path / "own.csv").write_text("x,y,z,mass\n1,2,3,1e13\n")
    own = ("--table", tmp_path / "own.csv", "--length-unit", "Mpc")
    table = subprocess.run([*command, *own], capture_output=True, text=True)
    assert table.returncode == 2
    assert "--box-size" in table.stderr
