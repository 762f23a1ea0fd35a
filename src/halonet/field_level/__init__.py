"""Field-level inference: white-noise phases and bias parameters together from a halo catalogue alone.

Forward model (``fourier``, ``clouds``, ``gravity``), joint posterior (``posterior``), data and first phases (``data``,
``start``), phases and parameters in turn (``alternation``), chains (``run_chain``), what comes out (``results``,
``constrained``). The engine and its likelihood are those of :mod:`halonet.neural_bias`, the samplers those of
:mod:`halonet.sampling`.
"""
