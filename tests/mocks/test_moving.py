"""Haloes moved by a short simulation: its limits, its symmetries, and that it is nearer to a long simulation."""

import json
from dataclasses import replace

import numpy as np
import pytest
from thread_ranks import on_ranks

from halonet.catalogue import EULERIAN, VELOCITY, HaloCatalogue
from halonet.cosmology import compute_power_spectrum, mean_matter_density
from halonet.grid.resampling import block_means
from halonet.grid.slabs import Slabs
from halonet.halo_finding.haloes import with_columns_of_particles, with_eulerian_columns
from halonet.initial_conditions.density import linear_density
from halonet.mocks import by_network
from halonet.mocks.by_n_body import NBodyMock
from halonet.mocks.by_network import NetworkMock
from halonet.mocks.moving import KeptParticles, check_displacement, move_haloes, simulated_particles
from halonet.mocks.request import MockRequest
from halonet.n_body.ends import where_particles_end
from halonet.particles import Particles
from halonet.settings import (
    CosmologySettings,
    DisplacementSettings,
    HaloFindingSettings,
    NBodySettings,
    SettingsError,
    ShortSimulationSettings,
    validate,
)
from halonet.storage import FieldHeader, read_field

CELLS, COSMOLOGY = 32, CosmologySettings()
SHORT = DisplacementSettings(method="particle_mesh")
GATHERED = SHORT.model_copy(update={"average": "gathered"})
SPACED = GATHERED.model_copy(update={"spacing": 2})
MOVES = {"2lpt": DisplacementSettings(), "means": SHORT, "gathered": GATHERED, "spaced": SPACED}
HEADER = FieldHeader(float(CELLS), 0.0, COSMOLOGY.model_dump(), 5)


@pytest.fixture(scope="module")
def density():
    k, power = compute_power_spectrum(COSMOLOGY)
    return linear_density(Slabs(CELLS), 5, float(CELLS), k, power, COSMOLOGY)


@pytest.fixture(scope="module")
def spheres():
    """Spheres at centres of cells anywhere in the box, one across its corner."""
    rng = np.random.default_rng(2)
    centres = np.vstack([[0.5, 0.5, 31.5], rng.integers(0, CELLS, (40, 3)) + 0.5])
    radius = rng.uniform(2, 5, len(centres))
    cells = 4 / 3 * np.pi * radius**3
    columns = {"radius": radius, "cells": cells, "mass": cells * mean_matter_density(COSMOLOGY)}
    return HaloCatalogue(dict(zip(("qx", "qy", "qz"), centres.T, strict=True)) | columns, HEADER, CELLS)


def apart(one, other, names=EULERIAN):
    """Differences of positions, the short way round the box, or of velocities."""
    difference = one.positions(names) - other.positions(names)
    side = one.box_size_mpc
    return difference - side * np.round(difference / side) if names == EULERIAN else difference


def test_without_a_setting_haloes_move_by_second_order_bit_for_bit(density, spheres):
    moved = move_haloes(spheres, density, COSMOLOGY, DisplacementSettings())
    expected = with_eulerian_columns(spheres, density, COSMOLOGY, 0.0)
    for name in (*EULERIAN, *VELOCITY):
        np.testing.assert_array_equal(moved[name], expected[name])


@pytest.mark.parametrize("redshift", [0.0, 1.0])
def test_a_faint_density_moves_haloes_as_perturbation_theory_does(density, spheres, redshift):
    cosmology, faint = COSMOLOGY.model_copy(update={"redshift": redshift}), smooth(density) * np.float32(0.03)
    moved = move_haloes(spheres, faint, cosmology, DisplacementSettings(method="particle_mesh", steps=8, mesh=2))
    expected = with_eulerian_columns(spheres, faint, cosmology, redshift)
    size = [np.abs(apart(expected, spheres_at_rest(spheres), EULERIAN)).max(), np.abs(expected["vx"]).max()]
    assert np.abs(apart(moved, expected)).max() < 0.02 * size[0]
    assert np.abs(apart(moved, expected, VELOCITY)).max() < 0.02 * size[1]


@pytest.mark.parametrize("ranks", [2, 3, 4])
@pytest.mark.parametrize("settings", MOVES.values(), ids=MOVES)
def test_haloes_in_slabs_of_several_ranks_move_to_the_same_bits(density, spheres, ranks, settings, monkeypatch):
    monkeypatch.setattr("halonet.grid.surroundings.BATCH_BYTES", 2**18)  # haloes across borders, some at a time

    def move(communicator):
        slabs = Slabs(CELLS, communicator)
        return move_haloes(spheres, density[slabs.start : slabs.stop], COSMOLOGY, settings, 1, slabs)

    one = move_haloes(spheres, density, COSMOLOGY, settings)
    for moved in on_ranks(ranks, move)[0]:
        for name in (*EULERIAN, *VELOCITY):
            assert np.array_equal(moved[name], one[name]), name


def smooth(density):
    """Modes of at least eight cells alone: the force of a mesh is exact for them."""
    modes = np.fft.rfftn(density)
    k = np.meshgrid(*[np.fft.fftfreq(CELLS, 1 / CELLS)] * 2, np.arange(CELLS // 2 + 1), indexing="ij")
    modes[sum(np.square(each) for each in k) > (CELLS / 8) ** 2] = 0
    return np.fft.irfftn(modes).astype(np.float32)


def spheres_at_rest(spheres):
    return with_columns_of_particles(spheres, Particles(*np.zeros((2, CELLS, CELLS, CELLS, 3), np.float32), HEADER))


def test_particles_that_rest_leave_haloes_where_they_were(spheres):
    still = spheres_at_rest(spheres)
    np.testing.assert_allclose(still.positions(EULERIAN), spheres.positions(), atol=1e-5)
    assert not still.positions(VELOCITY).any()


def test_a_shift_of_the_box_by_whole_cells_shifts_the_haloes(density, spheres):
    shift = np.array([3, 30, 11])
    centres = (spheres.positions() + shift) % CELLS
    shifted = HaloCatalogue(spheres.columns | dict(zip(("qx", "qy", "qz"), centres.T, strict=True)), HEADER, CELLS)
    moved = move_haloes(spheres, density, COSMOLOGY, SHORT)
    other = move_haloes(shifted, np.roll(density, shift, (0, 1, 2)), COSMOLOGY, SHORT)
    difference = other.positions(EULERIAN) - moved.positions(EULERIAN) - shift
    difference -= CELLS * np.round(difference / CELLS)
    assert np.abs(difference).max() < 1e-3
    assert np.abs(apart(other, moved, VELOCITY)).max() < 0.2


def test_threads_change_no_bit(density, spheres):
    one, two = (move_haloes(spheres, density, COSMOLOGY, SHORT, threads) for threads in (1, 2))
    for name in (*EULERIAN, *VELOCITY):
        np.testing.assert_array_equal(one[name], two[name])


def test_the_density_that_is_given_stays_as_it_was(density, spheres):
    before = density.copy()
    move_haloes(spheres, density, COSMOLOGY, SHORT)
    np.testing.assert_array_equal(density, before)


def test_five_steps_bring_haloes_nearer_to_a_simulation_than_second_order_does_and_gathering_still_nearer(tmp_path):
    """Particles of every second cell alone, with forces on the same mesh, cost little of that."""
    kept = {"density": tmp_path / "density.h5"}
    true = NBodyMock(MockRequest(seed=3, cells=64, n_body=NBodySettings(steps=20), keep=kept, threads=2)).make()
    true, density = true.larger_than(100), read_field(kept["density"], "density")
    errors = []
    for settings in MOVES.values():
        moved = move_haloes(true, density, COSMOLOGY, settings, 2)
        away = moved.positions(EULERIAN) - true.positions(EULERIAN)
        away -= 64 * np.round(away / 64)
        slower = moved.positions(VELOCITY) - true.positions(VELOCITY)
        errors.append([np.sqrt((each**2).sum(axis=1).mean()) for each in (away, slower)])
    assert len(true) > 50
    assert errors[1][0] < 0.75 * errors[0][0]
    assert errors[1][1] < 0.75 * errors[0][1]
    assert errors[2][0] < 0.75 * errors[1][0]
    assert errors[2][1] < 0.95 * errors[1][1]
    assert errors[3][0] < 1.15 * errors[2][0]
    assert errors[3][1] < 1.3 * errors[2][1]


def test_a_redshift_before_the_start_of_the_simulation_is_refused():
    early = COSMOLOGY.model_copy(update={"redshift": 9.5})
    with pytest.raises(SettingsError, match=r"snapshot at redshift 9\.5"):
        check_displacement(SHORT, early, CELLS)
    check_displacement(DisplacementSettings(), early, CELLS)


def test_particles_of_every_second_cell_need_an_even_number_of_cells():
    with pytest.raises(SettingsError, match=r"displacement\.spacing = 2 needs an even number of cells, not 33"):
        check_displacement(SPACED, COSMOLOGY, 33)


def test_what_is_fastest_has_a_particle_for_eight_cells_and_its_catalogue_says_so():
    fastest, usual = (NetworkMock(MockRequest(seed=1, cells=32, precision=each)) for each in ("fastest", "float32"))
    assert fastest.displacement == usual.displacement.model_copy(update={"spacing": 2})
    assert fastest.displacement.method == "particle_mesh"
    for mock in (fastest, usual):
        assert mock._provenance()["settings"]["halo_finding"]["displacement"] == mock.displacement.model_dump()
    by_theory = NetworkMock(MockRequest(seed=1, cells=32, network="vnet-small", precision="fastest"))
    assert by_theory.displacement == DisplacementSettings()


SEEN = ShortSimulationSettings(steps=4, start=0.25)
WIDE = replace(HEADER, box_size_mpc=2.0 * CELLS)  # where a Mpc is no cell
SAME = SHORT.model_copy(update={"steps": 4, "start": 0.25})


def kept(density, spacing, slabs):
    particles = KeptParticles(WIDE, COSMOLOGY, spacing, slabs)
    ends = where_particles_end(density, slabs, COSMOLOGY, SEEN, particles)
    return particles.particles, ends


def test_the_particles_of_a_networks_simulation_are_those_of_one_made_for_the_move(density):
    """So haloes end at the same bits, and what the network sees stays what it was."""
    slabs = Slabs(CELLS)
    particles, ends = kept(density, 1, slabs)
    own = simulated_particles(WIDE, density, COSMOLOGY, SAME)
    np.testing.assert_array_equal(particles.displacements, own.displacements)
    np.testing.assert_array_equal(particles.velocities, own.velocities)
    for seen, alone in zip(ends, where_particles_end(density, slabs, COSMOLOGY, SEEN), strict=True):
        np.testing.assert_array_equal(seen, alone)


def test_means_of_eight_particles_keep_where_they_are_and_nearly_how_fast(density):
    slabs = Slabs(CELLS)
    (means, ends), (all_of_them, _) = kept(density, 2, slabs), kept(density, 1, slabs)
    np.testing.assert_allclose(means.displacements, block_means(all_of_them.displacements, slabs), atol=1e-4)
    difference = means.velocities - block_means(all_of_them.velocities, slabs)
    assert difference.std() < 0.2 * means.velocities.std()  # the last force is that of a coarser mesh
    assert means.cells == CELLS // 2
    assert ends.density.shape == slabs.shape


@pytest.mark.parametrize("ranks", [2, 3])
@pytest.mark.parametrize("spacing", [1, 2])
def test_ranks_keep_the_same_particles(density, spacing, ranks):
    def keep(communicator):
        slabs = Slabs(CELLS, communicator)
        return kept(density[slabs.start : slabs.stop], spacing, slabs)[0]

    one, parts = kept(density, spacing, Slabs(CELLS))[0], on_ranks(ranks, keep)[0]
    for name in ("displacements", "velocities"):
        np.testing.assert_array_equal(np.concatenate([getattr(part, name) for part in parts]), getattr(one, name))
    assert [part.first_plane for part in parts] == np.cumsum(
        [0, *(len(part.velocities) for part in parts[:-1])]
    ).tolist()


@pytest.mark.parametrize("precision", ["float32", "fastest"])
def test_a_mock_whose_network_sees_the_simulation_of_its_haloes_makes_it_once(precision, monkeypatch):
    request = MockRequest(seed=5, cells=64, precision=precision, threads=2)
    mock = NetworkMock(request)
    assert mock.shares_simulation
    twice = NetworkMock(request)
    monkeypatch.setattr(NetworkMock, "shares_simulation", False)
    apart_from_it = twice.make()
    monkeypatch.undo()
    monkeypatch.setattr(by_network, "simulated_particles", None)  # a second one would call it
    haloes = mock.make()
    assert len(haloes) == len(apart_from_it) > 50
    moved = apart(haloes, apart_from_it)
    if precision == "float32":
        assert not moved.any()
    else:  # one of a particle for eight cells from the start
        assert 0 < np.sqrt((moved**2).sum(axis=1).mean()) < 0.5


@pytest.mark.parametrize("change", [{"steps": 5}, {"start": 0.1}, {"mesh": 2}, {"method": "second_order"}])
def test_haloes_that_move_otherwise_have_a_simulation_of_their_own(change):
    mock = NetworkMock(MockRequest(seed=5, cells=64))
    assert mock.shares_simulation
    mock.__dict__["displacement"] = mock.displacement.model_copy(update=change)
    assert not mock.shares_simulation
    assert not NetworkMock(MockRequest(seed=5, cells=64, network="n-body-light")).shares_simulation
    other = CosmologySettings(sigma8=0.85)  # the network goes on seeing the one that it has learnt
    assert not NetworkMock(MockRequest(seed=5, cells=64, cosmology=other, outside_validity=True)).shares_simulation


def test_a_simulation_that_runs_while_haloes_are_found_moves_them_as_one_that_runs_afterwards():
    light = {"seed": 5, "cells": 64, "precision": "fastest", "network": "n-body-light"}
    mocks = [MockRequest(**light, threads=threads) for threads in (1, 2)]
    one, two = (NetworkMock(request).make() for request in mocks)
    assert len(one) > 50
    assert one.columns.keys() == two.columns.keys()
    for name, values in one.columns.items():
        np.testing.assert_array_equal(values, two.columns[name], err_msg=name)
    assert "int8" in one.header.provenance["settings"]["prediction"]["arithmetic"]


def test_a_search_that_fails_does_not_wait_for_the_simulation_beside_it(monkeypatch):
    mock = NetworkMock(MockRequest(seed=5, cells=64, precision="fastest", threads=2, network="n-body-light"))
    stopped = []

    def simulate(*arguments):
        with pytest.raises(InterruptedError):
            list(iter(lambda: list(arguments[-1](range(1))), None))
        stopped.append(True)

    def fail(*arguments, **options):
        raise ValueError("no haloes")

    monkeypatch.setattr(by_network, "simulated_particles", simulate)
    monkeypatch.setattr(mock.finder, "find", fail)
    with pytest.raises(ValueError, match="no haloes"):
        mock.make()
    assert stopped


def test_a_thresholds_file_brings_the_displacement_that_it_was_made_with():
    stored = json.loads(json.dumps(HaloFindingSettings(displacement=SHORT).model_dump()))
    assert validate(HaloFindingSettings, stored, "thresholds.json").displacement == SHORT
    del stored["displacement"]  # a file from before there was one
    assert validate(HaloFindingSettings, stored, "thresholds.json").displacement == DisplacementSettings()
