"""Measure the cheap partners of mocks, with the same phases, as control variates of their mean and covariance.

    python workflow_scripts/measure_controls.py --first-seed 1 --count 25 --cells 256 --controls controls.json

The seeds are those of make_mock.py. Those of the mocks are needed, and as many more as can be afforded.
"""

from halonet import console
from halonet.checks.numbers import CELLS, COUNT, LENGTH, SEED, THREADS
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser
from halonet.mocks.controls import measure_controls
from halonet.mocks.request import MockRequest
from halonet.provenance import provenance
from halonet.settings import CosmologySettings, MockSettings, stage_settings
from halonet.storage import write_json

USED = ("minimum_cells", "largest_k_per_mpc", "statistics")


def main() -> None:
    """Parse the command line, measure and write."""
    parser = Parser(description=__doc__)
    parser.add_argument("--first-seed", type=SEED, required=True, help="of the first field")
    parser.add_argument("--count", type=COUNT, required=True, help="number of fields, whose seeds follow one another")
    parser.add_argument("--cells", type=CELLS, default=256, help="cells along a side; default: 256")
    parser.add_argument("--box-size", type=LENGTH, help="side (Mpc); default: cells of 1 Mpc")
    parser.add_argument("--cosmology", type=SETTINGS, help="as JSON, with its redshift; default: the paper's")
    parser.add_argument(
        "--power-spectrum", type=READS, help="CSV with k_per_mpc and power_mpc3 at z = 0; default: CAMB's"
    )
    parser.add_argument("--settings", type=SETTINGS, help=f"mocks settings as JSON; {', '.join(USED)} count here")
    parser.add_argument("--threads", type=THREADS, default=1, help="change no bit; default: 1")
    parser.add_argument("--controls", type=WRITES, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    settings = stage_settings(MockSettings, arguments.settings)
    cosmology = stage_settings(CosmologySettings, arguments.cosmology) if arguments.cosmology else None
    requests = [
        MockRequest(
            seed=arguments.first_seed + i,
            cells=arguments.cells,
            box_size_mpc=arguments.box_size,
            cosmology=cosmology,
            power_spectrum=arguments.power_spectrum,
            threads=arguments.threads,
        )
        for i in range(arguments.count)
    ]
    used = {name: getattr(settings, name) for name in USED}
    result = measure_controls(requests, settings)
    write_json(arguments.controls, result | {"provenance": provenance("measure_controls", used, arguments.first_seed)})


if __name__ == "__main__":
    console.run(main)
