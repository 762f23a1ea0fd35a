"""Count the cells that the loops over haloes look at; run by ``test_loops.py`` with ``NUMBA_DISABLE_JIT=1``.

Without compilation the loops are Python and every look at a cell of a :class:`Counted` array is a call. Prints JSON:
what was looked at, and by how many haloes or cells that has to be divided.
"""

import json
import os
import sys

import numpy as np


class Counted(np.ndarray):
    """An array that counts the single elements that are read; slices and whole-array operations are free."""

    def __getitem__(self, key):
        value = super().__getitem__(key)
        if not isinstance(value, np.ndarray):
            Counted.reads += 1
        return value


def reads(function, *arguments):
    """Elements that a function reads, and its result."""
    Counted.reads = 0
    result = function(*arguments)
    return Counted.reads, result


def spheres(cells, number, seed=1):
    """Probability of some spheres of 3 to 5 cells, smooth at their rims: what a network predicts."""
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(cells) + 0.5] * 3, indexing="ij"), axis=-1)
    probability = np.full((cells,) * 3, 0.02, np.float32)
    for centre, radius in zip(random.uniform(0, cells, (number, 3)), random.uniform(3, 5, number), strict=True):
        distance = np.abs(grid - centre)
        distance = np.sqrt((np.minimum(distance, cells - distance) ** 2).sum(axis=-1))
        probability = np.maximum(probability, 1 / (1 + np.exp(2 * (distance - radius))))
    return probability.astype(np.float32)


def halo_finding(cells=20):
    from halonet.halo_finding.fitted import sphere_fit
    from halonet.halo_finding.paper import growth, regions
    from halonet.halo_finding.paper import search as finder
    from halonet.settings import HaloFindingSettings

    settings = HaloFindingSettings(finder="fitted")
    plain = spheres(cells, 6)
    probability = plain.view(Counted)
    free, threshold = np.zeros(plain.shape, bool), 0.9
    above = plain > np.float32(threshold)
    flooded, _ = reads(regions._flood, probability, above.copy(), np.count_nonzero(above))
    grown = growth.HaloGrowth(probability, settings.shell_threshold)
    centres = regions.connected_regions(plain, free, threshold).centres
    seen, (_, sizes) = reads(grown.grow, centres)
    found = finder.find_haloes(plain, [threshold], settings.shell_threshold)
    fitting, fitted = reads(sphere_fit.fit_spheres, probability, found, settings.sphere_fit, 27)
    return {
        "flood, probabilities read for a cell of a region": flooded / np.count_nonzero(above),
        "growth, probabilities read for a cell of a halo": seen / sizes.sum(),
        "fit, probabilities read for a cell of a halo": fitting / fitted.cells.sum() / settings.sphere_fit.rounds,
        "fit, cells claimed for a cell of a halo": claims(found, plain.shape, settings.sphere_fit.reach),
    }


def claims(found, shape, reach):
    """Scores that one round of the fit compares, for a cell of the haloes it starts from."""
    from halonet.halo_finding.fitted import sphere_fit

    radii, owner = found.radii, np.full(shape, -1, np.int32)
    score = np.full(shape, np.inf, np.float32).view(Counted)
    haloes = (found.centres, np.zeros((len(found), 3)), radii, reach * radii)
    seen, _ = reads(sphere_fit._claim, *haloes, 0, owner, score)
    return seen / found.cells.sum()


def peak_patch(cells=40):
    """Candidates of a Gaussian field measured with a table of spherical collapse."""
    from halonet.grid.slabs import Slabs
    from halonet.initial_conditions.displacement import first_order_displacement
    from halonet.initial_conditions.noise import white_noise
    from halonet.peak_patch.candidates import find_candidates, smooth
    from halonet.peak_patch.measurement import Search, measure
    from halonet.peak_patch.sphere import sphere

    slabs, radii = Slabs(cells), np.array([2.0, 2.4, 2.88])
    density = smooth(slabs.forward(white_noise(slabs, 1)), slabs, 1.0)
    density *= np.float32(2.5) / density.std()
    modes, table = slabs.forward(density), spherical_table()
    examined, filters = find_candidates(modes, slabs, radii, table.threshold(0.0))
    psi = np.stack([first_order_displacement(modes, slabs, 1.0, axis) for axis in range(3)], axis=-1)
    ball, chosen = sphere(int(1.75 * radii[-1])), slice(0, 40)
    search = Search(radii, 1.0, ball, table, "published")
    arguments = (0, examined[chosen], filters[chosen], np.zeros(40), search)
    densities, found = reads(measure, density.view(Counted), psi, *arguments)
    displacements, _ = reads(measure, density, psi.view(Counted), *arguments)
    number = len(examined[chosen])
    return {
        "candidates examined for 1000 cells": 1000 * len(examined) / cells**3,
        "densities read for a candidate": densities / number,
        "displacements read for a candidate": displacements / 3 / number,
        "candidates that collapse": len(found.rows) / number,
    }


def spherical_table():
    """Collapse as if every ellipsoid were a sphere, a little late where it is elongated."""
    from halonet.peak_patch.collapse import CollapseTable

    logs, shapes = np.linspace(np.log10(1.5), np.log10(40), 40), np.linspace(0, 1, 5)
    values = (10**logs / 1.686)[:, None, None] * (1 - 0.2 * shapes)[None, :, None] * np.ones((1, 1, 5))
    axes = np.array([[logs[0], logs[1] - logs[0]], [0.0, 0.25], [-1.0, 0.5]])
    return CollapseTable(values, axes, "fine", 0.25, 0.043)


def statistics(cells=24):
    from halonet import spheres as within

    field = spheres(cells, 4).view(Counted)
    centres, radii = np.array([[3, 4, 5], [12, 20, 1]]), np.array([3.0, 5.0])
    inside, _ = reads(within.mean_within, field, centres, radii)
    return {"cells read for a mean within radii of 3 and 5 cells": inside}


if __name__ == "__main__":
    if os.environ.get("NUMBA_DISABLE_JIT") != "1":
        sys.exit("compiled loops cannot be counted: set NUMBA_DISABLE_JIT=1")
    print(json.dumps(halo_finding() | peak_patch() | statistics(), default=float))
