r"""Super-sample covariance: what modes longer than the box add to a survey of its volume, and periodic boxes lack.

A background density :math:`\delta_b` shifts all data together, so that the term is
:math:`\sigma_b^2 R_i R_j` with the responses :math:`R_i = \partial d_i / \partial \delta_b` (Takada & Hu 2013):

- numbers: :math:`R = b N`, b the peak-background bias of Tinker et al. (2010) at the bin's mass (Hu & Kravtsov 2003);
- power spectrum P of points, density contrast with respect to their mean in the survey itself, n their density:
  :math:`R = (P - 1/n)\,[47/21 - \tfrac13 d\ln P_L / d\ln k + 2 b_2 / b_1 - 2 b_1] - b_1 / n`, at tree level (Takada
  & Hu 2013 and de Putter et al. 2012 for matter, which is :math:`b_1 = 1, b_2 = 0`; Li, Schmittfull & Seljak 2018,
  arXiv:1711.00018, for biased points), with :math:`b_2(b_1)` of Lazeyras et al. (2016, arXiv:1511.01096, eq. 5.2).

:math:`\sigma_b` is that of the linear density in a sphere of the box's volume.
"""

from typing import Any

import numpy as np
from colossus.lss import bias

from halonet.cosmology import declared, growth_factor, sigma_of_radius, use_in_colossus
from halonet.settings import CosmologySettings

STEP = 0.05  # of ln k, of the slope of the spectrum; it smooths no more than that


def has_super_sample(summary: dict[str, Any]) -> bool:
    """Whether a summary has what the term needs: numbers by mass, a cosmology and a redshift."""
    box = summary["box"]
    known = box["cosmology"] is not None and box["redshift"] is not None
    return known and "mass_function" in summary and bool(box["cell_mass_msun"])


def super_sample_term(summary: dict[str, Any], spectrum: tuple[np.ndarray, np.ndarray]) -> dict[str, Any] | None:
    """Response and covariance term of numbers and power spectrum, as JSON values; see :func:`has_super_sample`.

    Parameters
    ----------
    summary
        Of :func:`halonet.mocks.summary.summarise_mocks`.
    spectrum
        Linear power spectrum at z = 0: k (1/Mpc) and P (Mpc^3).
    """
    box = summary["box"]
    if not has_super_sample(summary):
        return None
    cosmology = declared(box["cosmology"] | {"redshift": box["redshift"]}, "mocks")
    numbers = summary["mass_function"]["counts"]
    kept, mean = np.array(numbers["kept"]), np.array(numbers["mean"])
    edges = np.array(summary["mass_function"]["edges"]) * box["cell_mass_msun"]
    biases = halo_bias(np.sqrt(edges[1:] * edges[:-1]), cosmology)
    volume = box["box_size_mpc"] ** 3
    radius = (3 * volume / (4 * np.pi)) ** (1 / 3)
    sigma = growth_factor(cosmology, cosmology.redshift) * sigma_of_radius(*spectrum, radius)
    response, order = [(biases * mean)[kept]], [{"statistic": "mass_function", "value": "counts"}]
    mean_bias = float((biases * mean).sum() / mean.sum())
    if "power_spectrum" in summary:
        measured = summary["power_spectrum"]
        k, power = np.array(measured["k"]), np.array(measured["power"]["mean"])
        response.append(power_response(k, power, mean.sum() / volume, mean_bias, spectrum))
        order.append({"statistic": "power_spectrum", "value": "power"})
    joint = np.concatenate(response)
    return {
        "sigma": sigma,
        "bias": mean_bias,
        "order": order,
        "response": joint.tolist(),
        "covariance": (sigma**2 * np.outer(joint, joint)).tolist(),
    }


def halo_bias(masses: np.ndarray, cosmology: CosmologySettings) -> np.ndarray:
    """Linear bias of haloes of ``masses`` (Msun) within 200 times the mean density, by Tinker et al. (2010)."""
    use_in_colossus(cosmology)
    return np.asarray(bias.haloBias(masses * cosmology.h, cosmology.redshift, mdef="200m", model="tinker10"), float)


def power_response(
    k: np.ndarray, power: np.ndarray, density: float, linear_bias: float, spectrum: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """dP / d delta_b (Mpc^3) of a power spectrum with shot noise, at ``k`` (1/Mpc); ``density`` per Mpc^3."""
    grid, linear = np.log(spectrum[0]), np.log(spectrum[1])
    slope = (np.interp(np.log(k) + STEP, grid, linear) - np.interp(np.log(k) - STEP, grid, linear)) / (2 * STEP)
    second = 0.412 - 2.143 * linear_bias + 0.929 * linear_bias**2 + 0.008 * linear_bias**3
    clustering = 47 / 21 - slope / 3 + 2 * second / linear_bias - 2 * linear_bias
    return (power - 1 / density) * clustering - linear_bias / density
