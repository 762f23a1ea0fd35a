r"""Masses remapped so that the cumulative mass function is a given one.

A network inherits the mass function of the haloes it learnt from. Where another one is wanted, every mass M becomes the
mass M' that is as rare under the wanted mass function:

.. math:: n_{\rm wanted}({>}M') = n_{\rm found}({>}M).

The map M'(M) is monotonic and depends on the mass alone, so no halo overtakes another and clustering by rank stays. It
is a table, made from one catalogue or from many together. From many, each keeps its own scatter about the mean; a table
of a catalogue of its own would give every one the same number of haloes (and no covariance of it).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from halonet.catalogue import HaloCatalogue

KNOTS_PER_DECADE = 20  # of mass
FEWEST = 10  # haloes above the last knot: beyond it, counts are noise and the ratio M' / M is kept


class MatchingError(ValueError):
    """Catalogues from which no table of masses can be made."""


@dataclass(frozen=True)
class MassTable:
    """Masses as found and as matched (Msun), both rising, shape (knots,).

    Attributes
    ----------
    found, matched
        The map is linear in the logarithms between knots; beyond them the ratio is that of the last knot.
    catalogues
        Number of catalogues it was made from.
    """

    found: np.ndarray
    matched: np.ndarray
    catalogues: int

    def __call__(self, masses: np.ndarray) -> np.ndarray:
        """Matched masses (Msun) of found ones."""
        ratio = np.log(self.matched / self.found)
        return masses * np.exp(np.interp(np.log(masses), np.log(self.found), ratio))


def mass_table(catalogues: Sequence[HaloCatalogue], masses: np.ndarray, abundance: np.ndarray) -> MassTable:
    """Table that gives the haloes of all catalogues together the wanted mass function.

    Parameters
    ----------
    catalogues
        Of boxes of any size, complete above their smallest halo.
    masses, abundance
        The wanted mass function: n(>M) (per Mpc^3) above masses (Msun), strictly falling, shape (n,).

    Raises
    ------
    MatchingError
        If there are too few haloes, or the wanted mass function does not reach their abundance.
    """
    found = np.sort(np.concatenate([haloes["mass"] for haloes in catalogues]).astype(np.float64))[::-1]
    if len(found) <= FEWEST:
        raise MatchingError(f"{len(found)} haloes; abundance matching needs more than {FEWEST}")
    volume = sum(haloes.box_size_mpc**3 for haloes in catalogues)
    # The k-th heaviest halo stands for the abundance k - 1/2, half-way through its own step.
    density = (np.arange(len(found)) + 0.5) / volume
    knots = np.geomspace(found[-1], found[FEWEST], _number_of_knots(found))
    at_knots = np.interp(knots, found[::-1], density[::-1])
    if not abundance.min() < at_knots.min() <= at_knots.max() < abundance.max():
        raise MatchingError(
            f"the wanted mass function runs from {abundance.min():.3g} to {abundance.max():.3g} per Mpc^3 but the "
            f"haloes from {at_knots.min():.3g} to {at_knots.max():.3g}; give it over a wider range of masses"
        )
    matched = np.exp(np.interp(-np.log(at_knots), -np.log(abundance), np.log(masses)))
    return MassTable(knots, np.maximum.accumulate(matched), len(catalogues))


def _number_of_knots(found: np.ndarray) -> int:
    return max(2, int(np.log10(found[FEWEST] / found[-1]) * KNOTS_PER_DECADE) + 1)


def with_matched_masses(catalogue: HaloCatalogue, table: MassTable, name: str) -> HaloCatalogue:
    """Catalogue with the masses of the table, which its notes hold under ``abundance_matching``.

    Radius and cells stay those of the Lagrangian volume: cells times the mass of a cell is the mass as found.

    Parameters
    ----------
    name
        Of the wanted mass function, for the notes.
    """
    note = {
        "mass_function": name,
        "catalogues": table.catalogues,
        "mass_found_msun": table.found.tolist(),
        "mass_matched_msun": table.matched.tolist(),
    }
    columns = catalogue.columns | {"mass": table(catalogue["mass"])}
    return replace(catalogue, columns=columns, notes=catalogue.notes | {"abundance_matching": note})
