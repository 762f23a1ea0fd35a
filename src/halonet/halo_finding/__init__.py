"""Haloes in a probability mask."""
