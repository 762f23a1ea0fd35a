"""The page of the mocks: one file that says what was measured, how well, and how many mocks are needed for what."""

import base64
import io
from html import escape
from string import Template
from typing import Any

import matplotlib as mpl
import numpy as np
import yaml
from matplotlib.backends.backend_agg import FigureCanvasAgg

from halonet.figures.mock_statistics import TITLES, draw_gains, draw_statistics
from halonet.figures.mocks import draw_covariance
from halonet.figures.page import DETAILS, FIGURE, document
from halonet.figures.style import DPI, RC, Drawing

CARD = Template("""<h2>$title</h2>
<div class="card">$content</div>""")


def mocks_page(summary: dict[str, Any]) -> str:
    """HTML of the page of a summary of mocks, without scripts, fonts or images from elsewhere."""
    box, number = summary["box"], summary["mocks"]
    lead = (
        f"{number} mocks of ({box['box_size_mpc']:g} Mpc)³, redshift {box['redshift']:g}, haloes of at least "
        f"{box['minimum_cells']:g} cells. Variances are known to {100 * summary['precision']['variance_error']:.0f}%."
    )
    parts = [_card("Statistics", _figure(draw_statistics(summary)))]
    parts.append(_card("Covariance", _figure(draw_covariance(summary))))
    if "truth" in summary:
        parts.append(_card("Against simulations", _truth(summary)))
    parts.append(_card("How many mocks are needed", _needed(summary)))
    if "control_variates" in summary:
        parts.append(_card("Control variates", _figure(draw_gains(summary)) + _gains(summary)))
    if summary.get("super_sample"):
        parts.append(_card("Modes longer than the box", _super_sample(summary)))
    record = yaml.safe_dump(summary.get("provenance", {}), sort_keys=False, allow_unicode=True, width=110)
    parts.append(_card("Provenance", DETAILS.substitute(opened="", title="Record", text=escape(record))))
    return document("Mocks", "\n".join([f'<p class="lead">{escape(lead)}</p>', *parts]))


def _card(title: str, content: str) -> str:
    return CARD.substitute(title=escape(title), content=content)


def _figure(drawing: Drawing) -> str:
    content = io.BytesIO()
    with mpl.rc_context(RC):
        FigureCanvasAgg(drawing.figure).print_figure(content, format="png", dpi=DPI, metadata={"Software": None})
    data = base64.b64encode(content.getvalue()).decode()
    return FIGURE.substitute(shape="broad", title=escape(drawing.title), data=data, caption=escape(drawing.caption))


def _table(head: list[str], rows: list[list[str]], legend: str) -> str:
    header = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table><p class="legend">{escape(legend)}</p>'


def _needed(summary: dict[str, Any]) -> str:
    precision = summary["precision"]
    rows = []
    for name, reached in [*precision["by_statistic"].items(), ("all together", precision)]:
        factors = [reached[each] for each in ("hartlap_factor", "parameter_inflation", "percival_factor")]
        shown = ["none: too few mocks" if value is None else f"{value:.3f}" for value in factors]
        rows.append([TITLES.get(name, name), str(reached["data"]), *shown, f"{reached['mocks_for_parameters']:,}"])
    wanted, parameters = precision["wanted"], precision["parameters"]
    head = ["Statistic", "Data", "Hartlap", "Dodelson & Schneider", "Percival", f"Mocks for a loss of {wanted:g}"]
    return _table(head, rows, (
        f"Hartlap: factor of the inverse covariance. Dodelson & Schneider: relative increase of the variance of "
        f"{parameters} fitted parameters. Percival: from the variance of a likelihood to the true one. A variance to "
        f"{wanted:g} takes {precision['mocks_for_variance']:,} mocks, whatever the data."
    ))  # fmt: skip


def _truth(summary: dict[str, Any]) -> str:
    truth, rows = summary["truth"], []
    for each in summary["order"]:
        found = truth[each["statistic"]][each["value"]]
        ratio, error = (np.array(found[name], float) for name in ("ratio", "ratio_error"))
        known = np.isfinite(ratio) & (error > 0)
        if known.any():
            apart = (ratio[known] - 1) / error[known]
            values = [f"{np.median(ratio[known]):.3f}", f"{ratio[known].min():.3f} to {ratio[known].max():.3f}"]
            values += [f"{np.median(error[known]):.3f}", f"{np.mean(apart**2) ** 0.5:.1f}"]
            rows.append([TITLES[each["statistic"]], each["value"], *values])
    number = truth["boxes"]
    of = (
        f"{number} simulations, each with the mock of its phases"
        if truth["paired"]
        else (f"{number} simulation{'s' if number > 1 else ''} of other phases and all mocks")
    )
    legend = (
        f"Mean of the mocks over that of the simulations: {of}. Departures from 1 in standard errors are root mean "
        "squares over the bins: about 1 where nothing but chance is at work; with few boxes errors are uncertain."
    )
    head = ["Statistic", "Value", "Ratio, median", "Over the bins", "Error, median", "Departure in errors"]
    return _table(head, rows, legend)


def _gains(summary: dict[str, Any]) -> str:
    found, rows = summary["control_variates"], []
    gains = [np.array(found[name], float) for name in ("gain", "largest_gain")]
    gains.append(np.diag(np.array(found["covariance_gain"], float)))
    for each in summary["order"]:
        part = slice(each["first"], each["first"] + each["number"])
        if each["number"]:
            values = [f"{np.nanmedian(some[part]):.2g}" for some in gains]
            rows.append([TITLES[each["statistic"]], each["value"], *values])
    legend = "Median over the bins. Below 1 the partner shares nothing with the mocks: take the plain mean."
    head = ["Statistic", "Value", "Gain of the mean", "With further fields without end", "Gain of the variance"]
    return _table(head, rows, legend)


def _super_sample(summary: dict[str, Any]) -> str:
    term = summary["super_sample"]
    added = np.diag(np.array(term["covariance"]))
    rows, first = [], 0
    for each in term["order"]:
        place = next(part for part in summary["order"] if part["value"] == each["value"])
        plain = np.diag(np.array(summary["covariance"]))[place["first"] : place["first"] + place["number"]]
        ratio = added[first : first + place["number"]] / plain
        first += place["number"]
        rows.append([TITLES[each["statistic"]], f"{ratio.min():.3g} to {ratio.max():.3g}"])
    return _table(["Statistic", "Super-sample variance over that of the boxes"], rows, (
        f"From the response to the mean density of the volume, whose deviation is {term['sigma']:.3g} (Takada & Hu "
        f"2013); mean bias {term['bias']:.2f}. Not part of the covariance above: add it for a survey of this volume."
    ))  # fmt: skip
