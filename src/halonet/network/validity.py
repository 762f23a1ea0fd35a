"""What a trained network is valid for: the cosmology, redshift and cell size of the boxes it learnt from.

A network divides the density by one standard deviation and knows how deep a halo of so many cells lies. Under another
spectrum, growth or cell size the same number means another collapse time, and nothing in its output says so.
"""

import logging

from halonet.dataset.normalisation import Normalisation
from halonet.settings import CosmologySettings, SettingsError, validate

log = logging.getLogger("halonet")
TOLERANCE = 0.01  # of a parameter: a smaller change moves the mass function by less than the network's own error
REDSHIFT_TOLERANCE = 0.01
ADVICE = (
    "train a network for it (docs/how_to/own_cosmology.md: set cosmology and boxes in the configuration, then "
    "'snakemake training'), or go on all the same with --outside-validity (mocks.outside_validity: true)"
)


class ValidityError(SettingsError):
    """A box unlike those a network has learnt from."""


def trained_cosmology(normalisation: Normalisation) -> CosmologySettings | None:
    """Cosmology and redshift of the boxes a network was trained on; None where its folder does not say."""
    if normalisation.cosmology is None:
        return None
    return validate(CosmologySettings, normalisation.cosmology, "cosmology of the network's normalisation.json")


def departures(normalisation: Normalisation, cosmology: CosmologySettings, cell_size_mpc: float) -> list[str]:
    """How a box differs from those a network has learnt from, in words; empty where it does not.

    Parameters
    ----------
    cosmology
        Of the box, with the redshift its density is extrapolated to.
    cell_size_mpc
        Side of its cells (Mpc).
    """
    found, trained = [], trained_cosmology(normalisation)
    if abs(cell_size_mpc / normalisation.cell_size_mpc - 1) > TOLERANCE:
        found.append(f"cells of {cell_size_mpc:.4g} Mpc (trained: {normalisation.cell_size_mpc:.4g} Mpc)")
    for name in CosmologySettings.model_fields if trained else ():
        value, known = getattr(cosmology, name), getattr(trained, name)
        allowed = REDSHIFT_TOLERANCE if name == "redshift" else TOLERANCE * max(abs(known), abs(value))
        if abs(value - known) > allowed:
            found.append(f"{name} = {value:.4g} (trained: {known:.4g})")
    return found


def describe_validity(normalisation: Normalisation) -> str:
    """What a network is valid for, in one clause."""
    cells, trained = f"cells of {normalisation.cell_size_mpc:.4g} Mpc", trained_cosmology(normalisation)
    if trained is None:
        return f"{cells} (its folder does not name the cosmology)"
    parameters = ", ".join(f"{name} {value:g}" for name, value in trained.model_dump().items())
    return f"{cells} and {parameters}"


def check_validity(
    normalisation: Normalisation, cosmology: CosmologySettings, cell_size_mpc: float, name: str, go_on: bool = False
) -> None:
    """Refuse a box outside of what the network ``name`` is valid for; with ``go_on`` only warn.

    Raises
    ------
    ValidityError
        The message says what differs, what the network is valid for and how to train another.
    """
    if normalisation.cosmology is None:
        log.warning("%s: normalisation.json names no cosmology, which therefore cannot be checked", name)
    found = departures(normalisation, cosmology, cell_size_mpc)
    if not found:
        return
    message = f"{name} is valid for {describe_validity(normalisation)}; this box has {', '.join(found)}"
    if not go_on:
        raise ValidityError(f"{message}: {ADVICE}")
    log.warning("%s: masses and numbers of these haloes are untested", message)
