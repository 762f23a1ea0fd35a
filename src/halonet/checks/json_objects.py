"""Objects of JSON as their author meant them: of a key that stands twice, JSON would take the last value."""

import json

from halonet.checks.errors import StorageError


class TwiceError(ValueError):
    """A key that stands twice; the message names it and both values."""


def each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of whose keys none stands twice: for ``object_pairs_hook`` of :func:`json.loads`."""
    values: dict[str, object] = {}
    for key, value in pairs:
        if key in values:
            raise TwiceError(f"{key} stands there twice, as {values[key]!r} and {value!r}; keep one")
        values[key] = value
    return values


def check_json(values: object, name: str) -> None:
    """Refuse values that JSON has no words for, like arrays and NaN; the message says ``name``."""
    try:
        json.dumps(values, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StorageError(f"{name}: {error}; JSON holds text, finite numbers, lists and objects of them") from None
