"""Half precision read as single."""

import numpy as np

from halonet.grid.halves import as_float32


def test_every_number_of_half_precision_is_read_as_numpy_reads_it():
    numbers = np.arange(2**16, dtype=np.uint16).view(np.float16)
    np.testing.assert_array_equal(as_float32(numbers), numbers.astype(np.float32))


def test_shape_and_order_of_a_field_stay_whatever_its_strides():
    field = np.random.default_rng(1).normal(size=(4, 6, 3)).astype(np.float16)
    for view in (field, field[::2], field.T, field[..., 0], field[:0]):
        np.testing.assert_array_equal(as_float32(view), view.astype(np.float32))
    assert as_float32(np.ones(3, np.float64)).dtype == np.float32
