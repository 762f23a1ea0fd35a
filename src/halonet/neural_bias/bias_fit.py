"""A fit put together: model, data on the engine's voxels, posterior and where its chains start."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import tensorflow as tf

from halonet.initial_conditions.noise import generator
from halonet.neural_bias.compression import compress
from halonet.neural_bias.coordinates import Anchored, Coordinates, Plain, carried_over, has_anchors
from halonet.neural_bias.counting import Counting
from halonet.neural_bias.environments import anchor_features
from halonet.neural_bias.features import engine_features
from halonet.neural_bias.inputs import Inputs
from halonet.neural_bias.layers import Layer
from halonet.neural_bias.likelihood import Compiled, Likelihood, Posterior
from halonet.neural_bias.mixture import Mixture
from halonet.neural_bias.model import NeuralBiasModel
from halonet.neural_bias.offsets import fitted_offsets, global_mass_function, paper_offsets
from halonet.neural_bias.outputs import pivot_masses
from halonet.neural_bias.points import Points, gather_points
from halonet.neural_bias.voxels import Voxels, make_voxels
from halonet.sampling.maximum import Optimum, hessian, inverse_curvature, minimise, refined
from halonet.settings import EngineSettings, NeuralBiasSettings

FIRST_CONTRAST = 2.0
# Short searches for the maximum, those that are carried through, and points that stand for all of them. On Peak Patch
# haloes half of all starts lead to the best maximum, the others to two that are 23 and 43 lower in ln L.
STARTS, FINALISTS, SEARCH_POINTS = 8, 3, 4096
STEPS_FROM_NEAR = 40  # of Newton's


def make_model(settings: EngineSettings) -> NeuralBiasModel:
    """Model of the settings, its constants still to be set."""
    layers = tuple(Layer(layer.kernel, tuple(zip(layer.ell, layer.filters, strict=True))) for layer in settings.layers)
    mixture = Mixture(settings.components, settings.mean_gap, settings.minimum_width)
    return NeuralBiasModel(
        layers,
        tuple(settings.dense),
        mixture,
        settings.boundary,
        settings.invariant,
        len(settings.carried_mpc),
        settings.degree,
        Counting(settings.counts),
    )


@dataclass(frozen=True)
class Problem:
    """Data and model of a fit."""

    settings: NeuralBiasSettings
    model: NeuralBiasModel
    voxels: Voxels
    features: np.ndarray
    likelihood: Likelihood

    def points(self, dtype: str | None = None) -> Points:
        """Points of the likelihood, in the settings' precision by default."""
        v, dtype = self.voxels, dtype or self.settings.precision
        return gather_points(self.model, self.features, v.volumes, v.haloes, v.log_mass, dtype)

    @cached_property
    def coordinates(self) -> Coordinates:
        """What chains move in."""
        mixture, log_mass = self.model.mixture, self.voxels.log_mass
        return self._anchored(
            pivot_masses(mixture, global_mass_function(mixture, log_mass, self.voxels.volumes.sum()), log_mass)
        )

    @cached_property
    def searched(self) -> Coordinates:
        """What the search for the maximum moves in."""
        return self._anchored(None)

    def _anchored(self, pivots: np.ndarray | None) -> Coordinates:
        if self.settings.sampler.kind != "frozen_metric" or not has_anchors(self.model):
            return Plain()
        return Anchored(self.model, anchor_features(self.model, self.features, self.voxels), pivots)

    @cached_property
    def compiled(self) -> Compiled:
        """The compiled potential."""
        return Compiled(self.likelihood, self.settings.engine.prior_width, self.coordinates)

    def posterior(self, dtype: str | None = None) -> Posterior:
        """The posterior, its gradients from the guide where the model and the settings allow one."""
        points, clusters = self.points(dtype), self.settings.sampler.guide_points
        guide = compress(points, clusters) if clusters is not None and self.model.is_pointwise else None
        return Posterior(self.compiled, points, guide)

    def first_theta(self, rng: np.random.Generator) -> np.ndarray:
        """Parameters, shape (parameters,), from which a search starts.

        They lie near the prior's centre, which itself is a saddle, and make more haloes where it is denser.
        The weights of the summaries are small against the spread of what they multiply: sums over many neighbours
        would otherwise drown the voxel itself.
        """
        blocks = {name: 0.1 * rng.standard_normal(shape) for name, shape in self.model.shapes.items()}
        column = 0
        for name, block in blocks.items():
            if name.startswith("layer0.l") or name == "carried.weights":
                spread = self.features[column : column + block.shape[-1]].std(axis=1)
                block /= np.maximum(spread, 1e-6)
                if column == 0 or name == "carried.weights":
                    block.flat[0] = 0.5 / max(spread[0], 1e-6)
                column += block.shape[-1]
        if self.model.is_pointwise and not self.model.dense:
            self._steepen(blocks)
        return np.concatenate([block.ravel() for block in blocks.values()])

    def _steepen(self, blocks: dict[str, np.ndarray]) -> None:
        """Amplitudes that fall by ``FIRST_CONTRAST`` e-folds from where haloes are to the mean of the volume."""
        theta = np.concatenate([block.ravel() for block in blocks.values()])
        summary = self.model.summary(tf.constant(theta), tf.constant(self.features.astype(np.float64))).numpy()
        psi = summary[0] if self.model.carried else summary
        dense = psi[self.voxels.haloes].mean()
        slope = FIRST_CONTRAST / max(dense - np.average(psi, weights=self.voxels.volumes), 1e-3)
        blocks["amplitude.weights"][0] += slope
        blocks["amplitude.bias"] -= slope * dense

    def optimum(self, seed: int, index: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Start of a chain near the maximum, and the inverse curvature there, both in the sampled coordinates.

        Their shapes are (parameters,) and (parameters, parameters).
        """
        found = refined(self._potential(self.points("float64")), self.search(seed, index))
        theta = self.searched.theta(tf.constant(found.theta))[0].numpy()
        covariance = carried_over(inverse_curvature(found.hessian), found.theta, self.searched, self.coordinates)
        return self.coordinates.phi(theta), covariance

    def curvature(self, theta: np.ndarray) -> np.ndarray:
        """Inverse curvature of the posterior at parameters, in the coordinates of the search; of few points."""
        gradient = self._few()
        return inverse_curvature(hessian(lambda phi: gradient(phi)[1], self.searched.phi(theta)))

    def maximum(self, seed: int, near: np.ndarray | None = None) -> np.ndarray:
        """Theta, shape (parameters,), at the maximum of its whole posterior; searched also from ``near``."""
        potential = self._potential(self.points("float64"))
        found = [refined(potential, self.search(seed))]
        if near is not None:
            found.append(refined(potential, self._near(near)))
        best = min(found, key=lambda each: each.energy)
        return self.searched.theta(tf.constant(best.theta))[0].numpy()

    def search(self, seed: int, index: int = 0, iterations: int = 200) -> Optimum:
        """Maximum of the posterior of theta from random starts, in the coordinates of the search.

        Of few points that stand for all. The posterior has side maxima: of short searches from different starts the
        best few are carried through. The more parameters, the more of them: what is beside one summary and degree 1
        joins at the maximum without it.
        """
        if self.model.channels > 1 and not self.model.dense:
            return self._near(self._grown(seed, index))
        potential = self._few()
        rng = generator(seed, "neural bias start", index)
        starts = [self.searched.phi(self.first_theta(rng)) for _ in range(STARTS)]
        tried = [minimise(potential, start, iterations // 10) for start in starts]
        finalists = sorted(tried, key=lambda found: found.energy)[:FINALISTS]
        return min((minimise(potential, each.theta, iterations) for each in finalists), key=lambda found: found.energy)

    def _grown(self, seed: int, index: int) -> np.ndarray:
        """Parameters at the maximum for one summary and degree 1; what joins there decides nothing yet."""
        engine, constants = len(self.features) - self.model.carried, self.model.known_offsets
        constants = replace(constants, feature_means=constants.feature_means[:engine])
        model = replace(self.model, carried=0, degree=1, offsets=constants)
        likelihood = replace(self.likelihood, model=model)
        first = replace(self, model=model, features=self.features[:engine], likelihood=likelihood)
        theta = first.searched.theta(tf.constant(first.search(seed, index).theta))[0].numpy()
        grown = embedded(theta, model, self.model)
        if self.model.carried:
            sizes = [int(np.prod(shape)) for shape in self.model.shapes.values()]
            at = sum(sizes[: list(self.model.shapes).index("carried.weights")])
            grown[at] = 0.5 / max(self.features[engine].std(), 1e-6)
        return grown

    def _near(self, theta: np.ndarray) -> Optimum:
        """Maximum of few points beside given parameters."""
        return minimise(self._few(), self.searched.phi(theta), STEPS_FROM_NEAR)

    def _few(self) -> Callable:
        """Potential of few points that stand for all, in float64, which differences of gradients need."""
        points = self.points("float64")
        return self._potential(compress(points, SEARCH_POINTS) if self.model.is_pointwise else points)

    @cached_property
    def _compiled_search(self) -> Compiled:
        """The potential in the coordinates of the search."""
        return Compiled(self.likelihood, self.settings.engine.prior_width, self.searched)

    def _potential(self, points: Points) -> Callable:
        return Posterior(self._compiled_search, points).energy_and_gradient


def make_problem(inputs: Inputs, settings: NeuralBiasSettings) -> Problem:
    """Put a fit together; the constants of the model are fitted to the catalogue where the settings ask for it."""
    model = make_model(settings.engine)
    features = engine_features(model, inputs, settings)
    voxels = make_voxels(inputs, model.trimmed_cells)
    fullest, largest = int(np.bincount(voxels.haloes).max()), model.counting.largest
    if largest is not None and fullest > largest:
        raise ValueError(
            f"engine.counts = {settings.engine.counts!r} counts to {largest} haloes in a voxel, and one has {fullest}; "
            f"take more cells than neural_bias.cells = {inputs.cells}"
        )
    if settings.engine.offsets == "paper":
        offsets = paper_offsets(model, len(features))
    else:
        means = features.mean(axis=1, dtype=np.float64)
        offsets = fitted_offsets(model, voxels.log_mass, voxels.volumes.sum(), means, settings.engine.centre)
    model = model.with_offsets(offsets)
    return Problem(settings, model, voxels, features, Likelihood(model, inputs.largest_log_mass))


def elsewhere(problem: Problem, inputs: Inputs) -> Problem:
    """The same model, its constants included, with the density and the haloes of another box."""
    features = engine_features(problem.model, inputs, problem.settings)
    return replace(problem, voxels=make_voxels(inputs, problem.model.trimmed_cells), features=features)


def with_kernel(settings: NeuralBiasSettings, kernel: int) -> NeuralBiasSettings:
    """The same fit with another receptive field of its first layer."""
    layers = list(settings.engine.layers)
    layers[0] = layers[0].model_copy(update={"kernel": kernel})
    return settings.model_copy(update={"engine": settings.engine.model_copy(update={"layers": layers})})


def embedded(theta: np.ndarray, model: NeuralBiasModel, larger: NeuralBiasModel) -> np.ndarray:
    """Parameters, shape (parameters of ``larger``,), with which it does what ``model`` does with ``theta``.

    Both are the same model but for their kernels (l = 0), a second summary or the degree; what only the larger one has
    gets no weight.
    """
    blocks = {name: np.zeros(shape) for name, shape in larger.shapes.items()}
    for name, block in model.unpack(theta).items():
        target = blocks[name]
        target[tuple(map(slice, block.shape))] = block
    return np.concatenate([block.ravel() for block in blocks.values()])
