"""How much less scatter control variates leave in mean and covariance of mocks, or of simulations.

    python benchmarks/control_variates.py --folder results/control_variates --mocks 100 --fields 400
    python benchmarks/control_variates.py --folder results/of_simulations --method n_body --control peak_patch ...

What stands in the folder is not measured again: it can be stopped at any time. Prints the table of docs/mocks.md.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from halonet import console
from halonet.mocks.controls import measure_controls, read_controls
from halonet.mocks.methods import METHODS, mock_by
from halonet.mocks.request import MockRequest
from halonet.mocks.summary import summarise_mocks
from halonet.settings import MockSettings
from halonet.statistics.mock import measure_mock
from halonet.storage import read_json, write_json

FIRST = 1  # seed


def main() -> None:
    """Measure what is missing, then print the gains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="of the measurements")
    parser.add_argument("--method", choices=METHODS, default="peak_patch")
    parser.add_argument("--control", choices=("partner", "peak_patch"), default="partner")
    parser.add_argument("--mocks", type=int, default=100)
    parser.add_argument("--fields", type=int, default=400, help="further controls")
    parser.add_argument("--cells", type=int, default=128)
    parser.add_argument("--box-size", type=float, default=256.0, help="Mpc")
    parser.add_argument("--minimum-cells", type=int, default=27)
    parser.add_argument("--seconds", type=float, default=np.inf, help="stop after so many, and print what there is")
    arguments = parser.parse_args()
    end, settings = time.monotonic() + arguments.seconds, MockSettings(minimum_cells=arguments.minimum_cells)
    mocks = [made(arguments, settings, arguments.method, FIRST + i, end) for i in range(arguments.mocks)]
    number = arguments.mocks + arguments.fields
    controls = [made(arguments, settings, arguments.control, FIRST + i, end) for i in range(number)]
    mocks, controls = ([each for each in some if each] for some in (mocks, controls))
    print(f"{len(mocks)} mocks by {arguments.method}, {len(controls)} controls: {arguments.control}")
    if len(controls) == number:
        print(table(summarise_mocks(mocks, 0.1, read_controls([("control", each) for each in controls]))))


def made(arguments: argparse.Namespace, settings: MockSettings, method: str, seed: int, end: float) -> dict | None:
    """Measurement of the mock, or partner, of a seed: from the folder, or made now where there is time."""
    path = arguments.folder / f"{method}_{seed}.json"
    if not path.is_file():
        if time.monotonic() > end:
            return None
        start = time.process_time()
        request = MockRequest(seed=seed, cells=arguments.cells, box_size_mpc=arguments.box_size)
        if method == "partner":
            result = measure_controls([request], settings)
        else:
            haloes = mock_by(method, request).make()
            result = measure_mock(haloes, settings.minimum_cells, settings.largest_k_per_mpc)
        write_json(path, result | {"seconds": time.process_time() - start})
    return read_json(path)


def table(summary: dict) -> str:
    """Rows: how many times as many plain mocks have the same error, for each bin, by statistic."""
    found = summary["control_variates"]
    lines = [
        "| statistic | gain of the mean | with further fields without end | of its variance |",
        "|---|---|---|---|",
    ]
    gains = [np.array(found[name], float) for name in ("gain", "largest_gain")]
    gains.append(np.diag(np.array(found["covariance_gain"], float)))
    for each in summary["order"]:
        rows = slice(each["first"], each["first"] + each["number"])
        shown = [" ".join(f"{value:.1f}" for value in values[rows]) for values in gains]
        lines.append(f"| {each['value']} | {' | '.join(shown)} |")
    k = " ".join(f"{value:.3f}" for value in summary["power_spectrum"]["k"])
    return "\n".join([f"k = {k} per Mpc", *lines])


if __name__ == "__main__":
    console.run(main)
