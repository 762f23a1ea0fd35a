"""Peak Patch: docs/ground_truth.md and what the README says of it."""

import numpy as np

from page_claims.base import claims, fixed, results, row


def over_tinker():
    """Masses, and haloes above them over Tinker et al. (2008), of the mean of the boxes."""
    held = results("ground_truth_statistics")
    cells = int(held["command"].split("--cells ")[1].split()[0])
    mean = np.mean([box["above"] for box in held["boxes"]], axis=0) / cells**3  # of cells of 1 Mpc
    return np.array(held["masses_msun"]), mean / np.array(held["tinker_2008_per_mpc3"])


@claims("docs/ground_truth.md")
def haloes_and_masks_of_four_boxes():
    held = results("ground_truth_statistics")
    haloes = [box["haloes_above_100_cells"] for box in held["boxes"]]
    fractions = [format(box["mask_fraction"], ".4f") for box in held["boxes"]]
    yield f"{', '.join(map(str, haloes[:-1]))} and {haloes[-1]} haloes above 100 cells, on average "
    over = held["haloes_above_100_cells_over_reference"]
    yield f"on average {over:.3f} of the {np.mean(haloes) / over:.0f} that the reference finds"
    yield f"mask fractions of {', '.join(fractions[:-1])} and {fractions[-1]}, {held['mask_fraction_over_reference']:.3f} of its "
    mean = np.mean([box["mask_fraction"] for box in held["boxes"]])
    yield f"of its {mean / held['mask_fraction_over_reference']:.4f}."


def check_abundance():
    """The abundance is what the pages say in words."""
    masses, ratio = over_tinker()
    within = ratio[(masses > 3e12) & (masses < 1e14)]
    assert 0.8 < within.min() < 0.82
    assert 0.91 < within.max() < 0.925
    large = ratio[(masses > 1e14) & (masses < 7e14)]
    assert 0.06 < np.abs(large - 1).max() < 0.07


@claims("docs/ground_truth.md")
def abundance_on_the_page():
    check_abundance()
    yield "Between 3 × 10¹² and 10¹⁴ solar masses the abundance lies 8 to 20% below Tinker et al. (2008), the counts being those"
    yield "of the reference; up to 7 × 10¹⁴ it is within 7%."


@claims("README.md")
def abundance_in_the_readme():
    check_abundance()
    yield "8 to 20% below Tinker et al. (2008) from 3 × 10¹² to 10¹⁴ solar masses, within 7% up to 7 × 10¹⁴ |"
    one = next(run for run in results("ground_truth_1")["runs"] if run["cells"] == 256)
    gigabytes = one["bytes_per_cell"] * 256**3 / 1e9
    yield f"| {one['wall_seconds']:.1f} s and {gigabytes:.1f} GB on one core, {results('ground_truth_1')['machine']['cpu']}, "


@claims("docs/ground_truth.md")
def cost():
    one, two = (results(f"ground_truth_{ranks}")["runs"] for ranks in (1, 2))
    for ranks, runs in ((1, one), (2, two)):
        for run, alone in zip(runs, one, strict=True):
            wall, efficiency = run["wall_seconds"], alone["wall_seconds"] / run["wall_seconds"] / ranks
            yield row(
                f"{run['cells']}³",
                str(ranks),
                fixed(run["cpu_us_per_cell_density_given"], 2),
                fixed(run["cpu_us_per_cell_with_initial_conditions"], 2),
                fixed(run["bytes_per_cell"], 0),
                f"{wall:.{2 if wall < 1 else 1}f} s",
            ) + (f" {efficiency:.0%} |" if ranks > 1 else "")
    parts = one[-1]["cpu_us_per_cell"]
    shares = {name: parts[name] / one[-1]["cpu_us_per_cell_with_initial_conditions"] for name in parts}
    yield f"takes {shares['smoothing and peaks']:.0%} at 512³, second-order displacement "
    yield f"second-order displacement {shares['second-order displacement']:.0%}, "
    yield f"the measurement of candidates {shares['measurement']:.0%}; "
