"""What ``import halonet`` offers: quick to import, complete, documented with examples that run."""

import doctest
import inspect
import re
import subprocess
import sys

import numpy as np
import pytest

import halonet

FUNCTIONS = [name for name in dir(halonet) if inspect.isfunction(getattr(halonet, name))]
WITH_EXAMPLES = [*FUNCTIONS, "HaloCatalogue", "__doc__"]


SHARED = {}  # the fit of an example, with which others go on


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_the_interface_give_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write a file
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
        (lambda: halonet.make_mock(cells=0), "cells = 0; at least 1"),
        (lambda: halonet.find_peak_patch_haloes(np.zeros((8, 8, 4)), 8.0), r"density has shape \(8, 8, 4\)"),
        (lambda: halonet.find_peak_patch_haloes(np.full((8, 8, 8), np.nan), 8.0), "density has 512 values"),
        (lambda: halonet.find_peak_patch_haloes(np.zeros((8, 8, 8)), -1.0), "box_size_mpc = -1"),
        (lambda: halonet.find_haloes(np.full((8, 8, 8), 1.5), 8.0), "probability runs from 1.5 to 1.5"),
        (lambda: halonet.load_network("vnet-smal"), "vnet-smal: no trained network.*vnet-small-objects"),
        (lambda: halonet.analytic_mass_function([1e13], model="tinker"), "model = 'tinker'; there are tinker_2008"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_value(call, words):
    with pytest.raises(ValueError, match=words):
        call()
