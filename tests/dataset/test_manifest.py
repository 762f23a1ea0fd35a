import pytest

from halonet.dataset.manifest import Subvolume, cut_boxes, read_manifest, subvolumes, write_manifest
from halonet.settings import DatasetSettings, SettingsError
from halonet.storage import StorageError


def test_the_papers_boxes_give_14336_subvolumes_of_which_an_eighth_validates():
    manifest = cut_boxes(range(196), range(196, 224), 512, DatasetSettings(), 1)
    assert len(manifest) == 14336
    assert (manifest["split"] == "validation").sum() == 1792


def test_split_by_box_shares_no_box_between_training_and_validation():
    manifest = cut_boxes([0, 1], [2], 32, DatasetSettings(window=16), 1)
    assert set(manifest[manifest["split"] == "training"]["box"]) == {0, 1}
    assert set(manifest[manifest["split"] == "validation"]["box"]) == {2}


def test_split_by_subvolume_follows_from_the_seed_and_has_its_fraction():
    settings = DatasetSettings(window=8, split_by="subvolume", validation_fraction=0.25)
    first, again, other = (cut_boxes([0, 1], [2], 32, settings, seed) for seed in (5, 5, 6))
    assert first.equals(again)
    assert not first.equals(other)
    assert (first["split"] == "validation").sum() == 48
    assert set(first[first["split"] == "validation"]["box"]) == {0, 1, 2}


def test_subvolumes_tile_a_box_once():
    rows = subvolumes(cut_boxes([0], [1], 32, DatasetSettings(window=16), 1), "training")
    assert {row.start for row in rows} == {(x, y, z) for x in (0, 16) for y in (0, 16) for z in (0, 16)}
    assert len(rows) == 8


def test_pieces_tile_a_subvolume():
    pieces = Subvolume(3, (16, 0, 32), 16).pieces(8)
    assert {piece.start for piece in pieces} == {(x, y, z) for x in (16, 24) for y in (0, 8) for z in (32, 40)}


def test_first_boxes_only(tmp_path):
    manifest = cut_boxes([4, 2, 7], [9], 16, DatasetSettings(window=16), 1)
    assert [row.box for row in subvolumes(manifest, "training", boxes=2)] == [2, 4]


def test_a_manifest_reads_as_it_was_written(tmp_path):
    manifest = cut_boxes([0, 1], [2], 32, DatasetSettings(window=16), 1)
    write_manifest(tmp_path / "subvolumes.csv", manifest)
    assert read_manifest(tmp_path / "subvolumes.csv").equals(manifest)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("box,i,j,k,split\n0,0,0,0,training\n", "column cells is missing"),
        ("box,i,j,k,split,cells\n0,0,0,0,train,16\n", "split 'train' is unknown"),
        ("box,i,j,k,split,cells\n0,0.5,0,0,training,16\n", "column i must hold whole numbers"),
        ("box,i,j,k,split,cells\n0,0,0,0,training,0\n", "column cells must hold whole numbers from 1"),
        ("", "no manifest"),
    ],
)
def test_an_unusable_manifest_is_named_with_what_is_wrong(tmp_path, text, message):
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(StorageError, match=f"m.csv.*{message}"):
        read_manifest(tmp_path / "m.csv")


def test_a_missing_manifest_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"gone\.csv"):
        read_manifest(tmp_path / "gone.csv")


@pytest.mark.parametrize(
    ("training", "validation", "cells", "message"),
    [
        ([0, 1], [1], 32, "box 1 is given for training and for validation"),
        ([0], [], 32, "at least one box"),
        ([0], [1], 40, "window = 16 does not divide the 40 cells"),
    ],
)
def test_boxes_that_cannot_be_split_are_refused(training, validation, cells, message):
    with pytest.raises(SettingsError, match=message):
        cut_boxes(training, validation, cells, DatasetSettings(window=16), 1)


def test_a_split_that_leaves_nothing_to_validate_is_refused():
    settings = DatasetSettings(window=16, split_by="subvolume", validation_fraction=0.01)
    with pytest.raises(SettingsError, match=r"validation_fraction = 0\.01"):
        cut_boxes([0], [], 32, settings, 1)
