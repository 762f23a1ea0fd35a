import numpy as np
import pytest

from halonet.field_level.start import kaiser_mass
from halonet.sampling.fourier_mass import FourierMass
from halonet.sampling.hamiltonian import place
from halonet.sampling.microcanonical import Microcanonical, StepAverage, turned
from halonet.sampling.phases import make_phase_sampler
from halonet.settings import PhaseSamplerSettings

WARMUP = 200


def sample(toy, mass, samples, seed=1, **settings):
    """Phases after the warm-up, shape (samples, N, N, N)."""
    cells, rng = toy.gravity.cells, np.random.default_rng(seed)
    start = np.zeros(cells**3)
    sampler = make_phase_sampler(toy, start, FourierMass(mass), PhaseSamplerSettings(**settings), WARMUP)
    kept = []
    for iteration in range(WARMUP + samples):
        sampler.advance(iteration, rng)
        if iteration >= WARMUP:
            kept.append(sampler.noise)
    return np.array(kept).reshape(-1, cells, cells, cells)


def mode_statistics(toy, samples):
    """Of the half of the modes that are independent: bias of the mean in posterior deviations, variance over true."""
    cells = toy.gravity.cells
    modes = np.fft.rfftn(samples - toy.mean, axes=(1, 2, 3))[..., 1 : cells // 2] / cells**1.5
    precision = toy.precision[..., 1 : cells // 2]
    # A white mode has variance 1/2 in either part.
    bias = modes.mean(axis=0) * np.sqrt(2 * precision)
    return bias, (np.abs(modes) ** 2).mean(axis=0) * precision, precision


@pytest.mark.parametrize(
    "settings",
    [{"kind": "hmc"}, {"kind": "mclmc", "energy_variance": 1e-5, "steps": 3}],
    ids=lambda settings: settings["kind"],
)
def test_the_wiener_posterior_of_a_linear_universe_is_reproduced_mode_by_mode(toy, settings):
    """Mean and variance of every mode within Monte Carlo error, though the mass is not the right one."""
    count = 1500
    samples = sample(toy, toy.precision**0.8, count, **settings)
    bias, variance, precision = mode_statistics(toy, samples)
    # Samples of a mode that are as good as independent, from its own course.
    size = count / 2
    assert np.abs(np.concatenate([bias.real, bias.imag])).max() < 5 / size**0.5
    assert np.abs(variance - 1).max() < 5 / size**0.5
    for part in (precision > np.median(precision), precision <= np.median(precision)):
        assert variance[part].mean() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("kind", ["hmc", "mclmc"])
@pytest.mark.parametrize("cut", [20, WARMUP + 5], ids=["in the warm-up", "after it"])
def test_a_sampler_restored_from_its_arrays_goes_on_to_the_same_bits(toy, kind, cut):
    def fresh():
        start = np.zeros(toy.gravity.cells**3)
        return make_phase_sampler(toy, start, FourierMass(toy.precision), PhaseSamplerSettings(kind=kind), WARMUP)

    rng, whole, restored = np.random.default_rng(4), fresh(), fresh()
    for iteration in range(cut):
        whole.advance(iteration, rng)
    saved, drawn = whole.arrays(), rng.bit_generator.state
    for iteration in range(cut, cut + 10):
        whole.advance(iteration, rng)
    rng.bit_generator.state = drawn
    restored.restore(saved)
    for iteration in range(cut, cut + 10):
        restored.advance(iteration, rng)
    for name, values in whole.arrays().items():
        np.testing.assert_array_equal(restored.arrays()[name], values, err_msg=name)
    assert not np.array_equal(saved["noise"], whole.noise)


def test_a_microcanonical_step_that_is_too_long_biases_the_variance_and_its_energy_error_tells(toy):
    """The bias check: where the energy error stays small the variance is right, where it does not it is not."""
    measured = {}
    for wanted in (1e-5, 0.1):
        settings = {"kind": "mclmc", "energy_variance": wanted, "steps": 3}
        variance = mode_statistics(toy, sample(toy, toy.precision**0.8, 600, **settings))[1]
        measured[wanted] = variance.mean()
    assert abs(measured[1e-5] - 1) < 0.02
    assert measured[0.1] < 0.97


def test_the_step_settles_where_the_energy_error_has_the_variance_that_was_asked_for(toy):
    rng, wanted = np.random.default_rng(3), 1e-4
    settings = PhaseSamplerSettings(kind="mclmc", energy_variance=wanted, first_step=2.0, steps=3)
    sampler = make_phase_sampler(toy, toy.mean, FourierMass(toy.precision), settings, WARMUP)
    errors = [sampler.advance(iteration, rng).energy_error for iteration in range(WARMUP + 200)]
    assert wanted / 3 < np.mean(errors[WARMUP:]) < 3 * wanted


def test_the_direction_turns_on_the_sphere_and_turns_back_under_time_reversal():
    rng = np.random.default_rng(0)
    direction, gradient = rng.standard_normal(50), 30 * rng.standard_normal(50)
    direction /= np.linalg.norm(direction)
    once, gained = turned(direction, gradient, 0.7)
    assert np.linalg.norm(once) == pytest.approx(1, abs=1e-14)
    back, lost = turned(-once, gradient, 0.7)
    np.testing.assert_allclose(-back, direction, atol=1e-12)
    # The gain undoes itself: d ln(density) of the map and of its inverse.
    assert gained == pytest.approx(-lost, rel=1e-10)
    # For short times, du = -(1 - u u^T) g dt / (d - 1) and dK = -u.g dt.
    slope = -(gradient - direction * (direction @ gradient)) / 49
    np.testing.assert_allclose((turned(direction, gradient, 1e-6)[0] - direction) / 1e-6, slope, rtol=1e-3, atol=1e-4)
    assert turned(direction, gradient, 1e-6)[1] / 1e-6 == pytest.approx(-(direction @ gradient), rel=1e-3)


def test_the_energy_error_of_a_microcanonical_step_falls_with_its_third_power(toy):
    rng = np.random.default_rng(2)
    noise = toy.mean.ravel() + FourierMass(toy.precision).apply(rng.standard_normal(216), -0.5)
    dynamics = Microcanonical(toy, FourierMass(toy.precision**0.5))
    state, errors = dynamics.start(place(toy, noise), rng), []
    for step in (0.4, 0.2, 0.1):
        errors.append(dynamics.advance(state, step, np.random.default_rng(0))[1])
    assert errors[0] / errors[1] == pytest.approx(8, rel=0.5)
    assert errors[1] / errors[2] == pytest.approx(8, rel=0.25)


def test_a_place_without_finite_energy_turns_the_microcanonical_motion_back():
    class Wall:
        def energy(self, noise):
            return 0.5 * noise @ noise

        def gradient(self, noise):
            return np.full(64, np.nan) if noise[0] > 0 else noise

    target, rng = Wall(), np.random.default_rng(5)
    start = -np.abs(rng.standard_normal(64))
    sampler = make_phase_sampler(
        target, start, FourierMass(np.ones((4, 4, 3))), PhaseSamplerSettings(kind="mclmc", first_step=0.5), 10
    )
    bad = 0
    for iteration in range(100):
        bad += sampler.advance(iteration, rng).bad_gradient
        assert sampler.noise[0] <= 0
        assert np.isfinite(sampler.energy)
    assert bad > 0
    assert StepAverage.start(1.0).updated(np.nan, 1e-3).step < 1


def test_momenta_have_the_mass_of_their_mode_as_variance(make_gravity):
    gravity, rng = make_gravity(8), np.random.default_rng(1)
    mass = kaiser_mass(gravity, 3e-4, 1.5)
    momenta = np.array([mass.draw_momentum(rng) for _ in range(3000)]).reshape(-1, 8, 8, 8)
    power = (np.abs(np.fft.rfftn(momenta, axes=(1, 2, 3))) ** 2).mean(axis=0) / 512
    np.testing.assert_allclose(power / mass.modes, 1, atol=0.13)
    # The curvature that a Poisson sample of bias b has for the largest waves: 1 + nbar b^2 P(k).
    assert mass.modes[1, 0, 0] == pytest.approx(1 + 3e-4 * 2.25 * gravity.linear_power[1, 0, 0])
    assert mass.modes[0, 0, 0] == 1


def test_velocity_undoes_the_mass_and_gives_the_kinetic_energy(make_gravity):
    mass, rng = kaiser_mass(make_gravity(8), 3e-4, 1.5), np.random.default_rng(2)
    momentum = rng.standard_normal(512)
    np.testing.assert_allclose(mass.apply(mass.velocity(momentum), 1.0), momentum, atol=1e-12)
    assert mass.kinetic_energy(momentum) == pytest.approx(0.5 * momentum @ mass.velocity(momentum))
