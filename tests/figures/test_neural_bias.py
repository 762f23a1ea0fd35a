"""Figures and numbers of the neural bias model, from a made-up fit."""

import copy
import re

import numpy as np
import pytest

from halonet.figures import neural_bias
from halonet.figures.neural_bias_numbers import bias_headline, bias_numbers
from halonet.figures.report import ReportedBias, ReportedNetwork, build_report
from halonet.figures.style import save
from halonet.storage import write_json

CELLS, CHAINS, SAMPLES = 8, 2, 60


def model(name, parameters, log_likelihood):
    return {"model": name, "parameters": parameters, "log_likelihood": log_likelihood, "bic": -2 * log_likelihood}


@pytest.fixture(scope="module")
def fit():
    """Summary of a fit that converged."""
    return {
        "haloes": 2345,
        "parameters": 17,
        "density_edges": [0.3, 0.6, 1.2],
        "coverage": {"68%": 0.71, "95%": 0.94},
        "predictive_coverage": 0.93,
        "multipole_response": [0.8, 0.15, 0.04, 0.01],
        "counts": {"pull": [[0.1, -1.2, 0.3]] * 4},
        "models": [
            model("global mass function", 6, -1000.0),
            model("truncated power law", 10, 2264.0),
            model("local engine, kernel 1", 14, 2400.0),
            model("engine, kernel 3", 17, 2648.0),
        ],
        "convergence": {
            "effective_samples": [700.0 + i for i in range(12)],
            "r_hat": [1.002] * 12,
            "acceptance": [0.8, 0.8],
            "divergences": 0,
        },
    }


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    rates = np.geomspace(1e-2, 1e-5, 10) * np.array([0.1, 0.3, 1, 3])[:, None]
    volumes, width = np.full(4, 1e5), np.array(0.3)
    return {
        "mass_functions/found": rng.poisson(rates * 1e5 * 0.3),
        "mass_functions/volumes": volumes,
        "mass_functions/width": width,
        "mass_functions/log_mass": 0.15 + 0.3 * np.arange(10),
        "mass_functions/samples": rates * rng.lognormal(0, 0.1, (20, 4, 1)),
        "predictive/k": np.linspace(0.1, 1, 5),
        "predictive/power": 1000 * rng.lognormal(0, 0.1, (20, 5)),
        "predictive/found_power": np.full(5, 1000.0),
        "predictive/shot_noise": np.array(500.0),
        "predictive/occupation": rng.poisson([300, 100, 30, 5, 1], (20, 5)),
        "predictive/found_occupation": np.array([310, 95, 28, 6, 0]),
        "energy": 100 + rng.gamma(8, 1, (CHAINS, SAMPLES + 20)),
        "warmup": np.array(20),
    }


@pytest.fixture(scope="module")
def figures(fit, arrays, tmp_path_factory):
    """Folder of all figures."""
    rng, folder = np.random.default_rng(1), tmp_path_factory.mktemp("bias")
    linear, summary = rng.standard_normal((2, CELLS, CELLS, CELLS))
    haloes = rng.poisson(1.0, linear.shape)
    kernels = {0: np.eye(27)[[13, 4, 1, 0]].reshape(4, 3, 3, 3), 1: np.eye(27)[[12, 5]].reshape(2, 3, 3, 3)}
    drawings = {
        "mass_functions": neural_bias.draw_mass_functions(fit, arrays, 1e12),
        "rivals": neural_bias.draw_rivals(fit),
        "fields": neural_bias.draw_engine_fields(linear, np.exp(linear), summary, haloes, 40.0),
        "predictive": neural_bias.draw_predictive(arrays),
        "chains": neural_bias.draw_chains(fit, arrays),
        "kernels": neural_bias.draw_kernels(kernels, {0: 4, 1: 9}),
    }
    for name, drawing in drawings.items():
        save(drawing.figure, folder, name)
    captions = {name: {"title": drawing.title, "caption": drawing.caption} for name, drawing in drawings.items()}
    write_json(folder / "captions.json", captions)
    return folder, captions


def test_captions_quote_what_the_figures_were_drawn_from(figures):
    _, captions = figures
    for words in ("2,345 haloes", "17 parameters", "71%", "94%", "10\u00b9\u00b2 solar masses"):
        assert words in captions["mass_functions"]["caption"]
    assert "60 transitions after a warm-up of 20" in captions["chains"]["caption"]
    assert "20 posterior samples" in captions["predictive"]["caption"]
    assert "5 Mpc" in captions["fields"]["caption"]


def test_a_field_of_a_user_without_its_initial_density_is_drawn_without_it():
    field = np.random.default_rng(0).standard_normal((CELLS,) * 3)
    drawing = neural_bias.draw_engine_fields(None, np.exp(field), field, np.ones((CELLS,) * 3), 40.0)
    titles = [axis.get_title() for axis in drawing.figure.axes]
    assert not any("Initial" in title for title in titles)


def test_the_report_shows_the_neural_bias_model_where_the_run_has_it(figures, fit, summary, tmp_path):
    folder, _ = figures
    for name in ("slice", "mass_function"):
        (tmp_path / f"{name}.png").write_bytes(b"png")
    write_json(tmp_path / "captions.json", {n: {"title": n, "caption": n} for n in ("slice", "mass_function")})
    networks = [ReportedNetwork("small", summary, tmp_path, None)]
    page = build_report("t", networks, {}, ReportedBias(fit, folder))
    section = page.split('<section id="neural-bias">')[1].split("</section>")[0]
    assert len(re.findall("<img", section)) == 6
    assert bias_headline(fit) in section.replace("&#x27;", "'")
    assert 'href="#neural-bias"' in page
    assert "neural-bias" not in build_report("t", networks, {}).split("</style>")[1]


def verdict(fit, name):
    return next(row for row in bias_numbers(fit) if row.name.startswith(name)).verdict


def test_numbers_of_chains_and_counts_are_judged(fit):
    assert [verdict(fit, name) for name in ("Largest deviation", "Effective", "R-hat")] == ["good"] * 3
    bad = copy.deepcopy(fit)
    bad["counts"]["pull"][2][1] = -5.0
    bad["convergence"] |= {"r_hat": [1.0] * 11 + [1.2], "effective_samples": [30.0] * 12}
    assert [verdict(bad, name) for name in ("Largest deviation", "Effective", "R-hat")] == ["poor"] * 3


def test_gains_are_those_of_the_best_engine_over_the_other_models(fit):
    rows = {row.name: row for row in bias_numbers(fit)}
    assert rows["ln L above truncated power law"].value == "384"
    assert rows["ln L above local engine, kernel 1"].value == "248"
    assert "BIC lower by 768" in rows["ln L above truncated power law"].meaning
    assert "3,648" in bias_headline(fit)
    assert "3,264" in bias_headline(fit)
