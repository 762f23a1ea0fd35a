"""Records of numbers that stand on a page and in no file of results: ``benchmarks/results/pages.json``.

    python benchmarks/pages.py --page docs/n_body.md --processor "Intel Xeon, 2 cores" --command "python ..."

brings the records of a page to what it says now, and says what has changed. Numbers that are stated (settings, aims,
numbers of papers) remain stated; new ones of that kind are moved there by hand, with where they come from.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import page_claims.all  # noqa: F401  every claim is registered
from page_claims.prose import pages, uncovered
from page_claims.record import differences, records, renewed, write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", required=True, choices=pages(), metavar="PAGE")
    parser.add_argument("--processor", required=True)
    parser.add_argument("--command", required=True)
    arguments = parser.parse_args()
    found = uncovered(arguments.page)
    print("\n".join(differences(arguments.page, found)) or f"{arguments.page}: every number is held")
    others = [one for one in records() if one["page"] != arguments.page]
    write([*others, *renewed(arguments.page, found, arguments.processor, arguments.command)])


if __name__ == "__main__":
    main()
