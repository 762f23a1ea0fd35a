"""A few thousand weighted points that stand for all voxels and haloes where only a gradient is needed.

Notes
-----
A fixed density enters the likelihood of an engine of one layer as a sum over voxels of a smooth function of few
features, and a catalogue as a sum over haloes of one of the same features and the mass. Clusters of neighbours in that
space, each at its centroid with its summed volume or number of haloes, give the sums to second order in the clusters'
size. Hamiltonian Monte Carlo may follow the gradient of such a stand-in
exactly as well as its own: any force that depends on the position alone keeps the leapfrog reversible and volume
preserving, and the acceptance step, which uses the energy of all voxels, makes the chain exact. Only the acceptance
rate feels the difference.
"""

import heapq

import numpy as np
import tensorflow as tf

from halonet.neural_bias.points import Points


def compress(points: Points, clusters: int) -> Points:
    """Points whose voxels are merged into at most ``clusters``, and whose haloes into as many.

    Clusters are split in two, the one with the largest scatter first, at the centroid of its widest feature. A voxel's
    weight in the scatter grows like its halo density, for which the square of the first feature's exponential stands.
    """
    dtype, features = points.features.dtype, _wide(points.features)
    importance = np.exp(2 * np.clip(features[0] - features[0].mean(), -3, 3))
    halo_rows = [_wide(points.haloes), _wide(points.log_mass)]
    if points.numbers is None:
        centroids, volumes = _merge(features, _wide(points.volumes), clusters, importance)
        halo_centroids, weights = _merge(np.vstack(halo_rows), _wide(points.halo_weights), clusters)
        parts = [centroids, volumes, halo_centroids[:-1], halo_centroids[-1], weights]
        return Points(*(tf.constant(part, dtype) for part in parts))
    # Where counts are not Poisson, what a voxel adds is no multiple of its volume, and depends on its number of haloes.
    volumes = _wide(points.volumes)
    seen = _wide(points.numbers) * (volumes > 0)
    centroids, numbers = _merge(np.vstack([features, volumes]), seen, clusters, importance)
    halo_rows += [_wide(points.occupancy), _wide(points.halo_volumes)]
    halo_centroids, weights = _merge(np.vstack(halo_rows), _wide(points.halo_weights), clusters)
    parts = [
        centroids[:-1],
        centroids[-1],
        halo_centroids[:-3],
        halo_centroids[-3],
        weights,
        numbers,
        *halo_centroids[-2:],
    ]
    return Points(*(tf.constant(part, dtype) for part in parts))


def _wide(values: tf.Tensor) -> np.ndarray:
    return values.numpy().astype(np.float64)


def _merge(
    features: np.ndarray, weights: np.ndarray, clusters: int, importance: np.ndarray | float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Centroids of shape (features, clusters) and summed weights; points of no weight, as masked voxels, are gone."""
    seen = np.flatnonzero(weights > 0)
    importance = (weights * importance)[seen]
    features, weights = features[:, seen], weights[seen]
    if len(seen) <= clusters:
        return features, weights
    groups = _split(features, importance, clusters)
    sums = np.array([weights[group].sum() for group in groups])
    return np.stack([features[:, group] @ weights[group] for group in groups], axis=1) / sums, sums


def _split(features: np.ndarray, importance: np.ndarray, clusters: int) -> list[np.ndarray]:
    """Indices of each cluster's members."""
    # Features in units of their spread; without it the sums over many neighbours would decide all splits.
    means, spread = features.mean(axis=1, keepdims=True), features.std(axis=1, keepdims=True)
    scaled = (features - means) / np.maximum(spread, 1e-9 * (1 + np.abs(means)))  # a constant one splits nothing
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
