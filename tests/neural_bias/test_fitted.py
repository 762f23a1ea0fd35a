import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from halonet.initial_conditions.density import linear_density
from halonet.mocks.by_neural_bias import NeuralBiasMock
from halonet.mocks.request import MockRequest
from halonet.neural_bias.constants import Offsets
from halonet.neural_bias.evolution import assign_clouds, carried, displaced_lattice
from halonet.neural_bias.fitted import FittedBias, read_fitted, write_fitted
from halonet.neural_bias.model import NeuralBiasModel
from halonet.settings import CosmologySettings, NeuralBiasSettings, SettingsError
from halonet.storage import FieldHeader, StorageError

ROOT = Path(__file__).parents[2]
VOXEL, CELLS = 6.0, 12
COSMOLOGY = CosmologySettings()
ROWS = np.array([-7.5, -9.0, -2.5, 2.0, 1.0, -0.5])


def fitted_model(**engine):
    """A model of many haloes where it is dense, with two samples that differ."""
    settings = NeuralBiasSettings(minimum_mass_msun=2e12, engine=engine)
    model = NeuralBiasModel(carried=len(settings.engine.carried_mpc))
    offsets = Offsets(ROWS, np.zeros(4 + model.carried), np.log(2))
    blocks = {name: np.zeros(shape) for name, shape in model.shapes.items()}
    blocks["layer0.l0"][0, 0], blocks["amplitude.weights"][0] = 1.5, 2.0
    theta = np.concatenate([block.ravel() for block in blocks.values()])
    return FittedBias(settings, offsets, np.stack([theta, 0.9 * theta]), VOXEL, COSMOLOGY)


@pytest.fixture(scope="module")
def density():
    from halonet.grid.slabs import Slabs
    from halonet.kept_spectra import kept_power_spectrum

    return linear_density(Slabs(CELLS), 5, CELLS * VOXEL, *kept_power_spectrum(COSMOLOGY), COSMOLOGY)


@pytest.fixture
def header():
    return FieldHeader(CELLS * VOXEL, 0.0, COSMOLOGY.model_dump(), 5)


def test_a_model_in_a_file_draws_the_haloes_that_it_drew_in_memory(tmp_path, density, header):
    fitted = fitted_model(carried_mpc=[6.0, 12.0])
    write_fitted(tmp_path / "model.json", fitted, {})
    back = read_fitted(tmp_path / "model.json")
    one, other = (each.draw(density, header, np.random.default_rng(3)) for each in (fitted, back))
    assert len(one) > 50
    for name in one.columns:
        np.testing.assert_array_equal(one[name], other[name])
    assert {"x", "qx", "vx", "mass"} <= set(one.columns)
    assert one["mass"].min() >= 2e12


def test_a_model_draws_more_haloes_where_it_is_denser(density, header):
    drawn = fitted_model().draw(density, header, np.random.default_rng(0))
    from halonet.neural_bias.evolution import displacement, evolved_density, voxel_of

    evolved = evolved_density(displacement(density, header.box_size_mpc, COSMOLOGY), header.box_size_mpc)
    at_haloes = evolved.ravel()[voxel_of(drawn.positions(("x", "y", "z")), CELLS, header.box_size_mpc)]
    assert at_haloes.mean() > 1.5


def test_a_finer_density_is_cut_to_the_voxels_of_the_fit(density, header):
    from halonet.neural_bias.evolution import resample

    fine = resample(density, 2 * CELLS)
    coarse = resample(fine, CELLS)  # without the modes at the Nyquist frequency, which no finer grid has
    drawn = [fitted_model().draw(field, header, np.random.default_rng(0)) for field in (fine, coarse)]
    np.testing.assert_allclose(drawn[0]["x"], drawn[1]["x"], atol=1e-3)


def test_a_box_that_is_no_whole_number_of_voxels_is_refused_with_one_that_is():
    assert fitted_model().cells_of(384.0) == 64
    with pytest.raises(StorageError, match=r"a box of 100 Mpc has 16.67 voxels of 6 Mpc .* 102 Mpc would do"):
        fitted_model().cells_of(100.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values | {"format": "other"}, "no fitted neural bias model; summarise_neural_bias.py"),
        (lambda values: values | {"samples": [[0.0] * 16]}, r"samples of shape \(1, 16\); 17 finite numbers"),
        (lambda values: values | {"samples": [[float("nan")] * 17]}, "17 finite numbers are one sample"),
        (lambda values: {name: values[name] for name in values if name != "offsets"}, "damaged .*offsets"),
        (lambda values: [1, 2], "no fitted neural bias model"),
        (lambda values: values | {"voxel_mpc": 0}, "damaged .*voxel_mpc: 0.0 is out of range"),
        (lambda values: values | {"voxel_mpc": float("nan")}, "damaged .*nan is no finite number"),
        (lambda values: values | {"voxel_mpc": True}, "damaged .*True is no number"),
        (
            lambda values: values | {"offsets": values["offsets"] | {"summary": float("inf")}},
            "summary: inf is no",
        ),
        (
            lambda values: values | {"offsets": values["offsets"] | {"rows": [float("nan")] * 6}},
            "rows: nan is no",
        ),
        (lambda values: values | {"offsets": values["offsets"] | {"rows": [1.0, 2.0]}}, "offsets .* are of another"),
        (lambda values: values | {"cosmology": {"h": 0.7}}, "damaged .*cosmology without omega_b, omega_cdm"),
        (lambda values: values | {"settings": None}, "damaged neural bias model"),
    ],
)
def test_a_file_that_is_no_model_is_refused_by_what_is_wrong_with_it(tmp_path, change, message):
    path = tmp_path / "model.json"
    write_fitted(path, fitted_model(), {})
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(StorageError, match=message):
        read_fitted(path)


def test_a_density_of_fewer_cells_than_the_model_has_voxels_is_refused(density):
    header = FieldHeader(2 * CELLS * VOXEL, 0.0, COSMOLOGY.model_dump(), 5)
    with pytest.raises(StorageError, match=r"a density of 12 cells .* model sees 24 voxels of 6 Mpc; 24 cells or"):
        fitted_model().draw(density, header, np.random.default_rng(0))


def test_a_model_that_gives_a_number_of_haloes_that_no_mass_function_has_makes_no_mock(tmp_path):
    fitted = fitted_model()
    request, path = MockRequest(seed=7, cells=CELLS), tmp_path / "model.json"
    for shift, words in (
        (-6.0, "haloes above 2e.12 Msun: .* where the mass function has"),
        (800.0, "gives 3.*e.08 haloes; its"),
    ):
        rows = fitted.offsets.rows + np.array([shift] * 2 + [0.0] * 4)
        write_fitted(path, replace(fitted, offsets=replace(fitted.offsets, rows=rows)), {})
        with pytest.raises(ValueError, match=words):
            NeuralBiasMock(request, path).make()


def test_a_mock_is_drawn_from_its_seed_alone_and_another_cosmology_is_refused(tmp_path):
    write_fitted(tmp_path / "model.json", fitted_model(), {})
    request = MockRequest(seed=7, cells=CELLS)
    first, again, other = (
        NeuralBiasMock(each, tmp_path / "model.json").make() for each in (request, request, replace(request, seed=8))
    )
    np.testing.assert_array_equal(first["mass"], again["mass"])
    assert first.box_size_mpc == CELLS * VOXEL
    assert len(first) != len(other) or (first["mass"] != other["mass"]).any()
    changed = replace(request, cosmology=CosmologySettings(sigma8=0.9))
    with pytest.raises(SettingsError, match=r"sigma8 = 0.9 \(fit: 0.8\); --outside-validity"):
        NeuralBiasMock(changed, tmp_path / "model.json").make()
    assert len(NeuralBiasMock(replace(changed, outside_validity=True), tmp_path / "model.json").make()) > 0


def test_matter_that_moves_by_whole_cells_brings_its_linear_density_along(density):
    moved = np.zeros((3, CELLS, CELLS, CELLS), np.float32)
    moved[1] = 2 * VOXEL
    still = carried(density, np.zeros_like(moved), CELLS * VOXEL, [6.0, 12.0])
    gone = carried(density, moved, CELLS * VOXEL, [6.0, 12.0])
    np.testing.assert_allclose(gone, np.roll(still, 2, axis=2), atol=1e-6)
    assert still[0].std() > still[1].std()


def test_what_is_carried_adds_up_to_what_all_matter_had(density):
    from halonet.neural_bias.evolution import displacement

    box = CELLS * VOXEL
    moved = displacement(density, box, COSMOLOGY)
    fields = carried(density, moved, box, [6.0])
    matter = assign_clouds(displaced_lattice(moved, box), CELLS, box)
    assert (fields[0] * matter).mean() == pytest.approx(0, abs=1e-3)  # the linear density's own mean
    # Haloes form where the matter came from dense places: what is carried and what has become of it go together.
    assert np.corrcoef(fields[0].ravel(), np.log(matter.ravel() + 0.1))[0, 1] > 0.5


def test_a_wave_is_smoothed_by_its_gaussian():
    box, cells, length = 96.0, 16, 9.0
    wave = np.cos(2 * np.pi * (np.arange(cells) + 0.5) / cells)[:, None, None] * np.ones((cells,) * 3)
    field = carried(wave, np.zeros((3, cells, cells, cells), np.float32), box, [length])[0]
    window = np.exp(-((2 * np.pi / box * length) ** 2) / 2) * np.cos(np.pi / cells / 2) * 0.97  # and clouds in cells
    assert np.polyfit(wave.ravel(), field.ravel(), 1)[0] == pytest.approx(window, rel=0.04)


def test_the_shipped_model_draws_as_many_haloes_as_the_simulations_have():
    held = json.loads((ROOT / "benchmarks" / "results" / "bias_models.json").read_text())["haloes"]
    drawn = NeuralBiasMock(MockRequest(seed=1, cells=24)).make()
    assert drawn.box_size_mpc == 144.0
    expected = sum(held.values()) / 2 * (144 / 384) ** 3
    assert len(drawn) == pytest.approx(expected, rel=0.3)  # so small a box has a tenth more or fewer
    assert drawn["mass"].min() >= 3.4e12


@pytest.mark.parametrize("more", [{"dense": [4]}, {"layers": [{"kernel": 3}, {"kernel": 3}]}])
@pytest.mark.parametrize("outputs", [{"carried_mpc": [6.0]}, {"degree": 2}])
def test_outputs_that_need_an_engine_of_one_layer_are_refused_in_the_settings(more, outputs):
    with pytest.raises(ValueError, match="are for an engine of one layer without dense layers; this one has"):
        NeuralBiasSettings(engine=more | outputs)
