"""The one validator of every number that a user gives: on the command line, or as an attribute of a file."""

import argparse
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

WITH_UNIT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?:\s+\S.*|[a-wyzA-WYZ%].*)", re.ASCII)
WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
ROUNDING = 1e-9  # of a scale factor of 1: a redshift so little below 0 is 0


class NumberError(argparse.ArgumentTypeError, ValueError):
    """A value that is no number, or not one that is possible here; argparse shows the message with the option."""


@dataclass(frozen=True)
class Number:
    """A number with its unit and range; called with a value, it returns the number or raises.

    Parameters
    ----------
    unit
        In which the number is meant; shown in messages.
    whole
        Whether it is an integer. ``256``, ``256.0`` and ``3e2`` are.
    least, most
        Smallest and largest number that is taken.
    above, below
        Bounds that are not taken themselves.
    repeated
        Whether an array of equal numbers is taken for one, like a box of three equal sides.
    rounding
        Numbers that are no more than so much below ``least`` are it.
    """

    unit: str = ""
    whole: bool = False
    least: float = -math.inf
    most: float = math.inf
    above: float = -math.inf
    below: float = math.inf
    repeated: bool = False
    rounding: float = 0.0

    def __call__(self, value: object) -> int | float:
        """Return the number that ``value`` is.

        Raises
        ------
        NumberError
            If it is text without or with more than a number, an array, not finite, not whole, or out of range.
        """
        number = self._number(self._single(value))
        if not math.isfinite(number):
            raise NumberError(f"{number} is no finite number; {self.wanted} is needed")
        if self.whole and number != int(number):
            raise NumberError(f"{number} is not whole; {self.wanted} is needed")
        number = int(number) if self.whole else float(number)
        if self.least - self.rounding <= number < self.least:
            return self.least
        if not (self.least <= number <= self.most and self.above < number < self.below):
            raise NumberError(f"{number} is out of range; {self.wanted} is needed")
        return number

    @property
    def wanted(self) -> str:
        """What is needed, in words: ``a whole number of at least 1``."""
        bounds = {"of at least": self.least, "above": self.above, "of at most": self.most, "below": self.below}
        said = [f"{word} {bound:g}" for word, bound in bounds.items() if math.isfinite(bound)]
        kind = "a whole number" if self.whole else "a number"
        return " ".join([kind, *([f"in {self.unit}"] if self.unit else []), " and ".join(said)]).strip()

    def _single(self, value: object) -> object:
        """``value`` without the array around it."""
        if isinstance(value, np.ndarray | list | tuple):
            values = np.asarray(value)
            if values.size != 1 and not (self.repeated and values.size and (values == values.flat[0]).all()):
                raise NumberError(f"an array of shape {values.shape} ({_shown(values)}); {self.wanted} is needed")
            value = values.flat[0]
        return value.item() if isinstance(value, np.generic) else value

    def _number(self, value: object) -> int | float:
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        if isinstance(value, str):
            return self._from_text(value.strip())
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NumberError(f"{value!r} is no number; {self.wanted} is needed")
        return value

    def _from_text(self, text: str) -> int | float:
        if WHOLE.fullmatch(text) and len(text) < 30:
            return int(text)
        try:
            if "_" in text or not text.isascii():
                raise ValueError
            return float(text)
        except ValueError:
            found = WITH_UNIT.fullmatch(text)
            advice = f"; give the number alone, like {found[1]}" if found else ""
            raise NumberError(f"{text!r} is no number{advice}; {self.wanted} is needed") from None


def _shown(values: np.ndarray) -> str:
    few = ", ".join(str(each) for each in values.flat[:3])
    return few + (", ..." if values.size > 3 else "")


LENGTH = Number("Mpc", above=0, most=1e6)  # nothing periodic is wider than the observable universe
COORDINATE = Number("Mpc", least=-1e6, most=1e6)
COUNT = Number(whole=True, least=1)
CELLS = Number(whole=True, least=2, most=2**16)
INDEX = Number(whole=True, least=0, below=2**31)
SEED = Number(whole=True, least=0, below=2**63)
THREADS = Number(whole=True, least=1, most=4096)
GPUS = Number(whole=True, least=0, most=64)
REDSHIFT = Number(least=0.0, most=1100, rounding=ROUNDING)
MINUTES = Number("minutes", least=0)
WAVENUMBER = Number("1/Mpc", above=0, most=1e4)


def checked(name: str, value: object, number: Number) -> int | float:
    """A number that Python code gives as ``name``."""
    try:
        return number(value)
    except NumberError as error:
        raise NumberError(f"{name}: {error}") from None


def without_nan(values: object) -> object:
    """JSON values in which NaN, which JSON does not know, is null."""
    if isinstance(values, float):
        return None if math.isnan(values) else values
    if isinstance(values, Mapping):
        return {key: without_nan(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [without_nan(value) for value in values]
    return values
