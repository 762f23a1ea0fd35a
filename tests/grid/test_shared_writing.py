"""One file that all ranks write: the bytes of one rank, no field through one rank, and one word of refusal."""

import errno
import os

import numpy as np
import pytest
from thread_ranks import on_ranks

from halonet.grid.slabs import Slabs
from halonet.owners import write_owners
from halonet.particles import write_particles
from halonet.storage import FieldHeader, StorageError, read_field, write_field

N = 70  # neither chunks of 32 cells nor ranks divide it
HEADER = FieldHeader(float(N), 0.0, None, 5)
RANDOM = np.random.default_rng(1)
DENSITY, PARTICLES = (RANDOM.normal(size=(N, N, N, *more)).astype("f4") for more in ((), (3,)))


def write(folder, name, slabs):
    """Write this rank's planes of one kind of file."""
    planes, path = slice(slabs.start, slabs.stop), folder / f"{name}.h5"
    if name == "particles":
        write_particles(path, PARTICLES[planes], -PARTICLES[planes], HEADER, slabs)
    elif name == "owners":
        write_owners(path, (10 * DENSITY[planes]).astype(int), HEADER, slabs)
    else:
        write_field(path, name, DENSITY[planes] > 1 if name == "mask" else DENSITY[planes], HEADER, slabs)


@pytest.mark.parametrize("ranks", [2, 3, 7])
@pytest.mark.parametrize("name", ["density", "mask", "owners", "particles"])
def test_the_bytes_of_a_file_are_those_of_one_rank(name, ranks, tmp_path):
    write(tmp_path, name, Slabs(N))
    alone = (tmp_path / f"{name}.h5").read_bytes()
    on_ranks(ranks, lambda communicator: write(tmp_path, name, Slabs(N, communicator)))
    assert (tmp_path / f"{name}.h5").read_bytes() == alone
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.h5"]


@pytest.mark.parametrize(("name", "size"), [("density", DENSITY.nbytes), ("particles", 2 * PARTICLES.nbytes)])
def test_no_field_passes_through_one_rank(name, size, tmp_path):
    _, sent = on_ranks(3, lambda communicator: write(tmp_path, name, Slabs(N, communicator)))
    assert sum(sent) < size / 1000


def test_what_is_read_is_what_was_written(tmp_path):
    on_ranks(4, lambda communicator: write(tmp_path, "density", Slabs(N, communicator)))
    np.testing.assert_array_equal(read_field(tmp_path / "density.h5", "density"), DENSITY)


@pytest.mark.parametrize("name", ["density", "particles"])
def test_a_rank_that_cannot_write_ends_all_and_leaves_nothing(name, tmp_path, monkeypatch):
    pwrite = os.pwrite

    def full(handle, buffer, offset):
        if offset > DENSITY.nbytes / 2:  # where the last rank writes
            raise OSError(errno.ENOSPC, "No space left on device")
        return pwrite(handle, buffer, offset)

    monkeypatch.setattr(os, "pwrite", full)
    refusals = []

    def work(communicator):
        with pytest.raises(StorageError, match=rf"{name}\.h5: cannot be written, the disk is full") as refusal:
            write(tmp_path, name, Slabs(N, communicator))
        refusals.append(str(refusal.value))

    on_ranks(3, work)
    assert len(refusals) == 3
    assert not list(tmp_path.iterdir())


def test_what_one_rank_refuses_all_refuse_by_its_words(tmp_path):
    bad = DENSITY.copy()
    bad[60, 3, 3] = np.nan

    def work(communicator):
        slabs = Slabs(N, communicator)
        with pytest.raises(StorageError, match="density has values that are not finite, first in plane 60"):
            write_field(tmp_path / "density.h5", "density", bad[slabs.start : slabs.stop], HEADER, slabs)

    on_ranks(3, work)
    assert not list(tmp_path.iterdir())
