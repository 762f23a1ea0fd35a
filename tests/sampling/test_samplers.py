import numpy as np
import pytest

from halonet.sampling.chain import Chain, is_chain_of, is_checkpoint_of, read_chain, write_chain
from halonet.sampling.diagnostics import effective_sample_size, r_hat
from halonet.sampling.hamiltonian import Metric, leapfrog, leapfrog_drift, place, transition
from halonet.sampling.maximum import Optimum, hessian, inverse_curvature, minimise, refined
from halonet.sampling.quasi_newton import InverseHessian
from halonet.sampling.samplers import make_sampler, window_ends
from halonet.settings import SamplerSettings
from halonet.storage import StorageError


class Gaussian:
    """A Gaussian target that counts its gradients."""

    def __init__(self, covariance, mean=0.0):
        self.precision, self.mean, self.gradients = np.linalg.inv(covariance), mean, 0

    def energy(self, theta):
        return 0.5 * (theta - self.mean) @ self.precision @ (theta - self.mean)

    def gradient(self, theta):
        self.gradients += 1
        return self.precision @ (theta - self.mean)


class Banana:
    """Rosenbrock's valley, whose sides are as steep as ``steepness`` says."""

    def __init__(self, steepness=5.0):
        self.steepness = steepness

    def energy(self, t):
        return 0.5 * t[0] ** 2 + self.steepness * (t[1] - t[0] ** 2) ** 2

    def gradient(self, t):
        across = 2 * self.steepness * (t[1] - t[0] ** 2)
        return np.array([t[0] - 2 * t[0] * across, across])


CORRELATED = np.array([[9.0, 1.0, 0.5], [1.0, 4.0, -1.0], [0.5, -1.0, 0.6]])


def run(target, theta, covariance=None, seed=3, **settings):
    settings = SamplerSettings(**settings)
    covariance = np.eye(len(theta)) if covariance is None else covariance
    return Chain(make_sampler(target, np.array(theta, float), covariance, settings), settings, seed).run()


def assert_moments(samples, mean, covariance):
    """Mean and covariance within 4 Monte Carlo errors, from effective sample sizes."""
    for i in range(len(mean)):
        size = effective_sample_size(samples[None, :, i])
        assert size > 200
        assert abs(samples[:, i].mean() - mean[i]) < 4 * (covariance[i, i] / size) ** 0.5
        for j in range(i + 1):
            products = (samples[:, i] - mean[i]) * (samples[:, j] - mean[j])
            error = products.std() / effective_sample_size(products[None]) ** 0.5
            assert abs(products.mean() - covariance[i, j]) < 4 * error


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "frozen_metric", "warmup": 400, "samples": 3000},
        {"kind": "hmc", "warmup": 400, "samples": 4000, "trajectory": 4.0},
        {"kind": "quasi_newton", "warmup": 400, "samples": 6000, "first_step": 0.3, "inverse_mass": 1.0},
    ],
    ids=lambda settings: settings["kind"],
)
def test_moments_of_a_correlated_gaussian_are_recovered(settings):
    mean = np.array([1.0, 4.0, -2.0])
    chain = run(Gaussian(CORRELATED, mean), [5.0, 0.0, 0.0], **settings)
    assert_moments(chain.samples, mean, CORRELATED)


def test_a_bent_valley_is_sampled_with_its_exact_moments():
    # In a steeper valley no step is short enough for its far ends, and what is found there depends on rounding.
    chain = run(Banana(steepness=0.25), [0.0, 0.0], warmup=1000, samples=8000, acceptance=0.9)
    x, y = chain.samples.T
    for values, mean in ((x, 0.0), (x**2, 1.0), (y, 1.0), (y - x**2, 0.0), ((y - x**2) ** 2, 2.0)):
        size = effective_sample_size(values[None])
        assert abs(values.mean() - mean) < 4 * values.std() / size**0.5


def test_the_chain_is_exact_although_a_wrong_force_guides_it():
    class Guided(Gaussian):
        def gradient(self, theta):
            return 1.1 * super().gradient(theta) + 0.1 * np.tanh(theta)

    target = Guided(CORRELATED)
    assert_moments(run(target, [0.0] * 3, warmup=400, samples=6000).samples, np.zeros(3), CORRELATED)


def test_the_energy_error_of_the_leapfrog_falls_with_the_square_of_the_step():
    target, rng = Banana(), np.random.default_rng(0)
    theta, momentum = np.array([0.3, 0.5]), rng.standard_normal(2)
    errors = []
    for step in (0.02, 0.01, 0.005):
        end, p, _ = leapfrog(
            theta, momentum, target.gradient(theta), target.gradient, lambda p: p, step, round(0.6 / step)
        )
        errors.append(target.energy(end) - target.energy(theta) + 0.5 * (p @ p - momentum @ momentum))
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize("scheme", ["kick", "drift"])
def test_a_trajectory_run_backwards_returns_to_its_start(scheme):
    target, metric = Banana(), Metric(np.array([[1.0, 0.3], [0.3, 2.0]]))

    def run_trajectory(theta, momentum):
        if scheme == "drift":
            return leapfrog_drift(theta, momentum, target.gradient, metric.velocity, 0.05, 40)
        return leapfrog(theta, momentum, target.gradient(theta), target.gradient, metric.velocity, 0.05, 40)[:2]

    theta, momentum = np.array([0.4, -0.2]), np.array([0.7, 0.1])
    end, moved = run_trajectory(theta, momentum)
    back, reversed_momentum = run_trajectory(end, -moved)
    assert np.abs(end - theta).max() > 0.1
    np.testing.assert_allclose(back, theta, atol=1e-10)
    np.testing.assert_allclose(-reversed_momentum, momentum, atol=1e-10)


def test_momenta_have_the_inverse_of_the_metric_as_covariance():
    metric, rng = Metric(CORRELATED), np.random.default_rng(1)
    momenta = np.array([metric.draw_momentum(rng) for _ in range(20000)])
    whitened = momenta @ np.linalg.cholesky(CORRELATED)
    np.testing.assert_allclose(np.cov(whitened.T), np.eye(3), atol=0.05)


def test_the_quasi_newton_sampler_learns_the_inverse_hessian_of_a_gaussian():
    # The test Gaussian of the public BORG code, with its settings.
    covariance, mean = np.array([[9.0, 1.0], [1.0, 4.0]]), np.array([1.0, 4.0])
    settings = {"kind": "quasi_newton", "first_step": 0.02, "most_steps": 50, "inverse_mass": 1.0, "adapt_always": True}
    chain = run(Gaussian(covariance, mean), [100.0, 100.0], warmup=1000, samples=2000, **settings)
    assert chain.records["acceptance"][1000:].mean() > 0.99
    np.testing.assert_allclose(chain.sampler.hessian.matrix, covariance, rtol=0.02, atol=0.02)
    np.testing.assert_allclose(chain.samples.mean(axis=0), mean, atol=1.0)


def test_bfgs_updates_satisfy_the_secant_equation_and_skip_flat_pairs():
    rng = np.random.default_rng(0)
    first = InverseHessian.start(3).updated(np.zeros(3), np.zeros(3))
    s, y = rng.standard_normal(3), rng.standard_normal(3)
    y *= np.sign(s @ y)
    updated = first.updated(s, y)
    np.testing.assert_allclose(updated.matrix @ y, s, atol=1e-12)
    orthogonal = np.cross(s, y)
    assert first.updated(s, orthogonal) is first


def test_the_frozen_sampler_stops_learning_when_the_warm_up_ends():
    for kind in ("frozen_metric", "quasi_newton"):
        settings = SamplerSettings(kind=kind, warmup=300, samples=300, inverse_mass=1.0)
        chain = Chain(make_sampler(Gaussian(CORRELATED), np.ones(3), np.eye(3), settings), settings, 1)
        learnt = ("inverse_mass", "step") if kind == "frozen_metric" else ("hessian",)
        early = chain.run(100).sampler.arrays()
        frozen = chain.run(300).sampler.arrays()
        end = chain.run().sampler.arrays()
        assert all((early[name] != frozen[name]).any() for name in learnt)
        assert all((frozen[name] == end[name]).all() for name in learnt)


def test_windows_of_the_warm_up_double_and_leave_time_for_the_step_size():
    ends = window_ends(1000)
    assert ends == sorted(set(ends))
    assert ends[0] > 100
    assert ends[-1] == 875
    assert window_ends(0) == []


def test_dual_averaging_reaches_the_acceptance_it_aims_at():
    goal = {"warmup": 1500, "samples": 3000, "acceptance": 0.8, "first_step": 3.0}
    chain = run(Gaussian(np.eye(3)), [0.0] * 3, **goal)
    assert chain.records["acceptance"][1500:].mean() == pytest.approx(0.8, abs=0.1)


def test_a_frozen_metric_gains_more_than_fifty_fold_on_an_ill_conditioned_gaussian():
    rng = np.random.default_rng(2)
    rotation = np.linalg.qr(rng.standard_normal((10, 10)))[0]
    covariance = (rotation * np.geomspace(1, 1e6, 10)) @ rotation.T
    efficiency = {}
    for kind in ("frozen_metric", "hmc"):
        target = Gaussian(covariance)
        start = np.linalg.cholesky(covariance) @ rng.standard_normal(10)
        chain = run(target, start, warmup=1500, samples=1500, kind=kind, trajectory=2.0)
        size = min(effective_sample_size(chain.samples[None, :, i]) for i in range(10))
        efficiency[kind] = size / chain.records["gradients"][1500:].sum()
    assert efficiency["frozen_metric"] > 50 * efficiency["hmc"]
    assert efficiency["frozen_metric"] > 0.02


@pytest.mark.parametrize("kind", ["frozen_metric", "quasi_newton"])
def test_a_chain_that_was_interrupted_goes_on_to_the_same_bits(tmp_path, kind):
    settings = SamplerSettings(kind=kind, warmup=200, samples=200, checkpoint_interval=70, inverse_mass=1.0)

    def chain(checkpoint):
        sampler = make_sampler(Gaussian(np.diag([1.0, 9.0])), np.array([0.1, 0.2]), np.eye(2), settings)
        return Chain(sampler, settings, 5, 2, checkpoint, "same")

    whole = chain(None).run()
    for until in (100, 150, 290):  # stops between checkpoints: what came after the last one is done again
        chain(tmp_path / "checkpoint").run(until)
    resumed = chain(tmp_path / "checkpoint")
    assert resumed.done == 280
    resumed.run()
    np.testing.assert_array_equal(resumed.theta, whole.theta)
    for name, values in whole.records.items():
        np.testing.assert_array_equal(resumed.records[name], values)


def test_a_checkpoint_of_other_data_or_cut_short_is_refused(tmp_path):
    settings, path = SamplerSettings(warmup=0, samples=20, checkpoint_interval=10), tmp_path / "checkpoint"

    def chain(fingerprint):
        return Chain(make_sampler(Banana(), np.zeros(2), np.eye(2), settings), settings, 5, 0, path, fingerprint)

    chain("one").run()
    with pytest.raises(StorageError, match="other data or settings"):
        chain("two")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(StorageError, match="no complete checkpoint"):
        chain("one")


def test_a_checkpoint_is_of_one_chain_and_whatever_else_stands_under_its_name_is_refused_in_words(tmp_path):
    settings, path = SamplerSettings(warmup=0, samples=20, checkpoint_interval=10), tmp_path / "checkpoint"

    def chain(index):
        return Chain(make_sampler(Banana(), np.zeros(2), np.eye(2), settings), settings, 5, index, path, "one")

    chain(0).run()
    assert is_checkpoint_of(path, "one", 0)
    assert not is_checkpoint_of(path, "one", 1)
    assert not is_checkpoint_of(path, "two", 0)
    with pytest.raises(StorageError, match="a checkpoint of chain 0, this is chain 1"):
        chain(1)
    whole = path.read_bytes()
    with np.load(path) as file:
        few = {name: file[name] for name in file.files if name != "energy"}
    for damage in (
        lambda: path.write_bytes(b""),
        lambda: path.write_bytes(whole[:-30]),
        lambda: path.write_bytes(whole[:1000] + bytes(1000) + whole[2000:]),
        lambda: np.save(open(path, "wb"), np.arange(3)),  # noqa: SIM115
        lambda: np.savez(open(path, "wb"), **few),  # noqa: SIM115
        lambda: (path.unlink(), path.mkdir()),
    ):
        damage()
        assert not is_checkpoint_of(path, "one", 0)
        with pytest.raises(StorageError, match=r"no complete checkpoint .*delete it to start anew"):
            chain(0)


def test_chains_of_other_seeds_or_numbers_differ():
    settings = SamplerSettings(warmup=0, samples=10)

    def samples(seed, index):
        return Chain(make_sampler(Banana(), np.zeros(2), np.eye(2), settings), settings, seed, index).run().samples

    assert (samples(1, 0) == samples(1, 0)).all()
    assert (samples(1, 0) != samples(1, 1)).any()
    assert (samples(1, 0) != samples(2, 0)).any()


def test_a_chain_file_gives_back_samples_and_records(tmp_path):
    chain = run(Banana(), [0.0, 0.0], warmup=10, samples=20, thinning=2)
    write_chain(tmp_path / "chain.h5", chain, ["a", "b"], {}, {"counts": np.arange(3)})
    arrays = read_chain(tmp_path / "chain.h5")
    np.testing.assert_array_equal(arrays["samples"], chain.samples)
    assert arrays["samples"].shape == (20, 2)
    assert arrays["energy"].shape == (50,)
    assert (arrays["counts"] == np.arange(3)).all()


def test_a_file_is_known_as_a_chain_that_need_not_be_run_again_by_what_decides_it_and_its_number(tmp_path):
    settings, path = SamplerSettings(warmup=0, samples=10), tmp_path / "chain.h5"
    assert not is_chain_of(path, "one", 2)
    chain = Chain(make_sampler(Banana(), np.zeros(2), np.eye(2), settings), settings, 5, 2, None, "one").run()
    write_chain(path, chain, ["a", "b"], {})
    assert is_chain_of(path, "one", 2)
    assert not is_chain_of(path, "one", 1)
    assert not is_chain_of(path, "two", 2)


def test_a_gradient_that_is_not_finite_rejects_the_proposal_and_is_counted():
    class Cliff(Gaussian):
        def gradient(self, theta):
            return np.full(2, np.nan) if theta[0] > 0.5 else super().gradient(theta)

    target, rng = Cliff(np.eye(2)), np.random.default_rng(1)
    here, bad = place(target, np.zeros(2)), 0
    for _ in range(200):
        here, outcome = transition(here, target, Metric(np.eye(2)), 0.3, 5, rng)
        bad += outcome.bad_gradient
        assert here.theta[0] <= 0.5
        assert not (outcome.bad_gradient and outcome.accepted)
    assert bad > 10
    with pytest.raises(ValueError, match="must be finite"):
        place(target, np.array([1.0, 0.0]))


def test_r_hat_tells_chains_that_disagree_and_drift():
    rng = np.random.default_rng(0)
    good = rng.standard_normal((4, 1000))
    assert r_hat(good) < 1.01
    assert r_hat(good + np.arange(4)[:, None] * 0.3) > 1.05
    assert r_hat(good + np.linspace(0, 2, 1000)) > 1.05
    assert r_hat(good * np.array([1, 1, 1, 3])[:, None]) > 1.05


@pytest.mark.parametrize("correlation", [0.0, 0.9, -0.5])
def test_the_effective_sample_size_of_an_autoregressive_chain_is_the_analytic_one(correlation):
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((4, 20000))
    chains = np.zeros_like(noise)
    for i in range(1, noise.shape[1]):
        chains[:, i] = correlation * chains[:, i - 1] + noise[:, i]
    expected = noise.size * (1 - correlation) / (1 + correlation)
    assert effective_sample_size(chains) == pytest.approx(expected, rel=0.1)


def test_an_effective_sample_size_of_a_handful_of_samples_is_refused():
    with pytest.raises(ValueError, match="too few"):
        effective_sample_size(np.zeros((2, 5)))


def test_newton_steps_follow_a_bent_valley_to_its_minimum():
    target = Banana()
    found = minimise(lambda t: (target.energy(t), target.gradient(t)), np.array([-1.5, 3.0]), tolerance=1e-10)
    np.testing.assert_allclose(found.theta, 0, atol=1e-4)
    np.testing.assert_allclose(found.hessian, [[1, 0], [0, 10]], atol=1e-3)
    np.testing.assert_allclose(inverse_curvature(hessian(target.gradient, np.zeros(2))), np.diag([1, 0.1]), atol=1e-5)


def test_a_refined_minimum_is_that_of_the_new_potential_though_its_curvature_is_the_old_ones():
    rng = np.random.default_rng(0)
    scale = np.diag(10.0 ** np.arange(-3, 3))  # a condition of 10^10
    turned = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    curvature, centre = turned @ scale @ scale @ turned.T, rng.standard_normal(6)

    def potential(theta):
        apart = 1.3 * curvature @ (theta - centre)
        return 0.5 * (theta - centre) @ apart, apart

    found = refined(potential, Optimum(np.zeros(6), 0.0, curvature, 0.0))
    apart = found.theta - centre
    assert apart @ curvature @ apart < 1e-2  # in units of the spread of the posterior
    assert found.gradient_norm == pytest.approx(np.linalg.norm(1.3 * curvature @ apart), rel=1e-6, abs=1e-9)


def test_a_potential_that_ends_in_nothing_stops_no_refinement():
    def potential(theta):
        value = np.nan if theta[0] > 1 else theta[0] ** 2 - theta[0]
        return value, np.array([2 * theta[0] - 1])

    found = refined(potential, Optimum(np.array([-3.0]), 0.0, np.array([[0.02]]), 0.0))
    assert found.theta[0] == pytest.approx(0.5, abs=0.05)
