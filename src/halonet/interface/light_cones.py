"""Light cones in memory."""

import os
from typing import Any

from halonet.checks.assumptions import recording
from halonet.light_cones.methods import DEFAULT_METHOD, light_cone_by
from halonet.light_cones.request import LightConeRequest
from halonet.mocks.request import MockRequest
from halonet.settings import CosmologySettings, LightConeSettings, validate
from halonet.sky.catalogue import LightConeCatalogue


@recording
def make_light_cone(
    seed: int = 7,
    cells: int = 256,
    redshift_range: tuple[float, float] = (0.0, 0.5),
    *,
    box_size_mpc: float | None = None,
    cosmology: CosmologySettings | None = None,
    observer: tuple[float, float, float] = (0.0, 0.0, 0.0),
    opening: str | dict[str, float] = "octant",
    **options: Any,
) -> LightConeCatalogue:
    """Make the halo catalogue that an observer of a periodic box sees, each halo when its light has left it.

    The box is repeated as often as the range of redshifts asks for. The same call gives the same bits.

    Parameters
    ----------
    seed
        Of the box: another seed, an independent sky.
    cells
        Cells along a side of the box.
    redshift_range
        Cosmological redshifts; the first is in, the second is out.
    box_size_mpc
        Side of the box (Mpc); by default cells of 1 Mpc.
    cosmology
        By default the paper's; its redshift has no meaning here.
    observer
        Comoving position from the corner of the box (Mpc).
    opening
        ``full_sky``, ``hemisphere`` or ``octant``; or a circle, by ``right_ascension``, ``declination``, ``radius``
        in degrees.
    options
        ``method`` (``peak_patch``), ``margin_mpc``, and further fields of :class:`halonet.mocks.request.MockRequest`,
        like ``peak_patch`` (settings), ``density`` (file, in place of a seed: give ``seed=None``), ``threads``.

    Returns
    -------
    LightConeCatalogue
        Nearest halo first: right ascension and declination (degrees), cosmological and observed redshift, comoving
        positions from the observer (Mpc), velocities (km/s), masses (Msun).

    Raises
    ------
    SettingsError
        If a value cannot be used.
    TypeError
        If there is no such option.

    Notes
    -----
    Peak Patch with the redshift of every peak by its distance, as in Stein et al. (2020, JCAP 10, 012). Haloes have no
    merging history, and structures repeat with the box: docs/light_cones.md.

    Examples
    --------
    >>> import halonet
    >>> sky = halonet.make_light_cone(seed=7, cells=32, redshift_range=(0.0, 0.02))
    >>> sky
    <LightConeCatalogue: 385 haloes of 9.68e+11 to 1.82e+14 Msun, octant, redshift 0 to 0.02>
    >>> bool((abs(sky["observed_redshift"] - sky["redshift"]) < 0.01).all())
    True
    """
    method = options.pop("method", DEFAULT_METHOD)
    values = {"observer": list(observer), "opening": opening, "redshift_range": list(redshift_range)}
    values["margin_mpc"] = options.pop("margin_mpc", None)
    settings = validate(LightConeSettings, values, "make_light_cone")
    options.setdefault("threads", os.cpu_count() or 1)
    box = MockRequest(seed=seed, cells=cells, box_size_mpc=box_size_mpc, cosmology=cosmology, **options)
    haloes = light_cone_by(method, LightConeRequest(box, settings)).make()
    assert haloes is not None  # one process has no other ranks
    return haloes
