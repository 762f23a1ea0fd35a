"""Fourier windows of smoothing filters."""

import numpy as np


def top_hat(x: np.ndarray) -> np.ndarray:
    """Fourier transform of a spherical top-hat, 3 (sin x - x cos x) / x^3 with x = k R, float64 of the shape of ``x``.

    A series takes its place at small x, where the fraction would lose its digits.
    """
    x = np.asarray(x, dtype=np.float64)
    small = np.abs(x) < 0.05
    safe = np.where(small, 1.0, x)
    return np.where(small, 1 - x**2 / 10 + x**4 / 280, 3 * (np.sin(safe) - safe * np.cos(safe)) / safe**3)


def top_hat_of_squares(cells: int, radius: float) -> np.ndarray:
    """Window of a sphere of ``radius`` cells, by k^2 in units of the fundamental of a box of ``cells``: whole numbers.

    float32; its last number is of the corner of the box in Fourier space.
    """
    squares = np.arange(3 * (cells // 2) ** 2 + 1)
    return top_hat(2 * np.pi / cells * np.sqrt(squares) * radius).astype(np.float32)


def over_squares(window: np.ndarray) -> np.ndarray:
    """A window by k^2, as above, over k^2; 0 for the mean, which has no derivatives."""
    over = window / np.maximum(np.arange(len(window)), 1)
    over[0] = 0
    return over.astype(np.float32)
