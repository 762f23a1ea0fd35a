"""Constants and defaults that pages name, from the code."""

import numpy as np

from halonet.cosmology import growth_factor
from halonet.dataset.normalisation import read_normalisation
from halonet.halo_finding.votes.casting import SAME_LOG_RADIUS
from halonet.masses import FRIENDS_OF_FRIENDS, mass_table
from halonet.network.heads import SOFTNESS
from halonet.plausibility.density import Moments, check_density
from halonet.plausibility.verdict import PlausibilityError
from halonet.settings import CosmologySettings, load_settings
from halonet.workflow.costs import COSTS, MESH_MICROSECONDS
from page_claims.base import ROOT, claims


def settings():
    return load_settings(ROOT / "config.yaml")


@claims("README.md", "docs/statistics.md", "docs/n_body.md")
def tolerance_of_matched_radii():
    yield f"radii within {100 * settings().statistics.radius_tolerance:.0f}%"


@claims("docs/ground_truth.md")
def final_state_exclusion():
    yield f"lie closer than {settings().ground_truth.peak_patch.final_state_exclusion} of the sum of their radii"


@claims("docs/neural_bias.md")
def constants_of_the_neural_bias_model():
    chosen = settings().neural_bias
    yield f"f the responses of ln(ρ + {chosen.density_floor})"
    yield f"| widths may vanish | at least {chosen.engine.minimum_width} |"


@claims("docs/physics.md")
def linking_length():
    yield f"particles closer than {settings().ground_truth.n_body.linking_length} mean spacings belong together"


@claims("docs/exporting.md")
def masses_by_other_definitions():
    table = mass_table(CosmologySettings())

    def part(taken_as, to):
        return f"{table.convert(np.array([1e13]), taken_as, to)[0] / 1e13:.2f}"

    assumed = 100 * (1 - float(part("200m", "fof")))
    yield (
        f"end where the density is {FRIENDS_OF_FRIENDS} times the mean (More et al. 2011); of an NFW halo, that is "
        f"{part('200m', 'fof')} of its `200m` mass"
    )
    yield (
        f"moves masses by {assumed:.0f}%: taken for `200m`, a halo of 10¹³ solar masses (today, cosmology of the paper) "
        f"has {part('200m', '200c')} of it within `200c`, {part('200m', 'vir')} within `vir` and "
        f"{part('200m', '500c')} within `500c`; taken for `fof` it has {part('fof', '200c')} within `200c`"
    )


@claims("docs/n_body.md")
def rates_of_a_simulation():
    per_particle = COSTS["simulate_n_body"].microseconds
    yield f"{per_particle} µs a particle and {MESH_MICROSECONDS} µs a cell of the mesh for every force"


@claims("docs/objects.md")
def errors_and_votes():
    yield f"Their loss is quadratic up to {SOFTNESS} and linear beyond"
    yield f"nearly the same radius (to {float(SAME_LOG_RADIUS):.2f} in ln R)"


@claims("docs/clusters.md")
def operations_of_a_gpu():
    yield f"The default of the latter, {settings().jobs.gpu_tflops}, is what the paper's 24 hours on four P100 amount to"
    yield f"at {settings().jobs.gpu_tflops} TFLOP/s, the speed of one of the paper's P100"


@claims("docs/how_to/own_density.md")
def redshifts_that_a_network_notices():
    one, tenth = (growth_factor(CosmologySettings(), redshift) for redshift in (1.0, 0.1))
    trained = read_normalisation(ROOT / "networks/n-body/normalisation.json").mean_deviation
    check_density(Moments(0.0, tenth * trained), trained, "own.h5", 256, of_network=True)
    try:
        check_density(Moments(0.0, one * trained), trained, "own.h5", 256, of_network=True)
    except PlausibilityError:
        yield f"redshift 1 is, where δ has {one:.2f} of its deviation at redshift 0; redshift 0.1 with {tenth:.2f} is not."
    else:
        raise AssertionError("a density at redshift 1 is taken")
