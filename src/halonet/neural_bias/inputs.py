"""What the neural bias model is fitted to: an evolved density on the engine's grid and a halo catalogue.

Either comes from the pipeline (linear density of a box, its catalogue) or from a user: a field of his own and a table
of haloes as CSV or HDF5, whose units are declared, never guessed. Everything is checked here, once.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from halonet.catalogue import read_catalogue
from halonet.neural_bias.evolution import displacement, evolved_density, resample
from halonet.provenance import with_assumptions
from halonet.settings import CosmologySettings, NeuralBiasSettings
from halonet.storage import FieldHeader, StorageError, new_hdf5, open_hdf5, read_field, read_header, write_header
from halonet.tiles_of_universes import check_whole

TABLE_COLUMNS = ("x", "y", "z", "mass")
LENGTH_UNITS = ("Mpc", "Mpc/h")
MASS_UNITS = ("Msun", "Msun/h")
LARGEST_MASS = 1e17  # solar masses; anything beyond is a unit mistaken


@dataclass(frozen=True)
class Haloes:
    """Eulerian positions (Mpc), shape (haloes, 3), and masses (solar masses), shape (haloes,)."""

    positions: np.ndarray
    mass: np.ndarray

    def __len__(self) -> int:
        return len(self.mass)


@dataclass(frozen=True)
class Inputs:
    """A fit's data.

    Attributes
    ----------
    density
        Evolved density in units of its mean, shape (N, N, N).
    haloes
        All of at least ``minimum_mass`` (solar masses), in voxels of positive completeness.
    completeness
        Fraction of haloes that the catalogue holds, per voxel, in [0, 1]; 0 masks a voxel. None: complete.
    linear, moved
        Linear density, and displacement (Mpc) of shape (3, N, N, N); None for a user's evolved field.
    """

    density: np.ndarray
    haloes: Haloes
    box_size: float
    minimum_mass: float
    maximum_mass: float | None = None
    completeness: np.ndarray | None = None
    linear: np.ndarray | None = None
    moved: np.ndarray | None = None
    header: FieldHeader | None = field(default=None, repr=False)

    @property
    def cells(self) -> int:
        """Cells along a side."""
        return self.density.shape[0]

    @property
    def log_mass(self) -> np.ndarray:
        """u = ln(mass / threshold) of the haloes."""
        return np.log(self.haloes.mass / self.minimum_mass)

    @property
    def largest_log_mass(self) -> float | None:
        """u of the largest mass, if there is one."""
        return None if self.maximum_mass is None else float(np.log(self.maximum_mass / self.minimum_mass))


def check_haloes(
    haloes: Haloes, box_size: float, minimum_mass: float, maximum_mass: float | None, source: str, drop: bool = False
) -> Haloes:
    """Haloes fit for the likelihood, or an error that says what is wrong with them.

    Parameters
    ----------
    drop
        Leave out haloes outside the range of masses instead of refusing them.
    """
    positions, mass = haloes.positions, haloes.mass
    if not len(haloes):
        raise StorageError(f"{source}: there are no haloes")
    for name, values in (("mass", mass[:, None]), ("position", positions)):
        if bad := int((~np.isfinite(values).all(axis=1)).sum()):
            raise StorageError(f"{source}: {bad} of {len(mass)} haloes have a {name} that is not a finite number")
    outside = ((positions < 0) | (positions >= box_size)).any(axis=1)
    if outside.any():
        first = positions[outside.argmax()]
        raise StorageError(
            f"{source}: {outside.sum()} of {len(mass)} haloes lie outside the box [0, {box_size}) Mpc, the first at "
            f"{first}; check the unit of length, or wrap the positions into the box"
        )
    if mass.min() <= 0 or mass.max() > LARGEST_MASS:
        raise StorageError(
            f"{source}: masses range from {mass.min():.3g} to {mass.max():.3g} Msun; masses above 0 and below "
            f"{LARGEST_MASS:.0e} are possible: check the unit, and that they are no logarithms"
        )
    wanted = mass >= minimum_mass
    if maximum_mass is not None:
        wanted &= mass < maximum_mass
    if not wanted.any():
        raise StorageError(f"{source}: none of {len(mass)} haloes reaches minimum_mass_msun = {minimum_mass:.4g}")
    if not wanted.all() and not drop:
        raise StorageError(
            f"{source}: {(~wanted).sum()} of {len(mass)} haloes lie outside the range of masses, which starts at "
            f"minimum_mass_msun = {minimum_mass:.4g}; change it, or allow them to be left out"
        )
    return Haloes(positions[wanted], mass[wanted])


def read_table(path: str | Path, length_unit: str, mass_unit: str, h: float) -> Haloes:
    """Read a user's haloes: columns x, y, z, mass of a CSV, or datasets of these names (or in ``haloes``) of HDF5.

    Parameters
    ----------
    length_unit, mass_unit
        ``Mpc`` or ``Mpc/h``, ``Msun`` or ``Msun/h``; positions are comoving.
    h
        Hubble constant in 100 km/s/Mpc, by which units with h are converted.
    """
    for unit, known in ((length_unit, LENGTH_UNITS), (mass_unit, MASS_UNITS)):
        if unit not in known:
            raise StorageError(f"{path}: unit {unit!r} is none of {', '.join(known)}")
    if Path(path).suffix.lower() in (".h5", ".hdf5"):
        with open_hdf5(path) as file:
            group = file.get("haloes", file)
            columns = {name: group[name][()] for name in TABLE_COLUMNS if name in group}
    else:
        try:
            table = pd.read_csv(path, comment="#")
        except (OSError, ValueError) as error:
            raise StorageError(f"{path}: cannot be read as CSV ({error})") from None
        columns = {name: table[name].to_numpy() for name in TABLE_COLUMNS if name in table}
    if missing := set(TABLE_COLUMNS) - set(columns):
        raise StorageError(f"{path}: columns {', '.join(sorted(missing))} are missing; x, y, z and mass are needed")
    if any(values.dtype.kind not in "iuf" for values in columns.values()):
        raise StorageError(f"{path}: x, y, z and mass must be numbers")
    length, mass = (1 / h if unit.endswith("/h") else 1.0 for unit in (length_unit, mass_unit))
    positions = np.stack([columns[name] for name in ("x", "y", "z")], axis=1).astype(float) * length
    return Haloes(positions, columns["mass"].astype(float) * mass)


def read_pipeline_haloes(path: str | Path) -> Haloes:
    """Eulerian positions and masses of a catalogue of this project."""
    catalogue = read_catalogue(path)
    check_whole(catalogue, str(path))
    if not {"x", "y", "z"} <= set(catalogue.columns):
        raise StorageError(f"{path}: the Eulerian columns x, y, z are missing; the neural bias model needs them")
    positions = catalogue.positions(("x", "y", "z"))
    # float32 positions just below the far side may round to it.
    return Haloes(np.where(positions >= catalogue.box_size_mpc, 0.0, positions), catalogue["mass"].astype(float))


def evolve(path: str | Path, settings: NeuralBiasSettings, cosmology: CosmologySettings) -> dict:
    """Linear density of a box's file, on the engine's grid, and its evolution: ``linear``, ``moved``, ``density``."""
    header = read_header(path)
    linear = resample(read_field(path, "density"), settings.cells).astype(np.float32)
    moved = displacement(linear, header.box_size_mpc, cosmology, settings.lpt_order)
    density = evolved_density(moved, header.box_size_mpc, settings.supersample)
    return {"linear": linear, "moved": moved, "density": density, "box_size": header.box_size_mpc, "header": header}


def read_evolved(path: str | Path, settings: NeuralBiasSettings) -> dict:
    """A user's evolved density contrast on the engine's grid, dataset ``density``."""
    header, contrast = read_header(path), read_field(path, "density")
    if len(contrast) != settings.cells:
        raise StorageError(f"{path}: {len(contrast)} cells along a side, but neural_bias.cells is {settings.cells}")
    if contrast.min() < -1:
        raise StorageError(
            f"{path}: a density contrast of {contrast.min():.3g}; an evolved density is nowhere below -1"
        )
    return {"density": contrast + 1.0, "box_size": header.box_size_mpc, "header": header}


def write_inputs(path: str | Path, inputs: Inputs, settings: dict) -> None:
    """Write a fit's data to one HDF5 file."""
    with new_hdf5(path) as file:
        for name in ("density", "linear", "moved", "completeness"):
            values = getattr(inputs, name)
            if values is not None:
                file.create_dataset(name, data=values.astype(np.float32))
        # Files have said "places" from the first on.
        file["places"], file["mass"] = inputs.haloes.positions, inputs.haloes.mass
        file["places"].attrs["unit"], file["mass"].attrs["unit"] = "Mpc", "Msun"
        header = inputs.header or FieldHeader(inputs.box_size, provenance=settings)
        write_header(file, replace(header, provenance=with_assumptions(header.provenance)))
        file.attrs["minimum_mass_msun"] = inputs.minimum_mass
        if inputs.maximum_mass is not None:
            file.attrs["maximum_mass_msun"] = inputs.maximum_mass


def read_inputs(path: str | Path) -> Inputs:
    """Read what :func:`write_inputs` wrote."""
    header = read_header(path)
    with open_hdf5(path) as file:
        if missing := {"density", "places", "mass"} - set(file):
            raise StorageError(f"{path}: datasets {', '.join(sorted(missing))} are missing from a fit's data")
        fields = {name: file[name][()] for name in ("density", "linear", "moved", "completeness") if name in file}
        haloes = Haloes(file["places"][()], file["mass"][()])
        lowest, highest = file.attrs["minimum_mass_msun"], file.attrs.get("maximum_mass_msun")
    return Inputs(
        haloes=haloes,
        box_size=header.box_size_mpc,
        minimum_mass=float(lowest),
        maximum_mass=None if highest is None else float(highest),
        header=header,
        **fields,
    )
