"""Mocks made ahead: what one process makes for the jobs of others, never twice and never from other settings."""

import fcntl
from pathlib import Path

import pytest

from halonet.mocks.ahead import Ahead, key_of


class Maker:
    """Writes its seed into the files it is asked for, and remembers."""

    def __init__(self):
        self.made = []

    def __call__(self, seed: int, outputs: list[Path]) -> None:
        self.made.append(seed)
        for output in outputs:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(str(seed))


@pytest.fixture
def make() -> Maker:
    return Maker()


def outputs(folder: Path, seed: int) -> list[Path]:
    return [folder / str(seed) / name for name in ("density.h5", "haloes.h5")]


def test_the_job_of_a_seed_takes_what_another_has_made_ahead_and_makes_no_further_ones(tmp_path, make):
    ahead = Ahead(tmp_path / ".ahead", key_of({"cells": 8}))
    assert ahead.take_or_make(1, outputs(tmp_path, 1), make)
    ahead.make_others({seed: outputs(tmp_path, seed) for seed in (2, 3)}, make)
    assert make.made == [1, 2, 3]
    assert not (tmp_path / "2").exists()
    assert not ahead.take_or_make(2, outputs(tmp_path, 2), make)
    assert [path.read_text() for path in outputs(tmp_path, 2)] == ["2", "2"]
    assert make.made == [1, 2, 3]


def test_what_was_made_of_other_settings_is_not_taken(tmp_path, make):
    Ahead(tmp_path / ".ahead", key_of({"cells": 8}, "")).make_others({2: outputs(tmp_path, 2)}, make)
    assert Ahead(tmp_path / ".ahead", key_of({"cells": 16}, "")).take_or_make(2, outputs(tmp_path, 2), make)
    assert make.made == [2, 2]


def test_a_mock_that_exists_is_not_made_ahead(tmp_path, make):
    make(2, outputs(tmp_path, 2))
    Ahead(tmp_path / ".ahead", "key").make_others({seed: outputs(tmp_path, seed) for seed in (2, 3)}, make)
    assert make.made == [2, 3]


def test_a_seed_that_another_process_is_at_is_left_to_it(tmp_path, make):
    (tmp_path / ".ahead").mkdir()
    with open(tmp_path / ".ahead" / "2.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        Ahead(tmp_path / ".ahead", "key").make_others({seed: outputs(tmp_path, seed) for seed in (2, 3)}, make)
    assert make.made == [3]


def test_a_mock_of_which_a_part_is_missing_was_never_finished(tmp_path, make):
    ahead = Ahead(tmp_path / ".ahead", "key")
    ahead.make_others({2: outputs(tmp_path, 2)}, make)
    ahead.file(2, Path("haloes.h5")).unlink()
    assert ahead.take_or_make(2, outputs(tmp_path, 2), make)


def test_whoever_makes_a_mock_is_alone_with_its_seed(tmp_path):
    ahead, refused = Ahead(tmp_path / ".ahead", "key"), []

    def make_beside_another(seed: int, outputs: list[Path]) -> None:
        with open(tmp_path / ".ahead" / f"{seed}.lock", "w") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        refused.append(seed)

    ahead.take_or_make(1, outputs(tmp_path, 1), make_beside_another)
    ahead.make_others({2: outputs(tmp_path, 2)}, make_beside_another)
    assert refused == [1, 2]
