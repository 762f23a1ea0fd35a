"""Light cones in memory."""

from typing import Any

import numpy as np

from halonet.checks.assumptions import recording
from halonet.interface.mocks import checked_options
from halonet.light_cones.methods import DEFAULT_METHOD, light_cone_by
from halonet.light_cones.request import LightConeRequest
from halonet.mocks.request import MockRequest
from halonet.settings import LightConeSettings, validate
from halonet.sky.catalogue import LightConeCatalogue


@recording
def make_light_cone(
    seed: int | None = None,
    cells: int | None = None,
    redshift_range: tuple[float, float] = (0.0, 0.5),
    opening: str | dict[str, float] = "octant",
    observer: tuple[float, float, float] = (0.0, 0.0, 0.0),
    **options: Any,
) -> LightConeCatalogue:
    """Make the catalogue that an observer of a repeated box sees, each halo when its light has left it (Peak Patch).

    Parameters
    ----------
    seed
        Of the box; by default 7, unless the options have ``phases`` or a ``density``.
    cells
        Cells along a side of the box; by default 256, or those of phases or density.
    redshift_range
        Cosmological redshifts; the first is in, the second is out.
    opening
        ``full_sky``, ``hemisphere``, ``octant``, or a circle: ``right_ascension``, ``declination``, ``radius`` in °.
    observer
        Comoving position from the corner of the box (Mpc).
    options
        ``margin_mpc``, and fields of :class:`halonet.mocks.request.MockRequest` like ``box_size_mpc``, ``cosmology``.

    Returns
    -------
    LightConeCatalogue
        Nearest first: coordinates, redshifts, positions from the observer (Mpc), velocities (km/s), masses (Msun).

    Raises
    ------
    SettingsError
        If a value cannot be used.

    Examples
    --------
    >>> import halonet
    >>> halonet.make_light_cone(seed=7, cells=32, redshift_range=(0.0, 0.02))
    <LightConeCatalogue: 385 haloes of 9.68e+11 to 1.82e+14 Msun, octant, redshift 0 to 0.02>
    """
    values = {"redshift_range": _listed(redshift_range), "opening": opening, "observer": _listed(observer)}
    values["margin_mpc"] = options.pop("margin_mpc", None)
    method = options.pop("method", DEFAULT_METHOD)
    options = checked_options(seed, options, options.get("threads"))
    settings = validate(LightConeSettings, values, "make_light_cone")
    request = LightConeRequest(MockRequest(cells=cells, **options), settings)
    haloes = light_cone_by(method, request).make()
    assert haloes is not None  # one process has no other ranks
    return haloes


def _listed(value: object) -> object:
    """A sequence or array as the list that settings know; what is none, they refuse."""
    return np.asarray(value).tolist() if isinstance(value, tuple | np.ndarray) else value
