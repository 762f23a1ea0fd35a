"""The slab decomposition: the same numbers as one transform of the whole grid, for any number of ranks."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from halonet.grid.shells import shells_within
from halonet.grid.slabs import SlabError, Slabs
from halonet.grid.windows import top_hat

PROGRAM = """
import sys
import numpy as np
from halonet.grid import slabs as module
from halonet.grid.slabs import Slabs
from halonet.mpi import world

module.ROUND_BYTES = 1  # a plane a round: of three ranks two have none in the last
slabs = Slabs(16, world(int(sys.argv[1])))
field = np.random.default_rng(3).standard_normal((16, 16, 16), np.float32)
mine = field[slabs.start : slabs.stop]
modes = slabs.forward(mine)
back = slabs.inverse(modes)
ghosts = slabs.with_ghosts(mine, 9)
groups = [group.copy() for _, group in slabs.collect(back, 3)]
everything = slabs.communicator.allgather((modes, ghosts)) if slabs.ranks > 1 else [(modes, ghosts)]
for rank, (_, theirs) in enumerate(everything):
    start, stop = slabs.bounds[rank : rank + 2]
    np.testing.assert_array_equal(theirs, field[np.arange(start - 9, stop + 9) % 16])
deviation = slabs.standard_deviation(mine)
if slabs.rank == 0:
    whole = np.concatenate([m for m, _ in everything], axis=1)
    np.savez(sys.argv[2], modes=whole, back=np.concatenate(groups), deviation=deviation)
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slabs")
    for ranks in (1, 2, 3, 4):
        mpiexec = Path(sys.executable).parent / "mpiexec"
        command = [mpiexec, "-n", str(ranks), sys.executable, "-c", PROGRAM, str(ranks), folder / f"{ranks}.npz"]
        subprocess.run(command, check=True)
    return {ranks: np.load(folder / f"{ranks}.npz") for ranks in (1, 2, 3, 4)}


def test_distributed_transform_is_bitwise_the_same_for_1_2_3_and_4_ranks(results):
    for ranks in (2, 3, 4):
        for name in ("modes", "back", "deviation"):
            assert results[ranks][name].tobytes() == results[1][name].tobytes()


def test_distributed_transform_agrees_with_numpy(results):
    field = np.random.default_rng(3).standard_normal((16, 16, 16), np.float32)
    np.testing.assert_allclose(results[4]["modes"], np.fft.rfftn(field.astype(float)), atol=1e-4)
    np.testing.assert_allclose(results[4]["back"], field, atol=1e-6)
    assert results[4]["deviation"] == pytest.approx(field.std(dtype=float), rel=1e-12)


def test_derivative_in_fourier_space_is_the_derivative_of_a_plane_wave():
    slabs = Slabs(16)
    x = (np.arange(16) + 0.5) / 16 * 2 * np.pi
    wave = np.broadcast_to(np.sin(3 * x)[:, None, None], slabs.shape).astype(np.float32)
    modes = slabs.forward(wave)
    derivative = slabs.inverse((1j * slabs.wavenumbers[0] * slabs.off_nyquist[0] * modes).astype(np.complex64))
    np.testing.assert_allclose(derivative[:, 4, 7], 3 * np.cos(3 * x), atol=1e-5)


def test_slabs_of_ranks_that_do_not_divide_the_grid_differ_by_one_plane():
    class Rank:
        def __init__(self, rank):
            self.rank, self.size = rank, 3

    slabs = [Slabs(16, Rank(rank)) for rank in range(3)]
    assert [(each.start, each.stop) for each in slabs] == [(0, 5), (5, 10), (10, 16)]
    assert slabs[0].owners.tolist() == [0] * 5 + [1] * 5 + [2] * 6


def test_a_grid_with_fewer_planes_than_ranks_is_refused():
    class Ranks:
        rank, size = 0, 17

    with pytest.raises(SlabError, match="16 cells along a side cannot be shared out among 17 ranks"):
        Slabs(16, Ranks())


def test_a_world_of_the_wrong_size_is_refused():
    process = subprocess.run(
        [sys.executable, "-c", "from halonet.mpi import world; world(4)"], capture_output=True, text=True
    )
    assert process.returncode
    assert "MPI world of 1 rank(s) where --ranks asks for 4" in process.stderr


def test_shells_hold_every_cell_of_a_sphere_once_by_distance():
    shells = shells_within(5)
    squared = (shells.offsets**2).sum(axis=1)
    assert (np.diff(squared) >= 0).all()
    assert len(shells.offsets) == len(np.unique(shells.offsets, axis=0)) == 515  # Gauss's sphere count for r = 5
    assert [np.diff(shells.starts)[i] for i in range(4)] == [1, 6, 12, 8]
    np.testing.assert_array_equal(np.repeat(shells.squared_radii, np.diff(shells.starts)), squared)


def test_top_hat_window_is_one_at_zero_and_continuous_where_its_series_ends():
    assert top_hat(0.0) == 1
    x = np.array([0.0499999, 0.0500001])
    assert np.diff(top_hat(x))[0] == pytest.approx(-x[0] / 5 * 2e-7, rel=1e-2)
    assert top_hat(np.array([4.493409457909064]))[0] == pytest.approx(0, abs=1e-12)  # tan x = x
