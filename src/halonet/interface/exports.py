"""Catalogues in the formats of other codes."""

from pathlib import Path

from halonet.catalogue import HaloCatalogue
from halonet.export.formats import write_as
from halonet.sky.catalogue import LightConeCatalogue


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
    write_as(haloes, to, path)
