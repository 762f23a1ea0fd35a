"""Heads beside the probability: losses, training, and vectors that turn with the box."""

import json

import h5py
import keras
import numpy as np
import pytest

from halonet.catalogue import LAGRANGIAN, HaloCatalogue, read_catalogue, write_catalogue
from halonet.dataset.manifest import cut_boxes, write_manifest
from halonet.dataset.normalisation import Normalisation, measure, write_normalisation
from halonet.dataset.symmetries import GROUPS
from halonet.dataset.targets import find_membership, write_membership
from halonet.head_fields import SHAPES, read_heads
from halonet.network.build import build_network
from halonet.network.folder import TrainedNetwork
from halonet.network.heads import SQUARED_ERRORS, measures, positions, training_loss
from halonet.network.job import TrainingJob
from halonet.network.losses import LOSSES, METRICS
from halonet.network.prediction import predict_box
from halonet.settings import (
    DatasetSettings,
    HeadsSettings,
    NetworkSettings,
    PredictionSettings,
    SettingsError,
    validate,
)
from halonet.settings.heads import HEADS
from halonet.storage import FieldHeader, write_field

CELLS = 32
BOTH = {"centre_offset": {"weight": 2.0}, "log_radius": {"weight": 0.5}}
STAGE = {"optimizer": "adamw", "learning_rate": 0.005, "loss": "dice_cross_entropy", "steps": 60, "batch_size": 2}
UNET = {
    "architecture": "unet", "levels": 2, "filters": 8, "kernel": 3, "convolutions": 1, "window": 32,
    "augmentation": "cube", "heads": BOTH, "validation_interval": 20, "stages": [STAGE],
}  # fmt: skip


def heads(**values) -> HeadsSettings:
    return validate(HeadsSettings, values, "test")


def settings_of(**changes) -> NetworkSettings:
    return validate(NetworkSettings, UNET | changes, "test")


@pytest.fixture
def truth() -> np.ndarray:
    """Two samples of 4^3 voxels: a halo of radius 2 in the first half, one of radius 10 in the second, none between."""
    truth = np.zeros((2, 4, 4, 4, 5), np.float32)
    truth[:, 0], truth[:, 3] = (1, 2, 0.5, -0.5, 1), (1, 10, 3, 4, -2)
    return truth


def output(truth, offset_error=0.0, radius_error=0.0) -> np.ndarray:
    """A network's output: certain of the mask, with errors of the centre along z, in radii, and of ln radius."""
    offset, radius = truth[..., 2:5].copy(), np.maximum(truth[..., 1], 1e-3)
    offset[..., 2] += offset_error * radius
    return np.concatenate(
        [truth[..., :1], 1 - truth[..., :1], offset, np.log(radius)[..., None] + radius_error], axis=-1
    )


def value(function, truth, predicted) -> np.ndarray:
    return keras.ops.convert_to_numpy(function(truth, predicted.astype(np.float32)))


def test_an_error_of_a_tenth_of_the_radius_counts_the_same_for_every_halo(truth):
    chosen, one = heads(centre_offset={}, log_radius={}), truth.copy()
    one[1, 3], one[0, 3] = 0, 0  # one sample with the small halo alone
    for predicted in ({"offset_error": 0.1}, {"radius_error": 0.1}):
        loss = training_loss("dice", chosen)
        both, small = (value(loss, t, output(t, **predicted)) for t in (truth, one))
        np.testing.assert_allclose(both, small, rtol=1e-4)
        assert (both > 0.01).all()


def test_measures_are_the_errors_in_radii_and_in_percent(truth):
    found = measures(heads(**BOTH))
    assert [measure.__name__ for measure in found] == [m.__name__ for m in METRICS] + ["offset_error", "radius_error"]
    predicted = output(truth, 0.3, 0.2)
    np.testing.assert_allclose(value(found[-2], truth, predicted), 0.3, rtol=1e-4)
    np.testing.assert_allclose(value(found[-1], truth, predicted), 20, rtol=1e-4)
    np.testing.assert_allclose(value(found[0], truth, predicted), 1, rtol=1e-6)


def test_cells_outside_of_haloes_teach_the_heads_nothing(truth):
    loss, predicted = training_loss("dice", heads(**BOTH)), output(truth)
    wild = predicted.copy()
    wild[:, 1:3, ..., 2:] = 37.0
    np.testing.assert_allclose(value(loss, truth, wild), value(loss, truth, predicted), atol=1e-6)
    nothing = np.zeros_like(truth)
    assert np.isfinite(value(loss, nothing, wild)).all()


def test_a_head_counts_by_its_weight_beside_the_probability(truth):
    predicted = output(truth, 0.4, 0.3)
    plain, offset, both = (
        value(LOSSES["dice"], truth[..., :1], predicted[..., :2]),
        value(training_loss("dice", heads(centre_offset={"weight": 1.0})), truth, predicted[..., :5]),
        value(training_loss("dice", heads(**BOTH)), truth, predicted),
    )
    radius = value(training_loss("dice", heads(log_radius={"weight": 1.0})), truth, predicted[..., [0, 1, 5]]) - plain
    np.testing.assert_allclose(both, plain + 2 * (offset - plain) + 0.5 * radius, rtol=1e-4)


def test_a_few_wild_vectors_count_like_their_length_not_its_square(truth):
    loss = training_loss("dice", heads(centre_offset={}))
    errors = [value(loss, truth, output(truth, error)[..., :5])[0] for error in (0.0, 2.0, 4.0)]
    assert errors[2] - errors[1] == pytest.approx(2, rel=0.02)
    assert errors[1] - errors[0] < 2


@pytest.mark.parametrize("architecture", ["unet", "vnet"])
def test_heads_come_behind_a_probability_that_they_do_not_change(architecture):
    with_heads, without = settings_of(architecture=architecture), settings_of(architecture=architecture, heads={})
    keras.utils.set_random_seed(1)
    model, plain = build_network(with_heads), build_network(without)
    assert positions(with_heads.heads) == {"centre_offset": slice(2, 5), "log_radius": slice(5, 6)}
    weights = {weight.path: weight for weight in model.weights}
    for weight in plain.weights:
        weight.assign(weights[weight.path])
    density = np.random.default_rng(2).normal(size=(1, 8, 8, 8, 1)).astype("f4")
    full, alone = model.predict_on_batch(density), plain.predict_on_batch(density)
    assert full.shape == (1, 8, 8, 8, 6)
    np.testing.assert_allclose(full[..., :2], alone, atol=1e-6)


def test_a_network_without_heads_is_recorded_compiled_and_measured_as_before_there_were_any(network_values):
    """Its record decides what is remade and which checkpoints continue."""
    for values in (network_values, network_values | {"heads": {}}):
        settings = validate(NetworkSettings, values, "test")
        assert "heads" not in settings.model_dump()
        assert "heads" not in json.loads(settings.model_dump_json())
    assert settings_of().model_dump()["heads"] == BOTH
    assert training_loss("dice", HeadsSettings()) is LOSSES["dice"]
    assert measures(HeadsSettings()) is METRICS


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    """Three boxes of 32^3 cells with haloes on smooth bumps of the density as wide as they are, and their targets."""
    folder = tmp_path_factory.mktemp("boxes")
    middles = np.stack(np.meshgrid(*[np.arange(CELLS) + 0.5] * 3, indexing="ij"), axis=-1)
    for box in range(3):
        random = np.random.default_rng(box)
        lattice = np.stack(np.meshgrid(*[np.arange(2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        centres = 16 * lattice + 8 + random.uniform(-2, 2, (8, 3))
        radii, density = random.uniform(3, 6, 8), np.zeros((CELLS,) * 3)
        for centre, radius in zip(centres, radii, strict=True):
            gaps = (middles - centre + CELLS / 2) % CELLS - CELLS / 2
            density += np.exp(-(gaps**2).sum(-1) / radius**2)
        header = FieldHeader(float(CELLS), seed=box)
        columns = {name: centres[:, axis] for axis, name in enumerate(LAGRANGIAN)}
        cells = 4 / 3 * np.pi * radii**3
        haloes = HaloCatalogue(columns | {"radius": radii, "cells": cells, "mass": cells}, header, CELLS)
        membership = find_membership(haloes)
        write_field(folder / f"{box:03d}" / "density.h5", "density", density - density.mean(), header)
        write_field(folder / f"{box:03d}" / "mask.h5", "mask", membership.rows >= 0, header)
        write_catalogue(folder / f"{box:03d}" / "haloes.h5", haloes)
        write_membership(folder / "targets" / f"{box:03d}.h5", membership, haloes)
    write_manifest(folder / "subvolumes.csv", cut_boxes([0, 1], [2], CELLS, DatasetSettings(window=CELLS), 1))
    write_normalisation(folder / "normalisation.json", measure(folder, [0, 1, 2], [0, 1])[0])
    return folder


def arguments_of(boxes, settings, output, *more):
    data = ("--manifest", boxes / "subvolumes.csv", "--normalisation", boxes / "normalisation.json")
    return ("--ground-truth", boxes, *data, "--targets", boxes / "targets", "--settings", settings.model_dump_json(),
            "--output", output, *more)  # fmt: skip


@pytest.fixture(scope="module")
def trained(boxes, run_script, tmp_path_factory):
    """A network trained by the script alone, and the last box as it predicts it."""
    folder = tmp_path_factory.mktemp("trained")
    run_script("train_network", *arguments_of(boxes, settings_of(), folder / "network"))
    arguments = ("--density", boxes / "002" / "density.h5", "--network", folder / "network")
    run_script("predict_mask", *arguments, "--settings", '{"tile": 48, "buffer": 8}', "--probability", folder / "p.h5")
    return folder


def test_a_network_learns_where_the_centres_of_haloes_are_and_how_large_they_are(trained):
    """Pointing nowhere is an error of 3/4 of a radius; radii between 3 and 6 cells scatter by a fifth."""
    history = np.genfromtxt(trained / "network" / "history.csv", delimiter=",", names=True)
    assert list(history.dtype.names)[-2:] == ["validation_offset_error", "validation_radius_error"]
    assert history["validation_offset_error"][-1] < 0.45
    assert history["validation_radius_error"][-1] < 18


def test_what_heads_say_stands_beside_the_probability_and_haloes_are_found_by_it(trained, boxes, run_script):
    offset, log_radius = read_heads(trained / "p.h5").values()
    true = find_membership(read_catalogue(boxes / "002" / "haloes.h5"))
    inside = true.rows >= 0
    missed = np.sqrt(((offset - true.centre_offset())[inside] ** 2).sum(-1)) / true.radius()[inside]
    assert missed.mean() < 0.5
    assert np.abs(log_radius[inside] - np.log(true.radius()[inside])).mean() < 0.2
    settings = json.dumps({"finder": "votes", "votes": {"least_votes": 0.25, "reach": 1.0}})
    run_script("find_haloes", "--probability", trained / "p.h5", "--settings", settings, "--haloes", trained / "h.h5")
    assert 4 <= len(read_catalogue(trained / "h.h5")) <= 9


@pytest.mark.slow  # a mock on two ranks (tests/mocks) and haloes by votes are in every run
def test_a_mock_of_a_network_with_heads_is_found_by_votes_to_the_same_bytes_on_two_ranks(trained, boxes, run_script):
    catalogues = []
    for ranks in (1, 2):
        out = trained / f"mock{ranks}.h5"
        finder = '{"finder": "votes", "votes": {"least_votes": 0.25, "reach": 1.0}}'
        box = ("--density", boxes / "002" / "density.h5", "--network", trained / "network", "--outside-validity")
        options = ("--halo-finding", finder, "--threads", 1, "--ranks", ranks, "--output", out)
        run_script("make_mock", *box, *options, ranks=ranks)
        catalogues.append(out.read_bytes())
    haloes = read_catalogue(out)
    assert 4 <= len(haloes) <= 9
    assert haloes["votes"].min() >= 0.25
    assert catalogues[0] == catalogues[1]


@pytest.mark.slow  # without heads this is in every run (test_ranks.py)
def test_two_ranks_learn_what_one_process_learns(boxes, run_script, tmp_path):
    short = settings_of(stages=[STAGE | {"steps": 3}], validation_interval=3)
    histories = []
    for ranks in (1, 2):
        arguments = arguments_of(boxes, short, tmp_path / str(ranks), "--ranks", ranks, "--training", '{"threads": 1}')
        run_script("train_network", *arguments, ranks=ranks)
        histories.append(np.genfromtxt(tmp_path / str(ranks) / "history.csv", delimiter=",", names=True))
    for name in histories[0].dtype.names:
        np.testing.assert_allclose(histories[1][name], histories[0][name], rtol=1e-4, err_msg=name)


@pytest.fixture(scope="module")
def network() -> TrainedNetwork:
    keras.utils.set_random_seed(3)
    settings = settings_of(filters=4)
    return TrainedNetwork(build_network(settings), settings, Normalisation(1.0, {0: 1.0}, 1.0))


def predicted(network, density, **settings):
    """Offsets and ln radii of a box."""
    fields = {"centre_offset": np.zeros((*density.shape, 3), "f4"), "log_radius": np.zeros(density.shape, "f4")}
    predict_box(network, density, 1.0, PredictionSettings(**settings), heads=fields)
    return fields["centre_offset"], fields["log_radius"]


@pytest.mark.parametrize("average", ["reflections", "cube"])
def test_the_mean_over_symmetries_turns_vectors_with_the_box(network, average):
    density = np.random.default_rng(8).normal(size=(16, 16, 16)).astype("f4")
    turn = GROUPS[average][-2]
    offset, log_radius = predicted(network, density, tile=24, buffer=4, average=average)
    turned_offset, turned_radius = predicted(
        network, np.ascontiguousarray(turn(density)), tile=24, buffer=4, average=average
    )
    np.testing.assert_allclose(turned_offset, turn.turn_vectors(offset), atol=1e-5)
    np.testing.assert_allclose(turned_radius, turn(log_radius), atol=1e-5)
    assert np.abs(turned_offset - turn(offset)).max() > 1e-2


@pytest.mark.parametrize("blend", [0, 2])
def test_tiles_of_heads_are_put_together_like_those_of_the_probability(network, blend, tmp_path):
    density = np.random.default_rng(9).normal(size=(16, 16, 16)).astype("f4")
    with h5py.File(tmp_path / "f.h5", "w") as file:
        data = {"centre_offset": file.create_dataset("centre_offset", (16, 16, 16, 3), "f4")}
        predict_box(network, density, 1.0, PredictionSettings(tile=16, buffer=4, blend=blend), heads=data)
        tiled = data["centre_offset"][...]
    if not blend:
        window = np.take(np.take(np.take(density, range(-4, 12), 0, mode="wrap"), range(-4, 12), 1, mode="wrap"),
                         range(-4, 12), 2, mode="wrap")  # fmt: skip
        alone = network.model.predict_on_batch(window[None, ..., None])[0, 4:12, 4:12, 4:12, 2:5]
        np.testing.assert_allclose(tiled[:8, :8, :8], alone, atol=1e-5)
    assert (np.abs(tiled).max(axis=-1) > 0).all()


def test_a_network_with_heads_is_trained_on_their_targets_or_not_at_all(boxes):
    files = (boxes / "subvolumes.csv", boxes / "normalisation.json", "code", None)
    with pytest.raises(SettingsError, match=r"heads \['centre_offset', 'log_radius'\], but --targets gives no folder"):
        TrainingJob(settings_of(), 1, boxes, *files)
    with pytest.raises(SettingsError, match=r"heads \[\], but --targets is "):
        TrainingJob(settings_of(heads={}), 1, boxes, *files, boxes / "targets")


def test_settings_errors_and_files_know_the_heads_of_the_one_table():
    assert HeadsSettings.model_fields.keys() == HEADS.keys() == SQUARED_ERRORS.keys() == SHAPES.keys()
