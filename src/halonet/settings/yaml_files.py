"""YAML as its author meant it: what YAML 1.1 reads otherwise than it looks is refused, with the line."""

import re
from pathlib import Path
from typing import Any

import yaml

from halonet.settings.base import SettingsError

SIXTIES = re.compile(r"[-+]?\d[\d_]*(:[0-5]?\d)+(\.\d*)?")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's reads config.yaml in less than a tenth of the time
OCTAL = re.compile(r"[-+]?0[0-7_]+")


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Settings of a YAML file.

    Raises
    ------
    SettingsError
        If it is no YAML or no mapping; if a key stands in it twice, of which YAML would take the last; if a number is
        one to the base 60 (12:30) or 8 (010), or a date. The message names file and line.
    """
    try:
        loader = LOADER(Path(path).read_text())
        try:
            node = loader.get_single_node()
            if node is None:
                return {}
            if not isinstance(node, yaml.MappingNode):
                raise SettingsError(f"{path}: no settings; keys with values are needed")
            _check(path, node, "")
            return dict(loader.construct_document(node))
        finally:
            loader.dispose()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise SettingsError(f"{path}{line}: no valid YAML ({getattr(error, 'problem', None) or error})") from None


def _check(path: str | Path, node: yaml.Node, name: str, above: tuple[yaml.Node, ...] = ()) -> None:
    """Check a node and all below it; ``name`` is its key, with those above it, and ``above`` are their nodes."""
    if any(node is each for each in above):
        raise SettingsError(f"{path}, line {node.start_mark.line + 1}: {name} holds itself; write its values out")
    above = (*above, node)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _check(path, item, f"{name}.{index}", above)
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                line = key.start_mark.line + 1
                raise SettingsError(
                    f"{path}, line {line}: a list or mapping is the key of {name or 'a value'}; text is needed"
                )
            inner, line = f"{name}.{key.value}".lstrip("."), key.start_mark.line + 1
            if key.value in seen:
                raise SettingsError(
                    f"{path}, line {line}: {inner} stands here a second time, after line {seen[key.value]}; keep one"
                )
            seen[key.value] = line
            _check(path, value, inner, above)
    elif isinstance(node, yaml.ScalarNode) and not node.style:
        _check_plain(f"{path}, line {node.start_mark.line + 1}: {name} = {node.value}", node)


def _check_plain(where: str, node: yaml.ScalarNode) -> None:
    """Check a value without quotes."""
    if node.tag.endswith(":timestamp"):
        raise SettingsError(f"{where} is a date in YAML; for a name, write it in quotes")
    if node.tag.endswith((":int", ":float")):
        if SIXTIES.fullmatch(node.value):
            raise SettingsError(
                f"{where} is a number to the base 60 in YAML; write the number, or quotes around a name"
            )
        if OCTAL.fullmatch(node.value):
            raise SettingsError(f"{where} is a number to the base 8 in YAML; write it without the 0 before it")
