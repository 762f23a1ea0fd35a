"""The picture of the tutorial, and what the page says of it, from the mock that the page makes.

    halonet mock --seed 7 --cells 256 --method network -o mock.h5
    halonet show mock.h5
    python benchmarks/tutorial.py mock.h5

copies the picture to ``docs/images`` and writes ``benchmarks/results/tutorial.json``. A test refuses the picture where
another network, finder or way to move is shipped than those it was made with.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np

import halonet
from halonet.catalogue import read_catalogue
from halonet.cosmology import mean_matter_density
from halonet.settings import CosmologySettings
from halonet.storage import write_json

ROOT = Path(__file__).parents[1]
LEAST_CELLS, LARGEST_MSUN = 100, 3e14  # of haloes that are compared; few are larger


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mock", type=Path)
    arguments = parser.parse_args()
    haloes = read_catalogue(arguments.mock)
    made = haloes.header.provenance["settings"]
    least = LEAST_CELLS * mean_matter_density(CosmologySettings()) * haloes.cell_size**3
    masses, abundance = halonet.mass_function(haloes, np.geomspace(least, LARGEST_MSUN, 20))
    ratio = abundance / halonet.analytic_mass_function(masses)
    result = {
        "command": "halonet mock --seed 7 --cells 256 --method network -o mock.h5; halonet show mock.h5",
        "network": made["network"],
        "in_force": made["halo_finding"]["in_force"],
        "displacement": made["halo_finding"]["displacement"],
        "haloes": len(haloes),
        "haloes_above_100_cells": int((haloes["cells"] >= LEAST_CELLS).sum()),
        "largest_departure_from_tinker": float(abs(ratio - 1).max()),
    }
    write_json(ROOT / "benchmarks/results/tutorial.json", result)
    shutil.copy(arguments.mock.with_suffix(".png"), ROOT / "docs/images/mock.png")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
