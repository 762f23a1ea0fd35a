"""Galaxy catalogues in memory and as files."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from halonet.checks.attribute_values import json_or_note
from halonet.checks.hdf5 import columns_of
from halonet.checks.types import of_type
from halonet.column_files import check_inside, check_units, check_values
from halonet.column_table import ColumnTable
from halonet.columns import EULERIAN, Column
from halonet.storage import new_hdf5, open_hdf5, read_header, write_header

GALAXY_COLUMNS = {
    column.name: column
    for column in (
        Column("x", "f4", "Mpc", "position at the redshift of the haloes, comoving, in [0, L)"),
        Column("y", "f4", "Mpc", "position at the redshift of the haloes, comoving, in [0, L)"),
        Column("z", "f4", "Mpc", "position at the redshift of the haloes, comoving, in [0, L)"),
        Column("vx", "f4", "km/s", "peculiar velocity"),
        Column("vy", "f4", "km/s", "peculiar velocity"),
        Column("vz", "f4", "km/s", "peculiar velocity"),
        Column("halo", "i8", "1", "row of its halo in the catalogue, most massive first"),
        Column("halo_mass", "f8", "Msun", "mass of its halo"),
        Column("central", "u1", "1", "1 of the galaxy at a halo's centre, 0 of a satellite"),
    )
}


@dataclass(frozen=True)
class GalaxyCatalogue(ColumnTable):
    """Galaxies of one periodic box: ``galaxies["vx"]`` is a column, ``len(galaxies)`` their number.

    Attributes
    ----------
    columns
        One array per property, shape (galaxies,), in the units of :data:`GALAXY_COLUMNS`.
    header
        Box, redshift, cosmology, seed of the galaxies and provenance.
    notes
        How they were made, as JSON values.

    Examples
    --------
    >>> import halonet
    >>> galaxies = halonet.populate(halonet.make_mock(seed=7, cells=32))
    >>> galaxies
    <GalaxyCatalogue: 5 galaxies, 3 of them central, box of 32 Mpc, redshift 0>
    >>> galaxies.to_pandas().columns[-1]
    'central'
    """

    KNOWN: ClassVar = GALAXY_COLUMNS
    REQUIRED: ClassVar = tuple(GALAXY_COLUMNS)
    OBJECTS: ClassVar = "galaxies"

    notes: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        redshift, central = self.header.redshift, int(self["central"].sum())
        when = "unknown redshift" if redshift is None else f"redshift {redshift:g}"
        numbers = f"{len(self)} galaxies, {central} of them central"
        return f"<GalaxyCatalogue: {numbers}, box of {self.box_size_mpc:g} Mpc, {when}>"


def write_galaxies(path: str | Path, galaxies: GalaxyCatalogue) -> None:
    """Write galaxies atomically: group ``galaxies`` of an HDF5 file with one dataset per column.

    Parameters
    ----------
    path
        File to write; its folder is made where there is none.
    galaxies
        What to write.

    Examples
    --------
    >>> import halonet
    >>> halonet.write_galaxies("galaxies.h5", halonet.populate(halonet.make_mock(seed=7, cells=32)))
    >>> len(halonet.read_galaxies("galaxies.h5"))
    5
    """
    of_type(galaxies, GalaxyCatalogue, "galaxies").check_finite(path)
    galaxies.check(path)
    with new_hdf5(path) as file:
        galaxies.write_columns(file)
        write_header(file, galaxies.header)
        file.attrs["notes"] = json.dumps(galaxies.notes)


def read_galaxies(path: str | Path) -> GalaxyCatalogue:
    """Read galaxies.

    Parameters
    ----------
    path
        HDF5 file of :func:`write_galaxies`.

    Raises
    ------
    StorageError
        If columns are missing, values are not finite, or positions lie outside of the box.

    Examples
    --------
    >>> import halonet
    >>> halonet.write_galaxies("galaxies.h5", halonet.populate(halonet.make_mock(seed=7, cells=32)))
    >>> halonet.read_galaxies("galaxies.h5").box_size_mpc
    32.0
    """
    header = read_header(path)
    with open_hdf5(path) as file:
        columns = columns_of(path, file, "galaxies", GALAXY_COLUMNS)
        check_units(path, file["galaxies"], columns, GALAXY_COLUMNS)
        notes = json_or_note(file.attrs.get("notes", "{}"))
    GalaxyCatalogue.check_columns(path, columns)
    check_values(path, columns, GALAXY_COLUMNS)
    for name in EULERIAN:
        check_inside(path, name, columns[name], header.box_size_mpc)
    return GalaxyCatalogue(columns, header, notes)
