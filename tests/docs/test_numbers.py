"""A number on a page is that of the file that holds it, or of the code that computes it."""

import page_claims.all  # noqa: F401  every claim is registered
import pytest
from page_claims import record
from page_claims.base import CLAIMS, ROOT, plain
from page_claims.prose import looks_measured, pages, uncovered
from page_claims.record import differences, records


@pytest.mark.parametrize(("page", "claim"), CLAIMS, ids=lambda one: getattr(one, "__name__", one))
def test_a_page_says_the_numbers_of_the_files_and_of_the_code(page, claim):
    text = plain((ROOT / page).read_text())
    missing = [said for said in claim() if plain(said).strip() not in text]
    assert not missing, f"{page} does not say:\n" + "\n".join(missing)


def test_a_number_that_looks_measured_is_in_a_file_whatever_the_page():
    """What no claim holds is in ``benchmarks/results/pages.json``, with processor and command where they are known."""
    left = [line for page in pages() for line in differences(page, uncovered(page))]
    assert not left, "say it by a claim of tests/page_claims, or record it (benchmarks/pages.py --help):\n" + "\n".join(
        left
    )


def test_a_record_says_where_its_numbers_come_from():
    for one in records():
        where = f"{one['page']}, {one['section']!r}"
        assert one["page"] in pages(), where
        assert one.get("measured") or one.get("stated"), where
        assert all(one.get("stated", {"": "x"}).values()), where
        if "measured" in one:
            assert {"processor", "command", "since", "commit"} <= set(one), where
            assert one["processor"], where


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ("It takes 3.4 s and 12 GB, for 25% of 128³ cells.", ["3.4 s", "12 GB", "25%"]),
        ("from 5 to 7 ms, 0.85 of 2 Mpc", ["5", "7 ms", "0.85"]),
        ("`0.75` in [code](a#0.99), $0.11$, ten boxes of 256 cells, version 1.2.3, Berger 2018", []),
        ("<!-- t: made by b.py -->\n| 0.91 |\n<!-- end of t -->", []),
    ],
)
def test_numbers_that_look_measured_are_those_with_decimals_or_units_in_prose(said, numbers):
    assert [text for found in looks_measured(said, []).values() for text in found] == numbers


def test_what_a_claim_says_is_not_looked_for_in_the_records_and_the_rest_of_its_line_is():
    assert looks_measured("## A\nIt is 0.85\nof the truth, or 0.91.", ["is 0.85 of the truth"]) == {"A": ["0.91"]}


def test_a_changed_number_is_told_and_gets_a_record_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "FILE", tmp_path / "pages.json")
    old = {"page": "p.md", "section": "A", "measured": ["3 s", "4 GB"], "processor": "old", "stated": {"5%": "a paper"}}
    record.write([old])
    found = {"A": ["3 s", "7 GB", "5%"]}
    assert list(differences("p.md", found)) == ["p.md, 'A': nothing holds 7 GB", "p.md, 'A': says no longer 4 GB"]
    record.write(record.renewed("p.md", found, "new", "python b.py"))
    before, new = records()
    assert before == old | {"measured": ["3 s"]}
    assert (new["measured"], new["processor"], new["command"]) == (["7 GB"], "new", "python b.py")
    assert not list(differences("p.md", found))
