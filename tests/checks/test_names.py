"""Files beside another one have names of their own: points are part of a name, and no two share what stands beside."""

import pytest

from halonet.checks.errors import StorageError
from halonet.checks.names import beside, beside_alone
from halonet.field_level.run_chain import scratch_of


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("mock.h5", "mock.fits"),
        ("mock.hdf5", "mock.fits"),
        ("mock", "mock.fits"),
        ("mock_z0.5", "mock_z0.5.fits"),
        ("mock_z0.7", "mock_z0.7.fits"),
        ("mock_z0.5.h5", "mock_z0.5.fits"),
        ("fof_1.0000", "fof_1.0000.fits"),
        ("a.b.c", "a.b.c.fits"),
    ],
)
def test_only_an_ending_of_this_project_gives_way(name, made, tmp_path):
    assert beside(tmp_path / name, ".fits") == tmp_path / made


def test_catalogues_that_would_share_a_name_keep_their_own(tmp_path):
    names = ("mock", "mock.h5", "mock.hdf5")
    for name in names:
        (tmp_path / name).touch()
    assert len({beside_alone(tmp_path / name, ".fits") for name in names}) == len(names)


def test_a_catalogue_alone_has_the_short_name(tmp_path):
    (tmp_path / "mock.h5").touch()
    assert beside_alone(tmp_path / "mock.h5", ".fits").name == "mock.fits"


def test_checkpoints_of_two_chains_are_two_files(tmp_path):
    one, other = (scratch_of(tmp_path / name) for name in ("chain_0.1", "chain_0.2"))
    assert not set(one) & set(other)
    assert scratch_of("chain_1.h5")[0].name == "chain_1.checkpoint.npz"


@pytest.mark.parametrize("name", [".", "/"])
def test_a_folder_without_a_name_is_no_file(name):
    for named in (beside, beside_alone):
        with pytest.raises(StorageError, match=r": a folder; a file is needed"):
            named(name, ".fits")
