"""The paper's search and the fit of spheres in slabs over ranks: the haloes of one process, to the last bit."""

import numpy as np
import pytest
from thread_ranks import on_ranks

from halonet.grid.slabs import Slabs
from halonet.halo_finding.fitted.sphere_fit import fit_spheres
from halonet.halo_finding.paper.regions import connected_regions
from halonet.halo_finding.paper.search import find_haloes, find_haloes_at
from halonet.halo_finding.paper.slab_regions import regions_of_slabs
from halonet.settings import ShellThresholdSettings, SphereFitSettings

N, PEAKS, SHELL = 45, (0.999, 0.9, 0.7), ShellThresholdSettings()
FIT = SphereFitSettings(own_fraction=0.65, reach=1.45, rounds=6)


@pytest.fixture(scope="module")
def crowd(spheres):
    """Haloes that overlap in chains, in a noise that makes regions of all sizes; one lies across the corner."""
    rng = np.random.default_rng(5)
    centres = np.vstack([[0.2, 0.4, 44.6], rng.uniform(0, N, (110, 3))])
    probability = spheres(N, centres, rng.uniform(2, 6.5, len(centres)), scale=0.8)
    return np.clip(probability + rng.normal(0, 0.12, probability.shape), 0, 1).astype(np.float32)


def same(one, other):
    return all(np.array_equal(*pair) for pair in zip(vars(one).values(), vars(other).values(), strict=True))


@pytest.mark.parametrize("ranks", [2, 3, 4, 7])
def test_regions_of_slabs_are_those_of_the_box_also_where_they_go_round_it(crowd, ranks):
    claimed = np.random.default_rng(1).random(crowd.shape) < 0.1
    ring = crowd.copy()
    ring[:, 20, 30] = 0.99
    for probability, threshold in ((crowd, 0.95), (crowd, 0.3), (ring, 0.98), (ring, 2.0)):

        def find(communicator, probability=probability, threshold=threshold):
            slabs = Slabs(N, communicator)
            own = slice(slabs.start, slabs.stop)
            return regions_of_slabs(probability[own], claimed[own], threshold, slabs)

        expected = connected_regions(probability, claimed, threshold)
        assert all(same(found, expected) for found in on_ranks(ranks, find)[0])
        assert len(expected) > 50 or threshold == 2


@pytest.mark.parametrize("ranks", [2, 3, 4, 7])
@pytest.mark.parametrize("depth", [2, 16])
def test_haloes_of_slabs_are_those_of_the_box_in_their_order(crowd, ranks, depth, monkeypatch):
    """Haloes that outgrow a ``depth`` of two planes get more of them."""
    monkeypatch.setattr("halonet.halo_finding.paper.slab_growth.FIRST_DEPTH", depth)
    expected = find_haloes(crowd, PEAKS, SHELL)
    fitted = fit_spheres(crowd, expected, FIT, 27)
    assert len(expected) > 50
    assert len(fitted) > 30
    assert expected.radii.max() > 4
    known = np.floor(fitted.positions).astype(np.int64)
    of_known = find_haloes_at(crowd, known, SHELL)

    def find(communicator):
        slabs = Slabs(N, communicator)
        own = crowd[slabs.start : slabs.stop]
        found = find_haloes(own, PEAKS, SHELL, slabs)
        return found, fit_spheres(own, found, FIT, 27, slabs), find_haloes_at(own, known, SHELL, slabs)

    for found, spheres_of_slabs, from_known in on_ranks(ranks, find)[0]:
        assert same(found, expected)
        assert same(spheres_of_slabs, fitted)
        assert same(from_known, of_known)


def test_a_halo_as_large_as_the_box_grows_as_far_as_in_one_process(spheres):
    probability = spheres(24, [(3.0, 12.0, 12.0)], [11.9], scale=0.2)
    expected = find_haloes(probability, (0.9,), SHELL)
    assert expected.radii.max() == pytest.approx(11, abs=0.5)

    def find(communicator):
        slabs = Slabs(24, communicator)
        return find_haloes(probability[slabs.start : slabs.stop], (0.9,), SHELL, slabs)

    assert all(same(found, expected) for found in on_ranks(3, find)[0])
