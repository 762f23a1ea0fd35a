from pathlib import Path

import h5py
import numpy as np
import pytest

from halonet.grid.slabs import Slabs
from halonet.peak_patch.collapse import solve_collapse_table
from halonet.settings import CosmologySettings, FilterBankSettings, PeakPatchSettings

REFERENCE = Path(__file__).parents[1] / "data" / "peak_patch_128.h5"
GROUPS = {
    "published_bank_2.0_1.2": PeakPatchSettings(minimum_cells=0),
    "published_bank_1.65_1.15": PeakPatchSettings(
        filters=FilterBankSettings(smallest_cells=1.65, ratio=1.15), minimum_cells=0
    ),
    "corrected_bank_1.65_1.15": PeakPatchSettings(
        search="corrected", filters=FilterBankSettings(smallest_cells=1.65, ratio=1.15), minimum_cells=0
    ),
}


@pytest.fixture(scope="session")
def cosmology():
    return CosmologySettings()


@pytest.fixture(scope="session")
def table(cosmology):
    return solve_collapse_table(cosmology, "published")


@pytest.fixture(scope="session")
def reference():
    with h5py.File(REFERENCE) as file:
        data = {name: {key: group[key][:] for key in group} for name, group in file.items() if name != "density"}
        data["density"] = file["density"][:]
    return data


@pytest.fixture(scope="session")
def small_box(reference):
    """A corner of the reference field, taken as periodic: 48^3 cells of 1 Mpc."""
    return np.ascontiguousarray(reference["density"][:48, :48, :48])


@pytest.fixture(scope="session")
def small_settings():
    return PeakPatchSettings(filters=FilterBankSettings(largest_mpc=12.0), minimum_cells=0)


@pytest.fixture(scope="session")
def slabs():
    return Slabs(128)
