"""The box that follows from what a user asks of a mock: header, cosmology, power spectrum, density."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.checks.assumptions import assume
from halonet.cosmology import declared, say_replaced
from halonet.dataset.normalisation import declared_cosmology
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import linear_density, linear_density_of
from halonet.initial_conditions.noise import derived_seed, white_noise
from halonet.initial_conditions.phases import Phases, open_phases
from halonet.initial_conditions.universe import Universe
from halonet.mocks.expected_number import check_count, check_haloes
from halonet.mocks.request import DEFAULT_CELLS, MockRequest
from halonet.mocks.spectrum import camb_spectrum, is_cambs
from halonet.plausibility.density import check_against_spectrum, check_density, moments
from halonet.plausibility.spectrum import read_checked_spectrum
from halonet.provenance import file_digest, provenance
from halonet.settings import CosmologySettings, SettingsError, validate
from halonet.storage import FieldHeader, field_cells, read_field, read_header, write_field

CELL_SIZE = 1.0  # Mpc, of the paper
SAME_REDSHIFT = 1e-6
SAME_CELLS = 0.01
SAME_SIZE = 1e-6


def _shown(cosmology: CosmologySettings) -> str:
    return ", ".join(f"{name} = {value}" for name, value in cosmology.model_dump().items())


@dataclass(frozen=True)
class MockBox:
    """The box of a mock.

    Attributes
    ----------
    request
        What was asked for.
    known
        Cosmology where neither the request nor the density says one; by default the paper's.
    known_cell_size
        Side of a cell (Mpc) where the request does not say how large the box is; by default the paper's.
    known_deviation
        Standard deviation that the density of a user's own must have; None where the spectrum says it.
    """

    request: MockRequest
    known: CosmologySettings = field(default_factory=CosmologySettings)
    known_cell_size: float = CELL_SIZE
    known_deviation: float | None = None

    @cached_property
    def header(self) -> FieldHeader:
        """Box, cosmology and seed, without provenance."""
        request = self.request
        held = read_header(request.density) if request.density else None
        cosmology, said = self.known, declared_cosmology(held) if held else None
        if request.cosmology is not None:
            cosmology = request.cosmology
            say_replaced(said, cosmology, str(request.density))
        elif said is not None:
            cosmology = declared(said, str(request.density))
        elif held and held.redshift is not None:
            values = self.known.model_dump() | {"redshift": held.redshift}
            cosmology = validate(CosmologySettings, values, str(request.density))
        if held and held.redshift is not None and abs(held.redshift - cosmology.redshift) > SAME_REDSHIFT:
            raise SettingsError(
                f"{request.density}: redshift = {held.redshift:g}, but --cosmology says {cosmology.redshift:g}; the "
                "density is extrapolated to one of them: give that redshift in both"
            )
        if held:
            asked = request.box_size_mpc
            if asked is not None and abs(asked / held.box_size_mpc - 1) > SAME_SIZE:
                raise SettingsError(
                    f"box size = {asked:g} Mpc, but {request.density} has {held.box_size_mpc:g} Mpc; leave it out"
                )
            if request.cosmology is None and said is None:
                assume(f"{request.density}: names no cosmology; that of the method is taken, {_shown(cosmology)}")
            return replace(held, cosmology=cosmology.model_dump(), redshift=cosmology.redshift)
        box_size = request.box_size_mpc or self.cells * self.known_cell_size
        seed = None if request.seed is None else derived_seed(request.seed, "mock")
        if request.universe is not None:
            seed = derived_seed(request.universe, "universe")
        return FieldHeader(box_size, cosmology.redshift, cosmology.model_dump(), seed)

    @cached_property
    def cosmology(self) -> CosmologySettings:
        """Cosmology of the box, with its redshift."""
        return CosmologySettings(**self.header.known_cosmology())

    @cached_property
    def cells(self) -> int:
        """Cells along a side; what is asked for must be what a file has."""
        density, phases, asked = self.request.density, self.phases, self.request.cells
        if density:
            held, source = field_cells(density, "density"), str(density)
        elif phases is not None:
            held, source = phases.cells, phases.source
        else:
            return asked or DEFAULT_CELLS
        if asked not in (None, held):
            raise SettingsError(f"cells = {asked}, but {source} has {held} along a side; leave cells out")
        return held

    @cached_property
    def phases(self) -> Phases | None:
        """White noise of another generator, where there is one."""
        return None if self.request.phases is None else open_phases(self.request.phases)

    @property
    def cell_size(self) -> float:
        """Side of a cell (Mpc)."""
        return self.header.box_size_mpc / self.cells

    @cached_property
    def power_spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """Linear power spectrum at z = 0: k (1/Mpc) and P (Mpc^3), shape (wavenumbers,); by default CAMB's."""
        if self.request.power_spectrum:
            return read_checked_spectrum(self.request.power_spectrum, self.cosmology, self.request.outside_validity)
        return camb_spectrum(self.cosmology.model_copy(update={"redshift": 0.0}))

    def universe(self) -> Universe:
        """The universe that a tile is made of; a request for one."""
        assert self.header.seed is not None
        k, power = self.power_spectrum
        return Universe(self.header.seed, self.cells, self.cell_size, k, power, self.request.threads)

    def density_slab(self, slabs: Slabs) -> np.ndarray:
        """This rank's planes of the linear density, float32 of shape (N / ranks, N, N); collective."""
        if self.request.universe is not None:
            raise SettingsError("universe: only the method peak_patch makes its tiles; give a seed for a box")
        if self.request.density:
            density = read_field(self.request.density, "density", slabs.start, slabs.stop)
            self._check(density, slabs)
            return density
        side, sign = self.header.box_size_mpc, -1 if self.request.flip_phases else 1
        if self.phases is None and sign > 0 and "phases" not in self.request.keep:
            assert self.header.seed is not None  # where there is neither density nor phases
            return linear_density(slabs, self.header.seed, side, *self.power_spectrum, self.cosmology)
        noise, source = self._noise(slabs, sign), self.phases.source if self.phases else "noise of the seed"
        if "phases" in self.request.keep:
            self.keep(replace(self.header, provenance=self.provenance({})), slabs, phases=noise)
        go_on = self.request.outside_validity
        return linear_density_of(slabs, noise, side, *self.power_spectrum, self.cosmology, source, go_on)

    def _noise(self, slabs: Slabs, sign: int) -> np.ndarray:
        """This rank's planes of the white noise, float32 of shape (N / ranks, N, N)."""
        if self.phases is not None:
            return self.phases.planes_of(slabs, sign)
        assert self.header.seed is not None
        return sign * white_noise(slabs, self.header.seed)

    def provenance(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Provenance of the mock: nothing in it differs between two runs of the same command."""
        seed, density = self.request.seed, self.request.density
        record = provenance("mock", settings, self.request.universe if seed is None else seed)
        if self.phases is not None:
            record["phases"] = {"source": Path(self.phases.source).name, "digest": self.phases.digest()}
        if self.request.flip_phases:
            record["flip_phases"] = True
        if self.request.power_spectrum and not is_cambs(self.power_spectrum, self.cosmology):
            record["power_spectrum"] = file_digest(self.request.power_spectrum)
        return record | ({"density": read_header(density).provenance} if density else {})

    def _check(self, density: np.ndarray, slabs: Slabs) -> None:
        """Refuse a density that is no linear overdensity at the redshift of the box; collective."""
        source, go_on = str(self.request.density), self.request.outside_validity
        if self.known_deviation is None or abs(self.cell_size / self.known_cell_size - 1) > SAME_CELLS:
            check_against_spectrum(density, slabs, self.header.box_size_mpc, self.cosmology, source, go_on)
        else:
            check_density(moments(density, slabs), self.known_deviation, source, slabs.cells, True, go_on)

    def check_haloes(self, haloes: HaloCatalogue, minimum_cells: float, whose: str) -> None:
        """Refuse a number of haloes that the mass function does not give; ``minimum_cells`` is their least volume."""
        check_haloes(haloes, minimum_cells, self.cosmology, whose, self.request.outside_validity)

    def check_number(self, found: int, cells: float, what: str) -> None:
        """Refuse a number of haloes of at least so many ``cells`` that the mass function does not give."""
        box = (self.cell_size, self.header.box_size_mpc)
        check_count(found, cells, box, self.cosmology, what, self.request.outside_validity)

    def keep(self, header: FieldHeader, slabs: Slabs | None = None, **fields: np.ndarray) -> None:
        """Write those of the named fields that the request keeps; collective where ``slabs`` are given."""
        for name, values in fields.items():
            if path := self.request.keep.get(name):
                write_field(path, name, values, header, slabs)
