"""The box of every size that the later stages work on: density, truth and predicted probability.

Boxes up to 256^3 cells are drawn and predicted; a larger one is copies of that, side by side, which costs every stage
what a box of its own would cost: the field is as rough and the haloes are as many.
"""

from pathlib import Path

import numpy as np

from halonet.catalogue import EULERIAN, LAGRANGIAN, HaloCatalogue, read_catalogue, write_catalogue
from halonet.settings import CosmologySettings, FilterBankSettings, PeakPatchSettings
from halonet.storage import FieldHeader, read_field, write_field
from performance.measuring import ROOT

DRAWN = 256  # cells up to which a box is drawn
NETWORK = ROOT / "networks" / "vnet-small"
CELL_SIZE, SEED = 1.0, 1


def draw(folder, cells):
    """Density and true haloes of a box, kept in ``folder``."""
    from halonet.cosmology import compute_power_spectrum
    from halonet.grid.slabs import Slabs
    from halonet.initial_conditions.density import linear_density
    from halonet.peak_patch.collapse import solve_collapse_table
    from halonet.peak_patch.finder import find_haloes
    from halonet.peak_patch.mask import halo_mask

    cosmology, slabs, side = CosmologySettings(), Slabs(cells), cells * CELL_SIZE
    density = linear_density(slabs, SEED, side, *compute_power_spectrum(cosmology), cosmology)
    header = FieldHeader(side, 0.0, cosmology.model_dump(), SEED)
    settings = PeakPatchSettings(filters=FilterBankSettings(largest_mpc=min(34.0, side / 2)))
    haloes = find_haloes(density, slabs, CELL_SIZE, cosmology, settings, solve_collapse_table(cosmology), header)
    target = place(folder, cells)
    write_field(target / "density.h5", "density", density, header)
    write_field(target / "mask.h5", "mask", halo_mask(haloes, slabs), header)
    write_catalogue(target / "haloes.h5", haloes)


def density(folder, cells):
    """Density of a box, float32 of shape (N, N, N)."""
    return _copies(read_field(_known(folder, cells, "density"), "density"), cells)


def mask(folder, cells):
    return _copies(read_field(_known(folder, cells, "mask"), "mask"), cells)


def probability(folder, cells):
    return _copies(read_field(_known(folder, cells, "probability"), "probability"), cells)


def keep_probability(folder, values):
    write_field(
        place(folder, len(values)) / "probability.h5", "probability", values, FieldHeader(len(values) * CELL_SIZE)
    )


def haloes(folder, cells, name="haloes"):
    """Catalogue of a box: its own, or copies beside each other."""
    one = read_catalogue(_known(folder, cells, name))
    times = cells // one.grid_cells
    if times == 1:
        return one
    shifts = np.stack(np.meshgrid(*[np.arange(times)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) * one.box_size_mpc
    columns = {column: np.tile(values, len(shifts)) for column, values in one.columns.items()}
    for names in (LAGRANGIAN, EULERIAN):
        for axis, column in enumerate(names):
            if column in columns:
                moved = columns[column] + np.repeat(shifts[:, axis], len(one))
                columns[column] = moved.astype(one.columns[column].dtype)
    header = FieldHeader(cells * CELL_SIZE, one.header.redshift, one.header.cosmology, one.header.seed)
    return HaloCatalogue(columns, header, cells).sorted_by_mass()


def stored(folder, cells):
    """Bytes for a cell of every file of a box."""
    return {path.stem: path.stat().st_size / cells**3 for path in sorted(place(folder, cells).glob("*.h5"))}


def place(folder, cells):
    return Path(folder) / "boxes" / str(min(cells, DRAWN))


def _known(folder, cells, name):
    path = place(folder, cells) / f"{name}.h5"
    if not path.exists():
        raise ValueError(f"{path} is missing: the part `prediction` makes it")
    return path


def _copies(field, cells):
    times = cells // len(field)
    return np.tile(field, (times,) * 3) if times > 1 else field
