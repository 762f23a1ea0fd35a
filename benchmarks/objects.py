"""What heads and votes gain: the networks of ``profiles/objects`` and ``profiles/heads``, object by object.

    snakemake --profile profiles/objects
    snakemake --profile profiles/heads
    python benchmarks/objects.py

rewrites the tables of ``docs/objects.md``: all networks by both finders, and what limits the votes of the first (true
offsets and radii with the predicted mask, and the reverse).
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from network_costs import ROOT, markdown, rewrite

from halonet import console
from halonet.catalogue import read_catalogue
from halonet.dataset.targets import find_membership
from halonet.halo_finding.haloes import to_catalogue
from halonet.halo_finding.inputs import cosmology_of, read_probability
from halonet.halo_finding.votes.fields import HeadFields, read_fields
from halonet.halo_finding.votes.search import find_by_votes
from halonet.matching import completeness_and_purity, match_haloes
from halonet.network.flops import flops_per_voxel, training_flops, unallocated_network
from halonet.settings import NetworkSettings, VoteSettings, validate
from halonet.storage import read_field, read_json

PAGE = ROOT / "docs" / "objects.md"
CATALOGUES = ("<!-- catalogues: made by benchmarks/objects.py -->", "<!-- end of catalogues -->")
LIMITS = ("<!-- limits: made by benchmarks/objects.py -->", "<!-- end of limits -->")
LIMITED = 2  # boxes that are enough to show what limits the votes
CUTS = (100, 300, 1000, 3000, 10000)  # cells
QUALITY = (
    "completeness, purity", "above 1000 cells", f"haloes above {', '.join(map(str, CUTS))} cells, over truth",
    "ln radius of pairs: bias, scatter", "distance of their centres (true radii)",
)  # fmt: skip
NONE = "-"
HEADER = ("network", "finder", "FLOP", "Dice", "offset error (radii)", "radius error (%)", *QUALITY)


def compare(pairs):
    """Cells of a table: found against true catalogues of several boxes, matched one to one."""
    fractions, above, ratios, distances = [], [], [], []
    for true, found in pairs:
        matches = match_haloes(true, found)
        fractions.append([completeness_and_purity(true, found, matches, cells) for cells in (100, 1000)])
        above.append([[(haloes["cells"] >= cut).sum() for cut in CUTS] for haloes in (true, found)])
        judged = true["cells"][matches.true_rows] >= 100
        radius = true["radius"][matches.true_rows]
        ratios.append(np.log(found["radius"][matches.found_rows] / radius)[judged])
        distances.append((matches.distances / radius)[judged])
    numbers, ratios = np.sum(above, axis=0), np.concatenate(ratios)
    matched = [f"{completeness:.3f}, {purity:.3f}" for completeness, purity in np.mean(fractions, axis=0)]
    abundance = ", ".join(f"{found / true:.3f}" if true else NONE for true, found in numbers.T)
    scatter = f"{np.median(ratios):+.3f}, {ratios.std():.3f}"
    return [*matched, abundance, scatter, f"{np.median(np.concatenate(distances)):.2f}"]


def names_of(run):
    """Networks of a run, and with a second finder beside them."""
    return sorted(str(path.parent.relative_to(run / "statistics")) for path in run.glob("statistics/**/summary.json"))


def boxes_of(run, name):
    return sorted(path.stem for path in (run / "haloes" / name).glob("[0-9]*.h5"))


def catalogue_row(run, name, boxes):
    """Row of a catalogue: its network's cost and errors, and its quality."""
    network, _, finder = name.partition("/")
    settings = settings_of(run, network)
    curve = pd.read_csv(run / "networks" / network / "history.csv").iloc[-1]
    dice = read_json(run / "statistics" / name / "summary.json")["overlap"]["dice"]["mean"]
    errors = [curve.get(f"validation_{error}_error") for error in ("offset", "radius")]
    errors = [f"{error:.3g}" if error is not None else NONE for error in errors]
    finder = finder or ("votes" if settings.heads.vote else "fitted")
    pairs = ((true_haloes(run, box), read_catalogue(run / "haloes" / name / f"{box}.h5")) for box in boxes)
    return [network, finder, f"{flops_of(run, network):.2e}", f"{dice:.4f}", *errors, *compare(pairs)]


def settings_of(run, network):
    return validate(NetworkSettings, read_json(run / "networks" / network / "settings.json"), network)


def flops_of(run, network):
    """Operations of a training, with those of the networks of this run that it goes on from."""
    settings = settings_of(run, network)
    per_voxel = flops_per_voxel(unallocated_network(settings))
    parts = ((settings.window_of(stage), stage.batch_size, stage.steps) for stage in settings.stages)
    start = settings.start_from
    before = flops_of(run, start) if start and (run / "networks" / start).is_dir() else 0
    return before + sum(training_flops(per_voxel, *part) for part in parts)


def true_haloes(run, box):
    return read_catalogue(run / "ground_truth" / box / "haloes.h5")


def limits(run, network, boxes):
    """Rows of the haloes by votes where mask, offsets or radii are replaced by true ones."""
    constants = read_json(run / "haloes" / network / "thresholds.json")["votes"]
    constants, found = validate(VoteSettings, constants, "thresholds.json"), {}
    for box in console.progress(boxes, "boxes"):
        true = true_haloes(run, box)
        for names, fields in replacements(run, network, box, true):
            haloes = find_by_votes(fields, constants)
            catalogue = to_catalogue(
                haloes, true.grid_cells, true.header, cosmology_of(None, {"haloes": true.header}), 27
            )
            found.setdefault(names, []).append((true, catalogue))
    return [[*names, *compare(pairs)] for names, pairs in found.items()]


def replacements(run, network, box, true):
    """What is predicted and what is true of mask and heads, in all combinations that tell something."""
    path = run / "predictions" / network / f"{box}.h5"
    predicted, membership = read_fields(path, read_probability(path)[0]), find_membership(true)
    mask = read_field(run / "ground_truth" / box / "mask.h5", "mask").astype(np.float32)
    inside, radius = membership.rows >= 0, membership.radius()
    # A cell outside of all haloes has no true halo to point to: what is predicted stays.
    offset = np.where(inside[..., None], membership.centre_offset(), predicted.centre_offset.astype(np.float32))
    log_radius = np.where(inside, np.log(np.where(inside, radius, 1)), predicted.log_radius.astype(np.float32))
    yield ("predicted", "predicted", "predicted"), predicted
    yield ("true", "predicted", "predicted"), HeadFields(mask, predicted.centre_offset, predicted.log_radius)
    yield ("predicted", "true", "true"), HeadFields(predicted.probability, offset, log_radius)
    yield ("predicted", "true", "predicted"), HeadFields(predicted.probability, offset, predicted.log_radius)
    yield ("predicted", "predicted", "true"), HeadFields(predicted.probability, predicted.centre_offset, log_radius)
    yield ("true", "true", "true"), HeadFields(mask, offset, log_radius)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    runs = [Path("results/objects"), Path("results/heads")]
    parser.add_argument("--runs", type=Path, nargs="+", default=runs, help="folders of the runs")
    runs = parser.parse_args().runs
    rows = [catalogue_row(run, name, boxes_of(run, name)) for run in runs for name in names_of(run)]
    shipped = names_of(runs[0])[0]
    tables = {
        CATALOGUES: markdown(HEADER, rows, left=2),
        LIMITS: markdown(
            ("mask", "offsets", "radii", *QUALITY),
            limits(runs[0], shipped, boxes_of(runs[0], shipped)[:LIMITED]),
            left=3,
        ),
    }
    for marks, table in tables.items():
        rewrite(PAGE, marks, table)
        print(table)


if __name__ == "__main__":
    console.run(main)
