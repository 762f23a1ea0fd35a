"""The limit of what a grid can tell of a simulation's haloes, measured once, as a line beside what networks reach.

Two simulations of 128^3 particles in (64 Mpc)^3 with the same modes up to the Nyquist frequency of a grid of 64^3 cells
and different ones beyond it, compared on that grid. A network that agrees better with its truth has learnt what belongs
to that one simulation, not to the density it sees.

Source: ``limit``, ``two completions`` in benchmarks/results/n_body_128.json, written by benchmarks/n_body.py; a test
compares the numbers. One box, redshift 0, cells of 1 Mpc.
"""

from dataclasses import dataclass

CELL_SIZE_MPC, LARGEST_REDSHIFT = 1.0, 0.1
TOLERANCE = 0.1  # of the size of cells; the limit of other cells has not been measured


@dataclass(frozen=True)
class Limit:
    """How well two simulations with the same modes on the grid know each other.

    Attributes
    ----------
    dice, halo_cells
        Dice coefficient of their masks over both classes, and of halo cells alone.
    cells
        Least cells of the haloes of the next two.
    completeness, purity
        Matched fractions, matched as spheres, above each of ``cells``.
    """

    dice: float
    halo_cells: float
    cells: tuple[int, ...]
    completeness: tuple[float, ...]
    purity: tuple[float, ...]

    def words(self) -> str:
        """What the line is, for captions."""
        return (
            f"Limit of knowability: two simulations with the same modes on a grid of {CELL_SIZE_MPC:g} Mpc and "
            "different ones beyond it, one box of (64 Mpc)³ at redshift 0; haloes that agree better are learnt of "
            "one simulation, not of the density"
        )


LIMIT = Limit(0.937, 0.915, (27, 100, 300, 1000), (0.902, 1.0, 1.0, 1.0), (0.885, 0.976, 0.980, 1.0))


def limit_for(summary: dict) -> Limit | None:
    """The limit where a statistics summary is of a simulation with such cells at such a redshift, else None."""
    box = summary["box"]
    size = box["box_size_mpc"] / box["cells"]
    simulated = summary["shared_cells"] is not None  # only a simulation knows the true cells of its haloes
    fits = abs(size / CELL_SIZE_MPC - 1) <= TOLERANCE and (box["redshift"] or 0) <= LARGEST_REDSHIFT
    return LIMIT if simulated and fits else None
