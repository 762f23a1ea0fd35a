import itertools

import numpy as np
import pytest
import tensorflow as tf

from halonet.neural_bias.kernels import multipole_basis, real_harmonics, saturating_ell
from halonet.neural_bias.layers import Layer
from halonet.neural_bias.responses import multipole_responses

ALL_MULTIPOLES_OF_3 = ((0, 1), (1, 1), (2, 1), (3, 1))


def cube_symmetries():
    """The 48 ways to permute and flip the axes of a cube."""
    for axes in itertools.permutations(range(3)):
        for flips in itertools.product((1, -1), repeat=3):
            yield lambda f, axes=axes, flips=flips: np.transpose(f, axes)[tuple(slice(None, None, s) for s in flips)]


@pytest.mark.parametrize(("size", "counts"), [(3, [4, 9, 10, 17]), (5, [10, 27, 35, 54, 63, 79, 91])])
def test_a_multipole_has_one_weight_for_each_shell_it_does_not_vanish_on(size, counts):
    assert [len(multipole_basis(size, ell, distinct=False)) for ell in range(len(counts))] == counts


@pytest.mark.parametrize(("size", "counts"), [(3, [4, 9, 10, 4]), (5, [10, 27, 35, 28, 17, 7, 1])])
def test_distinct_multipoles_span_the_kernel_exactly_once(size, counts):
    bases = [multipole_basis(size, ell, distinct=True) for ell in range(len(counts))]
    assert [len(basis) for basis in bases] == counts
    rows = np.concatenate([basis.kernels.reshape(len(basis), -1) for basis in bases])
    assert rows.shape == (size**3, size**3)
    assert np.linalg.matrix_rank(rows) == size**3
    assert saturating_ell(size) == len(counts) - 1


def test_octupoles_of_3_cells_have_three_and_one_weights_by_m():
    orders = multipole_basis(3, 3, distinct=False).orders
    assert [int((orders == m).sum()) for m in range(-3, 4)] == [3, 1, 3, 3, 3, 1, 3]


def test_the_monopole_is_its_weights_on_centre_faces_edges_and_corners():
    basis = multipole_basis(3, 0)
    assert [int(kernel.sum()) for kernel in basis.kernels] == [1, 6, 12, 8]
    assert set(np.unique(basis.kernels)) == {0.0, 1.0}


def test_harmonics_are_orthonormal_over_the_sphere():
    nodes, weights = np.polynomial.legendre.leggauss(12)
    azimuth = 2 * np.pi * np.arange(24) / 24
    z, phi = (a.ravel() for a in np.meshgrid(nodes, azimuth, indexing="ij"))
    points = np.stack([np.sqrt(1 - z**2) * np.cos(phi), np.sqrt(1 - z**2) * np.sin(phi), z], axis=1)
    rows = np.concatenate([real_harmonics(ell, points) for ell in range(5)])
    gram = (rows * np.repeat(weights / 2, 24) / 24) @ rows.T
    np.testing.assert_allclose(gram, np.eye(25), atol=1e-12)


@pytest.mark.parametrize("size", [2, 0, -3])
def test_a_kernel_without_a_centre_is_refused(size):
    with pytest.raises(ValueError, match="odd number"):
        multipole_basis(size, 0)


def test_a_multipole_that_adds_nothing_is_refused():
    with pytest.raises(ValueError, match="lower multipoles span it"):
        multipole_basis(3, 4)


@pytest.mark.parametrize("ell", range(4))
@pytest.mark.parametrize("boundary", ["wrap", "valid"])
def test_responses_equal_a_direct_sum_over_neighbours(field, ell, boundary):
    basis = multipole_basis(3, ell)
    responses = [r.numpy() for r in multipole_responses(tf.constant(field), basis, boundary)]
    assert responses[0].shape == (12 if boundary == "wrap" else 10,) * 3
    for place in ((0, 0, 0), (3, 9, 5), (9, 4, 7)):
        centre = np.array(place) + (boundary == "valid")
        patch = field[np.ix_(*[(c + np.arange(-1, 2)) % 12 for c in centre])]
        for response, kernel in zip(responses, basis.kernels, strict=True):
            assert response[place] == pytest.approx(np.sum(kernel * patch), abs=1e-12)


@pytest.mark.parametrize(
    "choices", [{}, {"layers": (Layer(3, ((0, 1), (1, 1), (2, 1))),), "invariant": True}], ids=["monopole", "invariant"]
)
def test_the_summary_rotates_and_reflects_with_the_field(field, make_model, choices):
    model = make_model(**choices)
    theta = tf.constant(0.3 * np.random.default_rng(1).standard_normal(model.parameters))

    compiled = tf.function(lambda values: model.summary(theta, model.features(values)))

    def summary(values):
        return compiled(tf.constant(np.ascontiguousarray(values))).numpy().reshape(12, 12, 12)

    expected = summary(field)
    for symmetry in cube_symmetries():
        np.testing.assert_allclose(summary(symmetry(field)), symmetry(expected), atol=1e-12)


def test_single_dipole_paths_do_not_rotate_with_the_field(field, make_model):
    model = make_model(layers=(Layer(3, ((1, 1),)),))
    theta = tf.constant(np.full(model.parameters, 0.3))

    def summary(values):
        return model.summary(theta, model.features(tf.constant(values))).numpy().reshape(12, 12, 12)

    turned = summary(np.ascontiguousarray(np.flip(field, axis=0)))
    assert np.abs(np.flip(summary(field), axis=0) - turned).max() > 0.1


@pytest.mark.parametrize(
    ("choices", "count"),
    [
        ({}, 17),
        ({"layers": (Layer(1),)}, 14),
        ({"layers": (Layer(5),)}, 23),
        ({"layers": (Layer(3, ALL_MULTIPOLES_OF_3),)}, 27 + 4 + 12),
        ({"layers": (Layer(3, ALL_MULTIPOLES_OF_3[:3]),), "invariant": True}, 4 + 3 + 3 + 3 + 12),
        ({"layers": (Layer(3, ((0, 2),)), Layer(3))}, 2 * 4 + 2 + 2 * 4 + 1 + 12),
        ({"dense": (3,)}, 5 + 1 * 3 + 3 + 3 * (2 * 3 + 2)),
    ],
)
def test_the_number_of_parameters_is_that_of_the_architecture(make_model, choices, count):
    model = make_model(**choices)
    assert model.parameters == len(model.names()) == count


def test_two_layers_see_as_far_as_both_kernels_reach(field, make_model):
    model = make_model(layers=(Layer(3, ((0, 2),)), Layer(3)))
    theta = tf.constant(np.full(model.parameters, 0.2))
    disturbed = field.copy()
    disturbed[6, 6, 6] += 1.0
    before, after = (model.summary(theta, model.features(tf.constant(f))).numpy() for f in (field, disturbed))
    changed = np.argwhere(np.abs(after - before).reshape(12, 12, 12) > 1e-12)
    assert changed.min() == 4
    assert changed.max() == 8


def test_a_cut_out_keeps_only_voxels_whose_neighbourhood_is_complete(field, make_model):
    wrapped, cut = make_model(), make_model(boundary="valid")
    theta = np.full(17, 0.2)
    full = wrapped.features(tf.constant(field)).numpy().reshape(4, 12, 12, 12)[:, 1:-1, 1:-1, 1:-1]
    np.testing.assert_allclose(cut.features(tf.constant(field)).numpy(), full.reshape(4, -1), atol=1e-12)
    assert cut.trimmed_cells == 1
    assert wrapped.trimmed_cells == 0
    assert cut.summary(tf.constant(theta), cut.features(tf.constant(field))).shape == (1000,)
