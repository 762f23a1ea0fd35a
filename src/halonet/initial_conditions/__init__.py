"""Random phases, linear density and Lagrangian displacement."""
