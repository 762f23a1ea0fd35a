"""The table of finders: one entry each in settings, methods and figures, and no other place that tells them apart."""

import re
import typing
from pathlib import Path

import pytest

from halonet.figures.training import CALIBRATIONS as FIGURES
from halonet.halo_finding.calibrations import CALIBRATIONS
from halonet.halo_finding.table import METHODS
from halonet.settings import HaloFindingSettings
from halonet.settings.haloes import FINDERS, calibrated_finder

ROOT = Path(__file__).parents[2]


def test_settings_methods_and_figures_know_the_same_finders():
    names = typing.get_args(HaloFindingSettings.model_fields["finder"].annotation)
    assert list(names) == list(FINDERS) == list(METHODS) == list(CALIBRATIONS) == list(FIGURES)
    beside = typing.get_args(typing.get_args(HaloFindingSettings.model_fields["beside"].annotation)[0])
    assert list(beside) == [name for name, keys in FINDERS.items() if keys.without_heads is None]


def test_the_constants_of_every_finder_are_settings_and_a_file_of_them_tells_whose_they_are():
    for name, keys in FINDERS.items():
        assert set(keys.constants) <= HaloFindingSettings.model_fields.keys()
        assert calibrated_finder(dict.fromkeys(keys.constants)) == name


def test_a_finder_that_needs_heads_names_the_one_in_its_place():
    for name, method in METHODS.items():
        assert bool(method.heads) == bool(FINDERS[name].without_heads)


@pytest.mark.parametrize("folder", ["src/halonet", "workflow_scripts", "rules"])
def test_no_code_asks_which_finder_it_has(folder):
    asks = re.compile(r"finder (?:==|!=) |(?:==|!=) \"(?:paper|fitted|votes)\"")
    asking = [
        f"{path}: {line}"
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".smk"}
        for line in path.read_text().splitlines()
        if asks.search(line) and "offsets" not in line  # of the neural bias model
    ]
    assert not asking
