"""Halo catalogues that halotools takes into its cache, ``CachedHaloCatalog(fname=...)``: Mpc/h and Msun/h.

The dataset ``data`` is a table with columns ``halo_*``; root attributes are the metadata that halotools requires.
This is what ``UserSuppliedHaloCatalog.add_halocat_to_cache`` of halotools 0.8 writes, but for the time of writing; it
is written with h5py, so that no halotools is needed. Source: ``user_supplied_halo_catalog.py`` and
``halo_table_cache_log_entry.py`` of halotools.
"""

import json
from pathlib import Path

import numpy as np

import halonet
from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue
from halonet.cosmology import mean_matter_density
from halonet.export.units import column_per_h, in_mpc_per_h, in_msun_per_h
from halonet.masses import requested_masses, with_masses
from halonet.settings import CosmologySettings
from halonet.storage import new_hdf5

SCALE_RADIUS = "halo_rs"  # the name that halotools' own catalogues have
NOTES = (
    "halo_mvir (Msun/h) is mean matter density times Lagrangian volume, taken for a mass within {taken_as}; halo_rvir "
    "(Mpc/h) by Bryan & Norman 1998; halo_rs (Mpc/h) and halo_nfw_conc = halo_rvir / halo_rs are those of an NFW "
    "profile with the mean concentration of {concentration}. All radii are comoving. halo_lagrangian_radius, halo_qx, "
    "halo_qy, halo_qz (Mpc/h) are Lagrangian."
)


def write_halotools(path: Path, catalogue: HaloCatalogue, cosmology: CosmologySettings) -> None:
    """Write a halotools catalogue; ``halo_id`` is the row of the catalogue, every halo is its own host.

    Where no masses by other definitions were asked for, the mass of the catalogue is taken for the virial one.
    """
    if "mvir" not in requested_masses(catalogue):
        catalogue = with_masses(catalogue, ["vir"], "vir")
    columns = _columns(catalogue, cosmology)
    table = np.empty(len(catalogue), [(name, values.dtype) for name, values in columns.items()])
    for name, values in columns.items():
        table[name] = values
    with new_hdf5(path) as file:
        file["data"] = table
        for name, value in _metadata(path, catalogue, cosmology).items():
            # halotools itself writes and compares byte strings.
            file.attrs[name] = np.bytes_(value) if isinstance(value, str) else value


def _columns(catalogue: HaloCatalogue, cosmology: CosmologySettings) -> dict[str, np.ndarray]:
    rows = np.arange(len(catalogue), dtype=np.int64)
    columns: dict[str, np.ndarray] = {"halo_id": rows, "halo_upid": np.full_like(rows, -1), "halo_hostid": rows}
    for name in (*EULERIAN, *LAGRANGIAN):
        columns[f"halo_{name}"] = in_mpc_per_h(catalogue[name], cosmology)
    for name in VELOCITY:
        columns[f"halo_{name}"] = catalogue[name].astype(np.float64)
    for name in requested_masses(catalogue):
        column = SCALE_RADIUS if name == "scale_radius" else f"halo_{name}"
        columns[column] = column_per_h(name, catalogue[name], cosmology)
    columns["halo_nfw_conc"] = columns["halo_rvir"] / columns[SCALE_RADIUS]
    columns["halo_lagrangian_radius"] = in_mpc_per_h(catalogue["radius"], cosmology)
    return columns


def _metadata(path: Path, catalogue: HaloCatalogue, cosmology: CosmologySettings) -> dict[str, str | float]:
    """Root attributes: first those that halotools requires, then what else it will show as attributes."""
    header = catalogue.header
    seed = "unknown" if header.seed is None else header.seed
    return {
        "simname": "halonet",
        "halo_finder": str(header.provenance.get("stage", "unknown")),
        "version_name": f"halonet_{halonet.__version__}_seed_{seed}",
        "redshift": f"{header.redshift:.4f}",
        # halotools refuses a file that lies elsewhere than this attribute says, unless told update_cached_fname=True.
        "fname": str(path.absolute()),
        "Lbox": in_mpc_per_h(catalogue.box_size_mpc, cosmology),
        "particle_mass": in_msun_per_h(mean_matter_density(cosmology) * catalogue.cell_size**3, cosmology),
        "processing_notes": NOTES.format_map(catalogue.notes["masses"]),
        "Om0": cosmology.omega_m,
        "h": cosmology.h,
        "provenance": json.dumps(header.provenance),
    }
