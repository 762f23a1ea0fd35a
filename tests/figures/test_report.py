"""The report: complete, self-contained and honest."""

import copy
import re

import pytest

from halonet.figures.abundance import draw_mass_function
from halonet.figures.key_numbers import headline, key_numbers
from halonet.figures.report import ReportedNetwork, build_report
from halonet.figures.slices import draw_fields, slice_through_largest
from halonet.figures.style import save
from halonet.storage import StorageError, write_json


@pytest.fixture(scope="module")
def figures(tmp_path_factory, boxes, summary):
    folder = tmp_path_factory.mktemp("figures")
    where = slice_through_largest(boxes[0]["true"])
    fields = [where.cut(boxes[0][name]) for name in ("density", "mask", "probability")]
    drawings = {"slice": draw_fields(where, *fields, 0.9), "mass_function": draw_mass_function(summary, 100)}
    for name, drawing in drawings.items():
        save(drawing.figure, folder, name)
    captions = {name: {"title": drawing.title, "caption": drawing.caption} for name, drawing in drawings.items()}
    write_json(folder / "captions.json", captions)
    return folder


@pytest.fixture(scope="module")
def page(figures, summary):
    networks = [ReportedNetwork(name, summary, figures, {"stage": "training"}) for name in ("small", "vnet5")]
    return build_report("Test <run>", networks, {"run": {"seed": 1234, "name": "test"}})


def test_the_page_needs_nothing_from_elsewhere(page):
    assert not re.search(r"https?://|<script|<link|url\(", page)
    assert all(source.startswith("data:image/png;base64,") for source in re.findall(r'src="([^"]*)"', page))
    assert len(re.findall("<img", page)) == 4


def test_the_page_carries_settings_seed_commit_and_versions(page):
    for text in ("seed: 1234", "<td>1234</td>", "<td>abc</td>", "<td>numpy</td>", "stage: training"):
        assert text in page


def test_text_from_outside_is_escaped(page):
    assert "Test &lt;run&gt;" in page
    assert "<run>" not in page


def test_every_network_has_its_section(page):
    assert '<section id="small">' in page
    assert '<section id="vnet5">' in page


def test_several_networks_are_compared_number_by_number(figures, summary):
    worse = copy.deepcopy(summary)
    worse["overlap"]["dice"]["mean"] = 0.76543
    worse["known_centres"] = None
    networks = [ReportedNetwork(name, each, figures, None) for name, each in (("good", summary), ("bad", worse))]
    table = build_report("t", networks, {}).split('id="comparison"')[1].split("</table>")[0]
    assert "<th>good</th><th>bad</th>" in table
    row = next(line for line in table.splitlines() if "<td>Dice coefficient</td>" in line)
    assert f">{summary['overlap']['dice']['mean']:.3f}" in row.split("</td>")[1]
    assert ">0.765" in row.split("</td>")[2]
    assert "<td>Completeness, known centres</td>" in table
    assert table.count("<td>&ndash;</td>") == 1
    assert 'id="comparison"' not in build_report("t", networks[:1], {})


def test_the_first_lines_name_dice_and_its_floor_and_the_numbers_of_haloes(page, summary):
    above = summary["mass_function"]["key"][0]
    text = headline(summary, "small")
    assert f"{summary['overlap']['dice']['mean']:.3f}" in text
    assert f"{summary['overlap']['all_background']['mean']:.3f}" in text
    assert f"{above['found']:,} haloes above 100 cells; the truth has {above['true']:,}" in text
    assert text in page


def named(summary, start):
    return next(row for row in key_numbers(summary) if row.name.startswith(start))


def changed(summary, **ratios):
    """Summary with other values where a test needs them."""
    other = copy.deepcopy(summary)
    other["mass_function"]["key"][0] |= ratios
    return other


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(0.95, "good"), (1.2, "fair"), (0.8, "fair"), (1.4, "poor"), (0.3, "poor")]
)
def test_a_ratio_that_misses_is_shown_as_such(summary, ratio, verdict):
    row = named(changed(summary, ratio=ratio, judged=True), "Haloes above 100 cells")
    assert row.verdict == verdict
    assert row.value.startswith(f"{ratio:.2f}")
    assert row.main


def test_numbers_too_small_are_shown_and_not_judged(summary):
    row = named(changed(summary, ratio=0.5, judged=False), "Haloes above 100 cells")
    assert row.verdict == "shown"
    assert "Too few to judge" in row.meaning


def test_a_dice_near_the_floor_is_no_success(summary):
    other = copy.deepcopy(summary)
    other["overlap"]["dice"]["mean"] = other["overlap"]["all_background"]["mean"] + 0.01
    assert named(other, "Dice coefficient").verdict == "poor"


def test_classes_of_cells_and_moved_haloes_are_in_the_table(summary):
    galaxies = next(curve for curve in summary["roc"]["classes"] if curve["name"] == "galaxies")
    assert named(summary, "AUC, cells of galaxies").value.startswith(f"{galaxies['auc']['mean']:.3f}")
    assert named(summary, "AUC, cells in the outer part of haloes").verdict == "shown"
    ratio = summary["eulerian_power_spectrum"]["cuts"][-1]["ratio"]["large_scales"]["mean"]
    assert named(summary, "Eulerian power spectrum ratio, all").value.startswith(f"{ratio:.2f}")
    nowhere = summary | {"eulerian_power_spectrum": None}
    assert not any(row.name.startswith("Eulerian") for row in key_numbers(nowhere))


def test_a_missing_figure_is_named(figures, summary, tmp_path):
    write_json(tmp_path / "captions.json", {"slice": {"title": "t", "caption": "c"}})
    with pytest.raises(StorageError, match=r"slice\.png"):
        build_report("t", [ReportedNetwork("small", summary, tmp_path, None)], {})
