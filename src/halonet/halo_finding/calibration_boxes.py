"""Boxes of known truth, on which the constants of a finder are calibrated, one in memory at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from halonet.catalogue import HaloCatalogue, read_catalogue
from halonet.halo_finding.inputs import read_probability
from halonet.plausibility.same_box import check_headers
from halonet.provenance import file_digest
from halonet.storage import StorageError


class CalibrationError(ValueError):
    """Calibration boxes that do not determine the thresholds."""


@dataclass(frozen=True)
class CalibrationBox:
    """A box of known truth: predicted probability (N, N, N) and true haloes."""

    probability: np.ndarray
    true: HaloCatalogue


@dataclass(frozen=True)
class CalibrationFiles:
    """Files of the boxes of a calibration.

    Attributes
    ----------
    pairs
        Probability and true haloes of each box.
    track
        Passes the pairs through and shows how far they are; its second argument says what is done with them.
    """

    pairs: list[tuple[str, str]]
    track: Callable[[list[tuple[str, str]], str], Iterable[tuple[str, str]]] = lambda pairs, what: pairs

    def boxes(self, what: str) -> Iterator[CalibrationBox]:
        """Read the boxes, one at a time; files of different boxes are refused with ``StorageError``."""
        return (box for _, box in self.with_paths(what))

    def with_paths(self, what: str) -> Iterator[tuple[str, CalibrationBox]]:
        """The same, each with the file of its probability, which also holds what heads predict."""
        for probability, haloes in self.track(self.pairs, what):
            yield probability, read_box(probability, haloes)


def read_box(probability_path: str, haloes_path: str) -> CalibrationBox:
    """Read one calibration box; files of different boxes are refused."""
    probability, header = read_probability(probability_path)
    true = read_catalogue(haloes_path)
    if true.grid_cells != len(probability) or true.box_size_mpc != header.box_size_mpc:
        raise StorageError(
            f"{haloes_path}: {true.grid_cells} cells and {true.box_size_mpc} Mpc along a side, but {probability_path} "
            f"has {len(probability)} and {header.box_size_mpc}"
        )
    check_headers([haloes_path], probability_path)
    return CalibrationBox(probability, true)


def check_each_once(haloes: Sequence[str]) -> None:
    """Refuse true haloes that are given twice, under whatever name: their box would count twice."""
    first: dict[str, str] = {}
    for path in haloes:
        if (digest := file_digest(path)) in first:
            raise CalibrationError(f"{path}: the haloes of {first[digest]} once more; each box counts once")
        first[digest] = path
