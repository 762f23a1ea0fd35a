"""Mean linear density within Lagrangian spheres: it tells protohaloes from spheres that are misplaced or misread."""

from pathlib import Path

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.plausibility.verdict import judge
from halonet.spheres import centre_cells, mean_within

LEAST_CELLS = 100.0  # of a sphere, whose mean a lattice resolves
FEWEST, MOST = 10, 300  # spheres without which nothing is said, and that are enough
# Median over the spheres. Peak Patch gives 2.0 to 2.8 at any redshift, protohaloes of simulations from 1.5; axes that
# are exchanged or centres that are shifted or Eulerian 0.2 to 0.6, radii in Mpc/h 3.5, virial radii 4.5.
LIKELY = (1.0, 3.1)


def check_protohaloes(
    density: np.ndarray, haloes: HaloCatalogue, source: str | Path, go_on: bool = False
) -> float | None:
    """Refuse Lagrangian spheres in which the linear density is not that of collapse.

    Parameters
    ----------
    density
        Linear overdensity at the redshift of the haloes, shape (N, N, N).

    Returns
    -------
    float or None
        Median over spheres of their mean overdensity; None where there are too few spheres to tell.

    Raises
    ------
    PlausibilityError
        Unless ``go_on``.
    """
    large = haloes.larger_than(LEAST_CELLS).sorted_by_mass()
    if len(large) < FEWEST:
        return None
    large = large.select(np.unique(np.linspace(0, len(large) - 1, MOST).astype(int)))
    centres = centre_cells(large.positions(), large.cell_size, large.grid_cells)
    median = float(np.median(mean_within(density, centres, large["radius"] / large.cell_size)))
    if not LIKELY[0] <= median <= LIKELY[1]:
        remedy = (
            "the centres must be Lagrangian, of this box, in Mpc without h and in the order [x, y, z] of the density"
            if median < LIKELY[0]
            else "the radii are too small: they must be Lagrangian, in Mpc without h, no virial radii"
        )
        judge(
            f"{source}: within its spheres the linear overdensity is {median:.2f} (median), where haloes collapse it "
            f"lies between {LIKELY[0]:g} and {LIKELY[1]:g}: {remedy}",
            go_on,
        )
    return median
