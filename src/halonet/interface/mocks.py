"""Mock catalogues in memory."""

import os
from collections.abc import Sequence
from typing import Any

from halonet.catalogue import HaloCatalogue
from halonet.checks.assumptions import recording
from halonet.mocks import matched
from halonet.mocks.methods import DEFAULT_METHOD, mock_by
from halonet.mocks.request import MockRequest
from halonet.settings import CosmologySettings

DEFAULT_SEED = 7


@recording
def make_mock(
    seed: int | None = None,
    cells: int = 256,
    method: str = DEFAULT_METHOD,
    *,
    box_size_mpc: float | None = None,
    cosmology: CosmologySettings | None = None,
    threads: int | None = None,
    **options: Any,
) -> HaloCatalogue:
    """Make a mock halo catalogue of a periodic box.

    The same seed is the same density, whatever the method, and the same call gives the same bits.

    Parameters
    ----------
    seed
        Another seed, an independent mock; 7 where neither phases nor a density are given.
    cells
        Cells along a side, for a seed.
    method
        ``peak_patch``, for any cosmology, redshift and cell size; ``network``, for the boxes a network was trained
        for; ``n_body``, a simulation, which costs ten times as much.
    box_size_mpc
        Side of the box (Mpc); by default cells of 1 Mpc, or as the network knows them.
    cosmology
        With the redshift of the output; by default the paper's, or that of the network.
    threads
        Of the computation; by default as many as there are processors. They change no bit.
    options
        Further fields of :class:`halonet.mocks.request.MockRequest`, like ``peak_patch`` and ``n_body``
        (settings), ``network`` (folder or name), ``outside_validity``; and in place of a seed ``density`` (HDF5 file)
        or ``phases``, white noise of another generator: an array of shape (N, N, N) or a file.

    Returns
    -------
    HaloCatalogue
        Most massive halo first, but for ``network``; Lagrangian and Eulerian centres (Mpc), velocities (km/s), masses.

    Raises
    ------
    SettingsError
        If a value cannot be used, or the network has not learnt from such a box.
    TypeError
        If there is no such option.

    Notes
    -----
    Peak Patch: Bond & Myers (1996), Stein, Alvarez & Bond (2018). Network: Berger & Stein (2018). Haloes move by
    second-order Lagrangian perturbation theory, or with the default network by five steps of a simulation. Simulation:
    a particle mesh with the steps of FastPM (Feng et al. 2016), friends of friends, moved as their particles are.

    Examples
    --------
    >>> import halonet
    >>> haloes = halonet.make_mock(seed=7, cells=32)
    >>> haloes
    <HaloCatalogue: 39 haloes of 9.77e+11 to 1.83e+14 Msun, box of 32 Mpc, redshift 0>
    >>> early = halonet.CosmologySettings(redshift=0.5)
    >>> bool(halonet.make_mock(seed=7, cells=32, cosmology=early)["mass"].max() < haloes["mass"].max())
    True
    """
    threads = threads or os.cpu_count() or 1
    if options.get("phases") is None and options.get("density") is None:
        seed = DEFAULT_SEED if seed is None else seed
    request = MockRequest(
        seed=seed, cells=cells, box_size_mpc=box_size_mpc, cosmology=cosmology, threads=threads, **options
    )
    mock = mock_by(method, request)
    haloes = mock.make()
    assert haloes is not None  # one process has no other ranks
    if request.abundance_matching:
        spectrum = mock.box.power_spectrum
        (haloes,) = matched.match_abundance([haloes], ["mock"], spectrum, request.outside_validity)
    return haloes


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
    catalogues = list(catalogues)
    return matched.match_abundance(catalogues, [f"catalogue {i}" for i in range(len(catalogues))])
