"""Constants of a model, which put the prior's centre where the data are."""

from dataclasses import dataclass

import numpy as np

from halonet.checks.numbers import Number, checked


@dataclass(frozen=True)
class Offsets:
    """Constants that put the prior's centre, theta = 0, where the data are.

    Attributes
    ----------
    rows
        Added to the 3 K outputs of the network: ca, cm, cs of :mod:`halonet.neural_bias.mixture`; shape (3 K,).
    feature_means
        Subtracted from the responses of the first layer, shape (features,).
    summary
        Subtracted from the summaries before dense layers and mixture.
    """

    rows: np.ndarray
    feature_means: np.ndarray
    summary: float = 0.0

    def as_dict(self) -> dict:
        """The constants as JSON takes them."""
        return {"rows": list(self.rows), "feature_means": list(self.feature_means), "summary": self.summary}

    @classmethod
    def from_dict(cls, values: dict) -> "Offsets":
        """Constants read from JSON; a NumberError names the one that is no number."""
        number = Number()
        rows, means = ([checked(name, each, number) for each in values[name]] for name in ("rows", "feature_means"))
        return cls(np.array(rows), np.array(means), checked("summary", values["summary"], number))
