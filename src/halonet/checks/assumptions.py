"""What a script takes for granted is said in one line, and stands in the provenance of what it writes."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

log = logging.getLogger("halonet")
P = ParamSpec("P")
R = TypeVar("R")
_made: ContextVar[list[str] | None] = ContextVar("assumptions", default=None)


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Collect the assumptions of one command, for its provenance."""
    made: list[str] = []
    token = _made.set(made)
    try:
        yield made
    finally:
        _made.reset(token)


def recording(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose results hold, in their provenance, what was assumed in this call of it."""

    @wraps(function)
    def recorded_call(*args: P.args, **kwargs: P.kwargs) -> R:
        with recorded():
            return function(*args, **kwargs)

    return recorded_call


def assume(line: str) -> None:
    """Say what is assumed and why, once in a command."""
    made = _made.get()
    if made is not None and line in made:
        return
    log.warning("assumed: %s", line)
    if made is not None:
        made.append(line)


def assumptions() -> list[str]:
    """What the command at work has assumed so far, in the order in which it was said."""
    return list(_made.get() or [])
