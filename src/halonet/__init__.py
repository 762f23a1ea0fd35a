"""HaloNet: mock dark-matter halo catalogues from random phases."""

from pathlib import Path as _Path

from halonet import environment as _environment

__version__ = "0.1.0"

_environment.prepare(_Path(__file__).parent)
