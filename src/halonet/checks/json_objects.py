"""Objects of JSON as their author meant them: of a key that stands twice, JSON would take the last value."""


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
