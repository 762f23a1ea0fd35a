"""A fitted model in a file, and haloes drawn from it in another box: what a mock needs, without the data of the fit.

The file is JSON: the engine's settings and constants, the side of a voxel, the range of masses, the redshift and
cosmology of the fit, and some samples of the posterior, one of which a draw takes at random.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from halonet.catalogue import HaloCatalogue
from halonet.checks.numbers import LENGTH, checked
from halonet.neural_bias.bias_fit import Problem, make_model
from halonet.neural_bias.catalogues import catalogue_of
from halonet.neural_bias.constants import Offsets
from halonet.neural_bias.draws import draw_from
from halonet.neural_bias.evolution import displacement, evolved_density, resample
from halonet.neural_bias.features import engine_features
from halonet.neural_bias.inputs import Haloes, Inputs
from halonet.settings import CosmologySettings, NeuralBiasSettings, validate
from halonet.storage import FieldHeader, StorageError, write_json

FORMAT = "halonet neural bias model 1"
SAMPLES = 64  # of the posterior in a file
SHIPPED = Path(__file__).with_name("n_body.json")  # of haloes of a simulation; docs/neural_bias.md
CELLS_APART = 0.01  # by which the side of a box may differ from a whole number of voxels
KEPT = {"lpt_order", "supersample", "density_floor", "engine", "minimum_mass_msun", "maximum_mass_msun"}


@dataclass(frozen=True)
class FittedBias:
    """A neural bias model that was fitted to a box.

    Attributes
    ----------
    settings
        Of the engine, the density that it sees and the masses.
    offsets
        Constants of the model.
    samples
        Of the posterior, shape (samples, parameters).
    voxel_mpc
        Side of a voxel.
    cosmology
        Of the fit, with its redshift.
    """

    settings: NeuralBiasSettings
    offsets: Offsets
    samples: np.ndarray
    voxel_mpc: float
    cosmology: CosmologySettings

    @classmethod
    def of(cls, problem: Problem, inputs: Inputs, samples: np.ndarray, cosmology: CosmologySettings) -> "FittedBias":
        """The model of a fit with evenly spread ones of its samples, shape (all of them, parameters)."""
        spread = samples[:: max(1, len(samples) // SAMPLES)][:SAMPLES]
        return cls(problem.settings, problem.model.known_offsets, spread, inputs.box_size / inputs.cells, cosmology)

    def draw(self, linear: np.ndarray, header: FieldHeader, rng: np.random.Generator) -> HaloCatalogue:
        """Haloes drawn on a linear density contrast of the model's redshift, shape (N, N, N).

        ``header`` knows the side of its box (Mpc), its cosmology and the catalogue's provenance. The density is cut in
        Fourier space to the voxels of the model.

        Raises
        ------
        StorageError
            If the side of the box is not a whole number of voxels, or has fewer cells than voxels.
        """
        box_size, cosmology = header.box_size_mpc, CosmologySettings(**header.known_cosmology())
        cells = self.cells_of(box_size)
        if len(linear) < cells:
            raise StorageError(
                f"a density of {len(linear)} cells along a side of {box_size:g} Mpc, in which the model sees {cells} "
                f"voxels of {self.voxel_mpc:g} Mpc; {cells} cells or more are needed"
            )
        coarse = resample(linear, cells).astype(np.float32)
        moved = displacement(coarse, box_size, cosmology, self.settings.lpt_order)
        density = evolved_density(moved, box_size, self.settings.supersample)
        lowest, highest = self.settings.minimum_mass_msun, self.settings.maximum_mass_msun
        none = Haloes(np.zeros((0, 3)), np.zeros(0))
        inputs = Inputs(density, none, box_size, lowest, highest, linear=coarse, moved=moved, header=header)
        model = make_model(self.settings.engine).with_offsets(self.offsets)
        features = tf.constant(engine_features(model, inputs, self.settings), tf.float64)
        theta = self.samples[rng.integers(len(self.samples))]
        volumes = np.full(cells**3, (box_size / cells) ** 3)
        drawn = draw_from(model, theta, features, volumes, rng, inputs.largest_log_mass)
        return catalogue_of(drawn, inputs, cosmology, rng, header.provenance)

    def cells_of(self, box_size: float) -> int:
        """Voxels along a side (Mpc)."""
        cells = round(box_size / self.voxel_mpc)
        if cells < 4 or abs(box_size / self.voxel_mpc - cells) > CELLS_APART * cells:
            raise StorageError(
                f"a box of {box_size:g} Mpc has {box_size / self.voxel_mpc:.2f} voxels of {self.voxel_mpc:g} Mpc along "
                f"a side, for which the model was fitted; {max(cells, 4) * self.voxel_mpc:g} Mpc would do"
            )
        return cells


def write_fitted(path: str | Path, fitted: FittedBias, provenance: dict) -> None:
    """Write a fitted model as JSON."""
    write_json(
        path,
        {
            "format": FORMAT,
            "settings": fitted.settings.model_dump(include=KEPT),
            "voxel_mpc": fitted.voxel_mpc,
            "cosmology": fitted.cosmology.model_dump(),
            "offsets": fitted.offsets.as_dict(),
            "samples": fitted.samples.tolist(),
            "provenance": provenance,
        },
    )


def read_fitted(path: str | Path = SHIPPED) -> FittedBias:
    """Read what :func:`write_fitted` wrote; StorageError says what is wrong with another file."""
    try:
        values = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: no fitted neural bias model ({error})") from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise StorageError(f"{path}: no fitted neural bias model; summarise_neural_bias.py writes one as model.json")
    try:
        settings = validate(NeuralBiasSettings, values["settings"], "settings")
        cosmology = validate(CosmologySettings, values["cosmology"], "cosmology")
        if unsaid := [name for name in cosmology.model_dump() if name not in values["cosmology"]]:
            raise ValueError(f"cosmology without {', '.join(unsaid)}")
        offsets, samples = Offsets.from_dict(values["offsets"]), np.array(values["samples"], float)
        fitted = FittedBias(
            settings, offsets, samples, float(checked("voxel_mpc", values["voxel_mpc"], LENGTH)), cosmology
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StorageError(f"{path}: a damaged neural bias model ({error})") from None
    model = make_model(settings.engine)
    shapes = tuple(np.shape(part) for part in (offsets.rows, offsets.feature_means))
    if shapes != (known := model.offset_shapes):
        raise StorageError(f"{path}: offsets of shapes {shapes} are of another model; its own have {known}")
    if samples.ndim != 2 or samples.shape[1] != model.parameters or not np.isfinite(samples).all():
        raise StorageError(
            f"{path}: samples of shape {samples.shape}; {model.parameters} finite numbers are one sample"
        )
    return fitted
