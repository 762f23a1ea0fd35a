"""``docs/performance.md`` and its figures, from the numbers of a run."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from network_costs import markdown

from halonet.figures.style import save
from halonet.storage import write_text
from performance import limits
from performance.drawing import FAR, draw_distances, draw_growths
from performance.notes import EXPLAINED
from performance.on_a_cluster import costs
from performance.other_runs import changes, mocks, processors
from performance.rows import NONE, Run, fastest_peer, growth_panels, seconds_text, size_text

IDLE_CORES = 0.3
MEMORY_GB, MEMORY_CELLS = 24, 512
RATES = {
    "bytes": ("memory bandwidth", 1e9, "GB/s"),
    "flops": ("matrix product, float32", 1e9, "GFLOP/s"),
    "normals": ("normal numbers", 1e6, "10⁶/s"),
    "exponentials": ("exponentials", 1e6, "10⁶/s"),
    "gathered": ("cells gathered from spheres", 1e6, "10⁶/s"),
}


def write_page(result, page):
    """Write the page, and its figures into ``images`` beside it."""
    rows = [one for record in result["cases"] for one in record.get("rows", [])]
    run = Run(result, rows)
    made = [head(run), rates(run), distances(run), beside(run), growth(run), ranks(run), memory(run)]
    sections = [*made, processors(), changes(), mocks(), costs(run)]
    write_text(page, "\n\n".join(section for section in sections if section) + "\n")
    draw(run, page.parent / "images")


def head(run):
    result = run.result
    computer, state, busy = result["machine"], result["commit"], result["busy_cores_before"]
    fresh = "**with changes that no commit holds**" if "-dirty-" in state else "of which nothing was changed"
    failed = [record for record in result["cases"] if "error" in record]
    lines = [
        "# Performance",
        f"Made by `make benchmark` (`{result['command']}`) on {result['date']} from commit `{state}`, {fresh}. "
        f"{computer['cpu']}, {computer['cores']} cores, {computer['memory_gb']} GB, Python {computer['python']}; "
        f"{busy:.1f} cores busy before the run; {result['minutes']:.0f} minutes. Every number, and the versions: "
        "`benchmarks/results/performance.json`. `python benchmarks/run_all.py --parts PART` measures a part alone; the "
        "peers are those of `requirements/peers.txt`, which nothing else needs.",
    ]
    if busy > IDLE_CORES:
        lines.append(
            f"**The machine was at work on something else ({busy:.1f} cores): times are too long, and "
            "ratios of stages with different numbers of threads mean little.** Run it again when the machine is idle."
        )
    if failed:
        lines.append("**Not measured:** " + "; ".join(f"{one['part']} {one['case']}: {one['error']}" for one in failed))
    return "\n\n".join(lines)


def rates(run):
    if not run.rates:
        return ""
    threads = sorted({number for _, number in run.rates})
    header = ["rate", *(f"{number} thread{'s' if number > 1 else ''}" for number in threads)]
    cells = []
    for kind, (name, unit, text) in RATES.items():
        values = [run.rates.get((kind, number)) for number in threads]
        cells.append([name, *(f"{value / unit:.3g} {text}" if value else NONE for value in values)])
    words = (
        "What a stage must at least do, at these rates, is its limit: Fourier transforms of its size (the fastest way "
        "found below), whole passes over fields at memory bandwidth, operations at the rate of a matrix product, cells "
        "of spheres read one by one. Nothing is assumed to overlap; memory is single precision throughout."
    )
    return f"## The machine\n\n{words}\n\n{markdown(header, cells, left=1)}"


def distances(run):
    header = ("stage", "size", "limit is made of", "time", "limit", "time over limit", "peak bytes per cell")
    cells, far = [], []
    for one in run.largest():
        if one["limit"] is None:
            continue
        ratio = one["seconds"] / one["limit"]
        work = limits.describe(one["work"])
        memory = f"{one['bytes'] / one['cells'] ** 3:.1f}" if one["cells"] and one.get("bytes") else NONE
        times = [seconds_text(one["seconds"]), seconds_text(one["limit"]), f"{ratio:.2f}", memory]
        cells.append([one["stage"], size_text(one), work, *times])
        if ratio > FAR:
            far.append(f"- **{one['stage']}** ({ratio:.1f}): {EXPLAINED.get(one['stage'], 'not explained yet.')}")
    if not cells:
        return ""
    text = f"## Beside the limits\n\nOne thread where nothing else is said.\n\n{markdown(header, cells, left=3)}"
    picture = "![Time of every stage over its limit](images/performance-limits.png)"
    beyond = f"Further than {FAR:g} times from the limit:\n\n" + "\n".join(far) if far else ""
    return "\n\n".join(part for part in (text, picture, beyond) if part)


def beside(run):
    header = ("stage", "size", "time", "peer", "its time", "peer over this")
    cells = []
    for one in run.largest_with_peers():
        for peer in one["peers"]:
            known = peer.get("seconds")
            ratio = f"{known / one['seconds']:.2f}" if known else NONE
            words = seconds_text(known) if known else peer["error"].replace("|", "/")
            cells.append([one["stage"], size_text(one), seconds_text(one["seconds"]), peer["name"], words, ratio])
    if not cells:
        return ""
    words = "The same job on the same input, in the same run; above 1 the peer takes longer."
    return f"## Beside the peers\n\n{words}\n\n{markdown(header, cells, left=2)}"


def growth(run):
    tables = []
    for label, found in growth_panels(run):
        if found:
            cells = [
                [stage, str(one), *(seconds_text(value) for value in (one.seconds[0], one.seconds[-1]))]
                for stage, one in found.items()
            ]
            tables.append(markdown((label, "exponent", "smallest", "largest"), cells, left=1))
    if not tables:
        return ""
    words = (
        "Exponents of power laws through all sizes, the time against the number of cells, haloes or boxes: 1 is in "
        "proportion. Small boxes fit into caches, and small plans are all start."
    )
    picture = "![Times of the stages that take longest against the size](images/performance-growth.png)"
    return "\n\n".join(["## How costs grow", words, *tables, picture])


def ranks(run):
    header, cells = ("cells", "stage", "one rank", "two ranks", "efficiency", "balance"), []
    pairs = {(one["stage"], one["cells"], one["ranks"]): one for one in run.own if "ranks" in one}
    for (stage, side, number), one in pairs.items():
        two = pairs.get((stage, side, 2))
        if number == 1 and two and stage in ("density", "Peak Patch, all"):
            efficiency = f"{one['seconds'] / 2 / two['seconds']:.0%}"
            times = [seconds_text(each["seconds"]) for each in (one, two)]
            cells.append([f"{side}³", stage, *times, efficiency, f"{two['balance']:.3f}"])
    words = "The density is drawn first, and its time holds what the machine needs to give memory out at all."
    return f"## Ranks\n\n{words}\n\n{markdown(header, cells, left=2)}" if cells else ""


def memory(run):
    header = ("stage", "measured at", "bytes per cell", f"GB at {MEMORY_CELLS}³", f"fits {MEMORY_GB} GB")
    cells = []
    for one in run.largest():
        if one["cells"] and one.get("bytes") and "window" not in one and "preset" not in one:
            each = one["bytes"] / one["cells"] ** 3
            total = each * MEMORY_CELLS**3 / 1e9
            fits = "yes" if total < MEMORY_GB else "**no**"
            cells.append([one["stage"], f"{one['cells']}³", f"{each:.1f}", f"{total:.1f}", fits])
    if not cells:
        return ""
    words = (
        "The most that a process held while it worked, beyond what it held before; inputs that it had read come on "
        "top: 4 bytes for a density or a probability, 1 for a mask. What does not depend on the box, such as "
        "TensorFlow's memory for a tile, weighs most in small ones."
    )
    return f"## Memory\n\n{words}\n\n{markdown(header, cells, left=2)}"


def draw(run, folder):
    lines = [
        (one["stage"], one["seconds"] / one["limit"], (fastest_peer(one) or 0) / one["limit"])
        for one in run.largest() if one["limit"]
    ]  # fmt: skip
    panels = [(label, found) for label, found in growth_panels(run) if found]
    with TemporaryDirectory() as temporary:
        if lines:
            save(draw_distances(lines), temporary, "performance-limits")
        if panels:
            save(draw_growths(panels), temporary, "performance-growth")
        folder.mkdir(parents=True, exist_ok=True)
        for path in Path(temporary).glob("*.png"):
            shutil.copyfile(path, folder / path.name)
