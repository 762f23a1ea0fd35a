"""No true box is refused, whatever its cells, and spheres that are misread or misplaced are."""

from dataclasses import replace

import numpy as np
import pytest

import halonet
from halonet.grid.slabs import Slabs
from halonet.plausibility.density import check_against_spectrum
from halonet.plausibility.protohaloes import FEWEST, LEAST_CELLS, check_protohaloes, check_same_field
from halonet.plausibility.verdict import PlausibilityError
from halonet.settings import CosmologySettings
from halonet.statistics.mass_function import expected_haloes

CELLS = 64


@pytest.fixture(scope="module", params=[0.5, 1.0, 1.4, 2.2456], ids="cells of {} Mpc".format)
def box(request):
    """Density and haloes of Peak Patch, and the number of them that the mass function has."""
    side, cosmology = CELLS * request.param, CosmologySettings()
    density = halonet.draw_density(seed=11, cells=CELLS, box_size_mpc=side)
    haloes = halonet.find_peak_patch_haloes(density, box_size_mpc=side)
    return density, haloes, expected_haloes(LEAST_CELLS, request.param, side, cosmology)


def with_radii(haloes, factor):
    """Haloes whose radii are read wrongly, with what follows from them."""
    columns = {"radius": haloes["radius"] * factor}
    columns |= {name: haloes[name] * factor**3 for name in ("cells", "mass")}
    return replace(haloes, columns=haloes.columns | columns)


def at(haloes, positions):
    side = haloes.box_size_mpc
    moved = dict(zip(("qx", "qy", "qz"), (positions % side).T.astype(np.float32), strict=True))
    return replace(haloes, columns=haloes.columns | {name: np.minimum(q, side * 0.99999) for name, q in moved.items()})


def test_a_true_box_and_its_haloes_pass(box):
    density, haloes, expected = box
    check_against_spectrum(density, Slabs(CELLS), haloes.box_size_mpc, CosmologySettings(), "density.h5")
    assert 1.9 < check_protohaloes(density, haloes, "haloes.h5", expected) < 2.9
    assert 0.6 * expected < len(haloes.larger_than(LEAST_CELLS)) < 1.2 * expected


@pytest.mark.parametrize(
    "read",
    [
        lambda h: with_radii(h, 0.7),
        lambda h: with_radii(h, 200 ** (-1 / 3)),
        lambda h: with_radii(h, 0.5),
        lambda h: at(h, h.positions(("x", "y", "z"))),
        lambda h: at(h, h.positions() + 2 * h.cell_size),
        lambda h: at(h, h.positions()[:, [2, 1, 0]]),
        lambda h: at(h, 0.7 * h.positions()),
        lambda h: at(h, h.positions() + 0.5 * h.box_size_mpc),
    ],
    ids=[
        "Mpc/h",
        "virial",
        "half",
        "Eulerian",
        "two cells off",
        "axes exchanged",
        "centres in Mpc/h",
        "about the centre",
    ],
)
def test_spheres_that_are_misread_or_misplaced_are_refused_at_every_cell_size(box, read):
    density, haloes, expected = box
    with pytest.raises(PlausibilityError, match=r"haloes.h5: .*(radii are too small|centres must be Lagrangian)"):
        check_protohaloes(density, read(haloes), "haloes.h5", expected)


def test_haloes_of_another_box_are_refused_by_its_density_and_those_of_a_poor_finder_are_not(box):
    density, haloes, _ = box
    check_same_field(density, haloes, "haloes.h5")
    check_same_field(density, at(haloes, haloes.positions() + 2 * haloes.cell_size), "haloes.h5")
    with pytest.raises(PlausibilityError, match=r"haloes.h5: within .* is -?0\.\d\d \(median\).* not of one box"):
        check_same_field(np.roll(density, CELLS // 2, axis=(0, 1, 2)), haloes, "haloes.h5")
    coarse = density.reshape(CELLS // 2, 2, CELLS // 2, 2, CELLS // 2, 2).mean(axis=(1, 3, 5))
    check_same_field(coarse, haloes, "a density of another grid")
    if np.sum(haloes["cells"] >= 8 * LEAST_CELLS) >= FEWEST:
        with pytest.raises(PlausibilityError, match="not of one box"):
            check_same_field(np.roll(coarse, CELLS // 4, axis=(0, 1, 2)), haloes, "haloes.h5")


def test_the_most_massive_haloes_alone_are_a_legal_catalogue(box):
    density, haloes, expected = box
    assert check_protohaloes(density, haloes.select(slice(0, 12)), "haloes.h5", expected) is not None
