"""Particles as Gadget's readers take them."""

import h5py
import numpy as np
import pytest

from halonet.export.gadget import write_gadget
from halonet.particles import write_particles
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader, StorageError

N, SIDE, Z = 20, 50.0, 1.0
COSMOLOGY = CosmologySettings(h=0.7, redshift=Z)


@pytest.fixture
def written(run_script, tmp_path):
    random = np.random.default_rng(1)
    displacements = random.normal(0, 5, (N, N, N, 3)).astype(np.float32)
    velocities = random.normal(0, 300, (N, N, N, 3)).astype(np.float32)
    header = FieldHeader(SIDE, Z, COSMOLOGY.model_dump(), 3)
    write_particles(tmp_path / "particles.h5", displacements, velocities, header)
    run_script("export_particles", tmp_path / "particles.h5", "--output", tmp_path / "gadget.hdf5")
    with h5py.File(tmp_path / "gadget.hdf5") as file:
        data = {name: dataset[:] for name, dataset in file["PartType1"].items()}
        return displacements, velocities, data, dict(file["Header"].attrs)


def test_positions_and_velocities_are_in_gadget_s_units_in_the_order_of_cells(written):
    displacements, velocities, data, header = written
    assert header["BoxSize"] == pytest.approx(50 * 0.7 * 1000)
    row = (3 * N + 4) * N + 19
    assert data["ParticleIDs"][row] == row
    expected = (np.array([3.5, 4.5, 19.5]) * 2.5 + displacements[3, 4, 19]) % SIDE
    np.testing.assert_allclose(data["Coordinates"][row], expected * 700, rtol=1e-6)
    assert data["Coordinates"].min() >= 0
    assert data["Coordinates"].max() < header["BoxSize"]
    # Gadget's velocity times sqrt(a) is the peculiar one.
    np.testing.assert_allclose(data["Velocities"][row] * 0.5**0.5, velocities[3, 4, 19], rtol=1e-6)


def test_the_header_holds_all_matter_of_the_box(written):
    *_, header = written
    assert header["NumPart_Total"].tolist() == header["NumPart_ThisFile"].tolist() == [0, N**3, 0, 0, 0, 0]
    matter = header["MassTable"][1] * 1e10 * N**3
    assert matter == pytest.approx(2.775e11 * 0.25 * (SIDE * 0.7) ** 3, rel=1e-6)
    assert (header["Time"], header["Redshift"], header["NumFilesPerSnapshot"]) == (0.5, 1.0, 1)
    assert header["Omega0"] + header["OmegaLambda"] == pytest.approx(1)


def test_particles_of_an_unknown_redshift_are_refused_by_the_name_of_the_attribute_and_leave_no_file(tmp_path):
    still = np.zeros((4, 4, 4, 3), np.float32)
    write_particles(tmp_path / "particles.h5", still, still, FieldHeader(SIDE, None, COSMOLOGY.model_dump(), 3))
    with pytest.raises(StorageError, match="root attribute redshift is missing"):
        write_gadget(tmp_path / "gadget.hdf5", tmp_path / "particles.h5")
    assert not (tmp_path / "gadget.hdf5").exists()
