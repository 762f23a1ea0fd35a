"""Haloes of particles: friends of friends, traced back to the Lagrangian cells they came from."""
