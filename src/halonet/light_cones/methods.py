"""The methods by which a light cone can be made, in one table; another one is a line here and a class of its own.

A method is a class that takes a :class:`~halonet.light_cones.request.LightConeRequest`, has the ``box`` that is
repeated and makes the catalogue with ``make(communicator)``. Its module is imported when it is chosen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from halonet.light_cones.request import LightConeRequest
from halonet.mocks.box import MockBox
from halonet.mocks.methods import check_own
from halonet.mpi import Communicator
from halonet.settings import SettingsError
from halonet.sky.catalogue import LightConeCatalogue


class LightCone(Protocol):
    """What a method makes of a request."""

    @property
    def box(self) -> MockBox:
        """Header, cosmology and density of the box that is repeated."""

    def make(self, communicator: Communicator | None = None) -> LightConeCatalogue | None:
        """The catalogue on the first rank, None on the others; collective."""


@dataclass(frozen=True)
class Method:
    """Module and name of a method's class, and what it is good for in one line."""

    module: str
    name: str
    description: str

    def load(self) -> Callable[[LightConeRequest], LightCone]:
        """The class of the method."""
        return getattr(import_module(self.module), self.name)


METHODS = {
    "peak_patch": Method(
        "halonet.light_cones.by_peak_patch",
        "PeakPatchLightCone",
        "ellipsoidal collapse of peaks, each by the redshift at which it is seen; untrained",
    ),
    "network": Method(
        "halonet.light_cones.by_network",
        "NetworkLightCone",
        "a network that knows these redshifts, on the density of each cell grown to when it is seen",
    ),
}
DEFAULT_METHOD = "peak_patch"


def light_cone_by(name: str, request: LightConeRequest) -> LightCone:
    """The light cone of ``request`` by the method ``name``, ready to be made.

    Raises
    ------
    SettingsError
        If there is no such method, or the request asks for what only another one knows.
    """
    if name not in METHODS:
        raise SettingsError(f"method = {name!r}; there are {', '.join(METHODS)}")
    check_own(name, request.box, "light cone")
    return METHODS[name].load()(request)
