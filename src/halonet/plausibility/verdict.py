"""One refusal for all checks, and the one flag that overrides it."""

from halonet.checks.assumptions import assume
from halonet.checks.parser import OVERRIDE
from halonet.settings import SettingsError


class PlausibilityError(SettingsError):
    """An input that contradicts what is known of it; the message names the number and the remedy."""


def judge(message: str, go_on: bool) -> None:
    """Refuse with ``message``; with ``go_on`` say it, and leave it in the provenance of the output.

    Raises
    ------
    PlausibilityError
        Unless ``go_on``.
    """
    if not go_on:
        raise PlausibilityError(f"{message}; or go on all the same with {OVERRIDE}")
    assume(f"{message} (gone on with {OVERRIDE})")
