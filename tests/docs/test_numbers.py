"""A number on a page is that of the file that holds it, or of the code that computes it."""

import pytest
from page_claims import finding, ground_truth, inference, simulations  # noqa: F401  their claims are registered
from page_claims.base import CLAIMS, ROOT, plain


@pytest.mark.parametrize(("page", "claim"), CLAIMS, ids=lambda one: getattr(one, "__name__", one))
def test_a_page_says_the_numbers_of_the_files_and_of_the_code(page, claim):
    text = plain((ROOT / page).read_text())
    missing = [said for said in claim() if plain(said).strip() not in text]
    assert not missing, f"{page} does not say:\n" + "\n".join(missing)
