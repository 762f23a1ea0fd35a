"""Physical limits: how long the counted work of a stage takes at the rates measured on this machine in this run.

The limit of a stage is the sum over its kinds of work, each at its own rate: nothing is assumed to overlap. Fourier
transforms are those of the same size and number of threads (:mod:`performance.transforms`), the faster of scipy and its
peers; bytes are those that a stage must at least read and write in whole passes over its fields.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from performance.measuring import row, timed

KINDS = {
    "transforms": "{:g} FFTs",
    "bytes": "{:.3g} bytes at memory bandwidth",
    "flops": "{:.3g} FLOP at the rate of a matrix product",
    "normals": "{:.3g} normal numbers",
    "exponentials": "{:.3g} exponentials",
    "gathered": "{:.3g} cells gathered",
}
STREAM = 2**25  # numbers: far larger than any cache
SQUARE = 3072


def cases(options):
    return [{"threads": threads} for threads in sorted({1, options.threads})]


def measure(case):
    """Rates of this machine with a number of threads: one row for each kind, whose work takes its seconds."""
    threads = case["threads"]
    kinds = {"bytes": bandwidth(threads), "flops": matrix_product(threads), "normals": normals(threads)}
    kinds |= {"exponentials": exponentials(threads), "gathered": gathered(threads)}
    return [row(f"rate of {kind}", times, work={kind: work}, threads=threads) for kind, (times, work) in kinds.items()]


def rates(rows):
    """Work per second by kind and number of threads."""
    rows = [one for one in rows if one["stage"].startswith("rate of ")]
    return {
        (kind, one["threads"]): work / one["seconds"] for one in rows for kind, work in one["work"].items()
    }  # fmt: skip


def limit_seconds(one, rates, transforms):
    """Seconds that the work of a row takes at the rates of the machine; None where nothing was counted or measured."""
    threads = one.get("threads", 1)
    total = 0.0
    for kind, amount in one["work"].items():
        if kind == "transforms":
            seconds = transforms.get((one["cells"], threads))
            if seconds is None:
                return None
            total += amount * seconds
        elif (kind, threads) not in rates:
            return None
        else:
            total += amount / rates[kind, threads]
    return total or None


def describe(work):
    """The work of a row in words."""
    return " + ".join(KINDS[kind].format(amount) for kind, amount in work.items())


def bandwidth(threads):
    """Bytes read and written by the sum b = a + b of float32 numbers, after McCalpin's STREAM."""
    source, target = np.ones(STREAM, np.float32), np.ones(STREAM, np.float32)
    parts = list(zip(np.array_split(source, threads), np.array_split(target, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        times, _ = timed(lambda: list(pool.map(lambda part: np.add(part[0], part[1], out=part[1]), parts)))
    return times, 3 * 4 * STREAM


def matrix_product(threads):
    """Operations of a large single-precision matrix product; the library's threads are set by the environment."""
    if os.environ.get("OPENBLAS_NUM_THREADS") != str(threads):
        raise ValueError(f"OPENBLAS_NUM_THREADS must be {threads} for a matrix product on as many threads")
    left = np.random.default_rng(1).normal(size=(SQUARE, SQUARE)).astype(np.float32)
    times, _ = timed(lambda: left @ left)
    return times, 2 * SQUARE**3


def normals(threads):
    """Single-precision normal numbers of numpy's Philox generator, in one long stream a thread."""

    def draw(seed):
        np.random.Generator(np.random.Philox(seed)).standard_normal(STREAM // 8, dtype=np.float32)

    return _on_all(draw, threads), threads * (STREAM // 8)


def exponentials(threads):
    """Single-precision exponentials of numpy, which are vectorised."""
    values = np.linspace(-5, 5, 2**16, dtype=np.float32)
    out = [np.empty_like(values) for _ in range(threads)]

    def evaluate(thread):
        for _ in range(64):
            np.exp(values, out=out[thread])

    return _on_all(evaluate, threads), threads * 64 * len(values)


def gathered(threads):
    """Cells of spheres of 5 cells around random places of a box of 256^3 float32 cells, read and added up."""
    from halonet.spheres import mean_within

    field = np.ones((256,) * 3, np.float32)
    centres = np.random.default_rng(1).integers(0, 256, (20000, 3))
    radii = np.full(len(centres), 5.0)
    mean_within(field, centres[:1], radii[:1])  # compiles
    times, _ = timed(lambda: mean_within(field, centres, radii))
    return times, 515 * len(centres)


def _on_all(function, threads):
    with ThreadPoolExecutor(threads) as pool:
        return timed(lambda: list(pool.map(function, range(threads))))[0]
