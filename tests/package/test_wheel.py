"""The wheel works alone: built here, unpacked elsewhere, it makes a mock by each method without the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from checkout import PACKAGE, share_kernels

import halonet
from halonet.catalogue import read_catalogue
from halonet.mocks.methods import DEFAULT_METHOD, METHODS
from halonet.network.shipped import DEFAULT_NETWORK

ROOT = Path(__file__).parents[2]
SOURCES = ("src", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "CITATION.cff", "CHANGELOG.md")


def run(*words, folder, **environment):
    """Run a command in a folder, without what would lead it back to the checkout or to a registry."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "NUMBA_CACHE_DIR")}
    kept |= {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"} | environment
    process = subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True, env=kept)
    assert process.returncode == 0, process.stdout + process.stderr
    return process


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Wheel of a copy of the checkout, which building leaves no trace in."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in (*SOURCES, f"networks/{DEFAULT_NETWORK}"):
        (source / name).parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "-r", ROOT / name, source / name], check=True)
    run(sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "-w", folder, folder=source)
    (path,) = folder.glob("halonet-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Folder with the installed wheel and nothing else."""
    target = tmp_path_factory.mktemp("installed")
    options = ("--no-deps", "--target", target, wheel)
    run(sys.executable, "-m", "pip", "install", *options, folder=target)
    share_kernels(PACKAGE, target / "halonet")
    return target


def test_the_wheel_carries_the_default_network_and_says_that_it_is_typed(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert f"halonet/shipped_networks/{DEFAULT_NETWORK}/model.weights.h5" in names
    assert f"halonet/shipped_networks/{DEFAULT_NETWORK}/thresholds.json" in names
    assert "halonet/neural_bias/n_body.json" in names
    assert "halonet/py.typed" in names
    assert wheel.stat().st_size < 20 * 2**20
    assert wheel.name.startswith(f"halonet-{halonet.__version__}-")


def test_the_installed_package_is_not_the_checkout_and_knows_its_network(installed, tmp_path):
    listed = run(installed / "bin" / "halonet", "networks", folder=tmp_path, PYTHONPATH=str(installed)).stdout
    assert f"{DEFAULT_NETWORK} (default)\n    {installed / 'halonet' / 'shipped_networks' / DEFAULT_NETWORK}" in listed
    assert str(ROOT) not in listed


# The default stands for all in every run.
EACH = [name if name == DEFAULT_METHOD else pytest.param(name, marks=pytest.mark.slow) for name in METHODS]


@pytest.mark.parametrize("method", EACH)
def test_the_installed_command_makes_a_mock_by_each_method_from_an_empty_folder(installed, tmp_path, method):
    # Libraries of the extras alone: the base install has none of them.
    extras = ("mpi4py", "snakemake", "tensorboardX", "astropy", "pyarrow", "jax")
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({extras}))\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    words = ("mock", "--seed", 7, "--cells", 32, "--method", method, "--threads", 1, "-o", "m.h5")
    run(installed / "bin" / "halonet", *words, folder=empty, PYTHONPATH=f"{installed}:{blocked}")
    made = read_catalogue(empty / "m.h5")
    assert len(made) > 10
    assert [path.name for path in empty.iterdir()] == ["m.h5"]
    here = halonet.make_mock(seed=7, cells=32, method=method, threads=1).sorted_by_mass()
    assert (made["qx"] == here["qx"].astype("f4")).all()


def test_the_version_of_the_citation_is_that_of_the_package():
    assert str(yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]) == halonet.__version__
