"""Galaxies in haloes: how many, where within them, and how fast."""
