"""Figures of the page: how far every stage is from its limit, and how its time grows."""

import numpy as np

from halonet.figures.style import FAINT, MISSED, PREDICTION, SEQUENCE, TRUTH, new_figure, styled

FAR = 3.0  # times the limit, beyond which a stage needs an explanation


@styled
def draw_distances(lines):
    """Time of every stage over its limit, and that of its fastest peer; ``lines`` are (stage, ratio, peer's ratio)."""
    lines = sorted(lines, key=lambda line: line[1])
    figure, (axes,) = new_figure(6.5, 1.2 + 0.22 * len(lines))
    places, ratios = np.arange(len(lines)), [ratio for _, ratio, _ in lines]
    colours = [PREDICTION if ratio <= FAR else MISSED for ratio in ratios]
    axes.barh(places, ratios, left=0, color=colours, height=0.6)
    peers = [(place, peer) for place, (_, _, peer) in zip(places, lines, strict=True) if peer]
    if peers:
        axes.plot(
            *zip(*[(peer, place) for place, peer in peers], strict=True),
            "|",
            color=TRUTH,
            ms=11,
            mew=2.2,
            label="fastest peer",
        )
        axes.legend(loc="lower right")
    axes.axvline(1, color=TRUTH, lw=0.8)
    axes.axvline(FAR, color=FAINT, lw=1.2, zorder=0)
    axes.set(xscale="log", xlabel="time over the physical limit", yticks=places)
    axes.set_yticklabels([stage for stage, _, _ in lines])
    return figure


@styled
def draw_growths(panels):
    """Times and fitted power laws of what takes longest; ``panels`` are (label of the size, {stage: Growth})."""
    figure, axes = new_figure(4.2 * len(panels), 4.2, columns=len(panels))
    for ax, (label, growths) in zip(axes, panels, strict=True):
        longest = sorted(growths.items(), key=lambda item: -item[1].seconds[-1])[: len(SEQUENCE)]
        for colour, (stage, growth) in zip(SEQUENCE, longest, strict=False):
            sizes = np.array(growth.sizes)
            middle = np.exp(np.log(growth.seconds).mean()) * (sizes / np.exp(np.log(sizes).mean())) ** growth.exponent
            ax.loglog(sizes, middle, color=colour, lw=1, label=f"{stage}, {growth.exponent:.2f}")
            ax.loglog(sizes, growth.seconds, "o", color=colour, ms=3.5)
        # Room for the legend above the curves.
        low, high = np.log([min(g.seconds[0] for _, g in longest), max(g.seconds[-1] for _, g in longest)])
        ax.set(xlabel=label, ylabel="seconds", ylim=np.exp([low - 0.5, high + max(0.55 * (high - low), 1.0)]))
        ax.legend(fontsize=7.5, loc="upper left")
    return figure
