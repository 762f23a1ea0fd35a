"""Paths of the configuration: expanded as a shell would, and refused where no path looks like that.

Shells, Snakemake and batch systems each take some characters for their own. A run with such a name fails in one of
them, or writes elsewhere. That is why they are refused before anything is planned.
"""

import os
import re
from typing import Annotated

from pydantic import AfterValidator

FORBIDDEN = re.compile(r"""[;|&<>$`"'\\*?\[\](){}!#\x00-\x1f\x7f]""")
LAUNCHER = re.compile(r"[\w./=:,@%+ -]*")  # of a program and its options, which the shell splits at spaces


def as_in_a_shell(text: str) -> str:
    """``text`` with ``~`` and variables of the environment replaced, where there are such a user and such variables."""
    return os.path.expanduser(os.path.expandvars(text))


def expanded(text: str) -> str:
    """``text`` with ``~`` and variables of the environment replaced.

    Raises
    ------
    ValueError
        If it is empty, names a variable that is not set, or holds what a shell or Snakemake would not take for a name.
    """
    path = as_in_a_shell(text)
    if unset := re.search(r"\$(\w+|\{\w+\})", path):
        raise ValueError(f"the environment has no variable {unset[0]}; set it, or write the path out")
    if path.startswith("~"):
        raise ValueError(f"{path.split('/')[0]} is no user of this machine; write the path out")
    if found := FORBIDDEN.search(path):
        raise ValueError(f"{found[0]!r} stands in this path; use letters, digits, spaces and _ - . / only")
    if path != path.strip() or not path.strip("/"):
        raise ValueError("name a folder: neither empty, nor the root, nor with spaces at its ends")
    if any(part.startswith("-") for part in path.split("/")):
        raise ValueError("a name that begins with - would be taken for an option; give it another one")
    return os.path.normpath(path)


def names_boxes(pattern: str) -> str:
    """A path with ``{box}`` where the name of a box stands, expanded like :func:`expanded`."""
    marked = "BOX-NAME"
    if "{box}" not in pattern or set("{}") & set(re.sub(r"\{box\}|\$\{\w+\}", "", pattern)):
        raise ValueError("{box} must stand where the name of a box (000, 001, ...) does, and no other braces")
    return expanded(pattern.replace("{box}", marked)).replace(marked, "{box}")


def checked_launcher(text: str) -> str:
    """A launcher with its options, in which a shell would see no second command."""
    if not LAUNCHER.fullmatch(text):
        raise ValueError("a program and its options, of letters, digits, spaces and . / = : , @ % + - only")
    return text


GivenPath = Annotated[str, AfterValidator(expanded)]
BoxFiles = Annotated[str, AfterValidator(names_boxes)]
Launcher = Annotated[str, AfterValidator(checked_launcher)]
