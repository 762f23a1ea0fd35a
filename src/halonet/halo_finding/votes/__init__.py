"""By the votes of the cells, for networks with heads that say where the halo of each is and how large."""
