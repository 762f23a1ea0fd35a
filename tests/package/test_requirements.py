"""What pyproject.toml asks for is what requirements/*.txt pin."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Files that pin an extra; "base" is the package without extras. `make` installs tensorflow_cpu in place of tensorflow.
PINNED_IN = {
    "base": ("base", "cpu"),
    "workflow": ("base", "cpu"),
    "gpu": ("gpu",),
    "export": ("export",),
    "test": ("dev",),
}
IN_PLACE_OF = {"tensorflow-cpu": "tensorflow"}
DEPENDENCIES = {"base": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}


def pins(*names):
    """Pinned versions by names of packages, as pyproject.toml names them."""
    found = {}
    for name in names:
        for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines():
            if line and not line.startswith("#"):
                requirement = Requirement(line)
                package = canonicalize_name(requirement.name)
                (pin,) = requirement.specifier
                found[IN_PLACE_OF.get(package, package)] = Version(pin.version)
    return found


def test_every_extra_says_where_it_is_pinned():
    assert DEPENDENCIES.keys() == PINNED_IN.keys()


@pytest.mark.parametrize(
    ("extra", "dependency"), [(extra, dependency) for extra, listed in DEPENDENCIES.items() for dependency in listed]
)
def test_a_dependency_is_pinned_to_a_version_that_its_range_allows(extra, dependency):
    requirement = Requirement(dependency)
    pinned = pins(*PINNED_IN[extra])
    name = canonicalize_name(requirement.name)
    assert name in pinned, f"pyproject.toml asks for {dependency} ({extra}); pin it in one of {PINNED_IN[extra]}"
    assert pinned[name] in requirement.specifier, f"{dependency} ({extra}), but {pinned[name]} is pinned"


def test_files_that_are_installed_together_pin_the_same_versions():
    files = [path.stem for path in (ROOT / "requirements").glob("*.txt")]
    by_file = {name: pins(name) for name in files}
    for package in {package for pinned in by_file.values() for package in pinned}:
        versions = {name: str(pinned[package]) for name, pinned in by_file.items() if package in pinned}
        assert len(set(versions.values())) == 1, f"{package}: {versions}"
