"""Merged catalogues of Peak Patch (``.pksc``), the format of the code whose method the ground truth follows.

Little endian: int32 number of haloes, float32 largest radius (Mpc), float32 redshift of the box; then 11 float32 per
halo: Eulerian x, y, z (Mpc), vx, vy, vz (km/s), R_TH (Mpc), Lagrangian x, y, z (Mpc), overdensity. Lengths are comoving
and without h. The origin is the centre of the box, as Peak Patch puts it. Readers take the mass for 4 pi/3 R_TH^3 times
the mean matter density, so R_TH is the radius that gives the catalogue's mass. Source: readme and
``check_catalogue.py`` of the Peak Patch-WebSky repository.
"""

from pathlib import Path

import numpy as np

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue
from halonet.export.units import about_the_centre, lagrangian_radius
from halonet.settings import CosmologySettings
from halonet.storage import atomic_path

HEADER = np.dtype([("haloes", "<i4"), ("largest_radius", "<f4"), ("redshift", "<f4")])
FLOATS_PER_HALO = 11
UNSET = -1.0  # what Peak Patch writes into a last column it has not computed


def write_pksc(path: Path, catalogue: HaloCatalogue, cosmology: CosmologySettings) -> None:
    """Write a merged ``.pksc`` catalogue; haloes without a measured overdensity get -1 there."""
    radii = lagrangian_radius(catalogue["mass"], cosmology)
    overdensity = catalogue.columns.get("overdensity", np.full(len(catalogue), UNSET))
    rows = np.column_stack(
        (
            about_the_centre(catalogue.positions(EULERIAN), catalogue.box_size_mpc),
            catalogue.positions(VELOCITY),
            radii,
            about_the_centre(catalogue.positions(LAGRANGIAN), catalogue.box_size_mpc),
            overdensity,
        )
    )
    # The number of haloes is an int32: 2e9 haloes are 10^5 times those of a (512 Mpc)^3 box.
    header = np.array((len(catalogue), radii.max(initial=0.0), catalogue.header.redshift), HEADER)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(header.tobytes())
        file.write(rows.astype("<f4").tobytes())
