"""Neural bias model: the halo mass function at every position of an evolved density, and its posterior.

Charnock et al., *Neural physical engines for inferring the halo mass distribution function*, MNRAS 494, 50 (2020).
Why it is built as it is: ``docs/neural_bias.md``. Lengths are Mpc, masses solar masses, ``u`` is ln(mass /
threshold).

Five modules are the doors of the package, from which others import: ``inputs`` (data), ``evolution`` (evolved density),
``kernels`` (multipole kernels), ``fit`` (model, posterior, chain) and ``results`` (summaries, draws). They are not one,
because a job depends on the code that it imports: a changed summary must not remake chains.
"""
