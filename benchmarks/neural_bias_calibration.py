"""Simulation-based calibration of the neural bias model on 16^3 voxels (Talts et al. 2018; Gandy & Scott 2020).

Parameters drawn from the prior, haloes drawn from these, posterior draws given those haloes: if sampler, likelihood and
draws are what they say, the rank of every true parameter among its posterior draws is uniform. The posteriors of so few
haloes have many maxima, between which one chain rarely goes. The truth, which is itself a draw from the posterior, is
therefore put at a random place of the chain, which runs from it forwards and backwards: for a reversible sampler ranks
are then uniform however slowly it mixes, and an error anywhere still drives the chain away from the truth.
"""

import json
import multiprocessing

import numpy as np

CELLS, BOX_SIZE = 16, 100.0  # Mpc
LARGEST_LOG_MASS = 4.0  # without it, a few truths expect far too many haloes
DRAWS, BINS, PADDING = 31, 8, 1024
# Some 70 haloes in the median.
ROWS = [-9.0, -10.5, -1.0, 0.5, -0.5, -1.0]
SAMPLER = {"warmup": 300, "samples": DRAWS, "thinning": 15, "guide_points": None, "trajectory": 1.5, "most_steps": 24}


def calibration(arguments):
    """Simulation-based calibration on 16^3 voxels: ranks of the true parameters among posterior draws."""
    path = arguments.folder / "ranks.jsonl"
    arguments.folder.mkdir(parents=True, exist_ok=True)
    done = {json.loads(line)["replicate"] for line in path.read_text().splitlines()} if path.exists() else set()
    todo = [replicate for replicate in range(arguments.replicates) if replicate not in done]
    with multiprocessing.get_context("spawn").Pool(arguments.processes, prepare) as pool, open(path, "a") as file:
        for result in pool.imap_unordered(calibrate, todo):
            file.write(json.dumps(result) + "\n")
            file.flush()
    report(arguments, [json.loads(line) for line in path.read_text().splitlines()])


def report(arguments, results):
    """Histograms of the ranks, and chi-square tests of their uniformity."""
    from scipy import stats

    from halonet.neural_bias.fit import NeuralBiasModel

    names = [*NeuralBiasModel().names(), "haloes", "haloes, densest tenth"]
    ranks = np.array([result["ranks"] for result in sorted(results, key=lambda result: result["replicate"])])
    counts = [np.histogram(column, BINS, (-0.5, DRAWS + 0.5))[0] for column in ranks.T]
    probabilities = [float(stats.chisquare(count).pvalue) for count in counts]
    arguments.record(
        arguments,
        "neural_bias_calibration",
        {
            "replicates": len(ranks),
            "draws": DRAWS,
            "haloes": {"median": float(np.median([result["haloes"] for result in results]))},
            "p_of_uniform_ranks": dict(zip(names, probabilities, strict=True)),
            "smallest_p": min(probabilities),
            "smallest_p_expected_below": 1 - 0.95 ** (1 / len(names)),
            "p_of_the_p": float(stats.kstest(probabilities, "uniform").pvalue),
            "ranks": ranks.tolist(),
        },
    )
    draw_ranks(names, counts, probabilities, len(ranks), arguments.folder / "neural_bias_calibration.png")


def prepare():
    """A process's model, field and compiled potential, once."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from scipy.ndimage import gaussian_filter

    from halonet.neural_bias.fit import Compiled, Likelihood, NeuralBiasModel, Offsets

    global model, features, likelihood, compiled
    # Faint enough for the prior of unit width to expect catalogues of usual size.
    field = gaussian_filter(np.random.default_rng(1).standard_normal((CELLS,) * 3), 1.5, mode="wrap")
    features = NeuralBiasModel().features(tf.constant(0.03 * field / field.std(), tf.float64)).numpy()
    model = NeuralBiasModel().with_offsets(Offsets(np.array(ROWS), features.mean(axis=1), np.log(2)))
    likelihood = Likelihood(model, LARGEST_LOG_MASS)
    compiled = Compiled(likelihood, prior_width=1.0)


def calibrate(replicate):
    """Ranks of one truth: its parameters, and the numbers of haloes it expects everywhere and where it is dense."""
    from halonet.neural_bias.fit import Posterior, gather_points
    from halonet.sampling.chain import Chain
    from halonet.sampling.maximum import inverse_curvature, minimise
    from halonet.sampling.samplers import make_sampler
    from halonet.settings import SamplerSettings

    rng, volumes = np.random.default_rng([7, replicate]), np.full(CELLS**3, (BOX_SIZE / CELLS) ** 3)
    truth = rng.standard_normal(model.parameters)
    drawn = mock(truth, volumes, rng)
    length = PADDING * 2 ** max(0, int(np.ceil(np.log2(max(len(drawn.voxels), 1) / PADDING))))
    points = gather_points(model, features, volumes, drawn.voxels, drawn.log_mass, "float64", length)
    posterior, settings = Posterior(compiled, points), SamplerSettings(**SAMPLER)
    found = minimise(posterior.energy_and_gradient, 0.1 * rng.standard_normal(len(truth)), 15, 0.1)
    sampler = make_sampler(posterior, found.theta, inverse_curvature(found.hessian, 1.0), settings)
    Chain(sampler, settings, 3, replicate).run(until=settings.warmup)
    values = np.array([judged(sample) for sample in draws_around(truth, sampler, settings, rng)])
    ranks = (values < judged(truth)).sum(axis=0)
    return {"replicate": replicate, "haloes": len(drawn.voxels), "ranks": ranks.tolist()}


def draws_around(truth, sampler, settings, rng):
    """Draws of a chain with frozen metric and step in which the truth stands at a random place."""
    from halonet.sampling.hamiltonian import place

    before = rng.integers(settings.samples + 1)
    for count in (before, settings.samples - before):  # a reversible chain is the same in either direction
        sampler.here = place(sampler.target, truth)
        for _ in range(count):
            for _ in range(settings.thinning):
                sampler.advance(settings.warmup, rng)
            yield sampler.theta


def mock(truth, volumes, rng):
    """Haloes drawn from a true theta."""
    import tensorflow as tf

    from halonet.neural_bias.results import draw_from

    return draw_from(model, truth, tf.constant(features), volumes, rng, LARGEST_LOG_MASS)


def judged(theta):
    """Parameters, and expected haloes per cubic Mpc in all voxels and in the densest tenth."""
    import tensorflow as tf

    at = tf.constant(theta, tf.float64)
    density = likelihood.activities(at, model.summary(at, tf.constant(features))).numpy()
    dense = features[0] > np.quantile(features[0], 0.9)
    return np.r_[theta, density.sum(), density[dense].sum()]


def draw_ranks(names, counts, probabilities, replicates, path):
    """Histograms of the ranks, with the range that 99% of uniform ones stay in."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from scipy import stats

    from halonet.figures.style import FAINT, PREDICTION, TRUTH, new_figure, styled

    @styled
    def draw():
        figure, axes = new_figure(11, 7, 4, 5, sharex=True, sharey=True)
        low, high = stats.binom.ppf([0.005, 0.995], replicates, 1 / BINS)
        edges = np.linspace(0, DRAWS + 1, BINS + 1)
        for axis, name, count, probability in zip(axes, names, counts, probabilities, strict=False):
            axis.stairs(count, edges, fill=True, color=PREDICTION, alpha=0.7)
            axis.axhspan(low, high, color=FAINT, zorder=0)
            axis.axhline(replicates / BINS, color=TRUTH, lw=0.8)
            axis.set_title(f"{name.replace('layer0.', '')}, p = {probability:.2f}", fontsize=8)
        axes[-1].axis("off")
        figure.supxlabel(f"rank of the truth among {DRAWS} posterior draws", fontsize=9.5)
        figure.supylabel(f"of {replicates} simulations", fontsize=9.5)
        FigureCanvasAgg(figure).print_figure(path, dpi=110)

    draw()
