"""Mean linear density within Lagrangian spheres: it tells protohaloes from spheres that are misplaced or misread."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.plausibility.verdict import judge
from halonet.spheres import centre_cells, mean_within

LEAST_CELLS = 100.0  # of a sphere, whose mean a lattice resolves
LEAST_RADIUS = (3 * LEAST_CELLS / (4 * np.pi)) ** (1 / 3)  # cells
FEWEST, MOST = 10, 200  # spheres without which nothing is said, and that are enough
# Median over the spheres. Peak Patch gives 2.0 to 2.8 at any redshift, protohaloes of simulations 1.9 to 2.3; axes that
# are exchanged 0.0 to 0.3, radii in Mpc/h 2.4 to 3.2.
LIKELY = (1.0, 3.1)
# Spheres below an overdensity of 1: of true ones 0.02 at most, of Eulerian ones or such two cells off 0.25 or more.
EMPTY, MOST_EMPTY = 1.0, 0.15
# Radii in Mpc/h are fewer above a mass, 0.2 to 0.45 of the mass function (true ones 0.77 to 1), and denser within.
DENSE, FEW = 2.35, 0.5
VERY_FEW = 0.1  # virial radii: none at all
EXPECTED = 30.0  # haloes of the mass function, below which chance decides
MISPLACED = "the centres must be Lagrangian, of this box, in Mpc without h and in the order [x, y, z] of the density"
TOO_SMALL = "the radii are too small: they must be Lagrangian, in Mpc without h, no virial radii"


def check_protohaloes(
    density: np.ndarray, haloes: HaloCatalogue, source: str | Path, expected: float = 0.0, go_on: bool = False
) -> float | None:
    """Refuse Lagrangian spheres in which the linear density is not that of collapse.

    Parameters
    ----------
    density
        Linear overdensity at the redshift of the haloes, shape (N, N, N).
    expected
        Number of haloes of at least :data:`LEAST_CELLS` cells that the mass function has in the box; 0 if not known.

    Returns
    -------
    float or None
        Median over spheres of their mean overdensity; None where there are too few spheres to tell.

    Raises
    ------
    PlausibilityError
        Unless ``go_on``.
    """
    large = haloes.larger_than(LEAST_CELLS)
    known = expected >= EXPECTED
    if len(large) < FEWEST:
        if known and len(large) < VERY_FEW * expected and len(haloes) >= FEWEST:
            judge(
                f"{source}: {len(large)} of its {len(haloes)} spheres have {LEAST_CELLS:g} cells or more, where the "
                f"mass function has {expected:.0f}: {TOO_SMALL}",
                go_on,
            )
        return None
    means = _means(density, large)
    median, empty = float(np.median(means)), float((means < EMPTY).mean())
    found = f"{source}: within its spheres the linear overdensity is {median:.2f} (median)"
    if median < LIKELY[0] or empty > MOST_EMPTY:
        judge(
            f"{found}, and below {EMPTY:g} in {empty:.0%} of them, where haloes collapse it is below {EMPTY:g} in "
            f"{MOST_EMPTY:.0%} at most: {MISPLACED}",
            go_on,
        )
    elif median > LIKELY[1]:
        judge(f"{found}, where haloes collapse it lies between {LIKELY[0]:g} and {LIKELY[1]:g}: {TOO_SMALL}", go_on)
    elif known and median > DENSE and len(large) < FEW * expected:
        judge(
            f"{found}, and {len(large)} of them have {LEAST_CELLS:g} cells or more, where the mass function has "
            f"{expected:.0f}: {TOO_SMALL}",
            go_on,
        )
    return median


def check_same_field(density: np.ndarray, haloes: HaloCatalogue, source: str | Path, go_on: bool = False) -> None:
    """Refuse haloes that do not lie where a linear density has collapsed: they are those of another box.

    Haloes that a network has found may be poorer than :func:`check_protohaloes` asks for, and are held against the
    median alone. Where fewer than :data:`FEWEST` haloes have :data:`LEAST_CELLS` cells of the density, and where haloes
    were drawn without Lagrangian spheres, nothing is.

    Parameters
    ----------
    density
        Linear overdensity at the redshift of the haloes, shape (N, N, N), on any grid of their box.

    Raises
    ------
    PlausibilityError
        Unless ``go_on``.
    """
    haloes = replace(haloes, grid_cells=len(density))
    large = haloes.select(haloes["radius"] >= LEAST_RADIUS * haloes.cell_size)
    if len(large) < FEWEST or "lagrangian_centre" in haloes.notes:
        return
    median = float(np.median(_means(density, large)))
    if median < LIKELY[0]:
        judge(
            f"{source}: within its Lagrangian spheres the linear overdensity is {median:.2f} (median), where haloes "
            f"collapse it lies between {LIKELY[0]:g} and {LIKELY[1]:g}: haloes and density are not of one box",
            go_on,
        )


def _means(density: np.ndarray, haloes: HaloCatalogue) -> np.ndarray:
    """Mean of the density within spheres of all masses, shape (spheres,): at most :data:`MOST` of them."""
    by_mass = np.argsort(-haloes["mass"], kind="stable")
    haloes = haloes.select(by_mass[np.unique(np.linspace(0, len(haloes) - 1, MOST).astype(int))])
    centres = centre_cells(haloes.positions(), haloes.cell_size, haloes.grid_cells)
    return mean_within(density, centres, haloes["radius"] / haloes.cell_size)
