"""Train a network in stages; a run that was killed goes on from its last checkpoint with the same command.

Under ``mpiexec -n <ranks>``, or srun, the ranks share every batch, one process for each GPU or node.
"""

import argparse
import logging
from contextlib import nullcontext
from pathlib import Path

from halonet import console
from halonet.checks.numbers import COUNT, SEED
from halonet.checks.parser import BOX_FILES, BOXES, NETWORK, READS, SETTINGS, WRITES_FOLDER, Parser
from halonet.code_digests import code_digest
from halonet.dataset.manifest import read_manifest
from halonet.locks import exclusive
from halonet.mpi import Communicator, place_on_machine, world
from halonet.provenance import provenance
from halonet.settings import NetworkSettings, TrainingSettings, stage_settings

log = logging.getLogger("halonet")


def main() -> None:
    """Parse the command line, train and write the network's folder."""
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--ground-truth", type=BOXES, required=True, help="folder that holds <box>/density.h5 and <box>/mask.h5"
    )
    parser.add_argument("--manifest", type=READS, required=True, help="CSV of slice_subvolumes.py")
    parser.add_argument("--normalisation", type=READS, required=True, help="JSON of slice_subvolumes.py")
    parser.add_argument(
        "--channels", type=BOX_FILES, help="folder of <box>.h5 of compute_channels.py, for a network with channels"
    )
    parser.add_argument(
        "--targets", type=BOX_FILES, help="folder of <box>.h5 of assign_cells.py, for a network with heads"
    )
    parser.add_argument(
        "--start-from", type=NETWORK, help="folder of the trained network to start from, for one with start_from"
    )
    parser.add_argument(
        "--soft-labels", type=BOX_FILES, help="folder of <box>.h5 of predict_mask.py, for a network with a teacher"
    )
    parser.add_argument("--settings", type=SETTINGS, required=True, help="network settings as JSON")
    parser.add_argument(
        "--training", type=SETTINGS, help="training settings as JSON: checkpoint_minutes, threads, gpus"
    )
    parser.add_argument("--seed", type=SEED, default=0, help="decides first weights, samples and dropout")
    parser.add_argument("--output", type=WRITES_FOLDER, required=True, help="folder of the trained network")
    parser.add_argument(
        "--checkpoints",
        type=WRITES_FOLDER,
        help="folder of the checkpoints; default: checkpoints/ in the output folder",
    )
    parser.add_argument(
        "--restart-on-change",
        action="store_true",
        help="discard checkpoints of another configuration and train anew; without it they are refused",
    )
    parser.add_argument("--ranks", type=COUNT, help="number of MPI ranks; checked against the world that was launched")
    arguments = parser.parse_args()
    settings = stage_settings(NetworkSettings, arguments.settings)
    training = stage_settings(TrainingSettings, arguments.training)
    read_manifest(arguments.manifest)
    communicator = world(arguments.ranks)
    if communicator and communicator.rank:
        log.setLevel(logging.WARNING)
    train(arguments, settings, training, communicator)


def train(
    arguments: argparse.Namespace,
    settings: NetworkSettings,
    training: TrainingSettings,
    communicator: Communicator | None = None,
) -> None:
    """Train with validated settings, on all ranks of ``communicator``; rank 0 writes."""
    from halonet.network.checkpoints import Checkpoints
    from halonet.network.devices import prepare_devices, prepare_gradients
    from halonet.network.folder import TrainedNetwork, save_network
    from halonet.network.job import TrainingJob
    from halonet.network.training import Trainer

    prepare_devices(training.threads, training.gpus, place_on_machine(communicator))
    prepare_gradients()
    code = code_digest(__file__)
    job = TrainingJob(
        settings,
        arguments.seed,
        Path(arguments.ground_truth),
        Path(arguments.manifest),
        Path(arguments.normalisation),
        code,
        Path(arguments.channels) if arguments.channels else None,
        Path(arguments.targets) if arguments.targets else None,
        Path(arguments.start_from) if arguments.start_from else None,
        Path(arguments.soft_labels) if arguments.soft_labels else None,
    )
    folder = arguments.checkpoints or Path(arguments.output) / "checkpoints"
    checkpoints = Checkpoints(folder, job.fingerprint())
    first = communicator is None or communicator.rank == 0
    # A training that outlived a killed workflow may still be writing here.
    with exclusive(Path(arguments.output) / ".lock") if first else nullcontext():
        if arguments.restart_on_change and first:
            checkpoints.set_others_aside()
        trainer = Trainer(job, training, checkpoints, communicator)
        model = trainer.run()
        if first:
            record = provenance("training", settings.model_dump(), arguments.seed)
            trained = TrainedNetwork(model, settings, job.normalisation)
            save_network(arguments.output, trained, record, trainer.state.history)
            checkpoints.clear()
    log.info("%s: trained", arguments.output)


if __name__ == "__main__":
    console.run(main)
