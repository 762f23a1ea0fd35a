"""Particles of a snapshot in the units of users, from the state of a simulation."""

from typing import Any

import numpy as np

from halonet.n_body.schedule import Step
from halonet.n_body.simulation import State
from halonet.storage import FieldHeader


def snapshot_header(step: Step, header: FieldHeader, provenance: dict[str, Any]) -> FieldHeader:
    """Header of a snapshot: that of the density, at the redshift of the snapshot."""
    cosmology = header.known_cosmology() | {"redshift": step.snapshot}
    return FieldHeader(header.box_size_mpc, step.snapshot, cosmology, header.seed, provenance)


def comoving_fields(
    step: Step, state: State, header: FieldHeader, overwrite: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Displacements (comoving Mpc) and peculiar velocities (km/s), float32 of shape (N / ranks, N, N, 3).

    The velocity is a dx/dt = p / a, with momenta p in cells and H0 = 1. To ``overwrite`` the state, which then is of no
    more use, saves a copy of it.
    """
    cell_size = header.box_size_mpc / state.displacements.shape[1]
    to_velocity = 100 * header.known_cosmology()["h"] * cell_size / step.a
    into = (state.displacements, state.momenta) if overwrite else (None, None)
    displacements = np.multiply(state.displacements, np.float32(cell_size), out=into[0])
    return displacements, np.multiply(state.momenta, np.float32(to_velocity), out=into[1])
