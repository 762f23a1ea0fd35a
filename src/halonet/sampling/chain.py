"""A chain: transitions, their record, and checkpoints from which it goes on bit for bit.

Every random number comes from a Philox generator keyed by seed and chain, whose state stands in the checkpoint with all
that the sampler remembers.
"""

import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np

from halonet.initial_conditions.noise import generator
from halonet.sampling.samplers import Sampler
from halonet.storage import StorageError, atomic_path, new_hdf5, open_hdf5

RECORDS = {
    "energy": "potential: minus the logarithm of posterior, up to a constant",
    "acceptance": "probability with which the proposal was accepted",
    "energy_error": "error of the Hamiltonian along the trajectory",
    "gradients": "gradients the trajectory took",
    "divergent": "1 where the energy error exceeds 1000",
    "bad_gradient": "1 where an energy or gradient was not finite",
}
# What reading a checkpoint ends with that is cut short, empty, a folder, or no checkpoint at all.
DAMAGED = (OSError, EOFError, ValueError, TypeError, AttributeError, zipfile.BadZipFile)


class ChainSettings(Protocol):
    """How long a chain is, which of its transitions are samples, and how often it is saved."""

    @property
    def warmup(self) -> int:
        """Transitions before the first sample."""

    @property
    def transitions(self) -> int:
        """All transitions."""

    @property
    def thinning(self) -> int:
        """Transitions from one sample to the next."""

    @property
    def checkpoint_interval(self) -> int:
        """Transitions from one checkpoint to the next."""


class Chain:
    """A chain of ``settings.warmup`` transitions and then every ``settings.thinning``-th of the rest as samples.

    Parameters
    ----------
    checkpoint
        File from which an interrupted chain goes on, if it is there; None for no checkpoints.
    fingerprint
        What identifies model, data and settings; a checkpoint of others is refused.
    """

    def __init__(
        self,
        sampler: Sampler,
        settings: ChainSettings,
        seed: int,
        index: int = 0,
        checkpoint: str | Path | None = None,
        fingerprint: str = "",
    ):
        self.sampler, self.settings, self.fingerprint, self.index = sampler, settings, fingerprint, index
        self.rng = generator(seed, "neural bias chain", index)
        self.checkpoint = Path(checkpoint) if checkpoint else None
        self.done = 0
        self.theta = np.zeros((settings.transitions, len(sampler.theta)))
        self.records = {name: np.zeros(settings.transitions) for name in RECORDS}
        if self.checkpoint and self.checkpoint.exists():
            self._resume(self.checkpoint)

    def run(self, until: int | None = None, track: Callable[[range], Iterable[int]] = iter) -> "Chain":
        """Go on to transition ``until`` (default: the end), with checkpoints; ``track`` shows how far it is."""
        for iteration in track(range(self.done, self.settings.transitions if until is None else until)):
            outcome = self.sampler.advance(iteration, self.rng)
            self.theta[iteration] = self.sampler.theta
            values = {"energy": self.sampler.energy} | outcome._asdict()
            for name in RECORDS:
                self.records[name][iteration] = values[name]
            self.done = iteration + 1
            if self.checkpoint and self.done % self.settings.checkpoint_interval == 0:
                self._save(self.checkpoint)
        return self

    @property
    def samples(self) -> np.ndarray:
        """Thinned samples after the warm-up, shape (samples, parameters)."""
        return self.theta[self.settings.warmup :: self.settings.thinning]

    def _save(self, checkpoint: Path) -> None:
        # The generator's counters are arrays of 64 bits, which JSON takes as plain integers.
        random = json.dumps(self.rng.bit_generator.state, default=lambda value: value.tolist())
        arrays: dict[str, Any] = {"random": random, "fingerprint": self.fingerprint, "chain": self.index}
        arrays |= {"history": self.theta[: self.done]}
        arrays |= {name: values[: self.done] for name, values in self.records.items()}
        arrays |= {f"sampler.{name}": value for name, value in self.sampler.arrays().items()}
        with atomic_path(checkpoint) as temporary, open(temporary, "wb") as file:
            np.savez(file, **arrays)

    def _resume(self, checkpoint: Path) -> None:
        try:
            arrays = _arrays_of(checkpoint)
        except DAMAGED as error:
            raise StorageError(f"{checkpoint}: no complete checkpoint ({error}); delete it to start anew") from None
        if str(arrays["fingerprint"]) != self.fingerprint:
            raise StorageError(f"{checkpoint}: a checkpoint of other data or settings; delete it to start anew")
        if int(arrays["chain"]) != self.index:
            raise StorageError(
                f"{checkpoint}: a checkpoint of chain {arrays['chain']}, this is chain {self.index}; name another file "
                "for it, or delete the checkpoint"
            )
        self.done = len(arrays["history"])
        self.theta[: self.done] = arrays["history"]
        for name in RECORDS:
            self.records[name][: self.done] = arrays[name]
        state = json.loads(str(arrays["random"]))
        for name in ("counter", "key"):
            state["state"][name] = np.array(state["state"][name], np.uint64)
        state["buffer"] = np.array(state["buffer"], np.uint64)
        self.rng.bit_generator.state = state
        self.sampler.restore({k.removeprefix("sampler."): v for k, v in arrays.items() if k.startswith("sampler.")})


def _arrays_of(checkpoint: Path) -> dict[str, np.ndarray]:
    """Arrays of a checkpoint; one of :data:`DAMAGED` is raised where they are not all there."""
    with np.load(checkpoint) as file:
        arrays = dict(file)
    if missing := {"random", "fingerprint", "chain", "history", *RECORDS} - set(arrays):
        raise ValueError(f"{', '.join(sorted(missing))} missing")
    return arrays


def is_checkpoint_of(checkpoint: str | Path, fingerprint: str, index: int) -> bool:
    """Whether a file is a checkpoint of this very chain; what else it may be is somebody else's."""
    try:
        arrays = _arrays_of(Path(checkpoint))
    except DAMAGED:
        return False
    return str(arrays["fingerprint"]) == fingerprint and int(arrays["chain"]) == index


def write_chain(
    path: str | Path,
    chain: Chain,
    names: list[str],
    provenance: dict[str, Any],
    extra: dict[str, np.ndarray] | None = None,
) -> None:
    """Write a finished chain: warm-up and samples, what became of each proposal, the sampler's last state.

    Parameters
    ----------
    names
        Name of every parameter.
    extra
        Further arrays by name, like counts derived from the samples; of any shape.
    """
    with new_hdf5(path) as file:
        file["theta"] = chain.theta
        file["theta"].attrs["names"] = names
        for name, description in RECORDS.items():
            file[name] = chain.records[name]
            file[name].attrs["description"] = description
        for name, values in (extra or {}).items():
            file[name] = values
        for name, values in chain.sampler.arrays().items():
            file[f"sampler/{name}"] = values
        file.attrs["warmup"], file.attrs["thinning"] = chain.settings.warmup, chain.settings.thinning
        file.attrs["fingerprint"], file.attrs["chain"] = chain.fingerprint, chain.index
        file.attrs["provenance"] = json.dumps(provenance)


def is_chain_of(path: str | Path, fingerprint: str, index: int) -> bool:
    """Whether a file holds this very chain, finished: by a process that outlived the one that started it."""
    if not Path(path).exists():
        return False
    with open_hdf5(path) as file:
        return file.attrs.get("fingerprint") == fingerprint and file.attrs.get("chain") == index


def read_chain(path: str | Path) -> dict[str, np.ndarray]:
    """Arrays of a chain's file by name.

    ``theta`` has the shape (transitions, parameters); ``samples`` are those after the warm-up, thinned.
    """
    with open_hdf5(path) as file:
        if "theta" not in file or "warmup" not in file.attrs:
            raise StorageError(
                f"{path}: no chain of the neural bias model; datasets theta and attribute warmup are missing"
            )
        arrays = {name: data[()] for name, data in file.items() if isinstance(data, h5py.Dataset)}
        arrays["samples"] = arrays["theta"][int(file.attrs["warmup"]) :: int(file.attrs["thinning"])]
        arrays["warmup"] = np.array(int(file.attrs["warmup"]))
    return arrays
