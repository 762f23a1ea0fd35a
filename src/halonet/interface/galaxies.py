"""Galaxies and surveys in memory."""

from collections.abc import Mapping
from typing import Any

from halonet.catalogue import HaloCatalogue
from halonet.checks.assumptions import recording
from halonet.galaxies.populate import populate_haloes
from halonet.galaxy_catalogue import GalaxyCatalogue
from halonet.interface.given import checked_box, checked_points, settings_of
from halonet.settings import OccupationSettings, SurveySettings
from halonet.settings.base import of_kind
from halonet.surveys.observe import Survey, observe_box


@recording
def populate(
    haloes: HaloCatalogue, settings: OccupationSettings | Mapping[str, Any] | None = None, seed: int = 1
) -> GalaxyCatalogue:
    """Populate haloes with galaxies: centrals, and satellites that follow the haloes' mass.

    Parameters
    ----------
    haloes
        With Eulerian centres, velocities, redshift and cosmology.
    settings
        The occupation of Zheng, Coil & Zehavi (2007), its five parameters, also as a dictionary; by default their
        galaxies brighter than absolute magnitude -21.
    seed
        Of the galaxies. The same call gives the same bits.

    Returns
    -------
    GalaxyCatalogue
        Positions (Mpc), velocities (km/s), row and mass (Msun) of the halo, and which are central; those of a halo
        stand together, most massive halo first.

    Raises
    ------
    StorageError
        If the catalogue lacks what galaxies need.

    Notes
    -----
    The profile is that of Navarro, Frenk & White (1997) within 200 times the mean density, its concentration by a
    relation of colossus, its dispersion by the isotropic Jeans equation (Lokas & Mamon 2001).

    Examples
    --------
    >>> import halonet
    >>> galaxies = halonet.populate(halonet.make_mock(seed=7, cells=32))
    >>> len(galaxies), bool(galaxies["halo_mass"].min() > 1e12)
    (5, True)
    """
    return populate_haloes(checked_box(haloes), settings_of(settings, OccupationSettings()), seed)


def observe(
    points: HaloCatalogue | GalaxyCatalogue, settings: SurveySettings | Mapping[str, Any], seed: int = 1
) -> Survey:
    """Observe a box as a survey does: angular mask, n(z), observed redshifts, and randoms with the same selection.

    Parameters
    ----------
    points
        Haloes or galaxies, with positions, velocities, redshift and cosmology. All of the box is at one redshift.
    settings
        Observer, region of the sky, redshifts, n(z), holes, collisions of fibres, weights; also as a dictionary.
    seed
        Of thinning and randoms. The same call gives the same bits.

    Returns
    -------
    Survey
        ``data`` and ``randoms``, each with the columns RA, DEC (degrees), Z, WEIGHT, NZ (1/Mpc^3) and Z_COSMO.

    Raises
    ------
    StorageError
        If the survey leaves a box that is not replicated, or n(z) asks for more points than there are.

    Notes
    -----
    Weights are those of Feldman, Kaiser & Peacock (1994). Distances are those of a flat universe.

    Examples
    --------
    >>> import halonet
    >>> haloes = halonet.make_mock(seed=7, cells=32)
    >>> survey = halonet.observe(haloes, halonet.SurveySettings(largest_redshift=0.003))
    >>> list(survey.data)
    ['RA', 'DEC', 'Z', 'WEIGHT', 'NZ', 'Z_COSMO']
    """
    return observe_box(checked_points(points), of_kind(settings, SurveySettings), seed)
