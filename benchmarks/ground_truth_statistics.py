"""Abundance of Peak Patch haloes over several boxes of the paper's cosmology, against the reference and Tinker 2008.

One command, ``python benchmarks/ground_truth_statistics.py --boxes 4 --cells 256 --output FOLDER``: draws boxes of
1 Mpc cells, finds their haloes as in the paper's run, and writes counts, mask fractions and the cumulative mass
function as JSON, and a figure. The reference code finds 7692 haloes above 100 cells in a (256 Mpc)^3 box and a mask
fraction of 0.2575 (published search, bank 2.0 x 1.2, shared reduction, final-state exclusion).
"""

import argparse
import json
from pathlib import Path

import numpy as np

from halonet import console
from halonet.cosmology import compute_power_spectrum, mean_matter_density
from halonet.figures.style import new_figure, save, styled
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import linear_density
from halonet.initial_conditions.noise import derived_seed
from halonet.peak_patch.collapse import solve_collapse_table
from halonet.peak_patch.finder import find_haloes
from halonet.peak_patch.mask import halo_mask
from halonet.settings import CosmologySettings, PeakPatchSettings
from halonet.statistics.mass_function import count_above, predicted_abundance

REFERENCE = {"haloes_per_mpc3": 7692 / 256**3, "mask_fraction": 0.2575}
CUTS = np.geomspace(27, 3e4, 40)  # cells


def measure(cells, boxes, seed, cosmology, spectrum):
    """Counts above every cut and the mask fraction of each box."""
    slabs, table, settings = Slabs(cells, threads=2), solve_collapse_table(cosmology), PeakPatchSettings()
    records = []
    for box in console.progress(range(boxes), "boxes"):
        density = linear_density(slabs, derived_seed(seed, "box", box), float(cells), *spectrum, cosmology)
        haloes = find_haloes(density, slabs, 1.0, cosmology, settings, table)
        above_100 = len(haloes.larger_than(100))
        records.append({
            "haloes_above_100_cells": above_100,
            "mask_fraction": float(halo_mask(haloes, slabs).mean()),
            "above": count_above(haloes, CUTS).tolist(),
        })  # fmt: skip
    return records


@styled
def draw(masses, records, analytic, volume):
    """Cumulative mass function with its ratio to Tinker 2008."""
    figure, (top, bottom) = new_figure(5.5, 5.5, rows=2, sharex=True, height_ratios=(2, 1))
    above = np.array([record["above"] for record in records]) / volume
    mean, tinker = above.mean(axis=0), analytic["tinker_2008"]
    top.loglog(masses, mean, color="C0", label=f"Peak Patch, {len(records)} boxes")
    top.loglog(masses, tinker, "--", color="C1", label="Tinker et al. 2008")
    top.loglog(masses, analytic["press_schechter"], ":", color="C2", label="Press & Schechter 1974")
    top.set_ylabel("n(> M)  (Mpc$^{-3}$)")
    top.legend()
    for one in above:
        bottom.semilogx(masses, one / tinker, color="C0", lw=0.5, alpha=0.5)
    bottom.semilogx(masses, mean / tinker, color="C0")
    bottom.axhline(1, color="C1", ls="--")
    bottom.set(xlabel="M (solar masses)", ylabel="ratio to Tinker", ylim=(0.4, 1.4))
    return figure


def main():
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boxes", type=int, default=4)
    parser.add_argument("--cells", type=int, default=256)
    parser.add_argument("--seed", type=int, default=2718)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    cosmology, volume = CosmologySettings(), float(arguments.cells) ** 3
    spectrum = compute_power_spectrum(cosmology)
    records = measure(arguments.cells, arguments.boxes, arguments.seed, cosmology, spectrum)
    masses = CUTS * mean_matter_density(cosmology)
    analytic = predicted_abundance(masses, cosmology, 0.0, *spectrum)
    density = np.mean([record["haloes_above_100_cells"] for record in records]) / volume
    fraction = np.mean([record["mask_fraction"] for record in records])
    results = {
        "command": f"python benchmarks/ground_truth_statistics.py --boxes {arguments.boxes} --cells {arguments.cells} "
        f"--seed {arguments.seed}",
        "haloes_above_100_cells_over_reference": density / REFERENCE["haloes_per_mpc3"],
        "mask_fraction_over_reference": fraction / REFERENCE["mask_fraction"],
        "boxes": records,
        "masses_msun": masses.tolist(),
        "tinker_2008_per_mpc3": list(map(float, analytic["tinker_2008"])),
        "press_schechter_per_mpc3": list(map(float, analytic["press_schechter"])),
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "ground_truth_statistics.json").write_text(json.dumps(results, indent=2) + "\n")
    save(draw(masses, records, analytic, volume), arguments.output, "ground_truth_mass_function")
    for record in records:
        print(record["haloes_above_100_cells"], f"{record['mask_fraction']:.4f}")
    print({name: round(float(value), 4) for name, value in results.items() if name.endswith("over_reference")})


if __name__ == "__main__":
    console.run(main)
