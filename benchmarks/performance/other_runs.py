"""Sections of ``docs/performance.md`` that are measured by commands of their own: processors, changes, mocks."""

from mock_stages import RUNS, table
from network_costs import markdown

from halonet.storage import read_json
from performance.measuring import ROOT
from performance.rows import NONE, seconds_text

CHANGES = ROOT / "benchmarks" / "results" / "before_after.json"
MOCKS = ROOT / "benchmarks" / "results" / "mock_stages.json"
PROCESSORS = ROOT / "benchmarks" / "results" / "processors.json"


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
    text = (
        "## Mocks, stage by stage\n\n*before* is an earlier state of the code, *keras* this one without OpenVINO, "
        "*float32* what a mock is by default, *fastest* `--precision fastest`: whole numbers of eight bits, and "
        "haloes moved by fewer particles. The simulation that the network sees is among its *channels*; it moves the "
        "haloes, too. The default network *before* saw none: a simulation of its own moved its haloes."
    )
    for cells, found in read_json(MOCKS).items():
        runs = found["runs"]
        names = " ".join(f'"{name}"' if " " in name else name for name in runs)
        some = "" if len(runs) == len(RUNS) else f" --only {names}"
        words = (
            f"A mock of {cells}³ cells by the default network on {found['machine']['cpu']}, 2 threads, each in a "
            "process of its own, in one run (`python benchmarks/mock_stages.py --before "
            f"{found['before'][:12]} --cells {cells}{some}`): "
            "wall seconds, and in brackets those of the processor, which are at most twice as many. *start* is imports "
            f"and the power spectrum, *network* the prediction without its channels. {haloes_of(runs)}"
        )
        text += f"\n\n{words}.\n\n{table(runs)}"
    return text


def haloes_of(runs):
    """Numbers of haloes of every run, and how many of them are those of the first."""
    first, *others = runs.values()
    texts = [f"{next(iter(runs))} {first['haloes']['at_least_100_cells']:,}"]
    for name, run in zip(list(runs)[1:], others, strict=True):
        share = run["haloes"]["matched"] / first["haloes"]["at_least_100_cells"]
        texts.append(f"{name} {run['haloes']['at_least_100_cells']:,}, of which {share:.1%} are those of the first")
    return f"Haloes of at least 100 cells: {'; '.join(texts)}"
