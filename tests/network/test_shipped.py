"""The trained networks of ``networks/`` on a field that is not the project's: the reference code's own box."""

from pathlib import Path

import h5py
import numpy as np
import pytest

import halonet
from halonet.grid.slabs import Slabs
from halonet.matching import completeness_and_purity, match_haloes
from halonet.network import load_network
from halonet.network.prediction import predict_box
from halonet.settings import PredictionSettings
from halonet.statistics.overlap import measure_overlap

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "least"), [("vnet-small", 0.93), ("vnet-small-channels", 0.938), ("vnet-small-objects", 0.938)]
)
def test_a_shipped_network_reaches_its_dice_on_haloes_of_the_reference_code(name, least):
    with h5py.File(ROOT / "tests/data/peak_patch_128.h5") as file:
        density, packed = file["density"][...], file["published_bank_2.0_1.2/mask"][...]
    mask = np.unpackbits(packed).reshape(density.shape)
    network = load_network(ROOT / "networks" / name)
    probability = predict_box(
        network, density, 1.0, PredictionSettings(tile=160, buffer=16), slabs=Slabs(len(density), threads=2)
    )
    overlap = measure_overlap(mask, probability)
    assert overlap.dice > least, f"all background: {overlap.all_background:.3f}"


@pytest.mark.slow  # half a minute: a simulation is made for it, and only new weights can change it
def test_the_shipped_network_of_simulations_finds_more_of_a_simulations_haloes_than_peak_patch():
    box = {"seed": 11, "cells": 96, "threads": 2}
    true = halonet.make_mock(method="n_body", **box)
    found = {method: halonet.make_mock(method=method, **box) for method in ("network", "peak_patch")}
    scores = {
        method: completeness_and_purity(true, haloes, match_haloes(true, haloes), 100)
        for method, haloes in found.items()
    }
    assert (np.array(scores["network"]) > np.array(scores["peak_patch"]) + 0.03).all(), scores
    assert min(scores["network"]) > 0.8, scores
    numbers = [len(haloes.larger_than(100)) for haloes in (found["network"], true)]
    assert abs(numbers[0] / numbers[1] - 1) < 0.1
