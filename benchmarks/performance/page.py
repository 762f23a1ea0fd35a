"""``docs/performance.md`` and its figures, from the numbers of a run."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from mock_stages import table
from network_costs import markdown

from halonet.figures.style import save
from halonet.storage import read_json, write_text
from performance import forecast, limits, transforms
from performance.drawing import FAR, draw_distances, draw_growths
from performance.measuring import ROOT
from performance.notes import EXPLAINED
from performance.scaling import growths

CHANGES = ROOT / "benchmarks" / "results" / "before_after.json"
MOCKS = ROOT / "benchmarks" / "results" / "mock_stages.json"
PROCESSORS = ROOT / "benchmarks" / "results" / "processors.json"
IDLE_CORES = 0.3
MEMORY_GB, MEMORY_CELLS = 24, 512
NONE = "-"
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


class Run:
    """Rows of a run, with the limit of each and the peers that ran in processes of their own."""

    def __init__(self, result, rows):
        self.result, self.rows = result, rows
        self.rates, self.transforms = limits.rates(rows), transforms.fastest(rows)
        self.own = [one for one in rows if "peer_of" not in one and not one["stage"].startswith("rate of ")]
        for one in rows:
            if "peer_of" in one:
                self._add_peer(one)
        for one in self.own:
            one["limit"] = limits.limit_seconds(one, self.rates, self.transforms)

    def _add_peer(self, peer):
        for one in self.own:
            if (one["stage"], one["cells"]) == (peer["peer_of"], peer["cells"]):
                scale = one["work"]["flops"] / peer["work"]["flops"] if peer.get("per_flop") else 1.0
                one["peers"].append({"name": peer["name"], "seconds": scale * peer["seconds"]})

    def largest(self):
        """The row of every stage with the largest box or the most haloes or boxes, on one rank."""
        found = {}
        for one in self.own:
            if one.get("ranks", 1) == 1:
                before = found.get(one["stage"])
                if before is None or size(one) >= size(before):
                    found[one["stage"]] = one
        return list(found.values())

    def largest_with_peers(self):
        """The largest row of every stage that a peer did, too; not every peer went up to the largest."""
        found = {}
        for one in self.own:
            if one["peers"] and one.get("ranks", 1) == 1:
                before = found.get(one["stage"])
                if before is None or size(one) >= size(before):
                    found[one["stage"]] = one
        return list(found.values())


def size(one):
    return one["cells"] or one.get("haloes") or one.get("boxes") or 0


def size_text(one):
    if one["cells"]:
        window = f", windows of {one['window']}³" if "window" in one else ""
        threads = f", {one['threads']} threads" if one.get("threads", 1) > 1 else ""
        return f"{one['cells']}³{window}{threads}"
    return f"{one['haloes']:,} haloes" if one.get("haloes") else f"{one['boxes']} boxes" if one.get("boxes") else NONE


def seconds_text(seconds):
    if seconds is None:
        return NONE
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def fastest_peer(one):
    return min((peer["seconds"] for peer in one["peers"] if "seconds" in peer), default=None)


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


def growth_panels(run):
    rows = [one for one in run.own if one.get("ranks", 1) == 1 and "window" not in one]
    # Training steps have one size, and transforms of tiny boxes stay within caches.
    return [
        ("cells of the box", growths([one for one in rows if "preset" not in one], "cells")),
        ("haloes", growths([one for one in rows if not one["cells"] and "voxels" not in one], "haloes")),
        ("boxes planned", growths(rows, "boxes")),
    ]


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


def processors():
    """What each kind of processor gives, from ``benchmarks/processors.py``; nothing where it was not run."""
    if not PROCESSORS.exists():
        return ""
    found = read_json(PROCESSORS)
    header = ("kernels", "training step", "prediction of 128³", "`make quickstart`")
    cells = []
    for one in found["rows"]:
        whole = one["quickstart_seconds"]
        times = [seconds_text(one[name]) for name in ("step_seconds", "prediction_seconds")]
        cells.append([one["kind"], *times, NONE if whole is None else f"{whole / 60:.1f} min"])
    words = (
        f"The quickstart's network on {found['threads']} threads of one machine, {found['processor']}, whose kernels "
        "were held back to those of lesser processors (`python benchmarks/processors.py`). HaloNet switches on the "
        "kernels of oneDNN, which TensorFlow leaves off where there is no AVX-512; `TF_ENABLE_ONEDNN_OPTS=0` has "
        "TensorFlow's own again. More than half of a training step with AVX2 is the gradient of the kernels of "
        "convolutions, for which oneDNN has nothing better there than matrix products."
    )
    return f"## Kinds of processors\n\n{words}\n\n{markdown(header, cells, left=1)}"


def changes():
    """What changes of the code have gained, from ``benchmarks/before_after.py``; nothing where it was not run."""
    if not CHANGES.exists():
        return ""
    found = read_json(CHANGES)
    header = ("stage", "cells", "CPU time before", "after", "bytes per cell before", "after", "same bits")
    cells = []
    for one in found["stages"]:
        pair, volume = (one["before"], one["after"]), one["cells"] ** 3
        times = [seconds_text(each["cpu_seconds"]) for each in pair]
        held = [f"{each['bytes'] / volume:.1f}" for each in pair]
        cells.append([one["stage"], f"{one['cells']}³", *times, *held, "yes" if one["same_bits"] else "**no**"])
    words = (
        "On processors Peak Patch, the statistics and the search for haloes cost most; what their profiles showed to "
        "be needless is gone. "
        f"Commit `{found['before'][:12]}` beside `{found['after'][:20]}`, in turn in one run (`python "
        f"benchmarks/before_after.py --before {found['before'][:12]} --cells {found['stages'][0]['cells']}`)."
    )
    return f"## What changes gained\n\n{words}\n\n{markdown(header, cells, left=2)}"


def mocks():
    """Where the time of a mock goes, from ``benchmarks/mock_stages.py``; nothing where it was not run."""
    if not MOCKS.exists():
        return ""
    text = "## Mocks, stage by stage"
    for cells, found in read_json(MOCKS).items():
        runs = found["runs"]
        haloes = {name: run["haloes"] for name, run in runs.items()}
        first = next(iter(haloes.values()))["at_least_100_cells"]
        words = (
            f"A mock of {cells}³ cells by the default network on {found['machine']['cpu']}, 2 threads, each in a "
            "process of its own, in one run (`python benchmarks/mock_stages.py --before "
            f"{found['before'][:12]} --cells {cells}`): "
            "wall seconds, and in brackets those of the processor, which are at most twice as many. *start* is imports "
            "and the power spectrum, *network* the prediction without its channels. Haloes of at least 100 cells: "
        )
        words += "; ".join(
            f"{name} {one['at_least_100_cells']:,}, of which {100 * one['matched'] / first:.1f}% are those of the first"
            for name, one in haloes.items()
        )
        text += f"\n\n{words}.\n\n{table(runs)}"
    return text


def costs(run):
    lines = forecast.paper(run.rows)
    if lines is None:
        return ""
    return "\n\n".join(["## On a cluster", paper_table(run, lines), large_table(run)])


def paper_table(run, lines):
    header = ("rule", "jobs", "s each", "cores", "core hours", "GPU hours", "from")
    cells = [
        [
            one.name,
            *(f"{one.jobs}", f"{one.seconds:,.0f}", f"{one.cores}", f"{one.core_hours:,.1f}", f"{one.gpu_hours:,.1f}"),
            "this run" if one.measured else "`costs.py`",
        ]
        for one in lines
    ]
    total = [sum(one.core_hours for one in lines), sum(one.gpu_hours for one in lines)]
    cells.append(["together", f"{sum(one.jobs for one in lines)}", "", "", *(f"{hours:,.1f}" for hours in total), ""])
    stored = forecast.paper_storage(run.rows)
    words = (
        "**The paper's run**, 256 boxes of 512³ cells: jobs as Snakemake plans them, costs per cell of this run where "
        "a stage was measured, else those of `src/halonet/workflow/costs.py`; 10 s of each are the start of a job. No "
        "GPU was measured: 2.5 TFLOP/s is what the paper's 24 hours on four P100 amount to."
    )
    if stored:
        words += f" Files: {stored / 1e9:,.0f} GB."
    return f"{words}\n\n{markdown(header, cells, left=1)}"


def large_table(run):
    lines, held = forecast.large_box(run.rows, dict(growth_panels(run)[0][1]))
    header, cells = ("stage", "core hours", "GPU hours", "memory (TB)", "nodes of 256 GB"), []
    for one in lines:
        total = held.get(one.name)
        memory = [f"{total / 1e12:.2f}", f"{forecast.nodes_of(total)}"] if total else [NONE, NONE]
        shared = "" if forecast.LARGE.get(one.name, True) else ", in one process"
        cells.append([one.name + shared, f"{one.core_hours:,.1f}", f"{one.gpu_hours:,.1f}", *memory])
    stored = forecast.large_storage(run.rows)
    words = (
        f"**A box of (4 Gpc)³** with {forecast.SIDE}³ cells of 1 Mpc, 512 times the paper's: times of the largest box "
        "measured here, carried on with the fitted exponents (1 at least). Stages *in one process* cannot hold this "
        "box on any node today: it has to be found and moved in slabs first; their hours say what that would cost."
    )
    if stored:
        files = ", ".join(f"{name} {value / 1e12:.2f} TB" for name, value in stored.items())
        words += f" Files: {files}."
    return f"{words}\n\n{markdown(header, cells, left=1)}"


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
