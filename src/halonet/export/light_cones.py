"""The formats of light cones."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from halonet.checks.names import beside_alone
from halonet.export.formats import ExportError
from halonet.export.pksc import write_websky
from halonet.export.tables import write_fits_of_light_cone
from halonet.export.xgpaint import write_xgpaint_of_light_cone
from halonet.sky.catalogue import LightConeCatalogue, read_light_cone


@dataclass(frozen=True)
class LightConeFormat:
    """A format of light cones: ending of its files, what writes it, and what reads it."""

    suffix: str
    write: Callable[[Path, LightConeCatalogue], None]
    description: str


LIGHT_CONE_FORMATS = {
    "websky": LightConeFormat(".pksc", write_websky, "light cone as WebSky has it; Mpc, radius for mass"),
    "xgpaint": LightConeFormat(".xgpaint.hdf5", write_xgpaint_of_light_cone, "light cone for XGPaint.jl; Mpc, Msun"),
    "fits": LightConeFormat(".fits", write_fits_of_light_cone, "light cone as a FITS table, all columns; Mpc, Msun"),
}


def write_light_cone_as(catalogue: LightConeCatalogue, name: str, output: str | Path) -> None:
    """Write a light cone in the format ``name`` to the file ``output``."""
    if name not in LIGHT_CONE_FORMATS:
        raise ExportError(f"no format {name!r} of light cones; there are {', '.join(LIGHT_CONE_FORMATS)}")
    LIGHT_CONE_FORMATS[name].write(Path(output), catalogue)


def export_light_cone(source: str | Path, name: str, output: str | Path | None = None) -> Path:
    """Write the light cone of the file ``source`` in the format ``name``; returns the path, by default beside it.

    Raises
    ------
    ExportError
        If there is no such format, or the file is the light cone itself.
    """
    suffix = LIGHT_CONE_FORMATS[name].suffix if name in LIGHT_CONE_FORMATS else ""
    output = beside_alone(source, suffix) if output is None else Path(output)
    if suffix and output.resolve() == Path(source).resolve():
        raise ExportError(f"{output}: is the light cone itself; name another file to write")
    write_light_cone_as(read_light_cone(source), name, output)
    return output
