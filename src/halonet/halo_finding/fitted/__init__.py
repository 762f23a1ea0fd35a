"""Spheres fitted to the probability, after the paper's search."""
