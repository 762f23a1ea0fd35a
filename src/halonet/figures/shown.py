"""Numbers of a summary in words: a quantity that does not exist is none, and a mean says of how many boxes it is."""

NONE = "none"


def number(value: float | None, form: str) -> str:
    """``value`` in a format, or "none"."""
    return NONE if value is None else f"{value:{form}}"


def with_scatter(spread: dict, form: str) -> str:
    """Mean and standard deviation over boxes, from :func:`halonet.statistics.spread.spread`."""
    scatter = "" if spread["deviation"] is None else f" ± {number(spread['deviation'], form)}"
    boxes, known = len(spread["boxes"]), spread["known"]
    of = f" ({known} of {boxes} boxes)" if 0 < known < boxes else ""
    return f"{number(spread['mean'], form)}{scatter}{of}"


def mean_of_known(values: list[float | None]) -> float | None:
    """Mean of the values that exist; None without any."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
