"""Halo catalogues in the formats of other codes: one module per format, :data:`formats.FORMATS` lists them."""
