"""Training curve: ``history.csv``, the same for identical runs; ``timing.csv``, which is not; ``progress.png``; events.

The events are those of :mod:`halonet.network.events`, for TensorBoard.
"""

import time
from pathlib import Path

import pandas as pd

from halonet.network.events import EVENTS, write_events
from halonet.storage import atomic_path, write_text

COLUMNS = (
    "stage",  # from 1
    "step",  # in all stages
    "epoch",  # of the stage
    "learning_rate",
    "loss",  # mean over the steps since the last record
    "training_dice",  # the same, with dropout and augmentation
    "validation_loss",
    "validation_dice",
    "validation_foreground_dice",
    "validation_voxel_dice",
    "floor",  # Dice of an all-background prediction of the validation windows
)
HEAD_MEASURES = {  # further columns of a network with heads, and the measures behind them
    "validation_offset_error": "offset_error",  # mean distance of predicted from true centre, in radii
    "validation_radius_error": "radius_error",  # mean deviation of ln radius, percent
}
FILES = ("history.csv", "timing.csv", "progress.png", EVENTS)
TIMING_COLUMNS = ("step", "seconds", "samples_per_second")


def write_history(folder: str | Path, history: list[dict], plot_every: float = 0.0) -> None:
    """Write tables, plot and events of a training curve into ``folder``, atomically.

    A plot younger than ``plot_every`` seconds stays: to draw it takes as long as many steps of a small network.
    """
    columns = [*COLUMNS, *(name for name in HEAD_MEASURES if history and name in history[0])]
    table = pd.DataFrame(history, columns=sorted({*columns, *TIMING_COLUMNS}))
    write_text(Path(folder) / "history.csv", table[columns].to_csv(index=False, float_format="%.7g"))
    write_text(Path(folder) / "timing.csv", table[list(TIMING_COLUMNS)].to_csv(index=False, float_format="%.4g"))
    plot = Path(folder) / "progress.png"
    if not plot.exists() or time.time() - plot.stat().st_mtime >= plot_every:
        _plot(plot, table)
    write_events(folder, history)


def _plot(path: Path, table: pd.DataFrame) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(table["step"], table["training_dice"], "--", color="0.5", label="training")
    axes.plot(table["step"], table["validation_dice"], color="C0", label="validation")
    axes.plot(table["step"], table["floor"], ":", color="C3", label="all background")
    for step in table.groupby("stage")["step"].min().iloc[1:]:
        axes.axvline(step, color="0.8", linewidth=1)
    axes.set(xlabel="step", ylabel="Dice coefficient")
    axes.legend()
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_figure(temporary, dpi=120, format="png", metadata={"Software": None})
