"""Section of ``docs/performance.md`` on what the paper's run, and a larger box, cost a cluster."""

from network_costs import markdown

from performance import forecast
from performance.rows import NONE, growth_panels


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
        cells.append([one.name, f"{one.core_hours:,.1f}", f"{one.gpu_hours:,.1f}", *memory])
    stored = forecast.large_storage(run.rows)
    words = (
        f"**A box of (4 Gpc)³** with {forecast.SIDE}³ cells of 1 Mpc, 512 times the paper's: times of the largest box "
        "measured here on one rank, carried on with the fitted exponents (1 at least). A mock makes every stage in "
        "slabs over ranks; memory is that of all ranks together."
    )
    if stored:
        files = ", ".join(f"{name} {value / 1e12:.2f} TB" for name, value in stored.items())
        words += f" Files: {files}."
    return f"{words}\n\n{markdown(header, cells, left=1)}"
