"""A light cone by a network that knows many amplitudes: each cell has grown to the redshift at which it is seen."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from halonet import console
from halonet.columns import LAGRANGIAN
from halonet.cosmology import mean_matter_density
from halonet.grid.scratch import zeros
from halonet.grid.slabs import Slabs
from halonet.head_fields import SHAPES
from halonet.initial_conditions.displacement import (
    first_order_displacement,
    second_order_displacement,
    second_order_source,
)
from halonet.light_cones.growing_images import GrowingImages
from halonet.light_cones.request import LightConeRequest
from halonet.mocks.box import MockBox
from halonet.mocks.by_network import NetworkMock, loaded
from halonet.mocks.tiles import tiles_for
from halonet.mpi import Communicator
from halonet.network.validity import check_validity
from halonet.peak_patch.images import Images
from halonet.peak_patch.steps import today
from halonet.settings import DisplacementSettings, PredictionSettings, SettingsError
from halonet.sky.catalogue import LightConeCatalogue
from halonet.sky.crossing import cross, light_cone_columns, seen_columns, velocities_of
from halonet.sky.epochs import Epochs
from halonet.spheres import mean_within

CONTEXT = (40, 72)  # cells around an image in which its haloes are searched with their neighbours: at least, at most
BEYOND_FIRST_ORDER = 1.2  # how much farther a halo moves than the largest displacement of first order, at most


@dataclass(frozen=True)
class NetworkLightCone:
    """A light cone by the network that ``request`` names, one image of the box after the other.

    Attributes
    ----------
    request
        What is asked for.
    """

    request: LightConeRequest

    @cached_property
    def mock(self) -> NetworkMock:
        """The box that is repeated, its network and finder."""
        return NetworkMock(self.request.box)

    @property
    def box(self) -> MockBox:
        """Header, cosmology and density of the box that is repeated."""
        return self.mock.box

    @cached_property
    def tiles(self) -> tuple[int, PredictionSettings]:
        """Cells around an image, and tiles that cover the image with them."""
        multiple, precision = 2**self.mock.settings.levels, self.request.box.precision
        for pad in range(*CONTEXT):
            try:
                return pad, tiles_for(self.box.cells + 2 * pad, multiple, precision)
            except SettingsError:
                continue
        raise SettingsError(f"cells = {self.box.cells}: no tiles cover a box with {CONTEXT[0]} cells around it")

    def check(self) -> None:
        """Refuse what cannot be made."""
        box, request = self.box, self.request.box
        if self.mock.settings.channels.simulation:
            raise SettingsError(
                f"the network {self.mock.folder.name} sees a simulation that ends at one redshift; a light cone "
                "needs a network without channels.simulation, like cosmologies"
            )
        for redshift in self.request.settings.redshift_range:
            cosmology = box.cosmology.model_copy(update={"redshift": redshift})
            name = self.mock.folder.name
            check_validity(self.mock.normalisation, cosmology, box.cell_size, name, request.outside_validity)
        _ = self.tiles

    def make(self, communicator: Communicator | None = None) -> LightConeCatalogue:
        """The catalogue; one process makes it, with threads."""
        if communicator is not None and communicator.size > 1:
            raise SettingsError(f"{communicator.size} MPI ranks; one process makes a light cone by a network")
        self.check()
        box, slabs = self.box, Slabs(self.box.cells, threads=self.request.box.threads)
        with console.step(f"density of {box.cells}^3 cells"):
            density = box.density_slab(slabs)
        box.keep(box.header, slabs, density=density)
        density, epochs = today(density, box.cosmology), self.request.epochs(box)
        with console.step("displacements"):
            moves = displacements(density, slabs, box.cell_size)
        images = self._images(epochs, moves[0])
        with console.step(f"haloes of {len(images.offsets)} images"):
            lattice, radii, cells = self._haloes(density, images, epochs, slabs)
        columns = self._columns(lattice, radii, cells, moves, images, epochs)
        notes = {"method": "network", "grid_cells": box.cells, "minimum_cells": self.mock.finder.settings.minimum_cells}
        header = self.request.header(box, self.mock.made_by(self.tiles[1], DisplacementSettings()))
        return LightConeCatalogue(columns, header, self.request.settings, notes).nearest_first()

    def _images(self, epochs: Epochs, first: list[np.ndarray]) -> Images:
        """Images of the box whose haloes may be seen: those that reach the region, or may move into it."""
        request, box = self.request, self.box
        region = request.region(epochs)
        farthest = max(float(np.abs(component).max()) for component in first) * 3**0.5
        earliest = float(epochs.growth(np.array([request.settings.redshift_range[0]]))[0])
        margin = request.settings.margin_mpc or BEYOND_FIRST_ORDER * earliest * farthest
        return Images(box.cells, box.cell_size, request.observer(box.header.box_size_mpc), region, margin)

    def _haloes(
        self, density: np.ndarray, images: Images, epochs: Epochs, slabs: Slabs
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Centres on the lattice of all boxes (cells), radii and volumes (cells) of the haloes of all images."""
        from halonet.dataset.channels import whole_box_channels
        from halonet.network.devices import prepare_devices_once
        from halonet.network.prediction import tile_predictor

        request, finder, (pad, tiles) = self.request.box, self.mock.finder, self.tiles
        prepare_devices_once(request.threads, request.gpus)
        network, wanted = loaded(self.mock.folder), self.mock.settings.channels
        beside = whole_box_channels(density, wanted, request.threads, slabs) if wanted.count else None
        channels = () if beside is None else tuple(np.moveaxis(beside, -1, 0))
        predict = tile_predictor(network, tiles, request.threads, finder.heads)
        beyond = CONTEXT[0] * images.cell_size
        growing, cells = GrowingImages(images, epochs, (density, *channels), beyond), images.cells + 2 * pad
        parts = []
        for offset in console.progress(list(images.offsets), "images"):
            heads = {name: zeros((cells,) * 3 + SHAPES[name], np.float16) for name in finder.heads}
            probability = growing.predict(predict, offset, pad, tiles, heads)
            found = finder.find(probability, heads, slabs=Slabs(cells, threads=request.threads))
            centres = found.positions - pad
            own = ((centres >= 0) & (centres < images.cells)).all(axis=1)
            own &= found.cells >= finder.settings.minimum_cells
            parts.append((centres[own] + images.cells * offset, found.radii[own], found.cells[own]))
        centres, radii, volumes = (np.concatenate(values) for values in zip(*parts, strict=True))
        return centres, radii, volumes

    def _columns(
        self,
        lattice: np.ndarray,
        radii: np.ndarray,
        cells: np.ndarray,
        moves: tuple[list[np.ndarray], list[np.ndarray]],
        images: Images,
        epochs: Epochs,
    ) -> dict[str, np.ndarray]:
        """Columns of the haloes that cross the light cone within the region."""
        size = images.cell_size
        lagrangian = lattice * size - images.observer
        centres = np.floor(lattice).astype(np.int64) % images.cells
        first, second = (
            np.stack([mean_within(field, centres, radii + 1e-4) for field in fields], axis=1) for fields in moves
        )
        seen, redshifts = cross(lagrangian, first, second, epochs)
        kept = np.flatnonzero(images.region.holds(seen))
        velocities = velocities_of(first[kept], second[kept], redshifts[kept], epochs)
        columns = {
            "radius": radii[kept] * size,
            "mass": mean_matter_density(epochs.cosmology) * cells[kept] * size**3,
            "cells": cells[kept],
            **dict(zip(LAGRANGIAN, lagrangian[kept].T, strict=True)),
            **seen_columns(seen[kept], velocities, redshifts[kept]),
        }
        return light_cone_columns(columns)


def displacements(density: np.ndarray, slabs: Slabs, cell_size: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Displacement of first order and the raw one of second order (Mpc), each three fields, of a density of today."""
    modes = slabs.forward(density)
    source = slabs.forward(second_order_source(modes, slabs))
    first = [first_order_displacement(modes, slabs, cell_size, axis) for axis in range(3)]
    return first, [second_order_displacement(source, slabs, cell_size, axis) for axis in range(3)]
