"""What a network lacks: fields beside its own probability, from which a small network tells the cells of haloes better.

    python benchmarks/inputs.py --run results/n_body --network networks/n-body --boxes 017 008

The probability of the network in one box, and a field of the box beside it, train a network of three layers that sees
two cells far; the other box says what that is worth. Both are boxes of validation. Fields are density and contraction
where the particles of cells end (:mod:`halonet.n_body.ends`), by ever shorter simulations, and the motion of cells
(:mod:`halonet.n_body.deformation`). ``--inputs`` names some of them. Puts its numbers beside those of other networks
into ``benchmarks/results/inputs.json`` and prints the table of ``docs/n_body.md``.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from performance.measuring import ROOT, commit, machine

from halonet import console
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.displacement import first_order_displacement
from halonet.mocks.moving import particles_of
from halonet.n_body.deformation import deformation
from halonet.n_body.forces import Gravity
from halonet.n_body.schedule import plan
from halonet.n_body.short import drift_to_end
from halonet.n_body.simulation import State
from halonet.settings import CosmologySettings, DisplacementSettings, ShortSimulationSettings
from halonet.storage import read_field, read_header, read_json, write_json

RESULT = ROOT / "benchmarks" / "results" / "inputs.json"
REACH, WINDOW, STEPS = 2, 48, 400  # cells that the small network sees, cells of a window, steps of its training
LEAST = 1e-4  # probability


class Input(NamedTuple):
    """A short simulation: its steps, where it starts, and cells from a particle to the next; no steps: first order."""

    steps: int
    start: float = 0.1
    spacing: int = 1
    motion: bool = False


INPUTS = {
    "nothing": None,
    "particles moved by first order": Input(0),
    "2 steps from a scale factor of 0.1": Input(2),
    "3 steps": Input(3),
    "5 steps, a particle for eight cells": Input(5, spacing=2),
    "5 steps": Input(5),
    "4 steps from 0.25": Input(4, 0.25),
    "4 steps from 0.25, and the motion of cells": Input(4, 0.25, motion=True),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of a run whose truth is a simulation")
    parser.add_argument("--network", type=Path, required=True, help="whose probabilities the run has of these boxes")
    parser.add_argument("--boxes", nargs=2, required=True, help="one to learn from, one to judge by")
    parser.add_argument("--inputs", nargs="+", choices=list(INPUTS), default=list(INPUTS), help="default: all")
    arguments = parser.parse_args()
    numbers = {}
    for name in console.progress(arguments.inputs, "inputs"):
        learnt, judged = (of_box(arguments, box, INPUTS[name]) for box in arguments.boxes)
        numbers[name] = judge(train(*learnt), *judged)
    record = {"boxes": arguments.boxes, "commit": commit(), "machine": machine(), "numbers": numbers}
    write_json(RESULT, (read_json(RESULT) if RESULT.exists() else {}) | {arguments.network.name: record})
    print(table(record))


def of_box(arguments, box: str, wanted: Input | None) -> tuple[np.ndarray, np.ndarray]:
    """Inputs of the small network, (N, N, N, C), and the true mask."""
    truth = arguments.run / "ground_truth" / box
    probability = read_field(arguments.run / "predictions" / arguments.network.name / f"{box}.h5", "probability")
    probability = np.clip(probability, LEAST, 1 - LEAST)
    fields = [np.log(probability / (1 - probability)) / 3]
    if wanted:
        fields += ends(truth / "density.h5", wanted)
    return np.stack(fields, axis=-1).astype(np.float32), read_field(truth / "mask.h5", "mask")


def ends(path: Path, wanted: Input) -> list[np.ndarray]:
    """Logarithm of the density where particles end, contraction, and motion, by the cells they started in."""
    header, density = read_header(path), read_field(path, "density")
    slabs, cosmology = Slabs(len(density), threads=2), CosmologySettings(**header.known_cosmology())
    state, dense = moved(header, density, slabs, cosmology, wanted), np.empty(slabs.shape, np.float32)
    gravity = Gravity(slabs, 1)
    gravity.to_contrast(state.displacements)
    gravity.read_densities(state.displacements, dense)
    contraction, stretch, volume = deformation(state.displacements, slabs)
    fields = [np.log(dense) / 2, contraction / 2]
    if not wanted.motion:
        return fields
    infall = deformation(state.momenta, slabs).contraction
    return [*fields, np.log(stretch + np.float32(0.1)) / 2, np.arcsinh(volume) / 2, np.arcsinh(infall) / 2]


def moved(header, density: np.ndarray, slabs: Slabs, cosmology: CosmologySettings, wanted: Input) -> State:
    """Particles of all cells (cells); those of a simulation have momenta, too."""
    if not wanted.steps:
        modes = slabs.forward(density)
        fields = [first_order_displacement(modes, slabs, 1.0, axis) for axis in range(3)]
        return State(np.stack(fields, axis=-1), np.empty(0))
    if wanted.spacing > 1:
        settings = DisplacementSettings(method="particle_mesh", steps=wanted.steps, spacing=wanted.spacing)
        particles = particles_of(header, density, cosmology, settings, slabs.threads, slabs)
        return State(particles.displacements / np.float32(particles.cell_size), np.empty(0))
    settings = ShortSimulationSettings(steps=wanted.steps, start=wanted.start)
    schedule = plan(cosmology, settings, [cosmology.redshift])
    return drift_to_end(density, slabs, cosmology, schedule, Gravity(slabs, 1))[1]


def train(inputs: np.ndarray, mask: np.ndarray):
    """The small network, after random windows of a box."""
    import keras

    keras.utils.set_random_seed(1)
    layers, fields = keras.layers, keras.Input((None, None, None, inputs.shape[-1]))
    features = layers.Conv3D(16, 3, activation="gelu")(fields)
    features = layers.Conv3D(16, 3, activation="gelu")(features)
    features = layers.Conv3D(16, 1, activation="gelu")(features)
    network = keras.Model(fields, layers.Conv3D(1, 1, activation="sigmoid")(features))
    rate = keras.optimizers.schedules.CosineDecay(4e-3, STEPS)
    network.compile(keras.optimizers.Adam(rate), loss="binary_crossentropy")
    random = np.random.default_rng(1)
    for _ in range(STEPS):
        corner = random.integers(0, len(mask) - WINDOW - 2 * REACH, 3)
        seen = tuple(slice(first, first + WINDOW + 2 * REACH) for first in corner)
        learnt = tuple(slice(first + REACH, first + REACH + WINDOW) for first in corner)
        network.train_on_batch(inputs[seen][None], mask[learnt][None, ..., None].astype(np.float32))
    return network


def judge(network, inputs: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Cells that agree, and the cross entropy of a cell, away from the faces of the box."""
    cells, agree, entropy, count = len(mask), 0, 0.0, 0
    for start in range(REACH, cells - REACH, WINDOW):
        stop = min(start + WINDOW, cells - REACH)
        found = network.predict(inputs[None, start - REACH : stop + REACH], verbose=0)[0, ..., 0]
        true = mask[start:stop, REACH : cells - REACH, REACH : cells - REACH] > 0
        agree += int(((found > 0.5) == true).sum())
        entropy -= float(np.log(np.where(true, found, 1 - found) + 1e-7).sum(dtype=float))
        count += true.size
    return {"cells that agree": agree / count, "cross entropy": entropy / count}


def table(record: dict) -> str:
    """Markdown."""
    lines = ["| beside the probability | cells that agree | cross entropy |", "|---|---:|---:|"]
    for name, found in record["numbers"].items():
        lines.append(f"| {name} | {found['cells that agree']:.3f} | {found['cross entropy']:.3f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    console.run(main)
