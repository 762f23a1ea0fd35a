"""One attribute of a user's file by itself: a number, text, a JSON object; and whether several say the same."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from halonet.checks.errors import StorageError
from halonet.checks.numbers import Number, NumberError

SAME = 1e-5  # of numbers that two attributes give
UNITLESS = ("", "1", "-", "none", "None", "dimensionless")
FEWEST_LETTERS = 4  # of a name that is known in any spelling; h0 is not H0, nor z the metallicity Z
AMBIGUOUS = ("hubble",)  # the constant in units of its own, in parameters of Gadget


def number_of(path: str | Path, name: str, value: Any, number: Number) -> int | float:
    """The number that an attribute is; an error names file and attribute."""
    try:
        return number(value)
    except NumberError as error:
        raise StorageError(f"{path}: attribute {name}: {error}") from None


@lru_cache(maxsize=4096)  # every header asks for the same names
def spelling(name: str) -> str:
    """A name of an attribute without what only its spelling is: capitals, and what joins words.

    Names that mean other things in other spellings are as they are.
    """
    letters = "".join(each for each in name.lower() if each.isalnum())
    return name if len(letters) < FEWEST_LETTERS or letters in AMBIGUOUS else letters


def named(attributes: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Which of the attributes have one of the ``names``, in any spelling; first those that are spelled as it is."""
    exact, spellings = list(names), {spelling(each) for each in names}
    others = [each for each in attributes if each not in exact and spelling(each) in spellings]
    return [each for each in exact if each in attributes] + others


def same_value(one: Any, other: Any) -> bool:
    """Whether two attributes have one value: numbers up to rounding, whatever array of one is around them."""
    one, other = np.ravel(one), np.ravel(other)
    if one.shape == other.shape and one.dtype.kind in "fiu" and other.dtype.kind in "fiu":
        return bool(np.allclose(one, other, rtol=SAME, atol=0))
    return np.array_equal(one, other)


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
                one, two = (each if isinstance(each, int) else f"{each:g}" for each in (held, value))
                raise StorageError(
                    f"{path}: {name} is {one} by {other} and {two} by {who}; make them one, or leave one out"
                )


def units_said(attributes: Mapping[str, Any]) -> list[str]:
    """Units that attributes say, in the order of an array where there are several; none for those of no text."""
    found: list[str] = []
    for name, value in attributes.items():
        if name.lower() in ("unit", "units"):
            each = value.flat if isinstance(value, np.ndarray) else [value]
            found += [text.strip() for text in map(text_of, each) if text is not None]
    return found


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
