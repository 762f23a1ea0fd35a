"""How claims are written down, and what they read."""

import json
import re
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLAIMS: list[tuple[str, Callable[[], Iterator[str]]]] = []


def claims(*pages):
    """Register a function that yields what each of ``pages`` says."""

    def register(function):
        CLAIMS.extend((page, function) for page in pages)
        return function

    return register


@cache
def read(path):
    """A JSON file of the checkout."""
    return json.loads((ROOT / path).read_text())


def results(name):
    """A file of ``benchmarks/results``."""
    return read(f"benchmarks/results/{name}.json")


def measured(network):
    """What a shipped network reached on its test boxes."""
    return read(f"networks/{network}/measured.json")


def plain(text):
    """Text of a page without line breaks and without the marks of bold text."""
    return re.sub(r"\s+", " ", text.replace("**", ""))


def row(*cells):
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def shown(values, form=".3f"):
    """Numbers in one format, with commas between."""
    return ", ".join(format(value, form) for value in values)


def fixed(value, digits):
    """A number with so many digits; a half is rounded up, as a reader rounds what a file already holds rounded."""
    return str(Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def percent(value, digits=0):
    return f"{100 * value:.{digits}f}%"


def off(values):
    """Largest departure from 1."""
    return max(abs(value - 1) for value in values)
