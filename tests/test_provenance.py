"""Digests of the code behind a script and of a user's files: they change with what is computed, with nothing else."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from halonet import code_digests, provenance
from halonet.code_digests import PACKAGE, code_digest
from halonet.environment import kernel_cache


@pytest.fixture
def as_a_new_process():
    """Forget what this process has read: a new one knows no more than the notes say."""

    def forget():
        for remembered in (code_digests._noted, code_digests._parsed, code_digests._modules):
            remembered.cache_clear()

    yield forget
    forget()


@pytest.fixture
def package(tmp_path, monkeypatch, as_a_new_process):
    """A package of two modules and a script that imports one, which imports the other."""
    monkeypatch.setattr(code_digests, "PACKAGE", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "inner.py").write_text("def f(x):\n    '''Twice x.'''\n    return 2 * x\n")
    (tmp_path / "outer.py").write_text("from halonet.inner import f\n\n\ndef g(x):\n    return f(x)\n")
    (tmp_path / "apart.py").write_text("def h(x):\n    return x\n")
    (tmp_path / "script.py").write_text("from halonet.outer import g\n\nprint(g(1))\n")

    def digest():
        as_a_new_process()
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


def test_a_text_is_parsed_once_and_a_damaged_note_of_it_is_passed_over(package, monkeypatch):
    folder, digest = package
    before = digest()
    (note,) = (folder / "cache").rglob("*.json")
    noted = note.read_text()
    monkeypatch.setattr(code_digests, "_parse", lambda text, path: pytest.fail(f"{path} is parsed again"))
    assert digest() == before
    monkeypatch.undo()
    monkeypatch.setattr(code_digests, "PACKAGE", folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    of_another_reader = json.loads(noted) | {"reader": "of Python 2.7"}
    of_another_reader["files"] = {key: ["0", []] for key in of_another_reader["files"]}
    for damaged in (noted[:40], "[]", json.dumps(of_another_reader)):
        note.write_text(damaged)
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
    inherited = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(before)}
    for imported in ("halonet, numba", "numba, halonet"):
        command = [sys.executable, "-c", f"import {imported}; print(numba.config.CACHE_DIR)"]
        used = subprocess.run(command, env=inherited, capture_output=True, text=True, check=True)
        assert used.stdout.strip() == str(kernel_cache(package))


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A file whose digest is remembered at once, and the memory of this test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(provenance, "SMALL_BYTES", 2**16)
    monkeypatch.setattr(provenance, "SETTLED_NS", 0)
    path = tmp_path / "own.h5"
    path.write_bytes(np.random.default_rng(1).bytes(2**20))
    return path


def test_an_edit_of_one_byte_anywhere_in_a_large_file_changes_its_digest(large):
    seen = {provenance.file_digest(large)}
    for place in np.random.default_rng(2).integers(0, 2**20, 20):
        with open(large, "r+b") as file:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 255]))
        seen.add(provenance.file_digest(large))
    assert len(seen) == 21


def test_an_edit_that_keeps_size_and_time_is_noticed_too(large):
    before, times = provenance.file_digest(large), os.stat(large)
    with open(large, "r+b") as file:
        file.write(b"changed")
    os.utime(large, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert provenance.file_digest(large) != before


def test_a_large_file_is_read_once(large, monkeypatch):
    before = provenance.file_digest(large)
    monkeypatch.setattr(provenance, "_digest_of_content", lambda path, size: "read again")
    assert provenance.file_digest(large) == before
    for note in (large.parent / "cache").rglob("*.json"):
        note.write_text("damaged")
    assert provenance.file_digest(large) == "read again"


def test_a_file_that_has_just_changed_is_not_remembered(large, monkeypatch):
    monkeypatch.setattr(provenance, "SETTLED_NS", 10**18)
    provenance.file_digest(large)
    assert not (large.parent / "cache").exists()


def test_without_a_place_to_remember_files_are_still_digested(large, monkeypatch):
    known = provenance.file_digest(large)
    monkeypatch.setenv("XDG_CACHE_HOME", str(large))  # no folder
    assert provenance.file_digest(large) == known
