"""What the site has beyond the pages of ``docs/``: README, cards of networks, and a reference made of code.

``mkdocs.yml`` names this file. Links between pages are those of the checkout; where a page leads to a file that is no
page, like a benchmark's result, the site shows its name.
"""

import contextlib
import io
import os
import re
from pathlib import Path, PurePosixPath

from mkdocs.structure.files import File

import halonet
from halonet.command.main import COMMANDS, parse

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(!?\[[^\]]*\])\(([^)#\s]*)(#[^)\s]*)?\)")
# Pages outside of docs/, by their files.
PAGES = {
    "README.md": "readme.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    **{f"networks/{card.parent.name}/README.md": f"networks/{card.parent.name}.md"
       for card in sorted((ROOT / "networks").glob("*/README.md"))},
}  # fmt: skip
SOURCES = {page: source for source, page in PAGES.items()}


def on_files(files, config):
    """Add the pages that are not in ``docs/``."""
    made = {page: (ROOT / source).read_text() for source, page in PAGES.items()}
    made |= {"reference/interface.md": interface_page(), "reference/commands.md": commands_page()}
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files


def interface_page() -> str:
    """Every name that ``import halonet`` offers, from its docstring."""
    names = "\n\n".join(f"::: {module}.{name}" for name, module in halonet._MODULES.items())
    return f"# Python interface\n\nAll names are imported from `halonet` itself.\n\n{names}\n"


def commands_page() -> str:
    """Every command's own help."""
    os.environ["COLUMNS"] = "100"
    texts = "\n\n".join(f"## halonet {name}\n\n```text\n{help_of(name)}```" for name in COMMANDS)
    return f"# Commands\n\n```text\n{help_of()}```\n\n{texts}\n"


def help_of(*words: str) -> str:
    """What a command says when it is asked for ``--help``."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        parse([*words, "--help"])
    return said.getvalue()


def on_page_markdown(markdown, page, config, files):
    """Point the links of the checkout to the pages of the site."""
    here = PurePosixPath(SOURCES.get(page.file.src_uri, f"docs/{page.file.src_uri}")).parent

    def link(found: re.Match) -> str:
        text, target, anchor = found.group(1), found.group(2), found.group(3) or ""
        if not target or ":" in target:
            return found.group()
        path = os.path.normpath(here / target)
        there = PAGES.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
        if there is None or files.get_file_from_path(there) is None:
            return text.lstrip("!")[1:-1]
        return f"{text}({os.path.relpath(there, PurePosixPath(page.file.src_uri).parent)}{anchor})"

    return LINK.sub(link, markdown)
