"""Why a stage is far from its limit, where it is: each by a measurement that stands in the same run or in its page."""

_ROOFLINE = (
    "bytes and operations are those of an ideal transform, which no library reaches: the fastest peer of this"
    " run is as far."
)
EXPLAINED = {
    "FFT, forward": _ROOFLINE,
    "FFT, inverse": _ROOFLINE
    + (
        " FFTW is faster than scipy only with plans that it tries out, and these differ from run to run and "
        "with them the last bits of every box; its estimated plans, which do not, are slower."
    ),
    "displacement, first order": (
        "memory: its three components are the most that the ground truth holds, 12 bytes a cell. At 64³, where memory "
        "is at hand, a cell takes 26 ns, at 512³ 49 ns."
    ),
    "windows of density, cold file": "as the warm one, and the disk.",
    "windows of density, warm file": (
        "a window that begins anywhere touches 5³ chunks of 32³ cells where it holds 4³, twice the bytes; "
        "HDF5 copies each, and every number is checked to be finite. numpy.memmap, which does none of it, "
        "takes a third of the time. A training step with such a window takes a hundred times as long."
    ),
    "training samples": (
        "as the windows, of density and of the compressed mask; the loader reads ahead in threads of its own "
        "while the network computes."
    ),
    "tiles cut and put together": (
        "rows of 192 numbers at addresses far apart, each copied by itself; MONAI takes longer. It is 1% of a"
        " prediction."
    ),
    "overlap": (
        "arithmetic, not memory: a dozen sums and products in double precision and a division for every cell,"
        " added up in a fixed order. All statistics of a box together take a hundred times as long."
    ),
    "mass function": "numbers of cells are sorted, which reads each some twenty times; 11 ms at 512³.",
    "N-body, read-out and kick": (
        "whole passes are counted, but the derivative at the eight points around a particle reads 96 numbers of the "
        "potential, where the particle has moved to: some 80 ns a particle. It is a third of a step."
    ),
    "N-body, a step": "its read-out and kick.",
    "friends of friends": (
        "reading and writing alone are counted. Particles are sorted, all close pairs compared in whole numbers, and "
        "of every halo centre, shape, densest member and spherical masses measured: half a microsecond a particle, a "
        "twentieth of the simulation before."
    ),
    "neural bias, gradient": (
        "exponentials and logarithms alone are counted, at the rate of numpy's vector instructions; the series of the "
        "scaled error function, and what a gradient keeps of every step, are not. The same in JAX takes four times as "
        "long."
    ),
    "neural bias, value": "as the gradient.",
}
