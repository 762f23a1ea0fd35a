"""Put a trained network, what it is valid for, its halo finder and its evidence into one folder, and write its card.

    python workflow_scripts/ship_network.py networks/NAME                     # the card again, from what is there
    python workflow_scripts/ship_network.py networks/NAME --trained results/RUN/networks/NAME \\
        --density results/RUN/ground_truth/000/density.h5 --mask results/RUN/ground_truth/000/mask.h5 \\
        --thresholds results/RUN/haloes/NAME/thresholds.json --summary results/RUN/statistics/NAME/summary.json
"""

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from halonet import console
from halonet.checks.parser import NETWORK_PATH, READS, WRITES_FOLDER_PATH, Parser
from halonet.dataset.normalisation import declared_cosmology, read_normalisation, write_normalisation
from halonet.digests import DIGESTS, check_digest, note_digests
from halonet.halo_finding.finder import finder_of
from halonet.network.card import TRUTHS, evidence, write_card
from halonet.network.quantised import FILE as QUANTISED
from halonet.storage import StorageError, atomic_path, read_header, read_json, write_json, write_text

FILES = ("model.weights.h5", "settings.json", "normalisation.json", "provenance.json", "history.csv")
OPTIONAL = ("timing.csv", QUANTISED)  # of a trained network
EVIDENCE = ("thresholds.json", "measured.json", "mocks.json", "mocks.png", "mocks.pdf")
DIGESTED = ("model.weights.h5", "normalisation.json", "thresholds.json", QUANTISED)
NOT_SHIPPED = ("candidates",)  # of a calibration: every list of thresholds that was tried, most of the file


def main() -> None:
    """Copy what is given, and write the card."""
    parser = Parser(description=__doc__)
    parser.add_argument("folder", type=WRITES_FOLDER_PATH, help="folder of the shipped network")
    parser.add_argument("--trained", type=NETWORK_PATH, help="folder of the trained network, to copy")
    parser.add_argument(
        "--density", type=READS, help="density of a training box, whose cosmology and redshift the network is for"
    )
    parser.add_argument("--mask", type=READS, help="mask of a training box, which says whose haloes it has learnt")
    parser.add_argument("--thresholds", type=READS, help="calibrated for this network (calibrate_thresholds.py)")
    parser.add_argument("--summary", type=READS, help="statistics of its test boxes (summarise_statistics.py)")
    arguments = parser.parse_args()
    folder = arguments.folder
    changed = changed_files(arguments)
    held = read_json(folder / DIGESTS) if (folder / DIGESTS).is_file() else {}
    if held:  # until all is written, no digest stands for what is changing
        write_json(folder / DIGESTS, {name: digest for name, digest in held.items() if name not in changed})
    if arguments.trained:
        copy_network(arguments.trained, folder)
    if arguments.density or arguments.mask:
        declare_validity(folder, arguments.density, arguments.mask)
    if arguments.thresholds:
        finder_of(arguments.thresholds)  # refuses a file that says nothing of its finder
        record = read_json(arguments.thresholds)
        write_json(folder / "thresholds.json", {k: v for k, v in record.items() if k not in NOT_SHIPPED})
    if arguments.summary:
        write_json(folder / "measured.json", evidence(read_json(arguments.summary)))
    note_digests(folder, changed if held else DIGESTED)
    write_text(folder / "README.md", write_card(folder))


def changed_files(arguments: argparse.Namespace) -> list[str]:
    """Files with digests that this command writes: the others keep the digest they have."""
    _, normalisation, thresholds, _ = DIGESTED
    return [
        *(DIGESTED if arguments.trained else []),
        *([normalisation] if arguments.density or arguments.mask else []),
        *([thresholds] if arguments.thresholds else []),
    ]


def copy_network(trained: Path, folder: Path) -> None:
    """Copy the files of a trained network; what was measured of another network under this name goes."""
    if missing := [name for name in FILES if not (trained / name).is_file()]:
        raise StorageError(f"{trained}: {missing[0]} is missing; a trained network has {', '.join(FILES)}")
    for name in DIGESTED:
        check_digest(trained / name)
    for name in (*EVIDENCE, *OPTIONAL):
        (folder / name).unlink(missing_ok=True)
    for name in (*FILES, *(name for name in OPTIONAL if (trained / name).is_file())):
        with atomic_path(folder / name) as temporary:
            shutil.copyfile(trained / name, temporary)


def declare_validity(folder: Path, density: str | None, mask: str | None) -> None:
    """Write the cosmology of a training box, and whose haloes it has, into the normalisation of the network."""
    path = folder / "normalisation.json"
    normalisation = read_normalisation(path)
    if density and normalisation.region:
        raise StorageError(
            f"{path}: names a region of cosmologies, which one density cannot replace; leave --density out"
        )
    if density:
        cosmology = declared_cosmology(read_header(density))
        if cosmology is None:
            raise StorageError(f"{density}: the root attribute cosmology is missing; it says nothing of validity")
        normalisation = replace(normalisation, cosmology=cosmology)
    if mask:
        stage = read_header(mask).provenance.get("stage")
        if stage not in TRUTHS:
            raise StorageError(f"{mask}: its provenance has the stage {stage!r}; a truth is of {', '.join(TRUTHS)}")
        normalisation = replace(normalisation, truth=stage)
    write_normalisation(path, normalisation)


if __name__ == "__main__":
    console.run(main)
