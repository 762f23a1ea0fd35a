"""Two small boxes compared with their truth, and their summary: what figures and report are made from."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from halonet.catalogue import EULERIAN, LAGRANGIAN, HaloCatalogue
from halonet.cosmology import WAVENUMBERS, mean_matter_density
from halonet.halo_finding.calibration_boxes import CalibrationBox
from halonet.halo_finding.fitted.calibration import calibrate_fit, fit_record
from halonet.halo_finding.paper.calibration import (
    best_candidate,
    calibration_record,
    compare_thresholds,
    edge_probabilities,
    fit_shell_threshold,
    stack_edges,
)
from halonet.halo_finding.votes.calibration import START, VoteAgreement, vote_record
from halonet.halo_finding.votes.sizes import Sizes
from halonet.settings import CosmologySettings, HaloFindingSettings, StatisticsSettings
from halonet.statistics.box import measure_box
from halonet.statistics.summary import summarise
from halonet.storage import FieldHeader

COSMOLOGY = CosmologySettings()
CELLS = 48


@pytest.fixture(scope="session")
def make_catalogue():
    """Build a catalogue on a box of 48 cells of 1 Mpc from centre cells and radii."""

    def build(centres, radii):
        centres, radii = np.asarray(centres, float).reshape(-1, 3), np.asarray(radii, float)
        cells = 4 / 3 * np.pi * radii**3
        columns = {name: (centres[:, axis] + 0.5) for axis, name in enumerate(LAGRANGIAN)}
        columns |= {name: (centres[:, axis] * 1.02 + 0.5) % CELLS for axis, name in enumerate(EULERIAN)}
        columns |= {"radius": radii, "cells": cells, "mass": cells * mean_matter_density(COSMOLOGY)}
        header = FieldHeader(float(CELLS), 0.0, COSMOLOGY.model_dump(), 5)
        return HaloCatalogue(columns, header, CELLS)

    return build


def draw_box(seed, make_catalogue):
    """True and predicted haloes, mask, probability and density of a made-up box."""
    rng = np.random.default_rng(seed)
    grid = np.array([(x, y, z) for x in range(4, CELLS, 10) for y in range(4, CELLS, 10) for z in range(4, CELLS, 10)])
    radii = rng.uniform(1.9, 5.5, len(grid))
    axis = np.arange(CELLS)
    mask, probability = np.zeros((CELLS,) * 3, np.uint8), np.full((CELLS,) * 3, 0.05)
    for centre, radius in zip(grid, radii, strict=True):
        offsets = [(axis - c + CELLS // 2) % CELLS - CELLS // 2 for c in centre]
        distance = np.sqrt(sum(o**2 for o in np.meshgrid(*offsets, indexing="ij")))
        mask[distance <= radius] = 1
        probability = np.maximum(probability, 1 / (1 + np.exp((distance - radius) / 0.4)))
    true = make_catalogue(grid, radii)
    rows = rng.random(len(grid)) < 0.9
    found = make_catalogue(grid[rows], radii[rows] * rng.uniform(0.9, 1.1, rows.sum()))
    density = rng.normal(0, 2, mask.shape).astype(np.float32)
    return {
        "density": density,
        "mask": mask,
        "probability": probability.astype(np.float32),
        "true": true,
        "found": found,
    }


@pytest.fixture(scope="session")
def boxes(make_catalogue):
    return [draw_box(seed, make_catalogue) for seed in (1, 2)]


@pytest.fixture(scope="session")
def box_statistics(boxes):
    settings = StatisticsSettings(number_cuts=[40000.0])
    names = ("mask", "probability", "true", "found")
    return [measure_box(*(box[name] for name in names), settings, box["density"], box["found"]) for box in boxes]


@pytest.fixture(scope="session")
def summary(box_statistics):
    power = 2e4 * (WAVENUMBERS / 0.02) / (1 + (WAVENUMBERS / 0.02) ** 2.5)
    result = summarise(box_statistics, COSMOLOGY, WAVENUMBERS, power)
    return result | {"provenance": {"halonet": "0.1", "git_commit": "abc", "libraries": {"numpy": "2"}}}


@pytest.fixture(scope="session")
def thresholds(boxes):
    box = CalibrationBox(boxes[0]["probability"], boxes[0]["true"])
    profile = stack_edges(edge_probabilities(box, 0.0))
    shell = fit_shell_threshold(profile)
    candidates = compare_thresholds([box], shell, [0.0, 0.05], COSMOLOGY, 100)
    record = calibration_record(profile, shell, candidates, best_candidate(candidates, 0.02))
    return record | {"boxes": 1, "cells": 100, "tolerance": 0.02}


@pytest.fixture(scope="session")
def fit_thresholds(boxes):
    box = CalibrationBox(boxes[0]["probability"], boxes[0]["true"])
    profile = stack_edges(edge_probabilities(box, 0.0))
    fit = {"own_fraction": "calibrated", "reach": 1.4, "rounds": 2}
    settings = HaloFindingSettings(finder="fitted", peak_thresholds=[0.9, 0.7], sphere_fit=fit)
    shell = fit_shell_threshold(profile)
    results = calibrate_fit(lambda: iter([box]), shell, settings, COSMOLOGY)
    return fit_record(profile, shell, results, settings) | {"boxes": 1, "cells": 100}


@pytest.fixture(scope="session")
def vote_thresholds():
    sizes = Sizes(1.2, 0.95, 1.05)
    agreements = {i: VoteAgreement(0.5 + 0.1 * i, 0.9, 0.3 / i, power_error=0.021, sizes=sizes) for i in (1, 2, 3)}
    results = {replace(START, least_votes=0.2 * i): agreement for i, agreement in agreements.items()}
    return vote_record(results) | {"boxes": 1, "cells": 100}


@pytest.fixture(scope="session")
def history():
    steps = np.arange(100, 1300, 100)
    return pd.DataFrame(
        {
            "stage": 1 + (steps > 800),
            "step": steps,
            "training_dice": 0.9 - 0.1 * np.exp(-steps / 300),
            "validation_dice": 0.91 - 0.1 * np.exp(-steps / 300),
            "floor": 0.74,
        }
    )
