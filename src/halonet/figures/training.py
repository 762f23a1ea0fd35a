"""Training curve of a network, and the choice of the halo finder's thresholds on the calibration boxes."""

from collections.abc import Callable
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd

from halonet.figures.limit import Limit
from halonet.figures.style import FAINT, MISSED, ORDERED_MAP, PREDICTION, TRUTH, Drawing, new_figure, styled
from halonet.settings.haloes import calibrated_finder

VOTED = (
    *("scale", "reach", "radius_weight", "exclusion", "least_votes"),
    *("volume_weight", "volume_factor", "volume_slope", "large_volume_slope"),
)


@styled
def draw_training(history: pd.DataFrame, limit: Limit | None = None) -> Drawing:
    """Dice coefficient against training steps, from the network's ``history.csv``, beside the limit if given."""
    figure, (ax,) = new_figure(5.6, 3.9)
    ax.plot(history["step"], history["training_dice"], color="#999999", linewidth=1.2, label="training")
    ax.plot(history["step"], history["validation_dice"], color=PREDICTION, label="validation")
    ax.plot(history["step"], history["floor"], ":", color=MISSED, label="all background")
    if limit:
        ax.axhline(limit.dice, color=TRUTH, linewidth=0.9, linestyle="--", label="limit of knowability")
    for step in history.groupby("stage")["step"].min().iloc[1:]:
        ax.axvline(step, color="#cccccc", linewidth=0.8)
    ax.set(xlabel="training step", ylabel="Dice coefficient", xlim=(0, None), ylim=(None, 1))
    ax.grid(axis="y")
    ax.legend(loc="center right")
    last = history.iloc[-1]
    caption = (
        f"Dice coefficient (Eq. 2) during {int(last['step']):,} training steps in {int(last['stage'])} "
        f"stage{'s' if last['stage'] > 1 else ''}. Validation boxes end at {last['validation_dice']:.3f}; a prediction "
        f"without any halo would reach {last['floor']:.3f}."
    )
    if limit:
        caption += f" {limit.words()}: {limit.dice:.3f}."
    return Drawing(figure, "Training", caption)


@styled
def draw_calibration(thresholds: dict) -> Drawing:
    """Every candidate for the halo finder's thresholds by its two criteria, and the one that was chosen."""
    table, chosen = pd.DataFrame(thresholds["candidates"]), thresholds["chosen"]
    shown = CALIBRATIONS[calibrated_finder(thresholds)]
    name, tolerance = shown.constant, thresholds.get("tolerance")
    figure, (ax,) = new_figure(5.6, 3.9)
    values = sorted(table[name].unique())
    for value, colour in zip(values, mpl.colormaps[ORDERED_MAP](np.linspace(0, 0.9, len(values))), strict=True):
        some, label = table[table[name] == value], f"{value:{shown.digits}}"
        ax.plot(some["score"], some["abundance_error"], "o", color=colour, markersize=3.5, label=label)
    ax.plot(chosen["score"], chosen["abundance_error"], "o", ms=11, mfc="none", mec=MISSED, mew=1.8, label="chosen")
    best = table["score"].max()
    score = "lesser" if chosen.get("lesser") else "harmonic mean"
    ax.set(xlabel=f"{score} of completeness and purity", ylabel="error of the mass function")
    figure.legend(*ax.get_legend_handles_labels(), title=shown.title, loc="outside right upper")
    if tolerance is None:
        ax.set(ylim=(0, None))
    else:
        ax.axvspan(best - tolerance, best, color=FAINT, alpha=0.5, linewidth=0)
        ax.set(xlim=(max(0, best - 0.3), best + 0.02), ylim=(0, 1))
    large = thresholds.get("large_cells")
    both = f" and, with the same weight, above {large:,}" if large else ""
    units = f"{thresholds['cells']} and {large:,}" if large else thresholds["cells"]
    caption = (
        f"Choice of the halo finder's constants on {thresholds['boxes']} calibration boxes, for haloes above "
        f"{thresholds['cells']}{both} cells; error of the mass function: mean |ln ratio| of numbers above 1 to 10 "
        f"times {units} cells. "
    ) + shown.choice(thresholds)
    return Drawing(figure, "Choice of constants", caption)


def _choice_of_search(thresholds: dict) -> str:
    chosen, tolerance = thresholds["chosen"], thresholds["tolerance"]
    return (
        "Each point is a list of peak thresholds with a shift of the fitted shell threshold. Of those within "
        f"{tolerance:g} of the best harmonic mean (grey), the one with the truest mass function is taken: peak "
        f"thresholds {_listed(chosen)} and a shift of {chosen['shift']:+.2f}."
    )


def _choice_of_fit(thresholds: dict) -> str:
    chosen = thresholds["chosen"]
    return (
        "Each point is a list of peak thresholds with an own fraction and a reach of the fitted spheres, tried one "
        f"after another; {_best_difference(chosen)}: peak thresholds "
        f"{_listed(chosen)}, own fraction {chosen['own_fraction']:g} and reach {chosen['reach']:g}."
    )


def _choice_of_votes(thresholds: dict) -> str:
    chosen = thresholds["chosen"]
    constants = ", ".join(f"{name.replace('_', ' ')} {chosen[name]:g}" for name in VOTED if name in chosen)
    return (
        f"Each point is a set of constants of the vote finder, tried one after another; {_best_difference(chosen)}: "
        f"{constants} (lengths in predicted radii; a complete halo has 1 vote)."
    )


def _best_difference(chosen: dict) -> str:
    free, power = chosen.get("tolerance"), chosen.get("power_error")
    asides = [f"of which an error of {free:.0%} does not count"] if free else []
    if power is not None:
        asides.append(f"less what clustering is off by too much (here by {power:.1%})")
    between = f", {', '.join(asides)}," if asides else ""
    return f"the largest difference of the two criteria{between} is taken"


class Calibration(NamedTuple):
    """How the calibration of a finder is drawn: what colours tell, its name and digits, and the choice in words."""

    constant: str
    title: str
    digits: str
    choice: Callable[[dict], str]


CALIBRATIONS = {
    "paper": Calibration("shift", "shift of shell threshold", "+.2f", _choice_of_search),
    "fitted": Calibration("own_fraction", "least own fraction", "g", _choice_of_fit),
    "votes": Calibration("volume_weight", "weight of the volume", "g", _choice_of_votes),
}


def _listed(chosen: dict) -> str:
    return ", ".join(f"{value:g}" for value in chosen["peak_thresholds"])
