"""Settings of a network's teacher: knowledge distillation."""

from pydantic import Field

from halonet.settings.base import Fraction, Model
from halonet.settings.paths import GivenPath


class TeacherSettings(Model):
    """A trained network whose probabilities a smaller one learns beside the truth (Hinton et al. 2015)."""

    network: GivenPath = Field(
        description="one of `networks`, or the folder of a trained network; it predicts the training boxes"
    )
    weight: Fraction = Field(0.5, description="of its probabilities in what is learnt; the truth has the rest")
