"""A run as a research object: every file with its digest, the same again, and valid where the validator is at hand."""

import hashlib
import json
import os
import shutil
from dataclasses import replace
from datetime import date

import pytest

from halonet.checks.errors import StorageError
from halonet.crate import METADATA, Publication, write_crate

PUBLICATION = Publication(
    "Run few", "Ten mocks", "https://creativecommons.org/licenses/by/4.0/", date(2026, 1, 2), "A. Person",
    "https://orcid.org/0000-0002-1825-0097",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    for name, content in (("mocks/n/1/haloes.h5", b"1"), ("mocks/n/covariance.json", b"{}"), ("report.html", b"<p>")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    for name in ("logs/a.log", ".snakemake/b", "mocks/.c.part"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("left out")
    return tmp_path


def entities(folder):
    return {entity["@id"]: entity for entity in json.loads((folder / METADATA).read_text())["@graph"]}


def test_every_result_stands_in_the_crate_with_its_digest_and_no_log_does(folder):
    assert write_crate(folder, PUBLICATION) == 3
    found = entities(folder)
    parts = {part["@id"] for part in found["./"]["hasPart"]}
    assert parts == {"mocks/n/1/haloes.h5", "mocks/n/covariance.json", "report.html"}
    for name in parts:
        assert found[name]["sha256"] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert found[name]["contentSize"] == str((folder / name).stat().st_size)
    assert found["mocks/n/1/haloes.h5"]["encodingFormat"] == "application/x-hdf5"


def test_every_reference_within_the_crate_names_something_that_is_in_it(folder):
    write_crate(folder, PUBLICATION)
    found = entities(folder)

    def references(value):
        if isinstance(value, dict):
            yield from [value["@id"]] if set(value) == {"@id"} else []
            for each in value.values():
                yield from references(each)
        elif isinstance(value, list):
            for each in value:
                yield from references(each)

    named = {name for entity in found.values() for name in references(entity)}
    assert named - found.keys() == {"https://w3id.org/ro/crate/1.1"}
    assert found["#run"]["instrument"] == {"@id": "#halonet"}


def test_the_same_run_gives_the_same_bytes(folder):
    write_crate(folder, PUBLICATION)
    first = (folder / METADATA).read_bytes()
    write_crate(folder, PUBLICATION)
    assert (folder / METADATA).read_bytes() == first


def test_names_are_addresses_in_which_blanks_and_signs_are_written_as_addresses_have_them(folder):
    (folder / "a b#%?.txt").write_text("odd")
    write_crate(folder, PUBLICATION)
    assert entities(folder)["a%20b%23%25%3F.txt"]["name"] == "a b#%?.txt"


@pytest.mark.parametrize("number", ["0000-0002-1825-0097", "0000-0001-5109-3700", "0000-0002-1694-233X"])
def test_published_orcids_have_their_check_digit(number):
    assert replace(PUBLICATION, orcid=f"https://orcid.org/{number}").orcid.endswith(number)


def test_a_name_that_is_no_utf8_is_written_byte_by_byte(folder):
    (folder / os.fsdecode(b"old\xfd.txt")).write_text("odd")
    write_crate(folder, PUBLICATION)
    assert entities(folder)["old%FD.txt"]["name"] == "old\ufffd.txt"


def test_what_stands_where_the_metadata_are_to_be_is_not_replaced(folder):
    (folder / METADATA).write_text('{"@graph": []}')
    with pytest.raises(StorageError, match="not written by halonet crate, and would be replaced"):
        write_crate(folder, PUBLICATION)
    (folder / METADATA).unlink()
    (folder / METADATA).symlink_to(folder / "report.html")
    held = (folder / "report.html").read_bytes()
    with pytest.raises(StorageError, match=r"a link to .*report.html, which would be replaced"):
        write_crate(folder, PUBLICATION)
    assert (folder / "report.html").read_bytes() == held


def test_a_link_to_a_folder_above_the_run_brings_in_no_foreign_files(folder):
    (folder.parent / "foreign.h5").write_bytes(b"3")
    (folder / "above").symlink_to(folder.parent)
    assert write_crate(folder, PUBLICATION) == 3
    assert not [name for name in entities(folder) if "above" in name]


def test_the_folder_of_several_runs_is_no_run(folder, tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    for name in ("one", "two"):
        shutil.copytree(folder, results / name)
    with pytest.raises(StorageError, match="holds the runs one, two; name the folder of one of them"):
        write_crate(results, PUBLICATION)
    write_crate(results / "two", PUBLICATION)
    with pytest.raises(StorageError, match="holds the crates of two; name the folder of one run"):
        write_crate(results, PUBLICATION)


def test_files_behind_links_are_results_and_a_loop_of_links_ends(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("disk")
    (elsewhere / "density.h5").write_bytes(b"2")
    (folder / "ground_truth").symlink_to(elsewhere)
    (folder / "again").symlink_to(folder)
    assert write_crate(folder, PUBLICATION) == 4
    assert "ground_truth/density.h5" in entities(folder)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"author": " "}, "author = ' ': blank, or no text"),
        ({"author": "A\udcff"}, r"author = 'A\\udcff': blank, or no text"),
        ({"license": "MIT"}, "license = MIT: an address is needed"),
        ({"orcid": "0000-0002-1825-0097"}, "orcid = 0000-0002-1825-0097: an address like https"),
        ({"orcid": "https://orcid.org/0000-0002-1825-0079"}, "its last digit does not fit the others; a digit is"),
        ({"orcid": "report.html"}, "orcid = report.html: an address like"),
    ],
)
def test_who_publishes_under_which_licence_is_named_by_addresses(changed, words):
    with pytest.raises(StorageError, match=words):
        replace(PUBLICATION, **changed)


def test_a_folder_without_files_is_no_run(tmp_path):
    with pytest.raises(StorageError, match="holds no files of a run; name the folder"):
        write_crate(tmp_path, PUBLICATION)


def test_the_command_describes_a_run(folder, run_script):
    run_script("write_crate", folder, "--author", "A. Person", "--date", "2026-01-02")
    assert entities(folder)["./"]["datePublished"] == "2026-01-02"
    assert entities(folder)["#author"]["name"] == "A. Person"


def test_the_validator_of_ro_crates_accepts_it(folder):
    validator = pytest.importorskip("rocrate_validator.services")
    models = pytest.importorskip("rocrate_validator.models")
    write_crate(folder, PUBLICATION)
    settings = models.ValidationSettings(
        rocrate_uri=str(folder),
        profile_identifier="process-run-crate-0.5",
        requirement_severity=models.Severity.REQUIRED,
    )
    found = validator.validate(settings)
    issues = [issue.message for issue in found.get_issues()]
    if any("Unable to retrieve" in issue for issue in issues):
        pytest.skip("the validator looks the vocabulary up at w3id.org, which cannot be reached")
    assert not issues
