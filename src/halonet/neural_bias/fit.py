"""Door of the package to what a fit consists of: model, likelihood, posterior, coordinates, one chain.

Other packages and scripts import these names from here, and what is made of finished chains from
:mod:`halonet.neural_bias.results`, so that a change of a summary leaves the chains of a run alone.
"""

from halonet.neural_bias.bias_fit import Problem, make_model, make_problem
from halonet.neural_bias.compression import compress
from halonet.neural_bias.constants import Offsets
from halonet.neural_bias.coordinates import carried_over
from halonet.neural_bias.likelihood import Compiled, Likelihood, Posterior
from halonet.neural_bias.mixture import number_density
from halonet.neural_bias.model import NeuralBiasModel
from halonet.neural_bias.points import Points, gather_points
from halonet.neural_bias.run_chain import fingerprint, run_chain

__all__ = [
    "Compiled",
    "Likelihood",
    "NeuralBiasModel",
    "Offsets",
    "Points",
    "Posterior",
    "Problem",
    "carried_over",
    "compress",
    "fingerprint",
    "gather_points",
    "make_model",
    "make_problem",
    "number_density",
    "run_chain",
]
