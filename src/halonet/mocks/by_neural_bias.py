"""A mock drawn from a fitted neural bias model: density -> 2LPT on its voxels -> haloes of every environment.

No haloes are found, which makes it the cheapest of the methods. It knows the boxes, masses and voxels of its fit.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from halonet import console
from halonet.catalogue import HaloCatalogue
from halonet.checks.assumptions import assume
from halonet.checks.parser import OVERRIDE
from halonet.cosmology import mean_matter_density
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.noise import generator
from halonet.mocks.box import MockBox
from halonet.mocks.request import MockRequest
from halonet.mpi import Communicator
from halonet.neural_bias.fitted import SHIPPED, FittedBias, read_fitted
from halonet.provenance import file_digest
from halonet.settings import SettingsError

SAME = 1e-3  # to which redshift and cosmology are those of the fit


@dataclass(frozen=True)
class NeuralBiasMock:
    """A mock drawn from the fitted model in a file (``model.json`` of a run), as ``request`` says.

    Without a file it is drawn from the model that is shipped.
    """

    request: MockRequest
    model: str | Path | None = None

    @property
    def file(self) -> str | Path:
        """The model's file."""
        return SHIPPED if self.model is None else self.model

    @cached_property
    def fitted(self) -> FittedBias:
        """The model."""
        return read_fitted(self.file)

    @cached_property
    def box(self) -> MockBox:
        """The box; by default of the cosmology and the voxels of the fit."""
        return MockBox(self.request, self.fitted.cosmology, self.fitted.voxel_mpc)

    def make(self, communicator: Communicator | None = None) -> HaloCatalogue:
        """The catalogue; a single process makes it."""
        if communicator is not None and communicator.size > 1:
            raise SettingsError(f"{communicator.size} MPI ranks; haloes are drawn by one process, with threads")
        box = self.box
        self.fitted.cells_of(box.header.box_size_mpc)
        self._check_validity()
        slabs = Slabs(box.cells, None, self.request.threads)
        with console.step(f"density of {box.cells}^3 cells"):
            density = box.density_slab(slabs)
        header = replace(box.header, provenance=box.provenance({"neural_bias": {"model": file_digest(self.file)}}))
        box.keep(header, slabs, density=density)
        # A density or phases of a user's own have no seed: the same file, the same draw.
        rng = generator(self.request.seed or 0, "neural bias mock")
        with console.step("haloes"):
            haloes = self.fitted.draw(density, header, rng)
        self._check_number(len(haloes))
        return haloes

    def _check_number(self, found: int) -> None:
        """Refuse a number of haloes that the mass function does not give."""
        box, least = self.box, self.fitted.settings.minimum_mass_msun
        cells = least / (mean_matter_density(box.cosmology) * box.cell_size**3)
        box.check_number(found, cells, f"{self.file}: haloes above {least:.3g} Msun")

    def _check_validity(self) -> None:
        """Refuse another redshift or cosmology than that of the fit, unless they are asked for."""
        mine, known = self.box.cosmology.model_dump(), self.fitted.cosmology.model_dump()
        other = [name for name in known if abs(mine[name] - known[name]) > SAME]
        if not other:
            return
        values = ", ".join(f"{name} = {mine[name]:g} (fit: {known[name]:g})" for name in other)
        text = f"{self.file}: fitted for another redshift or cosmology: {values}"
        if not self.request.outside_validity:
            raise SettingsError(f"{text}; {OVERRIDE} draws all the same")
        assume(text)
