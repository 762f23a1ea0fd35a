"""Arguments of mocks, and the request they make."""

import argparse
import os
from pathlib import Path
from typing import get_args

from halonet.checks.numbers import CELLS, COUNT, GPUS, INDEX, LENGTH, SEED, THREADS
from halonet.checks.parser import NETWORK, PHASES, READS, SETTINGS, WRITES, WRITES_FOLDER, add_override
from halonet.mocks.request import MockRequest
from halonet.network.shipped import DEFAULT_NETWORK, shipped_network
from halonet.settings import (
    CosmologySettings,
    HaloFindingSettings,
    Model,
    NBodySettings,
    PeakPatchSettings,
    stage_settings,
)
from halonet.settings.network import Precision

NAMES_OF_BOX = ("seed", "density", "phases", "flip_phases", "cells", "power_spectrum", "abundance_matching", "threads")
NAMES_OF_UNIVERSE = ("universe", "tile", "of")
NAMES_OF_METHODS = ("outside_validity", "scratch", "precision", "gpus", "collapse_table", "network", "thresholds")
MODELS: dict[str, type[Model]] = {
    "cosmology": CosmologySettings,
    "halo_finding": HaloFindingSettings,
    "peak_patch": PeakPatchSettings,
    "n_body": NBodySettings,
}


def add_box(parser: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    """What any mock of a box needs to know; returns the group of what the phases come from."""
    phases = add_source(parser)
    parser.add_argument("--abundance-matching", action="store_true", help="remap masses to Tinker et al. 2008")
    return phases


def add_universe(parser: argparse.ArgumentParser, phases: argparse._MutuallyExclusiveGroup) -> None:
    """What a tile of a universe needs to know; ``phases`` is the group of what else they come from."""
    phases.add_argument(
        "--universe", type=SEED, help="a tile of the universe of this seed instead, by peak_patch; docs/universes.md"
    )
    group = parser.add_argument_group("tile of a --universe, whose sides --cells and --box-size are")
    group.add_argument("--tile", type=tile_number, metavar="I,J,K", help="its number along each axis, from 0")
    group.add_argument(
        "--of", type=COUNT, help="how many tiles the universe is cut into, 8 for 2 x 2 x 2; default: 1, all of it"
    )


def tile_number(text: str) -> tuple[int, ...]:
    """Numbers with commas between them."""
    try:
        return tuple(int(INDEX(part)) for part in text.split(","))
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}; three of them, like 0,1,1") from None


def add_source(parser: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    """Phases, cosmology, and how the job runs; returns the group of what the phases come from."""
    phases = parser.add_mutually_exclusive_group(required=True)
    phases.add_argument("--seed", type=SEED, help="of the mock: another seed, an independent mock")
    phases.add_argument(
        "--density", type=READS, help="field of your own instead: HDF5, dataset density, attribute box_size_mpc"
    )
    phases.add_argument(
        "--phases",
        type=PHASES,
        metavar="FILE[:DATASET]",
        help="white noise of another generator instead: numpy, HDF5, GRAFIC or MUSIC; docs/how_to/own_phases.md",
    )
    parser.add_argument("--flip-phases", action="store_true", help="take the negative of the noise: a pair's partner")
    parser.add_argument("--cells", type=CELLS, help="along a side; default: what a file says, or 256")
    parser.add_argument(
        "--box-size",
        type=LENGTH,
        help="side (Mpc), where no file says it; default: cells of 1 Mpc, or as the network knows them",
    )
    parser.add_argument(
        "--cosmology",
        type=SETTINGS,
        help="as JSON, text or file, with its redshift; default: that of the density, else of the network or the paper",
    )
    parser.add_argument(
        "--power-spectrum", type=READS, help="CSV with k_per_mpc and power_mpc3 at z = 0; default: CAMB's"
    )
    add_override(parser, "a density or spectrum is not what it should be, or a network is not for this box")
    parser.add_argument("--keep-phases", type=WRITES, help="also write the white noise (HDF5)")
    parser.add_argument("--keep-density", type=WRITES, help="also write the density (HDF5)")
    parser.add_argument("--threads", type=THREADS, default=os.cpu_count(), help="of each rank; default: all cores")
    parser.add_argument("--ranks", type=COUNT, help="refuse to run with another number of MPI ranks")
    parser.add_argument("-o", "--output", type=WRITES, required=True, help="catalogue to write (HDF5)")
    return phases


def add_network(parser: argparse.ArgumentParser) -> None:
    """What a mock by a network needs to know."""
    group = parser.add_argument_group("method network")
    group.add_argument(
        "--network",
        type=NETWORK.or_name(shipped_network),
        default=DEFAULT_NETWORK,
        help=f"folder, or name of a shipped one; default: {DEFAULT_NETWORK}",
    )
    group.add_argument(
        "--halo-finding", type=SETTINGS, help="settings as JSON; default: those the network's thresholds belong to"
    )
    group.add_argument(
        "--thresholds", type=READS, help="of calibrate_thresholds.py; default: thresholds.json of the network"
    )
    group.add_argument("--keep-probability", type=WRITES, help="also write the predicted probability (HDF5)")
    group.add_argument(
        "--scratch", type=WRITES_FOLDER, help="folder, on a local disk, for what of a large box does not fit in memory"
    )
    group.add_argument(
        "--precision",
        choices=get_args(Precision),
        help="default: float32; fastest: the network in whole numbers of eight bits where it has them, or in bfloat16 "
        "where the processor has it, and haloes moved by a simulation with a particle for eight cells",
    )
    group.add_argument("--gpus", type=GPUS, default=0, help="of each rank, 0 or 1; default: 0")


def add_peak_patch(parser: argparse.ArgumentParser) -> None:
    """What a mock by Peak Patch needs to know."""
    group = parser.add_argument_group("method peak_patch")
    group.add_argument(
        "--peak-patch",
        type=SETTINGS,
        help="settings as JSON, text or file; default: the paper's, with filters that fit the box",
    )
    group.add_argument(
        "--collapse-table",
        type=READS,
        help="table of solve_collapse_table.py (HDF5); default: solved once",
    )
    group.add_argument(
        "--keep-mask", type=WRITES, help="also write the mask of the cells in haloes (HDF5); also of n_body"
    )


def add_n_body(parser: argparse.ArgumentParser) -> None:
    """What a mock by simulation needs to know."""
    group = parser.add_argument_group("method n_body")
    group.add_argument(
        "--n-body",
        type=SETTINGS,
        help="settings as JSON, text or file, like '{\"steps\": 20}'; default: 40 steps, mesh 2",
    )


def request_of(arguments: argparse.Namespace) -> MockRequest:
    """Request of a command line; options that its parser does not know stay at their defaults."""
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    values = {name: given[name] for name in (*NAMES_OF_BOX, *NAMES_OF_UNIVERSE, *NAMES_OF_METHODS) if name in given}
    for name, model in MODELS.items():
        if name in given:
            values[name] = stage_settings(model, given[name], f"--{name.replace('_', '-')}")
    fields = ("phases", "density", "probability", "mask")
    kept = {name: Path(given[f"keep_{name}"]) for name in fields if f"keep_{name}" in given}
    return MockRequest(**values, box_size_mpc=given.get("box_size"), keep=kept)
