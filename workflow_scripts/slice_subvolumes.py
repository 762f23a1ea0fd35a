"""Cut boxes into sub-volumes, split them into training and validation, and measure the normalisation of the density."""

import logging

from halonet import console
from halonet.checks.numbers import INDEX, SEED
from halonet.checks.parser import BOXES, SETTINGS, WRITES, Parser
from halonet.dataset.manifest import cut_boxes, subvolumes, write_manifest
from halonet.dataset.normalisation import measure, write_normalisation
from halonet.settings import DatasetSettings, stage_settings


def main() -> None:
    """Parse the command line, cut the boxes and write manifest and normalisation."""
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--ground-truth", type=BOXES, required=True, help="folder that holds <box>/density.h5, like 000/density.h5"
    )
    parser.add_argument("--training", type=INDEX, nargs="+", required=True, help="indices of the training boxes")
    parser.add_argument("--validation", type=INDEX, nargs="*", default=[], help="indices of the validation boxes")
    parser.add_argument("--settings", type=SETTINGS, help="dataset settings as JSON; default: the paper's")
    parser.add_argument("--seed", type=SEED, default=0, help="decides the split by sub-volume")
    parser.add_argument("--manifest", type=WRITES, required=True, help="CSV to write: box, i, j, k, split, cells")
    parser.add_argument("--normalisation", type=WRITES, required=True, help="JSON to write")
    arguments = parser.parse_args()

    settings = stage_settings(DatasetSettings, arguments.settings)
    boxes = sorted({*arguments.training, *arguments.validation})
    averaged = boxes if settings.split_by == "subvolume" else arguments.training
    normalisation, cells = measure(arguments.ground_truth, console.progress(boxes, "normalisation"), averaged)
    manifest = cut_boxes(arguments.training, arguments.validation, cells, settings, arguments.seed)
    write_normalisation(arguments.normalisation, normalisation)
    write_manifest(arguments.manifest, manifest)
    counts = {split: len(subvolumes(manifest, split)) for split in ("training", "validation")}
    logging.getLogger("halonet").info("%s: %s", arguments.manifest, counts)


if __name__ == "__main__":
    console.run(main)
