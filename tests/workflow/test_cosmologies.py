"""A run whose boxes differ in cosmology and redshift."""

import json

import pytest

from halonet.cosmology import growth_factor
from halonet.dataset.normalisation import read_normalisation
from halonet.settings import CosmologySettings
from halonet.storage import read_header

EARLY, LOW = {"redshift": 1.5}, {"sigma8": 0.6}


@pytest.fixture(scope="module")
def many(make_workflow):
    workflow = make_workflow()
    workflow.change("boxes", cosmologies={"training": [EARLY, LOW], "test": [{}]})
    workflow.run("results/tiny/dataset/normalisation.json")
    return workflow


def test_every_density_has_its_own_spectrum_and_growth_and_says_so(many):
    folder = many.folder / "results/tiny"
    headers = [read_header(folder / f"ground_truth/00{box}/density.h5") for box in range(3)]
    assert [header.redshift for header in headers] == [1.5, 0.0, 1.5]
    assert [header.cosmology["sigma8"] for header in headers] == [0.8, 0.6, 0.8]
    deviations = read_normalisation(folder / "dataset/normalisation.json").boxes
    early = growth_factor(CosmologySettings(), 1.5)
    assert deviations[0] / early == pytest.approx(deviations[1] / 0.75, rel=0.05)


def test_the_network_is_valid_between_the_cosmologies_of_its_training_boxes(many):
    values = json.loads((many.folder / "results/tiny/dataset/normalisation.json").read_text())
    assert "cosmology" not in values
    assert values["region"]["redshift"] == [0.0, 1.5]
    assert values["region"]["sigma8"] == [0.6, 0.8]
    assert values["region"]["h"] == [0.7, 0.7]


def test_haloes_and_summary_of_a_box_are_those_of_its_cosmology(many):
    planned = many.planned_jobs()
    assert {"solve_collapse_table_of_box box=001", "compute_power_spectrum_of_box box=003"} <= planned
    assert not any(job.split()[0] in ("solve_collapse_table", "compute_power_spectrum") for job in planned)
    assert "summarise_statistics network=tiny" in planned
