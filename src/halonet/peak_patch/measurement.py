"""Radius within which a candidate's homogeneous ellipsoid has collapsed.

Around a candidate the mean overdensity and the mean strain are followed over spheres, from the outside inward, until
the ellipsoid they describe collapses in time (Bond & Myers 1996, section 3; Stein, Alvarez & Bond 2018, section 2). The
density is summed only as far out as the outcome can depend on it, and displacements only on the shells next to those
that are tested.
"""

from dataclasses import dataclass

import numpy as np

from halonet.peak_patch.collapse import CollapseTable
from halonet.peak_patch.measurement_loops import means, measure_all
from halonet.peak_patch.sphere import Sphere

OUTER_START = 1.75  # radius at which the inward search starts, in filter radii
LARGEST_START_MPC = 40.0
NEAREST_SHELL = 10  # a shell within so much of the squared filter radius (cells^2) limits the published window


@dataclass(frozen=True)
class Measurements:
    """What the spheres around candidates hold; one row a candidate that collapses.

    Attributes
    ----------
    rows
        Index of the candidate, int64.
    shells
        Outermost shell that collapses, int64.
    radii
        Radius (cells), float64 that single precision holds.
    properties
        Mean overdensity, ellipticity, prolateness and strain eigenvalues l1 >= l2 >= l3, float64 of shape (rows, 6).
    """

    rows: np.ndarray
    shells: np.ndarray
    radii: np.ndarray
    properties: np.ndarray


@dataclass(frozen=True)
class Search:
    """How the radius of a candidate is searched for.

    Attributes
    ----------
    radii_mpc
        Radii of the filters (Mpc), shape (filters,).
    cell_size
        Side of a cell (Mpc).
    sphere
        Shells that a candidate can grow over.
    table
        When an ellipsoid collapses in this cosmology.
    method
        ``published`` or ``corrected``.
    """

    radii_mpc: np.ndarray
    cell_size: float
    sphere: Sphere
    table: CollapseTable
    method: str


def starting_shells(radii_mpc: np.ndarray, cell_size: float, sphere: Sphere) -> np.ndarray:
    """Number of the shell at which the search of each filter starts, shape (filters,).

    It is the first shell beyond 1.75 filter radii, or the last there is.
    """
    largest = int((LARGEST_START_MPC / cell_size - 1) ** 2)
    squares = np.minimum(((OUTER_START * radii_mpc / cell_size) ** 2).astype(np.int64), largest)
    return np.minimum(np.searchsorted(sphere.squares, squares, side="right"), len(sphere.radii) - 1)


def published_limits(radii_mpc: np.ndarray, cell_size: float, sphere: Sphere) -> np.ndarray:
    """Number of the shell that bounds the first window of the published search, shape (filters,).

    It is two below the shell whose radius is nearest to that of the filter.
    """
    distance = np.abs(sphere.squares[None, :] - (radii_mpc[:, None] / cell_size) ** 2)
    nearest = np.where(distance.min(axis=1) < NEAREST_SHELL, np.argmin(distance, axis=1), 0)
    return np.maximum(nearest - 2, 0)


def measure(
    density: np.ndarray,
    displacement: np.ndarray,
    first_plane: int,
    cells: np.ndarray,
    filters: np.ndarray,
    redshifts: np.ndarray,
    search: Search,
) -> Measurements:
    """Measure candidates on the planes around them, each at its own redshift.

    Parameters
    ----------
    density, displacement
        Linear density today, shape (planes, N, N), and its first-order displacement (Mpc), shape (planes, N, N, 3).
    first_plane
        Plane of the grid that the first of these planes is. With fewer than N planes, every sphere must fit in.
    cells, filters
        Flat cell index in the whole grid and filter of each candidate, shape (candidates,). A cell may be there at
        several redshifts; what is around it is read once where these follow one another.
    redshifts
        At which each of them is to have collapsed, shape (candidates,).
    """
    starts = starting_shells(search.radii_mpc, search.cell_size, search.sphere)
    limits = published_limits(search.radii_mpc, search.cell_size, search.sphere)
    shells, radii, properties = measure_all(
        density.reshape(-1),
        displacement.reshape(-1, 3),
        density.shape,
        locate(cells, first_plane, density.shape),
        starts[filters],
        limits[filters],
        _tables(search.sphere, search.cell_size),
        (search.table.values, search.table.axes),
        search.table.thresholds(redshifts),
        1 + redshifts,
        search.method == "published",
    )
    rows = np.flatnonzero(radii > 0)
    # Radii on the lattice meet centres at exactly that distance: single precision decides as in the reference code.
    rounded = radii[rows].astype(np.float32).astype(np.float64)
    return Measurements(rows, shells[rows], rounded, properties[rows])


def locate(cells: np.ndarray, first_plane: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Indices of cells of the whole grid within planes from ``first_plane`` on, int64 of shape (cells, 3)."""
    n = shape[1]
    x, y, z = np.unravel_index(cells, (n, n, n))
    return np.stack([(x - first_plane) % n, y, z], axis=-1).astype(np.int64)


def _tables(sphere: Sphere, cell_size: float) -> tuple:
    weights = sphere.weights / cell_size
    return (sphere.offsets, sphere.starts, sphere.radii, sphere.first, sphere.last, sphere.weight_starts, weights)


def mean_within(
    field: np.ndarray, first_plane: int, cells: np.ndarray, shells: np.ndarray, sphere: Sphere
) -> np.ndarray:
    """Mean of a field over the cells of shells up to ``shells`` around ``cells``.

    Parameters
    ----------
    field
        Shape (planes, N, N, components); planes from ``first_plane`` of the grid on.

    Returns
    -------
    means
        float64 of shape (cells, components).
    """
    centres = locate(cells, first_plane, field.shape)
    flat = field.reshape(-1, field.shape[3])
    return means(flat, field.shape[:3], centres, sphere.starts[shells + 1], sphere.radii[shells], sphere.offsets)
