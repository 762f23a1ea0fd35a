"""Statistics of surveys: of haloes and of galaxies."""

from collections.abc import Sequence
from typing import Any

from halonet.checks.numbers import WAVENUMBER, checked
from halonet.column_table import ColumnTable
from halonet.interface.given import checked_points
from halonet.settings import MockSettings
from halonet.statistics.mock import VECTORS, measure_points
from halonet.statistics.wide_bins import MockError


def survey_statistics(
    points: ColumnTable, statistics: Sequence[str] | None = None, largest_k_per_mpc: float | None = None
) -> dict[str, Any]:
    """Measure what surveys measure of a periodic box: spectra, bispectrum, two-point function, counts in cells.

    Parameters
    ----------
    points
        Haloes or galaxies, with Eulerian positions; for ``multipoles`` also velocities, redshift and cosmology.
    statistics
        Some of ``power_spectrum``, ``multipoles``, ``bispectrum``, ``correlation_function`` and ``counts_in_cells``; by
        default all.
    largest_k_per_mpc
        Of spectra (1/Mpc); by default 0.3.

    Returns
    -------
    dict
        A dictionary of lists for each statistic. Shot noise is included in all of them: 1 / n in ``power`` and
        ``monopole`` (Mpc^3), its counterpart in ``equilateral`` and ``squeezed`` (Mpc^6) stands in ``shot_noise``.

    Raises
    ------
    ValueError
        If there is no such statistic, or the catalogue lacks what it needs.

    Notes
    -----
    docs/statistics.md says how each is defined. The line of sight of the multipoles is the z axis.

    Examples
    --------
    >>> import halonet
    >>> haloes = halonet.make_mock(seed=7, cells=32)
    >>> measured = halonet.survey_statistics(haloes, ["multipoles", "counts_in_cells"])
    >>> list(measured["multipoles"])
    ['k', 'modes', 'monopole', 'quadrupole', 'hexadecapole']
    >>> measured["counts_in_cells"]["sides"], measured["counts_in_cells"]["mean"]
    ([8.0], [0.609375])
    """
    statistics = [statistics] if isinstance(statistics, str) else statistics
    known = [name for name in VECTORS if name != "mass_function"]
    if wrong := [name for name in statistics or () if name not in known]:
        raise MockError(f"statistics = {', '.join(wrong)}; there are {', '.join(known)}")
    largest = MockSettings().largest_k_per_mpc
    if largest_k_per_mpc is not None:
        largest = checked("largest_k_per_mpc", largest_k_per_mpc, WAVENUMBER)
    return measure_points(checked_points(points), largest, statistics or known)
