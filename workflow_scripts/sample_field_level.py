"""Run one chain of field-level inference; a chain that was killed goes on from its checkpoint with the same command."""

import argparse

from halonet import console
from halonet.provenance import code_digest, provenance
from halonet.settings import FieldLevelSettings, stage_settings


def main() -> None:
    """Parse the command line, run the chain and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", required=True, help="HDF5 file of prepare_field_level.py")
    parser.add_argument("--settings", help="settings of field-level inference as JSON")
    parser.add_argument("--seed", type=int, required=True, help="master seed of the run")
    parser.add_argument("--chain", type=int, default=0, help="index of the chain, which derives its own seed")
    parser.add_argument("--threads", type=int, default=1, help="threads of TensorFlow")
    parser.add_argument("--output", required=True, help="HDF5 file of the chain")
    arguments = parser.parse_args()
    sample(arguments, stage_settings(FieldLevelSettings, arguments.settings))


def sample(arguments: argparse.Namespace, settings: FieldLevelSettings) -> None:
    """Run a chain with validated settings."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from halonet.field_level.data import read_data
    from halonet.field_level.run_chain import run_chain

    def track(transitions: range):
        return console.progress(transitions, f"chain {arguments.chain}")

    record = provenance("field level", settings.model_dump(), arguments.seed)
    data, code = read_data(arguments.inputs), code_digest(__file__)
    chain = run_chain(data, settings, arguments.seed, arguments.chain, arguments.output, record, code, track)
    late = chain.records["acceptance"][settings.warmup :]
    console.log.info("chain %d: acceptance of the phases %.2f, steps frozen", arguments.chain, late.mean())


if __name__ == "__main__":
    console.run(main)
