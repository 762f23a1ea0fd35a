"""Normalisation of the input: the density is divided by a standard deviation, or by the threshold of collapse.

``global`` is the mean over the training boxes of each box's standard deviation (the paper's best choice: the network
sees how dense a box is), ``individual`` the box's own (HaloNet paper, section 3.2). ``threshold`` is the linear
overdensity at which a sphere collapses, the same for all boxes: what is 1 there has just collapsed, whatever the
redshift and the amplitude of the spectrum.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from halonet.dataset.channel_units import COLLAPSE_THRESHOLD
from halonet.dataset.manifest import box_folder
from halonet.digests import check_digest
from halonet.settings import CosmologySettings, SettingsError, validate
from halonet.storage import (
    CHUNK_CELLS,
    FieldHeader,
    StorageError,
    field_cells,
    read_field,
    read_header,
    read_json,
    write_json,
)

Region = dict[str, tuple[float, float]]
# What tells universes apart for a network of many; baryons matter by the shape of the spectrum.
PARAMETERS = ("h", "omega_m", "shape", "n_s", "sigma8", "redshift", "w0", "wa")


@dataclass(frozen=True)
class Normalisation:
    """Standard deviations of the density, which has no unit.

    Attributes
    ----------
    mean_deviation
        Mean standard deviation of the training boxes.
    boxes
        Standard deviation of each training and validation box, by index.
    cell_size_mpc
        Side of a cell of these boxes (Mpc).
    cosmology
        Cosmology of these boxes with their output redshift, as settings; None where they do not all say the same.
    region
        Where they differ, the least and the largest value of each of :data:`PARAMETERS` among the training boxes.
    truth
        Stage that made the masks of these boxes: ``peak_patch``, ``friends_of_friends`` of a simulation, or
        ``import_ground_truth``; None where a network's folder does not say.
    """

    mean_deviation: float
    boxes: dict[int, float]
    cell_size_mpc: float
    cosmology: dict | None = None
    truth: str | None = None
    region: Region | None = None

    def of_box(self, box: int, kind: str) -> float:
        """What the density of a known box is divided by; ``kind`` is global, individual or threshold."""
        if kind == "threshold":
            return COLLAPSE_THRESHOLD
        if kind == "global":
            return self.mean_deviation
        if box not in self.boxes:
            raise SettingsError(f"normalisation: box {box} is not among {sorted(self.boxes)}")
        return self.boxes[box]


def standard_deviation(path: str | Path) -> float:
    """Standard deviation of the density of a file, float64 sums, in memory of a few planes."""
    cells = field_cells(path, "density")
    total = squares = 0.0
    for start in range(0, cells, CHUNK_CELLS):
        planes = read_field(path, "density", start, min(start + CHUNK_CELLS, cells)).astype(np.float64)
        total, squares = total + planes.sum(), squares + (planes**2).sum()
    deviation = float(np.sqrt(max(squares / cells**3 - (total / cells**3) ** 2, 0.0)))
    if not deviation:
        raise StorageError(f"{path}: the density is the same everywhere; it cannot be normalised")
    return deviation


def measure(ground_truth: str | Path, boxes: Iterable[int], training: Iterable[int]) -> tuple[Normalisation, int]:
    """Measure the normalisation of ``boxes``; returns it with the number of cells along their sides.

    ``training`` are the boxes whose mean is taken. Boxes of different grids or cell sizes are refused.
    """
    deviations, cosmologies, grids = {}, {}, []
    for box in boxes:
        path = box_folder(ground_truth, box) / "density.h5"
        header, cells = read_header(path), field_cells(path, "density")
        size = header.box_size_mpc
        grids.append((cells, size, path))
        cosmologies[box] = declared_cosmology(header)
        first = grids[0]
        if (cells, size) != first[:2]:
            raise StorageError(f"{path}: {cells} cells in {size} Mpc, but {first[2]} has {first[0]} in {first[1]} Mpc")
        deviations[box] = standard_deviation(path)
    learnt_from = sorted(set(training))
    mean = float(np.mean([deviations[box] for box in learnt_from]))
    common, *others = cosmologies.values()
    alike = all(other == common for other in others)
    region = None if alike else region_of([cosmologies[box] for box in learnt_from])
    cells, size, _ = grids[0]
    return Normalisation(mean, deviations, size / cells, common if alike else None, region=region), cells


def region_of(cosmologies: list[dict | None]) -> Region | None:
    """Least and largest value of every parameter of these cosmologies; None where a box does not name its own."""
    known = [validate(CosmologySettings, each, "cosmology of a density") for each in cosmologies if each is not None]
    if len(known) < len(cosmologies):
        return None
    values = {name: [float(getattr(each, name)) for each in known] for name in PARAMETERS}
    return {name: (min(each), max(each)) for name, each in values.items()}


def declared_cosmology(header: FieldHeader) -> dict | None:
    """Cosmology of a density with the redshift it is extrapolated to; None where its file does not say."""
    if header.cosmology is None:
        return None
    return header.cosmology | ({} if header.redshift is None else {"redshift": header.redshift})


def write_normalisation(path: str | Path, normalisation: Normalisation) -> None:
    """Write a normalisation as JSON, atomically."""
    boxes = {f"{box:03d}": deviation for box, deviation in normalisation.boxes.items()}
    values = {"global": normalisation.mean_deviation, "cell_size_mpc": normalisation.cell_size_mpc, "boxes": boxes}
    if normalisation.cosmology is not None:
        values["cosmology"] = normalisation.cosmology
    if normalisation.truth is not None:
        values["truth"] = normalisation.truth
    if normalisation.region is not None:
        values["region"] = {name: list(ends) for name, ends in normalisation.region.items()}
    write_json(path, values)


def read_normalisation(path: str | Path) -> Normalisation:
    """Read a normalisation; missing or unusable numbers are refused."""
    check_digest(path)
    values = read_json(path)
    try:
        boxes = {int(box): float(deviation) for box, deviation in values["boxes"].items()}
        cell_size = float(values["cell_size_mpc"])
        validity = values.get("cosmology"), values.get("truth"), _read_region(values.get("region"))
        normalisation = Normalisation(float(values["global"]), boxes, cell_size, *validity)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StorageError(
            f"{path}: no normalisation; global, cell_size_mpc and boxes are needed ({error!r})"
        ) from None
    for deviation in (normalisation.mean_deviation, normalisation.cell_size_mpc, *boxes.values()):
        if not (np.isfinite(deviation) and deviation > 0):
            raise StorageError(f"{path}: {deviation} is no positive number")
    return normalisation


def _read_region(values: dict | None) -> Region | None:
    """A region as JSON holds it; what is none raises ValueError, TypeError or AttributeError."""
    if values is None:
        return None
    region = {name: (float(low), float(high)) for name, (low, high) in values.items()}
    if set(region) != set(PARAMETERS):
        raise ValueError(f"region names {sorted(region)}; {sorted(PARAMETERS)} are needed")
    for name, (low, high) in region.items():
        if not (np.isfinite([low, high]).all() and low <= high):
            raise ValueError(f"region: {name} from {low} to {high}")
    return region
