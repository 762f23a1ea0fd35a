"""Calibration of the vote finder from files."""

from collections.abc import Iterator

from halonet.halo_finding.calibration_boxes import CalibrationFiles
from halonet.halo_finding.votes.calibration import VoteBox, calibrate_votes, vote_record
from halonet.halo_finding.votes.fields import read_fields
from halonet.settings import CosmologySettings, HaloFindingSettings


def calibrate(files: CalibrationFiles, settings: HaloFindingSettings, cosmology: CosmologySettings) -> dict:
    """Constants, and the candidates they were chosen from."""

    def boxes() -> Iterator[VoteBox]:
        for path, box in files.with_paths("trying constants"):
            yield VoteBox(read_fields(path, box.probability), box.true)

    return vote_record(calibrate_votes(boxes, settings, cosmology))
