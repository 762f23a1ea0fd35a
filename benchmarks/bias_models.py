"""Neural bias models of one box in a table: laws of counts and what the engine sees, judged by what they have not seen.

python benchmarks/bias_models.py --fit inputs_0.h5 --unseen inputs_1.h5 --output bias_models.json

Both files are of prepare_neural_bias.py. Every model is fitted to the first box. Judged are ln L and BIC there, the
expected log predictive density of the second box, and catalogues drawn there: counts in cells and power spectra beside
those of its haloes; so are catalogues of other methods (--beside peak_patch=haloes.h5). A model that is done is not
fitted again.
"""

import argparse
import json
import logging
import time
from pathlib import Path

import numpy as np
from performance.measuring import machine

from halonet import console
from halonet.neural_bias.fit import make_problem
from halonet.neural_bias.fitted import SAMPLES, FittedBias, write_fitted
from halonet.neural_bias.inputs import read_inputs, read_pipeline_haloes
from halonet.neural_bias.results import (
    elsewhere,
    expected_counts,
    laplace_samples,
    make_bins,
    measure_clustering,
    posterior_predictive,
    predictive_density,
)
from halonet.provenance import provenance
from halonet.settings import CosmologySettings, NeuralBiasSettings
from halonet.storage import write_json

log = logging.getLogger("halonet")
CARRIED = [6.0, 3.0, 12.0, 24.0]
MODELS = {
    "poisson": {},
    "negative binomial": {"counts": "negative_binomial"},
    "generalised Poisson": {"counts": "generalised_poisson"},
    "exclusion": {"counts": "exclusion"},
    "parabolas": {"counts": "exclusion", "degree": 2},
    "three components": {"counts": "exclusion", "components": 3},
    "carried": {"counts": "exclusion", "carried_mpc": CARRIED},
    "carried, product": {"counts": "exclusion", "carried_mpc": CARRIED, "degree": 2},
    "carried, product, poisson": {"carried_mpc": CARRIED, "degree": 2},
}
DRAWS = 8
SIDES = (1, 2, 4, 8)  # voxels, of cells in which haloes are counted
BANDS = ((0.0, 0.05), (0.05, 0.1), (0.1, 0.15), (0.15, 0.2), (0.2, 0.3))  # 1/Mpc


def fitted(name, inputs):
    """Problem and parameters at the maximum of a model."""
    settings = NeuralBiasSettings(cells=inputs.cells, minimum_mass_msun=inputs.minimum_mass, engine=MODELS[name])
    problem = make_problem(inputs, settings)
    return problem, problem.maximum(1)


def judged(problem, theta, inputs, unseen):
    """All that a model is judged by."""
    rng = np.random.default_rng(1)
    haloes = len(problem.voxels.haloes)
    log_likelihood = -float(problem.likelihood(theta, problem.points("float64")))
    other = elsewhere(problem, unseen)
    drawn = posterior_predictive(other, unseen, np.repeat(theta[None], DRAWS, axis=0), rng)
    quartiles = {name: _quartiles(each, theta) for name, each in (("fit", problem), ("unseen", other))}
    return {
        "parameters": problem.model.parameters,
        "log_likelihood": log_likelihood,
        "bic": problem.model.parameters * float(np.log(haloes)) - 2 * log_likelihood,
        "elpd": predictive_density(problem, laplace_samples(problem, theta, rng), unseen),
        "quartiles": quartiles,
        "theta": theta.tolist(),
    } | _clustered(drawn)


def _quartiles(problem, theta):
    bins = make_bins(problem.voxels)
    expected = expected_counts(problem, bins, problem.points())(theta)
    return {"expected": expected.sum(axis=1).tolist(), "found": bins.found(problem.voxels).sum(axis=1).tolist()}


def catalogue_beside(path, unseen):
    """The same numbers of haloes that another method has found in the second box, above the same mass."""
    haloes = read_pipeline_haloes(path)
    positions = haloes.positions[haloes.mass >= unseen.minimum_mass]
    found, other = (
        measure_clustering(each, unseen.cells, unseen.box_size) for each in (unseen.haloes.positions, positions)
    )
    drawn = {"counts": [other.counts], "found_counts": found.counts, "power": other.power[None]}
    return {"haloes": len(positions)} | _clustered(drawn | {"k": found.k, "found_power": found.power})


def _clustered(drawn):
    """Variance of counts in cells and power in bands of catalogues, over those of the haloes themselves."""
    k, power = drawn["k"], drawn["power"].mean(axis=0)
    bands = [(k > low) & (k <= high) for low, high in BANDS]
    return {
        "variance": [_variance(drawn, side) for side in SIDES],
        "power": [float((power[b] * k[b] ** 2).sum() / (drawn["found_power"][b] * k[b] ** 2).sum()) for b in bands],
    }


def _variance(drawn, side):
    """Variance of counts in cells of ``side`` voxels, of draws over that of the haloes."""
    return float(
        np.mean([_counts(each, side).var() for each in drawn["counts"]]) / _counts(drawn["found_counts"], side).var()
    )


def _counts(counts, side):
    cells = round(len(counts) ** (1 / 3))
    return counts.reshape((cells // side, side) * 3).sum(axis=(1, 3, 5))


def main():
    """Parse the command line, fit and judge each model, and write after each of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fit", required=True, help="data that the models are fitted to (HDF5)")
    parser.add_argument("--unseen", required=True, help="data of another box, by which they are judged")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--beside", nargs="*", default=[], metavar="NAME=FILE", help="catalogues of the second box")
    parser.add_argument("--ship", nargs=2, metavar=("MODEL", "FILE"), help="also write one of the models, to draw from")
    parser.add_argument("--output", default="benchmarks/results/bias_models.json")
    arguments = parser.parse_args()
    inputs, unseen = read_inputs(arguments.fit), read_inputs(arguments.unseen)
    output = Path(arguments.output)
    results = json.loads(output.read_text()) if output.exists() else {"models": {}}
    results["haloes"] = {"fit": len(inputs.haloes), "unseen": len(unseen.haloes)}
    for name, path in (text.split("=", 1) for text in arguments.beside):
        results.setdefault("beside", {})[name] = catalogue_beside(path, unseen)
        write_json(output, results | {"machine": machine()})
    for name in arguments.models:
        if name in results["models"]:
            continue
        start = time.process_time()
        problem, theta = fitted(name, inputs)
        seconds = time.process_time() - start
        results["models"][name] = judged(problem, theta, inputs, unseen) | {"cpu_seconds": seconds}
        write_json(output, results | {"machine": machine()})
        log.info("%s: elpd %.0f, %.0f CPU s", name, results["models"][name]["elpd"], seconds)

    if arguments.ship:
        ship(*arguments.ship, inputs, results["models"])


def ship(name, path, inputs, models):
    """Write a model with samples of the Gaussian that has the curvature of its posterior."""
    settings = NeuralBiasSettings(cells=inputs.cells, minimum_mass_msun=inputs.minimum_mass, engine=MODELS[name])
    problem = make_problem(inputs, settings)
    samples = laplace_samples(problem, np.array(models[name]["theta"]), np.random.default_rng(2), SAMPLES)
    cosmology = CosmologySettings(**inputs.header.known_cosmology())
    record = provenance("neural bias", settings.model_dump(), inputs.header.seed)
    write_fitted(path, FittedBias.of(problem, inputs, samples, cosmology), record)


if __name__ == "__main__":
    console.run(main)
