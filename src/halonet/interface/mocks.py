"""Mock catalogues in memory."""

from collections.abc import Mapping, Sequence
from typing import Any

from halonet.catalogue import HaloCatalogue
from halonet.checks.assumptions import recording
from halonet.checks.types import of_type
from halonet.interface.given import Cosmology, checked_threads
from halonet.mocks import matched
from halonet.mocks.methods import DEFAULT_METHOD, mock_by
from halonet.mocks.request import SOURCES, MockRequest


@recording
def make_mock(
    seed: int | None = None,
    cells: int | None = None,
    method: str = DEFAULT_METHOD,
    *,
    box_size_mpc: float | None = None,
    cosmology: Cosmology | None = None,
    threads: int | None = None,
    **options: Any,
) -> HaloCatalogue:
    """Make a mock halo catalogue of a periodic box. The same call gives the same bits.

    Parameters
    ----------
    seed
        Another seed, an independent mock; the same seed, the same density, whatever the method. By default 7.
    cells
        Cells along a side; by default 256, or those of phases or density.
    method
        ``peak_patch`` (Stein, Alvarez & Bond 2018), for any cosmology, redshift and cell size; ``network`` (Berger &
        Stein 2018), for the boxes one was trained for; ``n_body``, a simulation (FastPM, Feng et al. 2016).
    box_size_mpc
        Side of the box (Mpc); by default cells of 1 Mpc, or as the network knows them.
    cosmology
        With the redshift of the output, also as a dictionary; by default the paper's, or that of the network.
    threads
        Of the computation; by default as many as there are processors. They change no bit.
    options
        Of :class:`halonet.mocks.request.MockRequest`; ``phases``, ``density`` or ``universe`` replace a seed.

    Returns
    -------
    HaloCatalogue
        Lagrangian and Eulerian centres (Mpc), velocities (km/s), masses (Msun).

    Raises
    ------
    SettingsError
        If a value cannot be used, or the network has not learnt from such a box.

    Examples
    --------
    >>> import halonet
    >>> halonet.make_mock(seed=7, cells=32)
    <HaloCatalogue: 39 haloes of 9.77e+11 to 1.83e+14 Msun, box of 32 Mpc, redshift 0>
    """
    options = checked_options(seed, options, threads) | {"cosmology": cosmology}
    haloes = matched.made(mock_by(method, MockRequest(cells=cells, box_size_mpc=box_size_mpc, **options)))
    assert haloes is not None  # one process has no other ranks
    return haloes


def checked_options(seed: int | None, options: dict[str, Any], threads: int | None) -> dict[str, Any]:
    """Fields of a request, with its seed and threads; what is no field is refused."""
    if unknown := options.keys() - MockRequest.__dataclass_fields__:
        known = ", ".join(sorted(MockRequest.__dataclass_fields__))
        raise TypeError(f"a mock has no option {', '.join(sorted(unknown))}; there are {known}")
    return options | {"seed": seed_unless(seed, options), "threads": checked_threads(threads)}


def seed_unless(seed: int | None, given: Mapping[str, Any]) -> int | None:
    """The seed; by default 7, unless phases, a density or a universe are given in its place."""
    replaced = any(given.get(name) is not None for name in SOURCES)
    return 7 if seed is None and not replaced else seed


def match_abundance(catalogues: Sequence[HaloCatalogue]) -> list[HaloCatalogue]:
    """Remap the masses of mocks so that all of them together follow the mass function of Tinker et al. (2008).

    Parameters
    ----------
    catalogues
        Mocks of one cosmology and redshift, with their masses as found. Each keeps its own scatter about the mean.

    Returns
    -------
    list
        The catalogues with their masses (Msun) replaced; their notes hold the table. Radii and cells stay as they are.

    Raises
    ------
    MatchingError
        If cosmologies differ, masses are matched already, or there are too few haloes.

    Examples
    --------
    >>> import halonet
    >>> mocks = [halonet.make_mock(seed, cells=32) for seed in (1, 2)]
    >>> matched = halonet.match_abundance(mocks)
    >>> matched[0].notes["abundance_matching"]["mass_function"]
    'tinker_2008'
    """
    catalogues = list(of_type(catalogues, list | tuple, "catalogues"))
    return matched.match_abundance(catalogues, [f"catalogue {i}" for i in range(len(catalogues))])
