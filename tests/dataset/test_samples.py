import h5py
import numpy as np
import pytest

from halonet.dataset.manifest import cut_boxes, subvolumes
from halonet.dataset.normalisation import measure
from halonet.dataset.prefetch import prefetched
from halonet.dataset.samples import BoxFiles, TrainingSamples, ValidationSamples, read_window
from halonet.settings import DatasetSettings
from halonet.storage import StorageError, read_field


@pytest.fixture
def files(ground_truth) -> BoxFiles:
    return BoxFiles(ground_truth, measure(ground_truth, [0, 1, 2], [0, 1])[0], "global")


@pytest.fixture
def rows():
    return subvolumes(cut_boxes([0, 1], [2], 16, DatasetSettings(window=8), 1), "training")


def samples(files, rows, window=8, augmentation="cube", batch=3, seed=11, stage=0, start=0, stop=12) -> TrainingSamples:
    return TrainingSamples(files, rows, window, augmentation, batch, seed, stage).between(start, stop)


def test_a_window_is_the_slice_of_its_box(ground_truth):
    path = ground_truth / "000" / "density.h5"
    window = read_window(path, "density", (4, 0, 7), 8)
    assert np.array_equal(window, read_field(path, "density")[4:12, 0:8, 7:15])


def test_a_window_outside_the_box_is_refused_by_file(ground_truth):
    with pytest.raises(StorageError, match=r"000/density\.h5: density must hold 8\^3 cells from \(0, 9, 0\)"):
        read_window(ground_truth / "000" / "density.h5", "density", (0, 9, 0), 8)


def test_a_value_that_is_not_finite_is_refused(ground_truth, tmp_path):
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["density"] = np.full((8, 8, 8), np.nan, "f4")
    with pytest.raises(StorageError, match=r"d\.h5: density has values that are not finite"):
        read_window(tmp_path / "d.h5", "density", (0, 0, 0), 8)


def test_density_and_mask_are_cut_and_turned_alike(files, rows):
    """The fixture's mask is where the density exceeds 1, which any mismatch of the two would break."""
    for window in (8, 4):
        for densities, masks in prefetched(samples(files, rows, window)):
            assert np.array_equal(densities * np.float32(files.normalisation.mean_deviation) > 1, masks.astype(bool))
            assert masks.any()


def test_shapes_and_types_of_a_batch(files, rows):
    densities, masks = samples(files, rows)[0]
    assert densities.shape == masks.shape == (3, 8, 8, 8, 1)
    assert (densities.dtype, masks.dtype) == (np.float32, np.uint8)


def test_an_epoch_visits_every_subvolume_once_and_the_next_in_another_order(files, rows):
    stage = samples(files, rows, augmentation="none", batch=1)
    boxes = {read_window(files.ground_truth / f"{row.box:03d}" / "density.h5", "density", row.start, 8).tobytes(): n
             for n, row in enumerate(rows)}  # fmt: skip
    scale = np.float32(files.normalisation.mean_deviation)
    visited = []
    for number in range(2 * stage.samples_per_epoch):
        density, _ = stage.sample(number)
        visited.append(
            min(boxes.items(), key=lambda item: np.abs(np.frombuffer(item[0], "f4") - (density * scale).ravel()).max())[
                1
            ]
        )
    first, second = visited[: len(rows)], visited[len(rows) :]
    assert sorted(first) == sorted(second) == list(range(len(rows)))
    assert first != second


def test_smaller_windows_make_an_epoch_of_the_same_number_of_cells(files, rows):
    assert samples(files, rows, window=4).samples_per_epoch == 8 * samples(files, rows, window=8).samples_per_epoch


def test_samples_follow_from_their_number_alone(files, rows):
    """Whatever the number of workers, and whether the stage is read from its start or from a later step on."""
    whole = list(prefetched(samples(files, rows), workers=1))
    parallel = list(prefetched(samples(files, rows), workers=4))
    tail = list(prefetched(samples(files, rows).between(7, 12), workers=2))
    for one, other in zip(whole + whole[7:], parallel + tail, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("change", [{"seed": 12}, {"stage": 1}])
def test_another_seed_or_stage_draws_other_samples(files, rows, change):
    assert not np.array_equal(samples(files, rows)[0][0], samples(files, rows, **change)[0][0])


def test_another_epoch_turns_a_subvolume_another_way(files, rows):
    stage = samples(files, rows[:1], augmentation="reflections", batch=1)
    assert len({stage.sample(epoch)[0].tobytes() for epoch in range(20)}) > 4


def test_batches_run_on_across_epochs(files, rows):
    stage = samples(files, rows[:2], batch=3)
    assert stage.steps_of(3) == 2
    assert stage[1][0].shape[0] == 3


def test_validation_windows_are_read_as_they_are(files, rows):
    densities, masks = ValidationSamples(files, rows)[3]
    box = read_field(files.ground_truth / "000" / "density.h5", "density")
    x, y, z = rows[3].start
    expected = box[x : x + 8, y : y + 8, z : z + 8] / np.float32(files.normalisation.mean_deviation)
    assert np.array_equal(densities[0, ..., 0], expected)
    assert masks.shape == (1, 8, 8, 8, 1)


def test_individual_normalisation_gives_each_box_unit_deviation(ground_truth, files, rows):
    individual = BoxFiles(ground_truth, files.normalisation, "individual")
    whole = subvolumes(cut_boxes([0, 1], [2], 16, DatasetSettings(window=16), 1), "validation")
    density, _ = individual.sample(whole[0])
    assert density.std(dtype=float) == pytest.approx(1, rel=1e-6)


def test_a_window_larger_than_a_subvolume_is_refused(files, rows):
    with pytest.raises(StorageError, match="window = 16 is larger"):
        samples(files, rows, window=16)


def test_reading_ahead_hands_an_error_on(files, rows, tmp_path):
    lost = BoxFiles(tmp_path, files.normalisation, "global")
    with pytest.raises(StorageError, match="no such file"):
        list(prefetched(samples(lost, rows)))
