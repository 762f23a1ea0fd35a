"""Settings of galaxies."""

from typing import Literal

from pydantic import Field

from halonet.settings.base import Model

Concentration = Literal["diemer19", "ishiyama21", "duffy08"]  # relations of colossus, for the definition 200m


class OccupationSettings(Model):
    """Galaxies of haloes: the five parameters of Zheng, Coil & Zehavi (2007), masses without h.

    The defaults are their galaxies brighter than absolute magnitude -21 (their Table 1, with h = 0.7).
    """

    log_minimum_mass: float = Field(12.94, gt=5, lt=18, description="log10 of the mass (Msun) that has half a central")
    mass_scatter: float = Field(0.39, gt=0, lt=5, description="width of that step in log10 of the mass")
    log_cutoff_mass: float = Field(
        12.07, gt=5, lt=18, description="log10 of the mass (Msun) below which are no satellites"
    )
    log_satellite_mass: float = Field(
        14.09, gt=5, lt=18, description="log10 of the mass (Msun), above that one, of one"
    )
    slope: float = Field(1.15, gt=0, lt=5, description="of the number of satellites with mass")
    concentration: Concentration = Field("diemer19", description="relation of colossus, for 200 times the mean density")
    mass: Literal["mass", "m200m"] = Field("mass", description="column that is the mass of a halo")
