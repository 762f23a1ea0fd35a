"""The table of formats, and the one way into them: read, check what the format needs, write."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from halonet.catalogue import EULERIAN, VELOCITY, HaloCatalogue, check_inside, read_catalogue
from halonet.checks.names import beside_alone
from halonet.cosmology import DECIDING
from halonet.export.halotools import write_halotools
from halonet.export.nbodykit import write_nbodykit
from halonet.export.pinocchio import write_pinocchio
from halonet.export.pksc import write_pksc
from halonet.export.tables import write_fits, write_parquet
from halonet.export.xgpaint import write_xgpaint
from halonet.masses import RELATIONS, with_masses
from halonet.settings import CosmologySettings, validate
from halonet.tiles_of_universes import tile_of

log = logging.getLogger("halonet")
PHASE_SPACE = (*EULERIAN, *VELOCITY)


class ExportError(ValueError):
    """A catalogue, or a file name, that the wanted format cannot take; the message says what it needs."""


@dataclass(frozen=True)
class Format:
    """A format of another code.

    Attributes
    ----------
    name
        What a user calls it.
    suffix
        How the name of its files ends by default.
    write
        Writes a catalogue under a path, atomically; its third argument is the cosmology, None where none is needed.
    columns
        Columns it needs beyond those every catalogue has.
    needs_cosmology
        Whether it holds an h, a mean density or a redshift.
    masses
        Definitions of further masses that it always has where any is asked for; None where it has no column for one.
    only_suffix
        Ending without which its reader refuses a file; empty where any name does.
    description
        What reads it.
    """

    name: str
    suffix: str
    write: Callable[[Path, HaloCatalogue, Any], None]
    columns: tuple[str, ...]
    needs_cosmology: bool
    masses: tuple[str, ...] | None
    only_suffix: str
    description: str


FORMATS = {
    form.name: form
    for form in (
        Format("pksc", ".pksc", write_pksc, PHASE_SPACE, True, None, "", "Peak Patch, merged catalogue; Mpc, Msun"),
        Format(
            "pinocchio", ".catalog.out", write_pinocchio, PHASE_SPACE, True, None, "", "PINOCCHIO, ASCII; Mpc/h, Msun/h"
        ),
        Format(
            "halotools",
            ".halotools.hdf5",
            write_halotools,
            PHASE_SPACE,
            True,
            ("vir",),
            ".hdf5",
            "halotools; Mpc/h, Msun/h",
        ),
        Format("nbodykit", ".nbodykit.hdf5", write_nbodykit, PHASE_SPACE, True, (), "", "nbodykit; Mpc/h, Msun/h"),
        Format("xgpaint", ".xgpaint.hdf5", write_xgpaint, EULERIAN, False, None, "", "XGPaint.jl (WebSky); Mpc, Msun"),
        Format("fits", ".fits", write_fits, (), False, (), "", "FITS table, all columns; Mpc, Msun"),
        Format("parquet", ".parquet", write_parquet, (), False, (), "", "Parquet table, all columns; Mpc, Msun"),
    )
}


@dataclass(frozen=True)
class Masses:
    """Further masses of an export: ``wanted`` definitions of :data:`halonet.masses.DEFINITIONS`.

    ``taken_as`` is what the mass of the catalogue is, ``relation`` the concentrations; see :mod:`halonet.masses`.
    """

    wanted: Sequence[str] = ()
    taken_as: str = "200m"
    relation: str = RELATIONS[0]


def export_catalogue(
    source: str | Path, name: str, output: str | Path | None = None, masses: Masses | None = None
) -> Path:
    """Write the catalogue file ``source`` in the format ``name``; returns the file's path.

    Parameters
    ----------
    output
        File to write. Where it is None: beside ``source``, with the format's suffix in place of ``.h5`` or ``.hdf5``,
        and behind any other name.
    masses
        Masses and radii by other definitions, for formats that have columns for them.

    Raises
    ------
    ExportError
        If there is no such format, or the catalogue or the name of the file does not fit it.
    SettingsError
        If a definition of ``masses`` is not known, or cannot be computed.
    """
    form = _format(name)
    output = beside_alone(source, form.suffix) if output is None else Path(output)
    if output.resolve() == Path(source).resolve():
        raise ExportError(f"{output}: is the catalogue itself; name another file to write")
    write_as(read_catalogue(source), name, output, source, masses)
    return output


def write_as(
    catalogue: HaloCatalogue,
    name: str,
    output: str | Path,
    source: str | Path = "catalogue",
    masses: Masses | None = None,
) -> None:
    """Write a catalogue in the format ``name`` to the file ``output``; messages call the catalogue ``source``."""
    form, output = _format(name), Path(output)
    if not output.name.endswith(form.only_suffix):
        raise ExportError(f"{output}: {form.name} reads only files whose name ends with {form.only_suffix}")
    _check_columns(source, catalogue, form)
    if tile := tile_of(catalogue):
        said = f"tile {','.join(map(str, tile.index))} of {tile.of}"
        log.warning("%s: %s of a universe, whose side stands in the file; its haloes fill a part of it", source, said)
    if masses is not None:
        catalogue = _with_masses(catalogue, form, masses)
    form.write(output, catalogue, _cosmology(source, catalogue, form) if form.needs_cosmology else None)


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise ExportError(f"no format {name!r}; there are {', '.join(FORMATS)}")
    return FORMATS[name]


def _with_masses(catalogue: HaloCatalogue, form: Format, masses: Masses) -> HaloCatalogue:
    if form.masses is None:
        able = ", ".join(each.name for each in FORMATS.values() if each.masses is not None)
        raise ExportError(f"{form.name} has no column for masses by {', '.join(masses.wanted)}; {able} have")
    return with_masses(catalogue, [*masses.wanted, *form.masses], masses.taken_as, masses.relation)


def _check_columns(source: str | Path, catalogue: HaloCatalogue, form: Format) -> None:
    if missing := [name for name in form.columns if name not in catalogue.columns]:
        raise ExportError(
            f"{source}: columns {', '.join(missing)} are missing, {form.name} needs Eulerian positions"
            f"{' and velocities' if set(VELOCITY) <= set(form.columns) else ''}; give find_haloes.py the --density, "
            "or export to fits or parquet"
        )
    for name in set(EULERIAN) & set(form.columns):
        check_inside(source, name, catalogue[name], catalogue.box_size_mpc)
    if (wrong := catalogue["mass"] <= 0).any():
        first, count = catalogue["mass"][wrong.argmax()], f"{wrong.sum()} of {len(catalogue)} haloes"
        raise ExportError(f"{source}: mass = {first:.9g} Msun in {count} (the first); masses must be positive")


def _cosmology(source: str | Path, catalogue: HaloCatalogue, form: Format) -> CosmologySettings:
    """Cosmology of the catalogue, all of it said by the file: a default of h would be wrong without a word."""
    said = catalogue.header.cosmology or {}
    if missing := [name for name in DECIDING if name not in said]:
        raise ExportError(
            f"{source}: {form.name} needs {', '.join(missing)}; the root attribute cosmology must hold them, as JSON "
            '{"h": 0.7, "omega_b": 0.043, "omega_cdm": 0.207} for example'
        )
    if catalogue.header.redshift is None:
        raise ExportError(f"{source}: {form.name} needs the redshift; the root attribute redshift is missing")
    return validate(CosmologySettings, {"redshift": catalogue.header.redshift, **said}, f"{source}: cosmology")
