"""What a change gains: stages of two states of the code, in turn in one run, with the same results to the last bit.

    python benchmarks/before_after.py --before COMMIT --cells 256

checks the code of COMMIT out beside this one and runs every stage by both, alternately, each time in a process of its
own: the least CPU time and the peak memory of either count. A digest of the results must not differ; where it does, the
exit status is 1. Writes ``benchmarks/results/before_after.json``, which ``docs/performance.md`` shows.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from performance.measuring import ROOT, commit, machine, measured

from halonet.storage import write_json

RESULT = ROOT / "benchmarks" / "results" / "before_after.json"
HALOES = 4.5e-4  # for a cell


def density(cells):
    from halonet.grid.slabs import Slabs
    from halonet.initial_conditions.noise import white_noise
    from halonet.peak_patch.candidates import smooth

    slabs = Slabs(cells)
    field = smooth(slabs.forward(white_noise(slabs, 1)), slabs, 1.0)
    return 2.5 / field.std() * field, slabs


def places(cells, seed):
    return np.random.default_rng(seed).uniform(0, cells, (int(HALOES * cells**3), 3))


def spectra_of_haloes(cells, assignment="nearest"):
    from halonet.spectra import halo_overdensity, measure_spectra

    pair = [places(cells, seed) for seed in (1, 2)]

    def work():
        fields = [halo_overdensity(each, cells, float(cells), assignment) for each in pair]
        return vars(measure_spectra(*fields, float(cells), assignment)).values()

    return work


def spectrum_of_a_mock(cells):
    from halonet.spectra import halo_overdensity, measure_spectra

    where = places(cells, 1)

    def work():
        field = halo_overdensity(where, cells, float(cells), "cloud_in_cell")
        return vars(measure_spectra(field, field, float(cells), "cloud_in_cell")).values()

    return work


def smoothing_and_peaks(cells):
    from halonet.peak_patch.candidates import filter_radii, find_candidates
    from halonet.settings import FilterBankSettings

    field, slabs = density(cells)
    modes, radii = slabs.forward(field), filter_radii(FilterBankSettings(largest_mpc=min(34.0, cells / 2)), 1.0)
    return lambda: find_candidates(modes, slabs, radii, 1.7)


def second_order_displacement(cells):
    from halonet.initial_conditions.displacement import second_order_source

    field, slabs = density(cells)
    modes = slabs.forward(field)
    return lambda: [second_order_source(modes, slabs)]


def strain(cells):
    from halonet.statistics.shear import _strain_fields

    field, _ = density(cells)
    return lambda: [np.float64(component.sum(dtype=np.float64)) for _, component in _strain_fields(field, 1)]


def overlap(cells):
    from halonet.statistics.overlap import measure_overlap

    random = np.random.default_rng(1)
    mask, probability = random.random((cells,) * 3) < 0.2, random.random((cells,) * 3, dtype=np.float32)
    # The order of sums may change with the code, and with it the last of 16 digits.
    return lambda: [np.round(list(vars(measure_overlap(mask, probability)).values()), 10)]


def pairs_of_haloes(cells):
    from halonet.statistics.correlation import count_pairs, separation_edges

    return lambda: count_pairs(places(cells, 1), float(cells), separation_edges(float(cells)))


STAGES = {
    "power spectra of two halo catalogues": spectra_of_haloes,
    "power spectrum of a mock": spectrum_of_a_mock,
    "smoothing and peaks": smoothing_and_peaks,
    "source of the second-order displacement": second_order_displacement,
    "strain of the shapes": strain,
    "overlap": overlap,
    "pairs of haloes": pairs_of_haloes,
}


def run_stage(stage, cells):
    """CPU time, memory and digest of a stage by the code that Python finds; kernels are compiled on a small box."""
    STAGES[stage](32)()
    times, result = measured(STAGES[stage](cells))
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in result)).hexdigest()
    return times | {"digest": digest}


def run_both(stage, cells, sources, rounds):
    """The fastest of some rounds of either code, one after the other."""
    runs = {name: [] for name in sources}
    for _ in range(rounds):
        for name, source in sources.items():
            command = [sys.executable, __file__, "--stage", stage, "--cells", str(cells)]
            environment = os.environ | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            process = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
            runs[name].append(json.loads(process.stdout.splitlines()[-1]))
    best = {name: min(found, key=lambda one: one["cpu_seconds"]) for name, found in runs.items()}
    same = len({one["digest"] for found in runs.values() for one in found}) == 1
    return {"stage": stage, "cells": cells, "same_bits": same} | best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--before", help="commit to compare with")
    parser.add_argument("--cells", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--result", type=Path, default=RESULT)
    options = parser.parse_args()
    if options.stage:
        print(json.dumps(run_stage(options.stage, options.cells)))
        return 0
    if not options.before:
        parser.error("--before COMMIT is needed")
    with TemporaryDirectory() as folder:
        checkout = Path(folder, "before")
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(checkout), options.before], check=True)
        try:
            sources = {"before": checkout / "src", "after": ROOT / "src"}
            stages = []
            for stage in STAGES:
                stages.append(run_both(stage, options.cells, sources, options.rounds))
                before, after = (stages[-1][name]["cpu_seconds"] for name in sources)
                print(f"{stage}: {before:.3f} s, then {after:.3f} s; same bits: {stages[-1]['same_bits']}", flush=True)
        finally:
            subprocess.run([*git, "remove", "--force", str(checkout)], check=True)
    head = {"before": options.before, "after": commit(), "machine": machine()}
    write_json(options.result, head | {"stages": stages})
    return 0 if all(stage["same_bits"] for stage in stages) else 1


if __name__ == "__main__":
    sys.exit(main())
