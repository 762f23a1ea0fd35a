"""Make a mock halo catalogue with a trained network: seed -> density -> probability -> haloes -> Eulerian places.

    python workflow_scripts/make_mock.py --seed 7 --cells 256 --output mock.h5

Lengths are comoving Mpc, masses solar masses, velocities km/s, all without h. The same command gives the same bytes,
with any number of MPI ranks (mpiexec -n 4 python workflow_scripts/make_mock.py ...): the density is drawn in slabs,
tiles are dealt out, and one rank finds the haloes and moves them.
"""

import argparse
import logging
import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from halonet import console
from halonet.catalogue import HaloCatalogue, write_catalogue
from halonet.cosmology import compute_power_spectrum, read_power_spectrum, write_power_spectrum
from halonet.dataset.normalisation import declared_cosmology, read_normalisation
from halonet.grid.scratch import on_disk, zeros
from halonet.grid.slabs import Slabs
from halonet.halo_finding.finder import Finder, finder_of
from halonet.halo_finding.haloes import to_catalogue, with_eulerian_columns
from halonet.head_fields import SHAPES
from halonet.initial_conditions.density import linear_density
from halonet.initial_conditions.noise import derived_seed
from halonet.mocks.abundance_matching import mass_table, with_matched_masses
from halonet.mocks.ranks import own_share, sum_over_ranks, wait_for_first, whole_field
from halonet.mocks.tiles import tiles_for
from halonet.mpi import place_on_machine, world
from halonet.network.validity import check_validity, trained_cosmology
from halonet.provenance import file_digest, provenance
from halonet.settings import (
    CosmologySettings,
    HaloFindingSettings,
    NetworkSettings,
    SettingsError,
    stage_settings,
    validate,
)
from halonet.statistics.mass_function import tinker_abundance
from halonet.storage import FieldHeader, field_cells, read_field, read_header, read_json, write_field

NETWORK = Path(__file__).parents[1] / "networks" / "vnet-small-objects"


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    phases = parser.add_mutually_exclusive_group(required=True)
    phases.add_argument("--seed", type=int, help="of the mock: another seed, an independent mock")
    phases.add_argument("--density", help="field of your own instead: HDF5, dataset density, attribute box_size_mpc")
    parser.add_argument("--cells", type=int, default=256, help="cells along a side, for --seed; default: 256")
    parser.add_argument(
        "--box-size", type=float, help="side (Mpc), for --seed; default: cells as the network knows them"
    )
    parser.add_argument(
        "--network", type=Path, default=NETWORK, help=f"folder; default: {NETWORK.name} of this package"
    )
    parser.add_argument("--cosmology", help="as JSON; default: that of the density, else of the network")
    parser.add_argument("--power-spectrum", help="CSV with k_per_mpc and power_mpc3 at z = 0; default: CAMB's")
    parser.add_argument("--halo-finding", help="settings as JSON; default: those the network's thresholds belong to")
    parser.add_argument("--thresholds", help="of calibrate_thresholds.py; default: thresholds.json of the network")
    parser.add_argument("--abundance-matching", action="store_true", help="remap masses to Tinker et al. 2008")
    parser.add_argument("--outside-validity", action="store_true", help="warn only, if the network is not for this box")
    parser.add_argument("--keep-density", help="also write the density (HDF5)")
    parser.add_argument("--keep-probability", help="also write the predicted probability (HDF5)")
    parser.add_argument("--scratch", help="folder, on a local disk, for what of a large box does not fit in memory")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each rank; default: all cores")
    parser.add_argument("--gpus", type=int, default=0, help="of each rank, 0 or 1")
    parser.add_argument("--ranks", type=int, help="refuse to run with another number of MPI ranks")
    parser.add_argument("--output", required=True, help="catalogue to write (HDF5)")
    return parser.parse_args()


@dataclass(frozen=True)
class Job:
    """The mock that is asked for; everything a user may have got wrong is read here, before anything is computed."""

    arguments: argparse.Namespace

    @cached_property
    def network(self) -> NetworkSettings:
        """Architecture and input of the network."""
        path = self.arguments.network / "settings.json"
        return validate(NetworkSettings, read_json(path), str(path))

    @cached_property
    def normalisation(self):
        """Normalisation of the network, which says what boxes it was trained on."""
        return read_normalisation(self.arguments.network / "normalisation.json")

    @cached_property
    def header(self) -> FieldHeader:
        """Box, cosmology and seed, without provenance."""
        arguments = self.arguments
        known = read_header(arguments.density) if arguments.density else FieldHeader(0.0)
        cosmology, said = self._trained_cosmology(), declared_cosmology(known)
        if arguments.cosmology is not None:
            cosmology = stage_settings(CosmologySettings, arguments.cosmology)
        elif said is not None:
            cosmology = validate(CosmologySettings, said, f"{arguments.density}: cosmology")
        if arguments.density:
            return replace(known, cosmology=cosmology.model_dump(), redshift=cosmology.redshift)
        box_size = arguments.box_size or arguments.cells * self.normalisation.cell_size_mpc
        seed = derived_seed(arguments.seed, "mock")
        return FieldHeader(box_size, cosmology.redshift, cosmology.model_dump(), seed)

    def _trained_cosmology(self) -> CosmologySettings:
        return trained_cosmology(self.normalisation) or CosmologySettings()

    @cached_property
    def cosmology(self) -> CosmologySettings:
        """Cosmology of the box, with its redshift."""
        return CosmologySettings(**self.header.cosmology)

    @cached_property
    def cells(self) -> int:
        """Cells along a side."""
        return field_cells(self.arguments.density, "density") if self.arguments.density else self.arguments.cells

    @cached_property
    def thresholds_file(self) -> Path | None:
        """Thresholds calibrated for the network; None where there are none."""
        if self.arguments.thresholds:
            return Path(self.arguments.thresholds)
        shipped = self.arguments.network / "thresholds.json"
        return shipped if shipped.is_file() else None

    @cached_property
    def finder(self) -> Finder:
        """The halo finder: a user's, else the one the thresholds belong to, else the paper's."""
        if self.arguments.halo_finding or self.thresholds_file is None:
            settings = stage_settings(HaloFindingSettings, self.arguments.halo_finding)
        else:
            settings = finder_of(self.thresholds_file)
        finder = Finder(settings, self.thresholds_file)
        if missing := set(finder.heads) - set(self.network.heads.weights):
            raise SettingsError(
                f"finder = {settings.finder!r} needs the heads {' and '.join(finder.heads)}; {self.arguments.network} "
                f"was trained without {' and '.join(sorted(missing))}"
            )
        return finder

    @cached_property
    def power_spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """Linear power spectrum; CAMB's goes through a file, so that one made beforehand gives the same bits."""
        if self.arguments.power_spectrum:
            return read_power_spectrum(self.arguments.power_spectrum)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "power_spectrum.csv"
            write_power_spectrum(path, *compute_power_spectrum(self.cosmology))
            return read_power_spectrum(path)


def main() -> None:
    """Check what is asked for, then draw, predict, find, move and write."""
    arguments = parse()
    communicator = world(arguments.ranks)
    first = communicator is None or communicator.rank == 0
    if not first:
        console.log.setLevel(logging.WARNING)
    job = Job(arguments)
    finder = job.finder
    tiles = tiles_for(job.cells, 2**job.network.levels)
    cell_size = job.header.box_size_mpc / job.cells
    check_validity(job.normalisation, job.cosmology, cell_size, arguments.network.name, arguments.outside_validity)

    slabs = Slabs(job.cells, communicator, arguments.threads)
    with console.step(f"density of {job.cells}^3 cells"):
        density = draw_or_read(job, slabs)
    with console.step("probability"), on_disk(arguments.scratch):
        heads = {name: zeros((job.cells,) * 3 + SHAPES[name], np.float16) for name in finder.heads}
        probability = predict(job, density, heads, tiles, communicator)
    if first:
        with console.step("haloes"), on_disk(arguments.scratch):
            found = finder.find(probability, heads)
        record = describe(job, tiles.model_dump())
        header = replace(job.header, provenance=record)
        keep(arguments, header, density, probability)
        del probability, heads
        catalogue = to_catalogue(found, job.cells, header, job.cosmology, finder.settings.minimum_cells)
        with console.step("Eulerian places and velocities"):
            catalogue = with_eulerian_columns(catalogue, density, job.cosmology, header.redshift, arguments.threads)
        if arguments.abundance_matching:
            catalogue = match(catalogue, job)
        write_catalogue(arguments.output, catalogue)
        console.log.info(
            "%s: %d haloes, %d of at least 100 cells", arguments.output, len(catalogue), len(catalogue.larger_than(100))
        )
    wait_for_first(communicator)


def draw_or_read(job: Job, slabs: Slabs) -> np.ndarray:
    """Linear density of the whole box on every rank, float32 of shape (N, N, N)."""
    if job.arguments.density:
        return read_field(job.arguments.density, "density")
    k, power = job.power_spectrum
    slab = linear_density(slabs, job.header.seed, job.header.box_size_mpc, k, power, job.cosmology)
    return whole_field(slabs, slab)


def predict(job: Job, density: np.ndarray, heads: dict[str, np.ndarray], tiles, communicator) -> np.ndarray:
    """Probability of every cell, and what ``heads`` say, which fills their fields; complete on the first rank."""
    from halonet.network import load_network
    from halonet.network.devices import prepare_devices
    from halonet.network.prediction import predict_box

    arguments, cell_size = job.arguments, job.header.box_size_mpc / job.cells
    prepare_devices(arguments.threads, arguments.gpus, place_on_machine(communicator))

    def track(every: list):
        return console.progress(own_share(every, communicator), "tiles")

    network = load_network(arguments.network)
    probability = predict_box(network, density, cell_size, tiles, track, arguments.threads, heads)
    for field in (probability, *heads.values()):
        sum_over_ranks(field, communicator)
    return probability


def keep(arguments: argparse.Namespace, header: FieldHeader, density: np.ndarray, probability: np.ndarray) -> None:
    """Write the fields that are asked for."""
    for path, name, field in (
        (arguments.keep_density, "density", density),
        (arguments.keep_probability, "probability", probability),
    ):
        if path:
            write_field(path, name, field, header)


def match(catalogue: HaloCatalogue, job: Job) -> HaloCatalogue:
    """Masses remapped to Tinker et al. 2008 by the numbers of this catalogue alone."""
    table = mass_table([catalogue], *tinker_abundance(job.cosmology, job.header.redshift, *job.power_spectrum))
    return with_matched_masses(catalogue, table, "tinker_2008")


def describe(job: Job, tiles: dict) -> dict:
    """Provenance of the mock: nothing in it differs between two runs of the same command."""
    arguments = job.arguments
    settings = {
        "network": {"name": arguments.network.name, "weights": file_digest(arguments.network / "model.weights.h5")},
        "prediction": tiles,
        "halo_finding": job.finder.settings.model_dump() | {"in_force": job.finder.in_force},
    }
    record = provenance("mock", settings, arguments.seed)
    return record | ({"density": read_header(arguments.density).provenance} if arguments.density else {})


if __name__ == "__main__":
    console.run(main)
