import keras
import pytest

from halonet.network.flops import flops_per_voxel, training_flops, unallocated_network
from halonet.network.stages import compile_for
from halonet.network.unet import build_unet
from halonet.network.vnet import build_vnet
from halonet.settings import TrainingStageSettings

from .conftest import made_of


def one_layer(layer, channels=1) -> keras.Model:
    density = keras.Input((None, None, None, channels))
    return keras.Model(density, layer(density))


@pytest.mark.parametrize(
    ("layer", "channels", "flops"),
    [
        (keras.layers.Conv3D(2, 1), 3, 2 * 3 * 2),
        (keras.layers.Conv3D(7, 5, padding="same"), 3, 2 * 125 * 3 * 7),
        (keras.layers.Conv3D(8, 3, padding="same", groups=4), 4, 2 * 27 * 1 * 8),
        (keras.layers.Conv3D(4, 2, strides=2, padding="same"), 3, 2 * 8 * 3 * 4 / 8),
        (keras.layers.Conv3DTranspose(4, 2, strides=2, padding="same"), 3, 2 * 8 * 3 * 4),
        (keras.layers.LeakyReLU(0.05), 3, 0),
    ],
)
def test_a_layer_costs_what_one_counts_by_hand(layer, channels, flops):
    assert flops_per_voxel(one_layer(layer, channels)) == flops


def test_a_vnet_of_one_level_costs_what_one_counts_by_hand():
    """f filters: 1 -> f, down f -> 2f, bottom 2f -> 2f, up 2f -> f, 2f -> f twice (one of them 1^3), head f -> 2."""
    f, k = 3, 5**3
    level0 = k * f + k * 2 * f * f + 2 * f * f + 2 * f
    level1 = (8 * f * 2 * f + k * 2 * f * 2 * f + 8 * 2 * f * f) / 8
    assert flops_per_voxel(build_vnet(made_of(1, f, convolutions=1))) == 2 * (level0 + level1)


@pytest.mark.parametrize("activation", ["leaky_relu", "prelu"])
def test_the_cost_of_a_voxel_does_not_depend_on_the_size_a_network_is_tied_to(activation):
    tied = flops_per_voxel(build_vnet(made_of(2, 2, activation=activation, batch_normalisation=True, window=8)))
    assert tied == flops_per_voxel(build_vnet(made_of(2, 2), dropout=0.5))


def test_a_network_in_training_costs_what_it_costs_alone():
    model = build_unet(made_of(1, 2))
    alone = flops_per_voxel(model)
    compile_for(model, TrainingStageSettings(learning_rate=0.1, steps=1, batch_size=1), 1, "float32")
    assert flops_per_voxel(model) == alone


def test_the_half_resolution_unet_takes_20_kflop_per_voxel():
    settings = made_of(4, 16, architecture="unet", kernel=3, convolutions=2)
    assert flops_per_voxel(unallocated_network(settings)) == pytest.approx(20e3, rel=0.05)
    assert flops_per_voxel(build_unet(made_of(1, 2, kernel=3))) < 20e3


def test_a_training_step_costs_three_forward_passes():
    assert training_flops(10.0, window=4, batch_size=3, steps=5) == 3 * 10 * 64 * 3 * 5


def test_a_layer_of_unknown_cost_is_refused_by_name():
    with pytest.raises(TypeError, match="layer dense is a Dense"):
        flops_per_voxel(one_layer(keras.layers.Dense(2, name="dense")))
