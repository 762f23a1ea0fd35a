"""Catalogues in the formats of other codes."""

from collections.abc import Sequence
from pathlib import Path

from halonet.catalogue import HaloCatalogue
from halonet.checks.assumptions import recording
from halonet.checks.types import of_type
from halonet.export.formats import write_as
from halonet.export.light_cones import write_light_cone_as
from halonet.interface.given import checked_box
from halonet.masses import RELATIONS, with_masses
from halonet.sky.catalogue import LightConeCatalogue


@recording
def convert_masses(
    haloes: HaloCatalogue, to: Sequence[str], mass_is: str = "200m", concentration: str = RELATIONS[0]
) -> HaloCatalogue:
    """Add masses and radii by other definitions to a catalogue, by NFW profiles of the mean concentration.

    Parameters
    ----------
    haloes
        Catalogue in memory, with its cosmology and redshift.
    to
        Definitions: ``200m``, ``200c``, ``500c`` (times the mean or critical density) and ``vir`` (Bryan & Norman
        1998).
    mass_is
        What the mass of the catalogue is taken for, an assumption (docs/exporting.md): one of these, or ``fof``, that
        of friends of friends with a linking length of 0.2 (More et al. 2011).
    concentration
        Relation of colossus: ``diemer19``, ``ishiyama21`` or ``duffy08``.

    Returns
    -------
    HaloCatalogue
        With the columns ``m200c`` (Msun), ``r200c`` (comoving Mpc) and so on, and ``scale_radius`` (comoving Mpc), by
        which every radius is its concentration. What was measured in a simulation stays.

    Raises
    ------
    SettingsError
        If a definition or relation is not known, or the catalogue names no cosmology or redshift.

    Examples
    --------
    >>> import halonet
    >>> haloes = halonet.convert_masses(halonet.make_mock(seed=7, cells=32), ["200c", "vir"])
    >>> print(f"{haloes['m200c'][0] / haloes['mass'][0]:.2f}, c = {haloes['rvir'][0] / haloes['scale_radius'][0]:.1f}")
    0.66, c = 5.7
    """
    return with_masses(checked_box(haloes), to, mass_is, concentration)


def export_catalogue(haloes: HaloCatalogue | LightConeCatalogue, path: str | Path, to: str) -> None:
    """Write a catalogue in the format of another code.

    Parameters
    ----------
    haloes
        Catalogue in memory, of a box or a light cone.
    path
        File to write, atomically.
    to
        ``pksc`` (Peak Patch), ``pinocchio``, ``halotools``, ``nbodykit``, ``xgpaint``, ``fits`` or ``parquet``. The
        last two need ``pip install halonet[export]``. A light cone: ``websky``, ``xgpaint`` or ``fits``.

    Raises
    ------
    ExportError
        If there is no such format, or the catalogue or the file's name does not fit it.

    Notes
    -----
    Units are those of the other code: docs/exporting.md says what each format holds and loses.

    Examples
    --------
    >>> import halonet, h5py
    >>> halonet.export_catalogue(halonet.make_mock(seed=7, cells=32), "mock.halotools.hdf5", "halotools")
    >>> h5py.File("mock.halotools.hdf5")["data"].shape
    (39,)
    """
    of_type(haloes, HaloCatalogue | LightConeCatalogue, "haloes").check("haloes")
    if isinstance(haloes, LightConeCatalogue):
        write_light_cone_as(haloes, to, path)
    else:
        write_as(haloes, to, path)
