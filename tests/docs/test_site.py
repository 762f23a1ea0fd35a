"""The site has every page, made without MkDocs here; `make docs` makes it, and refuses what it warns of."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

import halonet
from halonet.command.main import COMMANDS

ROOT = Path(__file__).parents[2]


class Loader(yaml.SafeLoader):
    """Reads mkdocs.yml, whose names of Python functions are of no interest here."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


@pytest.fixture(scope="module")
def hooks():
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs/site/hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def named(navigation):
    """Pages that a navigation names."""
    if isinstance(navigation, str):
        return [navigation]
    entries = navigation.values() if isinstance(navigation, dict) else navigation
    return [page for entry in entries for page in named(entry)]


def test_the_navigation_names_every_page_once(hooks):
    pages = [hooks.address(path.relative_to(ROOT).as_posix()) for path in (ROOT / "docs").rglob("*.md")]
    pages += [page for page in hooks.guests().values() if page.endswith(".md")]
    pages += [f"notebooks/{path.stem}.md" for path in (ROOT / "docs/notebooks").glob("*.ipynb")]
    pages += ["reference/interface.md", "reference/commands.md"]
    configuration = yaml.load((ROOT / "mkdocs.yml").read_text(), Loader)
    assert sorted(named(configuration["nav"])) == sorted(pages)


def test_every_name_of_the_interface_is_in_the_reference(hooks):
    headings = re.findall(r"heading: halonet\.(\w+)$", hooks.interface_page(), re.MULTILINE)
    assert sorted(headings) == dir(halonet)


def test_every_package_has_a_page_but_those_that_are_doors(hooks):
    rooms = {
        path.stem
        for path in (ROOT / "src/halonet").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert {Path(page).stem for page in hooks.packages()} == rooms - {"__init__", "__main__", "interface", "command"}


def test_the_help_of_every_command_is_in_the_reference(hooks):
    text = hooks.commands_page()
    for name in COMMANDS:
        assert f"## halonet {name}\n\n```text\nusage: halonet {name} " in text


def test_links_between_files_of_the_repository_are_links_between_pages_of_the_site(hooks):
    readme = (
        "[a](docs/mocks.md#ranks) [b](networks/vnet-small/README.md) ![c](docs/images/slice.png) [d](https://e.org)"
    )
    assert hooks.linked(readme, "README.md") == (
        "[a](../mocks.md#ranks) [b](../networks/vnet-small/card.md) ![c](../images/slice.png) [d](https://e.org)"
    )
    how_to = "[a](../../README.md#two-commands) [b](../notebooks/mock.ipynb) [c](#here)"
    assert hooks.linked(how_to, "docs/how_to/cluster.md") == (
        "[a](../project/readme_of_the_project.md#two-commands) [b](../notebooks/mock.md) [c](#here)"
    )


def test_a_link_to_a_file_that_the_site_has_not_is_refused(hooks):
    with pytest.raises(ValueError, match=r"README\.md: the site has no page for the link to config\.yaml"):
        hooks.linked("[settings](config.yaml)", "README.md")


@pytest.mark.parametrize("page", [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")], ids=lambda page: page.name)
def test_a_list_is_one_to_mkdocs_too_after_a_blank_line_and_with_paragraphs_indented_by_four(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert not re.findall(r"\n\n {1,3}\S.*", text), "indent it by four"
    assert not re.findall(r"^(?![ #]|- |\d+\. ).+\n(?:- |\d+\. ).*", text, re.MULTILINE), "a blank line before the list"
