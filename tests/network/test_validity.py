"""What a network is valid for, and what a user is told outside of it."""

import json
import logging
from pathlib import Path

import pytest

from halonet.dataset.normalisation import PARAMETERS, Normalisation, read_normalisation, write_normalisation
from halonet.network.validity import ValidityError, check_validity, departures, describe_validity
from halonet.settings import CosmologySettings
from halonet.storage import StorageError

ROOT = Path(__file__).parents[2]
TRAINED = Normalisation(3.35, {0: 3.35}, 1.0, CosmologySettings().model_dump())


def test_a_box_like_those_of_the_training_is_taken_in_silence(caplog):
    check_validity(TRAINED, CosmologySettings(), 1.0, "vnet")
    check_validity(TRAINED, CosmologySettings(sigma8=0.804), 1.005, "vnet")
    assert not caplog.records


@pytest.mark.parametrize(
    ("changes", "cell_size", "word"),
    [
        ({"sigma8": 0.9}, 1.0, "sigma8 = 0.9"),
        ({"omega_cdm": 0.25}, 1.0, "omega_cdm = 0.25"),
        ({"redshift": 0.5}, 1.0, "redshift = 0.5"),
        ({}, 0.5, "cells of 0.5 Mpc"),
    ],
)
def test_another_cosmology_redshift_or_cell_size_is_refused_with_what_is_valid_and_how_to_train(
    changes, cell_size, word
):
    with pytest.raises(ValidityError) as error:
        check_validity(TRAINED, CosmologySettings(**changes), cell_size, "vnet-small")
    message = str(error.value)
    assert word in message.split("this box has")[1]
    assert "vnet-small is valid for cells of 1 Mpc and h 0.7" in message
    assert "snakemake training" in message
    assert "--outside-validity" in message


def test_who_asks_to_go_on_is_warned_and_goes_on(caplog):
    with caplog.at_level(logging.WARNING):
        check_validity(TRAINED, CosmologySettings(sigma8=0.9), 1.0, "vnet", go_on=True)
    assert "sigma8 = 0.9" in caplog.text


def test_a_network_that_names_no_cosmology_is_used_with_a_warning(caplog):
    unnamed = Normalisation(3.35, {0: 3.35}, 1.0)
    with caplog.at_level(logging.WARNING):
        check_validity(unnamed, CosmologySettings(sigma8=0.9), 1.0, "old")
    assert "names no cosmology" in caplog.text
    assert "does not name" in describe_validity(unnamed)


REGION = {name: (getattr(CosmologySettings(), name),) * 2 for name in PARAMETERS} | {
    "redshift": (0.0, 2.0),
    "sigma8": (0.7, 0.9),
}
MANY = Normalisation(2.5, {0: 3.35, 1: 1.5}, 1.0, region=REGION)


def test_a_network_of_many_cosmologies_is_valid_between_them_and_not_beyond(caplog):
    few_baryons = {"omega_b": 0.042, "omega_cdm": 0.208}  # of which the spectrum has nearly the same shape
    for inside in ({}, {"redshift": 2.0}, {"sigma8": 0.71, "redshift": 0.3}, {"sigma8": 0.905}, few_baryons):
        check_validity(MANY, CosmologySettings(**inside), 1.0, "region")
    assert not caplog.records
    for outside, word in (
        ({"redshift": 2.2}, r"redshift = 2.2 \(trained: 0 to 2\)"),
        ({"sigma8": 0.6}, r"sigma8 = 0.6 \(trained: 0.7 to 0.9\)"),
        ({"h": 0.65}, r"h = 0.65 \(trained: 0.7\)"),
        ({"omega_b": 0.06, "omega_cdm": 0.19}, r"shape = 0.1241 \(trained: 0.1368\)"),
    ):
        with pytest.raises(ValidityError, match=f"region is valid for.*sigma8 0.7 to 0.9.*this box has {word}"):
            check_validity(MANY, CosmologySettings(**outside), 1.0, "region")


def test_what_a_network_of_many_cosmologies_is_valid_for_is_said_in_one_clause():
    assert describe_validity(MANY) == (
        "cells of 1 Mpc and h 0.7, omega_m 0.25, shape 0.1368, n_s 0.96, sigma8 0.7 to 0.9, redshift 0 to 2"
    )


@pytest.mark.parametrize(
    "region", [{"redshift": [0, 1]}, dict(REGION, h=[0.8, 0.7]), dict(REGION, h=0.7), dict(REGION, h=["a", 1]), [1]]
)
def test_a_damaged_region_is_refused_with_its_file(tmp_path, region):
    write_normalisation(path := tmp_path / "normalisation.json", MANY)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"region": region}))
    with pytest.raises(StorageError, match="no normalisation"):
        read_normalisation(path)


def test_a_network_that_learns_overdensities_over_that_of_collapse_sees_the_amplitude():
    assert MANY.of_box(0, "threshold") == MANY.of_box(7, "threshold") == 1.686


def test_validity_travels_with_the_normalisation(tmp_path):
    write_normalisation(tmp_path / "normalisation.json", TRAINED)
    assert read_normalisation(tmp_path / "normalisation.json") == TRAINED
    write_normalisation(tmp_path / "normalisation.json", MANY)
    assert read_normalisation(tmp_path / "normalisation.json") == MANY


OF_THE_PAPER = ["n-body", "n-body-light", "vnet-small", "vnet-small-channels", "vnet-small-objects"]


@pytest.mark.parametrize("name", OF_THE_PAPER)
def test_a_shipped_network_declares_what_it_is_valid_for_and_is_made_for_the_paper(name):
    normalisation = read_normalisation(ROOT / "networks" / name / "normalisation.json")
    assert normalisation.cosmology is not None
    assert departures(normalisation, CosmologySettings(), 1.0) == []
