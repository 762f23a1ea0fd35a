"""Files that a run keeps beside its line of stages: bias models, mocks, the comparison of truths."""

from pathlib import Path

from halonet.figures import names as figure_names
from halonet.workflow.kept_files import KeptFiles
from halonet.workflow.layout import Layout


def truths_figures(layout: Layout) -> list[str]:
    """Figure of Peak Patch against the simulation, and its caption."""
    return [f"{layout.figures}/truths/{name}" for name in figure_names.files_of(figure_names.TRUTHS)]


def truths_of_run(layout: Layout) -> list[str]:
    """Comparison of Peak Patch with the simulation, where the truth is one; nothing elsewhere."""
    return truths_figures(layout) if layout.is_n_body else []


def neural_bias_chains(layout: Layout) -> list[str]:
    """Chains of the neural bias model."""
    return [f"{layout.neural_bias}/chain_{i}.h5" for i in range(layout.settings.neural_bias.sampler.chains)]


def neural_bias_files(layout: Layout) -> list[str]:
    """Kept files of the neural bias model; catalogues are drawn where it covers the whole box."""
    files = [f"{layout.neural_bias}/{name}" for name in ("inputs.h5", "summary.json", "arrays.h5", "model.json")]
    draws = layout.settings.neural_bias.draws if _covers_box(layout) else 0
    return files + neural_bias_chains(layout) + [f"{layout.neural_bias}/draw_{i}.h5" for i in range(draws)]


def neural_bias_figures(layout: Layout) -> list[str]:
    """Figures of the neural bias model, and their captions."""
    names = figure_names.of_neural_bias(_covers_box(layout))
    return [f"{layout.figures}/neural_bias/{file}" for file in figure_names.files_of(names)]


def neural_bias_of_run(layout: Layout) -> list[str]:
    """Kept files of the neural bias model, where the run has it."""
    return neural_bias_figures(layout) + neural_bias_files(layout) if layout.settings.run.neural_bias else []


def _covers_box(layout: Layout) -> bool:
    return layout.settings.neural_bias.engine.boundary == "wrap"


def field_level_chains(layout: Layout) -> list[str]:
    """Chains of field-level inference."""
    return [f"{layout.field_level}/chain_{i}.h5" for i in range(layout.settings.field_level.chains)]


def field_level_files(layout: Layout) -> list[str]:
    """Kept files of field-level inference."""
    chosen, folder = layout.settings.field_level, layout.field_level
    files = [f"{folder}/{name}" for name in ("inputs.h5", "summary.json", "arrays.h5")] + field_level_chains(layout)
    files += [f"{folder}/draw_{i}.h5" for i in range(chosen.draws)]
    return files + [f"{folder}/constrained/{i}/density.h5" for i in range(chosen.constrained)]


def field_level_figures(layout: Layout) -> list[str]:
    """Figures of field-level inference, and their captions."""
    return [f"{layout.figures}/field_level/{file}" for file in figure_names.files_of(figure_names.FIELD_LEVEL)]


def kept_mock_fields(layout: Layout, folder: str) -> dict[str, str]:
    """Fields of a mock in its folder, where the configuration keeps them, by their name."""
    mocks = layout.settings.mocks
    kept = {"density": mocks.keep_density, "probability": mocks.keep_probability}
    return {name: f"{folder}/{name}.h5" for name, wanted in kept.items() if wanted}


def mock_files(layout: Layout) -> list[str]:
    """Kept files of the mocks."""
    mocks, seeds = layout.settings.mocks, layout.mock_seeds
    names = ["haloes.h5", *(f"{name}.h5" for name in kept_mock_fields(layout, layout.mocks))]
    names += ["matched_haloes.h5"] if mocks.abundance_matching else []
    names += ["galaxies.h5"] if mocks.galaxies else []
    files = [f"{layout.mocks}/{seed}/{name}" for seed in seeds for name in names]
    if mocks.count > 1:
        files += [f"{layout.mocks}/{seed}/statistics.json" for seed in seeds]
        files += [f"{layout.mocks}/controls/{batch}.json" for batch in layout.control_batches]
        files += [f"{layout.mocks}/covariance.{kind}" for kind in ("json", *figure_names.FORMATS)]
        files.append(f"{layout.mocks}/mocks.html")
    return files


def light_cone_files(layout: Layout) -> list[str]:
    """Kept files of the light cones."""
    cones = layout.settings.light_cone
    seeds = range(cones.first_seed, cones.first_seed + cones.count)
    names = ["haloes.h5", *(f"shells.{kind}" for kind in ("json", *figure_names.FORMATS))]
    return [f"{layout.light_cones}/{seed}/{name}" for seed in seeds for name in names]


def mock_thresholds(layout: Layout) -> list[str]:
    """Thresholds of the mocks' network: this run's, or those that travel with it; none where there are none."""
    if layout.mock_network_is_own:
        return KeptFiles(layout).thresholds_of(layout.settings.mocks.network)
    shipped = Path(layout.mock_network) / "thresholds.json"
    return [str(shipped)] if shipped.is_file() else []


def own_mock_network(layout: Layout) -> list[str]:
    """The mocks' network and thresholds, where this run makes them."""
    if not layout.mock_network_is_own:
        return []
    return KeptFiles(layout).network(layout.settings.mocks.network) + mock_thresholds(layout)
