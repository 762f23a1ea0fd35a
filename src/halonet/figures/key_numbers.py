"""The numbers that answer "is it any good?": value, what it is held against, and what it means in one line each."""

from dataclasses import dataclass

from halonet.figures.limit import limit_for
from halonet.figures.shown import number, with_scatter

FEW_HALOES = 100  # fewer true haloes than this in all boxes together are shown, not judged
MAIN_CUTS = (100, 300, 1000)  # cells; mass-function ratios on the first screen
GOOD, FAIR, POOR, SHOWN = "good", "fair", "poor", "shown"


@dataclass(frozen=True)
class KeyNumber:
    """One row of the table.

    Attributes
    ----------
    name, value, reference
        What it is, the measured value with its scatter over boxes, and the value to hold it against.
    verdict
        ``good``, ``fair`` or ``poor`` by the tolerances of :func:`_closeness` and :func:`_reaches`; ``shown`` where
        counts are too small or there is no criterion.
    meaning
        One line of explanation.
    main
        Whether it belongs on the first screen.
    """

    name: str
    value: str
    reference: str
    verdict: str
    meaning: str
    main: bool = False


def key_numbers(summary: dict) -> list[KeyNumber]:
    """Rows of the key-number table of one network, from a statistics summary."""
    return [
        *_overlap(summary), *_classes(summary), *_abundance(summary), *_matching(summary), *_shared_cells(summary),
        *_clustering(summary), *_moved(summary),
    ]  # fmt: skip


def headline(summary: dict, network: str) -> str:
    """One sentence on how well the network does."""
    overlap, objects = summary["overlap"], summary["matching"]
    above = next(entry for entry in summary["mass_function"]["key"] if entry["cells"] == 100)
    boxes = summary["boxes"]
    return (
        f"On {boxes} box{'es' if boxes > 1 else ''} it never saw, network {network} reaches a Dice coefficient of "
        f"{overlap['dice']['mean']:.3f}, where marking no halo at all reaches {overlap['all_background']['mean']:.3f}. "
        f"It finds {above['found']:,} haloes above 100 cells; the truth has {above['true']:,}. One to one, "
        f"{number(objects['completeness']['mean'], '.0%')} of the true haloes have a partner, and so have "
        f"{number(objects['purity']['mean'], '.0%')} of the predicted ones."
    )


def _overlap(summary: dict) -> list[KeyNumber]:
    overlap, limit = summary["overlap"], limit_for(summary)
    floor, dice = overlap["all_background"]["mean"], overlap["dice"]
    best, best_halo_cells = (f"; limit {value:.3f}" for value in (limit.dice, limit.halo_cells)) if limit else ("", "")
    return [
        KeyNumber(
            "Dice coefficient",
            with_scatter(dice, ".3f"),
            f"{floor:.3f} for no halo at all; paper 0.93{best}",
            _reaches(dice["mean"], 0.9, floor + 0.05),
            "Overlap of predicted probability and true mask over all cells, 1 is perfect (Eq. 2).",
            main=True,
        ),
        KeyNumber(
            "Dice coefficient, halo cells",
            with_scatter(overlap["foreground"], ".3f"),
            f"0 for no halo at all{best_halo_cells}",
            SHOWN,
            "The same for the halo channel alone, which empty space cannot raise.",
        ),
    ]


def _classes(summary: dict) -> list[KeyNumber]:
    rows = []
    for curve in summary["roc"]["classes"]:
        if curve["auc"]["mean"] is None:
            continue
        which = "of" if curve["by"] == "mass" else "in the"
        part = curve["name"] if curve["by"] == "mass" else f"{curve['name']} part of haloes"
        meaning = "Chance that such a cell has a higher probability than a cell in no halo (area under the ROC curve)."
        value = with_scatter(curve["auc"], ".3f")
        rows.append(KeyNumber(f"AUC, cells {which} {part}", value, "1; chance 0.5", SHOWN, meaning))
    return rows


def _abundance(summary: dict) -> list[KeyNumber]:
    rows = []
    for entry in summary["mass_function"]["key"]:
        if entry["ratio"] is None:
            continue
        scatter = f" ± {entry['deviation']:.2f}" if entry["deviation"] is not None else ""
        meaning = (
            f"{entry['found']:,} predicted haloes of at least {entry['cells']:,.0f} cells, {entry['true']:,} true."
        )
        if not entry["judged"]:
            meaning += " Too few to judge."
        name = f"Haloes above {entry['cells']:,.0f} cells, predicted / true"
        verdict = _closeness(entry["ratio"], 0.1, 0.25) if entry["judged"] else SHOWN
        main = entry["cells"] in MAIN_CUTS
        rows.append(KeyNumber(name, f"{entry['ratio']:.2f}{scatter}", "1", verdict, meaning, main))
    return rows


def _matching(summary: dict) -> list[KeyNumber]:
    objects = summary["matching"]
    cells, tolerance = objects["minimum_cells"], objects["radius_tolerance"]
    rule = f"centres inside one another, radii within {tolerance:.0%}, one to one"
    rows = [
        KeyNumber(
            f"Completeness above {cells} cells",
            with_scatter(objects["completeness"], ".2f"),
            "1; paper 0.60",
            _reaches(objects["completeness"]["mean"], 0.7, 0.6),
            f"True haloes that have a predicted partner: {rule}.",
            main=True,
        ),
        KeyNumber(
            f"Purity above {cells} cells",
            with_scatter(objects["purity"], ".2f"),
            "1",
            _reaches(objects["purity"]["mean"], 0.7, 0.6),
            "Predicted haloes that have a true partner, by the same rule.",
            main=True,
        ),
        KeyNumber(
            "Completeness, one-sided reading",
            with_scatter(objects["one_sided_completeness"], ".2f"),
            "1",
            SHOWN,
            "The looser reading of the paper: a predicted centre inside the true halo suffices.",
        ),
    ]
    if summary["known_centres"]:
        completeness = summary["known_centres"]["completeness"]
        meaning = "Haloes grown from the true centres: what these miss, the network has lost, the rest the search."
        row = KeyNumber("Completeness, known centres", with_scatter(completeness, ".2f"), "1", SHOWN, meaning)
        rows.append(row)
    if objects["mass_scatter"]["mean"] is not None:
        rows.append(
            KeyNumber(
                "Mass of matched haloes, scatter",
                f"{objects['mass_scatter']['mean']:.2f}",
                "0",
                SHOWN,
                "Standard deviation of ln(predicted / true mass); "
                f"median {number(objects['mass_bias']['mean'], '+.2f')}.",
            )
        )
        offset = with_scatter(objects["centre_offset"], ".2f")
        meaning = "Median distance of the centres of matched haloes, in radii of the true one."
        rows.append(KeyNumber("Centres of matched haloes, offset", offset, "0", SHOWN, meaning))
    return rows


def _shared_cells(summary: dict) -> list[KeyNumber]:
    """Where the cells of protohaloes are known: partners that hold more than half of each other's cells."""
    shared, cells = summary["shared_cells"], summary["matching"]["minimum_cells"]
    if shared is None:
        return []
    reference = f"{number(shared['spheres']['mean'], '.2f')} for the true haloes' own spheres"
    rule = "more than half of the cells of each are shared"
    rows = (
        ("completeness", f"True haloes that have a predicted partner of which {rule}.", reference),
        ("purity", "Predicted haloes that have a true partner, by the same rule.", "1"),
    )
    return [
        KeyNumber(
            f"{name.capitalize()} by cells, above {cells}", with_scatter(shared[name], ".2f"), held, SHOWN, meaning
        )
        for name, meaning, held in rows
    ]


def _clustering(summary: dict) -> list[KeyNumber]:
    rows = []
    cells = summary["matching"]["minimum_cells"]
    for cut in summary["power_spectrum"]["cuts"]:
        if cut["ratio"] is None or cut["ratio"]["large_scales"]["mean"] is None:
            continue
        which = f"{cut['most_massive']:,} most massive" if cut["most_massive"] else f"all above {cells} cells"
        ratio, correlation = cut["ratio"]["large_scales"], cut["correlation"]["large_scales"]
        verdict = _closeness(ratio["mean"], 0.05, 0.15) if cut["true"] >= FEW_HALOES else SHOWN
        meaning = "Halo power, predicted / true, mean over the modes at k < 0.2/Mpc, shot noise included."
        main = cut["most_massive"] is None
        rows.append(
            KeyNumber(f"Power spectrum ratio, {which}", with_scatter(ratio, ".2f"), "1", verdict, meaning, main)
        )
        meaning = "Whether the haloes sit at the same positions, at k < 0.2/Mpc; shot noise alone keeps it below 1."
        name = f"Cross-correlation r, {which}"
        rows.append(KeyNumber(name, with_scatter(correlation, ".2f"), "1", SHOWN, meaning, main))
    masks = summary["power_spectrum"]["masks"]["correlation"]["large_scales"]
    if masks["mean"] is not None:
        meaning = "Probability and true mask as fields, at k < 0.2/Mpc; 1 means the same structures."
        rows.append(KeyNumber("Cross-correlation of the masks", with_scatter(masks, ".3f"), "1", SHOWN, meaning))
    return rows


def _moved(summary: dict) -> list[KeyNumber]:
    """Large-scale clustering of haloes at their Eulerian positions."""
    rows = []
    for cut in (summary["eulerian_power_spectrum"] or {"cuts": []})["cuts"]:
        if cut["ratio"] is None or cut["ratio"]["large_scales"]["mean"] is None:
            continue
        cells = summary["matching"]["minimum_cells"]
        which = f"{cut['most_massive']:,} most massive" if cut["most_massive"] else f"all above {cells} cells"
        correlation = f"{number(cut['correlation']['large_scales']['mean'], '.2f')}"
        meaning = f"As above, at the Eulerian positions of the haloes; r = {correlation}."
        value = with_scatter(cut["ratio"]["large_scales"], ".2f")
        rows.append(KeyNumber(f"Eulerian power spectrum ratio, {which}", value, "1", SHOWN, meaning))
    return rows


def _closeness(ratio: float, good: float, fair: float) -> str:
    """How close a ratio is to 1."""
    distance = abs(ratio - 1)
    return GOOD if distance <= good else FAIR if distance <= fair else POOR


def _reaches(value: float | None, good: float, fair: float) -> str:
    """How high a value is; nothing is judged where there is none."""
    if value is None:
        return SHOWN
    return GOOD if value >= good else FAIR if value >= fair else POOR
