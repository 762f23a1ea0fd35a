"""Clouds in cells and forces of the mesh, against sums that know no mesh."""

from itertools import product

import numpy as np
import pytest
from scipy.special import erfc

from halonet.grid.fixed_point import FRACTION_BITS, fixed_positions
from halonet.grid.slabs import Slabs
from halonet.n_body.clouds import ABOVE, BELOW, WEIGHT, deposit, read_out
from halonet.n_body.forces import Gravity
from halonet.n_body.mesh import ForceMesh
from halonet.settings import SettingsError

UNIT = 1 << FRACTION_BITS


def random_places(count, side, seed):
    return np.random.default_rng(seed).integers(0, side * UNIT, (count, 3)).astype(np.uint32)


def clouds(positions, side):
    """Weights of clouds in cells on a mesh of ``side``^3 points, in double precision."""
    mesh = np.zeros((side,) * 3)
    lower, fraction = positions // UNIT, (positions % UNIT) / UNIT
    for corner in product((0, 1), repeat=3):
        weight = np.where(corner, fraction, 1 - fraction).prod(axis=1)
        np.add.at(mesh, tuple(((lower + corner) % side).T), weight)
    return mesh


def deposited(positions, side, rows=None):
    counts = np.zeros((BELOW + side + ABOVE, side, side), np.int32)
    for first, last in rows or [(0, side)]:
        deposit(positions, counts, 0, first, last)
    own = counts[BELOW : BELOW + side].copy()
    own[0] += counts[BELOW + side]
    return own


def test_clouds_are_those_of_the_textbook_to_the_rounding_of_weights_and_lose_no_mass():
    positions = random_places(500, 8, 1)
    mesh = deposited(positions, 8)
    assert mesh.sum() == 500 * WEIGHT
    error = np.abs(mesh / WEIGHT - clouds(positions, 8))
    assert error.max() < 500 / 8**3 * 8 * 2 / WEIGHT


def test_forces_move_with_the_mesh_to_the_last_bit_across_its_edges():
    """A shift along y and z takes other particles to the edges, where neighbours are on the other side of the box."""
    positions, side, shift = random_places(400, 16, 4), 16, (0, 5, 9)
    potential = np.random.default_rng(5).normal(size=(BELOW + side + ABOVE, side, side)).astype(np.float32)
    moved = (positions + UNIT * np.array(shift, np.uint32)) % (side * UNIT)
    there = np.roll(potential, shift, (0, 1, 2))
    found = np.empty((2, 400, 3), np.float32)
    for forces, where, mesh in zip(found, (positions, moved.astype(np.uint32)), (potential, there), strict=True):
        read_out(where, mesh, 0, 1.0, forces)
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found).min() > 0


def test_a_particle_s_weights_are_never_negative():
    for seed in range(200):
        assert deposited(random_places(1, 4, seed), 4).min() >= 0


def test_the_mesh_is_the_same_whatever_the_order_of_particles_and_the_rows_of_threads():
    positions = random_places(300, 8, 2)
    whole = deposited(positions, 8)
    np.testing.assert_array_equal(whole, deposited(positions[::-1].copy(), 8))
    np.testing.assert_array_equal(whole, deposited(positions, 8, [(0, 3), (3, 4), (4, 8)]))


def four_points(field, axis):
    near = np.roll(field, -1, axis) - np.roll(field, 1, axis)
    far = np.roll(field, -2, axis) - np.roll(field, 2, axis)
    return (8 * near - far) / 12


def test_read_out_is_the_adjoint_of_deposit():
    """Sum over particles of what is read out = sum over the mesh of the field times what was deposited."""
    side, positions = 8, random_places(300, 8, 3)
    field = np.random.default_rng(4).standard_normal((side,) * 3).astype(np.float32)
    padded = np.concatenate([field[-BELOW:], field, field[:ABOVE]])
    forces = np.empty((300, 3), np.float32)
    read_out(positions, padded, 0, 1.0, forces)
    weights = deposited(positions, side) / WEIGHT
    for axis in range(3):
        expected = -(four_points(field.astype(float), axis) * weights).sum()
        assert forces[:, axis].sum(dtype=float) == pytest.approx(expected, rel=1e-5)


def ewald(separation, side):
    """Force of a unit source at a separation: grad of 1 / (4 pi r), summed over periodic images (Ewald 1921)."""
    alpha, force = 2.5 / side, np.zeros(3)
    for image in product(range(-4, 5), repeat=3):
        r = separation + side * np.array(image)
        d = np.sqrt(r @ r)
        spread = 2 * alpha / np.sqrt(np.pi) * np.exp(-((alpha * d) ** 2)) * d
        force -= r / (4 * np.pi * d**3) * (erfc(alpha * d) + spread)
    for mode in product(range(-6, 7), repeat=3):
        k = 2 * np.pi / side * np.array(mode)
        if (square := k @ k) > 0:
            force -= k / square * np.exp(-square / (4 * alpha**2)) * np.sin(k @ separation) / side**3
    return force


def test_forces_of_the_mesh_are_those_of_a_direct_sum_over_particles_and_their_images():
    side, positions = 48, random_places(6, 48, 12)
    apart = (positions[:, None].astype(float) - positions) / UNIT
    apart -= side * np.round(apart / side)
    distances = np.sqrt((apart**2).sum(-1))[np.triu_indices(6, 1)]
    assert distances.min() > 6
    mesh = ForceMesh(Slabs(side), 6)
    deposit(positions, mesh.counts, 0, 0, side)
    mesh.solve()
    forces = np.empty((6, 3), np.float32)
    read_out(positions, mesh.real, 0, 1.0, forces)
    # Each particle stands for a sixth of the matter of the box.
    expected = [sum(ewald(apart[i, j], side) * side**3 / 6 for j in range(6) if j != i) for i in range(6)]
    size = np.sqrt((np.array(expected) ** 2).sum(axis=1)).mean()
    assert np.abs(forces - expected).max() < 0.01 * size


def pulls(distance):
    """Force of the mesh along the line between pairs at a distance (cells), over that of a direct sum; 60 pairs."""
    side, random, ratios = 32, np.random.default_rng(13), []
    for _ in range(60):
        direction = random.normal(0, 1, 3)
        apart = distance * direction / np.sqrt(direction @ direction)
        first = random.uniform(0, side, 3)
        positions = (np.floor(np.array([first, first + apart]) * UNIT).astype(np.int64) % (side * UNIT)).astype(
            np.uint32
        )
        mesh = ForceMesh(Slabs(side), 2)
        deposit(positions, mesh.counts, 0, 0, side)
        mesh.solve()
        forces = np.empty((2, 3), np.float32)
        read_out(positions, mesh.real, 0, 1.0, forces)
        expected = ewald(-apart, side) * side**3 / 2
        ratios.append(forces[0] @ expected / (expected @ expected))
    return np.array(ratios)


def test_pairs_three_cells_apart_pull_as_a_direct_sum_does_and_closer_ones_are_softened():
    near, apart = pulls(1.0), pulls(3.0)
    assert near.mean() < 0.6
    assert apart.mean() == pytest.approx(1, abs=0.03)
    assert apart.std() < 0.06


def test_a_particle_does_not_pull_itself():
    side, positions = 16, random_places(1, 16, 5)
    mesh = ForceMesh(Slabs(side), 1)
    deposit(positions, mesh.counts, 0, 0, side)
    mesh.solve()
    forces = np.empty((1, 3), np.float32)
    read_out(positions, mesh.real, 0, 1.0, forces)
    neighbour = (positions + UNIT // 2 * np.array([2, 0, 0])) % (side * UNIT)
    other = np.empty((1, 3), np.float32)
    read_out(neighbour.astype(np.uint32), mesh.real, 0, 1.0, other)
    assert np.abs(forces).max() < 1e-3 * np.abs(other).max()


def test_all_forces_on_each_other_cancel(random_density):
    slabs = Slabs(16)
    gravity = Gravity(slabs, 2)
    displacements = np.random.default_rng(6).normal(0, 2, (16, 16, 16, 3)).astype(np.float32)
    gravity.update(displacements)
    momenta = np.zeros_like(displacements)
    gravity.kick(momenta, displacements, 1.0)
    total, size = momenta.sum(axis=(0, 1, 2), dtype=float), np.abs(momenta).sum(dtype=float)
    assert np.abs(total).max() < 1e-6 * size


@pytest.mark.parametrize("refinement", [1, 2, 3])
def test_a_lattice_that_has_not_moved_pulls_nothing(refinement):
    gravity = Gravity(Slabs(8), refinement)
    displacements, momenta = np.zeros((8, 8, 8, 3), np.float32), np.zeros((8, 8, 8, 3), np.float32)
    gravity.update(displacements)
    gravity.kick(momenta, displacements, 1.0)
    assert np.abs(momenta).max() < 1e-5


def test_positions_wrap_and_are_rounded_to_the_nearest():
    displacements = np.array([[-0.75, 7.5, 0.1], [100 * 8 + 0.25, 0, -0.5 - 2**-22]], np.float32)
    positions = np.empty((2, 3), np.uint32)
    fixed_positions(displacements, 0, 8, 2, 0.5, positions)
    centres = np.array([[0.5, 0.5, 0.5], [0.5, 0.5, 1.5]])
    expected = (((centres + displacements.astype(float)) * 2 - 0.5) % 16) * UNIT
    assert np.abs(positions - expected).max() <= 0.5


def piled_up(cells):
    """All particles of a box on one point of a mesh as fine as the cells."""
    lattice = np.stack(np.meshgrid(*[np.arange(cells)] * 3, indexing="ij"), axis=-1)
    return (0.5 - lattice).astype(np.float32)


def test_a_cell_of_the_mesh_that_overflows_is_refused_and_does_not_wrap():
    Gravity(Slabs(50), 1).update(piled_up(50))  # 125,000 in one cell still fit
    with pytest.raises(SettingsError, match=r"more than 131072 particles in a cell of the force mesh \(52 cells"):
        Gravity(Slabs(52), 1).update(piled_up(52))


def test_a_mesh_that_is_too_large_or_too_thin_is_refused_by_name():
    with pytest.raises(SettingsError, match=r"2048 x 4 = 8192 cells along a side is larger than 4096.*n_body.mesh"):
        Gravity(Slabs(2048), 4)

    class Rank:
        rank, size = 0, 4

    with pytest.raises(SettingsError, match="8 cells on 4 ranks has 2 planes a rank; at least 3"):
        ForceMesh(Slabs(8, Rank()), 8)
