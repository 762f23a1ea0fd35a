"""Every figure is drawn from the pipeline's own files, says what it shows, and is the same each time."""

import numpy as np
import pytest

from halonet.figures.abundance import draw_mass_function
from halonet.figures.clustering import draw_power_spectrum
from halonet.figures.objects import draw_matching, draw_profiles
from halonet.figures.slices import Slice, _circles, draw_fields, draw_haloes, slice_through_largest
from halonet.figures.style import save
from halonet.figures.training import draw_calibration, draw_training


def draw_all(boxes, summary, thresholds, history):
    box = boxes[0]
    where = slice_through_largest(box["true"])
    fields = [where.cut(box[name]) for name in ("density", "mask", "probability")]
    return {
        "slice": draw_fields(where, *fields, 0.912),
        "haloes": draw_haloes(where, box["true"], box["found"], 0.25),
        "mass_function": draw_mass_function(summary, 100),
        "power_spectrum": draw_power_spectrum(summary, 100),
        "matching": draw_matching(summary),
        "profiles": draw_profiles(summary, thresholds),
        "training": draw_training(history),
        "calibration": draw_calibration(thresholds),
    }


def test_every_figure_is_written_as_bitmap_and_vector_and_the_same_twice(boxes, summary, thresholds, history, tmp_path):
    for attempt in ("one", "two"):
        for name, drawing in draw_all(boxes, summary, thresholds, history).items():
            save(drawing.figure, tmp_path / attempt, name)
    written = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(written) == 16
    for name in written:
        first, second = ((tmp_path / attempt / name).read_bytes() for attempt in ("one", "two"))
        assert first == second, name
        assert len(first) > 5000
        assert first.startswith(b"\x89PNG" if name.endswith("png") else b"%PDF")


def test_captions_quote_the_parameters_in_force(boxes, summary, thresholds, history):
    captions = {name: drawing.caption for name, drawing in draw_all(boxes, summary, thresholds, history).items()}
    assert "48 Mpc wide" in captions["slice"]
    assert "0.912" in captions["slice"]
    assert "25%" in captions["haloes"]
    assert "(48 Mpc)³" in captions["mass_function"]
    assert "2 test boxes" in captions["mass_function"]
    assert f"completeness {summary['matching']['completeness']['mean']:.2f}" in captions["matching"]
    assert "1,200 training steps in 2 stages" in captions["training"]
    assert f"{thresholds['peak_thresholds'][-1]:g} and a shift" in captions["calibration"]


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
