"""Digest of the code behind a script: it changes with what the code computes, and with nothing else."""

import os
import shutil
import subprocess
import sys

import pytest

from halonet import provenance
from halonet.environment import kernel_cache
from halonet.provenance import PACKAGE, code_digest


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of two modules and a script that imports one, which imports the other."""
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    (tmp_path / "inner.py").write_text("def f(x):\n    '''Twice x.'''\n    return 2 * x\n")
    (tmp_path / "outer.py").write_text("from halonet.inner import f\n\n\ndef g(x):\n    return f(x)\n")
    (tmp_path / "apart.py").write_text("def h(x):\n    return x\n")
    (tmp_path / "script.py").write_text("from halonet.outer import g\n\nprint(g(1))\n")

    def digest():
        provenance._digest_of_file.cache_clear()
        return code_digest(tmp_path / "script.py")

    return tmp_path, digest


def test_code_behind_two_imports_changes_the_digest(package):
    folder, digest = package
    before = digest()
    (folder / "inner.py").write_text("def f(x):\n    '''Twice x.'''\n    return 3 * x\n")
    assert digest() != before


def test_comments_docstrings_and_layout_do_not_change_the_digest(package):
    folder, digest = package
    before = digest()
    (folder / "inner.py").write_text("# doubled\ndef f(x):\n    '''Double of x.'''\n\n    return (2 * x)\n")
    assert digest() == before


def test_code_that_is_not_imported_does_not_change_the_digest(package):
    folder, digest = package
    before = digest()
    (folder / "apart.py").write_text("def h(x):\n    return -x\n")
    assert digest() == before


def test_provenance_is_the_same_for_two_identical_runs():
    assert provenance.provenance("s", {"a": 1}, 3) == provenance.provenance("s", {"a": 1}, 3)


def test_compiled_kernels_of_other_code_are_never_run(tmp_path):
    package = tmp_path / "halonet"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    before = kernel_cache(package)
    (package / "storage.py").write_text("# no kernel here\n")
    assert kernel_cache(package) == before
    kernel = next(path for path in package.rglob("*.py") if "njit" in path.read_text())
    kernel.write_text(kernel.read_text() + "\n# changed\n")
    assert kernel_cache(package) != before
    program = "import halonet, numba; print(numba.config.CACHE_DIR)"
    inherited = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(before)}
    used = subprocess.run([sys.executable, "-c", program], env=inherited, capture_output=True, text=True, check=True)
    assert used.stdout.strip() == str(kernel_cache(package))
