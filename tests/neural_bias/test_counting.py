import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

from halonet.neural_bias.counting import LAWS, Counting
from halonet.neural_bias.draws import draw_haloes

MEANS = np.array([0.01, 0.1, 0.5, 1.0, 2.0, 3.0])


def moments(chances):
    numbers = np.arange(chances.shape[1])
    mean = chances @ numbers
    return mean, chances @ numbers**2 - mean**2


def test_the_negative_binomial_is_that_of_scipy():
    for dispersion in (0.05, 0.2, 0.5):
        found = Counting("negative_binomial").probabilities(MEANS, np.full(len(MEANS), dispersion))
        numbers = np.arange(found.shape[1])
        expected = [stats.nbinom.pmf(numbers, 1 / dispersion, 1 / (1 + dispersion * mean)) for mean in MEANS]
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("dispersion", [-0.12, -0.05, 0.0, 0.3])
def test_the_generalised_poisson_law_has_the_mean_and_the_variance_it_promises(dispersion):
    law = Counting("generalised_poisson")
    mean, variance = moments(law.probabilities(MEANS[:5], np.full(5, dispersion)))
    s = 1 + dispersion * MEANS[:5] if dispersion > 0 else 1 / (1 - dispersion * MEANS[:5])
    np.testing.assert_allclose(mean, MEANS[:5], rtol=2e-3)
    np.testing.assert_allclose(variance, MEANS[:5] * s**2, rtol=5e-3)


@pytest.mark.parametrize("dispersion", [-0.05, 0.3, 1.5])
def test_haloes_that_exclude_each_other_have_the_mean_and_the_sum_of_their_gas(dispersion):
    law, at = Counting("exclusion"), np.full(len(MEANS), dispersion)
    chances = law.probabilities(MEANS, at)
    mean, _ = moments(chances)
    np.testing.assert_allclose(law.mean(tf.constant(MEANS), tf.constant(at)), mean, rtol=1e-9)
    step = 1e-5  # the mean is z d lnZ / dz
    slopes = [law.log_none(tf.constant(MEANS * (1 + s)), tf.constant(at)).numpy() for s in (-step, step)]
    np.testing.assert_allclose((slopes[0] - slopes[1]) / (2 * step), mean, rtol=1e-6)


def test_a_stronger_repulsion_costs_the_mean_number_of_pairs():
    law, at, step = Counting("exclusion"), tf.constant(np.full(len(MEANS), 0.4)), 1e-5
    with tf.GradientTape() as tape:
        tape.watch(at)
        value = law.log_none(tf.constant(MEANS), at)
    found = tape.gradient(value, at).numpy()
    near = [law.log_none(tf.constant(MEANS), at + shift).numpy() for shift in (-step, step)]
    np.testing.assert_allclose(found, (near[1] - near[0]) / (2 * step), rtol=1e-6)
    chances = law.probabilities(MEANS, at.numpy())
    numbers = np.arange(chances.shape[1])
    np.testing.assert_allclose(found, chances @ (numbers * (numbers - 1) / 2), rtol=1e-9)


def test_a_voxel_that_has_room_for_one_halo_is_never_given_two():
    chances = Counting("exclusion").probabilities(np.array([3.0]), np.array([60.0]))[0]
    np.testing.assert_allclose(chances[:3], [1 / 4, 3 / 4, 0], atol=1e-12)


@pytest.mark.parametrize("law", ["exclusion"])
def test_the_sum_over_numbers_stays_finite_in_single_precision(law):
    z, at = tf.constant([0.0, 50.0, 1e4, 1e8]), tf.zeros(4)
    with tf.GradientTape() as tape:
        tape.watch((z, at))
        value = Counting(law).log_none(z, at)
    assert np.isfinite(value).all()
    assert all(np.isfinite(part).all() for part in tape.gradient(value, (z, at)))


@pytest.mark.parametrize("law", LAWS[1:])
def test_without_dispersion_the_numbers_are_poisson(law):
    found = Counting(law).probabilities(MEANS, np.full(len(MEANS), 1e-7))
    np.testing.assert_allclose(found, stats.poisson.pmf(np.arange(found.shape[1]), MEANS[:, None]), atol=1e-6)


@pytest.mark.parametrize(
    ("law", "dispersion"), [(LAWS[1], 0.02), (LAWS[1], 1.0), (LAWS[2], -0.12), (LAWS[2], 0.2), (LAWS[3], 0.7)]
)
def test_what_the_likelihood_takes_is_the_laws_own_probability(law, dispersion):
    counting, at = Counting(law), tf.constant(np.full(len(MEANS), dispersion))
    chances = counting.probabilities(MEANS, at.numpy())
    none = counting.log_none(tf.constant(MEANS), at).numpy()
    np.testing.assert_allclose(none, np.log(chances[:, 0]), atol=5e-3)
    for number in (1, 2):
        share = counting.log_share(tf.constant(np.full(len(MEANS), float(number))), tf.constant(MEANS), at).numpy()
        whole = number * (share + np.log(MEANS)) - special.gammaln(number + 1)
        np.testing.assert_allclose(whole, np.log(chances[:, number] / chances[:, 0]), atol=1e-9)


@pytest.mark.parametrize(("law", "dispersion"), [(LAWS[1], 0.6), (LAWS[2], -0.12), (LAWS[2], 0.3), (LAWS[3], 0.5)])
def test_drawn_numbers_scatter_as_their_law_says_and_masses_do_not_care(law, dispersion):
    rng, voxels = np.random.default_rng(5), 200_000
    parts = [np.repeat(np.array(values)[:, None], voxels, axis=1) for values in ([0.8, 0.2], [-0.5, 0.8], [0.7, 0.4])]
    plain = draw_haloes(parts, np.ones(voxels), np.random.default_rng(6))
    drawn = draw_haloes(parts, np.ones(voxels), rng, None, Counting(law), np.full(voxels, dispersion))
    numbers, poisson = (np.bincount(each.voxels, minlength=voxels) for each in (drawn, plain))
    mean, variance = moments(Counting(law).probabilities(np.array([poisson.mean()]), np.array([dispersion])))
    assert numbers.mean() == pytest.approx(mean[0], rel=0.015)
    assert numbers.var() == pytest.approx(variance[0], rel=0.02)
    assert stats.ks_2samp(drawn.log_mass[::5], plain.log_mass[::5]).pvalue > 1e-3


def test_a_law_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"law 'binomial' of counts is none of poisson, negative_binomial"):
        Counting("binomial")
