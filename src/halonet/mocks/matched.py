"""Masses of mocks remapped to Tinker et al. (2008), with one table for all of them."""

from collections.abc import Sequence

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.cosmology import compute_power_spectrum
from halonet.mocks.abundance_matching import MatchingError, mass_table, with_matched_masses
from halonet.settings import CosmologySettings, validate
from halonet.statistics.mass_function import tinker_abundance


def match_abundance(
    catalogues: Sequence[HaloCatalogue],
    names: Sequence[str],
    spectrum: tuple[np.ndarray, np.ndarray] | None = None,
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

    Raises
    ------
    MatchingError
        If the cosmologies differ, one does not say its own, masses are matched already, or haloes are too few.
    """
    for name, haloes in zip(names, catalogues, strict=True):
        if haloes.header.cosmology != catalogues[0].header.cosmology:
            raise MatchingError(f"{name}: another cosmology than {names[0]}; one table cannot serve both")
        if "abundance_matching" in haloes.notes:
            raise MatchingError(f"{name}: its masses are matched already; give the catalogue as found")
    header = catalogues[0].header
    if header.cosmology is None:
        cosmology = CosmologySettings()
    else:
        cosmology = validate(CosmologySettings, header.cosmology, f"{names[0]}: cosmology")
    spectrum = compute_power_spectrum(cosmology) if spectrum is None else spectrum
    table = mass_table(catalogues, *tinker_abundance(cosmology, cosmology.redshift, *spectrum))
    return [with_matched_masses(haloes, table, "tinker_2008") for haloes in catalogues]
