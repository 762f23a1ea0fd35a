"""From probability to haloes: docs/halo_finding.md, docs/objects.md and docs/networks.md."""

from page_claims.base import claims, measured, off, percent, read, results, row

SHIPPED = ("vnet-small", "vnet-small-channels", "vnet-small-objects", "n-body")
CUTS = (100, 300, 1000, 3000, 10000)


def above(network, cells):
    return next(one for one in measured(network)["abundance"] if one["cells"] == cells)


@claims("docs/halo_finding.md")
def fitted_spheres():
    fitted = ("vnet-small", "vnet-small-channels")
    for cells in CUTS[1:]:
        yield f" | {above(fitted[0], cells)['ratio']:.3f} | {above(fitted[1], cells)['ratio']:.3f} |"
    yield f"above 100 cells, over truth | 0.735 | 0.952 | {above(fitted[0], 100)['ratio']:.3f} | {above(fitted[1], 100)['ratio']:.3f} |"
    pairs = [f"{measured(name)['completeness']:.3f}, {measured(name)['purity']:.3f}" for name in fitted]
    yield f"| {pairs[0]} | {pairs[1]} |"
    for index in range(3):
        powers = [measured(network)["power"][index] for network in fitted]
        yield row(*(f"{one['mean']:.3f} ± {one['deviation']:.3f}" for one in powers))
    dice = [measured(name)["dice"]["mean"] for name in fitted]
    yield f"(Dice coefficient {dice[0]:.4f} and {dice[1]:.4f}, with 32 cells of buffer)"
    yield f"{above(fitted[0], 100)['true']:,} true haloes above 100 cells ({above(fitted[0], 10000)['true']} above 10,000; "
    departures = [off([one["ratio"] for one in measured(name)["abundance"]]) for name in fitted]
    yield f"With fitted spheres the abundance is right to {percent(departures[0])} at every mass ({percent(departures[1])} with channels)."


@claims("docs/halo_finding.md")
def calibrated_constants():
    plain, channels = (read(f"networks/{name}/thresholds.json") for name in ("vnet-small", "vnet-small-channels"))
    peaks, fits = ([one[key] for one in (plain, channels)] for key in ("peak_thresholds", "sphere_fit"))
    yield (
        f"goes down to a peak threshold of {peaks[0][-1]} and that of vnet-small-channels to {peaks[1][-1]}; "
        f"own fractions are {fits[0]['own_fraction']} and {fits[1]['own_fraction']}, the reach is {fits[0]['reach']} radii."
    )
    assert fits[0]["reach"] == fits[1]["reach"]


@claims("docs/halo_finding.md")
def cost_of_a_catalogue():
    names = ("prediction", "halo finding", "fit of the spheres", "Eulerian positions and velocities", "statistics")
    for cells in (256, 512):
        stages = {one["stage"]: one for one in results(f"catalogues_{cells}")["stages"]}
        seconds = [stages[name]["seconds"] for name in names]
        memory = max(one["peak_bytes_per_cell"] for one in stages.values())
        whole = sum(one["seconds"] for one in stages.values())
        yield row(f"{cells}³", *(f"{one:.1f} s" for one in seconds), f"{whole:.0f} s", f"{memory:.0f}")[:-2]


@claims("docs/halo_finding.md")
def tiles():
    for run in results("prediction")["runs"]:
        if (run["tile"], run["blend"]) in ((96, 0), (192, 16)):
            continue  # not on the page
        differ = run["seam_above_tenth"]
        yield row(
            *(str(run[key]) for key in ("tile", "buffer", "blend", "average")),
            format(run["seconds"], ".1f"),
            format(run["seam_rms"], ".3f"),
            "0" if differ == 0 else percent(differ, 1 if differ > 0.01 else 2),
            format(run["dice"], ".4f"),
        )


@claims("docs/networks.md")
def what_networks_reach():
    for name, training in (
        ("vnet-small", "11,000 steps of one 64³ window, 31 minutes"),
        ("vnet-small-channels", "the same, then 524 steps of one 128³ window, 35 minutes more (1.0 CPU hours)"),
    ):
        dice = measured(name)["dice"]
        yield row(name, training, f"{dice['mean']:.4f} ± {dice['deviation']:.4f}")
    yield f"all background: {measured('vnet-small')['background_dice']:.3f}"


@claims("docs/networks.md")
def speed_of_trainings():
    held = results("training_tensorflow")
    for step in held["steps"]:
        rate = step["samples_per_second"]
        of_matrix_products = step["tflop_per_second"] / step["matmul_tflop_per_second"]
        yield f"| {rate:.{2 if rate < 1 else 1}f} | {of_matrix_products:.0%} | {step['peak_memory_gb']:.1f} GB |"
        seconds = step["seconds_per_step"]
        yield f"| {step['window']}³ | {seconds:.1f}" if seconds > 1 else f"| {step['window']}³ | {seconds:.2f}"
    large, small = held["reader"]
    yield f"{large['cold']:.0f} windows of 128³ per second from a cold file and {large['warm']:.0f} from a warm one, "
    yield f"{small['cold']:.0f} and {small['warm']:.0f} windows of 64³"
    step = held["steps"][1]
    yield f"({step['samples_per_second_with_reader']:.1f} samples per second with the reader in front, {step['samples_per_second']:.1f} without)"


@claims("docs/objects.md")
def votes():
    held = measured("vnet-small-objects")
    counts = ", ".join(f"{one['ratio']:.3f}" for one in held["abundance"])
    yield f"| {held['dice']['mean']:.4f} | 0.385 | 14.9 | {held['completeness']:.3f}, {held['purity']:.3f} |"
    yield f"| {counts} |"
    yield f"find {held['completeness']:.0%} of the haloes, and {held['purity']:.0%} of what they find is true"
    assert off([one["mean"] for one in held["power"][:2]]) < 0.01
    channels = measured("vnet-small-channels")
    worst = off([one["ratio"] for one in channels["abundance"]])
    power = off([one["mean"] for one in channels["power"][:1]])
    yield f"(spheres fitted to vnet-small-channels: {channels['completeness']:.3f}, {channels['purity']:.3f}; 0.915, 0.945; "
    yield f"{worst:.0%} and {power:.0%}, on"
    yield f"Its heads cost {channels['dice']['mean'] - held['dice']['mean']:.4f} of Dice."
