"""Typed settings: one model per stage, validated when the workflow starts.

``config.yaml`` is the only place where a user sets science. Every stage's script takes its own model as JSON, so that a
stage depends on nothing but what stands in its model. Lengths are comoving Mpc without h, masses solar masses.
"""

from halonet.settings.base import Model, SettingsError, stage_settings, validate
from halonet.settings.boxes import BoxCosmologiesSettings, BoxSettings
from halonet.settings.channels import ChannelSettings, ShortSimulationSettings
from halonet.settings.field_level import BiasSamplerSettings, FieldLevelSettings, PhaseSamplerSettings
from halonet.settings.galaxies import OccupationSettings
from halonet.settings.haloes import (
    DisplacementSettings,
    HaloFindingSettings,
    ShellThresholdSettings,
    SphereFitSettings,
    StatisticsSettings,
    VoteSettings,
)
from halonet.settings.light_cone import CircleSettings, LightConeSettings, LightConesSettings
from halonet.settings.mocks import MockSettings
from halonet.settings.network import (
    DatasetSettings,
    HeadSettings,
    HeadsSettings,
    NetworkSettings,
    PredictionSettings,
    TrainingSettings,
    TrainingStageSettings,
)
from halonet.settings.neural_bias import EngineLayerSettings, EngineSettings, NeuralBiasSettings, SamplerSettings
from halonet.settings.run import JobSettings, RunSettings, Settings, load_settings
from halonet.settings.simulation import (
    CosmologySettings,
    FilterBankSettings,
    GroundTruthSettings,
    NBodySettings,
    PeakPatchSettings,
    StepsSettings,
    TruthFilesSettings,
)
from halonet.settings.survey import SurveySettings
from halonet.settings.teacher import TeacherSettings

__all__ = [
    "BiasSamplerSettings",
    "BoxCosmologiesSettings",
    "BoxSettings",
    "ChannelSettings",
    "CircleSettings",
    "CosmologySettings",
    "DatasetSettings",
    "DisplacementSettings",
    "EngineLayerSettings",
    "EngineSettings",
    "FieldLevelSettings",
    "FilterBankSettings",
    "GroundTruthSettings",
    "HaloFindingSettings",
    "HeadSettings",
    "HeadsSettings",
    "JobSettings",
    "LightConeSettings",
    "LightConesSettings",
    "MockSettings",
    "Model",
    "NBodySettings",
    "NetworkSettings",
    "NeuralBiasSettings",
    "OccupationSettings",
    "PeakPatchSettings",
    "PhaseSamplerSettings",
    "PredictionSettings",
    "RunSettings",
    "SamplerSettings",
    "Settings",
    "SettingsError",
    "ShellThresholdSettings",
    "ShortSimulationSettings",
    "SphereFitSettings",
    "StatisticsSettings",
    "StepsSettings",
    "SurveySettings",
    "TeacherSettings",
    "TrainingSettings",
    "TrainingStageSettings",
    "TruthFilesSettings",
    "VoteSettings",
    "load_settings",
    "stage_settings",
    "validate",
]
