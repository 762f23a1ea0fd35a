"""Friends of friends over ranks: the bits of one rank, whatever crosses the faces of the slabs."""

import numpy as np
import pytest
from thread_ranks import on_ranks

from halonet.columns import COLUMNS
from halonet.friends_of_friends.columns import UNIT
from halonet.friends_of_friends.groups import find_groups
from halonet.friends_of_friends.haloes import find_haloes
from halonet.friends_of_friends.over_ranks import find_groups_of_slabs
from halonet.friends_of_friends.parts import fetch_part, positions_of
from halonet.grid.slabs import Slabs
from halonet.particles import Particles
from halonet.settings import CosmologySettings, NBodySettings
from halonet.storage import FieldHeader

N = 22
SETTINGS = NBodySettings(minimum_cells=8, linking_length=0.3)


def particles(displacements, slabs=None):
    """Particles of a rank's planes of cells of 1 Mpc, velocities from their displacements."""
    slabs = slabs or Slabs(len(displacements))
    mine = displacements[slabs.start : slabs.stop]
    header = FieldHeader(float(slabs.cells), 0.0, CosmologySettings().model_dump())
    return Particles(mine, 100 * mine, header, slabs.start)


def clustered(seed):
    """Displacements towards random centres, by which groups of all sizes form, across every face."""
    random = np.random.default_rng(seed)
    lattice = np.stack(np.meshgrid(*[np.arange(N) + 0.5] * 3, indexing="ij"), axis=-1)
    displacements = random.normal(0, 0.2, lattice.shape)
    for centre, radius in zip(random.uniform(0, N, (40, 3)), random.uniform(1.2, 4, 40), strict=True):
        apart = centre - lattice
        apart -= N * np.round(apart / N)
        inside = (apart**2).sum(axis=-1) < radius**2
        displacements[inside] = 0.85 * apart[inside]
    return displacements.astype("f4")


def chain():
    """A filament along x through the whole box, whose ends are friends across its face, and all other cells apart."""
    displacements = np.zeros((N, N, N, 3), "f4")
    displacements[:, 3:8, 3:8, 1:] = 5.4 - (np.indices((N, 5, 5))[1:].transpose(1, 2, 3, 0) + 3.5)
    displacements[:, 3:8, 3:8, 0] = ((np.arange(25).reshape(5, 5) - 12) / 25)[None]
    return displacements


FIELDS = {"clustered": clustered(1), "chain": chain()}


@pytest.fixture(scope="module")
def alone():
    return {name: find_haloes(particles(field), CosmologySettings(), SETTINGS) for name, field in FIELDS.items()}


@pytest.mark.parametrize("ranks", [2, 3, 4, 7])
@pytest.mark.parametrize("name", FIELDS)
def test_haloes_and_owners_have_the_bits_of_one_rank(name, ranks, alone):
    def work(communicator):
        slabs = Slabs(N, communicator)
        return find_haloes(particles(FIELDS[name], slabs), CosmologySettings(), SETTINGS, slabs=slabs)

    catalogue, owners = alone[name]
    found, _ = on_ranks(ranks, work)
    assert len(catalogue) > (0 if name == "chain" else 20)
    for each, _ in found:
        assert set(each.columns) == set(catalogue.columns) <= set(COLUMNS)
        for column, values in catalogue.columns.items():
            np.testing.assert_array_equal(each[column], values, err_msg=column)
    np.testing.assert_array_equal(np.concatenate([slab for _, slab in found]), owners)


def test_the_boxes_of_these_tests_have_haloes_across_every_face_of_the_slabs(alone):
    owners = alone["clustered"][1]
    for plane in range(N):
        pair = owners[[plane - 1, plane]]
        assert set(pair[0].ravel()) & set(pair[1].ravel()) - {-1}
    assert alone["chain"][0]["cells"].max() >= 25 * N


@pytest.mark.parametrize("linking_length", [0.2, 0.45, 3.0, 9.0])
def test_groups_and_friends_are_those_of_one_rank_for_any_linking_length(linking_length):
    positions = positions_of(particles(FIELDS["clustered"]))
    expected = find_groups(positions, N, linking_length)

    def work(communicator):
        slabs = Slabs(N, communicator)
        return find_groups_of_slabs(slabs, particles(FIELDS["clustered"], slabs), linking_length)

    found, _ = on_ranks(3, work)
    np.testing.assert_array_equal(np.concatenate([roots for roots, _ in found]), expected.roots)
    np.testing.assert_array_equal(np.concatenate([friends for _, friends in found]), expected.friends)


@pytest.mark.parametrize("reach", [0.5, 3.0, 40.0])
def test_a_part_has_its_planes_and_what_is_within_reach_and_no_more(reach):
    """No field is gathered: what a rank holds falls with the number of ranks, but for the reach."""
    positions = positions_of(particles(FIELDS["clustered"]))

    def work(communicator):
        slabs = Slabs(N, communicator)
        return slabs.start, slabs.stop, *fetch_part(slabs, particles(FIELDS["clustered"], slabs), int(reach * UNIT))

    x = positions[:, 0] / UNIT
    for start, stop, part, held in on_ranks(5, work)[0]:
        middle, half = (start + stop) / 2, (stop - start) / 2
        apart = np.abs((x - middle + N / 2) % N - N / 2)
        np.testing.assert_array_equal(np.sort(part.indices), np.flatnonzero(apart <= half + reach))
        np.testing.assert_array_equal(np.sort(part.indices[part.own]), np.flatnonzero((x >= start) & (x < stop)))
        np.testing.assert_array_equal(held, positions[part.indices])
