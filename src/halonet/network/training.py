"""Staged training that can be killed at any moment and, started again, ends with the same weights bit for bit.

Between two steps the whole state of a run is: position in the schedule, variables of model and optimizer (with the
states of dropout's random numbers), and sums of the training curve since its last record. A checkpoint holds just that;
which samples a step sees follows from its number (:mod:`halonet.dataset.samples`). On one CPU, with deterministic
operations (:mod:`halonet.network.devices`), the continuation is exact.

Several processes may share the steps (:mod:`halonet.network.ranks`): all hold the same state, rank 0 writes it.
"""

import logging
import math
import time
from itertools import zip_longest

import keras
import numpy as np

from halonet import console
from halonet.dataset.prefetch import prefetched
from halonet.interruption import Interrupted, Requests
from halonet.mpi import Communicator
from halonet.network.build import build_network
from halonet.network.checkpoints import Checkpoints, TrainingState
from halonet.network.devices import check_stages, distribution, shared_out
from halonet.network.folder import take_weights
from halonet.network.history import HEAD_MEASURES, write_history
from halonet.network.job import TrainingJob
from halonet.network.ranks import Ranks, SharedStep
from halonet.network.stages import compile_for
from halonet.settings import SettingsError, TrainingSettings

log = logging.getLogger("halonet")
PLOT_EVERY = 20.0  # seconds


class Trainer:
    """A training run.

    Parameters
    ----------
    job
        What is trained, on what.
    training
        How: threads, GPUs, interval of checkpoints. Changes no weight.
    checkpoints
        Where the run's state is kept; a state found there is continued.
    communicator
        MPI communicator of the ranks that share every batch, or None.
    """

    def __init__(
        self,
        job: TrainingJob,
        training: TrainingSettings,
        checkpoints: Checkpoints,
        communicator: Communicator | None = None,
    ) -> None:
        self.job, self.training, self.checkpoints, self.ranks = job, training, checkpoints, Ranks(communicator)
        self.state = TrainingState()
        self.model: keras.Model = None  # before the first stage, and while the network of the next one is built
        self.shared_step: SharedStep | None = None
        self.requests = Requests()
        self.validation = job.validation_samples()
        check_stages(job.settings.stages, training.gpus)
        self.ranks.check(job.settings, training)
        self.lengths = [job.stage_steps(stage) for stage in range(len(job.settings.stages))]

    def run(self) -> keras.Model:
        """Train through all stages, from the last checkpoint on where there is one; returns the trained network."""
        saved = self.checkpoints.load() if self.ranks.rank == 0 else None
        if saved:
            self.state, variables = saved
            log.info("goes on from step %d of %d", self.state.step, sum(self.lengths))
        self.state = self.ranks.from_first(self.state)
        first = self.state.stage
        self.last_save = self.clock = time.monotonic()
        with self.requests:
            for stage in range(self.state.stage, len(self.lengths)):
                self._enter(stage)
                if saved and stage == first:
                    self._restore(variables)
                self.ranks.synchronise(self._variables())
                self._run_stage(stage)
            self.save()
        return self.model

    def _enter(self, stage: int) -> None:
        """Build the network of a stage with the weights of the stage before it, or its start's, and a new optimizer."""
        weights = self.model.get_weights() if self.model else None
        self.model = None
        if stage != self.state.stage:
            self.state.stage, self.state.stage_step = stage, 0
        settings, chosen = self.job.settings, self.job.settings.stages[stage]
        keras.utils.set_random_seed(int(np.random.SeedSequence([self.job.seed, stage]).generate_state(1)[0]))
        with distribution(self.training.gpus):
            self.model = build_network(settings, chosen.dropout)
            if weights:
                self.model.set_weights(weights)
            elif self.job.start:
                take_weights(self.model, settings, self.job.start)
            compile_for(self.model, chosen, self.lengths[stage], settings.precision, settings.heads)
        self.shared_step = self.ranks.step(self.model, settings.heads)
        if self.shared_step is None:
            # Keras builds its measures from the first batch it sees. It cannot look into one that is shared out among
            # GPUs, and a training step that builds them is traced twice, which takes longer than a batch.
            self.model.test_on_batch(*self.validation[0])
        log.info(
            "stage %d of %d: %d steps, %s, %s weights", stage + 1, len(self.lengths), self.lengths[stage],
            chosen.optimizer, f"{self.model.count_params():,}",
        )  # fmt: skip

    def _run_stage(self, stage: int) -> None:
        samples = self.job.training_samples(stage, self.training.threads)
        steps, every = self.lengths[stage], self.job.settings.validation_interval
        todo = range(self.state.stage_step, steps)
        ticks = console.progress(todo, f"stage {stage + 1}") if self.ranks.rank == 0 else iter(todo)
        state = self.state
        while state.stage_step < steps or state.sums:
            if state.sums and (state.stage_step % every == 0 or state.stage_step == steps):
                self._record(samples.samples_per_epoch, samples.batch_size)
                continue
            stop = min(steps, (state.stage_step // every + 1) * every)
            for batch in prefetched(self.ranks.share(samples, state.stage_step, stop), self.training.threads):
                self._step(batch)
                next(ticks, None)
        next(ticks, None)

    def _step(self, batch: tuple[np.ndarray, np.ndarray]) -> None:
        """One update of the weights; afterwards the run may be interrupted or checkpointed."""
        state, sums = self.state, self.state.sums
        if self.shared_step:
            measured = self.shared_step(*batch)
        else:
            self.model.reset_metrics()
            measured = self.model.train_on_batch(*shared_out(batch, self.model), return_dict=True)
        state.step, state.stage_step = state.step + 1, state.stage_step + 1
        if not math.isfinite(measured["loss"]):
            raise SettingsError(
                f"the loss became {measured['loss']} at step {state.stage_step} of stage {state.stage + 1}; lower "
                f"stages.{state.stage}.learning_rate = {self.job.settings.stages[state.stage].learning_rate}"
            )
        for name, value in {**measured, "steps": 1}.items():
            sums[name] = sums.get(name, 0.0) + float(value)
        self._tick()

    def _tick(self) -> None:
        """Count time; leave after a signal; write a checkpoint when one is due."""
        now = time.monotonic()
        self.state.seconds, self.clock = self.state.seconds + now - self.clock, now
        number = self.ranks.largest(self.requests.signal)
        if number:
            self.save()
            log.info("interrupted at step %d; the same command goes on from there", self.state.step)
            raise Interrupted(128 + number)
        if now - self.last_save > 60 * self.training.checkpoint_minutes:
            self.save()

    def _record(self, samples_per_epoch: int, batch_size: int) -> None:
        """Validate and add a record to the training curve."""
        validation = self._validate()
        state, steps = self.state, self.state.sums["steps"]
        before = state.history[-1] if state.history else {"seconds": 0.0, "step": 0}
        record = {
            "stage": state.stage + 1,
            "step": state.step,
            "epoch": state.stage_step * batch_size / samples_per_epoch,
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "loss": state.sums["loss"] / steps,
            "training_dice": state.sums["dice"] / steps,
            "validation_loss": validation["loss"],
            "validation_dice": validation["dice"],
            "validation_foreground_dice": validation["foreground_dice"],
            "validation_voxel_dice": validation["voxel_dice"],
            "floor": validation["floor"],
            **{name: validation[measure] for name, measure in HEAD_MEASURES.items() if measure in validation},
            "seconds": state.seconds,
            "time": time.time(),
            "samples_per_second": (state.step - before["step"]) * batch_size / (state.seconds - before["seconds"]),
        }
        state.history.append(record)
        state.sums = {}
        if self.ranks.rank == 0:
            write_history(self.checkpoints.folder, state.history, PLOT_EVERY)
        # Processors of several kinds may round differently: the ranks must not drift apart.
        self.ranks.synchronise(self._variables())
        log.info(
            "step %d of %d, %.0f s left: loss %.4f, Dice %.4f, validation Dice %.4f (all background %.4f)",
            state.step, sum(self.lengths), state.seconds / state.step * (sum(self.lengths) - state.step),
            record["loss"], record["training_dice"], record["validation_dice"], record["floor"],
        )  # fmt: skip

    def _validate(self) -> dict[str, float]:
        """Loss and measures of the validation windows, averaged over them."""
        mine = self.ranks.every(self.validation)
        rounds = range(-(-len(self.validation) // self.ranks.size))
        records = []
        # Ranks tick equally often, those without a window in the last round too.
        for _, batch in zip_longest(rounds, prefetched(mine, self.training.threads, ahead=1)):
            if batch is not None:
                self.model.reset_metrics()
                records.append(self.model.test_on_batch(*batch, return_dict=True))
            self._tick()
        records = self.ranks.together(records)
        return {name: float(np.mean([record[name] for record in records], dtype=float)) for name in records[0]}

    def save(self) -> None:
        """Write a checkpoint, on rank 0."""
        if self.ranks.rank == 0:
            values = [keras.ops.convert_to_numpy(variable) for variable in self._variables()]
            self.checkpoints.save(self.state, values)
        self.last_save = time.monotonic()

    def _variables(self) -> list:
        return [*self.model.variables, *self.model.optimizer.variables]

    def _restore(self, values: list[np.ndarray]) -> None:
        for variable, value in zip(self._variables(), values, strict=True):
            variable.assign(value)
