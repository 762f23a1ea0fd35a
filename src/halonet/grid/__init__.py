"""Periodic grids: slabs over MPI ranks, tiles, shells of cells, Fourier windows."""
