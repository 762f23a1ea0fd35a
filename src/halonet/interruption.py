"""Requests to end (SIGTERM of a batch system, Ctrl-C): long work finishes a step, stores its state, and ends."""

import signal
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interrupted(SystemExit):
    """The run was asked to end (SIGTERM or Ctrl-C) and has written a checkpoint; the exit code is 128 + signal."""


class Requests:
    """Signals that arrive within a ``with`` block: they end nothing, but are noted.

    Attributes
    ----------
    signal
        Number of the last one; 0 before the first.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Requests":
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: object) -> None:
        self.signal = number
