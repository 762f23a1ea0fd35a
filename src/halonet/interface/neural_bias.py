"""The neural bias model of a user's own density and haloes: fit, sample, draw."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from halonet.catalogue import EULERIAN, HaloCatalogue
from halonet.checks.arrays import real_numbers
from halonet.checks.assumptions import recording
from halonet.checks.numbers import COUNT, SEED, checked
from halonet.checks.types import of_type
from halonet.cosmology import cosmology_of
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.noise import generator
from halonet.interface.given import OVERRIDE, checked_box, checked_cube, checked_flag, settings_of
from halonet.plausibility.density import check_against_spectrum
from halonet.plausibility.protohaloes import check_same_field
from halonet.provenance import provenance
from halonet.settings import CosmologySettings, NeuralBiasSettings

if TYPE_CHECKING:
    from halonet.neural_bias.fit import Problem
    from halonet.neural_bias.inputs import Inputs


@dataclass(frozen=True, eq=False)
class NeuralBiasFit:
    """A neural bias model fitted to a density and its haloes.

    Attributes
    ----------
    parameters
        At the maximum of the posterior, float64 of shape (parameters,).
    names
        Name of every parameter.
    problem, inputs
        Model and data, as :mod:`halonet.neural_bias` has them.
    cosmology
        Of the density.
    """

    parameters: np.ndarray
    names: list[str]
    problem: "Problem"
    inputs: "Inputs"
    cosmology: CosmologySettings

    def __repr__(self) -> str:
        return (
            f"<NeuralBiasFit: {len(self.parameters)} parameters, {len(self.inputs.haloes)} haloes above "
            f"{self.inputs.minimum_mass:.3g} Msun on {self.inputs.cells}^3 cells>"
        )


@recording
def fit_neural_bias(
    density: np.ndarray,
    haloes: HaloCatalogue,
    settings: NeuralBiasSettings | Mapping[str, Any] | None = None,
    seed: int = 0,
    outside_validity: bool = False,
) -> NeuralBiasFit:
    """Fit the neural bias model (Charnock et al. 2020, MNRAS 494, 50): the mass function of every environment.

    Parameters
    ----------
    density
        Linear overdensity of the box at the redshift of the haloes, shape (N, N, N); it is evolved here, on the grid
        of ``settings.cells``.
    haloes
        With Eulerian centres, in the same box. Those outside the range of masses of the settings are left out.
    settings
        Also as a dictionary; by default 64 cells along a side and haloes above 3.4e12 Msun.
    seed
        Of the starts of the search for the maximum.
    outside_validity
        Warn only, where the density is not what cosmology and redshift give, or has not collapsed where haloes are.

    Returns
    -------
    NeuralBiasFit
        The maximum of the posterior, ready to be sampled or drawn from.

    Raises
    ------
    ValueError
        If the arrays cannot be used, or no halo is left.

    Examples
    --------
    >>> import halonet
    >>> density, haloes = halonet.draw_density(seed=7, cells=32), halonet.make_mock(seed=7, cells=32)
    >>> settings = halonet.NeuralBiasSettings(
    ...     cells=8, minimum_mass_msun=2e12, engine={"components": 1}, sampler={"warmup": 16, "samples": 8}
    ... )
    >>> fit = halonet.fit_neural_bias(density, haloes, settings)
    >>> fit
    <NeuralBiasFit: 11 parameters, 25 haloes above 2e+12 Msun on 8^3 cells>
    """
    from halonet.neural_bias.fit import make_problem

    settings, seed = settings_of(settings, NeuralBiasSettings()), int(checked("seed", seed, SEED))
    inputs, cosmology = _inputs(density, haloes, settings, checked_flag(outside_validity, OVERRIDE))
    problem = make_problem(inputs, settings)
    return NeuralBiasFit(problem.maximum(seed), problem.model.names(), problem, inputs, cosmology)


def _of_one_box(density: np.ndarray, haloes: HaloCatalogue, go_on: bool) -> tuple[np.ndarray, CosmologySettings]:
    """Density and cosmology of a box, which must fit its haloes."""
    density, cosmology = checked_cube(density, "density"), cosmology_of(checked_box(haloes).header, None, "haloes")
    check_against_spectrum(density, Slabs(len(density)), haloes.box_size_mpc, cosmology, "density", go_on)
    check_same_field(density, haloes, "haloes", go_on)
    return density, cosmology


def _inputs(
    density: np.ndarray, haloes: HaloCatalogue, settings: NeuralBiasSettings, go_on: bool
) -> "tuple[Inputs, CosmologySettings]":
    """What the fit takes: haloes within the range of masses, and the density evolved on the grid of the settings."""
    from halonet.neural_bias.evolution import displacement, evolved_density, resample
    from halonet.neural_bias.inputs import Haloes, Inputs, check_haloes

    density, cosmology = _of_one_box(density, haloes, go_on)
    box_size = haloes.box_size_mpc
    if missing := set(EULERIAN) - set(haloes.columns):
        raise ValueError(f"haloes: columns {', '.join(sorted(missing))} are missing, the Eulerian centres")
    positions = haloes.positions(EULERIAN)
    # float32 positions just below the far side may round to it.
    every = Haloes(np.where(positions >= box_size, 0.0, positions), haloes["mass"].astype(np.float64))
    lowest, highest = settings.minimum_mass_msun, settings.maximum_mass_msun
    kept = check_haloes(every, box_size, lowest, highest, "haloes", drop=True)
    linear = resample(density, settings.cells).astype(np.float32)
    moved = displacement(linear, box_size, cosmology, settings.lpt_order)
    evolved = evolved_density(moved, box_size, settings.supersample)
    inputs = Inputs(evolved, kept, box_size, lowest, highest, linear=linear, moved=moved, header=haloes.header)
    return inputs, cosmology


def sample_neural_bias(fit: NeuralBiasFit, seed: int = 0, chains: int | None = None) -> np.ndarray:
    """Sample the posterior of a fit's parameters.

    Parameters
    ----------
    fit
        Of :func:`fit_neural_bias`; its settings say how long a chain is.
    seed
        Of the chains, each of which starts from a search of its own.
    chains
        By default as many as the settings say.

    Returns
    -------
    ndarray
        Parameters after the warm-up, float64 of shape (chains, samples, parameters).

    Notes
    -----
    Hamiltonian Monte Carlo with a metric that is frozen after the warm-up. Judge the convergence of several chains:
    docs/neural_bias.md.

    Examples
    --------
    With the fit of the example of :func:`fit_neural_bias`:

    >>> import halonet
    >>> halonet.sample_neural_bias(fit, chains=1).shape
    (1, 8, 11)
    """
    from halonet.neural_bias.fit import run_chain

    of_type(fit, NeuralBiasFit, "fit")
    count = fit.problem.settings.sampler.chains if chains is None else int(checked("chains", chains, COUNT))
    seed = int(checked("seed", seed, SEED))
    return np.stack([run_chain(fit.problem, seed, index)[1] for index in range(count)])


def draw_neural_bias_haloes(fit: NeuralBiasFit, parameters: np.ndarray | None = None, seed: int = 0) -> HaloCatalogue:
    """Draw a halo catalogue from a fitted model.

    Parameters
    ----------
    fit
        Of :func:`fit_neural_bias`.
    parameters
        One posterior sample, shape (parameters,); by default the maximum of the posterior.
    seed
        Of the draw.

    Returns
    -------
    HaloCatalogue
        Eulerian and Lagrangian centres (Mpc), velocities (km/s) and masses (Msun), in the box of the fit.

    Raises
    ------
    ValueError
        If the parameters have another shape, or the engine's boundary is ``valid``.

    Examples
    --------
    With the fit of the example of :func:`fit_neural_bias`:

    >>> import halonet
    >>> drawn = halonet.draw_neural_bias_haloes(fit)
    >>> 5 < len(drawn) < 60, drawn["mass"].min() >= 2e12
    (True, np.True_)
    """
    from halonet.neural_bias.results import draw_catalogue

    seed = int(checked("seed", seed, SEED))
    of_type(fit, NeuralBiasFit, "fit")
    theta = fit.parameters if parameters is None else real_numbers(parameters, "parameters").astype(np.float64)
    if theta.shape != fit.parameters.shape:
        raise ValueError(f"parameters have shape {theta.shape}; one sample has {fit.parameters.shape}")
    if not np.isfinite(theta).all():
        raise ValueError(f"parameters: {np.count_nonzero(~np.isfinite(theta))} values are not finite")
    record = provenance("neural bias draw", fit.problem.settings.model_dump(), seed)
    rng = generator(seed, "neural bias draw")
    return draw_catalogue(fit.problem, fit.inputs, theta, fit.cosmology, rng, record)
