"""Links of the documentation lead somewhere."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "networks").rglob("*.md")])
CODE = re.compile(r"^(```|~~~).*?^\1|(?<=\n\n)(?: {4}[^\n]*\n)+|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)(?: \"[^\"]*\")?\)|^\[[^\]]+\]: *(\S+)|(?:src|href)=\"([^\"]+)\"", re.MULTILINE)


def anchors(text):
    """Anchors of a page as GitHub makes them from its headings: a heading that is there again gets a number."""
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    found, seen = set(), Counter()
    for heading in re.findall(r"^#{1,6} +(.*?)[ #]*$", text, re.MULTILINE):
        shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def links(text):
    """Targets of links, pictures and references, of Markdown and HTML, outside of code."""
    return [next(filter(None, groups)) for groups in LINK.findall(CODE.sub("", text))]


def wrong_links(page):
    """Relative links of a page that lead to no file, or to no heading of it."""
    for target in links(page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.is_file() or not file.is_relative_to(ROOT):
            yield f"{target}: no such file in the repository"
        elif anchor and anchor not in anchors(file.read_text()):
            yield f"{target}: no such heading, there are {sorted(anchors(file.read_text()))}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_picture_of_a_page_leads_to_a_file_and_heading_that_exist(page):
    assert not list(wrong_links(page))


def test_anchors_are_those_of_github():
    text = "# A *b* & C_d\n## A `b`: [c](d.md#e), 2³\n```\n# no heading\n```\n## Measured\n## Measured ##\n"
    assert anchors(text) == {"a-b--c_d", "a-b-c-2³", "measured", "measured-1"}


def test_links_are_found_outside_of_code_alone():
    text = (
        '[a](b.md) ![c](d.png "e") `[f](g.md)`\n\n    [h](i.md)\n\n[j]: k.md\n<img src="l.png">\n```\n[m](n.md)\n```\n'
    )
    assert links(text) == ["b.md", "d.png", "k.md", "l.png"]
