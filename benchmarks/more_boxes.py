"""Further boxes of a run on simulations, beyond those that it splits: to calibrate on, or to judge anew.

    python benchmarks/more_boxes.py --run results/n_body --boxes 017 018 --network networks/n-body
    python benchmarks/more_boxes.py --run results/n_body --boxes 013 014 015 016 --network networks/n-body --peak-patch

Every box gets the density of its index, the simulation with its haloes, mask and owners, and the network's prediction;
``--peak-patch`` adds the haloes of Peak Patch. The scripts of the workflow make them with the settings of the profile:
a box is what the workflow would make of that index. Files that exist are not made again.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from halonet import console
from halonet.settings import Settings, load_settings

ROOT = Path(__file__).parents[1]


def main():
    """Make what is missing, box by box."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--settings", type=Path, default=ROOT / "profiles/n_body/settings.yaml", help="of the profile")
    parser.add_argument("--boxes", nargs="+", required=True, help="names of boxes, like 017")
    parser.add_argument("--network", type=Path, help="folder of the network that predicts")
    parser.add_argument("--peak-patch", action="store_true", help="Peak Patch of the same densities, too")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    settings = load_settings(ROOT / "config.yaml", arguments.settings)
    for box in arguments.boxes:
        density = simulate(arguments.run, box, settings, arguments.threads)
        if arguments.peak_patch:
            peak_patch(arguments.run, box, density, settings, arguments.threads)
        if arguments.network:
            field = arguments.run / "predictions" / arguments.network.name / f"{box}.h5"
            tiles = json.dumps(settings.prediction.model_dump())
            options = ("--density", density, "--network", arguments.network, "--settings", tiles)
            make([field], "predict_mask", *options, "--threads", arguments.threads, "--probability", field)


def make(files: list[Path], script: str, *options):
    """Run a script of the workflow that writes ``files``, unless they are there."""
    if all(file.exists() for file in files):
        return
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
    console.log.info("%s: %s", script, files[0])
    subprocess.run([sys.executable, str(ROOT / f"workflow_scripts/{script}.py"), *map(str, options)], check=True)


def simulate(run: Path, box: str, settings: Settings, threads: int) -> Path:
    """Density, simulation and its haloes of a box; the file of its density."""
    folder, spectrum = run / "ground_truth" / box, run / "cosmology/power_spectrum.csv"
    density, particles = folder / "density.h5", folder / "particles.h5"
    cosmology = json.dumps(settings.cosmology.model_dump())
    phases = ("--seed", settings.run.seed, "--box", int(box), "--cosmology", cosmology)
    size = ("--cells", settings.boxes.cells, "--box-size", settings.boxes.box_size_mpc)
    make([density], "draw_density", "--power-spectrum", spectrum, *phases, *size, "--density", density)
    found = [folder / f"{name}.h5" for name in ("haloes", "mask", "owners")]
    if not all(file.exists() for file in found):
        values = settings.ground_truth.n_body.model_dump()
        options = ("--density", density, "--settings", json.dumps({name: values[name] for name in ("steps", "mesh")}))
        make([particles], "simulate_n_body", *options, "--threads", threads, "--particles", particles)
        chosen = json.dumps({name: values[name] for name in ("linking_length", "minimum_cells")})
        named = [text for file in found for text in (f"--{file.stem}", file)]
        make(found, "find_n_body_haloes", "--particles", particles, "--settings", chosen, *named)
        particles.unlink()  # 24 bytes a cell
    return density


def peak_patch(run: Path, box: str, density: Path, settings: Settings, threads: int):
    """Haloes and mask of Peak Patch on the same density."""
    table, folder = run / "cosmology/collapse_table.h5", run / "peak_patch" / box
    found = [folder / f"{name}.h5" for name in ("haloes", "mask")]
    chosen = json.dumps(settings.ground_truth.peak_patch.model_dump())
    options = ("--density", density, "--collapse-table", table, "--settings", chosen, "--threads", threads)
    make(found, "find_peak_patch_haloes", *options, "--haloes", found[0], "--mask", found[1])


if __name__ == "__main__":
    console.run(main)
