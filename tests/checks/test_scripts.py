"""No script, and no command, takes a number or a file that nothing checks."""

import argparse
import ast
from pathlib import Path

import pytest

import halonet.checks.numbers
import halonet.checks.parser

ROOT = Path(__file__).parents[2]
MODULES = sorted([*(ROOT / "workflow_scripts").glob("*.py"), *(ROOT / "src/halonet/command").glob("*.py")])
KINDS = {
    name
    for module in (halonet.checks.numbers, halonet.checks.parser)
    for name, value in vars(module).items()
    if isinstance(value, halonet.checks.numbers.Number | halonet.checks.parser.FileOption)
}
# Options that are neither number nor file: words, units, names, JSON that another check takes, and three numbers.
WORDS = {
    *("--length-unit", "--mass-unit", "--networks", "--title", "--configuration", "--target", "--version", "network"),
    *("write_report.py --settings", "make_batch.py --files", "status.py --configfile", "status.py --workflow"),
    *("show_status.py --configfile", "mock_arguments.py --tile", "quantise_network.py --floating"),
    *(f"crate.py {option}" for option in ("--author", "--orcid", "--description", "--license", "--date")),
}


def options(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument":
            names = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            yield names[-1] if names else None, {keyword.arg: keyword.value for keyword in node.keywords}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_every_option_of_a_script_has_a_kind_that_is_checked(path):
    for name, keywords in options(path):
        if name is None or {"action", "choices"} & set(keywords) or {name, f"{path.name} {name}"} & WORDS:
            continue
        kind = keywords.get("type")
        if isinstance(kind, ast.Call) and getattr(kind.func, "attr", "") in {"or_else", "or_name"}:
            kind = kind.func.value
        assert isinstance(kind, ast.Name), f"{name} has no type of halonet.checks"
        assert kind.id in KINDS, f"{name} is a {kind.id}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_every_script_parses_with_the_parser_that_checks(path):
    assert "argparse.ArgumentParser(" not in path.read_text()
    assert issubclass(halonet.checks.parser.Parser, argparse.ArgumentParser)
