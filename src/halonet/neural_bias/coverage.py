"""How much of what was found lies where a posterior says that it should."""

import numpy as np

Arrays = dict[str, np.ndarray]


def covered_fraction(comparison: Arrays) -> dict:
    """How many bins' counts lie within the central 68% and 95% of Poisson draws from the posterior."""
    rng = np.random.default_rng(0)
    rates = comparison["samples"] * comparison["volumes"][:, None] * comparison["width"]
    draws = rng.poisson(np.repeat(rates, max(1, 2000 // len(rates)), axis=0))
    found, inside = comparison["found"], {}
    # A count's probability is shared out evenly among its ranks, or small counts would always be inside.
    rank = (draws < found).mean(axis=0) + rng.random(found.shape) * (draws == found).mean(axis=0)
    for percent in (68, 95):
        inside[f"{percent}%"] = float((np.abs(rank - 0.5) < percent / 200).mean())
    return inside


def covered_spectrum(predictive: Arrays) -> float:
    """Fraction of the catalogue's power spectrum within the central 95% of those of drawn catalogues."""
    low, high = np.percentile(predictive["power"], [2.5, 97.5], axis=0)
    found = predictive["found_power"]
    return float(((low <= found) & (found <= high)).mean())
