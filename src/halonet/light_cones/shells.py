"""Haloes of a light cone in shells of redshift, beside what a mass function expects of each shell."""

from typing import Any

import numpy as np

from halonet.cosmology import declared, mean_matter_density
from halonet.sky.catalogue import LightConeCatalogue
from halonet.sky.epochs import Epochs
from halonet.sky.region import region_of
from halonet.statistics.mass_function import predicted_abundance

SHELLS = 12
LEAST_CELLS = (100.0, 300.0, 1000.0)  # haloes above these masses are counted, in cells at the mean density


def measure_shells(
    catalogue: LightConeCatalogue, spectrum: tuple[np.ndarray, np.ndarray], shells: int = SHELLS
) -> dict[str, Any]:
    """Number density of haloes in shells of equal width in redshift, as JSON values.

    Parameters
    ----------
    spectrum
        Linear power spectrum at z = 0: k (1/Mpc) and P (Mpc^3).

    Returns
    -------
    dict
        ``edges`` of the shells in redshift, their comoving ``volumes`` (Mpc^3), and for each of ``masses`` (Msun) the
        ``counts`` of heavier haloes in the shells, those by ``observed`` redshift, and what ``tinker_2008`` expects.

    Notes
    -----
    Expected is n(>M, z) of Tinker et al. (2008) at the redshift that halves the volume of each shell.
    """
    cosmology = declared(catalogue.header.known_cosmology(), "light cone")
    first, last = catalogue.settings.redshift_range
    epochs = Epochs(cosmology, last)
    edges = np.linspace(first, last, shells + 1)
    volumes = region_of(catalogue.settings, epochs).volumes(epochs.distance(edges))
    grid = catalogue.notes.get("grid_cells")
    cell = (catalogue.header.box_size_mpc / grid) ** 3 * mean_matter_density(cosmology) if grid else None
    lightest = float(catalogue["mass"].min(initial=1e17))
    masses = np.array([cut * cell if cell else lightest * cut / LEAST_CELLS[0] for cut in LEAST_CELLS])
    middles = epochs.redshift(np.cbrt((epochs.distance(edges[1:]) ** 3 + epochs.distance(edges[:-1]) ** 3) / 2))
    expected = [predicted_abundance(masses, cosmology, z, *spectrum)["tinker_2008"] for z in middles]
    return {
        "edges": edges.tolist(),
        "volumes": volumes.tolist(),
        "masses": masses.tolist(),
        "counts": [_counted(catalogue, "redshift", mass, edges) for mass in masses],
        "observed": [_counted(catalogue, "observed_redshift", mass, edges) for mass in masses],
        "tinker_2008": (np.transpose(expected) * volumes).tolist(),
        "haloes": len(catalogue),
    }


def _counted(catalogue: LightConeCatalogue, name: str, mass: float, edges: np.ndarray) -> list[int]:
    return np.histogram(catalogue[name][catalogue["mass"] >= mass], edges)[0].tolist()
