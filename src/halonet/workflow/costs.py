"""What a job costs: memory and time of every rule as they were measured, and what a job asks a cluster for.

A job works on one box, or on one network. It asks for 1.5 times the measured memory and three times the measured time,
twice as much with every attempt, never more than the cluster has. Where the numbers come from: docs/clusters.md.
"""

from dataclasses import dataclass

from halonet.settings import Settings
from halonet.workflow.operations import (
    channel_bytes,
    operations_per_voxel,
    prediction_mb,
    relative_gradient,
    training_mb,
)

TRAINING_FACTOR = 3  # a training step is a forward pass, and a backward one to inputs and to weights
THREADED = ("compute_channels", "predict_soft_labels", "train_network", "predict_mask", "make_mock", "make_light_cone")
WITH_MOCKS = ("measure_controls", "match_abundance", "populate_haloes")  # of their boxes, and not named after them
N_BODY_RULES = ("draw_density", "simulate_n_body", "find_n_body_haloes")  # of a box of this truth
FIELD_LEVEL_RULES = ("sample_field_level", "summarise_field_level", "draw_field_level_haloes")  # on a grid of their own
NEURAL_BIAS_CHAINS = ("sample_neural_bias", "summarise_neural_bias")
MESH_BYTES, MESH_MICROSECONDS = 8.2, 0.015  # of a cell of a force mesh: both meshes; a force's transforms and passes
EVALUATIONS = 20  # of the forward model in a transition of the phases
# For a cell of a box, in tiles that overlap: of the default network, and of a teacher as large as any that is shipped.
OPERATIONS_OF_SHIPPED = {"make_mock": 5e4, "predict_soft_labels": 1.9e5}
SYMMETRIES = {"none": 1, "reflections": 8, "cube": 48}


@dataclass(frozen=True)
class Cost:
    """Measured cost of a rule's job on one rank.

    Attributes
    ----------
    process_mb
        Memory of a process before it holds any cells (MB).
    bytes_per_cell
        Memory of all processes for a cell of the box.
    seconds
        Processor time whatever the number of cells.
    microseconds
        Processor time for a cell.
    """

    process_mb: float
    bytes_per_cell: float = 0.0
    seconds: float = 5.0
    microseconds: float = 0.0


WITH_OWNERS = Cost(0, 4, 0, 0.25)  # of statistics, where owners of cells are known: shared cells, boundaries
BY_PARTICLES = Cost(0, 16, 0, 0.9)  # of haloes moved by a simulation of 5 steps, beyond the second order

COSTS = {
    "compute_power_spectrum": Cost(200),
    "compute_power_spectrum_of_box": Cost(200),
    "solve_collapse_table": Cost(280, seconds=15),
    "solve_collapse_table_of_box": Cost(280, seconds=15),
    "draw_density": Cost(150, 16, 1, 0.06),
    "find_peak_patch_haloes": Cost(310, 47, 7, 0.7),
    "simulate_n_body": Cost(310, 48, 10, 0.13),  # the time for the particle of a cell and a force
    "find_n_body_haloes": Cost(310, 90, 10, 0.8),
    "find_n_body_haloes_of_snapshot": Cost(310, 90, 10, 0.8),
    "compare_truths": Cost(300, 48, 3, 0.4),
    "draw_truths": Cost(350, seconds=12),
    "import_ground_truth": Cost(400, 40, 5, 1.0),
    "make_batch": Cost(550, 47, 10, 1.0),
    "slice_subvolumes": Cost(120, 1, 2, 0.01),
    "compute_channels": Cost(300, 4, 3, 0.3),
    "assign_cells": Cost(300, 12, 5, 0.5),
    "train_network": Cost(1000, seconds=20),
    "predict_mask": Cost(1550, 8, 5),
    "predict_soft_labels": Cost(3700, 100, 10),  # by a teacher as large as the shipped networks
    "calibrate_thresholds": Cost(300, 28, 5, 10.0),
    "find_haloes": Cost(300, 48, 2, 0.6),
    "find_haloes_at_known_centres": Cost(300, 16, 2, 0.4),
    "measure_statistics": Cost(300, 48, 3, 0.55),
    "summarise_statistics": Cost(250),
    "summarise_another_cosmology": Cost(250),
    "draw_figures": Cost(350, 4, 12, 0.2),
    "draw_figures_with_calibration": Cost(350, 4, 12, 0.2),
    "write_report": Cost(150),
    "make_mock": Cost(3700, 160, 10, 0.8),  # of a network that sees a simulation; its operations apart
    "make_light_cone": Cost(400, 60, 25, 1.1),
    "measure_mock": Cost(300, 24, 3, 0.2),
    "measure_truth_of_mocks": Cost(300, 24, 3, 0.2),
    "measure_controls": Cost(350, 24, 10, 8.0),  # of all fields of a job
    "summarise_mocks": Cost(300),
    "write_mocks_report": Cost(300, seconds=10),
    "match_abundance": Cost(400, seconds=30),
    "populate_haloes": Cost(300, 2, 5, 0.05),
    "prepare_neural_bias": Cost(700, 30, 10, 0.5),
    "sample_neural_bias": Cost(1300, 0, 40, 0.54),  # the time for a transition
    "summarise_neural_bias": Cost(2600, 0, 40, 0.54),
    "draw_neural_bias_haloes": Cost(1300, seconds=20),
    "draw_neural_bias_figures": Cost(1300, seconds=60),
    "prepare_field_level": Cost(900, 40, 15, 0.6),
    "sample_field_level": Cost(1400, 27000, 60, 1.7),  # the time for an evaluation of the forward model
    "summarise_field_level": Cost(880, 27000, 120, 200.0),
    "draw_field_level_haloes": Cost(880, 27000, 30, 100.0),
    "write_constrained_density": Cost(1300, 60, 20, 0.6),
    "draw_field_level_figures": Cost(400, seconds=20),
}


@dataclass(frozen=True)
class Machine:
    """How fast a core is; :mod:`halonet.workflow.machine` measures it.

    Attributes
    ----------
    core_speed
        Beside a core of the machine on which the times of :data:`COSTS` were measured.
    core_tflops
        Operations per second (10^12) in the training of a network.
    """

    core_speed: float = 1.0
    core_tflops: float = 0.04


@dataclass(frozen=True)
class JobCosts:
    """Measured cost of the jobs of a run on a machine, by rule and, where it depends on that, network."""

    settings: Settings
    machine: Machine = Machine()

    def megabytes(self, rule: str, network: str | None = None) -> float:
        """Memory (MB)."""
        if rule == "make_batch" and self.settings.ground_truth.source == "n_body":
            return max(self.megabytes(part) for part in N_BODY_RULES)
        cost, cells = COSTS[rule], self._cells(rule)
        per_cell = cost.bytes_per_cell + self._further(rule, network).bytes_per_cell
        if rule == "simulate_n_body":
            per_cell += MESH_BYTES * self.settings.ground_truth.n_body.mesh**3
        if rule in ("compute_channels", "predict_mask"):
            per_cell += channel_bytes(self.settings.networks[_named(network, rule)].channels)
        held = per_cell * cells / 1e6
        if rule == "train_network":
            held += training_mb(self.settings.networks[_named(network, rule)], self.ranks(rule))
        if rule == "predict_mask":
            held += prediction_mb(self.settings.networks[_named(network, rule)], self.settings.prediction.tile_cells)
        return self.ranks(rule) * cost.process_mb + held

    def seconds(self, rule: str, network: str | None = None) -> float:
        """Wall time (s)."""
        cost, settings, cells = COSTS[rule], self.settings, float(self._cells(rule))
        if rule in ("slice_subvolumes", "calibrate_thresholds"):
            known = settings.boxes.count - settings.boxes.test
            cells *= known if rule == "slice_subvolumes" else settings.halo_finding.calibration_boxes
        if rule == "sample_field_level":
            cells *= EVALUATIONS * settings.field_level.transitions
        if rule in NEURAL_BIAS_CHAINS:
            bias = settings.neural_bias
            cells = bias.cells**3 * bias.sampler.transitions * relative_gradient(bias.engine)
        if rule == "simulate_n_body":
            truth = settings.ground_truth.n_body
            return self._scaled(
                cost.seconds, self._simulation(truth.steps, truth.mesh) * cells / self.threads(rule), rule
            )
        if rule == "make_batch" and settings.ground_truth.source == "n_body":
            return settings.jobs.boxes_per_job * sum(self.seconds(part) for part in N_BODY_RULES)
        if rule == "make_batch":
            # Every box starts two scripts beside the work on its cells.
            return settings.jobs.boxes_per_job * self._scaled(cost.seconds, cost.microseconds * cells, rule)
        seconds = self._scaled(
            cost.seconds, (cost.microseconds + self._further(rule, network).microseconds) * cells, rule
        )
        if rule in ("train_network", "predict_mask"):
            seconds += self._operations(rule, _named(network, rule)) / self._speed(rule)
        return seconds + OPERATIONS_OF_SHIPPED.get(rule, 0) * cells / self._speed(rule)

    def _further(self, rule: str, network: str | None) -> Cost:
        """What a cell costs more: haloes are compared by owners, or moved by particles; a network sees a simulation."""
        if rule in ("compute_channels", "predict_mask"):
            short = self.settings.networks[_named(network, rule)].channels.simulation
            return Cost(0, 0, 0, self._simulation(short.steps, mesh=1)) if short else Cost(0)
        if rule == "measure_statistics" and self.settings.ground_truth.source == "n_body":
            return WITH_OWNERS
        moves = rule in ("find_haloes", "find_haloes_at_known_centres")
        return BY_PARTICLES if moves and self.settings.halo_finding.displacement.method == "particle_mesh" else Cost(0)

    def _scaled(self, seconds: float, microseconds: float, rule: str) -> float:
        """Time here (s) of what was measured on another machine; ranks share the second part."""
        return (seconds + microseconds / 1e6 / self.ranks(rule)) / self.machine.core_speed

    def _simulation(self, steps: int, mesh: int) -> float:
        """Processor time of a simulation for a cell of the box (microseconds)."""
        return (steps + 1) * (COSTS["simulate_n_body"].microseconds + MESH_MICROSECONDS * mesh**3)

    def _cells(self, rule: str) -> int:
        """Cells of the box a job works on."""
        if rule in FIELD_LEVEL_RULES:
            return self.settings.field_level.cells**3
        if rule == "make_light_cone":
            from halonet.workflow.light_cone_costs import cells_of_light_cone  # half a second, in each Snakemake

            return cells_of_light_cone(self.settings)
        return (self.settings.mocks if "mock" in rule or rule in WITH_MOCKS else self.settings.boxes).cells ** 3

    def ranks(self, rule: str) -> int:
        """MPI ranks."""
        if rule in ("make_mock", "make_light_cone"):
            return (self.settings.mocks if rule == "make_mock" else self.settings.light_cone).ranks
        if rule in ("find_peak_patch_haloes", "find_n_body_haloes_of_snapshot", "make_batch", *N_BODY_RULES):
            return self.settings.ground_truth.ranks
        return self.settings.training.ranks if rule == "train_network" else 1

    def threads(self, rule: str) -> int:
        """CPU cores of each rank."""
        if rule == "simulate_n_body":
            return self.settings.ground_truth.n_body.threads
        if rule == "make_mock" and (threads := self.settings.mocks.threads_of_one):
            return threads
        return self.settings.training.threads if rule in THREADED else 1

    def gpus(self, rule: str) -> int:
        """GPUs of all ranks; a box is predicted on one."""
        training = self.settings.training
        if rule == "make_mock":
            return self.settings.mocks.ranks * self.settings.mocks.gpus
        if rule in ("predict_mask", "predict_soft_labels"):
            return min(1, training.gpus)
        return training.ranks * training.gpus if rule == "train_network" else 0

    def _operations(self, rule: str, network: str) -> float:
        chosen, boxes, prediction = self.settings.networks[network], self.settings.boxes, self.settings.prediction
        per_voxel = operations_per_voxel(chosen)
        if rule == "predict_mask":
            return per_voxel * boxes.cells**3 * prediction.overlap * SYMMETRIES[prediction.average]
        training = boxes.count - boxes.validation - boxes.test
        epochs = sum((stage.epochs or 0) * min(stage.boxes or training, training) for stage in chosen.stages)
        steps = sum((stage.steps or 0) * stage.batch_size * chosen.window_of(stage) ** 3 for stage in chosen.stages)
        return TRAINING_FACTOR * per_voxel * (epochs * boxes.cells**3 + steps)

    def _speed(self, rule: str) -> float:
        """Operations per second."""
        jobs, cores = self.settings.jobs, self.ranks(rule) * self.threads(rule)
        return 1e12 * (self.gpus(rule) * jobs.gpu_tflops or cores * self.machine.core_tflops)


def _named(network: str | None, rule: str) -> str:
    if network is None:
        raise ValueError(f"the cost of {rule} depends on its network, and none is named")
    return network
