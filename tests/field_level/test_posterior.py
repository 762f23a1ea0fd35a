import numpy as np
import pytest
import tensorflow as tf

from halonet.field_level.posterior import JointPosterior, PhaseTarget
from halonet.field_level.start import filtered_noise, first_noise, measured_bias


@pytest.fixture(autouse=True)
def uncompiled():
    """Operation by operation: what is computed is of interest here, and to compile one potential takes 10 s."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def case(make_mock):
    """Mock of 12^3 cells, its joint posterior, and its true phases and parameters in the posterior's constants."""
    mock, settings = make_mock(12, 7.5)
    problem = mock.data.problem(settings)
    posterior = JointPosterior(problem, mock.data.gravity(settings))
    return mock, settings, posterior, mock.noise.ravel(), mock.theta_of(problem.model)


def test_the_gradient_of_the_joint_posterior_is_that_of_central_differences(case):
    """In float64, by phases through the whole forward model and by bias parameters, of single cells and at random."""
    _, _, posterior, noise, theta = case
    place = tf.constant(noise), tf.constant(theta)
    by_noise = posterior.energy_and_gradient(*place)[1].numpy()
    with tf.GradientTape() as tape:
        tape.watch(place[1])
        value = posterior.energy(*place)
    by_theta = tape.gradient(value, place[1]).numpy()
    rng = np.random.default_rng(0)
    ways = [np.eye(len(noise))[i] for i in (0, 700)] + [rng.standard_normal(len(noise)) / 40 for _ in range(4)]

    def slope(change_noise, change_theta, step):
        up, down = (
            float(posterior.energy(tf.constant(noise + s * change_noise), tf.constant(theta + s * change_theta)))
            for s in (step, -step)
        )
        return (up - down) / (2 * step)

    for way in ways:
        assert slope(way, 0.0, 1e-4) == pytest.approx(by_noise @ way, rel=1e-5, abs=1e-5)
    for i in range(len(theta)):
        assert slope(0.0, np.eye(len(theta))[i], 1e-5) == pytest.approx(by_theta[i], rel=1e-5, abs=1e-4)


def test_both_blocks_see_the_same_posterior(case):
    """Energies differ between two parameter sets by as much at fixed phases as at the density of these phases."""
    _, _, posterior, noise, theta = case
    other = theta + 0.05
    phases = PhaseTarget(posterior, theta)
    here = phases.energy(noise)
    phases.hold(other)
    change = phases.energy(noise) - here
    of_theta = posterior.theta_posterior(noise)
    values = [of_theta.energy_and_gradient(posterior.problem.coordinates.phi(t))[0] for t in (theta, other)]
    assert change == pytest.approx(values[1] - values[0], rel=1e-9)


def test_the_prior_of_the_phases_is_white_noise_of_unit_variance(case):
    """The potential less the likelihood is |s|^2 / 2, and that of the parameters."""
    _, _, posterior, noise, theta = case
    likelihood = posterior.problem.likelihood(tf.constant(theta), posterior.points(noise))
    width = posterior.problem.settings.engine.prior_width
    expected = float(likelihood) + noise @ noise / 2 + theta @ theta / width**2 / 2
    assert float(posterior.energy(tf.constant(noise), tf.constant(theta))) == pytest.approx(expected, rel=1e-12)


def test_single_precision_gradients_are_close_and_energies_stay_double(case):
    mock, settings, double, noise, theta = case
    single = JointPosterior(mock.data.problem(settings), mock.data.gravity(settings), "float32")
    exact, rough = (PhaseTarget(posterior, theta) for posterior in (double, single))
    assert rough.energy(noise) == pytest.approx(exact.energy(noise), rel=1e-13)
    difference = np.linalg.norm(rough.gradient(noise) - exact.gradient(noise))
    assert difference < 1e-3 * np.linalg.norm(exact.gradient(noise))
    assert (rough.energies, rough.gradients) == (1, 1)
    assert (exact.energies, exact.gradients) == (0, 1)  # energy and gradient of one place are one evaluation


def test_all_of_the_potential_and_its_gradient_can_be_compiled(case):
    """XLA has all that they are made of; chains that run what it makes of them are among the slow tests."""
    tf.config.run_functions_eagerly(False)
    mock, settings, _, noise, theta = case
    posterior = JointPosterior(mock.data.problem(settings), mock.data.gravity(settings))
    translated = posterior.energy_and_gradient.experimental_get_compiler_ir(tf.constant(noise), tf.constant(theta))
    assert "ENTRY" in translated(stage="hlo")


def test_the_filtered_counts_begin_near_the_true_density_on_large_scales(case):
    mock, _, posterior, _, _ = case
    bias = measured_bias(posterior.gravity, mock.data.inputs)
    mean = filtered_noise(posterior.gravity, mock.data.inputs, bias)
    draw = first_noise(posterior.gravity, mock.data.inputs, None, 1, "start")
    true, mean, draw = (np.fft.rfftn(each) for each in (mock.noise, mean, draw))
    large = np.zeros(true.shape, bool)
    large[[0, 0, 1, -1], [1, -1, 0, 0], 0] = large[0, 0, 1] = True
    cross = np.sum((mean * true.conj()).real[large])
    assert cross / np.sqrt(np.sum(np.abs(mean[large]) ** 2) * np.sum(np.abs(true[large]) ** 2)) > 0.5
    assert 0.7 < np.mean(np.abs(draw) ** 2) / 12**3 < 1.3  # and has the prior's power


def test_a_forward_model_of_another_grid_is_refused(case, make_gravity):
    with pytest.raises(ValueError, match=r"8\^3 cells, the engine 1728 voxels"):
        JointPosterior(case[2].problem, make_gravity(8))
