"""Write the reference pages from the code: every setting, every column, every script.

    python docs/reference/generate.py

``tests/docs/test_reference.py`` holds the committed pages to what this makes.
"""

import ast
import json
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from halonet import settings
from halonet.catalogue import COLUMNS, REQUIRED
from halonet.columns import LIGHT_CONE_COLUMNS, REQUIRED_OF_LIGHT_CONES, Column
from halonet.storage import write_text

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NOTE = "<!-- Written by docs/reference/generate.py; do not edit. -->"
LIMITS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def pages() -> dict[str, str]:
    """Text of every page by its file name."""
    return {
        "settings.md": settings_page(),
        "columns.md": columns_page(),
        "scripts.md": scripts_page(),
    }


def settings_page() -> str:
    """Every key of the configuration, section by section, nested models after the section that uses them."""
    parts = [
        f"# Settings\n\n{NOTE}\n\nKeys of `config.yaml`, with type or choices, limits and default. What has no default "
        "must be given. Lengths are comoving Mpc without h, masses solar masses. Unknown keys are refused."
    ]
    for name, field in settings.Settings.model_fields.items():
        model = next(iter(_models(field.annotation)))
        key = f"{name}.NAME" if typing.get_origin(field.annotation) is dict else name
        parts.extend(_section(key, model))
    return "\n\n".join(parts) + "\n"


def _section(key: str, model: type[BaseModel]) -> Iterator[str]:
    rows = [
        f"| `{name}` | {_type(field.annotation)}{_limits(field)} | {_default(field)} | {field.description or ''} |"
        for name, field in model.model_fields.items()
    ]
    table = "| key | type | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows)
    yield f"## {key}\n\n{_first_paragraph(model.__doc__)}\n\n{table}"
    for name, field in model.model_fields.items():
        for nested in _models(field.annotation):
            yield from _section(f"{key}.{name}", nested)


def _first_paragraph(docstring: str | None) -> str:
    """In one line, without the markup of Python's documentation tools."""
    paragraph = " ".join((docstring or "").strip().split("\n\n")[0].split())
    return re.sub(r":\w+:(?=`)", "", paragraph)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """Models within an annotation, also within lists, dictionaries and unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)


def _type(annotation: object) -> str:
    """An annotation as a user reads it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(arguments[0])
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join("null" if argument is type(None) else _type(argument) for argument in arguments)
    if origin is list:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"{_type(arguments[1])} by name"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    return {int: "whole number", float: "number", str: "text", bool: "true or false"}.get(annotation, str(annotation))


def _limits(field: FieldInfo) -> str:
    """Limits of a number, like ", ≥ 1"."""
    found = [
        f"{sign} {_number(getattr(limit, name))}"
        for limit in field.metadata
        for name, sign in LIMITS.items()
        if isinstance(getattr(limit, name, None), int | float)
    ]
    return f", {' and '.join(found)}" if found else ""


def _number(value: float) -> str:
    """A limit; the large ones are powers of two."""
    return f"2^{value.bit_length() - 1}" if isinstance(value, int) and value > 10**9 else f"{value:g}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "—"
    value = field.default
    if isinstance(value, BaseModel):
        return "see below"
    return f"`{json.dumps(value) if value is None or isinstance(value, bool) else value}`"


def columns_page() -> str:
    """Columns of a catalogue, from the table that writes the files."""
    return (
        f"# Columns of a catalogue\n\n{NOTE}\n\nA catalogue is the group `haloes` of an HDF5 file, sorted by mass, one "
        "dataset per column with its `unit` and `description` as attributes. Root attributes: `box_size_mpc`, "
        "`redshift`, `cosmology` (JSON), `seed`, `grid_cells`, `provenance` (JSON), `notes` (JSON). Columns that are "
        f"not required are there where they are known.\n\n{_table(COLUMNS, REQUIRED)}\n## Light cones\n\n"
        "The group `haloes` of a [light cone](../light_cones.md), sorted by distance. Its root attribute `light_cone` "
        "(JSON) says observer, opening and range of redshifts; `redshift` and `grid_cells` are not there.\n\n"
        f"{_table(LIGHT_CONE_COLUMNS, REQUIRED_OF_LIGHT_CONES)}"
    )


def _table(columns: dict[str, Column], required: tuple[str, ...]) -> str:
    rows = [
        f"| `{column.name}` | {column.unit} | {column.dtype} | {'yes' if name in required else ''} | "
        f"{column.description} |"
        for name, column in columns.items()
    ]
    return "| column | unit | dtype | required | meaning |\n|---|---|---|---|---|\n" + "\n".join(rows) + "\n"


def scripts_page() -> str:
    """First paragraph of every script's docstring; ``--help`` says the rest."""
    rows = []
    for path in sorted((ROOT / "workflow_scripts").glob("*.py")):
        rows.append(f"| `{path.stem}` | {_first_paragraph(ast.get_docstring(ast.parse(path.read_text())))} |")
    return (
        f"# Scripts\n\n{NOTE}\n\nEvery stage is a script that works on plain files: "
        "`python workflow_scripts/NAME.py --help`.\n\n| script | what it does |\n|---|---|\n" + "\n".join(rows) + "\n"
    )


def main() -> None:
    """Write every page."""
    for name, text in pages().items():
        write_text(HERE / name, text)


if __name__ == "__main__":
    main()
