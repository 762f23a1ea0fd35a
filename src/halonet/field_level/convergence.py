"""Whether the chains of a field-level inference have converged, and what a sample costs."""

import numpy as np

from halonet.field_level.spectra import WavenumberShells
from halonet.sampling.diagnostics import effective_sample_size, r_hat
from halonet.settings import FieldLevelSettings

Arrays = dict[str, np.ndarray]


def spectrum_check(power: np.ndarray, shells: WavenumberShells) -> dict:
    """Power of the phases against the prior's; power of shape (chains, samples, shells).

    The mean over the samples in units of the scatter that a draw from the prior has: beyond 2 in a shell, the chains
    have not burnt in, or the model is not what made the haloes.
    """
    pull = (power.mean(axis=(0, 1)) - 1) / shells.noise_scatter
    return {
        "k_per_mpc": shells.k.tolist(),
        "modes": shells.modes.tolist(),
        "power": power.mean(axis=(0, 1)).tolist(),
        "pull": pull.tolist(),
        "largest_pull": float(np.abs(pull).max()),
    }


def convergence(chains: list[Arrays], derived: np.ndarray, shells: WavenumberShells) -> dict:
    """R-hat, effective samples and model evaluations per effective sample (Simon-Onfroy et al. 2025).

    Parameters
    ----------
    derived
        Halo densities along every chain, shape (chains, samples, environments, masses).

    Returns
    -------
    For ``modes`` of the phases, their power in ``shells`` and the ``halo_densities``: the largest R-hat, least and
    median effective samples of all chains, and the evaluations of the forward model (with or without its adjoint, the
    warm-up left out) for each effective sample, of the least and the median quantity. ``samplers`` says what they
    report.
    """
    warmup = int(chains[0]["warmup"])
    quantities = {
        "modes": np.array([chain["record.modes"][warmup:] for chain in chains]),
        "shells": np.array([chain["record.noise_power"][warmup:] for chain in chains]),
        "halo_densities": derived.reshape(*derived.shape[:2], -1),
    }
    late = {name: np.array([chain[name][warmup:] for chain in chains]) for name in chains[0] if _is_record(name)}
    evaluations = float(late["record.model_evaluations"].sum())
    found = {name: _converged(values, evaluations) for name, values in quantities.items()}
    sizes = np.array(found["modes"].pop("each"))
    found["modes"]["k_and_effective_samples"] = _by_shell(sizes, shells)
    for name in ("shells", "halo_densities"):
        found[name]["effective_samples"] = found[name].pop("each")
    found["samplers"] = {
        "model_evaluations": evaluations,
        "acceptance": late["acceptance"].mean(axis=1).tolist(),
        "energy_error": late["energy_error"].mean(axis=1).tolist(),
        "phase_step": [float(chain["record.phase_step"][-1]) for chain in chains],
        "theta_acceptance": late["record.theta_acceptance"].mean(axis=1).tolist(),
        "divergences": int(late["divergent"].sum()),
        "bad_gradients": int(late["bad_gradient"].sum()),
    }
    return found


def _is_record(name: str) -> bool:
    names = ("acceptance", "energy_error", "divergent", "bad_gradient")
    return name in names or name in ("record.model_evaluations", "record.theta_acceptance")


def _converged(values: np.ndarray, evaluations: float) -> dict:
    """Of quantities of shape (chains, samples, quantities)."""
    columns = range(values.shape[2])
    sizes = np.array([effective_sample_size(values[..., i]) for i in columns])
    hats = [r_hat(values[..., i]) for i in columns] if len(values) > 1 else None
    return {
        "largest_r_hat": max(hats) if hats else None,
        "least_effective_samples": float(sizes.min()),
        "median_effective_samples": float(np.median(sizes)),
        "evaluations_per_effective_sample": {
            "of_the_least": evaluations / float(sizes.min()),
            "of_the_median": evaluations / float(np.median(sizes)),
        },
        "each": sizes.tolist(),
    }


def _by_shell(sizes: np.ndarray, shells: WavenumberShells) -> list[list[float]]:
    """Median effective samples of the probed modes of every shell; real parts stand before imaginary ones."""
    shell = np.tile(shells.shell_of(shells.probes()), 2)
    return [[float(k), float(np.median(sizes[shell == i]))] for i, k in enumerate(shells.k, 1)]


def bias_check(variances: list[float], settings: FieldLevelSettings) -> dict:
    """Whether the unadjusted sampler kept the variance of its energy error, per step and cell, where it was asked to.

    Beyond three times that, its samples are biased more than was allowed for; take a smaller ``energy_variance`` or a
    longer warm-up.
    """
    allowed = settings.phases.energy_variance
    return {"allowed": allowed, "measured": variances, "passed": max(variances) < 3 * allowed}
