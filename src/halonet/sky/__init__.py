"""The sky of an observer: distance against redshift, growth on the light cone, coordinates, regions, catalogues."""
