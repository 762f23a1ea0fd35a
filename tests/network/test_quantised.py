"""Convolutions in whole numbers of eight bits: what they compute, how they are chosen, and their file."""

import dataclasses
import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from scipy.ndimage import correlate, gaussian_filter
from thread_ranks import on_ranks

from halonet.dataset.normalisation import Normalisation
from halonet.grid.slabs import Slabs
from halonet.mocks.by_network import NetworkMock
from halonet.mocks.request import MockRequest
from halonet.network.build import build_network
from halonet.network.engines import arithmetic, engine_of
from halonet.network.folder import TrainedNetwork, load_network, save_network
from halonet.network.prediction import predict_box
from halonet.network.quantised import FILE, Quantised, QuantisedConvolution, read_quantised, write_quantised
from halonet.network.quantising import best_range, input_steps, quantise, round_weights
from halonet.settings import PredictionSettings, SettingsError
from halonet.storage import FieldHeader, StorageError, read_json, write_field, write_json

pytest.importorskip("openvino")
SHIPPED = Path(__file__).parents[2] / "networks" / "n-body"
FASTEST = PredictionSettings(tile=48, buffer=8, precision="fastest")
EXACT = FASTEST.model_copy(update={"precision": "float32"})


@pytest.fixture(scope="module")
def settings(network_settings):
    values = {"architecture": "unet", "levels": 2, "filters": 4, "batch_normalisation": False}
    channels = {"smoothing_cells": [2.0], "shear_cells": [3.0], "prolateness_cells": [2.0]}
    heads = {"centre_offset": {"weight": 1.0}, "log_radius": {"weight": 1.0}}
    changed = network_settings.model_dump() | values | {"channels": channels, "heads": heads}
    return type(network_settings).model_validate(changed)


@pytest.fixture(scope="module")
def model(settings):
    keras.utils.set_random_seed(3)
    return build_network(settings)


def tiles(number, channels=3, side=48):
    """Smooth densities, and channels that are smoother still and nearly the same."""
    found = []
    for seed in range(number):
        density = gaussian_filter(np.random.default_rng(seed).normal(size=(side,) * 3), 1.5)
        density = (density / density.std()).astype(np.float32)
        beside = [gaussian_filter(density, 1 + 0.2 * index).astype(np.float16) for index in range(channels)]
        found.append([density, *beside])
    return found


@pytest.fixture(scope="module")
def quantised(model):
    return quantise(model, tiles(2), FASTEST.trimmed)


@pytest.fixture
def folder(model, settings, quantised, tmp_path):
    save_network(tmp_path / "net", TrainedNetwork(model, settings, Normalisation(1.0, {0: 1.0}, 1.0)), {}, [])
    write_quantised(tmp_path / "net", quantised)
    return tmp_path / "net"


def single(kernel, bias):
    """A network of one convolution, and one that every network has: what sees the density stays in floating point."""
    inputs = keras.Input((None, None, None, 2))
    layer = keras.layers.Conv3D(len(bias), 3, padding="same", name="whole")
    model = keras.Model(inputs, layer(keras.layers.LeakyReLU(1.0)(inputs)))
    layer.set_weights([kernel, bias])
    return model


def test_a_convolution_in_whole_numbers_is_the_sum_of_products_of_rounded_inputs_and_weights():
    random = np.random.default_rng(1)
    model = single(random.normal(size=(3, 3, 3, 2, 3)), random.normal(size=3))
    held = QuantisedConvolution(
        input_steps=np.array([0.05, 0.02], np.float32),
        zero=100,
        kernel=random.integers(-127, 128, (3, 2, 3, 3, 3)).astype(np.int8),
        output_steps=np.array([0.01, 0.002, 0.03], np.float32),
        bias=np.array([1.0, -2.0, 0.5], np.float32),
    )
    density, channel = random.normal(size=(2, 12, 12, 12)) * np.array([6.0, 1.0])[:, None, None, None]
    density, channel = density.astype(np.float32), channel.astype(np.float16)
    settings = PredictionSettings(tile=12, buffer=2, precision="fastest")
    found = engine_of(model, settings, 2, Quantised({"whole": held}))(density, channel)
    fields = [np.clip(np.round(x / s), -100, 155) for x, s in zip((density, channel), held.input_steps, strict=True)]
    for index in range(3):
        sums = sum(
            correlate(x, k.astype(float), mode="constant") for x, k in zip(fields, held.kernel[index], strict=True)
        )
        wanted = held.output_steps[index] * sums[2:-2, 2:-2, 2:-2] + held.bias[index]
        tolerance = 0.01 * np.abs(wanted).max()  # what follows the sums may be in bfloat16
        assert np.abs(found[..., index] - wanted).max() < tolerance
    assert (
        np.abs(found - engine_of(model, EXACT.model_copy(update={"tile": 12, "buffer": 2}), 2)(density, channel)).max()
        > 1
    )


@pytest.mark.parametrize(("number", "part"), [(30, 0.5), (150, 0.25)])  # less than a block of weights, and several
def test_weights_rounded_together_keep_sums_over_inputs_that_nearly_cancel(number, part):
    random = np.random.default_rng(2)
    common = random.normal(size=(4000, 1))
    inputs = np.round(40 * (common + 0.1 * random.normal(size=(4000, number))))
    weights = random.normal(size=(5, number))
    integers, units = round_weights(weights, inputs)
    assert np.array_equal(integers, np.round(integers))
    assert np.abs(integers).max() <= 127
    each = np.abs(weights).max(axis=1) / 127
    apart = np.round(weights / each[:, None]) * each[:, None]
    error, error_apart = (np.std((w - weights) @ inputs.T) for w in (integers * units[:, None], apart))
    assert error < part * error_apart


def test_the_mean_error_of_rounding_goes_into_the_bias():
    random = np.random.default_rng(4)
    model = single(random.normal(size=(3, 3, 3, 2, 3)), random.normal(size=3))
    tiles_of = [[(1 + tile).astype(np.float32), beside] for tile, beside in tiles(2, channels=1)]
    held = quantise(model, tiles_of[:1], FASTEST.trimmed)
    exact, found = (engine_of(model, each, 2, held)(*tiles_of[1]) for each in (EXACT, FASTEST))
    without = dataclasses.replace(held.convolutions["whole"], bias=np.asarray(model.layers[-1].get_weights()[1]))
    other = engine_of(model, FASTEST, 2, Quantised({"whole": without}))(*tiles_of[1])
    assert np.abs((found - exact).mean(axis=(0, 1, 2))).max() < 0.5 * np.abs((other - exact).mean(axis=(0, 1, 2))).max()


def test_the_range_of_inputs_leaves_out_the_few_that_would_make_all_others_coarse():
    values = np.append(np.random.default_rng(3).normal(size=100_000), 50.0)
    low, high = best_range(values, 255)
    assert low == pytest.approx(values.min() * high / 50, rel=1e-9)  # both ends are drawn in alike
    assert high < 50
    assert best_range(np.zeros(10), 255) == (0.0, 0.0)
    steps, zero = input_steps(np.stack([np.linspace(-1, 3, 1000), np.linspace(-10, 30, 1000)]))
    assert steps[1] / steps[0] == pytest.approx(10)
    assert zero == pytest.approx(64, abs=1)


def test_probabilities_and_heads_in_whole_numbers_are_near_those_in_floating_point(model, quantised):
    (unseen,) = tiles(3)[2:]
    exact, found = (engine_of(model, each, 2, quantised)(*unseen) for each in (EXACT, FASTEST))
    assert np.array_equal(exact, engine_of(model, EXACT, 2)(*unseen))
    for channel in (0, 2, 3, 4, 5):
        assert 0 < (found - exact)[..., channel].std() < 0.06 * exact[..., channel].std()


def test_layers_that_see_the_density_or_single_cells_stay_and_those_that_are_named(model, quantised):
    assert set(quantised.convolutions) == {
        *("level1_in_convolution_1", "level2_down", "level2_in_convolution_1", "level1_merge"),
        *("level1_out_convolution_1", "level0_out", "centre_offset_features", "log_radius_features"),
    }
    fewer = quantise(model, tiles(1), FASTEST.trimmed, floating=["level0_out"])
    assert set(quantised.convolutions) - set(fewer.convolutions) == {"level0_out"}
    with pytest.raises(SettingsError, match="floating = level9: no layer to be rounded; there are level1_in_conv"):
        quantise(model, tiles(1), FASTEST.trimmed, floating=["level0_out", "level9"])


def test_channels_kept_as_whole_numbers_are_read_in_their_units(model, quantised):
    density, *beside = tiles(1)[0]
    steps = quantised.channel_steps
    whole = [np.clip(np.rint(x / s), -127, 127).astype(np.int8) for x, s in zip(beside, steps, strict=True)]
    rounded = [(q * s).astype(np.float16) for q, s in zip(whole, steps, strict=True)]
    by_halves = engine_of(model, FASTEST, 2, quantised)(density, *rounded)
    found = engine_of(model, FASTEST, 2, quantised, whole_channels=True)(density, *whole)
    assert np.abs(found - by_halves)[..., 0].max() < 0.05
    assert np.abs(found - by_halves)[..., 0].mean() < 0.004


def test_neither_threads_nor_repetition_change_a_bit(model, quantised):
    (tile,) = tiles(1)
    first, *others = (engine_of(model, FASTEST, threads, quantised)(*tile) for threads in (1, 1, 2))
    assert all(np.array_equal(first, other) for other in others)


@pytest.mark.parametrize("ranks", [2, 3])
def test_a_box_over_ranks_in_whole_numbers_and_wide_tiles_has_the_bits_of_one_process(
    model, settings, quantised, ranks
):
    network = TrainedNetwork(model, settings, Normalisation(1.0, {0: 1.0}, 1.0), None, quantised)
    tiles_of = PredictionSettings(tile=32, width=48, buffer=8, precision="fastest")
    density = gaussian_filter(np.random.default_rng(6).normal(size=(32,) * 3), 1, mode="wrap").astype(np.float32)
    density /= density.std()

    def predicted(slabs):
        offsets = np.zeros((*slabs.shape, 3), np.float16)
        own = density[slabs.start : slabs.stop].copy()
        heads = {"centre_offset": offsets}
        return predict_box(network, own, 1.0, tiles_of, heads=heads, slabs=slabs), offsets

    whole = predicted(Slabs(32))
    parts, _ = on_ranks(ranks, lambda communicator: predicted(Slabs(32, communicator)))
    for one, several in zip(whole, zip(*parts, strict=True), strict=True):
        assert one.std() > 0.01
        np.testing.assert_array_equal(np.concatenate(several), one)


def test_the_file_holds_what_was_written_and_says_so_in_the_arithmetic(folder, quantised):
    held = load_network(folder).quantised
    np.testing.assert_array_equal(held.channel_steps, quantised.channel_steps)
    assert set(held.convolutions) == set(quantised.convolutions)
    for name, convolution in quantised.convolutions.items():
        for each in dataclasses.fields(convolution):
            np.testing.assert_array_equal(getattr(held.convolutions[name], each.name), getattr(convolution, each.name))
    assert arithmetic("fastest", quantised=True).startswith("OpenVINO, int8 and ")
    assert arithmetic("float32", quantised=True) == "OpenVINO, float32"


def test_a_file_of_other_weights_is_refused_and_a_network_trained_anew_has_none(folder, model, settings, tmp_path):
    other = tmp_path / "other"
    changed = build_network(settings)
    save_network(other, TrainedNetwork(changed, settings, Normalisation(1.0, {0: 1.0}, 1.0)), {}, [])
    shutil.copy(folder / FILE, other)
    with pytest.raises(StorageError, match=r"int8\.h5: made of other weights than model\.weights\.h5"):
        read_quantised(other)
    save_network(folder, TrainedNetwork(changed, settings, Normalisation(1.0, {0: 1.0}, 1.0)), {}, [])
    assert load_network(folder).quantised is None


def test_a_damaged_file_and_one_that_lacks_a_part_are_refused(folder):
    with h5py.File(folder / FILE, "a") as file:
        del file["level0_out/bias"]
    with pytest.raises(StorageError, match=r"int8\.h5: damaged, or changed"):
        load_network(folder)
    (folder / "digests.json").unlink()
    with pytest.raises(StorageError, match=r"int8\.h5: lacks a dataset"):
        load_network(folder)
    (folder / FILE).unlink()
    assert load_network(folder).quantised is None


def test_a_box_by_the_shipped_network_in_whole_numbers_differs_by_a_hundredth():
    network = load_network(SHIPPED)
    density = NetworkMock(MockRequest(seed=3, cells=64, network=SHIPPED, threads=2)).box.density_slab(Slabs(64))
    tiles_of = [each.model_copy(update={"tile": 96, "buffer": 16}) for each in (EXACT, FASTEST)]
    exact, found = (predict_box(network, density, 1.0, each, slabs=Slabs(len(density), threads=2)) for each in tiles_of)
    assert exact.std() > 0.3
    assert 0 < np.sqrt(np.square(found - exact).mean()) < 0.015


def test_the_script_quantises_a_network_by_boxes_like_those_it_was_trained_on(folder, run_script, tmp_path):
    (folder / FILE).unlink()
    (folder / "digests.json").unlink()
    density = gaussian_filter(np.random.default_rng(5).normal(size=(32,) * 3), 1, mode="wrap")
    density = (density - density.mean()) / density.std()
    for name, amplitude in (("like.h5", 1), ("unlike.h5", 3)):
        write_field(tmp_path / name, "density", (amplitude * density).astype(np.float32), FieldHeader(32.0))
    result = run_script("quantise_network", folder, "--density", tmp_path / "unlike.h5", check=False)
    assert result.returncode == 2
    assert "standard deviation" in result.stderr
    assert not (folder / FILE).exists()
    result = run_script("quantise_network", folder, "--density", tmp_path / "like.h5", "--floating", "level2_down")
    assert "level0_out: error" in result.stderr
    assert "probabilities: root mean square difference 0.0" in result.stderr
    held = load_network(folder).quantised
    assert "level0_out" in held.convolutions
    assert "level2_down" not in held.convolutions
    # Channels of a box are at most a few times their deviation.
    assert all(0.001 < step < 0.1 for step in held.channel_steps)


def test_a_network_that_is_shipped_anew_brings_its_own_whole_numbers_or_has_none(folder, run_script, tmp_path):
    shipped, bare = tmp_path / "shipped", tmp_path / "bare"
    shutil.copytree(folder, bare)
    (bare / FILE).unlink()
    write_json(bare / "digests.json", {})
    for trained, held in ((folder, True), (bare, False), (folder, True)):
        run_script("ship_network", shipped, "--trained", trained)
        assert (load_network(shipped).quantised is not None) == held
    assert (FILE in read_json(shipped / "digests.json")) == held
