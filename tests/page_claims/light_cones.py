"""Light cones and networks of many cosmologies: docs/light_cones.md, docs/cosmologies.md."""

import numpy as np

from halonet.dataset.channels import COLLAPSE_THRESHOLD
from halonet.light_cones.angular_power import LARGEST, LEAST_FRACTION
from halonet.light_cones.by_network import CONTEXT
from page_claims.base import claims, fixed, results


@claims("docs/light_cones.md")
def cost_of_an_octant():
    held = results("light_cone_cost_256")
    phases = held["phases"]
    yield f"an octant to redshift {held['redshift_range'][1]:g} from a box of {held['cells']}³ cells of 2 Mpc, "
    yield f"{held['boxes']:.0f} times its volume, takes {held['seconds']:.0f} s and {fixed(held['gigabytes'], 1)} GB"
    yield f"{held['haloes']:,} haloes"
    yield f"{phases['measurement']:.0f} s for the radii of all images, {phases['exclusion']:.0f} s for exclusion"
    larger = results("light_cone_cost_512")
    yield (
        f"An octant to redshift {larger['redshift_range'][1]:g} from {larger['cells']}³ cells, {larger['boxes']:.0f} times "
        f"their box, takes {larger['seconds']:.0f} s and {fixed(larger['gigabytes'], 1)} GB, and gives {larger['haloes']:,} "
        "haloes"
    )


@claims("docs/light_cones.md")
def whole_images_and_boxes():
    images = results("light_cone_agreement_256")["images"]
    seen, box = (np.array([one[name] for one in images]) for name in ("seen", "box"))
    small, large = (seen / np.maximum(box, 1)).T[:2]
    power = [np.array(one["power_seen"]) / one["power_box"] for one in images[:3]]
    least, most = 0.02, 0.2  # per Mpc
    middle = [(np.array(one["k"]) > least) & (np.array(one["k"]) < most) for one in images[:3]]
    mean = [each[chosen].mean() for each, chosen in zip(power, middle, strict=True)]
    centres, cuts = [one["centre"] for one in images], images[0]["cuts"]
    yield f"centred at redshifts {listed(f'{centre:.2g}' for centre in centres)}"
    yield f"have {listed(f'{ratio:.3f}' for ratio in small)} times the haloes above {cuts[0]:g} cells"
    yield f"and {listed(f'{ratio:.2f}' for ratio in large)} times those above {cuts[1]:g}"
    yield listed(f"{number:,}" for number in box[:, 1])
    yield f"on average {listed(f'{each:.2f}' for each in mean)} times that of the box"
    yield f"for *k* from {least} to {most} per Mpc"
    yield f"({', '.join(f'{each[0]:.2f}' for each in power)})"


def listed(words):
    """Words as a sentence lists them."""
    *first, last = words
    return f"{', '.join(first)} and {last}"


@claims("docs/light_cones.md")
def angular_power():
    yield f"$\\ell$ up to {LARGEST}, with Gaussian errors"
    yield f"Openings below {LEAST_FRACTION:.1%} of the sky have none."


@claims("docs/light_cones.md")
def images_of_networks():
    yield f"is predicted with {CONTEXT[0]} cells around it"


@claims("docs/cosmologies.md")
def threshold():
    yield f"`normalisation: threshold` divides the density by {COLLAPSE_THRESHOLD}, the linear overdensity"


@claims("docs/cosmologies.md")
def beside_networks_of_one_cosmology():
    rows = results("cosmologies")["rows"]
    pairs = [(one["many"], one["alone"]) for one in rows if one["alone"]]
    assert len(pairs) == 7
    behind = max(alone[name] - many[name] for many, alone in pairs for name in ("completeness", "purity"))
    assert 0 < behind < 0.01
    yield "Completeness and purity are at most 0.01 below those of a network of its own"
    judged = [(row["many"]["found"], row["many"]["true"]) for row in rows]
    ratios = [found / true for pair in judged for found, true in zip(*pair, strict=True) if true >= 300]
    yield f"numbers of haloes within {100 * max(abs(ratio - 1) for ratio in ratios):.0f}% of the truth"
    boxes = {row["boxes"] for row in rows}
    assert boxes == {6}
    yield "in six boxes of"
