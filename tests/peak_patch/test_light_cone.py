"""Peak Patch along a light cone against boxes at one redshift, and against itself across borders."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from halonet.cosmology import growth_factor
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.displacement import first_order_displacement
from halonet.peak_patch import light_cone
from halonet.peak_patch.candidates import filter_radii, find_candidates
from halonet.peak_patch.finder import find_haloes
from halonet.peak_patch.images import Images
from halonet.peak_patch.light_cone import Sight, find_light_cone
from halonet.peak_patch.measurement import Search, measure
from halonet.peak_patch.open_merging import ALIVE, DEAD, UNKNOWN, exclude_within, lost_volumes
from halonet.peak_patch.sphere import sphere
from halonet.settings import CircleSettings, FilterBankSettings, SettingsError
from halonet.sky.epochs import Epochs
from halonet.sky.region import Region

CELLS = 48
OBSERVER = np.array([20.5, 7.25, 40.0])


class Frozen(Epochs):
    """A universe in which light needs no time: every distance is seen at one redshift."""

    def __init__(self, cosmology, redshift):
        super().__init__(cosmology, redshift)
        self.only = redshift

    def redshift(self, distances):
        return np.full(np.shape(distances), self.only)


WIDE = CircleSettings(right_ascension=300, declination=-80, radius=110)
NARROW = CircleSettings(right_ascension=9, declination=9, radius=2)


@pytest.mark.parametrize("opening", ["full_sky", "octant", WIDE, NARROW])
@pytest.mark.parametrize(("near", "far", "margin"), [(0, 90, 5), (150, 400, 20), (50, 51, 0)])
def test_the_images_of_a_box_are_those_of_all_boxes_around_that_reach_the_region(opening, near, far, margin):
    images = Images(16, 2.0, OBSERVER % 32, Region(opening, near, far), margin)
    boxes = np.array(list(np.ndindex(29, 29, 29))) - 14
    reach = margin + 0.5 * 3**0.5 * 32
    within = images.region.outside((boxes + 0.5) * 32.0 - images.observer) <= reach
    np.testing.assert_array_equal(images.offsets, boxes[within])


def test_a_cone_far_away_sees_few_images_and_one_of_too_many_is_refused_before_memory_is_gone():
    narrow = CircleSettings(right_ascension=30, declination=20, radius=0.05)
    assert len(Images(16, 1.0, np.zeros(3), Region(narrow, 8400.0, 8402.0), 16.0).offsets) < 100
    with pytest.raises(ValueError, match="more than 1,000,000 images of a box of 16 Mpc; it needs a larger box"):
        Images(16, 1.0, np.zeros(3), Region("full_sky", 8400.0, 8402.0), 16.0).offsets  # noqa: B018


@pytest.fixture(scope="module")
def cone(small_box, small_settings, table, cosmology):
    """The light cone of an observer in the small box, cells of 1 Mpc; by default of cells that collapse today."""

    def seen(
        region, epochs=None, settings=small_settings, observer=OBSERVER, margin=None, density=small_box, threads=2
    ):
        epochs = epochs or Epochs(cosmology, 0.2)
        at = cosmology.model_copy(update={"redshift": getattr(epochs, "only", 0.0)})
        sight = Sight(observer, region, epochs, margin)
        columns = find_light_cone(density, Slabs(CELLS, threads=threads), 1.0, at, settings, table, sight)
        order = np.lexsort((columns["mass"], columns["distance"]))
        return {name: values[order] for name, values in columns.items()}

    return seen


@pytest.mark.parametrize(("redshift", "search"), [(0.0, "published"), (0.5, "corrected")])
def test_at_one_redshift_every_image_of_a_halo_is_that_of_the_box(
    cone, small_box, small_settings, cosmology, table, redshift, search
):
    settings = small_settings.model_copy(update={"search": search})
    early = cosmology.model_copy(update={"redshift": redshift})
    density = small_box * np.float32(growth_factor(cosmology, redshift))
    box = find_haloes(density, Slabs(CELLS), 1.0, early, settings, table)
    seen = cone(Region("full_sky", 5.0, 62.0), Frozen(cosmology, redshift), settings, density=density)
    steps = np.arange(-2, 3) * CELLS
    offsets = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 1, 3)
    everywhere = (box.positions(("x", "y", "z")) - OBSERVER + offsets).reshape(-1, 3)
    distances = np.sqrt((everywhere**2).sum(axis=1))
    positions = np.stack([seen[name] for name in ("x", "y", "z")], axis=-1)
    apart, images = cKDTree(everywhere).query(positions)
    assert apart.max() < 1e-4
    assert len(np.unique(images)) == len(images) == np.sum((distances >= 5) & (distances < 62)) > 1500
    expected = images % len(box)
    for name in ("raw_radius", "overdensity", "ellipticity", "prolateness"):
        np.testing.assert_array_equal(seen[name], box[name][expected])
    for name in ("radius", "mass", "vx", "vy", "vz"):  # volumes of overlaps are summed in another order
        np.testing.assert_allclose(seen[name], box[name][expected], rtol=3e-7, atol=1e-9)
    assert np.unique(seen["redshift"]) == [redshift]


def test_two_halves_of_a_range_are_the_whole_halo_by_halo(cone):
    whole = cone(Region("octant", 0.0, 120.0))
    near, far = cone(Region("octant", 0.0, 63.7)), cone(Region("octant", 63.7, 120.0))
    assert min(len(near["mass"]), len(far["mass"])) > 100
    for name, values in whole.items():
        np.testing.assert_array_equal(np.concatenate([near[name], far[name]]), values, err_msg=name)


def test_openings_that_join_hold_every_halo_once(cone):
    sky, north = (cone(Region(opening, 0.0, 60.0)) for opening in ("full_sky", "hemisphere"))
    above = sky["z"] >= 0
    assert 0.3 < above.mean() < 0.7
    for name, values in north.items():
        np.testing.assert_array_equal(values, sky[name][above], err_msg=name)


def test_neither_threads_nor_how_candidates_are_shared_among_them_change_a_bit(cone, monkeypatch):
    region = Region("octant", 0.0, 60.0)
    at_once = cone(region, threads=1)
    monkeypatch.setattr(light_cone, "CELLS_AT_ONCE", 37)  # every box of a test is one part otherwise
    for threads in (1, 2, 4):
        shared = cone(region, threads=threads)
        for name, values in at_once.items():
            np.testing.assert_array_equal(shared[name], values, err_msg=f"{name}, {threads} threads")


def test_a_halo_is_seen_on_the_light_cone_and_collapsed_by_then(cone, cosmology, table):
    seen = cone(Region(CircleSettings(right_ascension=30.0, declination=20.0, radius=8.0), 300.0, 600.0))
    epochs = Epochs(cosmology, 0.2)
    np.testing.assert_allclose(epochs.distance(seen["redshift"]), seen["distance"], rtol=1e-9)
    lagrangian = np.stack([seen[name].astype(float) for name in ("qx", "qy", "qz")], axis=-1)
    early = epochs.redshift(np.sqrt((lagrangian**2).sum(axis=1)))
    assert (seen["overdensity"] > 0.995 * table.thresholds(early)).mean() > 0.95
    far = seen["redshift"] > 0.1
    assert seen["cells"][far].sum() / far.sum() < seen["cells"][~far].sum() / (~far).sum()


def test_a_thin_shell_has_the_number_density_of_a_box_at_its_redshift(
    cone, small_box, small_settings, cosmology, table
):
    redshift, epochs = 0.5, Epochs(cosmology, 0.7)
    middle = float(epochs.distance(np.array([redshift]))[0])
    shell = Region(CircleSettings(declination=35.0, radius=2.0), middle - 40, middle + 40)
    seen = cone(shell, epochs)
    volume = 4 / 3 * np.pi * shell.fraction_of_sky() * (shell.farthest**3 - shell.nearest**3)
    early = cosmology.model_copy(update={"redshift": redshift})
    density = small_box * np.float32(growth_factor(cosmology, redshift))
    box = find_haloes(density, Slabs(CELLS), 1.0, early, small_settings, table)
    assert len(seen["mass"]) / volume == pytest.approx(len(box) / CELLS**3, rel=0.04)
    collapsed = np.sum(box["cells"]) / CELLS**3
    assert np.sum(seen["cells"]) / volume == pytest.approx(collapsed, rel=0.04)


def test_a_margin_that_leaves_the_borders_undecided_is_refused(cone):
    with pytest.raises(SettingsError, match=r"light_cone.margin_mpc = 4: \d+ haloes at the borders"):
        cone(Region("octant", 0.0, 40.0), margin=4.0)


def test_a_candidate_at_several_redshifts_is_measured_as_at_each_of_them_alone(small_box, cosmology, table):
    slabs, radii = Slabs(CELLS), filter_radii(FilterBankSettings(largest_mpc=12.0), 1.0)
    modes = slabs.forward(small_box)
    psi = np.stack([first_order_displacement(modes, slabs, 1.0, axis) for axis in range(3)], axis=-1)
    cells, filters = find_candidates(modes, slabs, radii, table.threshold(0.0))
    for method in ("published", "corrected"):
        search = Search(radii, 1.0, sphere(20), table, method)
        redshifts = np.array([0.4, 0.0, 1.0])
        together = measure(
            small_box, psi, 0, np.repeat(cells, 3), np.repeat(filters, 3), np.tile(redshifts, len(cells)), search
        )
        for i, redshift in enumerate(redshifts):
            alone = measure(small_box, psi, 0, cells, filters, np.full(len(cells), redshift), search)
            mine = together.rows % 3 == i
            np.testing.assert_array_equal(together.rows[mine] // 3, alone.rows)
            np.testing.assert_array_equal(together.radii[mine], alone.radii)
            np.testing.assert_array_equal(together.properties[mine], alone.properties)
            assert len(alone.rows) > 50


def test_what_is_decided_within_borders_is_what_the_whole_decides():
    random = np.random.default_rng(3)
    positions = random.uniform(0, 60, (6000, 3))
    radii = np.sort(random.uniform(1, 4, 6000))[::-1]
    whole = exclude_within(positions, radii, None, np.zeros(6000, bool))
    for i in random.integers(0, 6000, 300):
        killers = [j for j in range(i) if ((positions[i] - positions[j]) ** 2).sum() < radii[j] ** 2]
        assert (whole[i] == DEAD) == any(whole[j] == ALIVE for j in killers)
    cut = np.flatnonzero(positions[:, 0] < 30)
    part = exclude_within(positions[cut], radii[cut], None, positions[cut, 0] > 30 - radii[0])
    decided = part != UNKNOWN
    np.testing.assert_array_equal(part[decided], whole[cut][decided])
    assert 0 < np.sum(~decided & (positions[cut, 0] <= 30 - radii[0])) < 0.05 * len(cut)
    assert decided.sum() > 0.8 * len(cut)


def test_overlaps_with_what_nobody_knows_are_doubtful():
    positions, radii = np.array([[0.5, 0, 0], [4.0, 0, 0], [20.0, 0, 0]]), np.array([3.0, 2.0, 1.0])
    lost, doubtful = lost_volumes(positions, radii, "shared", np.array([UNKNOWN, ALIVE, ALIVE], np.int8))
    np.testing.assert_array_equal(doubtful, [True, True, False])
    np.testing.assert_array_equal(lost, 0)
    lost, doubtful = lost_volumes(positions, radii, "smaller", np.full(3, ALIVE, np.int8))
    assert not doubtful.any()
    distance, (large, small) = 3.5, (3.0, 2.0)  # volume of a lens, in closed form
    lens = np.pi * (large + small - distance) ** 2 / (12 * distance)
    lens *= distance**2 + 2 * distance * (large + small) - 3 * (large - small) ** 2
    np.testing.assert_allclose(lost, [0, lens, 0])
