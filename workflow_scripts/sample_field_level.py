"""Run one chain of field-level inference; a chain that was killed goes on from its checkpoint with the same command."""

import argparse
from collections.abc import Iterator

from halonet import console
from halonet.provenance import code_digest, provenance
from halonet.settings import FieldLevelSettings, stage_settings
from halonet.storage import clear_leftovers, exclusive, lock_of


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
    from halonet.field_level.run_chain import clear_scratch, fingerprint, open_chain, run_chain
    from halonet.sampling.chain import is_chain_of

    output, seed, index, code = arguments.output, arguments.seed, arguments.chain, code_digest(__file__)

    def track(transitions: range) -> Iterator[int]:
        return console.progress(transitions, f"chain {index}")

    record, data = provenance("field level", settings.model_dump(), seed), read_data(arguments.inputs)
    with exclusive(lock_of(output)):
        clear_leftovers(output)
        if is_chain_of(output, fingerprint(data, settings, seed, code), index):
            clear_scratch(output)
        else:
            chain = open_chain(data, settings, seed, index, output, code)
            run_chain(chain, output, record, track)
            late = chain.records["acceptance"][settings.warmup :]
            console.log.info("chain %d: acceptance of the phases %.2f, steps frozen", index, late.mean())


if __name__ == "__main__":
    console.run(main)
