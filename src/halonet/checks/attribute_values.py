"""One attribute of a user's file by itself: a number, text, a JSON object; and whether several say the same."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from halonet.checks.errors import StorageError
from halonet.checks.numbers import Number, NumberError

SAME = 1e-5  # of numbers that two attributes give


def number_of(path: str | Path, name: str, value: Any, number: Number) -> int | float:
    """The number that an attribute is; an error names file and attribute."""
    try:
        return number(value)
    except NumberError as error:
        raise StorageError(f"{path}: attribute {name}: {error}") from None


def text_of(value: Any) -> str | None:
    """Text of an attribute; None for one that is no text."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.flat[0]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, str) else None


def check_same(path: str | Path, said: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse values of one name that differ from one of those who say them to another."""
    first: dict[str, tuple[str, Any]] = {}
    for who, values in said.items():
        for name, value in values.items():
            other, held = first.setdefault(name, (who, value))
            if isinstance(held, int | float) and isinstance(value, int | float) and abs(held - value) > SAME:
                raise StorageError(
                    f"{path}: {name} is {held:g} by {other} and {value:g} by {who}; make them one, or leave one out"
                )


def from_json(text: str | None, hook: Callable[[list[tuple[str, Any]]], dict] = dict) -> dict | None:
    """The JSON object that a text is; None for what is none."""
    try:
        values = json.loads(text or "", object_pairs_hook=hook)
    except json.JSONDecodeError:
        return None
    return values if isinstance(values, dict) else None


def json_or_note(value: Any) -> dict[str, Any]:
    """An attribute that is a JSON object, or else what it says as a note."""
    text = text_of(value)
    values = from_json(text)
    return {"note": str(value) if text is None else text} if values is None else values
