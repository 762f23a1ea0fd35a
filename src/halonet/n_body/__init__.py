"""Particle-mesh simulation from the linear density: growth, time steps, forces on a mesh, particles of snapshots."""
