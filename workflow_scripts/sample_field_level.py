"""Run one chain of field-level inference; a chain that was killed goes on from its checkpoint with the same command."""

import argparse
from collections.abc import Iterator

from halonet import console
from halonet.checks.numbers import INDEX, SEED, THREADS
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser
from halonet.code_digests import code_digest
from halonet.locks import exclusive, lock_of
from halonet.provenance import provenance
from halonet.settings import FieldLevelSettings, stage_settings
from halonet.storage import clear_leftovers


def main() -> None:
    """Parse the command line, run the chain and write it."""
    parser = Parser(description=__doc__)
    parser.add_argument("--inputs", type=READS, required=True, help="HDF5 file of prepare_field_level.py")
    parser.add_argument("--settings", type=SETTINGS, help="settings of field-level inference as JSON")
    parser.add_argument("--seed", type=SEED, required=True, help="master seed of the run")
    parser.add_argument("--chain", type=INDEX, default=0, help="index of the chain, which derives its own seed")
    parser.add_argument("--threads", type=THREADS, default=1, help="threads of TensorFlow")
    parser.add_argument("--output", type=WRITES, required=True, help="HDF5 file of the chain")
    arguments = parser.parse_args()
    sample(arguments, stage_settings(FieldLevelSettings, arguments.settings))


def sample(arguments: argparse.Namespace, settings: FieldLevelSettings) -> None:
    """Run a chain with validated settings."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from halonet.field_level.data import read_data
    from halonet.field_level.run_chain import clear_scratch, fingerprint, open_chain, run_chain, scratch_of
    from halonet.sampling.chain import is_chain_of, is_checkpoint_of

    output, seed, index, code = arguments.output, arguments.seed, arguments.chain, code_digest(__file__)

    def track(transitions: range) -> Iterator[int]:
        return console.progress(transitions, f"chain {index}")

    record, data = provenance("field level", settings.model_dump(), seed), read_data(arguments.inputs)
    with exclusive(lock_of(output)):
        clear_leftovers(output)
        known = fingerprint(data, settings, seed, code)
        if is_chain_of(output, known, index):
            if is_checkpoint_of(scratch_of(output)[0], known, index):  # or it is one of other settings
                clear_scratch(output)
        else:
            chain = open_chain(data, settings, seed, index, output, code)
            run_chain(chain, output, record, track)
            late = chain.records["acceptance"][settings.warmup :]
            console.log.info("chain %d: acceptance of the phases %.2f, steps frozen", index, late.mean())


if __name__ == "__main__":
    console.run(main)
