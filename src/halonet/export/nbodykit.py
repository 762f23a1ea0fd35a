"""HDF5 catalogues for nbodykit: ``HDFCatalog(path, header="Header")``, lengths in Mpc/h, masses in Msun/h.

Datasets ``Position`` (n, 3), ``Velocity`` (n, 3; km/s) and ``Mass`` (n), the names that its ``HaloCatalog`` looks for,
and ``LagrangianPosition``, ``LagrangianRadius``, and masses by other definitions under their names here; metadata are
attributes of the group ``Header``. All datasets have one row per halo, which its reader demands. Source: ``io/hdf.py``
and ``source/catalog/halos.py`` of nbodykit 0.3.
"""

import json
from pathlib import Path

import numpy as np

from halonet.catalogue import COLUMNS, EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue
from halonet.export.units import column_per_h, in_mpc_per_h, in_msun_per_h
from halonet.masses import requested_masses
from halonet.settings import CosmologySettings
from halonet.storage import new_hdf5


def write_nbodykit(path: Path, catalogue: HaloCatalogue, cosmology: CosmologySettings) -> None:
    """Write an HDF5 catalogue for nbodykit, in float64."""
    datasets = {
        "Position": ("Mpc/h", in_mpc_per_h(catalogue.positions(EULERIAN), cosmology)),
        "Velocity": ("km/s", catalogue.positions(VELOCITY)),
        "Mass": ("Msun/h", in_msun_per_h(catalogue["mass"], cosmology)),
        "LagrangianPosition": ("Mpc/h", in_mpc_per_h(catalogue.positions(LAGRANGIAN), cosmology)),
        "LagrangianRadius": ("Mpc/h", in_mpc_per_h(catalogue["radius"], cosmology)),
    }
    for name in requested_masses(catalogue):
        datasets[name] = (f"{COLUMNS[name].unit}/h", column_per_h(name, catalogue[name], cosmology))
    with new_hdf5(path) as file:
        for name, (unit, values) in datasets.items():
            file[name] = values
            file[name].attrs["unit"] = unit
        header = file.create_group("Header").attrs
        header["BoxSize"] = np.full(3, in_mpc_per_h(catalogue.box_size_mpc, cosmology))
        header["redshift"] = catalogue.header.redshift
        header["cosmology"] = json.dumps(cosmology.model_dump())
        header["provenance"] = json.dumps(catalogue.header.provenance)
