"""Describe the files of a run as a research object (RO-Crate), so that it can be published and cited.

Writes ro-crate-metadata.json into the folder of the run: what every file is, its size and digest, what made it.
"""

import argparse
import logging
from datetime import date
from pathlib import Path

from halonet.checks.parser import READS_FOLDER
from halonet.crate import METADATA, Publication, write_crate

log = logging.getLogger("halonet")
LICENSE = "https://creativecommons.org/licenses/by/4.0/"
EXAMPLES = """\
  halonet crate results/few --author "A. Person" --orcid https://orcid.org/0000-0002-1825-0097
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of command and script."""
    parser.add_argument("folder", type=READS_FOLDER, help="of the run: results/<run>")
    parser.add_argument("--author", required=True, help="who publishes it")
    parser.add_argument("--orcid", help="address of the author, https://orcid.org/...")
    parser.add_argument("--title", help="of the crate; default: that it is a run of this name")
    parser.add_argument(
        "--description", default="Halo catalogues and statistics of a run of HaloNet", help="of the crate"
    )
    parser.add_argument("--license", default=LICENSE, help="address of the data's licence; default: CC BY 4.0")
    parser.add_argument("--date", type=date.fromisoformat, default=date.today(), help="YYYY-MM-DD; default: today")


def run(arguments: argparse.Namespace) -> None:
    """Write the metadata file."""
    folder = Path(arguments.folder)
    title = arguments.title or f"HaloNet run {folder.resolve().name}"
    publication = Publication(
        title, arguments.description, arguments.license, arguments.date, arguments.author, arguments.orcid
    )
    number = write_crate(folder, publication)
    log.info("%s: %d files described", folder / METADATA, number)
