"""Ranks share the memory of a box: together they need little more than one, whatever a border costs."""

import tracemalloc
from functools import cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from thread_ranks import on_ranks

from halonet.catalogue import LAGRANGIAN, HaloCatalogue
from halonet.dataset.channels import whole_box_channels
from halonet.friends_of_friends.haloes import find_haloes
from halonet.grid.slabs import Slabs
from halonet.halo_finding.votes.fields import HeadFields
from halonet.halo_finding.votes.search import find_by_votes
from halonet.mocks.moving import move_haloes
from halonet.particles import Particles
from halonet.settings import ChannelSettings, CosmologySettings, DisplacementSettings, NBodySettings, VoteSettings
from halonet.storage import FieldHeader

N, RADIUS = 72, 2.0
CHANNELS = ChannelSettings(smoothing_cells=[2, 4], shear_cells=[2, 4], prolateness_cells=[2, 4])


@pytest.fixture(scope="module")
def density():
    noise = np.random.default_rng(3).normal(size=(N, N, N)).astype(np.float32)
    return gaussian_filter(noise, 1.5, mode="wrap")


@pytest.fixture(scope="module")
def catalogue():
    centres = np.floor(np.random.default_rng(4).uniform(0, N, (400, 3))) + 0.5
    columns = dict(zip(LAGRANGIAN, centres.T, strict=True)) | {"radius": np.full(400, RADIUS)}
    columns |= {"cells": np.full(400, 33.0), "mass": np.full(400, 1e12)}
    return HaloCatalogue(columns, FieldHeader(float(N), 0.0, CosmologySettings().model_dump()), N)


def channels(slabs, density, catalogue):
    return whole_box_channels(density, CHANNELS, 1, slabs)


def votes(slabs, density, catalogue):
    probability = (density > np.float32(0.3)).astype(np.float32)
    offsets = np.broadcast_to(np.float16(1), (*density.shape, 3))
    fields = HeadFields(probability, offsets, np.full(density.shape, np.log(RADIUS), np.float16))
    return find_by_votes(fields, VoteSettings(), None, slabs)


def motion(slabs, density, catalogue):
    settings = DisplacementSettings(method="particle_mesh", steps=5, average="gathered")
    return move_haloes(catalogue, density, CosmologySettings(), settings, 1, slabs)


@cache
def displacements():
    """Towards 400 centres, from so far that half of the particles end in haloes; made before anything is traced."""
    random, around = np.random.default_rng(5), np.arange(-5, 6)
    field = random.normal(0, 0.2, (N, N, N, 3)).astype(np.float32)
    for centre in random.uniform(0, N, (400, 3)):
        cell = np.floor(centre).astype(int)
        apart = (centre - cell - 0.5) - np.stack(np.meshgrid(around, around, around, indexing="ij"), axis=-1)
        inside = (apart**2).sum(axis=-1) < 5**2
        x, y, z = ((cell + np.argwhere(inside) - 5) % N).T
        field[x, y, z] = 0.85 * apart[inside]
    return field


def friends(slabs, density, catalogue):
    field = displacements()[slabs.start : slabs.stop]
    particles = Particles(field, field, catalogue.header, slabs.start)
    haloes, _ = find_haloes(particles, CosmologySettings(), NBodySettings(minimum_cells=20), slabs=slabs)
    assert 0.3 < haloes["cells"].sum() / N**3 < 0.7


@pytest.mark.parametrize("stage", [channels, votes, motion, friends], ids=lambda stage: stage.__name__)
def test_four_ranks_together_need_at_most_a_quarter_more_than_one(stage, density, catalogue, monkeypatch):
    # What ranks exchange at a time does not grow with the box; it is made small, as this box is.
    monkeypatch.setattr("halonet.dataset.channels.ROUND_BYTES", 2**16)
    monkeypatch.setattr("halonet.grid.slabs.ROUND_BYTES", 2**16)
    monkeypatch.setattr("halonet.grid.surroundings.BATCH_BYTES", 2**20)
    monkeypatch.setattr("halonet.n_body.forces.CHUNK", 2**13)

    def peak(ranks):
        def work(communicator):
            slabs = Slabs(N, communicator)
            stage(slabs, density[slabs.start : slabs.stop], catalogue)

        on_ranks(ranks, work)  # compiles
        tracemalloc.start()
        on_ranks(ranks, work)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    one, four = peak(1), peak(4)
    assert four < 1.25 * one
