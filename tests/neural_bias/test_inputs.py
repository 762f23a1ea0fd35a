from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from halonet.grid.slabs import Slabs
from halonet.initial_conditions.displacement import first_order_displacement
from halonet.neural_bias.bias_fit import make_problem, make_voxels
from halonet.neural_bias.draws import draw_haloes, positions_in
from halonet.neural_bias.evolution import assign_clouds, displacement, evolved_density, resample, voxel_of
from halonet.neural_bias.inputs import (
    Haloes,
    Inputs,
    check_haloes,
    evolve,
    read_evolved,
    read_inputs,
    read_pipeline_haloes,
    read_table,
    write_inputs,
)
from halonet.settings import CosmologySettings, NeuralBiasSettings, SettingsError, validate
from halonet.storage import FieldHeader, StorageError, write_field

BOX = 40.0
COSMOLOGY = CosmologySettings()


def waves(cells, box=BOX, shift=0.0):
    """A few long waves, sampled at the cells' centres."""
    x, y, z = np.meshgrid(*[(np.arange(cells) + 0.5) / cells * 2 * np.pi + shift] * 3, indexing="ij")
    return 0.3 * np.cos(x + 0.3) + 0.2 * np.sin(2 * y - z) + 0.1 * np.cos(x - 3 * z + 1)


def test_resampling_keeps_a_band_limited_field_at_the_new_cell_centres():
    np.testing.assert_allclose(resample(waves(48), 8), waves(8), atol=1e-12)
    np.testing.assert_allclose(resample(waves(8), 32), waves(32), atol=1e-12)


def test_second_order_leaves_a_plane_wave_as_first_order_moves_it():
    wave = 0.2 * np.cos(2 * np.pi * (np.arange(16) + 0.5) / 16)[:, None, None] * np.ones((16, 16, 16))
    first, second = (displacement(wave, BOX, COSMOLOGY, order) for order in (1, 2))
    assert np.abs(first[0]).max() > 0.1
    np.testing.assert_allclose(second, first, atol=1e-6)


def test_first_order_is_the_displacement_of_the_ground_floor():
    slabs = Slabs(16)
    modes = slabs.forward(waves(16).astype(np.float32))
    for axis in range(3):
        expected = first_order_displacement(modes, slabs, BOX / 16, axis)
        np.testing.assert_allclose(displacement(waves(16), BOX, COSMOLOGY, 1)[axis], expected, atol=1e-6)


def test_an_evolved_density_keeps_the_mass_and_leaves_no_voxel_empty():
    rng = np.random.default_rng(1)
    linear = rng.standard_normal((24, 24, 24))
    density = evolved_density(displacement(linear, 80.0, COSMOLOGY), 80.0)
    assert density.mean() == pytest.approx(1, abs=1e-6)
    assert density.min() > 0


def test_a_long_faint_wave_evolves_to_itself():
    linear = 0.02 * np.cos(2 * np.pi * (np.arange(32) + 0.5) / 32)[:, None, None] * np.ones((32, 32, 32))
    density = evolved_density(displacement(linear, BOX, COSMOLOGY, 1), BOX)
    np.testing.assert_allclose(density - 1, linear, atol=1.5e-3)


def test_a_particle_at_a_voxels_centre_and_a_halo_there_are_in_the_same_voxel():
    cell = BOX / 8
    for node in ((0, 0, 0), (7, 3, 5)):
        place = (np.array(node) + 0.5) * cell
        counts = assign_clouds(place[:, None], 8, BOX)
        assert counts[node] == pytest.approx(1)
        for offset in (-0.49, 0.0, 0.49):
            halo = (place + offset * cell)[None]
            assert voxel_of(halo, 8, BOX)[0] == counts.argmax()


def test_an_order_of_perturbation_theory_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="order 3"):
        displacement(waves(8), BOX, COSMOLOGY, 3)


def halo_table(**changes):
    rng = np.random.default_rng(0)
    table = {"positions": rng.uniform(0, BOX, (50, 3)), "mass": 1e13 * rng.uniform(1, 20, 50)}
    return Haloes(**(table | changes))


BAD = {
    "there are no haloes": {"positions": np.zeros((0, 3)), "mass": np.zeros(0)},
    "1 of 50 haloes have a mass that is not a finite": {"mass": np.r_[np.nan, np.full(49, 1e13)]},
    "1 of 50 haloes have a position that is not a finite": {"positions": np.r_[[[np.inf, 1, 1]], np.ones((49, 3))]},
    "50 of 50 haloes lie outside the box .* unit of length": {"positions": np.full((50, 3), 1000.0)},
    "masses range from 13 to 13 Msun.*logarithms|none of 50 haloes reaches": {"mass": np.full(50, 13.0)},
    "masses range from 1e.18": {"mass": np.full(50, 1e18)},
    "masses range from -1": {"mass": np.full(50, -1.0)},
    "1 of 50 haloes lie outside the range of masses": {"mass": np.r_[5e12, np.full(49, 1e13)]},
    "none of 50 haloes reaches minimum_mass_msun = 1e.13": {"mass": np.full(50, 5e12)},
}


@pytest.mark.parametrize("message", BAD)
def test_a_catalogue_that_cannot_be_right_is_refused_with_the_reason(message):
    with pytest.raises(StorageError, match=message):
        check_haloes(halo_table(**BAD[message]), BOX, 1e13, None, "mine.csv")


def test_haloes_outside_the_range_of_masses_are_left_out_where_that_is_allowed():
    haloes = halo_table(mass=np.geomspace(1e12, 1e15, 50))
    kept = check_haloes(haloes, BOX, 1e13, 1e14, "mine.csv", drop=True)
    assert 0 < len(kept) < 50
    assert kept.mass.min() >= 1e13
    assert kept.mass.max() < 1e14


@pytest.mark.parametrize("suffix", [".csv", ".h5"])
def test_a_users_table_is_converted_from_its_declared_units(tmp_path, suffix):
    path, columns = tmp_path / f"haloes{suffix}", {"x": [7.0], "y": [14.0], "z": [21.0], "mass": [7e12]}
    if suffix == ".csv":
        path.write_text("x,y,z,mass\n7,14,21,7e12\n")
    else:
        with h5py.File(path, "w") as file:
            for name, values in columns.items():
                file[name] = values
    haloes = read_table(path, "Mpc/h", "Msun/h", 0.7)
    np.testing.assert_allclose(haloes.positions, [[10, 20, 30]])
    np.testing.assert_allclose(haloes.mass, [1e13])
    np.testing.assert_allclose(read_table(path, "Mpc", "Msun", 0.7).mass, [7e12])


def test_a_table_with_unknown_units_missing_or_wrong_columns_is_refused(tmp_path):
    path = tmp_path / "haloes.csv"
    path.write_text("x,y,mass\n1,2,3\n")
    with pytest.raises(StorageError, match="unit 'kpc' is none of Mpc, Mpc/h"):
        read_table(path, "kpc", "Msun", 0.7)
    with pytest.raises(StorageError, match="columns z are missing"):
        read_table(path, "Mpc", "Msun", 0.7)
    path.write_text("x,y,z,mass\n1,2,3,heavy\n")
    with pytest.raises(StorageError, match="must be numbers"):
        read_table(path, "Mpc", "Msun", 0.7)
    with pytest.raises(StorageError, match="cannot be read"):
        read_table(tmp_path / "absent.csv", "Mpc", "Msun", 0.7)


def test_a_catalogue_without_eulerian_positions_is_refused(tmp_path):
    from halonet.catalogue import REQUIRED, HaloCatalogue, write_catalogue

    columns = {name: np.ones(3) for name in REQUIRED}
    write_catalogue(tmp_path / "haloes.h5", HaloCatalogue(columns, FieldHeader(BOX), 8))
    with pytest.raises(StorageError, match="Eulerian columns"):
        read_pipeline_haloes(tmp_path / "haloes.h5")


def test_a_users_field_must_fit_the_grid_and_be_a_density(tmp_path):
    path, settings = tmp_path / "density.h5", NeuralBiasSettings(cells=8)
    write_field(path, "density", np.zeros((16, 16, 16), np.float32), FieldHeader(BOX))
    with pytest.raises(StorageError, match="16 cells along a side"):
        read_evolved(path, settings)
    write_field(path, "density", np.full((8, 8, 8), -1.5, np.float32), FieldHeader(BOX))
    with pytest.raises(StorageError, match="nowhere below -1"):
        read_evolved(path, settings)


def test_a_box_is_evolved_and_its_data_survive_the_file(tmp_path):
    write_field(tmp_path / "density.h5", "density", waves(16).astype(np.float32), FieldHeader(BOX, 0.0))
    fields = evolve(tmp_path / "density.h5", NeuralBiasSettings(cells=8), COSMOLOGY)
    assert fields["density"].shape == (8, 8, 8)
    inputs = Inputs(haloes=halo_table(), minimum_mass=1e13, **fields)
    write_inputs(tmp_path / "inputs.h5", inputs, {})
    back = read_inputs(tmp_path / "inputs.h5")
    np.testing.assert_allclose(back.density, inputs.density, rtol=1e-6)
    np.testing.assert_array_equal(back.log_mass, inputs.log_mass)
    assert (back.box_size, back.minimum_mass, back.maximum_mass) == (BOX, 1e13, None)
    with pytest.raises(StorageError, match="are missing from a fit's data"):
        read_inputs(tmp_path / "density.h5")


def small_inputs(**changes):
    return Inputs(
        **({"density": np.exp(waves(8)), "haloes": halo_table(), "box_size": BOX, "minimum_mass": 1e13} | changes)
    )


def test_masked_voxels_count_neither_in_the_integral_nor_in_the_catalogue():
    completeness = np.ones((8, 8, 8))
    completeness[:4] = 0.0
    completeness[4] = 0.5
    inputs = small_inputs(completeness=completeness)
    voxels = make_voxels(inputs, 0)
    assert voxels.volumes.sum() == pytest.approx(BOX**3 * 3.5 / 8)
    assert len(voxels.haloes) == (inputs.haloes.positions[:, 0] >= BOX / 2).sum()
    with pytest.raises(ValueError, match="no halo lies in a voxel that counts"):
        make_voxels(small_inputs(completeness=np.zeros((8, 8, 8))), 0)
    with pytest.raises(ValueError, match="values from 0 to 1"):
        make_voxels(small_inputs(completeness=np.full((8, 8, 8), 2.0)), 0)


def test_a_cut_out_drops_voxels_and_haloes_at_its_faces_alike():
    inputs = small_inputs()
    voxels = make_voxels(inputs, 1)
    inside = ((inputs.haloes.positions >= BOX / 8) & (inputs.haloes.positions < BOX * 7 / 8)).all(axis=1)
    assert voxels.side == 6
    assert voxels.volumes.shape == voxels.density.shape == (216,)
    assert len(voxels.haloes) == inside.sum()
    first = np.array(np.unravel_index(voxels.haloes[0], (6, 6, 6))) + 1
    np.testing.assert_array_equal(first, np.floor(inputs.haloes.positions[inside][0] / (BOX / 8)))


def test_a_fit_is_put_together_from_settings():
    problem = make_problem(small_inputs(), NeuralBiasSettings(cells=8, minimum_mass_msun=1e13))
    assert problem.model.parameters == 17
    assert problem.points().features.shape == (4, 512)
    paper = {"engine": {"offsets": "paper", "mean_gap": "relu", "minimum_width": 0.0, "boundary": "valid"}}
    settings = validate(NeuralBiasSettings, paper | {"cells": 8, "minimum_mass_msun": 1e13}, "test")
    problem = make_problem(small_inputs(), settings)
    assert problem.points().features.shape == (4, 216)
    assert problem.model.offsets.rows[0] == pytest.approx(np.log(1e-3))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"engine": {"layers": [{"kernel": 4}]}}, "must be odd"),
        ({"engine": {"layers": [{"ell": [0, 1], "filters": [1]}]}}, "one number for each"),
        ({"maximum_mass_msun": 1e12}, "must exceed minimum_mass_msun"),
        ({"cell": 64}, "there is no such key"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(values, message):
    with pytest.raises(SettingsError, match=message):
        validate(NeuralBiasSettings, values, "test")


def parts(amplitude, mean, width, voxels):
    return [np.repeat(np.array(values, float)[:, None], voxels, axis=1) for values in (amplitude, mean, width)]


def test_the_mean_of_many_draws_is_the_integral_of_the_mass_function():
    from halonet.neural_bias.offsets import integral

    rng, volumes = np.random.default_rng(0), np.linspace(0, 60, 500)
    mixture = parts([1e-3, 5e-4], [-1.0, 0.8], [1.0, 0.4], 500)
    expected = (volumes * integral(*mixture)).sum()
    counts = [len(draw_haloes(mixture, volumes, rng).voxels) for _ in range(1000)]
    assert abs(np.mean(counts) - expected) < 4 * (expected / 1000) ** 0.5
    assert np.var(counts) == pytest.approx(expected, rel=0.2)


@pytest.mark.parametrize(("mean", "width"), [(0.3, 1.0), (-8.0, 0.9), (-25.0, 1.0), (3.0, 0.3)])
@pytest.mark.parametrize("largest", [None, 1.5])
def test_drawn_masses_follow_the_mass_function(mean, width, largest):
    from scipy import special, stats

    peak, top = mean + width**2, np.inf if largest is None else largest
    above = special.ndtr(peak / width) - special.ndtr((peak - top) / width)
    amplitude = 4000 / (np.exp(width**2 / 2) * above)
    drawn = draw_haloes(parts([amplitude], [mean], [width], 1), np.ones(1), np.random.default_rng(1), largest)
    assert 3600 < len(drawn.log_mass) < 4400
    assert drawn.log_mass.min() >= 0
    if largest is not None:
        assert drawn.log_mass.max() <= largest + 1e-9

    def cumulative(u):
        # In the far tail, relative to the probability to exceed the threshold.
        tail = special.log_ndtr((peak - u) / width) - special.log_ndtr(peak / width)
        cut = (
            0.0 if largest is None else np.exp(special.log_ndtr((peak - top) / width) - special.log_ndtr(peak / width))
        )
        return (1 - np.exp(tail)) / (1 - cut)

    assert stats.kstest(drawn.log_mass, cumulative).pvalue > 0.01


def test_drawn_positions_lie_in_their_voxels():
    rng = np.random.default_rng(0)
    voxels = rng.integers(0, 512, 1000)
    positions = positions_in(voxels, 8, BOX, rng)
    np.testing.assert_array_equal(voxel_of(positions, 8, BOX), voxels)
    assert positions.max() < BOX


def test_nothing_is_drawn_where_the_catalogue_is_masked():
    volumes = np.r_[np.zeros(50), np.full(50, 10.0)]
    drawn = draw_haloes(parts([1.0], [0.0], [1.0], 100), volumes, np.random.default_rng(0))
    assert len(drawn.voxels)
    assert drawn.voxels.min() >= 50


def test_a_grid_smaller_than_the_receptive_field_is_refused():
    inputs = SimpleNamespace(cells=2)
    with pytest.raises(ValueError, match="too small"):
        make_voxels(inputs, 1)
