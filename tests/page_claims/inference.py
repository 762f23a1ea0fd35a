"""Neural bias model and field-level inference: docs/neural_bias.md, docs/field_level_inference.md."""

import numpy as np

from page_claims.base import claims, results, row

BIAS, FIELD_LEVEL = "docs/neural_bias.md", "docs/field_level_inference.md"


@claims(BIAS)
def speed():
    held = results("neural_bias_speed")
    times = held["milliseconds"]
    yield f"64³ voxels and {held['haloes']:,} haloes"
    yield row(
        "this package, value and gradient",
        *(format(times[kind]["value_and_gradient"], ".1f") for kind in ("float32", "float64")),
    )
    yield row("this package, value", *(format(times[kind]["value"], ".1f") for kind in ("float32", "float64")))
    yield f"| guide of 16,384 points, gradient | {times['guide of 16384 points, float32']['value_and_gradient']:.1f} |"
    yield f"| the same likelihood in JAX, value and gradient | {times['float32 in JAX']['value_and_gradient']:.1f} |"


@claims(BIAS)
def recovery():
    held = results("neural_bias_recovery")
    summary, sampler = held["summary"], held["sampler"]
    yield f"{held['haloes']:,} haloes on 64³ voxels, four chains of {sampler['warmup']} + {sampler['samples']} transitions"
    yield f"({held['cpu_seconds']:.0f} CPU seconds in the chains)"
    yield f"differ from those drawn by at most {summary['largest_pull']:.1f} standard deviations"
    yield f"those of the true parameters by at most {summary['largest_deviation_from_truth']:.1f}."
    yield f"R-hat is at most {summary['largest_r_hat']:.3f}, effective samples at least {summary['least_effective_samples']:.0f} in total"
    yield f"{summary['least_per_1000_gradients']:.0f} per 1000 gradients; no divergence"
    assert held["convergence"]["divergences"] == 0


@claims(BIAS)
def calibration():
    held = results("neural_bias_calibration")
    yield f"{held['replicates']} truths drawn from the prior, {held['haloes']['median']:.0f} haloes in the median on 16³ voxels, {held['draws']} posterior draws each"
    yield f"the smallest of the {len(held['p_of_uniform_ranks'])} probabilities is {held['smallest_p']:.3f}"
    yield f"Kolmogorov-Smirnov probability of all of them {held['p_of_the_p']:.2f}"


@claims(BIAS)
def peak_patch_haloes():
    held = results("neural_bias_peak_patch")
    sampler = held["provenance"]["settings"]["sampler"]
    yield f"{held['haloes']:,} haloes above 3.4 × 10¹² solar masses (100 cells)"
    yield f"four chains of {sampler['warmup']} + {sampler['samples']} transitions, 32 minutes"
    yield f"in 80 bins of density and mass, {100 * held['coverage']['68%']:.0f}% lie within the central 68%"
    yield f"{100 * held['coverage']['95%']:.0f}% within the central 95%"
    expected, found = (sum(sum(one) for one in held["counts"][kind][:2]) for kind in ("expected", "found"))
    yield f"expects {expected:.0f} haloes where there are {found:.0f}"
    yield f"twelve counts is at most {max(held['convergence']['r_hat']):.3f}, and there are at least {min(held['convergence']['effective_samples']):.0f} effective samples"
    models = held["models"]
    for model in models:
        gain, bic = (model[key] - models[0][key] for key in ("log_likelihood", "bic"))
        yield row(model["model"], str(model["parameters"]), f"{gain:,.0f}", f"{bic:,.0f}")
    gains = [one["log_likelihood"] for one in models]
    yield f"neighbours gain {gains[3] - gains[2]:.0f} in ln L."
    yield f"the engine gains {gains[3] - gains[1]:.0f}."
    assert models[4]["parameters"] - models[3]["parameters"] == 6
    yield f"gains {gains[4] - gains[3]:.0f} more with six more parameters"


@claims(BIAS)
def models_of_simulated_haloes():
    held = results("bias_models")
    models, haloes = held["models"], held["haloes"]
    yield f"{haloes['fit']:,} haloes above 3.4 × 10¹² solar masses in the box that is fitted and {haloes['unseen']:,} in the other"
    first = models["poisson"]
    for name, model in models.items():
        gains = (model[key] - first[key] for key in ("elpd", "bic"))
        ratios = [model["variance"][0], model["variance"][2], model["power"][1], model["power"][3]]
        yield row(
            name, str(model["parameters"]), *(f"{gain:,.0f}" for gain in gains), *(f"{one:.2f}" for one in ratios)
        )
    for name, other in held["beside"].items():
        ratios = [other["variance"][0], other["variance"][2], other["power"][1], other["power"][3]]
        yield row(f"{name} ({other['haloes']:,} haloes)", "", "", "", *(f"{one:.2f}" for one in ratios))
    best = models["carried, product"]["quartiles"]["unseen"]
    expected, found = (sum(best[kind][:2]) for kind in ("expected", "found"))
    yield f"expects {expected:.0f} haloes in the emptier half, which has {found:.0f}"
    worst = max(abs(one - 1) for one in models["carried, product"]["power"][1:4])
    yield f"to {100 * worst:.0f}% from k = 0.05 to 0.2 per Mpc"


@claims(FIELD_LEVEL)
def phases_from_haloes():
    both = results("field_level")["samplers"]
    hmc, mclmc = both["hmc"], both["mclmc"]
    yield f"on 32³ cells of 8 Mpc ({hmc['haloes']:,} haloes)"
    yield f"{hmc['cpu_seconds'] / 60:.0f} minutes of one core for the Hamiltonian chains and {mclmc['cpu_seconds'] / 60:.0f} for the microcanonical ones"
    yield f"{(hmc['cpu_seconds'] + mclmc['cpu_seconds']) / 120:.0f} minutes for all on two free cores"
    correlation = [format(value, ".2f") for value in hmc["recovery"]["correlation"][:5]]
    yield f"correlates with the true one by {', '.join(correlation[:-1])} and {correlation[-1]} in the five largest shells"
    yield f"at most {max(one['spectrum']['largest_pull'] for one in both.values()):.1f} deviations from it"
    pull = max(one["halo_densities"]["largest_pull"] for one in both.values())
    assert 2.2 < pull < 2.3
    yield "within 2.3 standard deviations of the truth"
    high = np.array([[one["halo_densities"]["found"], one["halo_densities"]["truth"]] for one in both.values()])
    high = high[:, 0] / high[:, 1] - 1  # by sampler, environment and mass
    worst, least, most = np.abs(high[:, -1]).max(), high[:, :-1].min(), high[:, :-1].max()
    yield f"right to {worst:.0%} in the densest quarter and {100 * least:.0f} to {most:.0%} high elsewhere"
    samples = [one["convergence"]["modes"]["median_effective_samples"] for one in (hmc, mclmc)]
    yield f"as is expected of {round(samples[0], -1):.0f} and {round(samples[1], -1):.0f} effective samples"


@claims(FIELD_LEVEL)
def cost_of_samplers():
    both = results("field_level")["samplers"]
    costs = {}
    for name, one in both.items():
        held = one["convergence"]
        evaluations = {
            kind: held[kind]["evaluations_per_effective_sample"] for kind in ("modes", "shells", "halo_densities")
        }
        costs[name] = evaluations["modes"]
        yield row(
            name.upper(),
            format(evaluations["modes"]["of_the_median"], ".0f"),
            *(format(evaluations[kind]["of_the_least"], ".0f") for kind in ("modes", "shells", "halo_densities")),
            format(max(held[kind]["largest_r_hat"] for kind in evaluations), ".2f"),
        )
    median, least = (costs["hmc"][key] / costs["mclmc"][key] for key in ("of_the_median", "of_the_least"))
    yield f"MCLMC needs {median:.1f} times fewer evaluations than HMC for a mode, and {least:.0f} times fewer for the slowest mode"
    densities = max(one["convergence"]["halo_densities"]["largest_r_hat"] for one in both.values())
    assert densities < 1.07
    yield "it is below 1.07 for densities of haloes"
    largest = [
        max(held["convergence"][kind]["largest_r_hat"] for kind in ("modes", "shells")) for held in both.values()
    ]
    yield f"R-hat is largest there ({largest[0]:.2f} and {largest[1]:.2f})"
