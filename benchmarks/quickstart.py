"""What a quickstart reached, in the few numbers that the README says, as a file that a test holds the README to.

python benchmarks/quickstart.py --run results/quickstart --output benchmarks/results
"""

import argparse
import csv
from pathlib import Path

from performance.measuring import machine

from halonet.storage import read_json, write_json
from halonet.workflow.run_status import measured_seconds


def minutes_of(run: Path) -> float:
    """From the first file of a run to its report (minutes), where it was not interrupted."""
    times = [path.stat().st_mtime for path in run.rglob("*.tsv")]
    with open(next((run / "logs").glob("compute_power_spectrum*.tsv")), newline="") as file:
        first = float(next(csv.DictReader(file, delimiter="\t"))["s"])
    return (max(times) - min(times) + first) / 60


def power_of_all(spectrum: dict) -> float:
    """Power of all haloes over the truth's at k < 0.2 per Mpc."""
    return next(cut for cut in spectrum["cuts"] if cut["most_massive"] is None)["ratio"]["large_scales"]["mean"]


def summary_of(run: Path, network: str) -> dict:
    summary = read_json(run / "statistics" / network / "summary.json")
    spectra = {
        "lagrangian": power_of_all(summary["power_spectrum"]),
        "eulerian": power_of_all(summary["eulerian_power_spectrum"]),
    }
    return {
        "boxes": summary["boxes"],
        "box": {key: summary["box"][key] for key in ("cells", "box_size_mpc", "cell_mass_msun")},
        "dice": summary["overlap"]["dice"]["mean"],
        "background_dice": summary["overlap"]["all_background"]["mean"],
        "abundance": [{key: row[key] for key in ("cells", "true", "ratio")} for row in summary["mass_function"]["key"]],
        "completeness": summary["matching"]["completeness"]["mean"],
        "purity": summary["matching"]["purity"]["mean"],
        "power_of_all_haloes": spectra,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="results of a quickstart")
    parser.add_argument("--network", default="small")
    parser.add_argument("--kernels", default="all", help="what ONEDNN_MAX_CPU_ISA said while it ran")
    parser.add_argument("--output", type=Path, required=True, help="folder for quickstart.json")
    arguments = parser.parse_args()
    provenance = read_json(arguments.run / "networks" / arguments.network / "provenance.json")
    result = {
        "command": "make quickstart; python benchmarks/quickstart.py --run results/quickstart --output FOLDER",
        "commit": provenance["git_commit"],
        "processor": machine()["cpu"],
        "kernels": arguments.kernels,
        "minutes": minutes_of(arguments.run),
        "training_minutes": max(measured_seconds(arguments.run / "logs")["train_network"]) / 60,
        **summary_of(arguments.run, arguments.network),
    }
    write_json(arguments.output / "quickstart.json", result)


if __name__ == "__main__":
    main()
