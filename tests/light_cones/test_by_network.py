"""Light cones by a network that knows many amplitudes: what they must share with boxes, and with each other.

In place of a trained network stands one that calls a cell part of a halo where the smoothed density has collapsed: it
knows every amplitude, sees no farther than the buffer, and takes no time.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import halonet
from halonet.dataset.normalisation import PARAMETERS, Normalisation, write_normalisation
from halonet.grid.slabs import Slabs
from halonet.light_cones import by_network
from halonet.light_cones.growing_images import GrowingImages
from halonet.mocks.by_network import NetworkMock
from halonet.mocks.request import MockRequest
from halonet.network.validity import ValidityError
from halonet.peak_patch.images import Images
from halonet.settings import CircleSettings, CosmologySettings, PredictionSettings, SettingsError
from halonet.sky.epochs import Epochs
from halonet.sky.region import Region
from halonet.storage import read_json, write_json

ROOT = Path(__file__).parents[2]
PAPER = CosmologySettings()
CELLS, OBSERVER, RANGE = 32, (20.5, 3.25, 31.0), (0.0, 0.007)  # out to some 30 Mpc


def collapsed(density, *_, mode="nearest"):
    """What stands in place of a network."""
    return 1 / (1 + np.exp(-6 * (gaussian_filter(density, 1.5, mode=mode, truncate=4.0) - 1.7))).astype(np.float32)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """The smallest shipped network, as if it had learnt from redshifts 0 to 1."""
    folder = tmp_path_factory.mktemp("network") / "many"
    shutil.copytree(ROOT / "networks/vnet-small", folder)
    (folder / "digests.json").unlink()
    region = {name: (getattr(PAPER, name),) * 2 for name in PARAMETERS} | {"redshift": (0.0, 1.0)}
    write_normalisation(folder / "normalisation.json", Normalisation(3.351, {0: 3.4}, 1.0, region=region))
    return folder


@pytest.fixture(scope="module")
def see(network):
    def make(**options):
        given = (
            {"cells": CELLS, "redshift_range": RANGE, "observer": OBSERVER, "opening": "hemisphere", "threads": 1}
            | {"margin_mpc": 12.0}
            | options
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(by_network, "CONTEXT", (20, 40))
            patch.setattr(by_network, "tiles_for", lambda cells, *_: PredictionSettings(tile=cells + 16, buffer=8))
            patch.setattr("halonet.network.prediction.tile_predictor", lambda *_: collapsed)
            return halonet.make_light_cone(7, method="network", network=network, **given)

    return make


@pytest.fixture(scope="module")
def sky(see):
    return see()


def test_near_the_observer_its_haloes_are_those_of_the_box_today(sky, network):
    """At redshift 0.004 the density has grown to 0.998 of today's."""
    mock = NetworkMock(MockRequest(seed=7, cells=CELLS, network=network, threads=1))
    density = mock.box.density_slab(Slabs(CELLS))
    found = mock.finder.find(collapsed(density, mode="wrap"))
    seen = np.mod(sky.positions(("qx", "qy", "qz")) + OBSERVER, CELLS)
    large = sky["cells"] > 60
    distances = np.abs(seen[large][:, None] - found.positions[None])
    nearest = np.sqrt((np.minimum(distances, CELLS - distances) ** 2).sum(axis=-1))
    assert large.sum() > 10
    same = nearest.min(axis=1) < 1
    assert same.mean() > 0.8  # a finder sees farther than the cells around an image
    ratios = sky["radius"][large][same] / found.radii[nearest.argmin(axis=1)[same]]
    assert np.abs(np.median(ratios) - 1) < 0.02


def test_two_halves_of_a_range_are_the_whole_halo_by_halo_also_for_an_observer_some_boxes_farther(see, sky):
    moved = tuple(coordinate + boxes * CELLS for coordinate, boxes in zip(OBSERVER, (1, -2, 3), strict=True))
    halves = [see(redshift_range=(RANGE[0], 0.005)), see(redshift_range=(0.005, RANGE[1]), observer=moved)]
    assert min(map(len, halves)) > 5
    for name, values in sky.columns.items():
        np.testing.assert_array_equal(np.concatenate([half[name] for half in halves]), values)


def test_every_halo_is_seen_once_where_its_light_left_it(sky):
    _, counts = np.unique(np.round(sky.positions(("qx", "qy", "qz")), 2), axis=0, return_counts=True)
    assert counts.max() == 1
    shifts = np.sqrt(((sky.positions() - sky.positions(("qx", "qy", "qz"))) ** 2).sum(axis=1))
    assert 0.5 < np.median(shifts) < 15
    np.testing.assert_allclose(Epochs(PAPER, 0.1).distance(sky["redshift"]), sky["distance"], rtol=1e-6)


def test_every_cell_has_the_growth_of_its_distance():
    epochs = Epochs(PAPER, 3.0)
    images = Images(32, 4.0, np.array([10.0, 20.0, 30.0]), Region("octant", 0.0, 2000.0), 50.0)
    corner = np.array([100, -7, 250])
    growth = GrowingImages(images, epochs, ()).growth(corner, 16)
    for cell in ((0, 0, 0), (3, 15, 7), (15, 15, 15)):
        position = (corner + cell + 0.5) * 4.0 - images.observer
        expected = epochs.growth(epochs.redshift(np.sqrt((position**2).sum())))
        assert growth[cell] == pytest.approx(float(expected), rel=1e-6)


def test_redshifts_that_the_network_has_not_seen_and_boxes_without_tiles_are_refused(see):
    with pytest.raises(ValidityError, match=r"redshift = 1.5 \(trained: 0 to 1\)"):
        see(redshift_range=(0.5, 1.5))
    with pytest.raises(ValidityError, match="n-body-light is valid for"):
        halonet.make_light_cone(7, 32, method="network", network="n-body-light", redshift_range=(0.0, 0.2))


def test_a_network_that_sees_a_simulation_is_refused(network, tmp_path):
    folder = shutil.copytree(network, tmp_path / "simulating")
    settings = read_json(folder / "settings.json")
    write_json(folder / "settings.json", settings | {"channels": {"simulation": {"steps": 5}}})
    with pytest.raises(SettingsError, match="simulating sees a simulation that ends at one redshift; a light cone"):
        halonet.make_light_cone(7, CELLS, method="network", network=folder, redshift_range=RANGE)


def test_what_is_predicted_is_the_density_of_the_image_as_it_has_grown_and_nothing_beyond_reach():
    epochs, density = Epochs(PAPER, 3.0), np.random.default_rng(1).normal(size=(32, 32, 32)).astype(np.float32)
    region = Region(CircleSettings(right_ascension=0.0, declination=0.0, radius=1.0), 1000.0, 1100.0)
    images = Images(32, 4.0, np.array([10.0, 20.0, 30.0]), region, 0.0)
    offset, tiles, pad = np.array([8, 0, 0]), PredictionSettings(tile=24, buffer=4), 8
    seen = GrowingImages(images, epochs, (density,), 8.0).predict(lambda tile: tile, offset, pad, tiles, {})
    lattice = np.stack(np.meshgrid(*[np.arange(-pad, 32 + pad)] * 3, indexing="ij"), axis=-1) + 32 * offset
    positions = images.from_observer(lattice)
    growth = epochs.growth(epochs.redshift(np.sqrt((positions**2).sum(axis=-1))))
    expected = density[tuple(np.moveaxis(lattice % 32, -1, 0))] * growth
    reached = seen != 0
    np.testing.assert_allclose(seen[reached], expected[reached], rtol=1e-5)
    near = images.region.outside(positions.reshape(-1, 3)).reshape(reached.shape) <= 8.0
    assert reached[near].all()
    assert near.any()
    assert not reached.all()
