"""Light cones by any method, their number of haloes against redshift, and what is expected of it."""
