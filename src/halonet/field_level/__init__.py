"""Field-level inference: white-noise phases and bias parameters together from a halo catalogue alone.

Forward model (``fourier``, ``clouds``, ``gravity``), joint posterior (``posterior``), samplers of the phases (``mass``,
``phases``, ``microcanonical``), data and first phases (``data``, ``start``), blocks and chains (``blocks``,
``session``), what comes out (``results``, ``constrained``). The engine and its likelihood are those of
:mod:`halonet.neural_bias`.
"""
