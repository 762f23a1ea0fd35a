"""The N-body truth against another public code, pysco-nbody, from the same particles at the same start.

``python benchmarks/n_body_peer.py --cells 64 --output FOLDER``, in an environment that also has pysco-nbody. It shares
nothing with this project but the start: time steps by a Courant condition in supercomoving time, triangular clouds or
clouds in cells, its own transforms. Compared are density fields, since pysco sorts its particles.
"""

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from halonet import console
from halonet.cosmology import compute_power_spectrum
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import linear_density
from halonet.initial_conditions.noise import derived_seed
from halonet.n_body.forces import Gravity
from halonet.n_body.growth import Growth
from halonet.n_body.schedule import plan
from halonet.n_body.simulation import State, simulate
from halonet.n_body.start import start_particles
from halonet.settings import CosmologySettings, NBodySettings
from halonet.spectra import halo_overdensity, measure_spectra
from halonet.storage import write_json


def ours(state, cosmology, settings, slabs):
    """Positions in cells, seconds and number of forces of this project."""
    schedule, gravity = plan(cosmology, settings, [0.0]), Gravity(slabs, settings.mesh)
    start = time.perf_counter()
    simulate(state, schedule, gravity, lambda step, state: None)
    seconds = time.perf_counter() - start
    return lattice(slabs.cells) + state.displacements, seconds, len(schedule.steps) + 1


def lattice(cells):
    """Centres of cells, in cells."""
    return np.stack(np.meshgrid(*[np.arange(cells) + 0.5] * 3, indexing="ij"), axis=-1)


def start_of_pysco(state, a):
    """Reader of the start in place of pysco's own, which numpy 2.4 no longer runs.

    Positions in units of the box, velocities dx / (H0 dt / a^2) in it, which are our momenta.
    """
    cells = len(state.displacements)

    def read(param):
        param["aexp"] = a
        sys.modules["utils"].set_units(param)
        places = np.mod((lattice(cells) + state.displacements) / cells, 1)
        return places.reshape(-1, 3).astype(np.float32), (state.momenta / np.float32(cells)).reshape(-1, 3)

    return read


def theirs(state, cosmology, settings, folder, threads, mass_scheme):
    """Positions in cells, seconds and number of forces of pysco."""
    import pysco

    cells = len(state.displacements)
    parameters = {
        "nthreads": threads, "theory": "newton", "H0": 100 * cosmology.h, "Om_m": cosmology.omega_m, "T_cmb": 0.0,
        "N_eff": 0.0, "w0": -1.0, "wa": 0.0, "boxlen": cells * cosmology.h, "ncoarse": int(np.log2(2 * cells)),
        "npart": cells**3, "z_start": 1 / settings.start - 1, "seed": 1, "position_ICS": "center", "fixed_ICS": False,
        "paired_ICS": False, "dealiased_ICS": False, "power_spectrum_file": "", "base": f"{folder}/",
        "initial_conditions": f"{folder}/start.h5", "z_out": "[0]", "output_snapshot_format": "HDF5",
        "save_power_spectrum": "no", "integrator": "leapfrog", "n_reorder": 50, "mass_scheme": mass_scheme,
        "Courant_factor": 1.0, "max_aexp_stepping": 10, "linear_newton_solver": "fft", "gradient_stencil_order": 5,
        "Npre": 2, "Npost": 1, "epsrel": 1e-2, "verbose": 1,
    }  # fmt: skip
    forces = []
    module = sys.modules["solver"]  # of pysco, which puts its folder on the path
    solver = module.pm
    module.pm = lambda *arguments: forces.append(None) or solver(*arguments)
    sys.modules["initial_conditions"].read_hdf5 = start_of_pysco(state, settings.start)
    start = time.perf_counter()
    try:
        pysco.run(parameters)
    finally:
        module.pm = solver
    seconds = time.perf_counter() - start
    (snapshot,) = (folder / "output_00001").glob("*.h5")
    with h5py.File(snapshot) as file:
        return file["position"][:].reshape(cells, cells, cells, 3) * cells, seconds, len(forces)


def compare(one, other, cells):
    """Cross-correlation and ratio of power of two densities, by k (1 Mpc cells)."""
    fields = [
        halo_overdensity(np.mod(positions, cells).reshape(-1, 3), cells, float(cells), "cloud_in_cell")
        for positions in (one, other)
    ]
    spectra = measure_spectra(*fields, float(cells))
    shown = spectra.k < 2
    return {
        "k": spectra.k[shown].tolist(),
        "correlation": spectra.correlation[shown].tolist(),
        "power of pysco over ours": spectra.ratio[shown].tolist(),
        "lowest correlation to k = 0.5": float(spectra.correlation[spectra.k <= 0.5].min()),
    }


def main():
    """Simulate with both, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=64, help="along a side of a box of 1 Mpc cells; a power of two")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--mass-scheme", choices=("CIC", "TSC"), default="CIC")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    cosmology, settings = CosmologySettings(), NBodySettings()
    slabs = Slabs(arguments.cells, threads=arguments.threads)
    seed = derived_seed(2718, "box", 0)
    density = linear_density(slabs, seed, float(arguments.cells), *compute_power_spectrum(cosmology), cosmology)
    start = State(*start_particles(density, slabs, Growth(cosmology), settings.start))
    with tempfile.TemporaryDirectory() as folder:
        rival = theirs(start, cosmology, settings, Path(folder), arguments.threads, arguments.mass_scheme)
    logging.getLogger().setLevel(logging.WARNING)
    mine = ours(start, cosmology, settings, slabs)
    results = compare(mine[0], rival[0], arguments.cells) | {"mass scheme of pysco": arguments.mass_scheme}
    for name, (_, seconds, forces) in (("ours", mine), ("pysco", rival)):
        results[name] = {"seconds": seconds, "forces": forces, "seconds a force": seconds / forces}
    write_json(arguments.output / f"n_body_peer_{arguments.cells}.json", results)
    print({name: value for name, value in results.items() if not isinstance(value, list)})


if __name__ == "__main__":
    console.run(main)
