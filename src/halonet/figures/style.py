"""One look for all figures: colours that colour-blind readers can tell apart, fonts, sizes and files."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from halonet.figures.names import CAPTIONS, FORMATS
from halonet.storage import atomic_path, write_json

# Okabe & Ito (2008). Truth is dark, prediction blue, everything else keeps its colour through all figures.
TRUTH, PREDICTION, MISSED = "#2b2b2b", "#0072b2", "#d55e00"
TINKER, PRESS_SCHECHTER = "#e69f00", "#009e73"
SEQUENCE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
FAINT = "#d9d9d9"
TIMES = "\u00d7"
DENSITY_MAP, PROBABILITY_MAP, ORDERED_MAP = "RdBu_r", "cividis", "viridis"

RC: dict[Any, Any] = {  # matplotlib lists every key as a type of its own
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9.5,
    "axes.edgecolor": "#555555",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "grid.color": "#e8e8e8",
    "grid.linewidth": 0.7,
    "mathtext.fontset": "dejavusans",
    "pdf.fonttype": 42,
    "svg.hashsalt": "halonet",
}
DPI = 180

logging.getLogger("fontTools").setLevel(logging.WARNING)  # it reports every glyph of every font it embeds

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Drawing:
    """A figure with its title and the caption that quotes the parameters it was drawn with."""

    figure: Figure
    title: str
    caption: str


def new_figure(
    width: float, height: float, rows: int = 1, columns: int = 1, **options: Any
) -> tuple[Figure, list[Axes]]:
    """Figure of ``width`` x ``height`` inches with a grid of axes, row by row."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(axes.ravel())


def label_wavenumbers(axes: Axes) -> None:
    """Logarithmic axis of k (per Mpc) with 1, 2 and 5 of every decade as plain numbers: powers of ten would overlap."""
    axes.set(xscale="log", xlabel=r"$k$  (Mpc$^{-1}$)")
    axes.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Decorator of a function that draws: the common style is in force while it runs."""

    @wraps(draw)
    def draw_in_style(*arguments: P.args, **keywords: P.kwargs) -> R:
        with mpl.rc_context(RC):
            return draw(*arguments, **keywords)

    return draw_in_style


def save(figure: Figure, folder: str | Path, name: str) -> None:
    """Write a figure as bitmap and vector file, atomically and with the same bytes for the same drawing."""
    if layout := figure.get_layout_engine():
        figure.set_dpi(DPI)
        with mpl.rc_context(RC):
            layout.execute(figure)
        figure.set_layout_engine(None)  # what was laid out once holds for all formats
    for kind in FORMATS:
        unstamped = {"Software": None} if kind == "png" else {"CreationDate": None, "Creator": None, "Producer": None}
        with atomic_path(Path(folder) / f"{name}.{kind}") as temporary, mpl.rc_context(RC):
            FigureCanvasAgg(figure).print_figure(temporary, format=kind, dpi=DPI, metadata=unstamped)


def save_all(
    drawings: dict[str, Drawing],
    folder: str | Path,
    planned: tuple[str, ...],
    track: Callable[[list[tuple[str, Drawing]]], Iterable[tuple[str, Drawing]]] = iter,
) -> None:
    """Write figures and their captions.

    Parameters
    ----------
    planned
        Names of :mod:`halonet.figures.names`, which the workflow plans; another one is refused with ``ValueError``,
        since nothing would remake it.
    track
        Passes the drawings through and shows how far they are.
    """
    if unplanned := sorted(drawings.keys() - set(planned)):
        raise ValueError(f"{', '.join(unplanned)}: drawn, but not among the planned figures {', '.join(planned)}")
    for name, drawing in track(list(drawings.items())):
        save(drawing.figure, folder, name)
    captions = {name: {"title": drawing.title, "caption": drawing.caption} for name, drawing in drawings.items()}
    write_json(Path(folder) / CAPTIONS, captions)


def power_of_ten(value: float) -> str:
    """A number as mathematical text, like 3.1 x 10^13."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return rf"${mantissa} \times 10^{{{int(exponent)}}}$"


def plain_power(value: float) -> str:
    """A number as plain text for captions, like 3.2 × 10¹³."""
    mantissa, exponent = f"{value:.1e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{raised}" if mantissa == "1.0" else f"{mantissa} {TIMES} 10{raised}"
