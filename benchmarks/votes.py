"""How good heads have to be: haloes by votes from the true vectors and radii of a box with errors, and their cost.

    python benchmarks/votes.py --truth results/objects/ground_truth/010 --probability P.h5

Half of the variance of an error is common to neighbouring cells (smoothed over 2.5 cells), half is each cell's own.
Cells outside of haloes, which have no true halo to point to, do not vote.
``--probability`` gives a predicted mask of the same box. Rewrites the table of ``docs/objects.md``.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from network_costs import markdown, rewrite
from objects import PAGE, QUALITY, compare
from scipy.ndimage import gaussian_filter

from halonet import console
from halonet.catalogue import read_catalogue
from halonet.dataset.targets import find_membership
from halonet.halo_finding.haloes import to_catalogue
from halonet.halo_finding.inputs import cosmology_of, read_probability
from halonet.halo_finding.votes.fields import HeadFields
from halonet.halo_finding.votes.search import find_by_votes
from halonet.settings import VoteSettings, stage_settings
from halonet.storage import read_field

MARKS = ("<!-- votes: made by benchmarks/votes.py -->", "<!-- end of votes -->")
HEADER = (
    "mask",
    "error of vectors (radii, along each axis)",
    "error of ln radius",
    *QUALITY,
    "CPU seconds (two threads)",
)
ERRORS = ((0.0, 0.0), (0.2, 0.1), (0.25, 0.15), (0.35, 0.2))
COMMON_CELLS = 2.5


def errors(random, cells):
    """Random numbers of unit deviation, half of the variance common to neighbours, float32 of shape (N, N, N)."""
    own, common = (random.standard_normal((cells,) * 3, dtype=np.float32) for _ in range(2))
    common = gaussian_filter(common, COMMON_CELLS, mode="wrap")
    return np.float32(0.5**0.5) * (own + common / common.std())


def with_errors(mask, membership, offset, log_radius):
    """Heads that know the truth but for errors."""
    random, cells = np.random.default_rng(1), membership.box_cells
    inside = membership.rows >= 0
    radius = np.where(inside, membership.radius(), 1).astype(np.float32)
    vectors = membership.centre_offset()
    for axis in range(3 if offset else 0):
        vectors[..., axis] += offset * radius * errors(random, cells)
    logarithm = np.log(radius)
    if log_radius:
        logarithm += np.float32(log_radius) * errors(random, cells)
    return HeadFields(mask * inside, vectors, logarithm)


def row(name, mask, true, membership, level, settings):
    fields = with_errors(mask, membership, *level)
    start = time.process_time()
    found = find_by_votes(fields, settings)
    seconds = time.process_time() - start
    catalogue = to_catalogue(found, true.grid_cells, true.header, cosmology_of(None, {"haloes": true.header}), 27)
    return [name, *(f"{value:g}" for value in level), *compare([(true, catalogue)]), f"{seconds:.1f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, required=True, help="folder of a box: haloes.h5 and mask.h5")
    parser.add_argument("--probability", help="predicted probability of that box")
    parser.add_argument("--settings", help="constants of the vote finder as JSON; default: its own")
    arguments = parser.parse_args()
    settings = stage_settings(VoteSettings, arguments.settings)
    true = read_catalogue(arguments.truth / "haloes.h5")
    membership = find_membership(true)
    masks = {"true": read_field(arguments.truth / "mask.h5", "mask").astype(np.float32)}
    if arguments.probability:
        masks["predicted"] = read_probability(arguments.probability)[0]
    small = np.ones((8, 8, 8), np.float32)
    find_by_votes(HeadFields(small, np.zeros((8, 8, 8, 3), np.float32), small), settings)  # compiles
    rows = []
    for name, mask in masks.items():
        for level in console.progress(ERRORS, name):
            rows.append(row(name, mask, true, membership, level, settings))
    table = markdown(HEADER, rows, left=1)
    rewrite(PAGE, MARKS, table)
    print(table)


if __name__ == "__main__":
    console.run(main)
