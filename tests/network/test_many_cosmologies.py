"""A network that has learnt from boxes of many cosmologies: mocks within them need no flag, others are refused."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from halonet.dataset.channels import COLLAPSE_THRESHOLD
from halonet.dataset.normalisation import PARAMETERS, Normalisation, write_normalisation
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import linear_density
from halonet.interface.finding import find_haloes
from halonet.interface.networks import Prediction, load_network
from halonet.kept_spectra import kept_power_spectrum
from halonet.mocks.by_network import NetworkMock
from halonet.mocks.request import MockRequest
from halonet.network.prediction import check_input, predict_box
from halonet.network.validity import ValidityError
from halonet.plausibility.verdict import PlausibilityError
from halonet.settings import CosmologySettings, PredictionSettings

ROOT = Path(__file__).parents[2]
PAPER = CosmologySettings()


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """The smallest shipped network, as if it had learnt from redshifts 0 to 2."""
    folder = tmp_path_factory.mktemp("network") / "many"
    shutil.copytree(ROOT / "networks/vnet-small", folder)
    (folder / "digests.json").unlink()
    region = {name: (getattr(PAPER, name),) * 2 for name in PARAMETERS} | {"redshift": (0.0, 2.0)}
    write_normalisation(folder / "normalisation.json", Normalisation(2.5, {0: 3.4, 1: 1.5}, 1.0, region=region))
    return folder


def mock_at(network, **cosmology):
    return NetworkMock(MockRequest(seed=1, cells=32, network=network, cosmology=PAPER.model_copy(update=cosmology)))


def test_a_mock_of_a_redshift_within_the_range_is_made_without_a_flag_and_of_another_refused_with_the_range(network):
    mock_at(network, redshift=1.5).check()
    assert mock_at(network, redshift=1.5).box.cosmology.redshift == 1.5
    with pytest.raises(ValidityError, match=r"redshift 0 to 2; this box has redshift = 3 \(trained: 0 to 2\)"):
        mock_at(network, redshift=3.0).check()


def test_a_network_of_overdensities_over_that_of_collapse_divides_by_it_when_it_predicts(network):
    trained, density = load_network(network), np.random.default_rng(1).normal(0, 2, (32, 32, 32)).astype(np.float32)
    tiles = PredictionSettings(tile=32, buffer=0)
    by_threshold = replace(trained, settings=trained.settings.model_copy(update={"normalisation": "threshold"}))
    by_deviation = replace(trained, normalisation=replace(trained.normalisation, mean_deviation=COLLAPSE_THRESHOLD))
    first, second = (predict_box(each, density, 1.0, tiles) for each in (by_threshold, by_deviation))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - predict_box(trained, density, 1.0, tiles)).max() > 0.01


def test_the_density_of_a_mock_need_not_have_the_mean_deviation_of_the_training(network):
    assert mock_at(network).box.known_deviation is None
    one = NetworkMock(MockRequest(seed=1, cells=32, network="vnet-small"))
    assert one.box.known_deviation == pytest.approx(3.35, rel=0.01)


def test_without_a_cosmology_the_mock_is_of_the_papers(network):
    assert NetworkMock(MockRequest(seed=1, cells=32, network=network)).box.cosmology == PAPER


def test_a_density_is_held_against_its_own_cosmology_and_not_against_the_mean_of_the_training(network):
    early = PAPER.model_copy(update={"redshift": 1.5})
    density = linear_density(Slabs(32), 3, 32.0, *kept_power_spectrum(PAPER), early)
    trained = load_network(network)
    check_input(trained, density, 1.0, "own.h5")
    with pytest.raises(PlausibilityError, match="mean"):
        check_input(trained, density + 1, 1.0, "own.h5")


def test_haloes_of_an_array_whose_cosmology_is_not_said_are_those_of_the_paper_and_it_is_said(network, caplog):
    prediction = Prediction(np.zeros((32, 32, 32), np.float32), 32.0, folder=network)
    haloes = find_haloes(prediction)
    assert haloes.header.cosmology == PAPER.model_dump()
    assert "knows many cosmologies: that of the paper is taken" in caplog.text
    caplog.clear()
    assert find_haloes(prediction, cosmology={"redshift": 1.0}).header.redshift == 1.0
    assert "that of the paper is taken" not in caplog.text
