"""The hierarchical Lagrangian halo finder of the HaloNet paper (Berger & Stein 2018, section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from halonet.grid.slabs import Slabs
from halonet.halo_finding.paper.growth import HaloGrowth
from halonet.halo_finding.paper.regions import connected_regions
from halonet.halo_finding.paper.slab_growth import SlabGrowth
from halonet.halo_finding.paper.slab_regions import regions_of_slabs
from halonet.settings import ShellThresholdSettings


@dataclass(frozen=True)
class FoundHaloes:
    """Haloes in the order in which they were found, on the grid.

    Attributes
    ----------
    centres
        Centre cells, int64 of shape (haloes, 3).
    squared_radii
        Integer squared radius (cells^2), int64 of shape (haloes,).
    cells
        Number of cells within the radius, int64 of shape (haloes,).
    peak_thresholds
        Probability threshold of the region each halo grew from, float64 of shape (haloes,).
    """

    centres: np.ndarray
    squared_radii: np.ndarray
    cells: np.ndarray
    peak_thresholds: np.ndarray

    def __len__(self) -> int:
        return len(self.cells)

    def columns(self, cell_size: float) -> dict[str, np.ndarray]:
        """Columns of a catalogue that only this finder has."""
        return {"peak_threshold": self.peak_thresholds}

    @property
    def positions(self) -> np.ndarray:
        """Centres (cells), float64 of shape (haloes, 3)."""
        return self.centres + 0.5

    @property
    def radii(self) -> np.ndarray:
        """Radii (cells), float64 of shape (haloes,)."""
        return np.sqrt(self.squared_radii)


def find_haloes(
    probability: np.ndarray,
    peak_thresholds: Sequence[float],
    shell_threshold: ShellThresholdSettings,
    slabs: Slabs | None = None,
) -> FoundHaloes:
    """Find haloes in a probability field, all of them on every rank; collective.

    At each peak threshold, highest first, the connected regions of cells above it that belong to no halo yet are grown
    into spheres around their centres of mass, the largest region first. A region whose centre belongs to a halo already
    is dropped. Later thresholds never change earlier haloes, so the haloes of a shorter list of thresholds are those
    of the longer list with the same first thresholds, up to its end.

    Parameters
    ----------
    probability
        Probability to belong to a halo, float32 of shape (N, N, N), periodic: this rank's planes.
    peak_thresholds
        Descending thresholds.
    shell_threshold
        Mean probability of a shell at which a halo ends.
    slabs
        Of the box, where several ranks have it; the haloes are those of one, to the last bit.
    """
    growth, levels = _growth(probability, shell_threshold, slabs), []
    for threshold in peak_thresholds:
        if slabs is None or slabs.ranks == 1:
            centres = connected_regions(probability, growth.claimed, threshold).centres
        else:
            centres = regions_of_slabs(probability, growth.claimed, threshold, slabs).centres
        levels.append(_grown(growth, centres, np.full(len(centres), float(threshold))))
    return FoundHaloes(*(np.concatenate(column) for column in zip(*levels, strict=True)))


def find_haloes_at(
    probability: np.ndarray,
    centres: np.ndarray,
    shell_threshold: ShellThresholdSettings,
    slabs: Slabs | None = None,
) -> FoundHaloes:
    """Grow haloes from known centre cells, shape (haloes, 3), in the order given; collective, as :func:`find_haloes`.

    This is what a finder with perfect centres would get from a probability of shape (N, N, N).

    The paper's diagnostic (section 5.1): with the true centres in order of true mass, what remains wrong is the
    network's, not the search for centres. Centres that an earlier halo has swallowed are dropped as in the search. The
    probability of the centre cell stands in for the peak threshold.
    """
    growth, own = _growth(probability, shell_threshold, slabs), slabs or Slabs(len(probability))
    rows = own.own_rows(centres[:, 0])
    x, y, z = centres[rows].T
    levels = own.merge(rows, probability[x - own.start, y, z].astype(np.float64))
    return FoundHaloes(*_grown(growth, centres, levels))


def _growth(
    probability: np.ndarray, shell_threshold: ShellThresholdSettings, slabs: Slabs | None
) -> HaloGrowth | SlabGrowth:
    if slabs is None or slabs.ranks == 1:
        return HaloGrowth(probability, shell_threshold)
    return SlabGrowth(probability, shell_threshold, slabs)


def _grown(growth: HaloGrowth | SlabGrowth, centres: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, ...]:
    """Columns of :class:`FoundHaloes` of the haloes that grow from ``centres``."""
    squared_radii, cells = growth.grow(centres)
    rows = cells > 0
    return centres[rows], squared_radii[rows], cells[rows], levels[rows]
