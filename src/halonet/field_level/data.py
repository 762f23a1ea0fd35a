"""What field-level inference is given: a halo catalogue on a grid, the linear power spectrum, and first phases.

The catalogue is all that constrains anything. Where the true density is known, as for a box of the pipeline or a mock,
it stands beside as ``truth`` and is used for comparison only.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf

from halonet.field_level.gravity import Gravity, make_gravity
from halonet.field_level.start import first_noise
from halonet.neural_bias.fit import Problem, make_problem
from halonet.neural_bias.inputs import Haloes, Inputs, read_inputs, write_inputs
from halonet.settings import CosmologySettings, FieldLevelSettings
from halonet.storage import FieldHeader, StorageError, atomic_path, open_hdf5


@dataclass(frozen=True)
class FieldData:
    """A field-level inference's data.

    Attributes
    ----------
    inputs
        Haloes; its density is that of reference phases, drawn around the filtered counts (:mod:`start`), to which the
        engine's constants and the coordinates of theta are fixed. It is no datum.
    k, power
        Linear power spectrum at z = 0: 1/Mpc and Mpc^3.
    cosmology
        Cosmology, with the redshift of the density.
    truth
        ``linear`` and ``density``, shape (N, N, N) each, where they are known; otherwise empty.
    """

    inputs: Inputs
    k: np.ndarray
    power: np.ndarray
    cosmology: CosmologySettings
    truth: dict[str, np.ndarray]

    def gravity(self, settings: FieldLevelSettings) -> Gravity:
        """Forward model of the settings."""
        if self.inputs.cells != settings.cells:
            raise StorageError(
                f"field_level.cells = {settings.cells}, but the data were prepared for {self.inputs.cells} cells"
            )
        return make_gravity(
            self.k,
            self.power,
            settings.cells,
            self.inputs.box_size,
            self.cosmology,
            settings.lpt_order,
            settings.supersample,
        )

    def problem(self, settings: FieldLevelSettings) -> Problem:
        """Engine and likelihood, their constants fixed to the reference density."""
        return make_problem(self.inputs, settings.engine_settings())


def make_data(
    haloes: Haloes,
    box_size: float,
    spectrum: tuple[np.ndarray, np.ndarray],
    cosmology: CosmologySettings,
    settings: FieldLevelSettings,
    seed: int,
    truth: dict[str, np.ndarray] | None = None,
    completeness: np.ndarray | None = None,
) -> FieldData:
    """Data of a catalogue, checked by :func:`halonet.neural_bias.inputs.check_haloes` before.

    Parameters
    ----------
    haloes
        Eulerian positions and masses, all within the settings' range.
    spectrum
        k (1/Mpc) and linear P (Mpc^3) at z = 0.
    seed
        Master seed, from which the reference phases are drawn.
    completeness
        Per voxel, in [0, 1], shape (N, N, N); None: complete.
    """
    empty = np.ones((settings.cells,) * 3)
    header = FieldHeader(box_size, cosmology.redshift, cosmology.model_dump())
    inputs = Inputs(
        empty,
        haloes,
        box_size,
        settings.minimum_mass_msun,
        settings.maximum_mass_msun,
        completeness,
        header=header,
    )
    data = FieldData(inputs, *spectrum, cosmology, truth or {})
    gravity = data.gravity(settings)
    noise = first_noise(gravity, inputs, settings.phases.bias, seed, "field level reference")
    density = gravity.density(tf.constant(noise, tf.float64)).numpy()
    return replace(data, inputs=replace(inputs, density=density))


def write_data(path: str | Path, data: FieldData, provenance: dict) -> None:
    """Write a field-level inference's data to one HDF5 file."""
    header = data.inputs.header or FieldHeader(
        data.inputs.box_size, data.cosmology.redshift, data.cosmology.model_dump()
    )
    header = replace(header, provenance=provenance)
    with atomic_path(path) as temporary:
        write_inputs(temporary, replace(data.inputs, header=header), provenance)
        with h5py.File(temporary, "a") as file:
            file["k_per_mpc"], file["power_mpc3"] = data.k, data.power
            for name, values in data.truth.items():
                file[f"truth/{name}"] = values.astype(np.float32)


def read_data(path: str | Path) -> FieldData:
    """Read what :func:`write_data` wrote."""
    inputs = read_inputs(path)
    with open_hdf5(path) as file:
        if missing := {"k_per_mpc", "power_mpc3"} - set(file):
            raise StorageError(
                f"{path}: datasets {', '.join(sorted(missing))} are missing; prepare_field_level.py writes them"
            )
        k, power = file["k_per_mpc"][()], file["power_mpc3"][()]
        truth = {name: values[()] for name, values in file["truth"].items()} if "truth" in file else {}
    if inputs.header is None or inputs.header.cosmology is None:
        raise StorageError(f"{path}: the root attribute cosmology is missing; prepare_field_level.py writes it")
    return FieldData(inputs, k, power, CosmologySettings(**inputs.header.cosmology), truth)
