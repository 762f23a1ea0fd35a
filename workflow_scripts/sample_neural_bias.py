"""Run one chain of the neural bias model; a chain that was killed goes on from its checkpoint with the same command."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from halonet import console
from halonet.checks.names import beside
from halonet.checks.numbers import INDEX, SEED, THREADS
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser
from halonet.code_digests import code_digest
from halonet.locks import exclusive, lock_of
from halonet.provenance import provenance
from halonet.settings import NeuralBiasSettings, stage_settings
from halonet.storage import clear_leftovers


def main() -> None:
    """Parse the command line, run the chain and write it."""
    parser = Parser(description=__doc__)
    parser.add_argument("--inputs", type=READS, required=True, help="HDF5 file of prepare_neural_bias.py")
    parser.add_argument("--settings", type=SETTINGS, help="settings of the neural bias model as JSON")
    parser.add_argument("--seed", type=SEED, required=True, help="master seed of the run")
    parser.add_argument("--chain", type=INDEX, default=0, help="index of the chain, which derives its own seed")
    parser.add_argument("--threads", type=THREADS, default=1, help="threads of TensorFlow")
    parser.add_argument("--output", type=WRITES, required=True, help="HDF5 file of the chain")
    arguments = parser.parse_args()
    sample(arguments, stage_settings(NeuralBiasSettings, arguments.settings))


def sample(arguments: argparse.Namespace, settings: NeuralBiasSettings) -> None:
    """Run a chain with validated settings."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from halonet.neural_bias.fit import fingerprint, make_problem, run_chain
    from halonet.neural_bias.inputs import read_inputs
    from halonet.sampling.chain import is_chain_of, is_checkpoint_of, write_chain

    problem = make_problem(read_inputs(arguments.inputs), settings)
    output, seed, index, code = Path(arguments.output), arguments.seed, arguments.chain, code_digest(__file__)
    checkpoint = beside(output, ".checkpoint.npz")

    def track(transitions: range) -> Iterator[int]:
        return console.progress(transitions, f"chain {index}")

    with exclusive(lock_of(output)):
        for path in (output, checkpoint):
            clear_leftovers(path)
        known = fingerprint(problem, seed, code)
        if is_chain_of(output, known, index):
            if is_checkpoint_of(checkpoint, known, index):  # or it is one of other settings, which was not asked for
                checkpoint.unlink()
        else:
            chain, theta = run_chain(problem, seed, index, checkpoint, code, track)
            record = provenance("neural bias", settings.model_dump(), seed)
            write_chain(output, chain, problem.model.names(), record, {"parameters": theta})
            late = chain.records["acceptance"][settings.sampler.warmup :]
            console.log.info("chain %d: acceptance %.2f, step frozen", index, late.mean())
            checkpoint.unlink(missing_ok=True)


if __name__ == "__main__":
    console.run(main)
