"""Names of all figures, in one place: what the workflow plans and what scripts draw."""

FORMATS = ("png", "pdf")
CAPTIONS = "captions.json"
CATALOGUE = (
    "slice",
    "haloes",
    "mass_function",
    "differential_mass_function",
    "power_spectrum",
    "eulerian_power_spectrum",
    "correlation_function",
    "roc",
    "matching",
    "shapes",
    "profiles",
    "training",
    "network",
)
CALIBRATION = ("calibration",)  # of a catalogue whose finder was calibrated
NEURAL_BIAS = ("mass_functions", "rivals", "fields", "predictive", "chains", "kernels")
FIELD_LEVEL = ("recovery", "maps", "spectra", "chains", "predictive", "flow")
TRUTHS = ("truths",)


def files_of(names: tuple[str, ...]) -> list[str]:
    """Files of some figures that stand in one folder, and of their captions."""
    return [f"{name}.{kind}" for name in names for kind in FORMATS] + [CAPTIONS]


def of_catalogue(calibrated: bool) -> tuple[str, ...]:
    """Names of the figures of a catalogue."""
    return CATALOGUE + CALIBRATION if calibrated else CATALOGUE


def of_neural_bias(whole_box: bool) -> tuple[str, ...]:
    """Names of the figures of the neural bias model; catalogues are drawn from it where it covers the whole box."""
    return tuple(name for name in NEURAL_BIAS if whole_box or name != "predictive")
