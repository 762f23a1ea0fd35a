"""N-body truth: a step of a simulation and its parts, friends of friends, and pysco-nbody from the same particles.

The size of a simulation's rows is that of its force mesh, which has twice the cells of the box along a side (B = 2):
there its transforms are. That of friends of friends is the box.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from n_body_peer import ours, theirs

from halonet.cosmology import compute_power_spectrum
from halonet.friends_of_friends.haloes import find_haloes
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import linear_density
from halonet.n_body.forces import Gravity
from halonet.n_body.growth import Growth
from halonet.n_body.schedule import plan
from halonet.n_body.simulation import State, simulate
from halonet.n_body.start import start_particles
from halonet.particles import Particles
from halonet.settings import CosmologySettings, NBodySettings
from halonet.storage import FieldHeader
from performance.measuring import measured, peak_memory, peer, row, timed

COSMOLOGY = CosmologySettings()
SETTINGS = NBodySettings()
FEW_STEPS = NBodySettings(steps=10)  # enough for haloes to find
LARGEST_PEER = 128  # mesh; pysco takes a minute there
# Numbers of four bytes that each pass over the mesh reads or writes.
SOLVE = 4 + 4  # counts to contrast, and modes times -1 / k^2; transforms are counted as such
CLEAR, DEPOSIT, READ_OUT = 1, 2, 1
POSITION, MOMENTUM = 3, 3  # numbers of a particle


def cases(options):
    peers = [{"mesh": mesh, "peer": True} for mesh in options.sizes if mesh <= LARGEST_PEER][-1:]
    return [*({"mesh": mesh} for mesh in options.sizes), *peers]


def measure(case):
    return beside_pysco(case["mesh"]) if case.get("peer") else parts(case["mesh"])


def start_of(cells, settings):
    """Particles at the start of a box of 1 Mpc cells, and their slab."""
    slabs = Slabs(cells)
    density = linear_density(slabs, 7, float(cells), *compute_power_spectrum(COSMOLOGY), COSMOLOGY)
    return State(*start_particles(density, slabs, Growth(COSMOLOGY), settings.start)), slabs


def passes(mesh, over_mesh, over_particles):
    """Bytes of whole passes that read or write so many numbers of a cell of the mesh, and of a particle."""
    return 4 * (over_mesh * mesh**3 + over_particles * (mesh // SETTINGS.mesh) ** 3)


def parts(mesh):
    """Rows of a step and its parts on particles that have clustered, and of their friends of friends."""
    state, slabs = start_of(mesh // SETTINGS.mesh, FEW_STEPS)
    yield from steps(mesh, state, slabs)
    header = FieldHeader(float(slabs.cells), 0.0, COSMOLOGY.model_dump())
    particles = Particles(state.displacements, state.momenta, header)
    found, _ = measured(lambda: find_haloes(particles, COSMOLOGY, FEW_STEPS))
    # Displacements and velocities are read, owners written.
    yield row("friends of friends", found, slabs.cells, {"bytes": passes(mesh, 0, POSITION + MOMENTUM + 1)})


def steps(mesh, state, slabs):
    """Simulate in few steps; rows of one more, which does not move anything, and of its parts."""
    positions, momenta = state.displacements, state.momenta
    with peak_memory() as peak:
        gravity = Gravity(slabs, SETTINGS.mesh)
        simulate(state, plan(COSMOLOGY, FEW_STEPS, [0.0]), gravity, lambda step, state: None)

    def step():
        gravity.drift(positions, momenta, 0.0)
        gravity.update(positions)
        gravity.kick(momenta, positions, 0.0)

    drift = passes(mesh, 0, 2 * POSITION + MOMENTUM)
    update = passes(mesh, CLEAR + DEPOSIT + SOLVE, POSITION)
    kick = passes(mesh, READ_OUT, POSITION + 2 * MOMENTUM)
    transforms = {"transforms": 2}
    for stage, work, function in (
        ("N-body, deposit and potential", transforms | {"bytes": update}, lambda: gravity.update(positions)),
        ("N-body, read-out and kick", {"bytes": kick}, lambda: gravity.kick(momenta, positions, 0.0)),
        ("N-body, a step", transforms | {"bytes": drift + update + kick}, step),
    ):
        times, _ = timed(function)
        # What was held is that of the whole simulation.
        held = {"bytes": peak.bytes} if function is step else {}
        yield row(stage, times | held, mesh, work)


def beside_pysco(mesh):
    """Row of a whole simulation, and pysco-nbody from the same particles for as many forces."""
    state, slabs = start_of(mesh // SETTINGS.mesh, SETTINGS)
    forces, counted = SETTINGS.steps + 1, []

    def copied():
        return State(state.displacements.copy(), state.momenta.copy())

    def by_pysco():
        with TemporaryDirectory() as folder:
            counted.append(theirs(copied(), COSMOLOGY, SETTINGS, Path(folder), 1, "CIC")[2])

    rival = peer("pysco-nbody, time for as many forces", by_pysco)
    for name in ("seconds", "cpu_seconds"):
        if name in rival:
            rival[name] *= forces / counted[-1]
    times, _ = timed(lambda: ours(copied(), COSMOLOGY, SETTINGS, slabs))
    return [row(f"N-body, {forces} forces", times, mesh, peers=[rival])]
