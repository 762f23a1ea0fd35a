"""Simulations: docs/n_body.md, from the files of benchmarks/n_body*.py, eulerian.py, comparison.py and scatter.py."""

from inputs import table as table_of_inputs
from students import table as table_of_students

from page_claims.base import claims, off, read, results, row, shown

PAGE = "docs/n_body.md"
MASS_FUNCTIONS = (
    ("Watson et al. (2013)", "watson13"),
    ("Courtin et al. (2011)", "courtin11"),
    ("Tinker et al. (2008), `m200m`", "tinker08"),
)
SPACED = "simulation of 5 steps, a particle for 8 cells"
MOVES = {
    "first order | sphere": "first order, mean over the sphere",
    "second order | sphere": "second order, mean over the sphere",
    "second order | sphere of 1.3 R": "second order, over 1.3 times its radius",
    "second order, density smoothed with 2 Mpc | sphere": "second order of the density smoothed with 2 Mpc, mean over the sphere",
    "augmented (Kitaura & Hess 2013), split at 2 Mpc | sphere": "augmented, split at 2 Mpc, mean over the sphere",
    "second order | true cells": "second order, over its true cells",
    "5 steps | sphere": "simulation of 5 steps, mean over the sphere",
    "5 steps | particles that gather": "simulation of 5 steps, over its particles that gather",
    "5 steps, `spacing: 2` | particles that gather": f"{SPACED}, over its particles that gather",
    "10 steps | sphere": "simulation of 10 steps, mean over the sphere",
    "5 steps | true cells": "simulation of 5 steps, over its true cells",
}
RIVALS = ("n-body", "n-body, matched", "Peak Patch", "vnet-small-objects")
CUTS, CLASSES = (375, 1875, "all"), ("galaxies", "groups", "clusters")
POSITIONS = "error of Eulerian positions (Mpc)"
COMPARED = {  # row of the page: quantities of the file, in how many digits
    "Dice of both classes": (("Dice, both classes",), ".3f"),
    "cells that agree at p > 0.5": (("cells that agree at p > 0.5",), ".3f"),
    "AUC of galaxies, groups, clusters, true cells": (tuple(f"AUC of {one}" for one in CLASSES), ".3f"),
    "the same, cells within spheres of equal volume": (
        tuple(f"AUC of {one}, within spheres" for one in CLASSES),
        ".3f",
    ),
    "completeness above 100, 300, 1000 particles": (tuple(f"completeness above {n}" for n in (100, 300, 1000)), ".3f"),
    "purity": (tuple(f"purity above {n}" for n in (100, 300, 1000)), ".3f"),
    "haloes above 100, 300, 1000, 3000, 10,000 over the simulation's": (
        tuple(f"haloes above {n}" for n in (100, 300, 1000, 3000, 10000)),
        ".3f",
    ),
    "mass in galaxies, groups, clusters": (tuple(f"mass in {one}" for one in CLASSES), ".3f"),
    "Lagrangian power to k = 0.3 per Mpc, 375, 1875 most massive, all": (
        tuple(f"power (lagrangian, {cut})" for cut in CUTS),
        ".3f",
    ),
    "r at k = 0.1, Lagrangian": (tuple(f"r at 0.1 (lagrangian, {cut})" for cut in CUTS), ".3f"),
    "Eulerian power to k = 0.3 per Mpc, 375, 1875 most massive, all": (
        tuple(f"power (eulerian, {cut})" for cut in CUTS),
        ".3f",
    ),
    "r at k = 0.1, Eulerian": (tuple(f"r at 0.1 (eulerian, {cut})" for cut in CUTS), ".3f"),
    "monopole to k = 0.2": (tuple(f"monopole ({cut})" for cut in CUTS), ".3f"),
    "quadrupole to k = 0.2": (tuple(f"quadrupole ({cut})" for cut in CUTS), ".3f"),
    "counts in cubes of 16 Mpc: variance, skewness, r": (
        tuple(f"counts in cells, {one}" for one in ("variance", "skewness", "r")),
        ".3f",
    ),
    "error of Eulerian positions (Mpc), all; 100 to 300, 300 to 1000, above 1000": (
        (POSITIONS, *(f"{POSITIONS}, {one}" for one in ("100 to 300", "300 to 1000", "above 1000"))),
        ".2f",
    ),
    "error of velocities (km/s)": (("error of velocities (km/s)",), ".0f"),
}


@claims(PAGE)
def power_and_haloes_over_the_literature():
    held = results("n_body_256")["summary"]
    at = [
        index for index, k in enumerate(held["k"]) if format(k, ".2f") not in ("0.14", "0.22", "0.35", "1.77", "2.23")
    ]
    yield row("k per Mpc", *(format(held["k"][index], ".2f") for index in at))
    for redshift in (0, 1):
        ratio, error = (held[f"z={redshift}"][name] for name in ("over mead2020", "error"))
        digits = [3 if 0.94 < ratio[index] < 0.96 else 2 for index in at]  # where two would not tell it from 5%
        cells = [f"{ratio[i]:.{d}f} ± {error[i]:.2f}" for i, d in zip(at, digits, strict=True)]
        yield row(f"redshift {redshift}", *cells)
    trusted = [i for i, k in enumerate(held["k"]) if 0.1 < k < 0.8]
    assert all(off([held[f"z={z}"]["over mead2020"][i] for i in trusted]) <= 0.05 for z in (0, 1))
    yield "It is within 5% from k = 0.1 to 0.8 per Mpc at both redshifts."
    cuts = [held["cuts"].index(cut) for cut in (27, 100, 300, 1000, 3000)]
    yield f"at redshift 0 ({held['z=0']['haloes'][cuts[1]]:,} above 100 particles, 3.4 × 10¹² solar masses)"
    for name, key in MASS_FUNCTIONS:
        yield row(name, *(format(held["z=0"][f"over {key}"][cut], ".2f") for cut in cuts))


@claims(PAGE)
def another_code():
    held = results("n_body_peer_64")
    yield f"({held['pysco']['forces']} forces against {held['ours']['forces']})"
    assert held["lowest correlation to k = 0.5"] > 0.99998
    yield "cross-correlation is above 0.99998 to k = 0.5 per Mpc"
    power = held["power of pysco over ours"]
    at = [min(range(len(power)), key=lambda index: abs(held["k"][index] - k)) for k in (0.5, 1.0)]
    yield f"higher by {100 * (power[at[0]] - 1):.1f}% at k = 0.5 and {100 * (power[at[1]] - 1):.0f}% at 1,"


@claims(PAGE)
def where_haloes_move_to():
    mean = results("eulerian")["mean"]
    for name, key in MOVES.items():
        one, digits = mean[key], 3 if "steps" in name else 2
        powers = ("power, k from 0.1 to 0.2", "power, k from 0.2 to 0.3", "monopole to 0.2", "quadrupole to 0.2")
        yield row(
            name,
            format(one["position (Mpc), above 100 cells"], ".2f"),
            format(one["velocity (km/s), above 100 cells"], ".0f"),
            *(format(one[power], f".{digits}f") for power in powers),
            format(one["seconds of a processor"], ".1f") + " + 6" * ("gather" in name),  # of a core, to gather them
        )
    five, true = mean[MOVES["5 steps | sphere"]], mean[MOVES["5 steps | true cells"]]
    errors = [one["position (Mpc), above 100 cells"] for one in (five, true)]
    yield f"What is left of their error, {errors[0]:.2f} against {errors[1]:.2f} Mpc,"
    yield f"and {five['seconds of a processor']:.1f} seconds of a core at 256³ against"


@claims(PAGE)
def resolution():
    parts = results("n_body_128")["parts"]
    k = results("n_body_128")["summary"]["k"]
    at = [min(range(len(k)), key=lambda index: abs(k[index] - wanted)) for wanted in (0.56, 1.1, 1.8)]
    of_cuts = [results("n_body_128")["summary"]["cuts"].index(cut) for cut in (27, 50, 100, 300, 1000)]
    names = {"20, 2": "steps 20", "40, 2": "steps 40", "80, 2": "steps 80", "40, 1": "mesh 1", "40, 3": "mesh 3"}
    for name, part in names.items():
        one = parts[part]["z=0"]
        powers = [format(one["over mead2020"][index], ".3f") for index in at]
        friends, spheres = (", ".join(str(one[kind][cut]) for cut in of_cuts) for kind in ("fof", "m200m"))
        yield f"| {name} | {' | '.join(powers)} | {friends} | " + (
            spheres if name in ("40, 2", "40, 1", "40, 3") else "|"
        )
    power = {steps: parts[f"steps {steps}"]["z=0"]["over mead2020"] for steps in (20, 40, 80)}
    trusted = [index for index, value in enumerate(k) if value < 1.8]
    assert off([power[40][index] / power[80][index] for index in trusted]) < 0.002
    losses = [1 - power[20][index] / power[40][index] for index in at]
    assert 0.01 < losses[0] < max(losses) < 0.05
    yield f"40 are converged to 0.2% up to k = 1.8; 20 lose 1 to {100 * max(losses):.0f}%."
    two, three = ([parts[f"mesh {mesh}"]["z=0"]["fof"][cut] for cut in of_cuts] for mesh in (2, 3))
    missing = [1 - few / many for few, many in zip(two, three, strict=True)]
    assert max(missing[3:]) < 0.03
    yield "haloes above 300 particles are the same within 3% for two and three cells per spacing; above 100, "
    yield f"above 100, {100 * missing[2]:.0f}% are missing with two, above 27, {100 * missing[0]:.0f}%."
    yield f"`m200m` | |---|---|---|---|---|---| {row('20, 2', '0.745')[:-2]}"


@claims(PAGE)
def the_limit_of_what_can_be_known():
    limit = results("n_body_128")["parts"]["limit"]
    two, one = limit["two completions"], limit["completed and not"]
    agree, dice = two["cells that agree"], two["dice of halo cells"]
    yield f"their masks agree in {agree:.3f} of the cells (Dice of halo cells {dice:.3f}; of both classes {two['dice']:.3f})."
    above = two["completeness and purity above"]
    yield f"Of the haloes above 27 cells {above['27'][0]:.2f} have a partner in the other, above 100 all but one in fifty."
    assert min(above["100"]) > 0.97
    yield f"would reach a Dice of 2 · {agree:.3f} / {1 + agree:.3f} = {2 * agree / (1 + agree):.3f}."
    yield f"agrees with either in {one['cells that agree']:.3f} ({one['dice of halo cells']:.3f})"
    yield f"One box, {limit['haloes'][1]} haloes above 100 cells"
    yield f"([above](#the-limit-of-what-can-be-known): {2 * agree / (1 + agree):.3f})"


@claims(PAGE)
def a_network_beside_its_rivals():
    mean = results("n_body_comparison")["mean"]
    for name, (quantities, form) in COMPARED.items():
        cells = [
            shown([mean[rival][one]["mean"] for one in quantities if one in mean[rival]], form) for rival in RIVALS
        ]
        yield row(name, *cells)


@claims(PAGE)
def a_network_beside_its_aims():
    held = results("n_body_comparison")["mean"]["n-body"]
    scatter = results("scatter")["ratios"]["network"]

    def known(name):
        return f"{held[name]['mean']:.3f} ± {held[name]['error']:.3f}"

    yield row(
        "completeness, purity above 100 particles ≥ 0.87",
        f"{known('completeness above 100')}, {known('purity above 100')}",
    )
    yield row("mass in each class to 2%", ", ".join(known(f"mass in {one}") for one in CLASSES))
    numbers = [held[f"haloes above {cut}"]["mean"] for cut in (100, 300, 1000, 3000)]
    yield row(
        "numbers of haloes from 100 to 10,000 to 4%", f"{shown(numbers)}, {known('haloes above 10000')} (141 haloes)"
    )
    bins = []
    for space in ("lagrangian", "eulerian"):
        curves = [held[f"curve of power ({space}, {cut})"] for cut in CUTS]
        near = [
            sum(abs(mean - 1) <= 3 * error for mean, error in zip(curve["mean"], curve["error"], strict=True))
            for curve in curves
        ]
        bins.append(f"{space.capitalize()} {', '.join(map(str, near))} of 12")
    yield row("single bins (fundamental ones, of 0.0245 per Mpc) within 3 errors", "; ".join(bins))
    ratios = [f"{one['variance']:.2f} ± {one['error']:.2f}" for one in scatter.values()]
    yield f"{', '.join(ratios[:3])}; {', '.join(ratios[3:])} |"


@claims("docs/mocks.md")
def scatter_of_mocks():
    held = results("scatter")["ratios"]
    assert (results("scatter")["boxes"], results("scatter")["box"]["cells"]) == (16, 128)
    for name in held["network"]:
        pair = [held[method][name] for method in ("network", "peak_patch")]
        cells = [
            f"{one['variance']:.2f} ± {one['error']:.2f} | {one['mean']:.3f} | {one['correlation']:.2f}" for one in pair
        ]
        title = f"{name}, all above 100, bins to k = 0.3 per Mpc" if name.startswith("Lagrangian") else name
        yield row(title, *cells)


@claims(PAGE)
def cost_of_a_simulation():
    seconds = results("n_body_256")["parts"]["box 0"]["seconds"]
    yield f"({seconds['a force and its step']:.1f} s a force)"
    yield f"| {seconds['haloes']:.0f} s (friends of friends and columns alone)"
    boxes = [part["seconds"] for name, part in results("n_body_256")["parts"].items() if name.startswith("box ")]
    longest = max(one["simulation"] for one in boxes)
    yield f"| 256³, idle machine | {longest:.0f} s"


@claims(PAGE)
def distance_from_the_limits():
    rows = {(one["stage"], one["cells"]): one for case in results("n_body_limits")["cases"] for one in case["rows"]}
    bandwidth = rows["rate of bytes", None]["work"]["bytes"] / rows["rate of bytes", None]["seconds"]
    fastest = [
        min([rows[f"FFT, {way}", 256]["seconds"], *(peer["seconds"] for peer in rows[f"FFT, {way}", 256]["peers"])])
        for way in ("forward", "inverse")
    ]
    stages = {
        "deposit and potential, box of 128³ | 2 FFTs of 256³, {:.2f} GB": ("N-body, deposit and potential", 256, 2),
        "read-out and kick | {:.2f} GB": ("N-body, read-out and kick", 256, 0),
        "a step, all | 2 FFTs of 256³, {:.2f} GB": ("N-body, a step", 256, 2),
        "friends of friends, box of 128³ | {:.2f} GB": ("friends of friends", 128, 0),
    }
    for name, (stage, cells, transforms) in stages.items():
        one = rows[stage, cells]
        limit = one["work"]["bytes"] / bandwidth + (sum(fastest) if transforms else 0)
        time = f"{1e3 * one['seconds']:.0f} ms" if one["seconds"] < 1 else f"{one['seconds']:.2f} s"
        ratio = one["seconds"] / limit
        yield row(
            name.format(one["work"]["bytes"] / 1e9),
            time,
            f"{1e3 * limit:.0f} ms",
            f"{ratio:.{1 if ratio < 10 else 0}f}",
        )
    forces = rows["N-body, 41 forces", 128]
    ours, theirs = forces["seconds"], forces["peers"][0]["seconds"]
    yield f"| 41 forces, box of 64³ | - | {ours:.2f} s | pysco-nbody: {theirs:.2f} s for as many | {ours / theirs:.2f} of it |"


@claims(PAGE)
def what_a_network_lacks():
    held = results("inputs")
    for network in ("n-body-large", "n-body-third"):
        assert held[network]["boxes"] == ["017", "008"]
        yield from table_of_inputs(held[network]).splitlines()


@claims(PAGE)
def a_network_that_sees_a_simulation():
    chosen = read("networks/n-body/thresholds.json")["chosen"]
    yield f"a kernel of {chosen['scale']:g} radii, a reach of {chosen['reach']:g},"
    slopes = f"{chosen['volume_slope']:.2f} and {chosen['large_volume_slope']:.2f}"
    yield f"with a factor of {chosen['volume_factor']:.2f} and slopes of {slopes}"
    yield f"completeness and purity {chosen['completeness']:.3f} and {chosen['purity']:.3f} above 100 cells,"
    yield f"the lesser of both {chosen['large_score']:.3f} above 1000"
    yield f"mean errors of numbers and of power {chosen['abundance_error']:.3f} and {chosen['power_error']:.3f}."


@claims(PAGE)
def a_network_without_a_simulation():
    held = results("students")
    assert held["boxes"] == ["113", "114", "115", "116"]
    yield from table_of_students(held).splitlines()
    missed = [
        100 * (1 - sum(each["values"]["completeness above 100"]) / len(held["boxes"]))
        for name in ("n-body-light", "n-body")
        for each in held["numbers"]
        if (each["network"], each["precision"]) == (name, "float32")
    ]
    yield f"it misses {missed[0]:.0f}%, and the default network {missed[1]:.0f}%."
