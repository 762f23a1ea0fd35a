"""The numbers that say whether the neural bias model fits, and whether its chains can be trusted."""

from halonet.figures.key_numbers import FAIR, GOOD, POOR, SHOWN, KeyNumber

NUMBER = "{:,.0f}"


def bias_headline(summary: dict) -> str:
    """One sentence on what the fit gained."""
    models = {model["model"]: model for model in summary["models"]}
    reference, engine = summary["models"][0], best_engine(summary)
    law = models["truncated power law"]["log_likelihood"] - reference["log_likelihood"]
    gain = engine["log_likelihood"] - reference["log_likelihood"]
    return (
        f"Fitted to {summary['haloes']:,} true haloes of one box and the density evolved from its phases: a mass "
        f"function for every place, with {summary['parameters']} parameters and their posterior. Knowing the "
        f"environment raises the logarithm of the likelihood by {gain:,.0f}; "
        f"truncated power-law bias, by {law:,.0f}."
    )


def best_engine(summary: dict) -> dict:
    """The engine of the comparison whose BIC is the lowest."""
    return min((model for model in summary["models"] if "engine" in model["model"]), key=lambda model: model["bic"])


def bias_numbers(summary: dict) -> list[KeyNumber]:
    """Rows of the table, from the summary of a fit."""
    return [*_fit(summary), *_gains(summary), *_chains(summary["convergence"])]


def _fit(summary: dict) -> list[KeyNumber]:
    pull = max(abs(value) for row in summary["counts"]["pull"] for value in row)
    rows = [
        KeyNumber(
            "Largest deviation of 12 counts",
            f"{pull:.1f} standard deviations",
            "below 3",
            GOOD if pull < 3 else FAIR if pull < 4 else POOR,
            "Haloes in four bins of density and three of mass, against what the posterior expects.",
        )
    ]
    for percent, share in summary["coverage"].items():
        meaning = (
            "Numbers of haloes in bins of density and mass within that central part of the posterior's predictions."
        )
        rows.append(KeyNumber(f"Within the {percent} band", f"{share:.0%}", percent, SHOWN, meaning))
    if "predictive_coverage" in summary:
        meaning = (
            "Wavenumbers at which the catalogue's power lies among the central 95% of drawn catalogues; not fitted."
        )
        rows.append(KeyNumber("Power spectrum covered", f"{summary['predictive_coverage']:.0%}", "95%", SHOWN, meaning))
    return rows


def _gains(summary: dict) -> list[KeyNumber]:
    engine = best_engine(summary)
    rows = []
    for model in summary["models"][1:]:
        if model is engine:
            continue
        gain = engine["log_likelihood"] - model["log_likelihood"]
        meaning = f"Of {engine['model']}; BIC lower by {model['bic'] - engine['bic']:,.0f}."
        rows.append(KeyNumber(f"ln L above {model['model']}", NUMBER.format(gain), "0", SHOWN, meaning))
    return rows


def _chains(convergence: dict) -> list[KeyNumber]:
    size = min(convergence["effective_samples"])
    rows = [
        KeyNumber(
            "Effective samples",
            NUMBER.format(size),
            "500",
            GOOD if size >= 500 else FAIR if size >= 100 else POOR,
            "Of all chains, for the worst of the 12 expected counts.",
        )
    ]
    if convergence["r_hat"]:
        worst = max(convergence["r_hat"])
        verdict = GOOD if worst < 1.01 else FAIR if worst < 1.05 else POOR
        rows.append(
            KeyNumber("R-hat", f"{worst:.3f}", "below 1.01", verdict, "How far the chains agree, worst of 12 counts.")
        )
    return rows
