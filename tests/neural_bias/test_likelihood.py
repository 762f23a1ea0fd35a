import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate, special, stats

from halonet.neural_bias.compression import compress
from halonet.neural_bias.coordinates import Anchored, carried_over
from halonet.neural_bias.counting import LAWS, Counting
from halonet.neural_bias.draws import draw_haloes
from halonet.neural_bias.layers import Layer
from halonet.neural_bias.likelihood import Likelihood
from halonet.neural_bias.mixture import Components, Mixture, components, log_mass_function, number_density
from halonet.neural_bias.offsets import fitted_offsets, integral, paper_offsets
from halonet.neural_bias.points import gather_points
from halonet.neural_bias.special import erfcx


def one(amplitude, mean, width, dtype=tf.float64):
    return Components(*([tf.constant(value, dtype)] for value in (amplitude, mean, width)))


@pytest.mark.parametrize(
    ("amplitude", "mean", "width", "value"),
    [
        (1e-3, 0.0, 1.0, 1.38714298e-3),
        (1e-3, -2.0, 0.7, 1.97996394e-5),
        (1e-3, 3.0, 1.5, 3.07950030e-3),
        (2e-4, 0.5, 2.2, 2.23206375e-3),
    ],
)
def test_the_number_density_has_its_reference_values(amplitude, mean, width, value):
    assert float(number_density(one(amplitude, mean, width))) == pytest.approx(value, rel=1e-6)
    assert integral(np.array(amplitude), np.array(mean), np.array(width)) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(("mean", "width"), [(0.0, 1.0), (-9.0, 0.6), (-20.0, 4.0), (4.0, 0.2), (-2.0, 2.0)])
@pytest.mark.parametrize("lower", [0.0, 1.5])
def test_the_number_density_is_the_integral_of_the_mass_function(mean, width, lower):
    parts = one(1e-2, mean, width)
    peak = max(lower, mean + width**2)

    def mass_function(u):
        return float(tf.exp(log_mass_function(parts, tf.constant(u, tf.float64))))

    numeric = sum(
        integrate.quad(mass_function, a, b, epsabs=0, epsrel=1e-10)[0]
        for a, b in ((lower, peak), (peak, peak + width), (peak + width, peak + 12 * width))
        if b > a
    )
    assert float(number_density(parts, lower)) == pytest.approx(numeric, rel=1e-7)


def test_the_mass_function_is_that_of_the_paper_per_logarithm_of_mass():
    # n(M) = alpha exp(-mu) N(ln M | mu, sigma) with absolute means, M in units of the threshold here.
    amplitude, mean, width, log_mass = 2e-3, 0.4, 0.9, 1.3
    direct = amplitude * np.exp(log_mass - mean) * stats.norm.pdf(log_mass, mean, width)
    found = float(log_mass_function(one(amplitude, mean, width), tf.constant(log_mass, tf.float64)))
    assert found == pytest.approx(np.log(direct), rel=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(tf.float32, 5e-7), (tf.float64, 1e-14)])
def test_the_scaled_error_function_equals_that_of_scipy(dtype, tolerance):
    z = np.concatenate([np.linspace(0, 30, 500), [1e3, 1e6]])
    np.testing.assert_allclose(erfcx(tf.constant(z, dtype)), special.erfcx(z), rtol=tolerance)


@pytest.mark.parametrize("width", [0.05, 1.0, 8.0])
@pytest.mark.parametrize("mean", [-60.0, -3.0, 0.0, 5.0])
def test_number_density_and_gradient_stay_finite_in_single_precision(mean, width):
    variables = [tf.constant(value, tf.float32) for value in (1e-3, mean, width)]
    with tf.GradientTape() as tape:
        tape.watch(variables)
        value = number_density(Components(*([v] for v in variables)))
    assert np.isfinite([float(value), *map(float, tape.gradient(value, variables))]).all()


def test_means_are_ordered_and_the_gap_of_the_paper_has_no_gradient_where_it_is_closed():
    rows = [tf.constant(value, tf.float64) for value in (0.0, 0.0, 1.0, -0.5, 0.0, 0.0)]
    for gap, slope in (("softplus", True), ("relu", False)):
        with tf.GradientTape() as tape:
            tape.watch(rows)
            low, high = components(Mixture(mean_gap=gap), rows).mean
        assert float(high) >= float(low)
        assert (float(tape.gradient(high, rows[3])) > 0) is slope


def test_no_component_can_be_narrower_than_the_minimum():
    rows = [tf.constant(-50.0, tf.float64)] * 6
    assert min(float(w) for w in components(Mixture(minimum_width=0.05), rows).width) >= 0.05


@pytest.fixture(scope="module")
def data(field):
    rng = np.random.default_rng(8)
    volumes = rng.uniform(0.2, 1.0, 12**3) * 30.0
    volumes[rng.random(12**3) < 0.1] = 0.0
    voxels = rng.choice(np.flatnonzero(volumes), 150)
    return volumes, voxels, rng.exponential(1.0, 150)


ENGINES = {
    "default": {},
    "local": {"layers": (Layer(1),)},
    "multipoles": {"layers": (Layer(3, ((0, 1), (1, 1), (2, 1))),)},
    "invariant": {"layers": (Layer(3, ((0, 1), (2, 1))),), "invariant": True},
    "two layers and dense": {"layers": (Layer(3, ((0, 2),)), Layer(3)), "dense": (2,)},
    "paper": {"mixture": Mixture(mean_gap="relu", minimum_width=0.0)},
    "parabolas": {"degree": 2},
    "negative binomial": {"counting": Counting("negative_binomial")},
    "generalised Poisson parabolas": {"counting": Counting("generalised_poisson"), "degree": 2},
    "carried": {"carried": 2},
    "carried with product": {"carried": 2, "degree": 2, "counting": Counting("exclusion")},
    "exclusion": {"counting": Counting("exclusion")},
    "three components": {"mixture": Mixture(components=3), "rows": (-4, -5, -6, -1.5, 1, 1, 1, 0, 0)},
}


@pytest.mark.parametrize("name", ENGINES)
def test_the_gradient_of_the_likelihood_equals_central_differences(field, make_model, data, name):
    model = make_model(**ENGINES[name])
    features = model.features(tf.constant(field)).numpy()
    brought = [np.roll(field, shift, axis=0).ravel() for shift in range(1, model.carried + 1)]
    points = gather_points(model, np.vstack([features, *brought]), *data, "float64")
    exact = Likelihood(model, largest_log_mass=9.0)
    likelihood = tf.function(lambda theta, points: exact(theta, points), autograph=False)
    theta = 0.2 / model.degree**2 * np.random.default_rng(2).standard_normal(model.parameters)
    with tf.GradientTape() as tape:
        at = tf.constant(theta)
        tape.watch(at)
        value = likelihood(at, points)
    gradient = tape.gradient(value, at).numpy()

    def potential(place):
        return float(likelihood(tf.constant(place), points))

    for i, shift in enumerate(1e-4 * np.eye(model.parameters)):
        difference = (potential(theta + shift) - potential(theta - shift)) / 2e-4
        assert gradient[i] == pytest.approx(difference, rel=1e-5, abs=1e-5), model.names()[i]


def test_the_likelihood_is_differentiable_with_respect_to_the_density(field, make_model, data):
    model = make_model()
    volumes, voxels, log_mass = data
    theta = tf.constant(0.2 * np.random.default_rng(2).standard_normal(17))

    def value(values):
        features = model.features(values)
        points = gather_points(model, np.zeros(features.shape), volumes, voxels, log_mass, "float64")
        points = points._replace(features=features, haloes=tf.gather(features, voxels, axis=1))
        return Likelihood(model)(theta, points)

    with tf.GradientTape() as tape:
        at = tf.constant(field)
        tape.watch(at)
        total = value(at)
    gradient = tape.gradient(total, at).numpy()
    for place in ((0, 0, 0), (5, 11, 2)):
        shift = np.zeros_like(field)
        shift[place] = 1e-4
        difference = float(value(tf.constant(field + shift)) - value(tf.constant(field - shift))) / 2e-4
        assert gradient[place] == pytest.approx(difference, rel=1e-5)


def test_the_likelihood_of_a_known_model_equals_a_direct_sum(field, make_model, data):
    model = make_model()
    volumes, voxels, log_mass = data
    theta = 0.3 * np.random.default_rng(5).standard_normal(17)
    features = model.features(tf.constant(field)).numpy()
    points = gather_points(model, features, volumes, voxels, log_mass, "float64")
    centred = features - features.mean(axis=1, keepdims=True)
    psi = np.logaddexp(0, theta[:4] @ centred + theta[4]) - np.log(2)
    slopes, biases = theta[5:].reshape(3, 2, 2).transpose(1, 0, 2)
    rows = slopes[..., None] * psi + biases[..., None] + np.array([-4.0, -5.0, -1.5, 1.0, 1.0, 0.0]).reshape(3, 2, 1)
    amplitude, width = np.logaddexp(0, rows[0]), np.logaddexp(0, rows[2]) + 0.05
    mean = np.stack([rows[1, 0], rows[1, 0] + np.logaddexp(0, rows[1, 1])])
    expected = np.sum(volumes * integral(amplitude, mean, width))
    found = 0.0
    for voxel, u in zip(voxels, log_mass, strict=True):
        a, m, s = amplitude[:, voxel], mean[:, voxel], width[:, voxel]
        found += np.log(np.sum(a * np.exp(u - m) * stats.norm.pdf(u, m, s)))
    assert float(Likelihood(model)(tf.constant(theta), points)) == pytest.approx(expected - found, rel=1e-10)


@pytest.mark.parametrize("law", LAWS[1:])
def test_the_likelihood_of_other_laws_is_that_of_every_voxels_number_times_its_masses(field, make_model, data, law):
    volumes, voxels, log_mass = data
    model = make_model(counting=Counting(law))
    features = model.features(tf.constant(field)).numpy()
    points = gather_points(model, features, *data, "float64")
    numbers, values = np.bincount(voxels, minlength=len(volumes)), []
    for seed in (1, 2):
        theta = tf.constant(0.2 * np.random.default_rng(seed).standard_normal(model.parameters))
        summary = model.summary(theta, features)
        parts = model.mass_function(theta, summary)
        density, dispersion = number_density(parts).numpy(), model.dispersion(theta, summary).numpy()
        chances = model.counting.probabilities(volumes * density, dispersion)
        of_numbers = np.log(chances[np.arange(len(numbers)), numbers]).sum()
        at_haloes = Components(*([tf.gather(part, voxels) for part in values] for values in parts))
        of_masses = (log_mass_function(at_haloes, tf.constant(log_mass)).numpy() - np.log(density[voxels])).sum()
        values.append(float(Likelihood(model)(theta, points)) + of_numbers + of_masses)
    assert values[0] == pytest.approx(values[1], abs=1e-3)  # a constant of the data; the law's sum is one to rounding


@pytest.mark.parametrize("law", LAWS[1:])
def test_without_dispersion_every_law_is_that_of_poisson(field, make_model, data, law):
    poisson, other = make_model(), make_model(counting=Counting(law))
    theta = 0.2 * np.random.default_rng(3).standard_normal(17)
    features = poisson.features(tf.constant(field)).numpy()
    none = -60.0 if law == "negative_binomial" else 0.0  # of the output behind the dispersion
    value = Likelihood(other)(tf.constant(np.r_[theta, 0.0, none]), gather_points(other, features, *data, "float64"))
    expected = Likelihood(poisson)(tf.constant(theta), gather_points(poisson, features, *data, "float64"))
    assert float(value) == pytest.approx(float(expected), abs=1e-6)


def test_padding_changes_no_likelihood(field, make_model, data):
    model = make_model()
    features, theta = model.features(tf.constant(field)).numpy(), tf.constant(np.full(17, 0.1))
    plain, padded = (gather_points(model, features, *data, "float64", length) for length in (None, 400))
    assert padded.log_mass.shape == (400,)
    assert float(Likelihood(model)(theta, plain)) == pytest.approx(float(Likelihood(model)(theta, padded)), rel=1e-12)


def test_single_precision_knows_the_energy_well_enough_to_accept_by(field, make_model, data):
    model = make_model()
    features, theta = model.features(tf.constant(field)).numpy(), tf.constant(np.full(17, 0.1))
    values = [float(Likelihood(model)(theta, gather_points(model, features, *data, d))) for d in ("float32", "float64")]
    assert values[0] == pytest.approx(values[1], abs=0.01)


def test_the_fitted_constants_make_theta_zero_the_global_mass_function(field, make_model):
    model = make_model()
    rng, volume = np.random.default_rng(3), 12**3 * 50.0
    parts = [np.array(p)[:, None] for p in ([0.01, 0.002], [-1.0, 1.5], [1.0, 0.6])]
    log_mass = draw_haloes(parts, np.array([volume]), rng).log_mass
    offsets = fitted_offsets(model, log_mass, volume, np.zeros(4))
    centred = model.with_offsets(offsets)
    fitted = centred.mass_function(tf.zeros(17, tf.float64), tf.zeros(1, tf.float64))
    assert float(number_density(fitted)[0]) * volume == pytest.approx(len(log_mass), rel=0.02)
    for lower in (0.5, 1.5, 2.5):
        above = (log_mass > lower).sum()
        assert abs(float(number_density(fitted, lower)[0]) * volume - above) < 4 * above**0.5


def test_the_constants_of_the_public_code_expect_far_too_many_haloes(make_model):
    model = make_model()
    model = model.with_offsets(paper_offsets(model, 4))
    parts = model.mass_function(tf.zeros(17, tf.float64), tf.zeros(1, tf.float64))
    assert float(number_density(parts)[0]) * 250.0**3 > 1e14


def test_too_few_haloes_for_the_constants_are_refused(make_model):
    with pytest.raises(ValueError, match="5 haloes cannot fit"):
        fitted_offsets(make_model(), np.ones(5), 1.0, np.zeros(4))


@pytest.mark.parametrize("law", ["poisson", "exclusion"])
def test_a_few_hundred_points_stand_for_all_voxels_in_the_gradient(field, make_model, data, law):
    model = make_model(counting=Counting(law))
    points = gather_points(model, model.features(tf.constant(field)).numpy(), *data, "float64")
    guide = compress(points, 300)
    assert guide.features.shape == (4, 300)
    if law == "poisson":
        assert float(tf.reduce_sum(guide.volumes)) == pytest.approx(data[0].sum(), rel=1e-12)
        np.testing.assert_allclose(guide.features @ guide.volumes[:, None], points.features @ points.volumes[:, None])
    theta = tf.constant(np.r_[0.3, 0.02, 0.01, 0.01, 0.0, 0.5, 0.3, np.zeros(model.parameters - 7)])
    gradients = []
    for these in (guide, points):
        with tf.GradientTape() as tape:
            tape.watch(theta)
            value = Likelihood(model)(theta, these)
        gradients.append(tape.gradient(value, theta))
    np.testing.assert_allclose(*gradients, atol=2.0, rtol=0.05)
    assert compress(points, 10**6).features.shape[1] == (data[0] > 0).sum()


ANCHORS = np.array([-0.1, -0.5, -1.0, -0.8]), np.array([0.8, 3.0, 5.0, 3.0])
EMPTY = np.array([-0.4, -2.0, -3.0, -2.5])


@pytest.mark.parametrize("pivots", [None, np.array([0.4, 1.5])], ids=["outputs", "values and slopes"])
@pytest.mark.parametrize("name", ["default", "generalised Poisson parabolas", "carried", "carried with product"])
def test_anchored_coordinates_lead_back_and_carry_the_volume_they_change(make_model, name, pivots):
    model = make_model(**ENGINES[name])
    anchors = (EMPTY, *ANCHORS)[-model.degree - 1 :]
    if model.carried:
        rows = [np.r_[first, second, 0.1] for second in (-0.1, 0.9) for first in ANCHORS]
        anchors = rows if model.degree > 1 else [rows[0], rows[1], rows[3]]
    coordinates = Anchored(model, anchors, pivots)
    theta = 0.3 * np.random.default_rng(0).standard_normal(model.parameters)
    theta[0] = theta[5] = 0.4
    phi = coordinates.phi(theta)
    back, log_volume = coordinates.theta(tf.constant(phi))
    np.testing.assert_allclose(back, theta, atol=1e-12)
    columns = [
        (coordinates.theta(tf.constant(phi + s))[0] - coordinates.theta(tf.constant(phi - s))[0]) / 2e-5
        for s in 1e-5 * np.eye(model.parameters)
    ]
    assert np.linalg.slogdet(np.array(columns))[1] == pytest.approx(float(log_volume), abs=1e-6)
    with pytest.raises(ValueError, match="sign"):
        coordinates.phi(-theta)


def test_a_covariance_goes_over_to_other_coordinates_as_a_cloud_of_points_does(make_model):
    model, rng = make_model(), np.random.default_rng(1)
    old, new = Anchored(model, ANCHORS), Anchored(model, ANCHORS, np.array([0.4, 1.5]))
    theta = 0.3 * rng.standard_normal(17)
    theta[0] = 0.4
    place, root = old.phi(theta), 1e-4 * rng.standard_normal((17, 17))
    expected = np.array([new.phi(old.theta(tf.constant(place + shift))[0].numpy()) for shift in root.T])
    expected -= new.phi(theta)
    covariance = carried_over(root @ root.T, place, old, new)
    np.testing.assert_allclose(covariance, expected.T @ expected, rtol=0.05, atol=1e-3 * np.abs(covariance).max())
