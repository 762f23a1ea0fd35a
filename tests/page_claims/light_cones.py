"""Light cones: docs/light_cones.md."""

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
