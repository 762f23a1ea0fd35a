"""Simulate the particles of a box from its linear density: one file of particles for every snapshot.

The density is any HDF5 file with a cubic dataset ``density`` (linear overdensity at its redshift) and the root
attribute ``box_size_mpc``. Runs with or without ``mpiexec``; the files are the same for any number of ranks and
threads. Killed at any time, the same command goes on from the last checkpoint and ends with the same bytes; SIGTERM and
Ctrl-C store one after the step that is going. All snapshots get their names at the end: Snakemake deletes what a killed
job had declared, but not what stands beside it.
"""

import argparse
import logging
import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np

from halonet import console
from halonet.checks.numbers import COUNT, MINUTES, REDSHIFT, THREADS
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser, add_override
from halonet.code_digests import code_digest
from halonet.cosmology import cosmology_of, growth_factor
from halonet.grid.slabs import Slabs
from halonet.interruption import Requests
from halonet.locks import exclusive_outputs
from halonet.mpi import world
from halonet.n_body.checkpoints import Checkpoints
from halonet.n_body.forces import Gravity
from halonet.n_body.growth import Growth
from halonet.n_body.schedule import Schedule, Step, plan
from halonet.n_body.simulation import Snapshot, State, simulate
from halonet.n_body.snapshots import comoving_fields, snapshot_header
from halonet.n_body.start import start_particles
from halonet.particles import write_particles
from halonet.plausibility.density import check_against_spectrum
from halonet.provenance import file_digest, provenance
from halonet.settings import CosmologySettings, NBodySettings, SettingsError, stage_settings
from halonet.storage import field_cells, read_field, read_header

log = logging.getLogger("halonet")
DECIDING = {"steps", "mesh", "start"}  # settings that decide the particles


def main() -> None:
    """Parse the command line, simulate from the start or the last checkpoint, and write the snapshots."""
    arguments = _arguments()
    settings = stage_settings(NBodySettings, arguments.settings)
    header = read_header(arguments.density)
    cosmology = cosmology_of(header, arguments.cosmology, arguments.density)
    redshifts = [cosmology.redshift] if arguments.redshifts is None else arguments.redshifts
    if len(redshifts) != len(arguments.particles):
        raise SettingsError(f"--redshifts gives {len(redshifts)} of them, --particles {len(arguments.particles)} files")
    if len(set(redshifts)) < len(redshifts):
        raise SettingsError(f"--redshifts {' '.join(f'{z:g}' for z in redshifts)}: one stands twice; each has one file")
    slabs = Slabs(field_cells(arguments.density, "density"), world(arguments.ranks), arguments.threads)
    schedule = plan(cosmology, settings, redshifts)
    # Also where a checkpoint needs no density: what is said of it stands in the provenance.
    density = read_field(arguments.density, "density", slabs.start, slabs.stop)
    source, go_on = arguments.density, arguments.outside_validity
    check_against_spectrum(density, slabs, header.box_size_mpc, cosmology, source, go_on)
    del density
    gravity_settings = settings.model_dump(include=DECIDING)
    record = provenance("n_body", gravity_settings | {"redshifts": sorted(redshifts)}, header.seed)
    record["density"] = header.provenance
    fingerprint = {name: record[name] for name in ("settings", "libraries")}
    fingerprint |= {"cosmology": cosmology.model_dump(), "density": file_digest(arguments.density)}
    fingerprint["code"] = code_digest(__file__)
    checkpoints = Checkpoints(arguments.checkpoint, fingerprint, slabs, arguments.checkpoint_minutes)

    files = {z: Path(os.path.realpath(path)) for z, path in zip(redshifts, arguments.particles, strict=True)}
    # Names of complete snapshots until the simulation has ended; one of other settings has others.
    waiting = {z: path.with_name(f".{path.name}.{checkpoints.key}.waiting") for z, path in files.items()}
    # A simulation that outlived a killed workflow may still be writing here.
    with exclusive_outputs([arguments.checkpoint, *files.values()]) if slabs.rank == 0 else nullcontext():
        state = checkpoints.load()
        if state is None or not _has_snapshots(waiting, schedule, state, slabs):
            state = _start(arguments.density, slabs, cosmology, settings)
        elif slabs.rank == 0:
            log.info("going on from step %d of %d", state.steps, len(schedule.steps))
        of_density = replace(header, cosmology=cosmology.model_dump())

        def snapshot(step: Step, state: State) -> None:
            written = snapshot_header(step, of_density, record)
            write_particles(waiting[step.snapshot], *comoving_fields(step, state, written), written, slabs)
            if slabs.rank == 0:
                log.info("snapshot at redshift %g", step.snapshot)

        _advance(state, schedule, Gravity(slabs, settings.mesh), snapshot, checkpoints)
        for z in files if slabs.rank == 0 else ():
            os.replace(waiting[z], files[z])
        checkpoints.clear()


def _start(path: str, slabs: Slabs, cosmology: CosmologySettings, settings: NBodySettings) -> State:
    """Particles at the start, from the density extrapolated to redshift 0."""
    density = read_field(path, "density", slabs.start, slabs.stop)
    density /= np.float32(growth_factor(cosmology, cosmology.redshift))
    return State(*start_particles(density, slabs, Growth(cosmology), settings.start))


def _has_snapshots(waiting: dict[float, Path], schedule: Schedule, state: State, slabs: Slabs) -> bool:
    """Whether the snapshots before a stored state are there; rank 0 looks."""
    passed = [step.snapshot for step in schedule.steps[: state.steps] if step.snapshot is not None]
    lost = [waiting[z] for z in passed if not waiting[z].exists()] if slabs.rank == 0 else []
    if lost:
        log.info("%s is no longer there: starting over", ", ".join(map(str, lost)))
    return not (slabs.communicator.bcast(lost) if slabs.ranks > 1 else lost)


def _advance(state: State, schedule: Schedule, gravity: Gravity, snapshot: Snapshot, checkpoints: Checkpoints) -> None:
    """Simulate with progress on the first rank; a request to end is followed after the step that is going."""
    left = len(schedule.steps) - state.steps
    ticks = console.progress(range(left), "steps") if checkpoints.slabs.rank == 0 else iter(range(left))
    next(ticks)

    with Requests() as requests:

        def finished(state: State) -> None:
            checkpoints.save_if_due(state, requests.signal)
            next(ticks)

        simulate(state, schedule, gravity, snapshot, finished)
    for _ in ticks:
        pass


def _arguments() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument("--density", type=READS, required=True, help="HDF5 file with the density field")
    parser.add_argument(
        "--particles", type=WRITES, nargs="+", required=True, help="HDF5 files to write, one for each redshift"
    )
    parser.add_argument("--redshifts", type=REDSHIFT, nargs="+", help="of the snapshots; default: the density's")
    parser.add_argument("--settings", type=SETTINGS, help="N-body settings as JSON or a JSON file")
    parser.add_argument(
        "--cosmology", type=SETTINGS, help="cosmology as JSON or a JSON file; default: the field's, or the paper's"
    )
    parser.add_argument(
        "--checkpoint",
        type=WRITES.or_else(lambda given: f"{given.particles[0]}.checkpoint"),
        help="file of the checkpoint; default: beside the first file of particles",
    )
    add_override(parser, "the density is not what its cosmology and redshift give")
    parser.add_argument("--checkpoint-minutes", type=MINUTES, default=10.0, help="least time between two checkpoints")
    parser.add_argument("--ranks", type=COUNT, help="refuse to run with another number of MPI ranks")
    parser.add_argument("--threads", type=THREADS, default=1, help="threads of each rank")
    return parser.parse_args()


if __name__ == "__main__":
    console.run(main)
