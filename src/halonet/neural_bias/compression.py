"""A few thousand weighted points that stand for all voxels where only a gradient is needed.

Notes
-----
A fixed density enters the likelihood of an engine of one layer as a sum over voxels of a smooth function of few
features. Clusters of neighbouring voxels in the space of features, each at its centroid with its summed volume, give
that sum to second order in the clusters' size. Hamiltonian Monte Carlo may follow the gradient of such a stand-in
exactly as well as its own: any force that depends on the position alone keeps the leapfrog reversible and volume
preserving, and the acceptance step, which uses the energy of all voxels, makes the chain exact. Only the acceptance
rate feels the difference.
"""

import heapq

import numpy as np
import tensorflow as tf

from halonet.neural_bias.likelihood import Points


def compress(points: Points, clusters: int) -> Points:
    """Points whose voxels are merged into at most ``clusters``; the haloes stay as they are.

    Clusters are split in two, the one with the largest scatter first, at the centroid of its widest feature. A voxel's
    weight in the scatter grows like its halo density, for which the square of the first feature's exponential stands.
    """
    features, volumes = points.features.numpy().astype(np.float64), points.volumes.numpy().astype(np.float64)
    seen = np.flatnonzero(volumes > 0)
    features, volumes = features[:, seen], volumes[seen]
    if len(seen) <= clusters:
        centroids, weights = features, volumes
    else:
        importance = volumes * np.exp(2 * np.clip(features[0] - features[0].mean(), -3, 3))
        groups = _split(features, importance, clusters)
        weights = np.array([volumes[group].sum() for group in groups])
        centroids = np.stack([features[:, group] @ volumes[group] for group in groups], axis=1) / weights
    dtype = points.features.dtype
    return points._replace(features=tf.constant(centroids, dtype), volumes=tf.constant(weights, dtype))


def _split(features: np.ndarray, importance: np.ndarray, clusters: int) -> list[np.ndarray]:
    """Indices of each cluster's members."""
    # Features in units of their spread; without it the sums over many neighbours would decide all splits.
    scaled = features / np.maximum(features.std(axis=1, keepdims=True), 1e-12)
    everything = np.arange(features.shape[1])
    heap = [(-np.inf, 0, everything, *_widest(scaled, importance, everything)[1:])]
    count = 1
    while len(heap) < clusters and heap[0][0] < 0:
        _, _, members, axis, middle = heapq.heappop(heap)
        low = scaled[axis, members] <= middle
        for part in (members[low], members[~low]):
            scatter, widest, centre = _widest(scaled, importance, part)
            heapq.heappush(heap, (-scatter, count, part, widest, centre))
            count += 1
    return [entry[2] for entry in heap]


def _widest(scaled: np.ndarray, importance: np.ndarray, members: np.ndarray) -> tuple[float, int, float]:
    """Scatter of a group, the feature that scatters most, and its weighted mean; no scatter where it cannot split."""
    values, weights = scaled[:, members], importance[members]
    means = values @ weights / weights.sum()
    scatter = (values - means[:, None]) ** 2 @ weights
    axis = int(scatter.argmax())
    splits = np.ptp(values[axis]) > 1e-9
    return float(scatter.sum()) if splits else 0.0, axis, float(means[axis])
