"""Fourier transforms: those of the package, beside scipy's own, FFTW and torch's on the same field."""

import numpy as np

from halonet.grid.slabs import Slabs
from performance.measuring import measured, peer, row

MEASURED_PLANS = 256  # cells up to which FFTW tries its plans out; beyond, that alone takes a minute


def cases(options):
    return [{"cells": cells, "threads": 1} for cells in options.sizes]


def measure(case):
    cells, threads = case["cells"], case["threads"]
    field = np.random.default_rng(1).standard_normal((cells,) * 3, dtype=np.float32)
    slabs = Slabs(cells, threads=threads)
    forward, modes = measured(lambda: slabs.forward(field))
    backward, _ = measured(lambda: slabs.inverse(modes))
    ways = {"forward": _forward_peers(field, threads), "inverse": _inverse_peers(modes, field, threads)}
    times = {"forward": forward, "inverse": backward}
    # Half the operations of a complex transform, and one pass for each axis that reads and writes.
    work = {"flops": 2.5 * field.size * np.log2(field.size), "bytes": 3 * 2 * field.nbytes}
    return [
        row(f"FFT, {way}", times[way], cells, work, [peer(*one) for one in ways[way]], threads=threads) for way in ways
    ]


def _forward_peers(field, threads):
    from scipy import fft

    def by_torch():
        import torch

        torch.set_num_threads(threads)
        return torch.fft.rfftn(torch.from_numpy(field))

    yield "scipy", lambda: fft.rfftn(field, workers=threads)
    yield from _fftw(field.shape, threads, field, "FFTW_FORWARD")
    yield "torch", by_torch


def _inverse_peers(modes, field, threads):
    from scipy import fft

    def by_torch():
        import torch

        torch.set_num_threads(threads)
        return torch.fft.irfftn(torch.from_numpy(modes), s=field.shape)

    yield "scipy", lambda: fft.irfftn(modes, s=field.shape, workers=threads)
    yield from _fftw(field.shape, threads, modes, "FFTW_BACKWARD")
    yield "torch", by_torch


def _fftw(shape, threads, values, direction):
    """FFTW with plans that are the same each time, and with those that it tries out, whose bits change with the run."""
    yield "pyfftw, estimated plan", _plan(shape, threads, values, direction, "FFTW_ESTIMATE")
    if shape[0] <= MEASURED_PLANS:
        yield "pyfftw, measured plan", _plan(shape, threads, values, direction, "FFTW_MEASURE")


def _plan(shape, threads, values, direction, effort):
    """Transform by FFTW into arrays of its own, planned at the first call."""
    plan = []

    def transform():
        import pyfftw

        if not plan:
            real = pyfftw.empty_aligned(shape, np.float32)
            modes = pyfftw.empty_aligned((*shape[:-1], shape[-1] // 2 + 1), np.complex64)
            pair = (real, modes) if direction == "FFTW_FORWARD" else (modes, real)
            flags = (effort, "FFTW_DESTROY_INPUT")
            plan.append(pyfftw.FFTW(*pair, (0, 1, 2), direction, flags, threads))
        # The input is copied, since the package keeps its own, too.
        plan[0].input_array[...] = values
        return plan[0]()

    return transform


def fastest(rows):
    """Seconds of a transform by cells and threads: the fastest way there is here, mean of both directions."""
    found = {}
    for one in rows:
        if one["stage"].startswith("FFT, "):
            ways = [one["seconds"], *(other["seconds"] for other in one["peers"] if "seconds" in other)]
            found.setdefault((one["cells"], one["threads"]), []).append(min(ways))
    return {key: sum(seconds) / len(seconds) for key, seconds in found.items()}
