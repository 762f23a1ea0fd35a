"""A run as a research object: RO-Crate 1.1 of its files, by the profile Process Run Crate 0.5.

``ro-crate-metadata.json`` beside the files of a run says what each is, with size and digest, what made them, and from
which settings and versions. It is plain JSON-LD; nothing but the standard library writes it.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import halonet
from halonet.checks.errors import StorageError
from halonet.digests import digest_of
from halonet.storage import write_json

METADATA = "ro-crate-metadata.json"
# Digests are no term of RO-Crate 1.1 itself.
CONTEXT = ["https://w3id.org/ro/crate/1.1/context", {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}]
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
SOFTWARE, ACTION = "#halonet", "#run"
LEFT_OUT = ("logs",)  # folders of a run that are no results
FORMATS = {
    ".h5": "application/x-hdf5",
    ".json": "application/json",
    ".csv": "text/csv",
    ".html": "text/html",
    ".png": "image/png",
    ".pdf": "application/pdf",
    ".fits": "application/fits",
    ".yaml": "application/yaml",
}
ADDRESS = re.compile(r"https?://\S+")
ORCID = re.compile(r"https://orcid\.org/(\d{4}-){3}\d{3}[\dX]")
Entity = dict[str, Any]


@dataclass(frozen=True)
class Publication:
    """What the files of a run do not say of themselves.

    Attributes
    ----------
    name, description
        Of the crate.
    license
        Address of the licence of the data.
    published
        Date of the crate.
    author, orcid
        Who publishes it; the ORCID is an address, https://orcid.org/...
    """

    name: str
    description: str
    license: str
    published: date
    author: str
    orcid: str | None = None

    def __post_init__(self) -> None:
        if not self.author.strip() or not self.author.isprintable():
            raise StorageError(f"author = {self.author!r}: blank, or no text; name who publishes the run")
        if not ADDRESS.fullmatch(self.license):
            raise StorageError(
                f"license = {self.license}: an address is needed, like that of https://spdx.org/licenses"
            )
        if self.orcid is None:
            return
        if not ORCID.fullmatch(self.orcid):
            raise StorageError(f"orcid = {self.orcid}: an address like https://orcid.org/0000-0002-1825-0097 is needed")
        if self.orcid[-1] != _check_digit(self.orcid[:-1]):
            raise StorageError(f"orcid = {self.orcid}: its last digit does not fit the others; a digit is mistyped")


def _check_digit(orcid: str) -> str:
    """Last digit of an ORCID, from those before it (ISO 7064, mod 11-2)."""
    total = 0
    for digit in filter(str.isdigit, orcid):
        total = (total + int(digit)) * 2
    return "0123456789X"[(12 - total % 11) % 11]


def write_crate(folder: str | Path, publication: Publication) -> int:
    """Write the metadata file of a run into its ``folder``; returns the number of files it describes.

    Raises
    ------
    StorageError
        If there are none.
    """
    folder = Path(folder)
    _check_own(folder / METADATA)
    if others := sorted(path.parent.name for path in folder.glob("*/" + METADATA)):
        raise StorageError(f"{folder}: holds the crates of {', '.join(others)}; name the folder of one run")
    if runs := sorted(path.parent.name for path in folder.glob("*/logs") if not (folder / "logs").exists()):
        raise StorageError(f"{folder}: holds the runs {', '.join(runs)}; name the folder of one of them")
    files = list(_files(folder))
    if not files:
        raise StorageError(f"{folder}: holds no files of a run; name the folder results/<run>")
    entities = [_file(folder, path) for path in files]
    parts = [{"@id": entity["@id"]} for entity in entities]
    graph = [_descriptor(), _root(publication, parts), *_makers(publication, parts), *entities]
    write_json(folder / METADATA, {"@context": CONTEXT, "@graph": graph})
    return len(files)


def _check_own(path: Path) -> None:
    """Refuse to replace what this function has not written."""
    if path.is_symlink():
        raise StorageError(f"{path}: a link to {os.readlink(path)}, which would be replaced; remove the link")
    if path.exists() and SOFTWARE not in path.read_text(errors="replace"):
        raise StorageError(f"{path}: not written by halonet crate, and would be replaced; move it away")


def _files(folder: Path) -> Iterator[Path]:
    """Files of a run in the order of their names, without logs and what is hidden.

    Links are followed, once, but for those to a folder that holds the run itself.
    """
    found, seen, home = [], set(), folder.resolve()
    for top, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(top)
        known = real in seen or (Path(top) != folder and home.is_relative_to(real))
        seen.add(real)
        left_out = LEFT_OUT if Path(top) == folder else ()
        folders[:] = [] if known else [name for name in folders if not name.startswith(".") and name not in left_out]
        found += [] if known else [Path(top, name) for name in names if not name.startswith(".")]
    for path in sorted(found):
        if path.is_file() and path != folder / METADATA:
            yield path


def _file(folder: Path, path: Path) -> Entity:
    name = os.fsencode(path.relative_to(folder).as_posix())  # bytes, which need not be UTF-8
    entity: Entity = {
        "@id": quote(name),  # an address, in which a blank is %20
        "@type": "File",
        "name": name.decode(errors="replace"),
        "contentSize": str(path.stat().st_size),
        "sha256": digest_of(path),
    }
    if path.suffix in FORMATS:
        entity["encodingFormat"] = FORMATS[path.suffix]
    return entity


def _descriptor() -> Entity:
    return {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    }


def _root(publication: Publication, parts: list[Entity]) -> Entity:
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": publication.name,
        "description": publication.description,
        "datePublished": publication.published.isoformat(),
        "license": {"@id": publication.license},
        "author": {"@id": _author(publication)},
        "conformsTo": {"@id": PROFILE},
        "hasPart": parts,
        "mentions": {"@id": ACTION},
    }


def _author(publication: Publication) -> str:
    return publication.orcid or "#author"


def _makers(publication: Publication, parts: list[Entity]) -> list[Entity]:
    """The profile, the software, the run, its author, and the licence."""
    return [
        {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
        {
            "@id": SOFTWARE,
            "@type": "SoftwareApplication",
            "name": "HaloNet",
            "softwareVersion": halonet.__version__,
            "description": "Mock dark-matter halo catalogues from random phases",
        },
        {
            "@id": ACTION,
            "@type": "CreateAction",
            "name": f"Run of HaloNet: {publication.name}",
            "description": "Every file holds its own record: stage, settings, seed, versions and git commit.",
            "endTime": publication.published.isoformat(),
            "instrument": {"@id": SOFTWARE},
            "agent": {"@id": _author(publication)},
            "result": parts,
        },
        {"@id": _author(publication), "@type": "Person", "name": publication.author},
        {"@id": publication.license, "@type": "CreativeWork", "name": "Licence", "description": publication.license},
    ]
