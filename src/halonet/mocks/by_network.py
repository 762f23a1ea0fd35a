"""A mock by a trained network: density -> probability -> haloes -> Eulerian positions and velocities.

All of it in slabs over MPI ranks: no rank ever holds a whole field. Lists of haloes are on every rank. The catalogue
has the same bits for any number of ranks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from halonet import console
from halonet.catalogue import HaloCatalogue
from halonet.dataset.normalisation import Normalisation, read_normalisation
from halonet.grid.scratch import on_disk, zeros
from halonet.grid.slabs import Slabs
from halonet.grid.threads import beside
from halonet.halo_finding.finder import Finder, finder_of
from halonet.halo_finding.haloes import to_catalogue
from halonet.head_fields import SHAPES
from halonet.mocks.box import MockBox
from halonet.mocks.moving import KeptParticles, check_displacement, move_haloes, simulated_particles
from halonet.mocks.request import MockRequest
from halonet.mocks.tiles import tiles_for
from halonet.mpi import Communicator, place_on_machine
from halonet.network.processor import has_bfloat16, has_openvino
from halonet.network.quantised import FILE as QUANTISED
from halonet.network.shipped import find_network
from halonet.network.validity import check_validity, trained_cosmology
from halonet.particles import Particles
from halonet.provenance import file_digest
from halonet.settings import (
    CosmologySettings,
    DisplacementSettings,
    HaloFindingSettings,
    NetworkSettings,
    PredictionSettings,
    SettingsError,
    validate,
)
from halonet.storage import FieldHeader, read_json

if TYPE_CHECKING:
    from halonet.network import TrainedNetwork

T = TypeVar("T")


@dataclass(frozen=True)
class NetworkMock:
    """A mock by the network that ``request`` names."""

    request: MockRequest

    @cached_property
    def folder(self) -> Path:
        """Folder of the network."""
        return find_network(self.request.network)

    @cached_property
    def settings(self) -> NetworkSettings:
        """Architecture and input of the network."""
        path = self.folder / "settings.json"
        return validate(NetworkSettings, read_json(path), str(path))

    @cached_property
    def normalisation(self) -> Normalisation:
        """Normalisation of the network, which says what boxes it was trained on."""
        return read_normalisation(self.folder / "normalisation.json")

    @cached_property
    def box(self) -> MockBox:
        """The box; its cells and cosmology are those of the network, unless the request says otherwise.

        A network of many cosmologies takes the paper's, which is refused where it has not seen it.
        """
        known = trained_cosmology(self.normalisation) or CosmologySettings()
        one = self.settings.normalisation != "individual" and self.normalisation.region is None
        deviation = self.normalisation.mean_deviation if one else None
        return MockBox(self.request, known, self.normalisation.cell_size_mpc, deviation)

    @cached_property
    def finder(self) -> Finder:
        """The halo finder: a user's, else the one the thresholds belong to, else the paper's."""
        shipped, settings = self.folder / "thresholds.json", self.request.halo_finding
        thresholds = self.request.thresholds or (shipped if shipped.is_file() else None)
        if settings is None:
            settings = HaloFindingSettings() if thresholds is None else finder_of(thresholds)
        finder = Finder(settings, thresholds)
        if missing := set(finder.heads) - set(self.settings.heads.weights):
            raise SettingsError(
                f"finder = {settings.finder!r} needs the heads {' and '.join(finder.heads)}; {self.folder} "
                f"was trained without {' and '.join(sorted(missing))}"
            )
        return finder

    @cached_property
    def tiles(self) -> PredictionSettings:
        """Tiles of the prediction: wide ones where a cell of theirs takes a byte or two, and not four."""
        wide = self.request.precision == "fastest" and not self.request.gpus and self.quantised and has_bfloat16()
        return tiles_for(self.box.cells, 2**self.settings.levels, self.request.precision, wide)

    @property
    def quantised(self) -> bool:
        """Whether the network has convolutions in eight bits, and this process computes with them."""
        return (self.folder / QUANTISED).is_file() and has_openvino()

    @cached_property
    def displacement(self) -> DisplacementSettings:
        """How haloes move: as the finder says; where what is fastest is asked for, with a particle for eight cells."""
        chosen = self.finder.settings.displacement
        wide = self.request.precision == "fastest" and chosen.method == "particle_mesh" and self.box.cells % 2 == 0
        return chosen.model_copy(update={"spacing": 2}) if wide else chosen

    @property
    def shares_simulation(self) -> bool:
        """Whether haloes move by the very simulation that the network sees, so that one serves both."""
        own, seen = self.displacement, self.settings.channels.simulation
        if seen is None or own.method != "particle_mesh" or self.box.cosmology != trained_cosmology(self.normalisation):
            return False
        return (own.steps, own.start, own.mesh) == (seen.steps, seen.start, 1)

    @cached_property
    def made_of(self) -> dict[str, Any]:
        """All that the mock depends on but for its seed and a power spectrum of the user's own."""
        box, names = self.box, ("model.weights.h5", "settings.json", "normalisation.json", QUANTISED)
        return {
            "network": [file_digest(self.folder / name) for name in names if (self.folder / name).is_file()],
            "prediction": self.tiles.model_dump(),
            "finder": [self.finder.settings.model_dump(), self.finder.in_force],
            "box": [box.cells, box.header.box_size_mpc, box.cosmology.model_dump()],
            "request": [self.request.abundance_matching, self.request.outside_validity, self.request.flip_phases],
        }

    def check(self) -> None:
        """Refuse what cannot be made."""
        _ = self.tiles
        check_displacement(self.displacement, self.box.cosmology, self.box.cells)
        go_on = self.request.outside_validity
        check_validity(self.normalisation, self.box.cosmology, self.box.cell_size, self.folder.name, go_on)

    def make(self, communicator: Communicator | None = None) -> HaloCatalogue | None:
        """The catalogue on the first rank, None on the others; collective."""
        self.check()
        request, box, finder = self.request, self.box, self.finder
        slabs = Slabs(box.cells, communicator, request.threads)
        # The library that networks run on takes seconds to load, most of them on one thread.
        with beside(lambda stop: self._loaded(slabs), request.threads if slabs.ranks == 1 else 1) as network:
            with console.step(f"density of {box.cells}^3 cells"):
                density = box.density_slab(slabs)
            with console.step("probability"), on_disk(request.scratch):
                heads = {name: zeros(slabs.shape + SHAPES[name], np.float16) for name in finder.heads}
                kept = KeptParticles(box.header, box.cosmology, self.displacement.spacing, slabs)
                keep = kept if self.shares_simulation else None
                probability = self._predict(network(), density, heads, slabs, keep)
        header = replace(box.header, provenance=self._provenance())

        def simulate(stop: Event) -> Particles | None:
            return kept.particles or self._simulated(header, density, slabs, stop)

        with beside(simulate, self._beside(slabs)) as simulated:
            with console.step("haloes"), on_disk(request.scratch):
                found = finder.find(probability, heads, slabs=slabs)
            box.keep(header, slabs, density=density, probability=probability)
            del probability, heads
            catalogue = to_catalogue(found, box.cells, header, box.cosmology, finder.settings.minimum_cells)
            if slabs.rank == 0:
                box.check_haloes(catalogue, finder.settings.minimum_cells, self.folder.name)
                catalogue = replace(catalogue, header=replace(header, provenance=self._provenance()))
            with console.step("Eulerian positions and velocities"):
                options = (box.cosmology, self.displacement, request.threads, slabs)
                catalogue = move_haloes(catalogue, density, *options, simulated)
        return None if slabs.rank else catalogue

    def _loaded(self, slabs: Slabs) -> "TrainedNetwork":
        """The network, and the devices that it runs on."""
        from halonet.network.devices import prepare_devices_once

        prepare_devices_once(self.request.threads, self.request.gpus, place_on_machine(slabs.communicator))
        return loaded(self.folder)

    def _predict(
        self,
        network: "TrainedNetwork",
        density: np.ndarray,
        heads: dict[str, np.ndarray],
        slabs: Slabs,
        keep: KeptParticles | None,
    ) -> np.ndarray:
        """Probability of this rank's cells, and what ``heads`` say of them, which fills their fields; collective."""
        from halonet.network.prediction import predict_box

        def track(tiles: list[T]) -> Iterator[T]:
            return console.progress(tiles, "tiles")

        return predict_box(network, density, self.box.cell_size, self.tiles, track, heads, slabs, keep)

    def _beside(self, slabs: Slabs) -> int:
        """Threads with which haloes are found while a simulation runs; 1 where it has to wait, for memory or ranks."""
        small = self.displacement.spacing > 1 and self.request.scratch is None
        return self.request.threads if small and slabs.ranks == 1 else 1

    def _simulated(self, header: FieldHeader, density: np.ndarray, slabs: Slabs, stop: Event) -> Particles | None:
        """Particles that haloes move with, or None where they move otherwise; collective."""
        if self.displacement.method != "particle_mesh":
            return None

        def track(steps: range) -> Iterator[int]:
            for step in steps:
                if stop.is_set():
                    raise InterruptedError("nobody waits for this simulation any more")
                yield step

        cosmology = self.box.cosmology
        return simulated_particles(header, density, cosmology, self.displacement, slabs.threads, slabs, track)

    def _provenance(self) -> dict[str, Any]:
        return self.box.provenance(self.made_by(self.tiles, self.displacement))

    def made_by(self, tiles: PredictionSettings, displacement: DisplacementSettings) -> dict[str, Any]:
        """Network, tiles, finder and displacement behind haloes, for their provenance."""
        from halonet.network.engines import arithmetic

        return {
            "network": {"name": self.folder.name, "weights": file_digest(self.folder / "model.weights.h5")},
            "prediction": tiles.model_dump() | {"arithmetic": arithmetic(tiles.precision, self.quantised)},
            "halo_finding": self.finder.settings.model_dump()
            | {"displacement": displacement.model_dump(), "in_force": self.finder.in_force},
        }


@lru_cache(maxsize=1)
def loaded(folder: Path) -> "TrainedNetwork":
    """A trained network, once for the mocks of a process."""
    from halonet.network import load_network

    return load_network(folder)
