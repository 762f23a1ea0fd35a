"""Reading of training windows, beside the file's plain bytes and a memory-mapped array of the same windows."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import training

from halonet.dataset.manifest import box_folder
from halonet.dataset.samples import read_window
from performance.measuring import measured, peer, row

WINDOWS = 8


def cases(options):
    cells = min(256, options.largest)
    return [{"cells": cells, "window": window, "folder": str(options.work)} for window in (64, 128) if window <= cells]


def measure(case):
    """Windows from a cold and from a warm file, by the reader alone and with normalisation and augmentation."""
    cells, window = case["cells"], case["window"]
    # Not in the system's temporary folder, which may be memory.
    with TemporaryDirectory(dir=case["folder"]) as folder:
        training.make_boxes(folder, 1, cells)
        path = box_folder(folder, 0) / "density.h5"
        samples = training.samples_of(folder, 1, cells, window, 1, 1)
        starts = _starts(cells, window)
        plain = Path(folder) / "plain.npy"
        np.save(plain, np.ascontiguousarray(np.zeros((cells,) * 3, np.float32)))
        training.drop_from_cache(folder)
        cold, _ = measured(lambda: [read_window(path, "density", start, window) for start in starts], repeats=1)
        warm, _ = measured(lambda: [read_window(path, "density", start, window) for start in starts])
        whole, _ = measured(lambda: [samples[index] for index in range(WINDOWS)])
        peers = [
            peer("plain read of as many bytes", lambda: _plain(path, starts, window)),
            peer("numpy.memmap", lambda: _mapped(plain, starts, window)),
        ]
    work, voxels = {"bytes": 2 * 4 * window**3 * WINDOWS}, window**3 * WINDOWS
    notes = {"window": window, "voxels": voxels}
    return [
        row("windows of density, cold file", cold, cells, work, **notes),
        row("windows of density, warm file", warm, cells, work, peers, **notes),
        # Density and mask, read, turned, normalised, stacked: five times through memory at least.
        row("training samples", whole, cells, {"bytes": 5 * 5 * voxels}, **notes),
    ]


def _starts(cells, window):
    places = np.random.default_rng(1).integers(0, cells - window + 1, (WINDOWS, 3))
    return [tuple(int(first) for first in place) for place in places]


def _plain(path, starts, window):
    size = 4 * window**3
    with open(path, "rb", buffering=0) as file:
        for index in range(len(starts)):
            file.seek(index * 4096)
            file.read(size)


def _mapped(path, starts, window):
    field = np.load(path, mmap_mode="r")
    for start in starts:
        np.array(field[tuple(slice(first, first + window) for first in start)])
