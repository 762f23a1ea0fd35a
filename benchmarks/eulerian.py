"""How far haloes end from where a simulation has them, by ways to move them.

    python benchmarks/eulerian.py --run results/n_body --boxes 008 --output benchmarks/results

Spheres and masses are those of the simulation's own haloes, so that nothing but the move is compared. ``--run`` is a
run of ``profiles/n_body``; choose on training boxes, judge on those of validation.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from halonet import console
from halonet.catalogue import EULERIAN, VELOCITY, HaloCatalogue, read_catalogue
from halonet.cosmology import growth_rate, hubble_rate
from halonet.grid.slabs import Slabs
from halonet.halo_finding.haloes import with_columns_of_particles
from halonet.initial_conditions.displacement import (
    first_order_displacement,
    second_order_coefficient,
    second_order_displacement,
    second_order_source,
)
from halonet.mocks.moving import particles_of
from halonet.owners import read_owners
from halonet.particles import Particles
from halonet.settings import CosmologySettings, DisplacementSettings
from halonet.spectra import halo_overdensity, measure_spectra
from halonet.statistics.redshift_space import redshift_space_multipoles
from halonet.storage import read_field, write_json, write_text

EDGES = (100, 300, 1000, np.inf)  # cells
COLUMNS = {"all": "above 100 cells", "0": "100 to 300", "1": "300 to 1000", "2": "above 1000"}
LARGE, LARGER = 0.3, 0.2  # 1/Mpc: power in real space, and multipoles, are compared up to here
SIMULATIONS = {
    "simulation of 5 steps": {},
    "simulation of 5 steps, a particle for 8 cells": {"spacing": 2},
    "simulation of 10 steps": {"steps": 10},
}
COLLAPSED = 1.5  # linear density at which the spherical collapse of augmented perturbation theory ends


def main():
    """Move the haloes of every box in every way, and write numbers and table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of a run whose truth is a simulation")
    parser.add_argument("--boxes", nargs="+", required=True, help="names of boxes, like 008")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True, help="folder for eulerian.json and eulerian.md")
    arguments = parser.parse_args()
    found: dict[str, list[dict]] = {}
    for box in arguments.boxes:
        truth = Truth(arguments.run / "ground_truth" / box, arguments.threads)
        for name, seconds, particles in ways(truth):
            for over, haloes in means(name, truth, particles):
                console.log.info("box %s: %s, %s", box, name, over)
                row = {"seconds of a processor": seconds} | compare(truth.haloes, haloes)
                found.setdefault(f"{name}, {over}", []).append(row)
    table = {name: {key: float(np.mean([row[key] for row in rows])) for key in rows[0]} for name, rows in found.items()}
    write_json(arguments.output / "eulerian.json", {"boxes": arguments.boxes, "mean": table, "each": found})
    write_text(arguments.output / "eulerian.md", markdown(table))
    print(markdown(table))


@dataclass
class Truth:
    """A box of a simulation: its haloes, the halo of every cell, its linear density, and modes of that."""

    folder: Path
    threads: int

    def __post_init__(self):
        self.haloes = read_catalogue(self.folder / "haloes.h5")
        self.owners = read_owners(self.folder / "owners.h5", len(self.haloes), self.haloes.header.provenance)
        self.density = read_field(self.folder / "density.h5", "density")
        self.cosmology = CosmologySettings(**self.haloes.header.known_cosmology())
        self.slabs = Slabs(len(self.density), threads=self.threads)

    @cached_property
    def modes(self) -> np.ndarray:
        """Of the linear density, complex64."""
        return self.slabs.forward(self.density)

    def smoothed(self, modes: np.ndarray, radius: float) -> np.ndarray:
        """Modes under a Gaussian of ``radius`` (Mpc)."""
        kx, ky, kz = (2 * np.pi / self.haloes.box_size_mpc * k for k in self.slabs.wavenumbers)
        filters = [np.exp(-0.5 * (radius * k) ** 2).astype(np.float32) for k in (kx, ky, kz)]
        return modes * filters[0] * filters[1] * filters[2]


def ways(truth: Truth) -> Iterator[tuple[str, float, Particles]]:
    """Name, seconds of a processor and particles of every way to move."""
    yield "first order", *timed(lambda: by_theory(truth, truth.modes, second=0))
    yield "second order", *timed(lambda: by_theory(truth, truth.modes))
    for radius in (1, 2):
        name = f"second order of the density smoothed with {radius} Mpc"
        yield name, *timed(lambda radius=radius: by_theory(truth, truth.smoothed(truth.modes, radius)))
    for radius in (2, 3):
        yield f"augmented, split at {radius} Mpc", *timed(lambda radius=radius: augmented(truth, radius))
    for name, changes in SIMULATIONS.items():
        settings = DisplacementSettings(method="particle_mesh", **changes)
        arguments = (truth.haloes.header, truth.density, truth.cosmology, settings, truth.threads)
        yield name, *timed(lambda arguments=arguments: particles_of(*arguments))


def timed(make: Callable[[], Particles]) -> tuple[float, Particles]:
    """Seconds of a processor, and what was made."""
    start = time.process_time()
    particles = make()
    return time.process_time() - start, particles


def by_theory(truth: Truth, modes: np.ndarray, second: float = 1) -> Particles:
    """Perturbation theory: the first order, and ``second`` times the second one."""
    slabs, size, redshift = truth.slabs, truth.haloes.cell_size, truth.cosmology.redshift
    coefficient = np.float32(second * second_order_coefficient(truth.cosmology, redshift))
    rate = np.float32(hubble_rate(truth.cosmology, redshift) * growth_rate(truth.cosmology, redshift) / (1 + redshift))
    fields = np.empty((2, *slabs.shape, 3), np.float32)
    source = slabs.forward(second_order_source(modes, slabs)) if second else None
    for axis in range(3):
        first = first_order_displacement(modes, slabs, size, axis)
        further = coefficient * second_order_displacement(source, slabs, size, axis) if second else np.float32(0)
        fields[0, ..., axis], fields[1, ..., axis] = first + further, rate * (first + 2 * further)
    return Particles(*fields, truth.haloes.header)


def augmented(truth: Truth, radius: float) -> Particles:
    """Kitaura & Hess (2013): second order on large scales, spherical collapse on small ones, a Gaussian split."""
    slabs, size = truth.slabs, truth.haloes.cell_size
    collapse = 3 - 3 * np.sqrt(np.maximum(1 - truth.density / np.float32(COLLAPSED), 0))
    modes = slabs.forward(collapse)
    modes = modes - truth.smoothed(modes, radius)
    particles = by_theory(truth, truth.smoothed(truth.modes, radius))
    for axis in range(3):
        particles.displacements[..., axis] += first_order_displacement(modes, slabs, size, axis)
    return particles


def means(name: str, truth: Truth, particles: Particles) -> Iterator[tuple[str, HaloCatalogue]]:
    """Haloes moved by means over their spheres, over larger ones, over what gathers, and over their true cells."""
    haloes = truth.haloes
    yield "mean over the sphere", with_columns_of_particles(haloes, particles)
    if name in ("second order", "simulation of 5 steps"):
        larger = HaloCatalogue(haloes.columns | {"radius": 1.3 * haloes["radius"]}, haloes.header, haloes.grid_cells)
        yield "over 1.3 times its radius", with_columns_of_particles(larger, particles)
    if name.startswith("simulation"):
        yield "over its particles that gather", with_columns_of_particles(haloes, particles, gathered=True)
    yield "over its true cells", over_cells(truth, particles)


def over_cells(truth: Truth, particles: Particles) -> HaloCatalogue:
    """Haloes moved by the mean over the cells of their particles: what knowing the protohalo exactly would give."""
    rows, haloes = truth.owners.ravel(), truth.haloes.sorted_by_mass()
    inside = np.flatnonzero(rows >= 0)
    number = np.bincount(rows[inside], minlength=len(haloes))
    columns = dict(haloes.columns)
    for axis in range(3):
        moved, velocity = (
            np.bincount(rows[inside], field[..., axis].ravel()[inside], len(haloes)) / number
            for field in (particles.displacements, particles.velocities)
        )
        columns[EULERIAN[axis]] = np.mod(haloes.positions()[:, axis] + moved, haloes.box_size_mpc)
        columns[VELOCITY[axis]] = velocity
    return HaloCatalogue(columns, haloes.header, haloes.grid_cells)


def compare(true: HaloCatalogue, moved: HaloCatalogue) -> dict:
    """Root mean square errors in three dimensions by mass, and power of all above 100 cells over the simulation's."""
    cells, side = true["cells"], true.box_size_mpc
    apart = moved.positions(EULERIAN) - true.positions(EULERIAN)
    apart -= side * np.round(apart / side)
    slower = moved.positions(VELOCITY) - true.positions(VELOCITY)
    values = {}
    for name, column in COLUMNS.items():
        low, high = (EDGES[0], EDGES[-1]) if name == "all" else EDGES[int(name) : int(name) + 2]
        kept = (cells >= low) & (cells < high)
        values[f"position (Mpc), {column}"] = float(np.sqrt((apart[kept] ** 2).sum(axis=1).mean()))
        values[f"velocity (km/s), {column}"] = float(np.sqrt((slower[kept] ** 2).sum(axis=1).mean()))
    return values | power(true.select(cells >= EDGES[0]), moved.select(cells >= EDGES[0]))


def power(true: HaloCatalogue, moved: HaloCatalogue) -> dict:
    """Power without shot noise of moved haloes over that of the true ones; the cross-correlation at 0.3 per Mpc."""
    side, noise = true.box_size_mpc, true.box_size_mpc**3 / len(true)
    fields = [halo_overdensity(each.positions(EULERIAN), 256, side, "cloud_in_cell") for each in (true, moved)]
    spectra = measure_spectra(*fields, side, "cloud_in_cell")
    values = {}
    for low, high in ((0, 0.1), (0.1, 0.2), (0.2, LARGE)):
        band = (spectra.k > low) & (spectra.k <= high)
        sums = [(spectra.modes * (each - noise))[band].sum() for each in (spectra.first, spectra.second)]
        values[f"power, k from {low:g} to {high:g}"] = float(sums[1] / sums[0])
    values[f"r at {LARGE:g}"] = float(np.interp(LARGE, spectra.k, spectra.correlation))
    first, second = (multipoles(each) for each in (true, moved))
    near = first.k <= LARGER
    sums = [(each.modes * (each.monopole - noise))[near].sum() for each in (first, second)]
    values[f"monopole to {LARGER:g}"] = float(sums[1] / sums[0])
    sums = [(each.modes * each.quadrupole)[near].sum() for each in (first, second)]
    return values | {f"quadrupole to {LARGER:g}": float(sums[1] / sums[0])}


def multipoles(haloes: HaloCatalogue):
    """Of the power spectrum in redshift space, mean over the three axes."""
    cosmology, redshift = CosmologySettings(**haloes.header.known_cosmology()), haloes.header.known_redshift()
    shifts = haloes.positions(VELOCITY) * (1 + redshift) / hubble_rate(cosmology, redshift)
    bins = min(32, int(LARGER * haloes.box_size_mpc / (2 * np.pi)) + 1)
    return redshift_space_multipoles(haloes.positions(EULERIAN), shifts, haloes.box_size_mpc, bins)


def markdown(table: dict) -> str:
    """A row for every way to move."""
    names = list(next(iter(table.values())))
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for way, values in table.items():
        shown = (f"{values[name]:.{1 if name[0] in 'sv' else 3}f}" for name in names)
        lines.append(f"| {way} | {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    console.run(main)
