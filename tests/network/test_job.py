import shutil

import h5py
import numpy as np
import pytest

from halonet.network.checkpoints import Checkpoints, differences
from halonet.network.job import TrainingJob
from halonet.network.training import Trainer
from halonet.settings import NetworkSettings, SettingsError, TrainingSettings, validate


@pytest.fixture
def make_job(dataset, network_values):
    def make(folder=dataset, seed=1, **changes) -> TrainingJob:
        settings = validate(NetworkSettings, network_values | changes, "test")
        return TrainingJob(settings, seed, folder, folder / "subvolumes.csv", folder / "normalisation.json", "code")

    return make


def test_a_stage_draws_from_its_first_boxes_only(make_job):
    job = make_job()
    assert {row.box for row in job.training_samples(0).rows} == {0}
    assert {row.box for row in job.training_samples(1).rows} == {0, 1}


def test_epochs_are_turned_into_steps_of_the_stages_own_batches(make_job):
    assert [make_job().stage_steps(stage) for stage in (0, 1)] == [24, 40]


def test_validation_uses_whole_subvolumes_and_the_trained_size_with_prelu(make_job):
    assert {window.cells for window in make_job().validation_samples().windows} == {32}
    pieces = make_job(activation="prelu").validation_samples().windows
    assert (len(pieces), {window.cells for window in pieces}) == (8, {16})
    assert len(make_job(activation="prelu", validation_windows=3).validation_samples().windows) == 3


def test_a_window_that_does_not_divide_the_subvolumes_is_refused(make_job):
    with pytest.raises(SettingsError, match="window = 20 does not divide the 32 cells"):
        make_job(window=20).training_samples(0)


@pytest.fixture
def widening(network_values):
    """Stages of which the second has larger windows than the network."""
    first, second = network_values["stages"]
    return [first, second | {"window": 32}]


def test_a_stage_may_train_on_windows_of_its_own(make_job, widening, tmp_path):
    job = make_job(stages=widening)
    assert [job.training_samples(stage).batch([0])[0].shape for stage in (0, 1)] == [(1, *[s] * 3, 1) for s in (16, 32)]
    assert job.stage_steps(0) == 24  # epochs count cells, by the stage's own windows
    short = [stage | {"steps": 2, "epochs": None} for stage in widening]
    job = make_job(stages=short, validation_interval=2, levels=1)
    trainer = Trainer(job, TrainingSettings(), Checkpoints(tmp_path / "checkpoints", job.fingerprint()))
    trainer.run()
    assert [record["stage"] for record in trainer.state.history] == [1, 2]


def test_windows_of_stages_are_refused_like_the_networks_own(make_job, widening):
    with pytest.raises(SettingsError, match="window 32 of a stage is not the network's, 16"):
        make_job(stages=widening, activation="prelu")
    with pytest.raises(SettingsError, match="window 18 cannot be halved 2 times"):
        make_job(stages=[widening[1] | {"window": 18}])
    with pytest.raises(SettingsError, match="window = 24 does not divide the 32 cells"):
        make_job(stages=[widening[1] | {"window": 24}]).training_samples(0)


def test_whatever_decides_the_weights_changes_the_fingerprint(make_job, dataset, tmp_path):
    folder = shutil.copytree(dataset, tmp_path / "dataset")
    before = make_job(folder).fingerprint()
    assert make_job(folder).fingerprint() == before
    assert differences(before, make_job(folder, seed=2).fingerprint()) == ["seed was 1, is 2"]
    assert differences(before, make_job(folder, filters=4).fingerprint()) == ["settings.filters was 2, is 4"]
    with h5py.File(folder / "001" / "mask.h5", "a") as file:
        file.attrs["provenance"] = '{"stage": "another search"}'
    assert [change.split(" ")[0] for change in differences(before, make_job(folder).fingerprint())] == ["fields.1"]


def test_a_loss_that_is_no_number_stops_the_run_by_the_name_of_its_stage(make_job, network_values, tmp_path):
    stage = {"learning_rate": 1e30, "steps": 20, "batch_size": 1}
    job = make_job(stages=[stage], batch_normalisation=False)
    trainer = Trainer(job, TrainingSettings(), Checkpoints(tmp_path / "checkpoints", job.fingerprint()))
    with pytest.raises(
        SettingsError, match=r"the loss became (nan|inf) at step .* lower stages\.0\.learning_rate = 1e\+30"
    ):
        trainer.run()
    assert not (tmp_path / "checkpoints").exists()


def test_training_goes_past_the_all_background_minimum(make_job, tmp_path):
    """An efficient network learns smooth overdense regions within seconds; the Dice beside it is the floor."""
    stage = {"optimizer": "adamw", "learning_rate": 0.01, "loss": "dice_cross_entropy", "steps": 60, "batch_size": 1}
    job = make_job(architecture="unet", filters=8, batch_normalisation=False, validation_interval=60, stages=[stage])
    trainer = Trainer(job, TrainingSettings(), Checkpoints(tmp_path, job.fingerprint()))
    trainer.run()
    record = trainer.state.history[-1]
    assert record["floor"] == pytest.approx(0.73, abs=0.001)
    assert record["validation_dice"] > 0.85
    assert record["validation_foreground_dice"] > 0.7


def test_the_seed_decides_the_weights(make_job, tmp_path):
    weights = []
    for run, seed in enumerate((1, 1, 2)):
        stage = {"learning_rate": 0.01, "steps": 2, "batch_size": 1, "dropout": 0.5}
        job = make_job(seed=seed, stages=[stage], levels=1)
        trainer = Trainer(job, TrainingSettings(), Checkpoints(tmp_path / str(run), job.fingerprint()))
        weights.append(np.concatenate([weight.ravel() for weight in trainer.run().get_weights()]))
    np.testing.assert_allclose(weights[0], weights[1], atol=1e-5)
    assert np.abs(weights[0] - weights[2]).max() > 0.01


def test_mixed_precision_trains_with_float32_weights_near_the_float32_loss(make_job, tmp_path):
    losses = {}
    stage = {"learning_rate": 0.01, "momentum": 0.9, "steps": 4, "batch_size": 2}
    for name in ("float32", "mixed_bfloat16", "mixed_float16"):
        job = make_job(precision=name, batch_normalisation=False, validation_interval=4, stages=[stage], levels=1)
        trainer = Trainer(job, TrainingSettings(), Checkpoints(tmp_path / name, job.fingerprint()))
        assert {weight.dtype for weight in trainer.run().weights} == {"float32"}
        losses[name] = trainer.state.history[-1]["loss"]
    assert losses["mixed_bfloat16"] == pytest.approx(losses["float32"], rel=0.03)
    assert losses["mixed_float16"] == pytest.approx(losses["float32"], rel=0.03)
