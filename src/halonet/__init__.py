"""HaloNet: mock dark-matter halo catalogues from random phases."""

__version__ = "0.1.0"
