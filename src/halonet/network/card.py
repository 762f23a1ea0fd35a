"""The card of a trained network: its README, written from the files of its folder alone.

``settings.json``, ``normalisation.json`` and ``provenance.json`` say what it is and what it learnt from,
``thresholds.json`` which halo finder was calibrated for it, ``measured.json`` what it reaches on boxes it never saw,
and ``mocks.json`` how its mocks compare with Peak Patch (``benchmarks/mocks.py``). So the card is remade, never edited.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from halonet.dataset.normalisation import Normalisation, read_normalisation
from halonet.network.card_numbers import cell_mass, measured_section, mocks_section
from halonet.network.quantised import FILE as QUANTISED
from halonet.network.validity import TOLERANCE, described, trained_ranges
from halonet.settings import ChannelSettings, NetworkSettings, validate
from halonet.settings.heads import HEADS
from halonet.storage import open_hdf5, read_json


def evidence(summary: dict) -> dict:
    """What ``measured.json`` holds, from a summary of statistics of test boxes (``summarise_statistics.py``)."""
    objects, overlap = summary["matching"], summary["overlap"]
    return {
        "boxes": summary["boxes"],
        "box": {name: summary["box"][name] for name in ("cells", "box_size_mpc")},
        "dice": {name: overlap["dice"][name] for name in ("mean", "deviation")},
        "background_dice": overlap["all_background"]["mean"],
        "abundance": [
            {name: entry[name] for name in ("cells", "true", "ratio")} for entry in summary["mass_function"]["key"]
        ],
        "completeness": objects["completeness"]["mean"],
        "purity": objects["purity"]["mean"],
        "power": [
            {"most_massive": cut["most_massive"]}
            | {name: cut["ratio"]["large_scales"][name] for name in ("mean", "deviation")}
            for cut in summary["power_spectrum"]["cuts"]
            if cut["ratio"]
        ],
    }


def write_card(folder: str | Path) -> str:
    """Text of the card of the network in ``folder``."""
    folder = Path(folder)
    settings = validate(NetworkSettings, read_json(folder / "settings.json"), str(folder / "settings.json"))
    normalisation = read_normalisation(folder / "normalisation.json")
    optional = {
        name: read_json(folder / f"{name}.json") if (folder / f"{name}.json").is_file() else None
        for name in ("thresholds", "measured", "mocks", "provenance")
    }
    parts = [
        f"# {folder.name}\n\n{_what(folder, settings)}",
        _use(folder),
        _validity(normalisation, optional["thresholds"]),
        _training(settings, normalisation, optional["provenance"]),
        measured_section(optional["measured"], cell_mass(normalisation)),
        mocks_section(optional["mocks"], folder.name),
        _limits(normalisation, optional["thresholds"]),
        _remake(folder.name, settings, normalisation),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _what(folder: Path, settings: NetworkSettings) -> str:
    name = {"unet": "half-resolution U-Net", "vnet": "V-Net"}[settings.architecture]
    text = (
        "<!-- Written by workflow_scripts/ship_network.py from the files of this folder; do not edit. -->\n\n"
        f"A {name} of {_number_of_weights(folder):,} weights ({settings.levels} levels, {settings.filters} filters) "
        "that tells which cells of the linear density of a periodic box end up in dark-matter haloes."
    )
    text += _sees(settings.channels)
    if settings.heads.weights:
        words = " and ".join(HEADS[head].words for head in settings.heads.weights)
        text += f" Of every cell it also says {words} of its halo."
    return text


def _sees(channels: ChannelSettings) -> str:
    text, names = "", ("density", "shear of the strain", "prolateness of the strain")
    of_kinds = zip(names, channels.radii.values(), strict=True)
    if spheres := [f"the {name}, over spheres of {_listed(radii)} cells" for name, radii in of_kinds if radii]:
        number = sum(map(len, channels.radii.values()))
        text += f" Beside the density it sees {number} averages of the whole box: {'; '.join(spheres)}."
    if short := channels.simulation:
        text += (
            f" It also sees where a simulation of {short.steps} steps, from a scale factor of {short.start:g}, carries "
            f"the particle of each cell: the density there, its mean in a sphere of {short.around_cells:g} cells, and "
            "how far the cell has contracted."
        )
        if short.motion:
            text += " So does it see how the cell is stretched, its volume there, and how fast it contracts."
    return text


def _number_of_weights(folder: Path) -> int:
    with open_hdf5(folder / "model.weights.h5") as file:
        return sum(int(np.prod(shape)) for _, shape in json.loads(file["layout"][()]))


def _listed(values: Iterable[float]) -> str:
    words = [f"{value:g}" for value in values]
    return words[0] if len(words) < 2 else f"{', '.join(words[:-1])} and {words[-1]}"


def _use(folder: Path) -> str:
    command = f"    halonet mock --method network --network networks/{folder.name} --seed 7 --cells 256 -o mock.h5"
    text = f"## Use\n\n{command}"
    if (folder / QUANTISED).is_file():
        text += f"\n\n`--precision fastest` computes its convolutions in whole numbers of eight bits (`{QUANTISED}`)."
    return text


def _validity(normalisation: Normalisation, thresholds: dict | None) -> str:
    said = described(trained_ranges(normalisation)) or "not named"
    text = (
        "## Valid for\n\n"
        f"| | |\n|---|---|\n| cosmology and redshift | {said} |\n| cell size | {normalisation.cell_size_mpc:g} Mpc |\n"
        f"| box | periodic, of any size |\n\n"
        f"Parameters may differ by {TOLERANCE:.0%}. Elsewhere `make_mock.py` refuses, or warns with "
        "`--outside-validity`."
    )
    if thresholds is None:
        return text
    finder = thresholds["provenance"]["settings"]["finder"]
    return text + (
        f" The halo finder `{finder}` is calibrated for this network (`thresholds.json`): {_constants(thresholds)}."
    )


def _constants(thresholds: dict) -> str:
    """Calibrated constants in words, those of every key that the file holds."""
    return "; ".join(said(thresholds[key]) for key, said in SAID.items() if key in thresholds)


def _votes_said(votes: dict) -> str:
    return (
        f"haloes need {votes['least_votes']:g} of their votes and lie {votes['exclusion']:g} radii from larger; "
        f"the volume that votes has a weight of {votes['volume_weight']:g} in their radius"
    )


def _fit_said(fit: dict) -> str:
    return f"spheres reach {fit['reach']:g} radii and own at least {fit['own_fraction']:.0%} of their volume"


# By the keys of a thresholds file.
SAID: dict[str, Callable[[Any], str]] = {
    "peak_thresholds": lambda peak: f"peak thresholds {_listed(peak)}",
    "sphere_fit": _fit_said,
    "votes": _votes_said,
}


def _training(settings: NetworkSettings, normalisation: Normalisation, provenance: dict | None) -> str:
    steps = "; ".join(
        f"{stage.steps or stage.epochs:,} {'steps' if stage.steps else 'epochs'} in batches of {stage.batch_size} with "
        f"{settings.window_of(stage)}³ cells ({stage.optimizer}, {stage.schedule} rate {stage.learning_rate:g})"
        for stage in settings.stages
    )
    haloes = TRUTHS.get(normalisation.truth or "", "haloes that its folder does not name")
    text = (
        "## Trained on\n\n"
        f"{len(normalisation.boxes)} boxes with {haloes}, validation included; the density has a "
        f"standard deviation of {normalisation.mean_deviation:.3f}{' on average' if normalisation.region else ''}. "
        f"{steps}. Augmentation: {settings.augmentation}."
    )
    if settings.start_from:
        text += f" It began with the weights of {settings.start_from}, which were trained before."
    if settings.teacher:
        text += (
            f" It learnt the probabilities of {settings.teacher.network} beside the truth, with a weight of "
            f"{settings.teacher.weight:g}."
        )
    if provenance:
        libraries = provenance["libraries"]
        backend = next((f"{k} {v}" for k, v in libraries.items() if k.startswith("tensorflow")), "another backend")
        text += f" Seed {provenance['seed']}, commit `{provenance['git_commit'][:12]}`, {backend}."
    return text


TRUTHS = {  # by the stage that made them
    "peak_patch": "Peak Patch haloes",
    "friends_of_friends": "friends-of-friends haloes of N-body simulations",
    "import_ground_truth": "haloes of a user's own",
}
LEARNT = {
    "peak_patch": "The truth it learnt is Peak Patch, not an N-body simulation: it inherits the errors of that.",
    "friends_of_friends": "The truth it learnt is a particle-mesh simulation with one particle a cell: haloes of few "
    "particles are its noise as well (docs/n_body.md). Haloes and masses are those of friends of friends.",
    "import_ground_truth": "The truth it learnt was given by its user.",
    None: "Its folder does not say whose haloes it has learnt.",
}


def _limits(normalisation: Normalisation, thresholds: dict | None) -> str:
    one = "One cosmology and one redshift. No light cone, no evolution"
    if normalisation.region:
        one = "Cosmologies and redshifts between those above, boxes and light cones of them"
    move = thresholds["provenance"]["settings"].get("displacement", {}) if thresholds else {}
    short = move.get("method") == "particle_mesh"
    moved = f"a simulation of {move['steps']} steps" if short else "second-order perturbation theory"
    return (
        "## Limits\n\n"
        f"- Cells of {normalisation.cell_size_mpc:g} Mpc: haloes below 100 cells are increasingly missed, below 27 "
        "none are given. Smaller haloes need smaller cells, and a network trained on them.\n"
        f"- {one}.\n"
        f"- {LEARNT[normalisation.truth]} `--abundance-matching` moves the mass function to Tinker et al. (2008).\n"
        "- Masses are Lagrangian: mean matter density times the volume a halo comes from. Positions and velocities are "
        f"those of {moved}; there are no subhaloes and no profiles."
    )


def _remake(name: str, settings: NetworkSettings, normalisation: Normalisation) -> str:
    truth, region = normalisation.truth, normalisation.region
    profile = "n_body" if truth == "friends_of_friends" else "objects" if settings.heads.weights else "vnet_small"
    profile = "cosmologies" if region else profile
    run = "vnet-small" if profile == "vnet_small" else profile
    beside = " --truth $R/ground_truth/0*/haloes.h5" if truth == "friends_of_friends" else ""
    box = "" if region else "--density $R/ground_truth/000/density.h5 "
    # A student is none of the networks that a profile trains by default.
    chosen = f" --config 'run={{networks: [{name}]}}' --" if settings.teacher else ""
    return (
        "## Remake\n\n"
        f"    snakemake --profile profiles/{profile}{chosen} training haloes statistics\n"
        f"    R=results/{run}\n"
        f"    python workflow_scripts/ship_network.py networks/{name} --trained $R/networks/{name} \\\n"
        f"        {box}--mask $R/ground_truth/000/mask.h5 \\\n"
        f"        --thresholds $R/haloes/{name}/thresholds.json --summary $R/statistics/{name}/summary.json\n"
        f"    python benchmarks/mocks.py --network networks/{name}{beside}\n"
        f"    python workflow_scripts/ship_network.py networks/{name}"
    )
