"""Light cones: docs/light_cones.md."""

import numpy as np

from page_claims.base import claims, fixed, percent, results, row

COSTS = ("light_cone_cost_512",)


@claims("docs/light_cones.md")
def costs_of_octants():
    for name in COSTS:
        held = results(name)
        first, last = held["redshift_range"]
        assert first == 0
        yield row(
            f"{held['cells']}³", f"({held['box_size_mpc']:g} Mpc)³", f"{last:g}", f"{held['boxes']:.0f}",
            f"{held['haloes']:,}", f"{held['seconds']:.0f} s", f"{fixed(held['gigabytes'], 1)} GB",
        )  # fmt: skip
    phases = results(COSTS[-1])["phases"]
    yield f"{phases['measurement']:.0f} s for the radii of all images, {phases['exclusion']:.0f} s for exclusion"


@claims("docs/light_cones.md")
def images_against_boxes():
    for image in results("light_cone_agreement_128")["images"]:
        ratios = [
            f"{seen:,} / {box:,}" if box >= 30 else "" for seen, box in zip(image["seen"], image["box"], strict=True)
        ]
        power = ""
        if "k" in image:
            k = np.array(image["k"])
            within = k < 0.2
            ratio = np.sum(np.array(image["power_seen"])[within]) / np.sum(np.array(image["power_box"])[within])
            power = fixed(ratio, 3)
        yield row(f"{image['redshift']:g}", *ratios[:3], power)


@claims("docs/light_cones.md")
def errors_of_the_table():
    for kind, errors in results("light_cone_agreement_128")["table"].items():
        sizes = [percent(each["rms"], 2) for each in errors]
        yield f"{kind}`: {', '.join(sizes[:-1])} and {sizes[-1]} at redshift "
