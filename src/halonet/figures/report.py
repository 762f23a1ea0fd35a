"""The HTML report: one self-contained file whose first screen answers "is it any good?"."""

import base64
from dataclasses import dataclass
from html import escape
from pathlib import Path

import yaml

from halonet.figures.key_numbers import KeyNumber, headline, key_numbers
from halonet.figures.neural_bias_numbers import bias_headline, bias_numbers
from halonet.figures.page import BIAS, COMPARISON, DETAILS, FIGURE, NETWORK, REPORT, ROW, TABLE, TRUTHS, document
from halonet.storage import StorageError, read_json

FIRST_SCREEN = ("slice", "mass_function")
OTHERS = (
    "haloes", "power_spectrum", "eulerian_power_spectrum", "matching", "shapes", "roc", "profiles",
    "correlation_function", "differential_mass_function", "training", "calibration", "network",
)  # fmt: skip
OF_BIAS = ("rivals", "fields", "predictive", "chains", "kernels")
NARROW = ("mass_function", "differential_mass_function", "training", "calibration", "mass_functions", "kernels")
WORDS = {"good": "● good", "fair": "◐ fair", "poor": "○ off", "shown": ""}
LEGEND = (
    "Values are means over the test boxes, ± their standard deviation; numbers of haloes are of all boxes together. "
    "Good: abundance within 10%, power within 5%, at least 70% matched, Dice at least 0.90. Fair: within 25%, within "
    "15%, at least 60%, 0.05 above the floor. Fewer than 100 true haloes are not judged."
)


@dataclass(frozen=True)
class ReportedNetwork:
    """What the report shows of one network: its name, statistics summary, folder of figures and provenance record."""

    name: str
    summary: dict
    figures: Path
    provenance: dict | None


@dataclass(frozen=True)
class ReportedBias:
    """What the report shows of the neural bias model: its summary and its folder of figures."""

    summary: dict
    figures: Path


def build_report(
    title: str,
    networks: list[ReportedNetwork],
    settings: dict,
    bias: ReportedBias | None = None,
    truths: Path | None = None,
) -> str:
    """Assemble the page.

    Parameters
    ----------
    title
        Heading of the page.
    networks
        At least one; each has its own section, the first one comes first. Of several, one table compares the numbers.
    settings
        The whole configuration, shown as YAML.
    bias
        The neural bias model, where the run has it.
    truths
        Folder of the comparison of Peak Patch with the simulation, where the truth is one.

    Raises
    ------
    StorageError
        If a folder of figures lacks a figure or its captions.
    """
    links = [f'<a href="#{escape(network.name)}">{escape(network.name)}</a>' for network in networks]
    if bias:
        links.append('<a href="#neural-bias">neural bias model</a>')
    if truths:
        links.append('<a href="#truths">Peak Patch and simulation</a>')
    navigation = f"<nav>{''.join(links)}<a href='#settings'>settings and provenance</a></nav>"
    parts = REPORT.substitute(
        navigation=navigation,
        comparison=_comparison(networks) if len(networks) > 1 else "",
        networks="\n".join(_network_section(network, alone=len(networks) == 1) for network in networks),
        bias=_bias_section(bias) if bias else "",
        truths=_truths_section(truths) if truths else "",
        provenance=_provenance(networks, settings),
    )
    return document(title, parts)


def _comparison(networks: list[ReportedNetwork]) -> str:
    """Key numbers of all networks in one table; a dash where a network lacks one."""
    columns = [{row.name: row for row in key_numbers(network.summary)} for network in networks]
    rows = []
    for name in dict.fromkeys(name for column in columns for name in column):
        cells = "".join(_cell(column.get(name)) for column in columns)
        rows.append(f"<tr><td>{escape(name)}</td>{cells}</tr>")
    names = "".join(f"<th>{escape(network.name)}</th>" for network in networks)
    return COMPARISON.substitute(names=names, rows="\n".join(rows), legend=escape(LEGEND))


def _cell(row: KeyNumber | None) -> str:
    return f'<td class="value {row.verdict}">{escape(row.value)}</td>' if row else "<td>&ndash;</td>"


def _network_section(network: ReportedNetwork, alone: bool) -> str:
    captions = read_json(network.figures / "captions.json")
    first = {name: _figure(network.figures, name, captions) for name in FIRST_SCREEN}
    others = (name for name in OTHERS if name in captions)
    numbers = key_numbers(network.summary)
    return NETWORK.substitute(
        first,
        anchor=escape(network.name),
        heading="" if alone else f"<h2>{escape(network.name)}</h2>",
        headline=escape(headline(network.summary, network.name)),
        key_numbers=_table([row for row in numbers if row.main]),
        more_numbers=_table([row for row in numbers if not row.main]),
        legend=escape(LEGEND),
        figures="\n".join(_card(network.figures, name, captions) for name in others),
    )


def _bias_section(bias: ReportedBias) -> str:
    captions = read_json(bias.figures / "captions.json")
    return BIAS.substitute(
        headline=escape(bias_headline(bias.summary)),
        mass_functions=_figure(bias.figures, "mass_functions", captions),
        numbers=_table(bias_numbers(bias.summary)),
        figures="\n".join(_card(bias.figures, name, captions) for name in OF_BIAS if name in captions),
    )


def _truths_section(folder: Path) -> str:
    return TRUTHS.substitute(figure=_figure(folder, "truths", read_json(folder / "captions.json")))


def _table(numbers: list[KeyNumber]) -> str:
    rows = (
        ROW.substitute(
            name=escape(row.name),
            meaning=escape(row.meaning),
            value=escape(row.value),
            reference=escape(row.reference),
            verdict=row.verdict,
            word=WORDS[row.verdict],
        )
        for row in numbers
    )
    return TABLE.substitute(rows="\n".join(rows))


def _card(folder: Path, name: str, captions: dict) -> str:
    width = "" if name in NARROW else " wide"
    return f'<div class="card{width}">{_figure(folder, name, captions)}</div>'


def _figure(folder: Path, name: str, captions: dict) -> str:
    path = folder / f"{name}.png"
    if name not in captions or not path.is_file():
        raise StorageError(f"{path}: this figure or its caption is missing; draw_figures.py writes both")
    entry = captions[name]
    return FIGURE.substitute(
        shape="narrow" if name in NARROW else "broad",
        title=escape(entry["title"]),
        data=base64.b64encode(path.read_bytes()).decode(),
        caption=escape(entry["caption"]),
    )


def _provenance(networks: list[ReportedNetwork], settings: dict) -> str:
    record = networks[0].summary["provenance"]
    facts = {
        "halonet": record["halonet"],
        "git commit": record["git_commit"] or "not a git checkout",
        "master seed": settings.get("run", {}).get("seed", "not given"),
        **record["libraries"],
    }
    rows = "".join(
        f"<tr><td>{escape(str(name))}</td><td>{escape(str(value))}</td></tr>" for name, value in facts.items()
    )
    parts = [f"<table><tbody>{rows}</tbody></table><br>", _details("Configuration of this run", settings)]
    for network in networks:
        if network.provenance:
            parts.append(_details(f"Provenance of network {network.name}", network.provenance))
    return "\n".join(parts)


def _details(title: str, values: dict) -> str:
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110)
    return DETAILS.substitute(opened="", title=escape(title), text=escape(text))
