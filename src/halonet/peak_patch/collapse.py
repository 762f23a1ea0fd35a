"""Collapse table: redshift of collapse of a homogeneous ellipsoid against overdensity, ellipticity and prolateness.

Two presets. ``published`` is the coarse table behind the published catalogues: 50 x 20 x 20 nodes, nodes that never
collapse hold -1 and are interpolated as they are, all in single precision (so the critical overdensity is 1.7162
today). ``fine`` is converged in the integration and in the nodes; nodes that never collapse hold 0, the limit of a
collapse in the far future.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numba
import numpy as np
from scipy.interpolate import CubicSpline

from halonet.checks.hdf5 import read_numbers
from halonet.cosmology import growth_factor, growth_rate
from halonet.dark_energy import density_ratio, equation_of_state
from halonet.mpi import Communicator
from halonet.peak_patch.integration import converged_collapse
from halonet.peak_patch.published import growth_history, published_collapse
from halonet.settings import CosmologySettings, SettingsError
from halonet.settings.simulation import COSMOLOGICAL_CONSTANT
from halonet.storage import StorageError, new_hdf5, open_hdf5

FREEZE_OUT = (0.01, 0.171, 0.171)  # of axes 1, 2, 3; 0.171 = 200^(-1/3), the virial density contrast
PROLATENESS_LIMIT = 0.9999
SHAPES = {"published": (50, 20, 20), "fine": (121, 41, 21)}
OVERDENSITIES = {"published": (1.5, 8.0), "fine": (1.5, 40.0)}
PRECISION = {"published": np.float32, "fine": np.float64}
SOLVED_FOR = ("omega_m", "omega_b", "w0", "wa")
THRESHOLD_STEP = {"published": 1e-4, "fine": 1e-6}


@dataclass(frozen=True)
class CollapseTable:
    """1 + z of collapse on a regular grid.

    Attributes
    ----------
    values
        1 + z of collapse, float64 of shape (overdensities, ellipticities, ratios).
    axes
        First node and spacing of log10 F, e and p / e, float64 of shape (3, 2).
    kind
        ``published`` or ``fine``.
    omega_m, omega_b, w0, wa
        Densities and dark energy the table was solved for; nothing else of the cosmology enters.
    """

    values: np.ndarray
    axes: np.ndarray
    kind: str
    omega_m: float
    omega_b: float
    w0: float = -1.0
    wa: float = 0.0

    def threshold(self, redshift: float) -> float:
        """Critical linear overdensity f_c (today's linear field) of a sphere that collapses at ``redshift``."""
        return float(self.thresholds(np.array([redshift]))[0])

    def thresholds(self, redshifts: np.ndarray) -> np.ndarray:
        """Critical linear overdensities (today's linear field) at each of ``redshifts``, of their shape.

        log10 F is walked down from its maximum until the sphere no longer collapses in time, and one step more. The
        steps of the published table, 1e-4 summed in single precision, are part of its value of 1.7162 today.
        """
        logs, latest = self._walk
        late = np.searchsorted(-latest, -(1 + redshifts), side="left")
        if len(wrong := redshifts[(late == 0) | (late == len(logs))]):
            (start, spacing), last = self.axes[0], len(self.values) - 1
            raise ValueError(
                f"redshift {wrong[0]:g}: the {self.kind} collapse table, overdensities {10**start:.3g} to "
                f"{10 ** (start + spacing * last):.3g} today, has no critical overdensity; collapse_table 'fine' "
                "reaches farther"
            )
        return 10 ** (logs[late] - THRESHOLD_STEP[self.kind])

    @cached_property
    def _walk(self) -> tuple[np.ndarray, np.ndarray]:
        """log10 F at the steps, falling, and the least 1 + z at which a sphere collapses up to each of them."""
        (start, spacing), step = self.axes[0], THRESHOLD_STEP[self.kind]
        nodes = start + spacing * np.arange(len(self.values))
        steps = np.full(int((nodes[-1] - nodes[0]) / step), -step)
        steps[0] = nodes[-1]
        logs = np.cumsum(steps, dtype=PRECISION[self.kind]).astype(float)
        return logs, np.minimum.accumulate(np.interp(logs, nodes, self.values[:, 0, 0]))


@numba.njit(cache=True)
def look_up(values, axes, overdensity, ellipticity, prolateness):
    """1 + z of collapse by trilinear interpolation in (log10 F, e, p / e), -1 outside the table."""
    ratio = 0.0 if ellipticity < 1e-5 else prolateness / ellipticity
    if overdensity <= 0:
        return -1.0
    x = (np.log10(overdensity) - axes[0, 0]) / axes[0, 1]
    y = (ellipticity - axes[1, 0]) / axes[1, 1]
    z = (ratio - axes[2, 0]) / axes[2, 1]
    nx, ny, nz = values.shape
    if not (0 <= x <= nx - 1 and 0 <= y <= ny - 1 and 0 <= z <= nz - 1):
        return -1.0
    i, j, k = min(int(x), nx - 2), min(int(y), ny - 2), min(int(z), nz - 2)
    x, y, z = x - i, y - j, z - k
    low = (1 - y) * ((1 - z) * values[i, j, k] + z * values[i, j, k + 1])
    low += y * ((1 - z) * values[i, j + 1, k] + z * values[i, j + 1, k + 1])
    high = (1 - y) * ((1 - z) * values[i + 1, j, k] + z * values[i + 1, j, k + 1])
    high += y * ((1 - z) * values[i + 1, j + 1, k] + z * values[i + 1, j + 1, k + 1])
    return (1 - x) * low + x * high


def strain_eigenvalues(
    overdensity: np.ndarray | float, ellipticity: np.ndarray | float, prolateness: np.ndarray | float
) -> np.ndarray:
    """Linear strain l1 <= l2 <= l3 of overdensity F, ellipticity e and prolateness p; shape (..., 3)."""
    third = np.asarray(overdensity) / 3
    return np.stack(
        [
            third * (1 - 3 * ellipticity + prolateness),
            third * (1 - 2 * prolateness),
            third * (1 + 3 * ellipticity + prolateness),
        ],
        axis=-1,
    )


def growth_table(cosmology: CosmologySettings, last: float = 9.0, spacing: float = 1e-4) -> np.ndarray:
    """Growth factor and rate at the scale factors 0, ``spacing``, ... up to ``last``, as the integrations read them.

    Rows of the result are the growth factor, its logarithmic rate, and ``spacing``; shape (3, scale factors). Dark
    energy that is no constant adds its density over today's, and -(1 + 3 w) / 2 times that: shape (5, scale factors).
    """
    knots = np.concatenate([np.geomspace(1e-4, 0.02, 40)[:-1], np.linspace(0.02, last, 400)])
    a = spacing * np.arange(int(last / spacing))
    inside = np.maximum(a, knots[0])
    factor = CubicSpline(knots, [growth_factor(cosmology, 1 / knot - 1) / knot for knot in knots])(inside) * a
    rate = CubicSpline(knots, [growth_rate(cosmology, 1 / knot - 1) for knot in knots])(inside)
    rows = [factor, rate, np.full_like(a, spacing)]
    if not cosmology.has_constant:
        density = np.array([density_ratio(cosmology, each) for each in inside])
        state = np.array([equation_of_state(cosmology, each) for each in inside])
        rows += [density, -(1 + 3 * state) / 2 * density]
    return np.stack(rows)


@numba.njit(cache=True, nogil=True)
def _solve_published(nodes, lambda_ratio, history, freeze_out, result):
    for i in range(len(nodes)):
        overdensity, ellipticity, prolateness = nodes[i]
        result[i] = published_collapse(overdensity, ellipticity, prolateness, lambda_ratio, history, freeze_out)


@numba.njit(cache=True, nogil=True)
def _solve_fine(nodes, lambda_ratio, growth, freeze_out, result):
    for i in range(len(nodes)):
        result[i] = converged_collapse(nodes[i], lambda_ratio, growth, freeze_out)


def solve_collapse_table(
    cosmology: CosmologySettings,
    kind: str = "published",
    freeze_out: tuple = FREEZE_OUT,
    communicator: Communicator | None = None,
) -> CollapseTable:
    """Solve the collapse of every node, shared out over MPI ranks or, without MPI, over threads.

    Parameters
    ----------
    kind
        ``published`` (50 x 20 x 20 nodes, seconds) or ``fine`` (121 x 41 x 21 nodes, a minute or two).
    freeze_out
        Fractions of the background size at which axes 1, 2 and 3 freeze.
    """
    if kind == "published" and not cosmology.has_constant:
        raise SettingsError(
            f"collapse_table = 'published' with w0 = {cosmology.w0:g}, wa = {cosmology.wa:g}: the published table is "
            "that of a cosmological constant; set collapse_table to 'fine'"
        )
    lowest, highest = np.log10(OVERDENSITIES[kind])
    limits = ((lowest, highest), (0.0, 0.5), (-PROLATENESS_LIMIT, PROLATENESS_LIMIT))
    nodes = [np.linspace(low, high, count) for (low, high), count in zip(limits, SHAPES[kind], strict=True)]
    log_f, e, ratio = np.meshgrid(*nodes, indexing="ij")
    shapes = np.stack([10**log_f, e, ratio * e], axis=-1).reshape(-1, 3)
    rank, ranks = (communicator.rank, communicator.size) if communicator else (0, 1)
    threads = 1 if communicator else os.cpu_count() or 1
    # Dealt out like cards: nodes of high overdensity take longer.
    result = _solve_nodes(shapes[rank::ranks], cosmology, kind, freeze_out, threads)
    values = np.empty(len(shapes))
    for i, part in enumerate(communicator.allgather(result) if communicator else [result]):
        values[i::ranks] = part
    axes = np.array([(node[0], node[1] - node[0]) for node in nodes])
    solved_for = {name: getattr(cosmology, name) for name in SOLVED_FOR}
    return CollapseTable(values.reshape(SHAPES[kind]), axes, kind, **solved_for)


def _solve_nodes(
    shapes: np.ndarray, cosmology: CosmologySettings, kind: str, freeze_out: tuple, threads: int
) -> np.ndarray:
    if kind == "published":
        kernel, nodes, growth = _solve_published, shapes, growth_history(cosmology)
    else:
        kernel, nodes, growth = _solve_fine, strain_eigenvalues(*shapes.T), growth_table(cosmology)
    real, result = PRECISION[kind], np.empty(len(nodes))
    ratio = real((1 - cosmology.omega_m) / cosmology.omega_m)
    nodes, frozen = nodes.astype(real), np.array(freeze_out, real)
    chunks = np.array_split(np.arange(len(nodes)), 8 * threads)
    parts = [slice(chunk[0], chunk[-1] + 1) for chunk in chunks if len(chunk)]

    def solve(part: slice) -> None:
        kernel(nodes[part], ratio, growth, frozen, result[part])

    solve(parts[0])  # compiles and caches, which threads must not do at the same time
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(solve, parts[1:]))
    return result


def write_collapse_table(path: str | Path, table: CollapseTable, provenance: dict) -> None:
    """Write a collapse table atomically."""
    with new_hdf5(path) as file:
        data = file.create_dataset("collapse", data=table.values, fletcher32=True)  # a damaged one is not read
        data.attrs["description"] = "1 + z of collapse; axes log10 F, e, p/e; -1 or 0: never collapses"
        axes = file.create_dataset("axes", data=table.axes, fletcher32=True)
        axes.attrs["description"] = "first node and spacing of each axis"
        file.attrs["kind"], file.attrs["omega_m"], file.attrs["omega_b"] = table.kind, table.omega_m, table.omega_b
        for name, usual in COSMOLOGICAL_CONSTANT.items():
            if getattr(table, name) != usual:
                file.attrs[name] = getattr(table, name)
        file.attrs["provenance"] = json.dumps(provenance)


def read_collapse_table(path: str | Path, cosmology: CosmologySettings, kind: str) -> CollapseTable:
    """Read a collapse table; one of another cosmology or kind is refused."""
    with open_hdf5(path) as file:
        if "collapse" not in file or "axes" not in file or not {"kind", "omega_m", "omega_b"} <= set(file.attrs):
            raise StorageError(f"{path}: no collapse table; solve_collapse_table.py writes one")
        numbers = {name: float(file.attrs.get(name, COSMOLOGICAL_CONSTANT.get(name))) for name in SOLVED_FOR}
        values, axes = (read_numbers(path, file[name]) for name in ("collapse", "axes"))
        table = CollapseTable(values, axes, str(file.attrs["kind"]), **numbers)
    if table.kind != kind:
        raise StorageError(f"{path}: collapse table {table.kind!r}, but the settings ask for {kind!r}")
    for name in SOLVED_FOR:
        solved, asked = getattr(table, name), getattr(cosmology, name)
        if abs(solved - asked) > 1e-9:
            raise StorageError(f"{path}: solved for {name} = {solved}, but the cosmology has {asked}")
    return table
