"""One network for many cosmologies and redshifts, beside networks of one each.

    snakemake --profile profiles/cosmologies statistics
    python benchmarks/cosmologies.py

For every cosmology of the test boxes of that run a network of the same architecture learns from eight boxes of it
alone, for 1500 steps. Both find haloes in the same test boxes. Writes
``benchmarks/results/cosmologies.json`` and the table of ``docs/cosmologies.md``. An hour and a half on two cores;
killed, it goes on where it stopped.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml
from network_costs import ROOT, markdown, rewrite
from performance.measuring import machine

from halonet import console
from halonet.catalogue import HaloCatalogue, read_catalogue
from halonet.matching import completeness_and_purity, match_haloes
from halonet.settings import load_settings
from halonet.storage import write_json
from halonet.workflow.layout import Layout

PROFILE = ROOT / "profiles/cosmologies/settings.yaml"
RESULT = ROOT / "benchmarks/results/cosmologies.json"
PAGE = ROOT / "docs/cosmologies.md"
TABLE = ("<!-- cosmologies: made by benchmarks/cosmologies.py -->", "<!-- end of cosmologies -->")
NETWORK = "cosmologies"
CUTS = (100, 300, 1000, 3000)  # cells
JUDGED = 300  # haloes of the truth, below which a ratio is not judged
ALONE = {"count": 10, "validation": 1, "test": 1}  # boxes of a network of one cosmology
TILES = '{"tile": 160, "buffer": 16}'  # of the profile
LOOKED_AT = 73  # test boxes before this one: the finder was given more boxes to be calibrated on after a look at them
STEPS, SEED = 1500, 24680  # of its training; its boxes have other phases than the test boxes


def settings_alone(case: dict, name: str, results: Path) -> dict:
    """Settings of the run of one cosmology: those of the profile, with eight training boxes of it."""
    values = yaml.safe_load(PROFILE.read_text())
    values["run"] |= {"name": name, "seed": SEED, "results": str(results)}
    values["boxes"] |= ALONE | {"cosmologies": {"training": [case], "test": [case]}}
    values["networks"][NETWORK]["stages"][0]["steps"] = STEPS
    values["halo_finding"]["calibration_boxes"] = 4
    return values


def train_alone(case: dict, name: str, results: Path, cores: int) -> Path:
    """Train the network of one cosmology and calibrate its finder; returns the folder of the run."""
    folder = results / name
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "settings.yaml"
    settings.write_text(yaml.safe_dump(settings_alone(case, name, results)))
    run = ["snakemake", "--snakefile", ROOT / "Snakefile", "--configfile", settings, "--cores", cores, "--nolock"]
    targets = [f"{folder}/networks/{NETWORK}/model.weights.h5", f"{folder}/haloes/{NETWORK}/thresholds.json"]
    subprocess.run([sys.executable, "-m", *map(str, run), "--", *targets], check=True)
    return folder


def haloes_by(folder: Path, density: Path, box: str, cores: int) -> HaloCatalogue:
    """Haloes that the network of a run finds in a density."""
    probability, haloes = folder / f"test/{box}_probability.h5", folder / f"test/{box}.h5"
    if not haloes.is_file():
        network, thresholds = folder / "networks" / NETWORK, folder / f"haloes/{NETWORK}/thresholds.json"
        given = ["--density", density, "--probability", probability]
        script("predict_mask", *given, "--network", network, "--settings", TILES, "--threads", cores)
        script("find_haloes", *given, "--thresholds", thresholds, "--haloes", haloes)
        probability.unlink()
    return read_catalogue(haloes)


def script(name: str, *words: object) -> None:
    """Run a script of the workflow."""
    subprocess.run([sys.executable, str(ROOT / f"workflow_scripts/{name}.py"), *map(str, words)], check=True)


def quality(pairs: list[tuple[HaloCatalogue, HaloCatalogue]]) -> dict:
    """Completeness and purity above 100 cells, and numbers of haloes, of all boxes of a cosmology together."""
    numbers = np.array([[[(side["cells"] >= cut).sum() for cut in CUTS] for side in pair] for pair in pairs])
    fractions = [completeness_and_purity(true, found, match_haloes(true, found), CUTS[0]) for true, found in pairs]
    completeness, purity = np.average(fractions, axis=0, weights=numbers[:, :, 0])
    true, found = numbers.sum(axis=0).tolist()
    return {"true": true, "found": found, "completeness": float(completeness), "purity": float(purity)}


def compare(run: Path, cores: int, chosen: list[int]) -> list[dict]:
    """Every cosmology of the test boxes: the network of many, beside that of this one alone for those ``chosen``."""
    layout, rows = Layout(load_settings(ROOT / "config.yaml", PROFILE), ROOT), []
    listed = layout.settings.boxes.cosmologies
    assert listed is not None
    for i, (case, (first, every)) in enumerate(zip(listed.test, layout.test_cosmologies.items(), strict=True)):
        boxes = [box for box in every if int(box) >= LOOKED_AT]
        truth = {box: read_catalogue(run / f"ground_truth/{box}/haloes.h5") for box in boxes}
        many = [(truth[box], read_catalogue(run / f"haloes/{NETWORK}/{box}.h5")) for box in boxes]
        rows.append({"cosmology": case, "boxes": len(boxes), "many": quality(many), "alone": None})
        if i in chosen:
            folder, densities = train_alone(case, f"cosmology_{first}", run.parent, cores), run / "ground_truth"
            found = [(truth[box], haloes_by(folder, densities / box / "density.h5", box, cores)) for box in boxes]
            rows[-1]["alone"] = quality(found)
        print(rows[-1], flush=True)
    return rows


def line(one: dict) -> list[str]:
    """A line of the table."""
    said = ", ".join(f"{name} {value:g}" for name, value in one["cosmology"].items()) or "the paper's, redshift 0"
    both = [one["many"], one["alone"]]
    matched = [f"{each['completeness']:.3f}, {each['purity']:.3f}" if each else "-" for each in both]
    return [said, f"{one['many']['true'][0]:,}", *matched, *(ratios(each) if each else "-" for each in both)]


def ratios(found: dict) -> str:
    """Numbers of haloes over the truth's, where they are judged."""
    pairs = zip(found["found"], found["true"], strict=True)
    return ", ".join(f"{number / true:.2f}" if true >= JUDGED else "-" for number, true in pairs)


def main() -> None:
    """Train, compare, and write result and table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path("results/cosmologies")
    parser.add_argument("--run", type=Path, default=default, help="folder of the run; default: %(default)s")
    parser.add_argument("--cores", type=int, default=2, help="default: %(default)s")
    cases = list(range(len(yaml.safe_load(PROFILE.read_text())["boxes"]["cosmologies"]["test"])))
    parser.add_argument(
        "--alone", type=int, nargs="*", default=cases, help="cosmologies with a network of their own; default: all"
    )
    arguments = parser.parse_args()
    rows = compare(arguments.run.resolve(), arguments.cores, arguments.alone)
    write_json(RESULT, {"machine": machine(), "steps_alone": STEPS, "rows": rows})
    cuts = ", ".join(map(str, CUTS))
    header = [
        "cosmology", "true haloes above 100 cells", "completeness, purity: one network for all", "a network of its own",
        f"haloes above {cuts} cells over the truth's: one network for all", "a network of its own",
    ]  # fmt: skip
    rewrite(PAGE, TABLE, markdown(header, map(line, rows), 1))


if __name__ == "__main__":
    console.run(main)
