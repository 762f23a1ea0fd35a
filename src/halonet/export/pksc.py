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
from halonet.cosmology import declared, mean_matter_density
from halonet.export.rows import ForeignError, ForeignRows
from halonet.export.units import about_the_centre, lagrangian_radius
from halonet.settings import CosmologySettings
from halonet.sky.catalogue import LightConeCatalogue
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


def write_websky(path: Path, catalogue: LightConeCatalogue) -> None:
    """Write the light-cone catalogue of the WebSky release: the same header, redshift -1, and 10 float32 per halo.

    They are those of a merged catalogue but for the last one; the observer is at the origin. Readers take the redshift
    from the distance. Source: ``halos.pksc`` of WebSky v0.0 (Stein et al. 2020, JCAP 10, 012) and its readers.
    """
    radii = lagrangian_radius(catalogue["mass"], declared(catalogue.header.known_cosmology(), "light cone"))
    rows = np.column_stack(
        (catalogue.positions(), catalogue.positions(VELOCITY), radii, catalogue.positions(LAGRANGIAN))
    )
    header = np.array((len(catalogue), radii.max(initial=0.0), UNSET), HEADER)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(header.tobytes())
        file.write(rows.astype("<f4").tobytes())


def read_pksc(path: str | Path, cosmology: CosmologySettings) -> ForeignRows:
    """Haloes of a merged ``.pksc`` catalogue; masses are those of the spheres of R_TH."""
    data = Path(path).read_bytes()
    if len(data) < HEADER.itemsize:
        raise ForeignError(f"{path}: {len(data)} bytes, where a .pksc has a header of {HEADER.itemsize}: cut off")
    count, largest, redshift = (value.item() for value in np.frombuffer(data, HEADER, 1)[0])
    if count < 0 or len(data) != HEADER.itemsize + 4 * FLOATS_PER_HALO * count:
        raise ForeignError(
            f"{path}: its header speaks of {count} haloes, but {len(data)} bytes are not {HEADER.itemsize} and "
            f"{4 * FLOATS_PER_HALO} for each: it is cut off, of another byte order, or no merged .pksc (with "
            f"{FLOATS_PER_HALO} numbers a halo)"
        )
    rows = np.frombuffer(data, "<f4", offset=HEADER.itemsize).reshape(count, FLOATS_PER_HALO).astype(np.float64)
    radii = rows[:, 6]
    if not np.isfinite(rows).all() or (radii <= 0).any():
        raise ForeignError(f"{path}: values that are not finite, or radii that are not positive: damaged")
    if count and not np.isclose(largest, radii.max(), rtol=1e-5):
        raise ForeignError(
            f"{path}: largest radius {largest:g} Mpc in the header, {radii.max():g} in its rows: damaged"
        )
    return ForeignRows(
        redshift=redshift,
        mass=4 / 3 * np.pi * radii**3 * mean_matter_density(cosmology),
        lagrangian=rows[:, 7:10],
        eulerian=rows[:, :3],
        velocity=rows[:, 3:6],
        about_centre=True,
        overdensity=None if (rows[:, 10] == UNSET).any() else rows[:, 10],
    )
