"""Convergence of chains: R-hat and effective sample size, rank-normalised (Vehtari et al. 2021)."""

import numpy as np
from scipy import fft, stats


def split(chains: np.ndarray) -> np.ndarray:
    """Halves of chains of shape (chains, samples), so that a drift within a chain shows; shape (2 chains, half)."""
    half = chains.shape[1] // 2
    return np.concatenate([chains[:, :half], chains[:, chains.shape[1] - half :]])


def rank_normalised(chains: np.ndarray) -> np.ndarray:
    """Normal scores of the ranks over all chains, shape (chains, samples)."""
    ranks = stats.rankdata(chains).reshape(chains.shape)
    return stats.norm.ppf((ranks - 0.375) / (chains.size + 0.25))


def _basic_r_hat(chains: np.ndarray) -> float:
    samples = chains.shape[1]
    within = chains.var(axis=1, ddof=1).mean()
    if within == 0:
        return 1.0 if np.ptp(chains) == 0 else np.inf
    between = chains.mean(axis=1).var(ddof=1)
    return float(np.sqrt((samples - 1) / samples + between / within))


def r_hat(chains: np.ndarray) -> float:
    """Split R-hat of the bulk and of the scale, whichever is larger; chains of shape (chains, samples)."""
    halves = split(chains)
    folded = np.abs(halves - np.median(halves))
    return max(_basic_r_hat(rank_normalised(halves)), _basic_r_hat(rank_normalised(folded)))


def autocovariance(chains: np.ndarray) -> np.ndarray:
    """Autocovariance of every chain, divided by the number of samples, shape (chains, samples)."""
    samples = chains.shape[1]
    centred = chains - chains.mean(axis=1, keepdims=True)
    modes = fft.rfft(centred, fft.next_fast_len(2 * samples), axis=1)
    return fft.irfft(np.abs(modes) ** 2, axis=1)[:, :samples] / samples


def effective_sample_size(chains: np.ndarray) -> float:
    """Bulk effective sample size of all chains together, by Geyer's initial monotone sequence.

    Parameters
    ----------
    chains
        Shape (chains, samples), at least 8 samples.

    Notes
    -----
    At most samples times log10(samples), as in Stan, since anticorrelated chains can exceed the number of samples.
    """
    if chains.shape[1] < 8:
        raise ValueError(f"{chains.shape[1]} samples are too few for an effective sample size; 8 are needed")
    normal = rank_normalised(split(chains))
    count, samples = normal.shape
    covariance = autocovariance(normal)
    within = covariance[:, 0].mean() * samples / (samples - 1)
    total = within * (samples - 1) / samples + normal.mean(axis=1).var(ddof=1)
    if total == 0:
        return float(count * samples)
    correlation = 1 - (within - covariance.mean(axis=0)) / total
    pairs = correlation[: samples // 2 * 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs < 0)
    pairs = np.minimum.accumulate(pairs[: negative[0]] if len(negative) else pairs)
    time = max(2 * pairs.sum() - 1, 1 / np.log10(count * samples))
    return float(count * samples / time)
