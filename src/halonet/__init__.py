"""HaloNet: mock dark-matter halo catalogues from random phases.

Arrays in, arrays or a catalogue out. Lengths are comoving Mpc, masses solar masses, velocities km/s, all without h.

>>> import halonet
>>> halonet.make_mock(seed=7, cells=32)
<HaloCatalogue: 39 haloes of 9.77e+11 to 1.83e+14 Msun, box of 32 Mpc, redshift 0>
"""

from pathlib import Path as _Path

from halonet import environment as _environment

__version__ = "0.1.0"

_environment.prepare(_Path(__file__).parent)

# The Python interface: names by the module that has them, which is imported when one of them is asked for.
_INTERFACE = {
    "halonet.interface.mocks": ("make_mock", "match_abundance"),
    "halonet.interface.light_cones": ("make_light_cone",),
    "halonet.interface.fields": ("draw_density", "draw_phases", "find_peak_patch_haloes", "linear_power_spectrum"),
    "halonet.interface.networks": ("Prediction", "list_networks", "load_network", "predict"),
    "halonet.interface.finding": ("find_haloes",),
    "halonet.interface.statistics": ("analytic_mass_function", "mass_function", "power_spectrum"),
    "halonet.interface.galaxies": ("observe", "populate"),
    "halonet.galaxy_catalogue": ("GalaxyCatalogue", "read_galaxies", "write_galaxies"),
    "halonet.interface.surveys": ("survey_statistics",),
    "halonet.interface.neural_bias": ("draw_neural_bias_haloes", "fit_neural_bias", "sample_neural_bias"),
    "halonet.interface.exports": ("convert_masses", "export_catalogue"),
    "halonet.catalogue": ("HaloCatalogue", "read_catalogue", "write_catalogue"),
    "halonet.tiles_of_universes": ("join_tiles",),
    "halonet.sky.catalogue": ("LightConeCatalogue", "read_light_cone", "write_light_cone"),
    "halonet.matching": ("completeness_and_purity", "match_haloes"),
    "halonet.settings": (
        *("CosmologySettings", "HaloFindingSettings", "NeuralBiasSettings", "OccupationSettings"),
        *("PeakPatchSettings", "PredictionSettings", "SurveySettings"),
    ),
}
_MODULES = {name: module for module, names in _INTERFACE.items() for name in names}
__all__ = sorted(_MODULES)


def __getattr__(name: str) -> object:
    """A name of the interface, imported now (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module 'halonet' has no attribute {name!r}; its interface is {', '.join(__all__)}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    """The interface alone."""
    return __all__
