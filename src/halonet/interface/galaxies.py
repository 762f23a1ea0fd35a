"""Galaxies in memory."""

from halonet.catalogue import HaloCatalogue
from halonet.galaxies.populate import populate_haloes
from halonet.galaxy_catalogue import GalaxyCatalogue
from halonet.settings import OccupationSettings


def populate(haloes: HaloCatalogue, settings: OccupationSettings | None = None, seed: int = 1) -> GalaxyCatalogue:
    """Populate haloes with galaxies: centrals, and satellites that follow the haloes' mass.

    Parameters
    ----------
    haloes
        With Eulerian centres, velocities, redshift and cosmology.
    settings
        The occupation of Zheng, Coil & Zehavi (2007), its five parameters; by default their galaxies brighter than
        absolute magnitude -21.
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
    (14, True)
    """
    return populate_haloes(haloes, settings or OccupationSettings(), seed)
