"""Sub-volumes of the boxes, their split, normalisation and reflections."""
