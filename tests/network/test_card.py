"""The card of a network says what its folder holds, and a shipped one is current."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from halonet.dataset.normalisation import PARAMETERS
from halonet.halo_finding.constants import thresholds_in_force
from halonet.halo_finding.finder import Finder, finder_of
from halonet.halo_finding.votes.calibration import START, VoteAgreement, vote_record
from halonet.network.card import evidence, write_card
from halonet.network.card_numbers import mass_text
from halonet.provenance import provenance
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader, read_json, write_field

ROOT = Path(__file__).parents[2]
FITTED = ["vnet-small", "vnet-small-channels", "cosmologies"]
VOTED = ["vnet-small-objects", "n-body", "n-body-light"]
SHIPPED = [*FITTED, *VOTED]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_of_a_shipped_network_is_what_its_files_say(name):
    folder = ROOT / "networks" / name
    assert (folder / "README.md").read_text() == write_card(folder), f"run ship_network.py networks/{name}"


def test_the_card_of_a_network_that_sees_a_simulation_says_what_of_it():
    card = (ROOT / "networks/n-body/README.md").read_text()
    assert "Beside the density it sees 9 averages of the whole box: the density, over spheres of 2, 3" in card
    assert "a simulation of 4 steps, from a scale factor of 0.25, carries the particle of each cell" in card


@pytest.mark.parametrize("name", FITTED)
def test_a_shipped_network_brings_the_fit_of_spheres_that_was_calibrated_for_it(name):
    path = ROOT / "networks" / name / "thresholds.json"
    thresholds = thresholds_in_force(finder_of(path), path)
    assert finder_of(path).finder == "fitted"
    assert 1 < thresholds.fit.reach < 2
    assert 0 < thresholds.fit.own_fraction < 1
    assert thresholds.peak == read_json(path)["peak_thresholds"]


@pytest.mark.parametrize("name", VOTED)
def test_a_shipped_network_with_heads_brings_the_vote_finder_that_was_calibrated_for_it(name):
    path = ROOT / "networks" / name / "thresholds.json"
    finder = Finder(finder_of(path), path)
    assert finder.heads == ("centre_offset", "log_radius")
    # Constants that are younger than the file have no effect by default.
    assert finder.in_force["votes"] == {"volume_slope": 1.0, "large_volume_slope": None} | read_json(path)["votes"]


@pytest.fixture
def folder(tmp_path):
    """A copy of a shipped network, as if it had just been trained."""
    trained = tmp_path / "trained"
    shutil.copytree(ROOT / "networks" / "vnet-small", trained)
    return trained


def test_the_card_of_a_network_of_many_cosmologies_gives_the_ranges_and_how_to_make_it_again(folder):
    values = read_json(folder / "normalisation.json")
    values["region"] = {name: [getattr(CosmologySettings(), name)] * 2 for name in PARAMETERS} | {
        "redshift": [0.0, 2.0]
    }
    del values["cosmology"]
    (folder / "normalisation.json").write_text(json.dumps(values))
    (folder / "digests.json").unlink()
    card = write_card(folder)
    assert "sigma8 0.8, redshift 0 to 2 |" in card
    assert "Cosmologies and redshifts between those above" in card
    assert "profiles/cosmologies" in card
    assert "--density" not in card.split("## Remake")[1]


def test_one_density_cannot_replace_the_region_of_a_network_of_many_cosmologies(folder, run_script, tmp_path):
    values = read_json(folder / "normalisation.json")
    values["region"] = {name: [getattr(CosmologySettings(), name)] * 2 for name in PARAMETERS}
    (folder / "normalisation.json").write_text(json.dumps(values))
    (folder / "digests.json").unlink()
    write_field(tmp_path / "d.h5", "density", np.zeros((8, 8, 8), np.float32), FieldHeader(8.0, 0.5, None))
    result = run_script("ship_network", folder, "--density", tmp_path / "d.h5", check=False)
    assert "names a region of cosmologies" in result.stderr


def test_another_cosmology_other_numbers_and_other_weights_are_on_the_card(folder):
    card = write_card(folder)
    values = read_json(folder / "normalisation.json")
    values["cosmology"]["sigma8"] = 0.77
    (folder / "normalisation.json").write_text(json.dumps(values))
    (folder / "digests.json").unlink()  # or the change is taken for damage
    measured = read_json(folder / "measured.json")
    measured["dice"]["mean"] = 0.9876
    (folder / "measured.json").write_text(json.dumps(measured))
    new = write_card(folder)
    assert "sigma8 0.77" in new
    assert "0.9876" in new
    assert "sigma8 0.77" not in card
    (folder / "measured.json").unlink()
    assert "Not yet." in write_card(folder)


def test_the_card_gives_the_largest_departures_of_mocks_of_all_and_of_the_most_massive_in_bands_and_bins(folder):
    mocks = read_json(folder / "mocks.json")
    massive = mocks["power"]["eulerian"]["most massive"]
    massive["bands"][1]["ratio"] = 0.7
    massive["ratio"][3], massive["error"][3] = 1.44, 0.04
    massive["ratio"][4], massive["error"][4] = 1.66, 0.06  # not known to 5%
    (folder / "mocks.json").write_text(json.dumps(mocks))
    card = write_card(folder)
    assert "| the 1,875 most massive, in three bands | 6% | 30% |" in card
    assert "| the 1,875 most massive, in single bins that are known to 5% | 11% | 44% |" in card
    assert "| all haloes, in three bands | 4% | 5% |" in card
    (folder / "mocks.json").unlink()
    assert "Not measured yet; `python benchmarks/mocks.py --network networks/trained` does." in write_card(folder)


def test_a_card_gives_the_mass_of_so_many_cells():
    assert mass_text(100, 3.3994e10) == " (3.4 \N{MULTIPLICATION SIGN} 10¹² solar masses)"
    assert mass_text(300, 3.3994e10) == " (1.0 \N{MULTIPLICATION SIGN} 10¹³ solar masses)"
    assert mass_text(100, None) == ""


def test_the_card_of_a_network_whose_haloes_are_found_by_votes_says_what_they_need(folder):
    record = vote_record({START: VoteAgreement(0.9, 0.9, 0.0)})
    (folder / "thresholds.json").write_text(json.dumps(record | {"provenance": {"settings": {"finder": "votes"}}}))
    assert "finder `votes` is calibrated for this network (`thresholds.json`): haloes need 0.2 of" in write_card(folder)


def test_what_was_measured_of_the_old_weights_goes_when_new_ones_are_shipped(folder, run_script, tmp_path):
    density, shipped = tmp_path / "density.h5", tmp_path / "networks" / "new"
    cosmology = {"h": 0.67, "omega_b": 0.05, "omega_cdm": 0.26, "n_s": 0.97, "sigma8": 0.83}
    write_field(density, "density", np.zeros((8, 8, 8), np.float32), FieldHeader(8.0, 0.5, cosmology))
    shutil.copytree(folder, shipped)
    mask = tmp_path / "mask.h5"
    record = provenance("friends_of_friends", {})
    write_field(mask, "mask", np.zeros((8, 8, 8), np.uint8), FieldHeader(8.0, 0.5, cosmology, None, record))
    options = ("--trained", folder, "--density", density, "--mask", mask, "--thresholds", folder / "thresholds.json")
    run_script("ship_network", shipped, *options)
    card = (shipped / "README.md").read_text()
    assert "boxes with friends-of-friends haloes of N-body simulations" in card
    assert "The truth it learnt is a particle-mesh simulation" in card
    assert "snakemake --profile profiles/n_body" in card
    assert "Not yet." in card
    assert "h 0.67, omega_b 0.05, omega_cdm 0.26, n_s 0.97, sigma8 0.83, redshift 0.5" in card
    assert (shipped / "model.weights.h5").read_bytes() == (folder / "model.weights.h5").read_bytes()


def test_the_evidence_is_taken_from_the_summary_of_the_test_boxes():
    cut = {"most_massive": None, "ratio": {"large_scales": {"mean": 1.05, "deviation": 0.03, "boxes": []}}}
    summary = {
        "boxes": 8,
        "box": {"cells": 256, "box_size_mpc": 256.0, "seed": None},
        "overlap": {"dice": {"mean": 0.94, "deviation": 0.001, "boxes": []}, "all_background": {"mean": 0.74}},
        "mass_function": {"key": [{"cells": 100.0, "true": 500, "found": 490, "ratio": 0.98, "judged": True}]},
        "matching": {"completeness": {"mean": 0.85}, "purity": {"mean": 0.86}},
        "power_spectrum": {"cuts": [cut, {"most_massive": 375, "ratio": None}]},
    }
    measured = evidence(summary)
    assert measured["abundance"] == [{"cells": 100.0, "true": 500, "ratio": 0.98}]
    assert measured["power"] == [{"most_massive": None, "mean": 1.05, "deviation": 0.03}]
    assert (measured["completeness"], measured["dice"]["mean"]) == (0.85, 0.94)
