"""Settings of cosmology and true haloes."""

from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from halonet.settings.base import Model, RoundedRedshift, SettingsError
from halonet.settings.paths import BoxFiles, Launcher

# Names under which codes give the sum of the neutrino masses (eV).
NEUTRINO_MASSES = ("m_nu", "mnu", "M_nu", "sum_m_nu", "neutrino_mass", "omega_nu", "Omega_nu")
EARLIEST_LOSS = -1 / 3  # of w0 + wa: dark energy that falls more slowly matters while structure begins to grow
COSMOLOGICAL_CONSTANT = {"w0": -1.0, "wa": 0.0}


class CosmologySettings(Model):
    """A flat universe of matter and dark energy, and the redshift of the output (HaloNet paper, section 3.1).

    Dark energy of w = w0 + wa (1 - a) (Chevallier & Polarski 2001; Linder 2003) is smooth. Written, a cosmology names
    w0 and wa only where they are not those of a cosmological constant.
    """

    option: ClassVar[str] = "--cosmology"
    h: float = Field(0.7, gt=0, lt=2)
    omega_b: float = Field(0.043, gt=0, lt=1)
    omega_cdm: float = Field(0.207, gt=0, lt=1)
    n_s: float = Field(0.96, gt=0, lt=2)
    sigma8: float = Field(0.8, gt=0, lt=3)
    redshift: RoundedRedshift = Field(0.0, ge=0, le=50)
    w0: float = Field(-1.0, ge=-2, lt=-1 / 3, description="equation of state of dark energy today")
    wa: float = Field(0.0, ge=-3, le=3, description="w = w0 + wa (1 - a); w0 + wa is at most -1/3")

    @property
    def omega_m(self) -> float:
        """Matter density today in units of the critical density."""
        return self.omega_b + self.omega_cdm

    @property
    def shape(self) -> float:
        """Shape parameter of the power spectrum, Omega_m h with what baryons take from it (Sugiyama 1995)."""
        return float(self.omega_m * self.h * np.exp(-self.omega_b * (1 + (2 * self.h) ** 0.5 / self.omega_m)))

    @property
    def has_constant(self) -> bool:
        """Whether dark energy is a cosmological constant."""
        return self.w0 == -1 and self.wa == 0

    @model_validator(mode="before")
    @classmethod
    def _has_no_massive_neutrinos(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        for name in NEUTRINO_MASSES:
            mass = values.get(name)
            massless = isinstance(mass, int | float) and not isinstance(mass, bool) and mass == 0
            if name in values and not massless:
                raise ValueError(
                    f"{name} = {mass!r}: massive neutrinos make growth depend on scale, while densities, "
                    "displacements, collapse and simulations here have one growth factor, and masses one matter "
                    "density; set it to 0. A spectrum of cold matter and baryons with them may replace CAMB's "
                    "(--power-spectrum; docs/how_to/own_cosmology.md)"
                )
        return {key: value for key, value in values.items() if key not in NEUTRINO_MASSES}

    @model_validator(mode="after")
    def _is_flat(self) -> Self:
        if self.omega_m >= 1:
            raise ValueError(f"omega_b + omega_cdm is {self.omega_m}; a flat universe needs less than 1")
        if self.w0 + self.wa > EARLIEST_LOSS:
            raise ValueError(
                f"w0 + wa is {self.w0 + self.wa:.6g}; at most -1/3 is possible: dark energy that matters early is not "
                "modelled, growth begins when there is matter alone"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_the_usual(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Files and digests of LambdaCDM are what they were before dark energy had keys."""
        values = written(self)
        return {key: value for key, value in values.items() if COSMOLOGICAL_CONSTANT.get(key) != value}


class FilterBankSettings(Model):
    """Top-hat radii on which density peaks are sought."""

    smallest_cells: float = Field(2.0, gt=0, description="radius of the smallest filter (cells)")
    ratio: float = Field(1.2, gt=1, description="of the radii of one filter and the next")
    largest_mpc: float = Field(34.0, gt=0, description="radius of the largest filter; at most half of the box")


class PeakPatchSettings(Model):
    """Peak Patch (Bond & Myers 1996; Stein, Alvarez & Bond 2018); defaults are those of the HaloNet catalogues.

    ``published`` search reproduces the logic behind the published catalogues, ``corrected`` the method as designed.
    """

    search: Literal["published", "corrected"] = Field("published", description="how radii are searched for")
    reduction: Literal["shared", "smaller"] = Field(
        "shared", description="who gives up the overlap of two spheres: both, each its cap, or the smaller one alone"
    )
    positions: Literal["first_order", "second_order"] = Field(
        "second_order",
        description="of displacements in the Eulerian positions and velocities; the published catalogues: first_order",
    )
    final_state_exclusion: float | None = Field(
        0.1868,
        gt=0,
        description="the smaller of two haloes closer than so much of the sum of their radii, in Eulerian space, goes; "
        "null: none. Fitted to first-order positions",
    )
    exclusion_positions: Literal["first_order", "second_order"] = Field(
        "second_order", description="Eulerian positions in which the final-state exclusion is applied"
    )
    filters: FilterBankSettings = FilterBankSettings()
    largest_sphere_cells: int = Field(31, ge=2, description="largest radius of a sphere that is measured (cells)")
    minimum_cells: float = Field(27.0, ge=0, description="haloes smaller than this volume (cells) are left out")
    collapse_table: Literal["published", "fine"] = Field(
        "published", description="arithmetic of the reference code, or the converged one"
    )


class StepsSettings(Model):
    """Times of a particle-mesh simulation; ``KEY`` names them in what a user is told."""

    KEY: ClassVar[str]
    steps: int = Field(ge=1, description="of the simulation, linear in the scale factor")
    start: float = Field(0.1, gt=0, lt=1, description="scale factor at which 2LPT hands over to the simulation")

    def check_snapshots(self, redshifts: list[float]) -> None:
        """Refuse snapshots at ``redshifts`` that steps from the start cannot reach."""
        for redshift in redshifts:
            if 1 / (1 + redshift) <= self.start:
                raise SettingsError(
                    f"{self.KEY}.start = {self.start}: a snapshot at redshift {redshift} (scale factor "
                    f"{1 / (1 + redshift):.4g}) is not after the start; start earlier, or leave it out"
                )
        if self.steps < (wanted := len(set(redshifts))):
            raise SettingsError(
                f"{self.KEY}.steps = {self.steps} cannot hit {wanted} snapshots; give at least as many steps"
            )


class NBodySettings(StepsSettings):
    """Particle-mesh simulation and its friends-of-friends haloes, traced back to the cells they came from."""

    KEY = "n_body"
    steps: int = Field(40, ge=5, description="of the simulation, linear in the scale factor")
    mesh: int = Field(2, ge=1, le=4, description="cells of the force mesh along a cell of the box")
    redshifts: list[Annotated[RoundedRedshift, Field(ge=0)]] = Field(
        [], description="of further snapshots, each a truth of its own; that of cosmology.redshift is always taken"
    )
    linking_length: float = Field(0.2, gt=0, le=0.5, description="of friends, in mean particle spacings")
    minimum_cells: int = Field(27, ge=2, description="haloes of fewer particles, which are as many cells, are left out")
    keep_particles: bool = Field(False, description="true: the particles of every snapshot are kept")
    threads: int = Field(1, ge=1, description="of each rank of a simulation; changes no result")
    checkpoint_minutes: float = Field(10.0, gt=0, description="between checkpoints of a simulation; changes no result")

    def snapshots(self, redshift: float) -> list[float]:
        """Redshifts of all snapshots: first that of the run, then the further ones."""
        return [redshift, *(further for further in self.redshifts if further != redshift)]

    @model_validator(mode="after")
    def _has_snapshots_of_their_own(self) -> Self:
        if len(set(self.redshifts)) < len(self.redshifts):
            raise ValueError(f"redshifts {self.redshifts} name a snapshot twice")
        return self


class TruthFilesSettings(Model):
    """A user's own truth: HDF5 files of each box, with ``{box}`` in place of its name (000, 001, ...).

    Paths are relative to the folder in which the workflow runs. Their layout is that of the project's own files.
    """

    density: BoxFiles = Field(description="linear density, extrapolated to cosmology.redshift")
    haloes: BoxFiles | None = Field(None, description="Lagrangian spheres; without a mask, their union is the mask")
    mask: BoxFiles | None = Field(None, description="1 where a cell ends in a halo; alone, it is no catalogue")
    outside_validity: bool = Field(False, description="warn, not refuse, where these files are not what haloes give")

    @model_validator(mode="after")
    def _tells_the_truth(self) -> Self:
        if self.haloes is None and self.mask is None:
            raise ValueError("neither haloes nor mask is given; the truth is at least one of them")
        return self


class GroundTruthSettings(Model):
    """Where true haloes come from.

    ``peak_patch`` and ``n_body`` (a simulation) find them from densities drawn here, ``files`` are a user's own.
    """

    source: Literal["peak_patch", "n_body", "files"] = "peak_patch"
    files: TruthFilesSettings | None = None
    ranks: int = Field(1, ge=1, description="MPI ranks of one box; changes no result")
    launcher: Launcher = Field(
        "mpiexec", description="what starts MPI ranks, like 'srun --mpi=pmi2'; changes no result"
    )
    peak_patch: PeakPatchSettings = PeakPatchSettings()
    n_body: NBodySettings = NBodySettings()

    @property
    def has_haloes(self) -> bool:
        """Whether the truth has a catalogue; a user's mask alone has none."""
        return self.files is None or self.files.haloes is not None

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if self.source == "files" and self.files is None:
            raise ValueError("source is 'files', but the key files is missing; it says where density, haloes, mask are")
        if self.source != "files" and self.files is not None:
            raise ValueError(f"files are given, but source is {self.source!r}; set source to 'files', or files to null")
        return self
