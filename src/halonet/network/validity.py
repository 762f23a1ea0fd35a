"""What a trained network is valid for: the cosmologies, redshifts and cell size of the boxes it learnt from.

A network divides the density by one number and knows how deep a halo of so many cells lies. Under a spectrum, growth or
cell size unlike those it has seen the same number means another collapse time, and nothing in its output says so. One
that has learnt from boxes of many cosmologies is valid between the least and the largest value of each parameter.
"""

import logging

from halonet.dataset.normalisation import Normalisation, Region
from halonet.settings import CosmologySettings, SettingsError, validate
from halonet.settings.simulation import COSMOLOGICAL_CONSTANT

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
    """Cosmology and redshift of the boxes a network was trained on; None where they differ, or are not known."""
    if normalisation.cosmology is None:
        return None
    return validate(CosmologySettings, normalisation.cosmology, "cosmology of the network's normalisation.json")


def trained_ranges(normalisation: Normalisation) -> Region:
    """Least and largest value of each parameter of the boxes a network was trained on; empty where none is known."""
    if (cosmology := trained_cosmology(normalisation)) is not None:
        return {name: (value, value) for name, value in cosmology}
    return normalisation.region or {}


def described(region: Region) -> str:
    """Ranges of parameters in words; dark energy only where it is no cosmological constant."""
    usual = {name: (value, value) for name, value in COSMOLOGICAL_CONSTANT.items()}
    return ", ".join(f"{name} {_range(*ends)}" for name, ends in region.items() if usual.get(name) != ends)


def _range(low: float, high: float) -> str:
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"


def departures(normalisation: Normalisation, cosmology: CosmologySettings, cell_size_mpc: float) -> list[str]:
    """How a box differs from those a network has learnt from, in words; empty where it does not.

    Parameters
    ----------
    cosmology
        Of the box, with the redshift its density is extrapolated to.
    cell_size_mpc
        Side of its cells (Mpc).
    """
    found = []
    if abs(cell_size_mpc / normalisation.cell_size_mpc - 1) > TOLERANCE:
        found.append(f"cells of {cell_size_mpc:.4g} Mpc (trained: {normalisation.cell_size_mpc:.4g} Mpc)")
    for name, (low, high) in trained_ranges(normalisation).items():
        value = getattr(cosmology, name)
        nearest = min(max(value, low), high)
        allowed = REDSHIFT_TOLERANCE if name == "redshift" else TOLERANCE * max(abs(nearest), abs(value))
        if abs(value - nearest) > allowed:
            found.append(f"{name} = {value:.4g} (trained: {_range(low, high)})")
    return found


def describe_validity(normalisation: Normalisation) -> str:
    """What a network is valid for, in one clause."""
    cells, known = f"cells of {normalisation.cell_size_mpc:.4g} Mpc", trained_ranges(normalisation)
    return f"{cells} and {described(known)}" if known else f"{cells} (its folder does not name the cosmology)"


def check_validity(
    normalisation: Normalisation, cosmology: CosmologySettings, cell_size_mpc: float, name: str, go_on: bool = False
) -> None:
    """Refuse a box outside of what the network ``name`` is valid for; with ``go_on`` only warn.

    Raises
    ------
    ValidityError
        The message says what differs, what the network is valid for and how to train another.
    """
    if not trained_ranges(normalisation):
        log.warning("%s: normalisation.json names no cosmology, which therefore cannot be checked", name)
    found = departures(normalisation, cosmology, cell_size_mpc)
    if not found:
        return
    message = f"{name} is valid for {describe_validity(normalisation)}; this box has {', '.join(found)}"
    if not go_on:
        raise ValidityError(f"{message}: {ADVICE}")
    log.warning("%s: masses and numbers of these haloes are untested", message)
