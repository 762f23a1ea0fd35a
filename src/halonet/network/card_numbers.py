"""What the card of a network says in numbers: what it reached on test boxes, and what its mocks reach."""

from collections.abc import Iterable
from math import floor, isnan, log10

from halonet.cosmology import mean_matter_density
from halonet.dataset.normalisation import Normalisation
from halonet.network.validity import trained_cosmology

KNOWN = 0.05  # standard error of a single bin of a power spectrum that is judged
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def cell_mass(normalisation: Normalisation) -> float | None:
    """Mean mass of a cell of the boxes a network was trained on (solar masses); None where no cosmology is named."""
    cosmology = trained_cosmology(normalisation)
    return None if cosmology is None else mean_matter_density(cosmology) * normalisation.cell_size_mpc**3


def mass_text(cells: float, mass: float | None) -> str:
    """Mass of a halo of so many cells, in words within brackets; nothing where the ``mass`` of a cell is not known."""
    if mass is None:
        return ""
    power = floor(log10(cells * mass))
    return f" ({cells * mass / 10**power:.1f} \N{MULTIPLICATION SIGN} 10{str(power).translate(RAISED)} solar masses)"


def measured_section(measured: dict | None, mass: float | None) -> str:
    """What a network reached on boxes it never saw, from ``measured.json``; ``mass`` of a cell (solar masses)."""
    if measured is None:
        return "## Measured\n\nNot yet."
    side, dice = measured["box"]["box_size_mpc"], measured["dice"]
    rows = [
        f"| Dice coefficient (no halo at all: {measured['background_dice']:.3f}) | "
        f"{dice['mean']:.4f} ± {dice['deviation']:.4f} |"
    ]
    rows += [
        f"| haloes above {entry['cells']:,g} cells{mass_text(entry['cells'], mass)}, over the truth's "
        f"{entry['true']:,} | {entry['ratio']:.3f} |"
        for entry in measured["abundance"]
        if entry["ratio"] is not None
    ]
    rows.append(
        f"| completeness and purity above 100 cells | {measured['completeness']:.3f}, {measured['purity']:.3f} |"
    )
    for cut in measured["power"]:
        which = "all above 100 cells" if cut["most_massive"] is None else f"the {cut['most_massive']:,} most massive"
        ratio = f"{cut['mean']:.3f} ± {cut['deviation']:.3f}"
        rows.append(f"| power spectrum over the truth's, k < 0.2 per Mpc, {which} | {ratio} |")
    return (
        f"## Measured\n\nOn {measured['boxes']} boxes of ({side:g} Mpc)³ that it never saw, each beside its own truth "
        "(deviations are those of single boxes; Lagrangian positions):\n\n| | |\n|---|---|\n" + "\n".join(rows)
    )


def mocks_section(mocks: dict | None, name: str) -> str:
    """How mocks of the network ``name`` compare with Peak Patch or simulations, from ``mocks.json``."""
    if mocks is None:
        return f"## Mocks\n\nNot measured yet; `python benchmarks/mocks.py --network networks/{name}` does."
    judged, box = mocks["judged"], mocks["box"]
    departure = judged["largest_departure"].get("abundance", float("nan"))
    abundance = ", ".join(f"{ratio:.3f} ({cells})" for cells, ratio in judged["abundance"].items() if ratio)
    truth = mocks.get("truth", "Peak Patch")
    others = "as many boxes of Peak Patch" if truth == "Peak Patch" else f"{mocks['truth_boxes']} {truth}"
    text = (
        f"## Mocks against {truth}\n\n{mocks['boxes']} mocks of ({box['box_size_mpc']:g} Mpc)³ against {others} "
        f"with other seeds. Mean numbers of haloes over those of {truth}, above so many cells: "
        f"{abundance}. From 100 to 10,000 cells the largest departure is {_shown(departure)} "
        f"(goal: {judged['goal']:.0%}). Largest departures of power spectra up to k = 0.3 per Mpc:\n\n"
        f"| | {' | '.join(mocks['power'])} |\n|---|{'---|' * len(mocks['power'])}\n" + "\n".join(_departures(mocks))
    )
    text += f"\n\n![Abundance and clustering of mocks over {truth}](mocks.png)"
    if cost := mocks.get("cost"):
        text += f"\n\nA mock took {cost['seconds']:.0f} s and {cost['gib']:.1f} GiB on {cost['threads']} cores."
    return text


def power_departures(mocks: dict, cut: str) -> tuple[list[float], list[float]]:
    """Largest departures of power from 1 in bands and in single bins, for every space of ``mocks.json``.

    Parameters
    ----------
    cut
        ``all`` haloes above 100 cells, or the ``most massive``. Single bins are those that are known to 5%.
    """
    spaces = [cuts[cut] for cuts in mocks["power"].values()]
    bands = [_largest(band["ratio"] for band in one["bands"]) for one in spaces]
    return bands, [_largest(_known(one)) for one in spaces]


def _departures(mocks: dict) -> Iterable[str]:
    for cut, words in (("all", "all haloes"), ("most massive", f"the {mocks['most_massive']:,} most massive")):
        bands, bins = power_departures(mocks, cut)
        for name, values in (("in three bands", bands), (f"in single bins that are known to {KNOWN:.0%}", bins)):
            yield f"| {words}, {name} | {' | '.join(map(_shown, values))} |"


def _known(curve: dict) -> Iterable[float]:
    pairs = zip(curve["ratio"], curve["error"], strict=True)
    return [ratio for ratio, error in pairs if ratio is not None and error is not None and error <= KNOWN]


def _shown(departure: float) -> str:
    return "-" if isnan(departure) else f"{departure:.0%}"


def _largest(ratios: Iterable[float]) -> float:
    return max((abs(ratio - 1) for ratio in ratios), default=float("nan"))
