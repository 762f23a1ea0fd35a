"""Run one chain of the neural bias model; a chain that was killed goes on from its checkpoint with the same command."""

import argparse
from pathlib import Path

from halonet import console
from halonet.provenance import code_digest, provenance
from halonet.settings import NeuralBiasSettings, stage_settings


def main() -> None:
    """Parse the command line, run the chain and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", required=True, help="HDF5 file of prepare_neural_bias.py")
    parser.add_argument("--settings", help="settings of the neural bias model as JSON")
    parser.add_argument("--seed", type=int, required=True, help="master seed of the run")
    parser.add_argument("--chain", type=int, default=0, help="index of the chain, which derives its own seed")
    parser.add_argument("--threads", type=int, default=1, help="threads of TensorFlow")
    parser.add_argument("--output", required=True, help="HDF5 file of the chain")
    arguments = parser.parse_args()
    sample(arguments, stage_settings(NeuralBiasSettings, arguments.settings))


def sample(arguments: argparse.Namespace, settings: NeuralBiasSettings) -> None:
    """Run a chain with validated settings."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from halonet.neural_bias.fit import make_problem, run_chain
    from halonet.neural_bias.inputs import read_inputs
    from halonet.sampling.chain import write_chain

    problem = make_problem(read_inputs(arguments.inputs), settings)
    checkpoint = Path(arguments.output).with_suffix(".checkpoint.npz")

    def track(transitions: range):
        return console.progress(transitions, f"chain {arguments.chain}")

    chain, theta = run_chain(problem, arguments.seed, arguments.chain, checkpoint, code_digest(__file__), track)
    record = provenance("neural bias", settings.model_dump(), arguments.seed)
    write_chain(arguments.output, chain, problem.model.names(), record, {"parameters": theta})
    checkpoint.unlink(missing_ok=True)
    late = chain.records["acceptance"][settings.sampler.warmup :]
    console.log.info("chain %d: acceptance %.2f, step frozen", arguments.chain, late.mean())


if __name__ == "__main__":
    console.run(main)
