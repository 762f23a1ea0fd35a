"""Python's types of what a user's code hands over: said by name, before something deep inside fails of it."""

from types import UnionType
from typing import TypeVar, get_args

T = TypeVar("T")


def of_type(value: T, kind: type | UnionType, name: str) -> T:
    """``value``, which must be of a type, or of one of several.

    Raises
    ------
    TypeError
        If it is of another; the message says ``name``, both types, and where a catalogue is needed, how to read one.
    """
    if isinstance(value, kind):
        return value
    wanted = " or ".join(each.__name__ for each in get_args(kind) or (kind,))
    advice = ", as halonet.read_catalogue gives one" if "HaloCatalogue" in wanted else ""
    raise TypeError(f"{name} is of type {type(value).__name__}; {wanted} is needed{advice}")
