"""Cloud-in-cell assignment that can be differentiated by the particles' positions."""

import numpy as np
import tensorflow as tf


def assign_clouds(positions: tf.Tensor, cells: int) -> tf.Tensor:
    """Particles per cell of a periodic grid (Hockney & Eastwood 1981, 5.2.2).

    Parameters
    ----------
    positions
        Positions in cells, 0 at the centre of cell 0; shape (3, particles).

    Returns
    -------
    Shape (N, N, N). A particle at the centre of a cell gives all of itself to it: voxel i spans [i, i + 1) cell sizes
    from the corner of the box, as a halo at x lies in voxel floor(x / cell size).

    Notes
    -----
    The weights are continuous but not smooth: the gradient jumps where a particle passes a cell's centre.
    """
    lower = tf.floor(positions)
    upper_weight = positions - lower
    first = tf.math.floormod(tf.cast(lower, tf.int32), cells)
    second = tf.where(first == cells - 1, 0, first + 1)
    indices, weights = [], []
    for corner in np.ndindex(2, 2, 2):
        index, weight = 0, 1.0
        for axis, side in enumerate(corner):
            index = index * cells + (second if side else first)[axis]
            weight = weight * (upper_weight[axis] if side else 1 - upper_weight[axis])
        indices.append(index)
        weights.append(weight)
    counts = tf.math.unsorted_segment_sum(tf.concat(weights, 0), tf.concat(indices, 0), cells**3)
    return tf.reshape(counts, (cells,) * 3)
