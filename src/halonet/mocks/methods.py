"""The methods by which a mock can be made, in one table, and what all of them share.

A method is a class that takes a :class:`~halonet.mocks.request.MockRequest`, has the ``box`` that follows from it and
makes the catalogue with ``make(communicator)``. Its module is imported when it is chosen.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Protocol

from halonet.catalogue import HaloCatalogue
from halonet.mocks.box import MockBox
from halonet.mocks.request import MockRequest
from halonet.mpi import Communicator
from halonet.settings import SettingsError


class Mock(Protocol):
    """What a method makes of a request: a mock that knows its box and can be made."""

    @property
    def box(self) -> MockBox:
        """Header, cosmology and density that follow from the request."""

    def make(self, communicator: Communicator | None = None) -> HaloCatalogue | None:
        """The catalogue on the first rank, None on the others; collective."""


@dataclass(frozen=True)
class Method:
    """Module and name of a method's class, and what it is good for in one line.

    ``own`` are the requests that it alone knows, ``fields`` the fields that it can keep.
    """

    module: str
    name: str
    description: str
    own: tuple[str, ...]
    fields: tuple[str, ...]

    def load(self) -> Callable[[MockRequest], Mock]:
        """The class of the method."""
        return getattr(import_module(self.module), self.name)


METHODS = {
    "peak_patch": Method(
        "halonet.mocks.by_peak_patch",
        "PeakPatchMock",
        "ellipsoidal collapse of peaks: any cosmology, redshift and cell size, untrained, fast",
        ("peak_patch", "collapse_table", "universe", "tile", "of"),
        ("density", "mask"),
    ),
    "network": Method(
        "halonet.mocks.by_network",
        "NetworkMock",
        "a trained network: haloes like those it has learnt from, for the boxes it was trained for",
        ("network", "halo_finding", "thresholds", "scratch", "gpus"),
        ("density", "probability"),
    ),
    "n_body": Method(
        "halonet.mocks.by_n_body",
        "NBodyMock",
        "a particle-mesh simulation and friends of friends: what the others imitate, at ten times the cost",
        ("n_body",),
        ("density", "mask"),
    ),
}
# The shipped networks imitate Peak Patch, which is faster and knows more boxes.
DEFAULT_METHOD = "peak_patch"


def mock_by(name: str, request: MockRequest) -> Mock:
    """The mock of ``request`` by the method ``name``, ready to be made.

    Raises
    ------
    SettingsError
        If there is no such method, or the request asks for what only another one knows.
    """
    if name not in METHODS:
        raise SettingsError(f"method = {name!r}; there are {', '.join(METHODS)}")
    check_own(name, request, "mock")
    made = ("phases", *METHODS[name].fields)
    for kept in request.keep:
        if kept not in made:
            raise SettingsError(
                f"a mock by {name!r} has no {kept} to keep; it has {', '.join(made[:-1])} and {made[-1]}"
            )
    return METHODS[name].load()(request)


def check_own(name: str, request: MockRequest, what: str) -> None:
    """Refuse a request for what only another method than ``name`` knows; ``what`` is made by it, in a word."""
    defaults = {field.name: field.default for field in fields(MockRequest)}
    for other, method in METHODS.items():
        for option in method.own if other != name else ():
            value = getattr(request, option)
            if value != defaults[option]:
                raise SettingsError(f"{option} = {value} is for the method {other!r}; this {what} is made by {name!r}")
