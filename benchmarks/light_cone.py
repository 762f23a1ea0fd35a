"""Light cones: what they cost, and whether thin shells of them are boxes at that redshift.

    python benchmarks/light_cone.py cost --cells 512 --box-size 1024 --redshift 1 --output FOLDER
    python benchmarks/light_cone.py agreement --redshifts 0 0.5 1 2 --output FOLDER

``cost`` makes an octant and writes time of each phase and memory. ``agreement`` compares, at each redshift, one whole
image of a box in a light cone with the box at that redshift, of the same phases: numbers of haloes above some volumes
and power spectra; and the collapse table, which serves all redshifts, with ellipsoids that are integrated themselves.
Both write JSON; wall time, so nothing else should run.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
from performance.measuring import machine

from halonet.catalogue import EULERIAN
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import linear_density
from halonet.light_cones.by_peak_patch import PeakPatchLightCone
from halonet.light_cones.request import LightConeRequest
from halonet.mocks.by_peak_patch import collapse_table, fitting_settings
from halonet.mocks.request import MockRequest
from halonet.peak_patch.collapse import FREEZE_OUT, growth_table, look_up, strain_eigenvalues
from halonet.peak_patch.finder import find_haloes
from halonet.peak_patch.integration import converged_collapse
from halonet.peak_patch.light_cone import Sight, find_light_cone
from halonet.peak_patch.steps import Progress
from halonet.settings import CosmologySettings, LightConeSettings
from halonet.sky.epochs import Epochs
from halonet.sky.region import Region
from halonet.spectra import halo_overdensity, measure_spectra
from halonet.storage import write_json

CUTS = (27.0, 100.0, 300.0, 1000.0)  # cells
COSMOLOGY = CosmologySettings()


def cost(arguments):
    """An octant, phase by phase."""
    phases, last, start = {}, [time.perf_counter()], time.perf_counter()

    def finished(phase):
        phases[phase], last[0] = time.perf_counter() - last[0], time.perf_counter()
        print(f"{phase}: {phases[phase]:.1f} s", flush=True)

    box = MockRequest(seed=7, cells=arguments.cells, box_size_mpc=arguments.box_size, threads=arguments.threads)
    request = LightConeRequest(box, LightConeSettings(redshift_range=[arguments.first, arguments.redshift]))
    made = PeakPatchLightCone(request)
    slabs, epochs = Slabs(arguments.cells, threads=arguments.threads), request.epochs(made.box)
    table = made.mock.table()
    finished("collapse table")
    density = made.mock.density(slabs)
    finished("density")
    sight = Sight(request.observer(arguments.box_size), request.region(epochs), epochs)
    columns = find_light_cone(
        density, slabs, made.box.cell_size, made.box.cosmology, made.mock.settings, table, sight,
        Progress(finished=finished),
    )  # fmt: skip
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "processor": machine()["cpu"], "threads": arguments.threads, "cells": arguments.cells,
        "box_size_mpc": arguments.box_size, "redshift_range": request.settings.redshift_range,
        "boxes": sight.region.volume / arguments.box_size**3, "haloes": len(columns["mass"]),
        "seconds": time.perf_counter() - start, "phases": phases, "gigabytes": memory / 1e9,
    }  # fmt: skip


def agreement(arguments):
    """One image of a box along the x axis against the box at the redshift of its middle."""
    spectrum = MockRequest(seed=7, cells=arguments.cells)
    table = collapse_table(COSMOLOGY, arguments.table)
    settings = fitting_settings(arguments.box_size).model_copy(update={"collapse_table": arguments.table})
    slabs, epochs = Slabs(arguments.cells, threads=arguments.threads), Epochs(COSMOLOGY, 5.0)
    power = PeakPatchLightCone(LightConeRequest(spectrum)).box.power_spectrum
    density = linear_density(slabs, 11, arguments.box_size, *power, COSMOLOGY)
    return [
        {"redshift": z} | compare(z, density, slabs, arguments.box_size / arguments.cells, settings, table, epochs)
        for z in arguments.redshifts
    ]


class Image(Region):
    """A cube with its nearest face ``nearest`` Mpc along the x axis."""

    def outside(self, positions):
        middle = np.array([(self.nearest + self.farthest) / 2, 0, 0])
        return np.abs(positions - middle).max(axis=1) - (self.farthest - self.nearest) / 2

    def holds(self, positions):
        return self.outside(positions) <= 0


def compare(redshift, density, slabs, cell_size, settings, table, epochs):
    """Numbers and power of the haloes of an image that is centred at the distance of the redshift, and the box's there.

    No image is centred nearer than half of its side; the box is at the redshift of the centre.
    """
    side = slabs.cells * cell_size
    middle = max(float(epochs.distance(np.array([redshift]))[0]), side / 2)
    centre = float(epochs.redshift(np.array([middle]))[0])
    early = COSMOLOGY.model_copy(update={"redshift": centre})
    image = Image("full_sky", middle - side / 2, middle + side / 2)
    sight = Sight(np.array([0.0, side / 2, side / 2]), image, epochs)
    # The box's own planes lie across the image, which begins where the observer stands.
    columns = find_light_cone(density, slabs, cell_size, COSMOLOGY, settings, table, sight)
    scaled = density * np.float32(epochs.growth(np.array([centre]))[0])
    box = find_haloes(scaled, slabs, cell_size, early, settings, table)
    positions = np.mod(np.stack([columns[name] for name in EULERIAN], axis=-1).astype(float), side)
    found = {
        "centre": centre,
        "edges": epochs.redshift(np.array([image.nearest, image.farthest])).tolist(),
        "cuts": CUTS,
    }
    numbers = [[int(np.sum(each["cells"] >= cut)) for cut in CUTS] for each in (columns, box)]
    found |= {"seen": numbers[0], "box": numbers[1]}
    at = [np.mod(each[columns_of >= 100], side) for each, columns_of in (
        (positions, columns["cells"]), (box.positions(EULERIAN), box["cells"]))]  # fmt: skip
    if min(map(len, at)) > 100:
        fields = [halo_overdensity(each, 64, side, "cloud_in_cell") for each in at]
        spectra = measure_spectra(*fields, side, "cloud_in_cell")
        seen, known = (np.array(getattr(spectra, name)) for name in ("first", "second"))
        found |= {
            "k": np.array(spectra.k)[:24].tolist(),
            "power_seen": (seen - side**3 / len(at[0]))[:24].tolist(),
            "power_box": (known - side**3 / len(at[1]))[:24].tolist(),
        }
    return found


def table_errors(kind, redshifts):
    """Error of 1 + z of collapse that interpolation in the table makes, near each redshift."""
    table, random = collapse_table(COSMOLOGY, kind), np.random.default_rng(5)
    growth, ratio = growth_table(COSMOLOGY), (1 - COSMOLOGY.omega_m) / COSMOLOGY.omega_m
    rows = []
    for z in redshifts:
        threshold, errors = table.threshold(z), []
        while len(errors) < 400:
            f, e = threshold * random.uniform(1.0, 2.0), abs(random.normal(0, 0.12))
            p = random.uniform(-0.5, 0.5) * e
            known = converged_collapse(strain_eigenvalues(f, e, p), ratio, growth, np.array(FREEZE_OUT))
            if abs(known / (1 + z) - 1) < 0.15:
                errors.append(look_up(table.values, table.axes, f, e, p) / known - 1)
        rows.append({"redshift": z, "rms": float(np.std(errors)), "mean": float(np.mean(errors)),
                     "median_size": float(np.median(np.abs(errors)))})  # fmt: skip
    return {kind: rows}


def main():
    """Parse the command line, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("cost", "agreement"))
    parser.add_argument("--cells", type=int, default=128)
    parser.add_argument("--box-size", type=float, default=256.0)
    parser.add_argument("--first", type=float, default=0.0)
    parser.add_argument("--redshift", type=float, default=0.5)
    parser.add_argument("--redshifts", type=float, nargs="+", default=[0.5, 1.0])
    parser.add_argument("--table", choices=("published", "fine"), default="published")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    name = f"light_cone_{arguments.what}_{arguments.cells}"
    if arguments.what == "cost":
        result = cost(arguments)
    else:
        result = {"images": agreement(arguments), "table": table_errors(arguments.table, arguments.redshifts)}
    write_json(arguments.output / f"{name}.json", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
