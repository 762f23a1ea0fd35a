"""Every figure is drawn from the pipeline's own files, says what it shows, and is the same each time."""

import json
from pathlib import Path

import numpy as np
import pytest

from halonet.cosmology import WAVENUMBERS
from halonet.dataset.targets import find_membership
from halonet.figures import style
from halonet.figures.abundance import draw_differential_mass_function, draw_mass_function
from halonet.figures.architecture import draw_network, outline_of
from halonet.figures.classification import draw_roc
from halonet.figures.clustering import draw_correlation, draw_power_spectrum
from halonet.figures.key_numbers import key_numbers
from halonet.figures.limit import LIMIT, limit_for
from halonet.figures.objects import draw_matching, draw_profiles
from halonet.figures.shapes import draw_shapes
from halonet.figures.slices import Slice, _circles, draw_fields, draw_haloes, slice_through_largest
from halonet.figures.style import save
from halonet.figures.training import draw_calibration, draw_training
from halonet.settings import CosmologySettings, NetworkSettings, StatisticsSettings, TrainingStageSettings
from halonet.statistics.box import measure_box
from halonet.statistics.summary import summarise

ROOT = Path(__file__).parents[2]
LAYOUT = [
    ("level0_in/kernel", (5, 5, 5, 1, 4)), ("level0_in/bias", (4,)),
    ("level1_down/kernel", (2, 2, 2, 4, 8)), ("level1_in_convolution_1/kernel", (5, 5, 5, 8, 8)),
    ("level2_down/kernel", (2, 2, 2, 8, 16)), ("level2_out_convolution_1/kernel", (5, 5, 5, 16, 16)),
    ("level1_up/kernel", (2, 2, 2, 8, 16)), ("level1_out_convolution_1/kernel", (5, 5, 5, 16, 8)),
    ("level1_out_convolution_2/kernel", (5, 5, 5, 8, 8)), ("level0_up/kernel", (2, 2, 2, 4, 8)),
    ("level0_out/kernel", (5, 5, 5, 8, 4)), ("level0_out_shortcut/kernel", (1, 1, 1, 8, 4)),
    ("head/kernel", (1, 1, 1, 4, 2)),
]  # fmt: skip


def draw_all(boxes, summary, thresholds, fit_thresholds, vote_thresholds, history):
    box = boxes[0]
    where = slice_through_largest(box["true"])
    fields = [where.cut(box[name]) for name in ("density", "mask", "probability")]
    return {
        "slice": draw_fields(where, *fields, 0.912),
        "haloes": draw_haloes(where, box["true"], box["found"], 0.25),
        "mass_function": draw_mass_function(summary, 100),
        "differential_mass_function": draw_differential_mass_function(summary, 100),
        "power_spectrum": draw_power_spectrum(summary, 100),
        "eulerian_power_spectrum": draw_power_spectrum(summary, 100, "eulerian"),
        "correlation_function": draw_correlation(summary, 100),
        "roc": draw_roc(summary),
        "shapes": draw_shapes(summary),
        "network": draw_network(outline_of(LAYOUT, 64, "vnet"), "two-level"),
        "matching": draw_matching(summary),
        "profiles": draw_profiles(summary, thresholds),
        "training": draw_training(history),
        "calibration": draw_calibration(thresholds),
        "fit_calibration": draw_calibration(fit_thresholds),
        "vote_calibration": draw_calibration(vote_thresholds),
    }


def test_every_figure_is_written_as_bitmap_and_vector_and_the_same_twice(
    boxes, summary, thresholds, fit_thresholds, vote_thresholds, history, tmp_path, monkeypatch
):
    monkeypatch.setattr(style, "DPI", 60)  # as good for this, and faster
    drawings = draw_all(boxes, summary, thresholds, fit_thresholds, vote_thresholds, history)
    for name, drawing in drawings.items():
        save(drawing.figure, tmp_path / "one", name)
    again = {"power_spectrum": draw_power_spectrum(summary, 100), "calibration": draw_calibration(thresholds)}
    for name, drawing in again.items():
        save(drawing.figure, tmp_path / "two", name)
    written = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(written) == 2 * len(drawings)
    for name in written:
        first = (tmp_path / "one" / name).read_bytes()
        assert len(first) > 5000
        assert first.startswith(b"\x89PNG" if name.endswith("png") else b"%PDF")
        if Path(name).stem in again:
            assert first == (tmp_path / "two" / name).read_bytes(), name


def test_a_calibration_is_drawn_with_the_score_that_chose(vote_thresholds):
    lesser = vote_thresholds | {"chosen": vote_thresholds["chosen"] | {"lesser": True}}
    for thresholds, words in ((vote_thresholds, "harmonic mean of"), (lesser, "lesser of")):
        (axes,) = draw_calibration(thresholds).figure.axes
        assert axes.get_xlabel() == f"{words} completeness and purity"


def test_captions_quote_the_parameters_in_force(boxes, summary, thresholds, fit_thresholds, vote_thresholds, history):
    drawings = draw_all(boxes, summary, thresholds, fit_thresholds, vote_thresholds, history)
    captions = {name: drawing.caption for name, drawing in drawings.items()}
    assert "48 Mpc wide" in captions["slice"]
    assert "0.912" in captions["slice"]
    assert "25%" in captions["haloes"]
    assert "(48 Mpc)³" in captions["mass_function"]
    assert "2 test boxes" in captions["mass_function"]
    assert f"completeness {summary['matching']['completeness']['mean']:.2f}" in captions["matching"]
    assert "(48 Mpc)³" in captions["correlation_function"]
    assert "in bins of 0.2 dex" in captions["differential_mass_function"]
    assert "(Eulerian); predicted ones are moved" in captions["eulerian_power_spectrum"]
    galaxies = next(curve for curve in summary["roc"]["classes"] if curve["name"] == "galaxies")
    assert f"galaxies 3.2 \u00d7 10¹² to 10¹³ ({galaxies['haloes']:,})" in captions["roc"]
    assert "inner below 0.3, middle to 0.6" in captions["roc"]
    assert "of 2 test boxes" in captions["shapes"]
    assert "two-level (vnet)" in captions["network"]
    assert "1,200 training steps in 2 stages" in captions["training"]
    assert f"{thresholds['peak_thresholds'][-1]:g} and a shift" in captions["calibration"]
    assert f"own fraction {fit_thresholds['sphere_fit']['own_fraction']:g} and" in captions["fit_calibration"]
    assert "least votes 0.6, volume weight 1, volume factor 1.2," in captions["vote_calibration"]
    assert "volume slope 0.95, large volume slope 1.05 (" in captions["vote_calibration"]
    assert "less what clustering is off by too much (here by 2.1%), is taken" in captions["vote_calibration"]
    assert "the largest difference of the two criteria is taken" in captions["fit_calibration"]


def test_the_curves_of_the_mass_function_are_the_counts_of_the_summary(summary):
    figure = draw_mass_function(summary, 100).figure
    curves = {line.get_label(): line for line in figure.axes[0].get_lines()}
    counts = np.array(summary["mass_function"]["found"])
    expected = counts[counts > 0] / (2 * 48.0**3)
    np.testing.assert_allclose(curves["HaloNet (predicted)"].get_ydata(), expected)
    assert any("Tinker" in label for label in curves)
    assert any("Press" in label for label in curves)


def test_a_mass_function_that_misses_entirely_is_in_sight(summary):
    counts = summary["mass_function"]
    nothing = summary | {"mass_function": counts | {"found": [0] * len(counts["found"])}}
    lowest, highest = draw_mass_function(nothing, 100).figure.axes[1].get_ylim()
    assert lowest < 0 < highest
    lowest, highest = draw_mass_function(summary, 100).figure.axes[1].get_ylim()
    assert (lowest, highest) == (0.4, 1.6)


def test_shot_noise_stands_beside_the_spectra(summary):
    figure = draw_power_spectrum(summary, 100).figure
    cut = summary["power_spectrum"]["cuts"][-1]
    levels = [line.get_ydata()[0] for line in figure.axes[0].get_lines() if line.get_linestyle() == ":"]
    assert 48.0**3 * 2 / cut["true"] in levels


def test_profiles_can_be_drawn_where_thresholds_were_not_calibrated(summary):
    assert len(draw_profiles(summary, None).figure.axes) == 2


@pytest.fixture(scope="module")
def simulated(boxes):
    """Summary of a box whose haloes are known cell by cell, as those of a simulation are."""
    box, settings = boxes[0], StatisticsSettings()
    owners = find_membership(box["true"]).rows
    fields = (box[name] for name in ("mask", "probability", "true", "found"))
    power = 2e4 * (WAVENUMBERS / 0.02) / (1 + (WAVENUMBERS / 0.02) ** 2.5)
    return summarise([measure_box(*fields, settings, owners=owners)], CosmologySettings(), WAVENUMBERS, power)


def curve(ax, label):
    (line,) = (line for line in ax.get_lines() if line.get_label() == label)
    return line.get_ydata()


def test_matched_fractions_of_a_simulation_are_drawn_by_shared_cells_beside_the_limit_too(simulated, summary):
    drawing = draw_matching(simulated)
    shared, true = simulated["shared_cells"], np.array(simulated["matching"]["true"])
    seen = true >= 5
    expected = np.array(shared["true_matched"])[seen] / true[seen]
    np.testing.assert_allclose(curve(drawing.figure.axes[0], "completeness by shared cells"), expected)
    np.testing.assert_allclose(curve(drawing.figure.axes[0], "limit of purity"), LIMIT.purity)
    assert f"completeness {shared['completeness']['mean']:.2f}" in drawing.caption.split("Dash-dotted")[1]
    assert "Limit of knowability" in drawing.caption
    assert "Limit" not in draw_matching(summary).caption


def test_profiles_of_a_simulation_are_drawn_from_boundaries_too(simulated, thresholds):
    drawing = draw_profiles(simulated, thresholds)
    panels = drawing.figure.axes
    assert len(panels) == 4
    stack = next(stack for stack in simulated["boundary_profiles"] if stack["haloes"])
    known = [value for value in stack["mean"] if value is not None]
    np.testing.assert_allclose(panels[2].get_lines()[0].get_ydata(), known)
    assert panels[3].get_xlabel() == "halo radius (cells)"
    assert "from the boundary of the true protohalo" in drawing.caption


def test_the_limit_stands_in_the_training_curve_and_the_key_numbers_of_simulations_of_such_cells_alone(
    simulated, summary, history
):
    drawing = draw_training(history, limit_for(simulated))
    assert set(curve(drawing.figure.axes[0], "limit of knowability")) == {LIMIT.dice}
    assert f"{LIMIT.dice:.3f}" in drawing.caption
    assert "imit" not in draw_training(history, limit_for(summary)).caption
    assert f"limit {LIMIT.dice:.3f}" in key_numbers(simulated)[0].reference
    assert "limit" not in key_numbers(summary)[0].reference
    for other in ({"box_size_mpc": 96.0}, {"redshift": 1.0}):
        assert limit_for(simulated | {"box": simulated["box"] | other}) is None


def test_the_limit_is_the_one_that_was_measured():
    measured = json.loads((ROOT / "benchmarks/results/n_body_128.json").read_text())["parts"]["limit"]
    assert measured["cells"] == 64  # in (64 Mpc)^3: cells of 1 Mpc
    found = measured["two completions"]
    assert pytest.approx(found["dice"], abs=5e-4) == LIMIT.dice
    assert pytest.approx(found["dice of halo cells"], abs=5e-4) == LIMIT.halo_cells
    objects = found["completeness and purity above"]
    assert tuple(map(int, objects)) == LIMIT.cells
    np.testing.assert_allclose(list(objects.values()), np.transpose([LIMIT.completeness, LIMIT.purity]), atol=5e-4)


def test_the_slice_runs_through_the_most_massive_halo(boxes):
    true = boxes[0]["true"]
    where = slice_through_largest(true)
    largest = true.positions()[np.argmax(true["mass"])]
    assert where.plane == int(largest[2])
    assert (where.corner, where.width) == ((0, 0), 48)


def test_a_window_beyond_the_face_of_the_box_continues_periodically():
    field = np.arange(512.0).reshape(8, 8, 8)
    window = Slice((-2, 6), 3, 4, 8, 1.0).cut(field)
    np.testing.assert_array_equal(window, np.roll(field[:, :, 3], (2, 2), (0, 1))[:4, :4])


def test_a_plane_cuts_a_sphere_in_a_circle_and_its_periodic_images(make_catalogue):
    haloes = make_catalogue([(24, 24, 20), (0, 24, 24), (10, 10, 40)], [5.0, 3.0, 4.0])
    circles = _circles(Slice((0, 0), 23, 48, 48, 1.0), haloes)
    shown = sorted((round(c.center[0], 3), round(c.center[1], 3), round(c.radius, 3)) for c in circles)
    assert shown == [(0.5, 24.5, 2.828), (24.5, 24.5, 4.0), (48.5, 24.5, 2.828)]


@pytest.mark.parametrize("name", ["ratio", "correlation"])
def test_a_box_without_predicted_haloes_can_still_be_drawn(summary, name):
    cut = summary["power_spectrum"]["cuts"][-1]
    empty = cut | {"ratio": None, "correlation": None, "power_true": None, "power_found": None}
    nothing = summary | {"power_spectrum": summary["power_spectrum"] | {"cuts": [empty]}}
    assert empty[name] is None
    assert len(draw_power_spectrum(nothing, 100).figure.axes) == 3


def test_a_network_is_drawn_with_the_sizes_and_channels_of_its_layers():
    outline = outline_of(LAYOUT, 64, "vnet")
    blocks = {(block.level, block.side): (block.channels, block.convolutions) for block in outline.blocks}
    assert blocks == {
        (0, "descent"): (4, [5]),
        (1, "descent"): (8, [5]),
        (2, "bottom"): (16, [5]),
        (1, "ascent"): (8, [5, 5]),
        (0, "ascent"): (4, [5]),
    }
    assert (outline.inputs, outline.outputs) == (1, 2)
    assert outline.weights == sum(np.prod(shape) for _, shape in LAYOUT)
    text = {item.get_text() for item in draw_network(outline, "n").figure.axes[0].texts}
    assert {"64³ \u00d7 4", "32³ \u00d7 8", "16³ \u00d7 16", "2 convolutions 5³", "density: 64³ \u00d7 1"} <= text


def test_heads_are_outputs_of_a_network_and_none_of_its_levels():
    heads = [("log_radius_features/kernel", (5, 5, 5, 4, 4)), ("log_radius/kernel", (1, 1, 1, 4, 1))]
    with_heads, without = outline_of([*LAYOUT, *heads], 64, "vnet"), outline_of(LAYOUT, 64, "vnet")
    assert with_heads.blocks == without.blocks
    assert with_heads.outputs == 3
    text = {item.get_text() for item in draw_network(with_heads, "n").figure.axes[0].texts}
    assert "probability and heads: 64³ \u00d7 3" in text


@pytest.mark.parametrize("settings", [{"architecture": "vnet", "levels": 3}, {"architecture": "unet", "levels": 3}])
def test_every_layer_with_weights_is_in_the_outline(settings):
    from halonet.network.build import build_network, weight_layout

    stage = TrainingStageSettings(learning_rate=0.1, steps=1)
    settings = NetworkSettings(filters=4, kernel=3, window=32, stages=[stage], **settings)
    model = build_network(settings)
    outline = outline_of(weight_layout(model), 32, settings.architecture)
    assert outline.weights == model.count_params()
    assert len(outline.blocks) == 2 * settings.levels + (settings.architecture == "vnet")
    drawn = sum(len(block.convolutions) + block.resampling for block in outline.blocks)
    kernels = [weight.path for weight in model.weights if weight.path.endswith("kernel")]
    assert drawn == sum("head" not in path and "shortcut" not in path for path in kernels)


def test_the_curves_of_the_roc_are_those_of_the_summary_and_a_class_without_cells_is_named(summary):
    roc = summary["roc"]
    figure = draw_roc(summary).figure
    for ax, kind in zip(figure.axes, ("mass", "radius"), strict=True):
        labels = {line.get_label().split(":")[0]: line for line in ax.get_lines()}
        for curve in (curve for curve in roc["classes"] if curve["by"] == kind):
            if curve["tpr"]:
                np.testing.assert_allclose(labels[curve["name"]].get_ydata(), curve["tpr"]["mean"])
            else:
                assert f"{curve['name']}: none in these boxes" in [line.get_label() for line in ax.get_lines()]
    assert any(curve["tpr"] is None for curve in roc["classes"])


def test_differential_counts_are_the_steps_of_the_cumulative_ones(summary):
    counts, differential = summary["mass_function"], summary["mass_function"]["differential"]
    for name in ("true", "found", "tinker_2008"):
        above = np.interp(differential["cells"], counts["cells"], counts[name])
        np.testing.assert_allclose(differential[name], -np.diff(above), rtol=1e-6, atol=1e-9)


def test_the_correlation_function_of_boxes_without_eulerian_positions_has_one_panel(summary):
    function = summary["correlation_function"]
    alone = summary | {"correlation_function": function | {"eulerian": None}}
    assert len(draw_correlation(summary, 100).figure.axes) == 2
    assert len(draw_correlation(alone, 100).figure.axes) == 1


@pytest.mark.parametrize("radii", [[], [1.9, 1.9, 2.0]])
def test_a_box_of_hardly_any_halo_in_which_none_was_found_can_be_drawn(make_catalogue, boxes, radii):
    true = make_catalogue(np.array([[5, 5, 5], [5, 5, 20], [30, 30, 30]])[: len(radii)], radii)
    box = measure_box(
        np.zeros_like(boxes[0]["mask"]), boxes[0]["probability"], true, true.select(slice(0)), StatisticsSettings(),
        boxes[0]["density"],
    )  # fmt: skip
    k = np.geomspace(1e-3, 10, 50)
    summary = summarise([box], CosmologySettings(), k, 1e4 / (1 + (k / 0.02) ** 2))
    for draw in (draw_mass_function, draw_differential_mass_function, draw_power_spectrum, draw_correlation):
        draw(summary, 100).figure.draw_without_rendering()
    for draw in (draw_roc, draw_shapes, draw_matching):
        draw(summary).figure.draw_without_rendering()
