"""Training curve of a network, and the choice of peak thresholds on the calibration boxes."""

import pandas as pd

from halonet.figures.style import MISSED, PREDICTION, SEQUENCE, TRUTH, Drawing, new_figure, styled


@styled
def draw_training(history: pd.DataFrame) -> Drawing:
    """Dice coefficient and loss against training steps, from the network's ``history.csv``."""
    figure, (ax,) = new_figure(5.6, 3.9)
    ax.plot(history["step"], history["training_dice"], color="#999999", linewidth=1.2, label="training")
    ax.plot(history["step"], history["validation_dice"], color=PREDICTION, label="validation")
    ax.plot(history["step"], history["floor"], ":", color=MISSED, label="all background")
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
    return Drawing(figure, "Training", caption)


@styled
def draw_calibration(thresholds: dict) -> Drawing:
    """Completeness, purity and their harmonic mean against the lowest peak threshold of each candidate list."""
    table, chosen = pd.DataFrame(thresholds["candidates"]), thresholds["chosen"]
    table["lowest"] = [values[-1] for values in table["peak_thresholds"]]
    table["first"] = [values[1] if len(values) > 1 else None for values in table["peak_thresholds"]]
    figure, (ax,) = new_figure(5.6, 3.9)
    ladder = table[table["peak_thresholds"].map(lambda values: values == chosen["peak_thresholds"][: len(values)])]
    same = table["peak_thresholds"].map(lambda values: list(values[: len(ladder)]) == list(chosen["peak_thresholds"]))
    ladder = pd.concat([ladder, table[same]]).drop_duplicates("lowest")
    for name, colour, style in (
        ("completeness", PREDICTION, "--"),
        ("purity", MISSED, "--"),
        ("score", TRUTH, "-"),
        ("abundance_error", SEQUENCE[2], ":"),
    ):
        label = {"score": "harmonic mean", "abundance_error": "error of mass function"}.get(name, name)
        ax.plot(ladder["lowest"], ladder[name], style, color=colour, marker=".", label=label)
    lowest = chosen["peak_thresholds"][-1]
    ax.axvline(lowest, color="#999999", linewidth=0.8)
    ax.set(
        xlabel="lowest peak threshold", ylabel="on the calibration boxes", ylim=(0, 1), xlim=(1, ladder["lowest"].min())
    )
    ax.legend(loc="center right")
    caption = (
        f"Choice of the peak thresholds on {thresholds['boxes']} calibration boxes, for haloes above "
        f"{thresholds['cells']} cells. Lists end ever lower from left to right. Of the lists whose harmonic mean is "
        "close to the best, the one with the truest mass function (mean |ln ratio| of numbers above 1 to 10 times that "
        f"volume) is taken: {', '.join(f'{value:g}' for value in chosen['peak_thresholds'])}."
    )
    return Drawing(figure, "Choice of thresholds", caption)
