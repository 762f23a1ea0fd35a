"""Numbers of pages that were measured once, and are in no file of results: ``benchmarks/results/pages.json``.

A record holds, for a section of a page, the numbers that were ``measured``, with processor and command as far as they are
known and the date and commit since when the page has them, and those that are ``stated``: settings, aims, numbers of
papers, with where each comes from. A test refuses a number that looks measured and stands in neither a claim nor here.
``benchmarks/pages.py`` writes them.
"""

import json
import subprocess
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = ROOT / "benchmarks/results/pages.json"


def records():
    return json.loads(FILE.read_text())


def write(rows):
    """One key a line, lists and all, so that a changed number is one changed line."""
    texts = []
    for one in sorted(rows, key=lambda row: row["page"]):
        lines = [f"    {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in one.items()]
        texts.append("  {\n" + ",\n".join(lines) + "\n  }")
    FILE.write_text("[\n" + ",\n".join(texts) + "\n]\n")


def of_section(page, section):
    """Records of a section, which has one for each time it was measured."""
    return [one for one in records() if (one["page"], one["section"]) == (page, section)]


def left_over(rows, numbers):
    """Numbers of a section that none of its records holds, and those of records that it has no longer."""
    stated = {text for one in rows for text in one.get("stated", {})}
    there = Counter(text for text in numbers if text not in stated)
    held = Counter(text for one in rows for text in one.get("measured", []))
    return list((there - held).elements()), [*(held - there).elements(), *sorted(stated - set(numbers))]


def differences(page, found):
    """What records and a page do not have in common, in words; ``found`` are its numbers by section."""
    sections = {one["section"] for one in records() if one["page"] == page} | set(found)
    for section in sorted(sections):
        extra, gone = left_over(of_section(page, section), found.get(section, []))
        if extra:
            yield f"{page}, {section!r}: nothing holds {', '.join(extra)}"
        if gone:
            yield f"{page}, {section!r}: says no longer {', '.join(gone)}"


def renewed(page, found, processor, command):
    """Records of a page as it is now: without numbers that are gone, and a new record for the new ones."""
    made = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    known = {"processor": processor, "command": command, "since": datetime.now(UTC).date().isoformat()}
    for section, numbers in found.items():
        rows = of_section(page, section)
        extra, gone = (Counter(texts) for texts in left_over(rows, numbers))
        for one in rows:
            kept = list((Counter(one.get("measured", [])) - gone).elements())
            gone -= Counter(one.get("measured", []))
            stated = {text: by for text, by in one.get("stated", {}).items() if text in numbers}
            row = {key: value for key, value in one.items() if key != "stated" and (kept or key in ("page", "section"))}
            row |= ({"measured": kept} if kept else {}) | ({"stated": stated} if stated else {})
            if kept or stated:
                yield row
        if extra:
            yield (
                {"page": page, "section": section, "measured": list(extra.elements())}
                | known
                | {"commit": made.stdout.strip()}
            )
