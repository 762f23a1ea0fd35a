"""Samplers and what belongs to them; nothing here knows of haloes.

Hamiltonian Monte Carlo (``hamiltonian``), its quasi-Newton kind (``quasi_newton``), microcanonical dynamics
(``microcanonical``), the samplers that chains drive (``samplers``, ``phases``), mass matrices of fields
(``fourier_mass``), chains and their files (``chain``), maxima and curvatures (``maximum``), convergence
(``diagnostics``). A target is whatever has ``energy`` and ``gradient``.
"""
