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
from halonet.neural_bias.evolution import voxel_of
from halonet.neural_bias.inputs import Inputs
from halonet.neural_bias.likelihood import Compiled, Likelihood, Points, Posterior, gather_points
from halonet.neural_bias.mixture import Mixture
from halonet.neural_bias.model import Layer, NeuralBiasModel
from halonet.neural_bias.offsets import fitted_offsets, global_mass_function, paper_offsets
from halonet.neural_bias.outputs import pivot_masses
from halonet.sampling.maximum import Optimum, inverse_curvature, minimise, polish
from halonet.settings import EngineSettings, NeuralBiasSettings

FIRST_CONTRAST = 2.0
# Short searches for the maximum, those that are carried through, and points that stand for all of them. On Peak Patch
# haloes half of all starts lead to the best maximum, the others to two that are 23 and 43 lower in ln L.
STARTS, FINALISTS, SEARCH_POINTS = 8, 3, 4096
STEPS_FROM_NEAR = 20  # of Newton's, with all points


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
        settings.degree,
        Counting(settings.counts),
    )


@dataclass(frozen=True)
class Voxels:
    """The voxels that count: those the boundary leaves, in the order of the features.

    Attributes
    ----------
    density
        Density of each voxel in units of the mean, shape (voxels,).
    volumes
        Completeness times volume (Mpc^3), shape (voxels,).
    haloes
        Index of each halo's voxel, shape (haloes,).
    log_mass
        u = ln(mass / threshold), shape (haloes,).
    side
        Voxels along a side.
    """

    density: np.ndarray
    volumes: np.ndarray
    haloes: np.ndarray
    log_mass: np.ndarray
    side: int


def make_voxels(inputs: Inputs, trimmed: int) -> Voxels:
    """Voxels and haloes without ``trimmed`` cells at each face; haloes there, and in masked voxels, do not count."""
    cells = inputs.cells
    inner = slice(trimmed, cells - trimmed)
    side = cells - 2 * trimmed
    if side < 1:
        raise ValueError(
            f"a grid of {cells} cells is too small: the receptive field takes {trimmed} cells at each face"
        )
    volumes = np.full((cells,) * 3, (inputs.box_size / cells) ** 3)
    if inputs.completeness is not None:
        if inputs.completeness.shape != volumes.shape or not (
            0 <= inputs.completeness.min() <= inputs.completeness.max() <= 1
        ):
            raise ValueError(f"completeness must have shape {volumes.shape} and values from 0 to 1")
        volumes = volumes * inputs.completeness
    index = np.stack(np.unravel_index(voxel_of(inputs.haloes.positions, cells, inputs.box_size), (cells,) * 3), axis=1)
    index -= trimmed
    counts = ((index >= 0) & (index < side)).all(axis=1)
    flat = np.asarray(np.ravel_multi_index(index[counts].T, (side,) * 3))
    kept = volumes[inner, inner, inner].ravel()
    seen = kept[flat] > 0
    if not seen.any():
        raise ValueError("no halo lies in a voxel that counts; all of them are masked or at the faces")
    density = inputs.density[inner, inner, inner].ravel()
    return Voxels(density, kept, flat[seen], inputs.log_mass[counts][seen], side)


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
        volumes, density = self.voxels.volumes, self.voxels.density
        anchors = [
            np.average(self.features, axis=1, weights=volumes),
            self.features[:, self.voxels.haloes].mean(axis=1, dtype=np.float64),
        ]
        if self.model.degree > 1:
            empty = volumes * (density < np.median(density[volumes > 0]))
            anchors.insert(0, np.average(self.features, axis=1, weights=empty))
        return Anchored(self.model, anchors, pivots)

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
        The weights of the first layer are small against the spread of what they multiply: sums over many neighbours
        would otherwise drown the voxel itself.
        """
        theta = 0.1 * rng.standard_normal(self.model.parameters)
        blocks = self.model.unpack(theta)
        first = [name for name in blocks if name.startswith("layer0.l")]
        start, column = 0, 0
        for name in first:
            rows, columns = blocks[name].shape
            spread = self.features[column : column + columns].std(axis=1)
            theta[start : start + rows * columns] /= np.tile(np.maximum(spread, 1e-6), rows)
            start, column = start + rows * columns, column + columns
        theta[0] = 0.5 / max(self.features[0].std(), 1e-6)
        return self._steepened(theta) if self.model.is_pointwise and not self.model.dense else theta

    def _steepened(self, theta: np.ndarray) -> np.ndarray:
        """Amplitudes that fall by ``FIRST_CONTRAST`` e-folds from where haloes are to the mean of the volume."""
        features, names = self.features.astype(np.float64), list(self.model.shapes)
        summary = self.model.summary(tf.constant(theta), tf.constant(features)).numpy()
        dense = summary[self.voxels.haloes].mean()
        slope = FIRST_CONTRAST / max(dense - np.average(summary, weights=self.voxels.volumes), 1e-3)
        sizes = [int(np.prod(shape)) for shape in self.model.shapes.values()]
        start = sum(sizes[: names.index("amplitude.weights")])
        count = self.model.mixture.components
        theta[start : start + count] += slope
        bias = start + self.model.degree * count
        theta[bias : bias + count] -= slope * dense
        return theta

    def optimum(self, seed: int, index: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Start of a chain near the maximum, and the inverse curvature there, both in the sampled coordinates.

        Their shapes are (parameters,) and (parameters, parameters).
        """
        found = self.search(seed, index)
        theta = self.searched.theta(tf.constant(found.theta))[0].numpy()
        covariance = carried_over(inverse_curvature(found.hessian), found.theta, self.searched, self.coordinates)
        return self.coordinates.phi(theta), covariance

    def maximum(self, seed: int, near: np.ndarray | None = None) -> np.ndarray:
        """Theta, shape (parameters,), at the maximum of its whole posterior; searched also from ``near``."""
        potential = self._potential(self.points("float64"))
        found = [polish(potential, self.search(seed))]
        if near is not None:
            found.append(minimise(potential, self.searched.phi(near), STEPS_FROM_NEAR))
        best = min(found, key=lambda each: each.energy)
        return self.searched.theta(tf.constant(best.theta))[0].numpy()

    def search(self, seed: int, index: int = 0, iterations: int = 200) -> Optimum:
        """Maximum of the posterior of theta from random starts, in the coordinates of the search.

        Of few points that stand for all, in float64, which differences of gradients need. The posterior has side
        maxima: of short searches from different starts the best few are carried through.
        """
        points = self.points("float64")
        potential = self._potential(compress(points, SEARCH_POINTS) if self.model.is_pointwise else points)
        rng = generator(seed, "neural bias start", index)
        starts = [self.searched.phi(self.first_theta(rng)) for _ in range(STARTS)]
        tried = [minimise(potential, start, iterations // 10) for start in starts]
        finalists = sorted(tried, key=lambda found: found.energy)[:FINALISTS]
        return min((minimise(potential, each.theta, iterations) for each in finalists), key=lambda found: found.energy)

    def _potential(self, points: Points) -> Callable:
        compiled = Compiled(self.likelihood, self.settings.engine.prior_width, self.searched)
        return Posterior(compiled, points).energy_and_gradient


def make_problem(inputs: Inputs, settings: NeuralBiasSettings) -> Problem:
    """Put a fit together; the constants of the model are fitted to the catalogue where the settings ask for it."""
    model = make_model(settings.engine)
    field = np.log(inputs.density + settings.density_floor)
    features = model.features(tf.constant(field, settings.precision)).numpy()
    trimmed = model.layers[0].kernel // 2 if model.boundary == "valid" else 0
    if not model.is_pointwise and model.boundary == "valid":
        trimmed = model.trimmed_cells
    voxels = make_voxels(inputs, trimmed)
    if settings.engine.offsets == "paper":
        offsets = paper_offsets(model, len(features))
    else:
        means = features.mean(axis=1, dtype=np.float64)
        offsets = fitted_offsets(model, voxels.log_mass, voxels.volumes.sum(), means, settings.engine.centre)
    model = model.with_offsets(offsets)
    return Problem(settings, model, voxels, features, Likelihood(model, inputs.largest_log_mass))


def with_kernel(settings: NeuralBiasSettings, kernel: int) -> NeuralBiasSettings:
    """The same fit with another receptive field of its first layer."""
    layers = list(settings.engine.layers)
    layers[0] = layers[0].model_copy(update={"kernel": kernel})
    return settings.model_copy(update={"engine": settings.engine.model_copy(update={"layers": layers})})


def embedded(theta: np.ndarray, model: NeuralBiasModel, larger: NeuralBiasModel) -> np.ndarray:
    """Parameters, shape (parameters of ``larger``,), with which it does what ``model`` does with ``theta``.

    Both are the same model but for their kernels (l = 0); cells that only the larger one sees have no weight.
    """
    blocks = {name: np.zeros(shape) for name, shape in larger.shapes.items()}
    for name, block in model.unpack(theta).items():
        target = blocks[name]
        target[tuple(map(slice, block.shape))] = block
    return np.concatenate([block.ravel() for block in blocks.values()])


def with_sampler(problem: Problem, **changes: object) -> Problem:
    """The same problem with other settings of its sampler."""
    sampler = problem.settings.sampler.model_copy(update=changes)
    return replace(problem, settings=problem.settings.model_copy(update={"sampler": sampler}))
