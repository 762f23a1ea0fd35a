"""What the site has beside the pages of ``docs/``: guests from elsewhere in the repository, and pages made here.

MkDocs calls the functions ``on_...``. Everything else needs no MkDocs, so that tests run without it.
"""

import contextlib
import html
import io
import json
import os
import posixpath
import re
from pathlib import Path
from unittest import mock

import halonet
from halonet.command.main import COMMANDS, parse

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "halonet"
PROJECT = {"README": "readme_of_the_project", "CONTRIBUTING": "contributing", "CHANGELOG": "changelog"}
FROM_NETWORKS = {"README.md": "card.md", "mocks.png": "mocks.png"}
NO_PACKAGES = {"__init__", "__main__", "interface", "command"}  # the interface and the commands have pages of their own
LINK = re.compile(r"(?<=\]\()([^)\s#]+)(?=[#)])")
EQUATION = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
PRIMES = re.compile(r"'+")  # several are one superscript
# Browsers know bold italic letters by characters of their own alone, not by an attribute.
BOLD_GREEK = re.compile(r'<mi mathvariant="bold-italic">&#x0(03[BC][0-9A-F]);</mi>')
GREEK_TO_BOLD = ord("\N{MATHEMATICAL BOLD ITALIC SMALL ALPHA}") - ord("\N{GREEK SMALL LETTER ALPHA}")


def guests() -> dict[str, str]:
    """Files from outside of ``docs/``: their addresses in the site by their paths in the repository."""
    found = {f"{name}.md": f"project/{page}.md" for name, page in PROJECT.items()}
    for path in sorted((ROOT / "networks").glob("*/*")):
        if path.name in FROM_NETWORKS:
            found[path.relative_to(ROOT).as_posix()] = f"networks/{path.parent.name}/{FROM_NETWORKS[path.name]}"
    return found


def address(path: str) -> str | None:
    """Where the site has a file of the repository; None if it has it not."""
    if path.startswith("docs/"):
        return re.sub(r"\.ipynb$", ".md", path.removeprefix("docs/"))
    return guests().get(path)


def linked(text: str, path: str) -> str:
    """Text of a page, of this path in the repository, with its links to other files as links within the site.

    Raises
    ------
    ValueError
        If a link leads to a file that the site does not have.
    """
    here = address(path)

    def within_the_site(found: re.Match) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), found[1]))
        if not (ROOT / target).is_file():
            return found[1]  # of another site, or no link but code
        if address(target) is None:
            raise ValueError(
                f"{path}: the site has no page for the link to {found[1]}; link to a page, or name the file"
            )
        return posixpath.relpath(address(target), posixpath.dirname(here) or ".")

    return LINK.sub(within_the_site, text)


def commands_page() -> str:
    """The help of the command ``halonet`` and of each of its words."""
    parts = ["# Commands\n\nWhat `halonet --help` and the help of each command print."]
    for words in ([], *([name] for name in COMMANDS)):
        parts.append(f"## {' '.join(['halonet', *words])}\n\n```text\n{command_help(words).rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


def command_help(words: list[str]) -> str:
    """What the command ``halonet`` with these words and ``--help`` prints on 80 columns."""
    printed = io.StringIO()
    columns = mock.patch.dict(os.environ, COLUMNS="80")
    with columns, contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        parse([*words, "--help"])
    return printed.getvalue()


def interface_page() -> str:
    """Every name of ``dir(halonet)`` with its docstring, by module."""
    parts = [
        "# Python interface\n\nWhat `import halonet` offers. Arrays go in, arrays or a catalogue come out. Lengths are "
        "comoving Mpc, masses solar masses, velocities km/s, all without h. Every setting with its limits and default: "
        "[Settings](settings.md)."
    ]
    for module, names in halonet._INTERFACE.items():
        parts.append(f"## {module.split('.')[-1].replace('_', ' ').capitalize()}")
        for name in names:
            options = f"    options:\n      heading: halonet.{name}\n      toc_label: {name}\n      heading_level: 3"
            parts.append(f"::: {module}.{name}\n{options}")
    return "\n\n".join(parts) + "\n"


def packages() -> dict[str, str]:
    """Pages of the packages and modules of the code, by their addresses."""
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    return {f"reference/packages/{room}.md": package_page(room) for room in sorted(rooms - NO_PACKAGES)}


def package_page(room: str) -> str:
    """A package or module without the names that the page of the interface has."""
    elsewhere = sorted(
        name for module, names in halonet._INTERFACE.items() if module.split(".")[1] == room for name in names
    )
    said = f"Part of the [Python interface](../interface.md): {', '.join(f'`{name}`' for name in elsewhere)}.\n\n"
    filters = json.dumps(["!^_[^_]", *(f"!^{name}$" for name in elsewhere)])
    options = (
        f"    options:\n      show_root_heading: false\n      show_root_toc_entry: false\n      filters: {filters}"
    )
    return f"# {room}\n\n{said if elsewhere else ''}::: halonet.{room}\n{options}\n"


def notebook_page(path: Path) -> str:
    """Text and code of a notebook."""
    parts = []
    for cell in json.loads(path.read_text())["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
    title, *rest = parts
    return "\n\n".join([title, f"[Download the notebook]({path.name})", *rest]) + "\n"


def made_pages() -> dict[str, str]:
    """Pages made while the site is built, by their addresses."""
    notebooks = {f"notebooks/{path.stem}.md": notebook_page(path) for path in (ROOT / "docs/notebooks").glob("*.ipynb")}
    return {
        "reference/commands.md": commands_page(),
        "reference/interface.md": interface_page(),
        **packages(),
        **notebooks,
    }


def on_config(config):
    """Name the packages in the navigation."""
    (code,) = (section["Code"] for section in config.nav if "Code" in section)
    code.append({"Packages": [{Path(page).stem: page} for page in packages()]})
    return config


def on_files(files, config):
    """Add the guests and the pages made now."""
    from mkdocs.structure.files import File

    for path, page in guests().items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    for page, text in made_pages().items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """Turn links between files of the repository into links between pages."""
    paths = {site: path for path, site in guests().items()}
    path = paths.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    return linked(markdown, path) if (ROOT / path).is_file() else markdown


def on_page_content(html_text, page, config, files):
    """Turn equations into MathML."""
    from latex2mathml.converter import convert

    def mathml(found: re.Match) -> str:
        equation = PRIMES.sub(lambda primes: "^{" + r"\prime" * len(primes[0]) + "}", html.unescape(found[2]))
        converted = convert(equation, display="block" if found[1] == "div" else "inline")
        return BOLD_GREEK.sub(lambda letter: f"<mi>{chr(int(letter[1], 16) + GREEK_TO_BOLD)}</mi>", converted)

    return EQUATION.sub(mathml, html_text)
