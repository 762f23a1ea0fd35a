"""Networks that learn a teacher's probabilities beside the truth."""

import numpy as np
import pytest

from halonet.dataset.manifest import Subvolume
from halonet.dataset.samples import BoxFiles, SoftLabels, read_window
from halonet.network.checkpoints import Checkpoints, differences
from halonet.network.job import TrainingJob
from halonet.network.training import Trainer
from halonet.settings import NetworkSettings, SettingsError, TrainingSettings, validate
from halonet.storage import FieldHeader, StorageError, write_field

CELLS = 32
WINDOW = Subvolume(0, (8, 0, 16), 16)


@pytest.fixture
def soft_labels(tmp_path):
    """Folder of what a teacher says of the two training boxes: the same in every cell of a box."""
    return written(tmp_path / "soft_labels", (0.8, 0.2))


def written(folder, probabilities):
    folder.mkdir(exist_ok=True)
    for box, probability in enumerate(probabilities):
        field = np.full((CELLS,) * 3, probability, np.float32)
        write_field(
            folder / f"{box:03d}.h5", "probability", field, FieldHeader(float(CELLS), seed=round(100 * probability))
        )
    return folder


@pytest.fixture
def job(dataset, network_values):
    def make(soft_labels=None, weight=0.25, steps=2) -> TrainingJob:
        stage = {"learning_rate": 0.05, "steps": steps, "batch_size": 1, "loss": "dice_cross_entropy"}
        teacher = {"network": "large", "weight": weight} if soft_labels else None
        settings = validate(NetworkSettings, network_values | {"teacher": teacher, "stages": [stage]}, "test")
        data = (dataset, dataset / "subvolumes.csv", dataset / "normalisation.json")
        return TrainingJob(settings, 1, *data, "code", soft_labels=soft_labels)

    return make


def test_what_is_learnt_is_the_mean_of_truth_and_teacher_by_its_weight(job, soft_labels, dataset):
    mask = read_window(dataset / "000/mask.h5", "mask", WINDOW.start, WINDOW.cells)
    _, learnt = job(soft_labels).taught_files.sample(WINDOW)
    assert learnt.dtype == np.float32
    np.testing.assert_allclose(learnt, np.where(mask, 0.75 + 0.25 * 0.8, 0.25 * 0.8), rtol=1e-6)
    assert 0 < mask.mean() < 1


def test_samples_of_a_training_are_taught_and_those_of_its_validation_are_the_truth(job, soft_labels):
    taught = job(soft_labels, weight=1.0)
    inputs, learnt = taught.training_samples(0).between(0, 1)[0]
    assert set(np.unique(learnt)) < {np.float32(0.8), np.float32(0.2)}
    assert np.array_equal(inputs, job().training_samples(0).between(0, 1)[0][0])
    for (_, found), (_, true) in zip(taught.validation_samples(), job().validation_samples(), strict=True):
        assert found.dtype == np.uint8
        assert np.array_equal(found, true)


def test_a_student_comes_to_say_what_its_teacher_says(job, soft_labels, tmp_path):
    density = np.random.default_rng(4).normal(size=(1, 16, 16, 16, 1)).astype("f4")
    taught = job(written(soft_labels, (0.9, 0.9)), weight=1.0, steps=20)
    model = Trainer(taught, TrainingSettings(), Checkpoints(tmp_path / "checkpoints", taught.fingerprint())).run()
    assert 0.75 < float(np.mean(model(density)[..., 0])) < 1  # of the true masks 0.27


def test_other_soft_labels_are_another_training(job, soft_labels):
    before = job(soft_labels).fingerprint()
    assert job(soft_labels).fingerprint() == before
    after = job(written(soft_labels, (0.7, 0.2))).fingerprint()
    assert [change.split(" ")[0].split(".")[0] for change in differences(before, after)] == ["fields"]
    heavier = job(soft_labels, weight=0.5).fingerprint()
    assert any("weight" in change for change in differences(after, heavier))


def test_settings_and_command_line_must_agree_on_the_teacher(job, soft_labels, network_values, dataset):
    data = (dataset, dataset / "subvolumes.csv", dataset / "normalisation.json")
    taught = validate(NetworkSettings, network_values | {"teacher": {"network": "large"}}, "test")
    with pytest.raises(SettingsError, match=r"'large'.* but --soft-labels gives no folder"):
        TrainingJob(taught, 1, *data)
    with pytest.raises(SettingsError, match="teacher = None, but --soft-labels is"):
        TrainingJob(validate(NetworkSettings, network_values, "test"), 1, *data, soft_labels=soft_labels)


def test_a_missing_soft_label_is_named(soft_labels, job, dataset):
    (soft_labels / "000.h5").unlink()
    files = BoxFiles(dataset, job().normalisation, "global", soft_labels=SoftLabels(soft_labels, 0.5))
    with pytest.raises(StorageError, match=r"soft_labels/000\.h5"):
        files.sample(WINDOW)


def test_a_network_without_a_teacher_keeps_the_record_that_it_had(network_values):
    assert "teacher" not in validate(NetworkSettings, network_values, "test").model_dump()
