"""Numbers of a page that look measured, and which of them no claim covers.

A number looks measured that has two decimals or more, or a unit of time, memory or speed, or is a percentage. Code,
links, formulas, headings, what a command wrote between its marks, and pages that a command writes as a whole are left
out.
"""

import re
from itertools import pairwise

from page_claims.base import CLAIMS, ROOT, plain

WHOLE = ("docs/performance.md",)  # written by a command, which a test repeats
NUMBER = r"[-−+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?"
UNIT = (
    r"(?:%|(?:ms|s|µs|ns|min|minutes?|hours?|seconds?|core hours|CPU|GPU hours|[kMGT]i?B|bytes?|km/s|[kMGTP]?FLOPs?)\b)"
)
ANOTHER = rf"(?:(?:,| to| and| or| ±| of)? {NUMBER})*"
LOOKS_MEASURED = re.compile(rf"(?<![\w.^])(?:{NUMBER}(?={ANOTHER}\s?{UNIT})|[-−+]?\d+\.\d\d+(?!\w|\.\d))")
DIRECT_UNIT = re.compile(rf"(?:\s?{UNIT})?")
SKIPPED = re.compile(
    r"<!-- (\w+)(?:: made by [^>]*)? -->.*?<!-- end of \1 -->|^```.*?^```|(?<=\n\n)(?: {4}[^\n]*\n)+|`[^`]*`"
    r"|\]\([^)]*\)|\$\$.*?\$\$|\$[^$\n]*\$|<!--.*?-->|^#+ .*?$|arXiv:[\d.]+|Python 3\.\d+ to 3\.\d+",
    re.DOTALL | re.MULTILINE,
)


def pages():
    """Pages with prose of their own, by their names."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/how_to").glob("*.md"))]
    return [name for name in (str(path.relative_to(ROOT)) for path in found) if name not in WHOLE]


def spans(text, said):
    """Beginnings and ends of what is no prose, and of what claims say."""
    yield from (match.span() for match in SKIPPED.finditer(text))
    for one in said:
        words = r"\s+".join(map(re.escape, plain(one).split()))
        yield from (match.span() for match in re.finditer(words, text))


def looks_measured(text, said):
    """Numbers of each section of a text that look measured, with their units, but for what is ``said``, in order."""
    text = text.replace("**", "")
    covered = bytearray(len(text))
    for start, end in spans(text, said):
        covered[start:end] = b"\1" * (end - start)
    headings = [(0, ""), *((match.start(), match[0].lstrip("# ")) for match in re.finditer(r"^#+ .*$", text, re.M))]
    found = {}
    for (start, heading), (end, _) in pairwise([*headings, (len(text), "")]):
        matches = [match for match in LOOKS_MEASURED.finditer(text, start, end) if not covered[match.start()]]
        numbers = [match[0] + plain(DIRECT_UNIT.match(text, match.end())[0]) for match in matches]
        if numbers:
            found[heading] = found.get(heading, []) + numbers
    return found


def uncovered(page):
    """Numbers of each section of a page that look measured and stand in no claim: heading -> texts, in their order."""
    said = [text for name, claim in CLAIMS if name == page for text in claim()]
    return looks_measured((ROOT / page).read_text(), said)
