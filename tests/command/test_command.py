"""The command ``halonet``, and that what the documentation tells users to type can be typed."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from forks import run_python

from halonet.catalogue import read_catalogue
from halonet.command.main import COMMANDS, parse

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands_of(page):
    """Lines of a page that a user is to type and that begin with ``halonet``."""
    lines = re.findall(r"^(?: {4,}|mpiexec -n \d+ )(halonet .*)$", page.read_text(), re.MULTILINE)
    return [shlex.split(line, comments=True)[1:] for line in lines]


def halonet(*words, folder, check=True, ranks=1):
    command, environment = ["-m", "halonet", *map(str, words)], os.environ | {"PYTHONPATH": str(ROOT / "src")}
    if ranks == 1:
        process = run_python(command, environment=environment, cwd=folder)
    else:
        command = [str(Path(sys.executable).parent / "mpiexec"), "-n", str(ranks), sys.executable, *command]
        process = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert not (check and process.returncode), process.stderr
    return process


def test_every_command_of_the_documentation_is_understood():
    found = [words for page in PAGES for words in commands_of(page)]
    assert len(found) >= 5
    for words in found:
        assert callable(parse(words).run), words


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_a_command_does_with_examples_at_its_end(name, capsys):
    with pytest.raises(SystemExit, match="0"):
        parse([name, "--help"])
    text = capsys.readouterr().out
    assert f"halonet {name}" in text.split("examples:")[1]
    for example in re.findall(r"^  (halonet .*?)(?:  .*)?$", text.split("examples:")[1], re.MULTILINE):
        if not example.endswith("\\"):
            assert callable(parse(shlex.split(example)[1:]).run), example


@pytest.mark.slow  # the same commands of the installed wheel are in every run (tests/package/test_wheel.py)
def test_the_readmes_first_commands_run_from_an_empty_folder(tmp_path):
    first = commands_of(ROOT / "README.md")[:2]
    assert [words[0] for words in first] == ["mock", "show"]
    for words in first:
        halonet(*["32" if word == "256" else word for word in words], folder=tmp_path)
    assert len(read_catalogue(tmp_path / "mock.h5")) == 39
    assert (tmp_path / "mock.png").stat().st_size > 10_000
    halonet("export", "mock.h5", "--to", "halotools", folder=tmp_path)
    assert (tmp_path / "mock.halotools.hdf5").is_file()


def test_the_readmes_lines_of_python_run_and_show_a_catalogue(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names = {}
    exec(code, names)
    assert "305 haloes" in capsys.readouterr().out
    assert len(names["found"]) == len(names["haloes"])
    ratio = names["abundance"][:10] / names["tinker"][:10]
    assert 0.3 < ratio.mean() < 3


@pytest.mark.slow  # the parts are in every run: commands, ranks (peak_patch/test_finder.py), mocks and scripts
def test_commands_step_by_step_and_two_ranks_give_the_haloes_of_one_mock(tmp_path, run_script):
    run_script("solve_collapse_table", "--output", tmp_path / "table.h5")
    box = ("--seed", 7, "--cells", 32, "--collapse-table", "table.h5")
    kept = ("--keep-density", "d.h5", "--keep-mask", "mask.h5", "-o", "mock.h5")
    halonet("mock", *box, *kept, folder=tmp_path)
    settings = ("--collapse-table", "table.h5", "--settings", '{"filters": {"largest_mpc": 16.0}}')
    halonet("haloes", "--density", "d.h5", *settings, "-o", "found.h5", "--mask", "found_mask.h5", folder=tmp_path)
    mock, found = read_catalogue(tmp_path / "mock.h5"), read_catalogue(tmp_path / "found.h5")
    for name in mock.columns:
        np.testing.assert_array_equal(mock[name], found[name])
    mask = (tmp_path / "mask.h5").read_bytes()
    kept = ("--keep-mask", "mask.h5", "-o", "shared.h5")
    halonet("mock", *box, *kept, "--threads", 1, "--ranks", 2, folder=tmp_path, ranks=2)
    assert (tmp_path / "shared.h5").read_bytes() == (tmp_path / "mock.h5").read_bytes()
    assert (tmp_path / "mask.h5").read_bytes() == mask


def test_an_option_of_another_method_and_a_probability_that_peak_patch_has_not_are_refused(tmp_path):
    box = ("mock", "--seed", 7, "--cells", 32, "-o", "mock.h5")
    process = halonet(*box, "--network", "vnet-small", folder=tmp_path, check=False)
    assert process.returncode == 2
    assert "network = vnet-small is for the method 'network'" in process.stderr
    process = halonet(*box, "--keep-probability", "p.h5", folder=tmp_path, check=False)
    assert process.returncode == 2
    assert "a mock by 'peak_patch' has no probability to keep; it has phases, density and mask" in process.stderr
    assert not list(tmp_path.iterdir())


def test_a_wrong_word_is_answered_with_the_words_there_are(tmp_path):
    process = halonet("mocks", folder=tmp_path, check=False)
    assert process.returncode == 2
    assert "'match-abundance'" in process.stderr or "match-abundance" in process.stderr


def test_a_box_smaller_than_the_papers_filters_has_haloes_and_one_without_haloes_is_shown(tmp_path):
    small = ("--seed", 7, "--cells", 16, "--threads", 1)
    halonet("mock", *small, "-o", "mock.h5", "--keep-density", "density.h5", folder=tmp_path)
    halonet("haloes", "--density", "density.h5", "-o", "haloes.h5", folder=tmp_path)
    mock, found = (read_catalogue(tmp_path / f"{name}.h5") for name in ("mock", "haloes"))
    np.testing.assert_array_equal(mock["mass"], found["mass"])
    halonet("mock", *small, "--peak-patch", '{"minimum_cells": 1e30}', "-o", "none.h5", folder=tmp_path)
    halonet("show", "none.h5", folder=tmp_path)
    assert (tmp_path / "none.png").stat().st_size > 5000
