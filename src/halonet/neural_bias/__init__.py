"""Neural bias model: the halo mass function of every place of an evolved density, and its posterior.

Charnock et al., *Neural physical engines for inferring the halo mass distribution function*, MNRAS 494, 50 (2020).
Why it is built as it is: ``docs/neural_bias.md``. Lengths are Mpc, masses solar masses, ``u`` is ln(mass /
threshold).
"""
