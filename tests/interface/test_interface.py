"""What ``import halonet`` offers: quick to import, complete, documented with examples that run."""

import doctest
import inspect
import re
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import halonet
from halonet.initial_conditions import universe
from halonet.mocks.box import MockBox
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader, read_header, write_field

FUNCTIONS = [name for name in dir(halonet) if inspect.isfunction(getattr(halonet, name))]
WITH_EXAMPLES = [*FUNCTIONS, "HaloCatalogue", "__doc__"]


SHARED = {}  # the fit of an example, with which others go on


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_the_interface_give_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write a file
    for reach, cells in {"SOURCE_REACH": 4, "LEAST_SOURCE_REACH": 8}.items():
        monkeypatch.setattr(universe, reach, cells)  # tiles of less accurate displacements, whose haloes are the same
    said = run_examples(name)
    assert not said, "".join(said)


def run_examples(name):
    """What the examples of a name of the interface give in place of what they say."""
    value = halonet if name == "__doc__" else getattr(halonet, name)
    if "example of :func:`fit_neural_bias`" in value.__doc__ and not SHARED:
        run_examples("fit_neural_bias")
    (test,) = doctest.DocTestFinder(recurse=False).find(value, name, globs=dict(SHARED))
    assert test.examples
    said = []
    doctest.DocTestRunner().run(test, out=said.append, clear_globs=False)
    SHARED.update({key: test.globs[key] for key in ("fit",) if key in test.globs})
    return said


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_of_the_interface_says_parameters_and_results(name):
    function = getattr(halonet, name)
    text = inspect.getdoc(function)
    parameters = inspect.signature(function).parameters
    assert len(parameters) <= 8
    for parameter in parameters:
        described = text.split("Parameters")[1].split("Returns")[0]
        assert re.search(rf"^(\w+, )*\**{parameter}(, \w+)*$", described, re.MULTILINE), parameter
    if function.__annotations__.get("return") not in (None, "None"):
        assert "Returns\n-------" in text or text.startswith("Read")


def test_the_interface_is_all_that_is_seen_and_a_foreign_name_is_refused():
    assert 20 <= len(dir(halonet)) <= 45
    assert "os" not in dir(halonet)
    with pytest.raises(AttributeError, match=r"no attribute 'make_mok'; its interface is .*make_mock"):
        _ = halonet.make_mok


def test_importing_the_package_loads_no_library_and_takes_no_time():
    code = (
        "import sys, time; start = time.process_time(); import halonet; took = time.process_time() - start; "
        "print(took, [name for name in ('numpy', 'h5py', 'tensorflow', 'keras', 'numba') if name in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    seconds, loaded = output.split(" ", 1)
    assert loaded.strip() == "[]"
    assert float(seconds) < 0.2


def test_noise_with_the_deviation_of_a_density_has_no_haloes_and_is_refused(tmp_path, run_script):
    cells = halonet.draw_density(seed=3, cells=48)
    shuffled = np.random.default_rng(0).permutation(cells.ravel()).reshape(cells.shape)
    write_field(tmp_path / "noise.h5", "density", shuffled, FieldHeader(48.0, 0.0, CosmologySettings().model_dump()))
    with pytest.raises(
        ValueError, match=r"noise.h5: haloes of at least 100 cells: \d haloes, where the mass function has"
    ):
        halonet.make_mock(density=tmp_path / "noise.h5")
    with pytest.raises(ValueError, match=r"density: haloes of at least 100 cells: \d haloes, where the mass function"):
        halonet.find_peak_patch_haloes(shuffled, 48.0)
    told = halonet.find_peak_patch_haloes(shuffled, 48.0, outside_validity=True).header.provenance["assumed"]
    assert "density: haloes of at least 100 cells" in told[-1]
    assert len(halonet.find_peak_patch_haloes(cells, 48.0, settings={"filters": {"smallest_cells": 6}})) < 30
    files = ("--density", tmp_path / "noise.h5", "--haloes", tmp_path / "haloes.h5", "--mask", tmp_path / "mask.h5")
    process = run_script("find_peak_patch_haloes", *files, check=False)
    assert process.returncode == 2
    assert "noise.h5: haloes of at least 100 cells" in process.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["noise.h5"]
    run_script("find_peak_patch_haloes", *files, "--outside-validity")
    for name in ("haloes.h5", "mask.h5"):
        assert "haloes of at least 100 cells" in read_header(tmp_path / name).provenance["assumed"][-1]


def test_peak_patch_of_a_drawn_density_is_the_mock_of_its_seed():
    density = halonet.draw_density(seed=3, cells=32)
    found, mock = halonet.find_peak_patch_haloes(density, 32.0), halonet.make_mock(seed=3, cells=32)
    for name in mock.columns:
        np.testing.assert_array_equal(found[name], mock[name])


def test_the_network_mock_is_the_prediction_and_its_finder_step_by_step():
    density = halonet.draw_density(seed=7, cells=32)
    found = halonet.find_haloes(halonet.predict(density, threads=1), density=density)
    mock = halonet.make_mock(seed=7, cells=32, method="network", threads=1)
    for name in mock.columns:
        np.testing.assert_array_equal(found[name], mock[name])
    assert "votes" in mock.columns


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: halonet.make_mock(method="n_bodies"), "method = 'n_bodies'; there are peak_patch, network"),
        (lambda: halonet.make_mock(network="vnet-small"), "network = vnet-small is for the method 'network'"),
        (lambda: halonet.make_mock(cells=0), "cells: 0 is out of range"),
        (lambda: halonet.find_peak_patch_haloes(np.zeros((8, 8, 4)), 8.0), r"density has shape \(8, 8, 4\)"),
        (lambda: halonet.find_peak_patch_haloes(np.full((8, 8, 8), np.nan), 8.0), "density has 512 values"),
        (lambda: halonet.find_peak_patch_haloes(np.zeros((8, 8, 8)), -1.0), "box_size_mpc: -1.0 is out of range"),
        (lambda: halonet.find_haloes(np.full((8, 8, 8), 1.5), 8.0), "probability runs from 1.5 to 1.5"),
        (lambda: halonet.load_network("vnet-smal"), "vnet-smal: no trained network.*vnet-small-objects"),
        (lambda: halonet.analytic_mass_function([1e13], model="tinker"), "model = 'tinker'; there are tinker_2008"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_value(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("seed", [7, 7.0, np.int64(7), np.uint8(7)])
def test_a_seed_is_its_number_of_whatever_type(seed):
    np.testing.assert_array_equal(halonet.draw_phases(seed, 8), halonet.draw_phases(7, 8))


def test_settings_may_be_dictionaries():
    later = {"sigma8": 0.9, "redshift": 0.5}
    of_kind = halonet.CosmologySettings(**later)
    np.testing.assert_array_equal(halonet.draw_density(7, 16, 64, later), halonet.draw_density(7, 16, 64, of_kind))
    np.testing.assert_array_equal(halonet.linear_power_spectrum(later), halonet.linear_power_spectrum(of_kind))
    mock = halonet.make_mock(cells=32, cosmology={"n_s": 0.96}, peak_patch={"filters": {"largest_mpc": 8.0}})
    assert mock.header.cosmology == halonet.CosmologySettings().model_dump()
    assert mock.header.provenance["settings"]["peak_patch"]["filters"]["largest_mpc"] == 8


def test_a_filter_that_was_not_asked_for_fits_the_box_and_another_is_refused_before_a_density_is_drawn(monkeypatch):
    """Settings of something else say nothing of the filters, which by default are no larger than half of the box."""
    density, box = halonet.draw_density(seed=7, cells=32), {"seed": 7, "cells": 32}
    for asked in ({"minimum_cells": 100}, {"filters": {"ratio": 1.3}}):
        mock = halonet.make_mock(**box, peak_patch=asked)
        assert mock.header.provenance["settings"]["peak_patch"]["filters"]["largest_mpc"] == 16
        found = halonet.find_peak_patch_haloes(density, 32, settings=asked)
        np.testing.assert_array_equal(found["mass"], mock["mass"])
    monkeypatch.setattr(MockBox, "density_slab", None)
    asked = {"peak_patch": {"filters": {"largest_mpc": 17}}}
    with pytest.raises(ValueError, match=r"filters.largest_mpc = 17.0 exceeds half of the box \(16.0 Mpc\)"):
        halonet.make_mock(**box, **asked)
    with pytest.raises(ValueError, match=r"filters.largest_mpc = 17.0 exceeds half of the box"):
        halonet.make_light_cone(cells=32, redshift_range=(0, 0.01), **asked)


HALF = np.full((8, 8, 8), 0.5)


@pytest.fixture(scope="module")
def made():
    """A mock, its galaxies and its light cone, by name."""
    mock = halonet.make_mock(cells=32)
    cone = halonet.make_light_cone(cells=32, redshift_range=(0, 0.01), opening={"radius": 20.0})
    return SimpleNamespace(mock=mock, galaxies=halonet.populate(mock), cone=cone)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda made: halonet.make_mock(seed=7.5), "seed: 7.5 is not whole"),
        (lambda made: halonet.make_mock(seed=True), "seed: True is no number"),
        (lambda made: halonet.make_mock(seed=-1), "seed: -1 is out of range"),
        (lambda made: halonet.make_mock(seed=2**64), "seed: 18446744073709551616 is out of range"),
        (lambda made: halonet.make_mock(cells=np.nan), "cells: nan is no finite number"),
        (lambda made: halonet.make_mock(box_size_mpc="32 Mpc"), "box_size_mpc: '32 Mpc' is no number; give .* like 32"),
        (lambda made: halonet.make_mock(box_size_mpc=[32, 32, 32]), r"box_size_mpc: an array of shape \(3,\)"),
        (lambda made: halonet.make_mock(threads=0), "threads: 0 is out of range"),
        (lambda made: halonet.make_mock(cosmology={"omega_m": 0.3}), "omega_m = 0.3: there is no such key"),
        (lambda made: halonet.make_mock(cosmology="planck"), "CosmologySettings: settings = 'planck'"),
        (lambda made: halonet.make_mock(peak_patch={"filter": 3}), "PeakPatchSettings: filter = 3: there is no"),
        (lambda made: halonet.make_mock(precision="double"), "precision = 'double'; there are float32 and fastest"),
        (lambda made: halonet.make_mock(universe=7, cells=32, of=8, tile=(0.5, 0, 0)), "tile: 0.5 is not whole"),
        (lambda made: halonet.make_light_cone(seed=1.5), "seed: 1.5 is not whole"),
        (lambda made: halonet.make_light_cone(redshift_range=0.5), "redshift_range = 0.5: .* a valid array"),
        (lambda made: halonet.make_light_cone(observer=3), "observer = 3: .* a valid array"),
        (lambda made: halonet.draw_phases(cells=1), "cells: 1 is out of range"),
        (lambda made: halonet.linear_power_spectrum({"sigma_8": 0.8}), "sigma_8 = 0.8: there is no such key"),
        (lambda made: halonet.find_peak_patch_haloes(HALF > 0, 8), "density has values of type bool"),
        (lambda made: halonet.find_peak_patch_haloes(HALF + 0j, 8), "density has values of type complex128"),
        (lambda made: halonet.find_peak_patch_haloes(HALF[:0, :0, :0], 8), r"density has shape \(0, 0, 0\)"),
        (lambda made: halonet.find_peak_patch_haloes(HALF, 8, threads=-1), "threads: -1 is out of range"),
        (lambda made: halonet.find_haloes(HALF), "box_size_mpc is missing; an array does not say"),
        (lambda made: halonet.find_haloes(HALF, 0), "box_size_mpc: 0.0 is out of range"),
        (lambda made: halonet.find_haloes(HALF, 8, settings={"finder": "best"}), "finder = 'best'"),
        (lambda made: halonet.predict(HALF, "vnet-small", gpus=-1), "gpus: -1 is out of range"),
        (lambda made: halonet.mass_function(made.mock, [np.nan]), "masses: nan is no mass"),
        (lambda made: halonet.analytic_mass_function([-1.0]), "masses: -1.0 is no mass"),
        (lambda made: halonet.analytic_mass_function("1e13"), "masses: values of type <U4"),
        (lambda made: halonet.survey_statistics(made.mock, "spectra"), "statistics = spectra; there are"),
        (lambda made: halonet.survey_statistics(made.mock, None, -1), "largest_k_per_mpc: -1.0 is out of range"),
        (lambda made: halonet.match_abundance([]), "there are no catalogues"),
        (lambda made: halonet.match_haloes(made.mock, made.mock, 25), "radius_tolerance: 25.0 is out of range"),
        (lambda made: halonet.mass_function(made.cone), "a light cone; the catalogue of a whole periodic box"),
        (lambda made: halonet.fit_neural_bias(HALF, made.cone), "a light cone; the catalogue of a whole periodic box"),
        (lambda made: halonet.convert_masses(made.cone, ["200c"]), "a light cone; the catalogue of a whole"),
    ],
)
def test_python_values_that_cannot_be_used_are_refused_by_name(call, words, made):
    with pytest.raises(ValueError, match=words):
        call(made)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda made: halonet.make_mock(sede=7), "a mock has no option sede; there are abundance_matching,"),
        (lambda made: halonet.make_mock(density=HALF), "density is of type ndarray; str or Path is needed"),
        (lambda made: halonet.make_mock(phases=[1, 2]), "phases is of type list; str or Path or ndarray"),
        (lambda made: halonet.make_mock(flip_phases="no"), "flip_phases is of type str; bool is needed"),
        (lambda made: halonet.make_mock(keep="density.h5"), "keep is of type str; Mapping is needed"),
        (lambda made: halonet.predict(HALF, 7), "network is of type int; TrainedNetwork is needed"),
        (lambda made: halonet.populate("mock.h5"), "haloes is of type str; HaloCatalogue is needed, as halonet.read_"),
        (lambda made: halonet.populate(made.galaxies), "haloes is of type GalaxyCatalogue; HaloCatalogue is needed"),
        (lambda made: halonet.mass_function(made.galaxies), "haloes is of type GalaxyCatalogue; HaloCatalogue"),
        (lambda made: halonet.power_spectrum(made.galaxies), "haloes is of type GalaxyCatalogue; HaloCatalogue"),
        (
            lambda made: halonet.observe(halonet.observe(made.mock, {"largest_redshift": 0.003}), {}),
            "points is of type Survey; HaloCatalogue or GalaxyCatalogue is needed",
        ),
        (lambda made: halonet.export_catalogue(made.galaxies, "g.h5", "pksc"), "haloes is of type GalaxyCatalogue"),
        (lambda made: halonet.fit_neural_bias(HALF, "haloes.h5"), "haloes is of type str"),
        (lambda made: halonet.write_catalogue("mock.h5", 7), "catalogue is of type int"),
        (lambda made: halonet.match_haloes(made.mock, made.cone), "found is of type LightConeCatalogue"),
        (lambda made: halonet.match_abundance(made.mock), "catalogues is of type HaloCatalogue; list or tuple"),
        (lambda made: halonet.match_abundance([made.mock, 3]), "catalogue 1 is of type int; HaloCatalogue"),
        (lambda made: halonet.join_tiles(made.mock), "tiles is of type HaloCatalogue; list or tuple"),
    ],
)
def test_python_values_of_another_type_are_refused_by_name(call, words, made):
    with pytest.raises(TypeError, match=words):
        call(made)


def masked(values):
    return np.ma.array(values, mask=np.arange(np.size(values)).reshape(np.shape(values)) % 2 == 0)


def changed(made, **columns):
    """The mock with some columns replaced."""
    return replace(made.mock, columns=made.mock.columns | columns)


def with_first(made, name, value):
    """The mock with one value of its most massive halo replaced."""
    return changed(made, **{name: np.append(value, made.mock[name][1:])})


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda made: halonet.find_peak_patch_haloes(masked(HALF), 8), "density is masked in 256 values"),
        (lambda made: halonet.find_haloes(masked(HALF), 8), "probability is masked in 256 values"),
        (lambda made: halonet.mass_function(made.mock, masked([1e13, 1e14])), "masses is masked in 1 values"),
        (lambda made: halonet.mass_function(made.mock, [13.0, 14.0]), "masses: up to 14, as logarithms"),
        (lambda made: halonet.analytic_mass_function([1e40]), r"masses: up to 1e\+40"),
        (
            lambda made: halonet.power_spectrum(with_first(made, "x", np.nan)),
            "haloes: column x has values .* not finite",
        ),
        (lambda made: halonet.power_spectrum(with_first(made, "x", 99.0)), r"haloes: x leaves the box \[0, 32"),
        (lambda made: halonet.populate(with_first(made, "vx", np.inf)), "haloes: column vx has values"),
        (lambda made: halonet.mass_function(with_first(made, "mass", -1.0)), "haloes: column mass"),
        (lambda made: halonet.write_catalogue("x.h5", with_first(made, "qx", 99.0)), r"x.h5: qx leaves the box"),
        (lambda made: changed(made, mass=made.mock["mass"][:5]), r"columns of different shapes: .* mass \(5,\)"),
        (lambda made: halonet.match_abundance([made.mock, made.mock]), "catalogue 0 and catalogue 1 are one mock"),
        (lambda made: halonet.completeness_and_purity(*[made.mock] * 2, matched(made), -1), "cells: -1.0 is out of"),
        (
            lambda made: halonet.find_haloes(halonet.Prediction(HALF, 8.0), 16),
            "box_size_mpc = 16, but the prediction is",
        ),
        (lambda made: halonet.fit_neural_bias(1 + density(), made.mock), "density: the density has the mean 1"),
        (lambda made: halonet.fit_neural_bias(100 * density(), made.mock), "density: the density has the standard dev"),
        (lambda made: halonet.read_catalogue("."), r"\.: a folder; a file is needed"),
    ],
)
def test_arrays_and_catalogues_with_wrong_values_are_refused(call, words, made):
    with pytest.raises(ValueError, match=words):
        call(made)


def density():
    return halonet.draw_density(cells=32)


def matched(made):
    return halonet.match_haloes(made.mock, made.mock)


@pytest.mark.parametrize(
    "call",
    [
        lambda made: halonet.find_peak_patch_haloes(HALF, 8, outside_validity="no"),
        lambda made: halonet.find_haloes(HALF, 8, outside_validity="no"),
        lambda made: halonet.predict(HALF, "vnet-small", outside_validity=np.nan),
        lambda made: halonet.sample_neural_bias(made.mock),
        lambda made: halonet.draw_neural_bias_haloes(made.mock),
        lambda made: halonet.write_light_cone("y.h5", made.mock),
        lambda made: halonet.write_galaxies("y.h5", made.mock),
        lambda made: halonet.completeness_and_purity(made.mock, made.mock, None, 100),
        lambda made: halonet.HaloCatalogue(made.mock.columns, None, 32),
    ],
)
def test_what_is_of_another_type_is_named_by_its_parameter(call, made):
    with pytest.raises(TypeError, match=r"^[a-z_A-Z ]+ is of type \w+; "):
        call(made)


def test_a_mock_and_that_of_the_flipped_phases_are_matched_together(made):
    partner = halonet.make_mock(cells=32, flip_phases=True)
    assert partner.header.seed == made.mock.header.seed
    assert len(halonet.match_abundance([made.mock, partner])) == 2


def test_numbers_of_numpy_are_numbers_of_settings_too():
    plain = {"redshift": 1.0, "h": 0.7}
    of_numpy = {"redshift": np.float32(1), "h": np.array(0.7)}
    np.testing.assert_array_equal(
        halonet.draw_density(7, 8, cosmology=of_numpy), halonet.draw_density(7, 8, cosmology=plain)
    )


def test_another_cosmology_than_that_of_a_network_is_said(caplog):
    prediction = halonet.predict(density(), "vnet-small", threads=1)
    halonet.find_haloes(prediction, cosmology={"sigma8": 0.9})
    assert (
        "prediction of vnet-small: its cosmology is replaced by the one that is given: sigma8 = 0.9 for 0.8"
        in caplog.text
    )


def test_matches_of_other_catalogues_have_no_completeness(made):
    other = halonet.make_mock(seed=8, cells=32)
    with pytest.raises(ValueError, match="match these first"):
        halonet.completeness_and_purity(made.mock, other, halonet.match_haloes(made.mock, made.mock), 100)
