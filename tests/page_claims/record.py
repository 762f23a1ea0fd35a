"""Numbers of pages that were measured once, and are in no file of results: ``benchmarks/results/pages.json``.

A record holds, for a section of a page, the numbers that were ``measured``, with processor and command as far as they are
known and the date and commit since when the page has them, and those that are ``stated``: settings, aims, numbers of
papers, with where each comes from. A test refuses a number that looks measured and stands in neither a claim nor here.

    python tests/page_claims/record.py --page docs/n_body.md --processor "Intel Xeon, 2 cores" --command "python ..."

brings the records of a page to what it says now; numbers that are stated remain stated.
"""

import argparse
import json
import subprocess
import sys
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


def differences(page, found):
    """Numbers of ``found``, by section, that no record holds, and numbers of records that the page has no longer."""
    held = {one["section"]: one for one in records() if one["page"] == page}
    for section in {*held, *found}:
        known, there = held.get(section, {}), Counter(found.get(section, []))
        stated = known.get("stated", {})
        measured = Counter({text: count for text, count in there.items() if text not in stated})
        if extra := list((measured - Counter(known.get("measured", []))).elements()):
            yield f"{page}, {section!r}: nothing holds {', '.join(extra)}"
        if gone := [*(Counter(known.get("measured", [])) - measured).elements(), *(set(stated) - set(there))]:
            yield f"{page}, {section!r}: says no longer {', '.join(gone)}"


def renewed(page, found, processor, command):
    """Records of a page as it is now; those of sections that have not changed stay."""
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    held = {one["section"]: one for one in records() if one["page"] == page}
    for section, numbers in found.items():
        before = held.get(section, {})
        stated = {text: by for text, by in before.get("stated", {}).items() if text in numbers}
        measured = [text for text in numbers if text not in stated]
        row = {"page": page, "section": section}
        if Counter(measured) == Counter(before.get("measured", [])):
            row |= {
                key: before[key] for key in ("measured", "processor", "command", "since", "commit") if key in before
            }
        else:
            since = datetime.now(UTC).date().isoformat()
            row |= {"measured": measured, "processor": processor, "command": command}
            row |= {"since": since, "commit": commit.stdout.strip()}
        yield row | ({"stated": stated} if stated else {})


def main():
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]
    import page_claims.all  # noqa: F401
    from page_claims.numbers import uncovered

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", required=True)
    parser.add_argument("--processor", required=True)
    parser.add_argument("--command", required=True)
    arguments = parser.parse_args()
    found = uncovered(arguments.page)
    print("\n".join(differences(arguments.page, found)))
    others = [one for one in records() if one["page"] != arguments.page]
    write([*others, *renewed(arguments.page, found, arguments.processor, arguments.command)])


if __name__ == "__main__":
    main()
