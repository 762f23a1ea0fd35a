"""HDF5 catalogues for XGPaint.jl, the code that paints the WebSky maps: ``read_halo_catalog_hdf5(path)``.

One float32 dataset ``halos``: x, y, z (comoving Mpc, observer at the origin) and mass (Msun) of each halo, without h.
Julia stores the first index fastest, so its matrix of 4 rows is an HDF5 dataset of shape (haloes, 4). XGPaint takes the
redshift of a halo from its distance. Source: ``src/util.jl`` and ``src/model.jl`` of XGPaint.jl.
"""

from pathlib import Path

import numpy as np

from halonet.catalogue import EULERIAN, HaloCatalogue
from halonet.export.units import about_the_centre
from halonet.settings import CosmologySettings
from halonet.sky.catalogue import LightConeCatalogue
from halonet.storage import new_hdf5


def write_xgpaint(path: Path, catalogue: HaloCatalogue, cosmology: CosmologySettings | None = None) -> None:
    """Write the catalogue as an observer at the centre of the box sees it; no h, so no cosmology is needed."""
    positions = about_the_centre(catalogue.positions(EULERIAN), catalogue.box_size_mpc)
    _write(path, positions, catalogue["mass"])


def write_xgpaint_of_light_cone(path: Path, catalogue: LightConeCatalogue) -> None:
    """Write a light cone as its observer sees it."""
    _write(path, catalogue.positions(), catalogue["mass"])


def _write(path: Path, positions: np.ndarray, masses: np.ndarray) -> None:
    with new_hdf5(path) as file:
        file["halos"] = np.column_stack((positions, masses)).astype(np.float32)
        file["halos"].attrs["columns"] = "x, y, z (comoving Mpc, observer at the origin), mass (Msun)"
