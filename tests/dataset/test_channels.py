"""Channels of the whole box: what they measure, how they turn with the box, and that training reads just them."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from thread_ranks import on_ranks

from halonet.dataset.channel_files import channel_file, check_channels, write_channels
from halonet.dataset.channels import COLLAPSE_THRESHOLD, whole_box_channels
from halonet.dataset.manifest import Subvolume, cut_boxes, subvolumes
from halonet.dataset.normalisation import measure
from halonet.dataset.samples import BoxFiles, TrainingSamples, ValidationSamples
from halonet.dataset.symmetries import GROUPS
from halonet.grid.slabs import Slabs
from halonet.grid.windows import top_hat
from halonet.n_body.ends import where_particles_end
from halonet.n_body.growth import Growth
from halonet.settings import (
    ChannelSettings,
    CosmologySettings,
    DatasetSettings,
    Settings,
    SettingsError,
    ShortSimulationSettings,
    validate,
)
from halonet.storage import FieldHeader, StorageError, open_hdf5, read_field, read_header, write_field

PAPER = Path(__file__).parents[2] / "config.yaml"
HALF = 2.0**-11  # relative rounding of float16


def channel_settings(smoothing=(), shear=(), prolateness=()) -> ChannelSettings:
    radii = {"smoothing_cells": smoothing, "shear_cells": shear, "prolateness_cells": prolateness}
    return validate(ChannelSettings, {key: list(values) for key, values in radii.items()}, "test")


ALL = channel_settings((1.5, 3), (1, 2.5), (2.5, 2))


@pytest.fixture
def density() -> np.ndarray:
    """White noise: it has power in every mode, those on the Nyquist planes too."""
    return np.random.default_rng(4).normal(size=(12, 12, 12)).astype(np.float32)


def in_physical_units(channels: np.ndarray) -> np.ndarray:
    return channels.astype(float) * COLLAPSE_THRESHOLD


def assert_same_channels(one: np.ndarray, other: np.ndarray):
    """Alike to the rounding of float16."""
    np.testing.assert_allclose(one.astype(float), other.astype(float), rtol=3 * HALF, atol=1e-5)


@pytest.mark.parametrize("mode", [(1, 0, 0), (0, 3, 3), (2, -1, 4)])
def test_a_plane_wave_is_damped_by_the_top_hat_and_sheared_by_two_thirds(mode):
    """Along its wave vector the strain is the density and across it nothing: s_ij s_ij - (tr s)^2 / 3 = 2/3 delta^2."""
    cells, radius = 16, 2.5
    phase = 2 * np.pi / cells * np.tensordot(mode, np.indices((cells,) * 3), 1) + 0.3
    wave = np.cos(phase)
    damped = top_hat(2 * np.pi / cells * np.linalg.norm(mode) * radius) * wave
    channels = in_physical_units(whole_box_channels(wave, channel_settings([radius], [radius], [radius])))
    np.testing.assert_allclose(channels[..., 0], damped, rtol=2 * HALF, atol=1e-6)
    np.testing.assert_allclose(channels[..., 2], (2 / 3) ** 0.5 * damped, rtol=2 * HALF, atol=1e-6)
    np.testing.assert_allclose(channels[..., 1], (2 / 3) ** 0.5 * np.abs(damped), rtol=2 * HALF, atol=1e-6)


def strain_by_definition(density: np.ndarray, radius: float) -> np.ndarray:
    """Strain of an odd box, (N, N, N, 3, 3), by plain complex transforms; such a box has no Nyquist planes."""
    k = np.stack(np.meshgrid(*[2 * np.pi * np.fft.fftfreq(len(density))] * 3, indexing="ij"))
    squared = (k**2).sum(axis=0)
    squared[0, 0, 0] = 1
    modes = np.fft.fftn(density) * top_hat(np.sqrt(squared) * radius)
    strain = np.empty((*density.shape, 3, 3))
    for i, j in np.ndindex(3, 3):
        strain[..., i, j] = np.fft.ifftn(k[i] * k[j] / squared * modes).real
    return strain


def test_shear_and_prolateness_are_those_of_the_eigenvalues_of_the_strain():
    """Against the definition: with t the eigenvalues less their mean, |t| and 3 sqrt(6) t1 t2 t3 / |t|^2."""
    density, radius = np.random.default_rng(5).normal(size=(15,) * 3), 2.0
    eigenvalues = np.linalg.eigvalsh(strain_by_definition(density, radius))
    traceless = eigenvalues - eigenvalues.mean(axis=-1, keepdims=True)
    shear = np.linalg.norm(traceless, axis=-1)
    channels = in_physical_units(whole_box_channels(density, channel_settings([], [radius], [radius])))
    np.testing.assert_allclose(channels[..., 0], shear, rtol=2 * HALF, atol=1e-6)
    prolateness = 3 * 6**0.5 * traceless.prod(axis=-1) / shear**2
    np.testing.assert_allclose(channels[..., 1], prolateness, rtol=2 * HALF, atol=1e-5)


def test_prolateness_tells_pancakes_from_filaments():
    """Infall along one axis alone gives the shear itself, along two axes its negative."""
    phase = 2 * np.pi / 16 * np.indices((16,) * 3)
    for axes, sign in ([0], 1), ([0, 1], -1):
        density = sum(np.cos(phase[axis]) for axis in axes)
        shear, prolateness = whole_box_channels(density, channel_settings([], [2], [2]))[0, 0, 0]
        assert prolateness == pytest.approx(sign * shear, rel=2 * HALF)
        assert shear > 0.3


def test_a_spherical_perturbation_has_no_shear_at_its_centre():
    cells = 24
    squares = np.minimum(np.arange(cells), cells - np.arange(cells)) ** 2
    sphere = np.exp(-(squares[:, None, None] + squares[:, None] + squares) / 18)
    shear = whole_box_channels(sphere, channel_settings([], [2]))[..., 0]
    assert shear[0, 0, 0] < 1e-5
    assert shear[4, 0, 0] > 0.03


def test_a_uniform_density_keeps_its_value_and_has_no_shear():
    channels = in_physical_units(whole_box_channels(np.full((8, 8, 8), 0.7), channel_settings([2], [2], [2])))
    np.testing.assert_allclose(channels[..., 0], 0.7, rtol=HALF)
    assert np.abs(channels[..., 1:]).max() < 1e-6


def test_radii_that_only_average_keep_the_mean_and_damp_a_wave_each_by_its_own_window():
    """More of them than are transformed together, between others that have a shear, too."""
    cells, radii = 24, [1.5, 2.0, 3.0, 4.0, 5.0, 6.0]
    wave = np.cos(2 * np.pi / cells * 3 * np.arange(cells)) * np.ones((cells, cells, 1))
    settings = channel_settings(radii, [3.0])
    for axes in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        channels = in_physical_units(whole_box_channels(0.4 + wave.transpose(axes), settings))
        for index, radius in enumerate(radii):
            expected = 0.4 + top_hat(2 * np.pi / cells * 3 * radius) * wave.transpose(axes)
            np.testing.assert_allclose(channels[..., index], expected, atol=2e-3)


def test_channels_turn_with_the_box_under_every_symmetry_of_the_cube(density):
    channels = whole_box_channels(density, ALL)
    for symmetry in GROUPS["cube"]:
        assert_same_channels(whole_box_channels(symmetry(density), ALL), symmetry(channels))


def test_channels_move_with_the_periodic_box(density):
    shift = (5, -3, 1)
    moved = whole_box_channels(np.roll(density, shift, (0, 1, 2)), ALL)
    assert_same_channels(moved, np.roll(whole_box_channels(density, ALL), shift, (0, 1, 2)))


def test_channels_without_prolateness_keep_the_record_of_the_networks_made_before_there_was_any():
    assert set(channel_settings([2], [3]).model_dump()) == {"smoothing_cells", "shear_cells"}
    assert channel_settings([2], [3], [4]).model_dump()["prolateness_cells"] == [4]


def test_channels_of_a_simulation_come_last_in_units_of_a_collapsed_sphere_and_of_one_point(density):
    """Beside the fields themselves: ln density over that of 18 pi^2, and contraction over 3."""
    cosmology, weak = CosmologySettings(), np.float32(0.3) * density
    ends = where_particles_end(weak, Slabs(12), cosmology, ShortSimulationSettings(steps=6))
    settings = ALL.model_copy(update={"simulation": ShortSimulationSettings(steps=6)})
    channels = whole_box_channels(weak, settings, cosmology=cosmology)
    assert channels.shape == (12, 12, 12, ALL.count + 3)
    assert np.array_equal(channels[..., :-3], whole_box_channels(weak, ALL))
    for index, field in ((-3, ends.density), (-2, ends.around)):
        np.testing.assert_allclose(
            channels[..., index], np.log(field) / np.log(18 * np.pi**2), rtol=2 * HALF, atol=1e-6
        )
    np.testing.assert_allclose(channels[..., -1], ends.deformation.contraction / 3, rtol=2 * HALF, atol=1e-6)
    alone = whole_box_channels(weak, ChannelSettings(simulation={"steps": 6}), cosmology=cosmology)
    assert np.array_equal(alone, channels[..., -3:])


def test_motion_adds_the_deformation_of_cells_and_how_fast_they_contract():
    """Three channels behind the others; of a faint density all contract in proportion to it."""
    cosmology, cells = CosmologySettings(), 32
    faint = np.float32(0.003) * sum(np.cos(2 * np.pi / cells * (grid + 0.3)) for grid in np.indices((cells,) * 3))
    short = ShortSimulationSettings(motion=True)
    without = ChannelSettings(simulation=short.model_copy(update={"motion": False}))
    channels = whole_box_channels(faint, ChannelSettings(simulation=short), cosmology=cosmology).astype(float)
    assert np.array_equal(channels[..., :3], whole_box_channels(faint, without, cosmology=cosmology))
    ends = where_particles_end(faint, Slabs(cells), cosmology, short)
    np.testing.assert_allclose(channels[..., 3], np.log(ends.deformation.stretch + 0.1) / 2, atol=HALF)
    np.testing.assert_allclose(channels[..., 4], np.arcsinh(ends.deformation.volume) / 2, atol=HALF)
    # Momenta are those of half a step before the end.
    growth = Growth(cosmology)
    before = growth.first_momentum(np.sqrt(1 - (1 - short.start) / short.steps)) / growth.first_momentum(1.0)
    infall, contraction = np.sinh(2 * channels[..., 5]), ends.deformation.contraction.astype(float)
    assert (infall * contraction).sum() / (contraction**2).sum() == pytest.approx(before, rel=0.01)


def test_channels_of_motion_turn_and_move_with_the_box(density):
    """To the rounding of a simulation: the chaos of a strong density would hide a mistake."""
    settings, cosmology = ChannelSettings(simulation={"motion": True}), CosmologySettings()
    weak = np.float32(0.3) * density
    channels = whole_box_channels(weak, settings, cosmology=cosmology).astype(float)
    for change in (GROUPS["cube"][17], GROUPS["cube"][42], lambda field: np.roll(field, (5, -3, 1), (0, 1, 2))):
        turned = whole_box_channels(np.ascontiguousarray(change(weak)), settings, cosmology=cosmology)
        difference = turned.astype(float) - change(channels)
        assert np.abs(difference).max() < 0.02 * channels.std()


def test_a_simulation_needs_the_cosmology_of_its_box(density):
    with pytest.raises(SettingsError, match=r"channels\.simulation: the cosmology and the redshift of the box"):
        whole_box_channels(density, ChannelSettings(simulation={}))


def test_channels_without_a_simulation_keep_the_record_of_the_networks_made_before_there_was_any():
    assert "simulation" not in ALL.model_dump()
    plain = {"steps": 4, "start": 0.25, "around_cells": 2.5}
    assert ChannelSettings(simulation={}).model_dump()["simulation"] == plain
    assert ChannelSettings(simulation={"motion": True}).model_dump()["simulation"] == plain | {"motion": True}


def test_a_file_of_simulated_channels_is_made_with_the_cosmology_of_its_density(density, tmp_path, run_script):
    path, settings = tmp_path / "density.h5", ChannelSettings(simulation={})
    common = ("--density", path, "--settings", settings.model_dump_json(), "--channels", tmp_path / "001.h5")
    write_field(path, "density", density, FieldHeader(12.0))
    process = run_script("compute_channels", *common, check=False)
    assert process.returncode == 2
    assert "error: channels.simulation: the cosmology and the redshift of the box are needed" in process.stderr
    cosmology = CosmologySettings(redshift=1.0)
    write_field(path, "density", density, FieldHeader(12.0, 1.0, cosmology.model_dump()))
    run_script("compute_channels", *common)
    check_channels(tmp_path / "001.h5", settings, path)
    expected = whole_box_channels(density, settings, cosmology=cosmology)
    with open_hdf5(tmp_path / "001.h5") as file:
        assert np.array_equal(file["channels"][...], expected)


def test_threads_change_no_bit(density):
    assert np.array_equal(whole_box_channels(density, ALL, threads=2), whole_box_channels(density, ALL))


def test_channels_in_whole_numbers_are_those_in_floating_point_rounded_and_cut(density):
    steps = np.array([0.003, 0.001, 0.02, 0.003, 0.01, 0.002], np.float32)
    exact, whole = whole_box_channels(density, ALL), whole_box_channels(density, ALL, threads=2, steps=steps)
    assert whole.dtype == np.int8
    wanted = np.clip(exact.astype(float) / steps, -127, 127)
    assert np.abs(whole - wanted).max() < 0.5 + 127 * 2 * HALF
    assert (np.abs(whole) == 127).any()
    assert np.abs(whole).max() <= 127


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_channels_of_slabs_are_bit_for_bit_those_of_the_box(ranks, density, monkeypatch):
    monkeypatch.setattr("halonet.dataset.channels.ROUND_BYTES", 2**12)  # several rounds, the last of some ranks alone

    def work(communicator):
        slabs = Slabs(len(density), communicator)
        return whole_box_channels(density[slabs.start : slabs.stop], ALL, 1, slabs)

    assert np.array_equal(np.concatenate(on_ranks(ranks, work)[0]), whole_box_channels(density, ALL))


@pytest.mark.parametrize("steps", [None, np.full(ALL.count, 0.01, np.float32)], ids=["halves", "whole numbers"])
@pytest.mark.parametrize("value", [np.nan, 1e9])
def test_a_density_that_is_none_is_refused(density, value, steps):
    density[1, 2, 3] = value
    with pytest.raises(SettingsError, match="a linear density is needed"):
        whole_box_channels(density, ALL, steps=steps)


def test_a_radius_larger_than_half_of_the_box_is_refused(density):
    with pytest.raises(SettingsError, match=r"channels\.shear_cells = .* 6\.5 cells is larger than half .* 12 cells"):
        whole_box_channels(density, channel_settings([6], [2, 6.5]))
    with pytest.raises(SettingsError, match=r"channels\.prolateness_cells = .* 7\.0 cells is larger"):
        whole_box_channels(density, channel_settings([6], [2], [7]))
    with pytest.raises(SettingsError, match=r"channels\.simulation\.around_cells = 6\.5 is larger than half of a box"):
        whole_box_channels(density, ChannelSettings(simulation={"around_cells": 6.5}), cosmology=CosmologySettings())


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        ({"smoothing_cells": [2, 0]}, ["vnet5.channels.smoothing_cells.1 = 0", "greater than 0"]),
        ({"shear_cells": [3, 3.0]}, ["shear_cells [3.0, 3.0]", "twice"]),
        ({"tidal": [2]}, ["vnet5.channels.tidal", "no such key"]),
        ({"simulation": {"steps": 0}}, ["vnet5.channels.simulation.steps = 0", "greater than or equal to 1"]),
        ({"smoothing_cells": [300]}, ["networks.vnet5.channels.smoothing_cells = [300.0]", "512 cells"]),
    ],
)
def test_what_is_wrong_with_channels_in_the_configuration_is_named(channels, words):
    values = yaml.safe_load(PAPER.read_text())
    values["networks"]["vnet5"]["channels"] = channels
    with pytest.raises(SettingsError) as error:
        validate(Settings, values, "config")
    for word in words:
        assert word in str(error.value)


def test_a_simulation_is_refused_where_boxes_differ_in_redshift():
    values = yaml.safe_load(PAPER.read_text())
    values["networks"]["vnet5"]["channels"] = {"simulation": {}}
    values["boxes"]["cosmologies"] = {"training": [{}], "test": [{"redshift": 1.0}]}
    with pytest.raises(SettingsError, match=r"vnet5\.channels\.simulation: the boxes have \d+ cosmologies"):
        validate(Settings, values, "config")


# Files, and the samples read from them.


@pytest.fixture
def rows() -> list[Subvolume]:
    return subvolumes(cut_boxes([0, 1], [2], 16, DatasetSettings(window=8), 1), "training")


def written(ground_truth, folder, settings, make) -> BoxFiles:
    """Files of boxes whose channels are ``make(density)``."""
    for box in range(3):
        path = ground_truth / f"{box:03d}" / "density.h5"
        channels = make(read_field(path, "density"))
        write_channels(channel_file(folder, box), channels, settings, read_header(path))
    return BoxFiles(ground_truth, measure(ground_truth, [0, 1, 2], [0, 1])[0], "global", folder)


def test_channels_of_a_training_sample_are_cut_and_turned_like_its_density(ground_truth, tmp_path, rows):
    """Channels that are the density itself, and its double, must be so in every sample."""
    settings = channel_settings([1, 2])
    files = written(ground_truth, tmp_path, settings, lambda x: np.stack([x, 2 * x], -1).astype(np.float16))
    samples = TrainingSamples(files, rows, 4, "cube", 3, seed=2).between(0, 12)
    for index in range(12):
        inputs, masks = samples[index]
        assert (inputs.shape, inputs.dtype, masks.shape) == ((3, 4, 4, 4, 3), np.float32, (3, 4, 4, 4, 1))
        density = inputs[..., 0] * files.normalisation.mean_deviation
        np.testing.assert_allclose(inputs[..., 1], density, rtol=2 * HALF, atol=1e-6)
        np.testing.assert_allclose(inputs[..., 2], 2 * density, rtol=2 * HALF, atol=1e-6)


def test_samples_hold_the_windows_of_the_channels_of_the_whole_box(ground_truth, tmp_path, rows):
    files = written(ground_truth, tmp_path, ALL, lambda x: whole_box_channels(x, ALL))
    inputs, _ = ValidationSamples(files, rows)[3]
    x, y, z = rows[3].start
    whole = whole_box_channels(read_field(ground_truth / "000" / "density.h5", "density"), ALL)
    assert np.array_equal(inputs[0, ..., 1:], whole[x : x + 8, y : y + 8, z : z + 8].astype(np.float32))


def test_samples_keep_their_densities_and_masks_with_channels(ground_truth, tmp_path, rows):
    files = written(ground_truth, tmp_path, ALL, lambda x: whole_box_channels(x, ALL))
    without = BoxFiles(ground_truth, files.normalisation, "global")
    beside, alone = (TrainingSamples(each, rows, 4, "cube", 2, seed=7).between(0, 5) for each in (files, without))
    for one, other in zip(beside, alone, strict=True):
        assert np.array_equal(one[0][..., :1], other[0])
        assert np.array_equal(one[1], other[1])


def test_a_file_of_channels_says_what_it_holds_and_from_what(ground_truth, tmp_path, run_script):
    density, path = ground_truth / "001" / "density.h5", tmp_path / "channels" / "001.h5"
    run_script("compute_channels", "--density", density, "--settings", ALL.model_dump_json(), "--channels", path)
    check_channels(path, ALL, density)
    header = read_header(path)
    assert header.provenance["settings"] == ALL.model_dump()
    assert header.provenance["density"] == read_header(density).provenance
    assert [each.name for each in path.parent.iterdir()] == ["001.h5"]


def test_channels_of_other_settings_or_another_density_are_refused_by_file(ground_truth, tmp_path):
    density, path = ground_truth / "000" / "density.h5", tmp_path / "000.h5"
    channels = np.zeros((16, 16, 16, ALL.count), np.float16)
    write_channels(path, channels, ALL, FieldHeader(16.0))
    check_channels(path, ALL, density)
    with pytest.raises(SettingsError, match=r"000\.h5 holds the channels .* the network needs"):
        check_channels(path, channel_settings([1.5, 3], [1, 2]), density)
    write_channels(path, channels, ALL, FieldHeader(16.0, provenance={"seed": 1}))
    with pytest.raises(SettingsError, match=r"000\.h5: these are not the channels of .*density\.h5"):
        check_channels(path, ALL, density)
    with pytest.raises(StorageError, match=r"density\.h5: no channels"):
        check_channels(density, ALL, density)


def test_a_call_without_any_channel_is_one_clear_line(ground_truth, tmp_path, run_script):
    density = ground_truth / "000" / "density.h5"
    process = run_script(
        "compute_channels", "--density", density, "--settings", "{}", "--channels", tmp_path / "c.h5", check=False
    )
    assert process.returncode == 2
    expected = "error: --settings: no channels; give smoothing_cells, shear_cells, prolateness_cells or simulation"
    assert expected in process.stderr
    assert not list(tmp_path.iterdir())
