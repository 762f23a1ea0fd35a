import json
from dataclasses import replace

import h5py
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from halonet.catalogue import read_catalogue, write_catalogue
from halonet.neural_bias.baselines import fit_global, fit_power_law
from halonet.neural_bias.bias_fit import Problem, elsewhere, embedded, make_problem, with_kernel
from halonet.neural_bias.catalogues import draw_catalogue
from halonet.neural_bias.clustering import measure_clustering, posterior_predictive
from halonet.neural_bias.constants import Offsets
from halonet.neural_bias.counts import expected_counts, make_bins, mass_functions
from halonet.neural_bias.coverage import covered_fraction
from halonet.neural_bias.draws import draw_from, positions_in
from halonet.neural_bias.evolution import displacement, evolved_density, resample, voxel_of
from halonet.neural_bias.inputs import Haloes, Inputs
from halonet.neural_bias.likelihood import Posterior
from halonet.neural_bias.model import NeuralBiasModel
from halonet.neural_bias.offsets import integral
from halonet.neural_bias.positions import Matter, place_haloes
from halonet.neural_bias.predictive import predictive_density
from halonet.neural_bias.results import multipole_response, read_samples, summarise, write_arrays
from halonet.neural_bias.run_chain import run_chain
from halonet.sampling.chain import write_chain
from halonet.sampling.hamiltonian import Metric, leapfrog
from halonet.sampling.maximum import Optimum
from halonet.settings import CosmologySettings, NeuralBiasSettings, SamplerSettings
from halonet.storage import StorageError

CELLS, BOX, THRESHOLD = 16, 100.0, 1e12
COSMOLOGY = CosmologySettings()
TRUTH = np.array([0.5, 0.05, 0.01, 0.005, 0.0, 1.4, 1.2, 0.0, 0.0, 0.5, 0.2, 0.0, 0.0, 0.1, 0.05, 0.0, 0.0])


@pytest.fixture(scope="module")
def inputs():
    """About a thousand haloes drawn from the model on an evolved density."""
    rng = np.random.default_rng(5)
    linear = 1.2 * rng.standard_normal((CELLS,) * 3)
    moved = displacement(linear, BOX, COSMOLOGY)
    density = evolved_density(moved, BOX)
    model = NeuralBiasModel()
    features = model.features(tf.constant(np.log(density + 0.01)))
    rows = np.array([-7.0, -8.5, -2.5, 2.0, 1.0, -0.5])
    model = model.with_offsets(Offsets(rows, features.numpy().mean(axis=1), np.log(2)))
    drawn = draw_from(model, TRUTH, features, np.full(CELLS**3, (BOX / CELLS) ** 3), rng)
    haloes = Haloes(positions_in(drawn.voxels, CELLS, BOX, rng), THRESHOLD * np.exp(drawn.log_mass))
    assert 500 < len(haloes) < 3000
    return Inputs(density, haloes, BOX, THRESHOLD, linear=linear, moved=moved)


@pytest.fixture(scope="module")
def settings():
    sampler = SamplerSettings(chains=2, warmup=60, samples=60, guide_points=None, checkpoint_interval=40, most_steps=16)
    return NeuralBiasSettings(
        cells=CELLS, minimum_mass_msun=THRESHOLD, sampler=sampler, ablation_kernels=[1, 3], precision="float64"
    )


@pytest.fixture(scope="module")
def problem(inputs, settings):
    return make_problem(inputs, settings)


@pytest.fixture(scope="module", autouse=True)
def short_searches():
    """Maxima of this mock are found from three starts as well as from eight, in a third of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("halonet.neural_bias.bias_fit.STARTS", 3)
        patch.setattr("halonet.neural_bias.bias_fit.FINALISTS", 1)
        yield


@pytest.fixture(scope="module")
def chains(problem, tmp_path_factory):
    """Files of two short chains; both begin at the maximum that the first one has searched."""
    folder, paths, found = tmp_path_factory.mktemp("chains"), [], problem.optimum(1, 0)
    for index in range(2):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Problem, "optimum", lambda self, seed, index: found)
            chain, theta = run_chain(problem, 1, index)
        paths.append(folder / f"chain_{index}.h5")
        write_chain(paths[-1], chain, problem.model.names(), {}, {"parameters": theta})
    return paths


@pytest.fixture(scope="module")
def result(inputs, settings, chains):
    return summarise(inputs, settings, chains, seed=1)


def test_the_counts_a_mock_was_drawn_with_are_recovered(result):
    summary, _ = result
    assert np.shape(summary["counts"]["pull"]) == (4, 3)
    assert np.abs(summary["counts"]["pull"]).max() < 4
    assert np.sum(summary["counts"]["found"]) == summary["haloes"]
    assert np.sum(summary["counts"]["expected"]) == pytest.approx(summary["haloes"], rel=0.1)


def test_models_are_ordered_as_their_freedom_and_the_truth_say(result):
    models = {model["model"]: model for model in result[0]["models"]}
    gain = models["engine, kernel 3"]["log_likelihood"] - models["global mass function"]["log_likelihood"]
    assert gain > 50
    assert models["engine, kernel 3"]["log_likelihood"] > models["local engine, kernel 1"]["log_likelihood"]
    assert models["engine, kernel 3"]["bic"] < models["truncated power law"]["bic"]
    assert [model["parameters"] for model in models.values()] == [6, 10, 14, 17]


def test_a_larger_kernel_holds_every_smaller_one(inputs, settings):
    small, large = (make_problem(inputs, with_kernel(settings, kernel)) for kernel in (3, 5))
    theta = embedded(TRUTH, small.model, large.model)
    assert [len(theta), np.count_nonzero(theta)] == [23, np.count_nonzero(TRUTH)]
    values = [float(p.likelihood(t, p.points("float64"))) for p, t in ((small, TRUTH), (large, theta))]
    assert values[0] == pytest.approx(values[1], rel=1e-10)


def test_a_summary_is_json_and_its_arrays_are_kept(result, tmp_path):
    summary, arrays = result
    json.dumps(summary)
    write_arrays(tmp_path / "arrays.h5", arrays, {})
    with h5py.File(tmp_path / "arrays.h5") as file:
        assert file["summary"].shape == file["halo_density"].shape == (CELLS,) * 3


def test_unclustered_haloes_have_the_shot_noise_of_clouds_in_cells():
    """Jing (2005), Eq. 20: clouds in cells leave the shot noise V / N times the product of 1 - 2/3 sin^2(k h / 2)."""
    rng = np.random.default_rng(0)
    found = [measure_clustering(rng.uniform(0, BOX, (5000, 3)), CELLS, BOX) for _ in range(30)]
    numbers = np.fft.fftfreq(CELLS, 1 / CELLS)
    damping = 1 - 2 / 3 * np.sin(np.pi * numbers / CELLS) ** 2
    damping = damping[:, None, None] * damping[None, :, None] * damping[None, None]
    shell = np.rint(np.sqrt(sum(np.square(n) for n in np.meshgrid(*3 * [numbers])))).astype(int)
    expected = BOX**3 / 5000 * np.array([damping[shell == each].mean() for each in range(1, CELLS // 2)])
    power = np.mean([each.power for each in found], axis=0)
    np.testing.assert_allclose(power[:1], expected[:1], rtol=0.2)
    np.testing.assert_allclose(power[1:], expected[1:], rtol=0.1)
    for each in found:
        assert each.occupation.sum() == CELLS**3
        assert each.occupation @ np.arange(len(each.occupation)) == 5000


def dispersion(occupation):
    """Variance of the counts in cells over their mean."""
    numbers = np.arange(occupation.shape[-1])
    mean = occupation @ numbers / CELLS**3
    return (occupation @ numbers**2 / CELLS**3 - mean**2) / mean


def test_drawn_catalogues_cluster_as_the_mock_they_were_fitted_to(result):
    summary, arrays = result
    power, found = arrays["predictive/power"], arrays["predictive/found_power"]
    assert power.shape == (60, len(found))
    assert summary["predictive_coverage"] >= 0.7
    # Haloes without clustering would crowd into voxels as Poisson numbers do, 1 +- 0.02, and the coverage say nothing.
    crowding, drawn = (dispersion(arrays[f"predictive/{name}"]) for name in ("found_occupation", "occupation"))
    assert crowding > 1.05
    assert drawn.mean() > 1.03
    assert abs(crowding - drawn.mean()) < 3 * drawn.std()
    assert arrays["predictive/found_occupation"].sum() == CELLS**3
    assert (arrays["predictive/occupation"].sum(axis=1) == CELLS**3).all()


def test_masked_haloes_are_no_part_of_the_predicted_clustering(problem, inputs):
    volumes = problem.voxels.volumes.copy()
    volumes[: CELLS**3 // 2] = 0.0
    masked = replace(problem, voxels=replace(problem.voxels, volumes=volumes))
    arrays = posterior_predictive(masked, inputs, TRUTH[None], np.random.default_rng(0))
    numbers = np.arange(len(arrays["found_occupation"]))
    assert arrays["found_occupation"] @ numbers == (inputs.haloes.positions[:, 0] >= BOX / 2).sum()
    assert abs(arrays["occupation"][0] @ numbers - arrays["found_occupation"] @ numbers) < 150


def test_the_compiled_trajectory_is_the_leapfrog_itself(problem):
    posterior, rng = problem.posterior(), np.random.default_rng(0)
    phi = problem.coordinates.phi(TRUTH)
    momentum, metric = rng.standard_normal(17), Metric(1e-4 * np.eye(17))
    gradient = posterior.gradient(phi)
    before = posterior.gradients
    compiled = posterior.leapfrog(phi, momentum, gradient, metric, 0.05, 7)
    assert posterior.gradients == before + 7
    plain = leapfrog(phi, momentum, gradient, posterior.gradient, metric.velocity, 0.05, 7)
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-8)


def test_a_killed_fit_goes_on_to_the_same_bits(problem, tmp_path, monkeypatch):
    # The search of its start takes most of the time of so short a chain, and has nothing to go on from.
    monkeypatch.setattr(Problem, "optimum", lambda self, seed, index: (self.coordinates.phi(TRUTH), 1e-4 * np.eye(17)))
    sampler = problem.settings.sampler.model_copy(update={"warmup": 40, "samples": 40, "checkpoint_interval": 15})
    short = replace(problem, settings=problem.settings.model_copy(update={"sampler": sampler}))
    vars(short).update(coordinates=problem.coordinates, compiled=problem.compiled)  # not to compile it anew
    whole, theta = run_chain(short, 3, 0)
    path = tmp_path / "checkpoint.npz"

    def die(transitions):
        yield from transitions[:50]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_chain(short, 3, 0, path, track=die)
    assert path.exists()
    resumed, again = run_chain(short, 3, 0, path)
    np.testing.assert_array_equal(resumed.theta, whole.theta)
    np.testing.assert_array_equal(again, theta)
    with pytest.raises(StorageError, match="other data or settings"):
        run_chain(short, 4, 0, path)


def test_expected_counts_are_the_sum_over_voxels_of_each_bin(problem):
    bins = make_bins(problem.voxels)
    counts = expected_counts(problem, bins, problem.points())(TRUTH)
    theta, points = tf.constant(TRUTH), problem.points()
    parts = problem.model.mass_function(theta, problem.model.summary(theta, points.features))
    amplitude, mean, width = (np.stack(part) for part in parts)
    total = problem.voxels.volumes * integral(amplitude, mean, width).sum(axis=0)
    np.testing.assert_allclose(counts.sum(axis=1), np.bincount(bins.environment, total), rtol=1e-10)
    assert bins.found(problem.voxels).sum() == len(problem.voxels.haloes)
    np.testing.assert_allclose(np.bincount(bins.environment), CELLS**3 / 4)


def test_the_mass_function_of_an_environment_integrates_to_its_count(problem):
    bins, grid = make_bins(problem.voxels), np.linspace(0, 15, 601)
    function = mass_functions(problem, bins, grid, problem.points())(TRUTH)
    volumes = np.bincount(bins.environment, problem.voxels.volumes)
    expected = expected_counts(problem, bins, problem.points())(TRUTH).sum(axis=1)
    np.testing.assert_allclose(np.trapezoid(function, grid, axis=1) * volumes, expected, rtol=1e-3)


def test_bands_of_a_known_mass_function_cover_as_often_as_they_claim():
    rng = np.random.default_rng(0)
    rates = rng.uniform(0.5, 20, (40, 20))
    comparison = {
        "samples": np.repeat(rates[None], 50, axis=0),
        "volumes": np.ones(40),
        "width": np.array(1.0),
        "found": rng.poisson(rates),
    }
    covered = covered_fraction(comparison)
    assert covered["68%"] == pytest.approx(0.68, abs=0.05)
    assert covered["95%"] == pytest.approx(0.95, abs=0.03)
    comparison["found"] = rng.poisson(1.5 * rates)
    assert covered_fraction(comparison)["68%"] < 0.6


def test_the_response_of_a_smooth_field_is_mostly_monopole(problem):
    x = np.cos(2 * np.pi * np.arange(16) / 16)[:, None, None] * np.ones((16, 16, 16))
    response = multipole_response(x, 3)
    assert sum(response) == pytest.approx(1)
    assert len(response) == 4
    assert response[0] > 0.8
    assert response[1] > response[2] > response[3]


def test_the_power_law_finds_the_bias_that_haloes_were_drawn_with(inputs, settings):
    rng = np.random.default_rng(2)
    density = np.maximum(inputs.density.ravel(), 1e-3)
    rate = 3000 * density**1.5 / (density**1.5).sum()
    voxels = np.repeat(np.arange(CELLS**3), rng.poisson(rate))
    haloes = Haloes(positions_in(voxels, CELLS, BOX, rng), THRESHOLD * np.exp(rng.exponential(1.0, len(voxels))))
    problem = make_problem(Inputs(inputs.density, haloes, BOX, THRESHOLD), settings)
    fit, parameters = fit_power_law(problem)
    assert parameters[1] == pytest.approx(1.5, abs=0.15)
    assert fit.log_likelihood > fit_global(problem).log_likelihood + 100
    assert fit.bic == pytest.approx(10 * np.log(len(voxels)) - 2 * fit.log_likelihood)


def test_the_global_mass_function_is_the_engine_at_theta_zero(problem):
    posterior = Posterior(problem.compiled, problem.points())
    value = -float(problem.likelihood(tf.zeros(17, tf.float64), posterior.points))
    assert fit_global(problem).log_likelihood == pytest.approx(value, abs=0.5)


def test_a_voxel_with_more_haloes_than_a_law_counts_to_is_refused(inputs, settings):
    crowded = Haloes(np.tile(inputs.haloes.positions[:1], (25, 1)), np.full(25, 2 * THRESHOLD))
    for law in ("exclusion", "negative_binomial"):
        engine = settings.engine.model_copy(update={"counts": law})
        with pytest.raises(ValueError, match=r"counts to 19 haloes in a voxel, and one has 25; take more cells"):
            make_problem(replace(inputs, haloes=crowded), settings.model_copy(update={"engine": engine}))
    make_problem(replace(inputs, haloes=crowded), settings)


def test_a_second_summary_that_joins_the_search_decides_nothing_yet(inputs, settings, problem, monkeypatch):
    engine = settings.engine.model_copy(update={"carried_mpc": [6.0, 12.0], "degree": 2})
    larger = make_problem(inputs, settings.model_copy(update={"engine": engine}))
    found = Optimum(problem.searched.phi(TRUTH), 0.0, np.eye(17), 0.0)
    monkeypatch.setattr(Problem, "search", lambda self, seed, index: found)
    grown = larger._grown(1, 0)
    assert len(grown) == 17 + 3 + 12
    values = [float(each.likelihood(tf.constant(t), each.points())) for each, t in ((larger, grown), (problem, TRUTH))]
    assert values[0] == pytest.approx(values[1], abs=1e-6)
    assert np.isfinite(larger.searched.phi(grown)).all()


@pytest.mark.slow
def test_a_second_summary_makes_no_fit_worse(inputs, settings, problem):
    engine = settings.engine.model_copy(update={"carried_mpc": [6.0, 12.0]})
    larger = make_problem(inputs, settings.model_copy(update={"engine": engine}))
    best = [-float(each.likelihood(tf.constant(each.maximum(1)), each.points())) for each in (problem, larger)]
    assert best[1] > best[0] - 0.5


def test_the_same_box_elsewhere_is_the_fit_itself_and_foresees_more_than_a_wrong_model_does(problem, inputs):
    other = elsewhere(problem, inputs)
    points = [each.points() for each in (problem, other)]
    values = [float(problem.likelihood(tf.constant(TRUTH), each)) for each in points]
    assert values[0] == values[1]
    right = predictive_density(problem, TRUTH[None], inputs)
    assert right == pytest.approx(-values[0], abs=1e-6)
    wrong = TRUTH.copy()
    wrong[5:7] = 0.0  # no more haloes where it is dense
    assert right > predictive_density(problem, wrong[None], inputs) + 20
    assert predictive_density(problem, np.stack([TRUTH, wrong]), inputs) < right


def test_a_drawn_catalogue_is_one_of_the_project(problem, inputs, tmp_path):
    catalogue = draw_catalogue(problem, inputs, TRUTH, COSMOLOGY, np.random.default_rng(0), {})
    write_catalogue(tmp_path / "draw.h5", catalogue)
    back = read_catalogue(tmp_path / "draw.h5")
    assert len(back) == len(catalogue) > 300
    assert back["mass"].min() >= THRESHOLD
    assert back.grid_cells == CELLS
    volume = 4 / 3 * np.pi * back["radius"].astype(float) ** 3
    np.testing.assert_allclose(volume / (BOX / CELLS) ** 3, back["cells"], rtol=1e-4)
    assert back.notes == {"lagrangian_centre": "a particle at the Eulerian centre"}


def test_a_drawn_halos_lagrangian_position_is_displaced_to_where_it_stands(inputs):
    voxels = np.random.default_rng(1).integers(0, CELLS**3, 300)
    positions, origins, velocities = place_haloes(voxels, inputs, np.random.default_rng(0), cosmology=COSMOLOGY)
    matter = resample(inputs.moved[0], 2 * CELLS)  # on the lattice of particles
    placed = (positions != origins).any(axis=1)
    index = tuple((origins[placed] * (2 * CELLS / BOX)).astype(int).T)
    apart = (origins[placed, 0] + matter[index] - positions[placed, 0] + BOX / 2) % BOX - BOX / 2
    assert placed.mean() > 0.8
    assert np.abs(apart).max() < 1e-6 * BOX
    assert np.isfinite(velocities).all()


def test_a_drawn_halo_moves_on_as_it_has_moved(inputs):
    first = replace(inputs, moved=displacement(inputs.linear, BOX, COSMOLOGY, 1))
    voxels = np.random.default_rng(1).integers(0, CELLS**3, 300)
    positions, origins, velocities = place_haloes(voxels, first, np.random.default_rng(0), cosmology=COSMOLOGY)
    placed = (positions != origins).any(axis=1)
    moved = (positions - origins + BOX / 2)[placed] % BOX - BOX / 2
    # a H f times the displacement, with f near Omega_m^0.55.
    np.testing.assert_allclose(velocities[placed], 70 * 0.25**0.55 * moved, rtol=0.015, atol=0.1)


def test_drawn_haloes_stand_in_their_voxels_and_no_two_at_one_particle(inputs):
    voxels = np.repeat(np.arange(0, CELLS**3, 3), 2)
    rng = np.random.default_rng(0)
    positions = place_haloes(voxels, inputs, rng).eulerian
    np.testing.assert_array_equal(voxel_of(positions, CELLS, BOX), voxels)
    matter = Matter(inputs.moved, BOX)
    enough = matter.numbers[voxels] >= 2
    assert len(np.unique(positions[enough], axis=0)) == enough.sum() > 100


def test_haloes_of_an_evolved_density_alone_are_uniform_in_their_voxels(inputs):
    evolved = replace(inputs, moved=None, linear=None)
    positions, origins, velocities = place_haloes(np.full(4000, 5), evolved, np.random.default_rng(0))
    assert velocities is None
    assert stats.kstest(positions[:, 2] / (BOX / CELLS) - 5, "uniform").pvalue > 1e-3
    np.testing.assert_array_equal(positions, origins)


def test_an_engine_without_the_faces_of_the_box_draws_no_catalogue(problem, inputs, settings):
    engine = settings.engine.model_copy(update={"boundary": "valid"})
    cut = make_problem(inputs, settings.model_copy(update={"engine": engine}))
    with pytest.raises(ValueError, match="whole periodic boxes"):
        draw_catalogue(cut, inputs, TRUTH, COSMOLOGY, np.random.default_rng(0), {})


def test_chains_of_different_length_are_not_compared(chains, tmp_path):
    with h5py.File(chains[0]) as file, h5py.File(tmp_path / "short.h5", "w") as short:
        for name in ("theta", "parameters"):
            short[name] = file[name][:50]
        short.attrs.update(file.attrs)
    with pytest.raises(StorageError, match="different length"):
        read_samples([chains[0], tmp_path / "short.h5"])
