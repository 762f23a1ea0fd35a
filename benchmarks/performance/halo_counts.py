"""Work that grows with the number of haloes: pairs, matching, export; and mass functions, beside other packages."""

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.matching import match_haloes
from halonet.settings import CosmologySettings
from halonet.statistics.correlation import count_pairs, separation_edges
from halonet.statistics.mass_function import predicted_abundance
from halonet.storage import FieldHeader
from performance.measuring import measured, peer, row

DENSITY = 4.5e-4  # haloes above 100 cells per Mpc^3: the box grows with their number
PEERS_UP_TO = 100_000
LARGEST_PAIRS = 10**8.5


def cases(options):
    return [{"haloes": 10**power} for power in range(3, 7) if 10**power <= options.haloes] + [{"abundance": True}]


def measure(case):
    return [_abundance()] if "abundance" in case else _of_haloes(case["haloes"])


def random_haloes(number, seed=1):
    """Haloes at random places with a mass function that falls as 1 / M above 100 cells of 1 Mpc."""
    random, side = np.random.default_rng(seed), (number / DENSITY) ** (1 / 3)
    cells = 100 / random.uniform(1e-3, 1, number)
    columns = {name: random.uniform(0, side, number) for name in ("qx", "qy", "qz")}
    columns |= {"radius": (3 * cells / (4 * np.pi)) ** (1 / 3), "mass": 3.4e10 * cells, "cells": cells}
    return HaloCatalogue(columns, FieldHeader(side), round(side))


def moved(haloes, seed=2):
    """The same haloes a little elsewhere: what a network finds."""
    random, columns = np.random.default_rng(seed), dict(haloes.columns)
    for name in ("qx", "qy", "qz"):
        columns[name] = (columns[name] + random.normal(0, 1, len(haloes))) % haloes.box_size_mpc
    return HaloCatalogue(columns, haloes.header, haloes.grid_cells)


def _of_haloes(number):
    true = random_haloes(number)
    found, side, places = moved(true), true.box_size_mpc, true.positions()
    edges = separation_edges(side)
    others = _pair_counters(places, side, edges) if number <= PEERS_UP_TO else []
    pairs, counted = measured(lambda: count_pairs(places, side, edges))
    matching, matches = measured(lambda: match_haloes(true, found))
    return [
        row("pairs of haloes", pairs, None, {}, others, haloes=number, pairs=int(counted[0].sum())),
        row("matching of catalogues", matching, None, {}, haloes=number, matched=len(matches.true_rows)),
    ]


def _pair_counters(places, side, edges):
    def by_treecorr():
        import treecorr

        catalogue = treecorr.Catalog(x=places[:, 0], y=places[:, 1], z=places[:, 2])
        counts = treecorr.NNCorrelation(
            min_sep=edges[0], max_sep=edges[-1], nbins=len(edges) - 1, xperiod=side, yperiod=side, zperiod=side,
            bin_slop=0, brute=False, num_threads=1,
        )  # fmt: skip
        counts.process_auto(catalogue, metric="Periodic", num_threads=1)
        return counts.npairs

    return [peer("TreeCorr, no slop", by_treecorr)]


def _abundance():
    """Tinker et al. (2008) and Press & Schechter (1974): the cumulative abundance of 50 masses."""
    from halonet.cosmology import compute_power_spectrum

    cosmology = CosmologySettings()
    spectrum = compute_power_spectrum(cosmology)
    masses = np.geomspace(1e12, 1e15, 50)
    times, _ = measured(lambda: predicted_abundance(masses, cosmology, 0.0, *spectrum))
    others = [
        peer("colossus, its own spectrum, both", lambda: _by_colossus(cosmology, masses)),
        peer("hmf, its own spectrum, both", lambda: _by_hmf(cosmology)),
    ]
    return row("analytic mass functions", times, None, {}, others)


def _by_colossus(cosmology, masses):
    from colossus.cosmology import cosmology as background
    from colossus.lss import mass_function

    known = {"flat": True, "H0": 100 * cosmology.h, "Om0": cosmology.omega_m, "Ob0": cosmology.omega_b}
    background.setCosmology(
        "peer", **known, sigma8=cosmology.sigma8, ns=cosmology.n_s, relspecies=False, persistence=""
    )
    for model, definition in (("tinker08", "200m"), ("press74", "fof")):
        mass_function.massFunction(masses * cosmology.h, 0.0, q_out="dndlnM", mdef=definition, model=model)


def _by_hmf(cosmology):
    from hmf import MassFunction

    known = {"H0": 100 * cosmology.h, "Om0": cosmology.omega_m, "Ob0": cosmology.omega_b}
    for model in ("Tinker08", "PS"):
        model = MassFunction(
            Mmin=12, Mmax=15.5, hmf_model=model, transfer_model="EH", sigma_8=cosmology.sigma8, n=cosmology.n_s,
            cosmo_params=known,
        )  # fmt: skip
        model.ngtm  # noqa: B018, a property that computes
