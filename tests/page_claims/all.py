"""Every module of claims: they are registered where this one is imported."""

from page_claims import costs, defaults, finding, ground_truth, inference, light_cones, simulations, start, universes  # noqa: F401
