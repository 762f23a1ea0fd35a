"""Mock catalogues from a trained network: what the other stages do not do."""
