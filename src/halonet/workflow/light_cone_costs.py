"""What a light cone costs, beside the box that it repeats."""

from halonet.settings import Settings
from halonet.sky.epochs import Epochs
from halonet.sky.region import region_of

SHARE_OF_BOX = 0.25  # of the cost of a box, what each further image of it costs


def cells_of_light_cone(settings: Settings) -> int:
    """Cells of the box that is repeated, and a part of those of all its images."""
    chosen = settings.light_cone
    region = region_of(chosen.cone, Epochs(settings.cosmology, chosen.redshift_range[1]))
    return int(chosen.cells**3 * (1 + SHARE_OF_BOX * region.volume / chosen.box_size_mpc**3))
