"""The documentation says what the code says, and every page is reached."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generated():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/reference/generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


@pytest.mark.parametrize("name", ["settings.md", "columns.md", "scripts.md"])
def test_the_reference_is_what_the_code_says(generated, name):
    committed = (ROOT / "docs/reference" / name).read_text()
    assert committed == generated[name], "run: python docs/reference/generate.py"


def test_every_setting_is_in_the_reference_with_its_limits_and_default(generated):
    text = generated["settings.md"]
    assert "| `first_seed` | whole number, ≥ 0 and < 2^62 | `1` | the mocks have this seed" in text
    assert "## networks.NAME.channels" in text
    assert "| `finder` | `paper` or `fitted`" in text
    assert "| `seed` | whole number, ≥ 0 and < 2^63 | — |" in text


def test_every_page_is_reached_from_the_index():
    seen, pending = set(), [ROOT / "docs/index.md"]
    while pending:
        page = pending.pop()
        if page in seen:
            continue
        seen.add(page)
        names = re.findall(r"\]\(([^)#\s]+\.(?:md|ipynb))", page.read_text()) if page.suffix == ".md" else []
        pending += [(page.parent / name).resolve() for name in names]
    pages = {*(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.ipynb")}
    assert pages <= seen, sorted(str(page.relative_to(ROOT)) for page in pages - seen)
