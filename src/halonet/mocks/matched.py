"""Masses of mocks remapped to Tinker et al. (2008), with one table for all of them."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.checks.assumptions import assume
from halonet.checks.types import of_type
from halonet.cosmology import declared, default_cosmology
from halonet.kept_spectra import kept_power_spectrum
from halonet.mocks.abundance_matching import MatchingError, mass_table, with_matched_masses
from halonet.mocks.methods import Mock
from halonet.mpi import Communicator
from halonet.plausibility.same_box import CAMBS, PHASES, contradictions, drawn_as
from halonet.plausibility.spectrum import check_spectrum
from halonet.statistics.mass_function import tinker_abundance
from halonet.tiles_of_universes import check_whole


def match_abundance(
    catalogues: Sequence[HaloCatalogue],
    names: Sequence[str],
    spectrum: tuple[np.ndarray, np.ndarray] | None = None,
    outside_validity: bool = False,
) -> list[HaloCatalogue]:
    """Catalogues whose masses together follow Tinker et al. (2008), each with its own scatter about the mean.

    Parameters
    ----------
    catalogues
        Of one cosmology and redshift, with masses as found.
    names
        What messages call each of them.
    spectrum
        Linear power spectrum at z = 0: k (1/Mpc) and P (Mpc^3); by default CAMB's.
    outside_validity
        Warn only, where the spectrum has another sigma8 than the cosmology.

    Raises
    ------
    MatchingError
        If the cosmologies differ, one does not say its own, masses are matched already, or haloes are too few.
    """
    if not catalogues:
        raise MatchingError("there are no catalogues; one table is made of all that are given")
    for name, haloes in zip(names, catalogues, strict=True):
        check_whole(haloes, name)
        of_type(haloes, HaloCatalogue, name).check(name)
        if haloes.header.cosmology != catalogues[0].header.cosmology:
            raise MatchingError(f"{name}: another cosmology than {names[0]}; one table cannot serve both")
        for contradiction in contradictions([(names[0], catalogues[0].header), (name, haloes.header)], PHASES):
            raise MatchingError(f"{contradiction}; one table cannot serve both")
        if "abundance_matching" in haloes.notes:
            raise MatchingError(f"{name}: its masses are matched already; give the catalogue as found")
    for (name, one), (other, again) in combinations(zip(names, catalogues, strict=True), 2):
        if len(one) and one.header.seed == again.header.seed and np.array_equal(one["mass"], again["mass"]):
            raise MatchingError(f"{name} and {other} are one mock; each counts once")
    header = catalogues[0].header
    cosmology = default_cosmology(names[0]) if header.cosmology is None else declared(header.cosmology, names[0])
    if spectrum is None:
        if (digest := drawn_as(header.provenance).get("power_spectrum", CAMBS)) != CAMBS:
            assume(f"{names[0]}: drawn with the power spectrum {digest}; the table is that of CAMB's")
        spectrum = kept_power_spectrum(cosmology)
    else:
        check_spectrum(*spectrum, cosmology, "power spectrum", outside_validity)
    table = mass_table(catalogues, *tinker_abundance(cosmology, cosmology.redshift, *spectrum))
    return [with_matched_masses(haloes, table, "tinker_2008") for haloes in catalogues]


def made(mock: Mock, name: str = "mock", communicator: Communicator | None = None) -> HaloCatalogue | None:
    """Make a mock, with its masses matched where its request asks for that; collective.

    Parameters
    ----------
    mock
        What a method makes of a request.
    name
        What messages call the catalogue.

    Returns
    -------
    HaloCatalogue or None
        On the first rank, None on the others.

    Raises
    ------
    MatchingError
        If there are too few haloes to match.
    """
    haloes, request = mock.make(communicator), mock.box.request
    if haloes is None or not request.abundance_matching:
        return haloes
    (matched,) = match_abundance([haloes], [name], mock.box.power_spectrum, request.outside_validity)
    return matched
