"""Dark energy of w0 and wa against CAMB, colossus and closed forms; LambdaCDM as it was; neutrinos are refused."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from colossus.cosmology import cosmology as colossus
from scipy.integrate import solve_ivp
from scipy.special import hyp2f1

from halonet.cosmology import (
    compute_power_spectrum,
    cosmology_of,
    expansion_rate,
    friction,
    growth_factor,
    growth_rate,
    hubble_rate,
    sigma_of_radius,
    use_in_colossus,
)
from halonet.dark_energy import density_ratio, equation_of_state, second_order_ratio
from halonet.dataset.normalisation import Normalisation
from halonet.initial_conditions.displacement import second_order_coefficient
from halonet.n_body.growth import Growth
from halonet.network.validity import departures
from halonet.peak_patch.collapse import CollapseTable, growth_table, read_collapse_table, solve_collapse_table
from halonet.peak_patch.collapse import write_collapse_table as write_table
from halonet.peak_patch.integration import converged_collapse
from halonet.plausibility.spectrum import shape_without_wiggles
from halonet.settings import CosmologySettings, SettingsError, load_settings, validate
from halonet.storage import StorageError, read_header

ROOT = Path(__file__).parents[1]
PAPER = CosmologySettings()
QUINTESSENCE = CosmologySettings(w0=-0.8, wa=0.0)
CROSSING = CosmologySettings(w0=-0.7, wa=-1.0)  # below -1 in the past, as DESI's fits
REDSHIFTS = np.array([0.0, 0.5, 1.0, 3.0])


@pytest.mark.parametrize("cosmology", [QUINTESSENCE, CROSSING], ids=["w = -0.8", "w0 wa"])
def test_growth_and_expansion_are_cambs_but_for_radiation(cosmology):
    camb = pytest.importorskip("camb")
    densities = {"ombh2": cosmology.omega_b * 0.49, "omch2": cosmology.omega_cdm * 0.49, "mnu": 0}
    dark = {"dark_energy_model": "ppf", "w": cosmology.w0, "wa": cosmology.wa}
    parameters = camb.set_params(H0=70, **densities, **dark, num_massive_neutrinos=0, As=2e-9, ns=0.96)
    parameters.set_matter_power(redshifts=list(REDSHIFTS[::-1]), kmax=5)
    results = camb.get_results(parameters)
    sigma8, rate = results.get_sigma8()[::-1], results.get_fsigma8()[::-1]
    # Radiation, which is left out here, slows growth by as much in LambdaCDM: 5e-4 to redshift 3.
    found = np.array([growth_factor(cosmology, z) for z in REDSHIFTS])
    np.testing.assert_allclose(found, sigma8 / sigma8[0], rtol=6e-4)
    np.testing.assert_allclose([growth_rate(cosmology, z) for z in REDSHIFTS], rate / sigma8, rtol=1e-3)
    np.testing.assert_allclose(
        [hubble_rate(cosmology, z) for z in REDSHIFTS], results.hubble_parameter(REDSHIFTS), rtol=8e-4
    )
    assert abs(found[2] / growth_factor(PAPER, 1.0) - 1) > 0.004  # which a cosmological constant does not give


@pytest.mark.parametrize("w", [-0.5, -0.8, -1.2, -1.9])
def test_growth_of_constant_w_is_the_hypergeometric_function(w):
    """Silveira & Waga (1994), exact for flat universes of matter and smooth dark energy."""
    cosmology = CosmologySettings(w0=w)
    for redshift in (0.3, 2.0, 20.0):
        modes = []
        for a in (1.0, 1 / (1 + redshift)):
            x = -3 * a ** (-3 * w)  # (1 - Om) / Om = 3
            modes.append(a * hyp2f1(-1 / (3 * w), (w - 1) / (2 * w), 1 - 5 / (6 * w), x))
        assert growth_factor(cosmology, redshift) == pytest.approx(modes[1] / modes[0], rel=1e-8)


def test_the_limit_of_a_constant_is_lambdacdm():
    near = CosmologySettings(w0=-1 + 1e-10)
    for function in (growth_factor, growth_rate, expansion_rate, friction):
        for redshift in (0.0, 1.0, 9.0):
            assert function(near, redshift) == pytest.approx(function(PAPER, redshift), rel=1e-8)
    assert second_order_coefficient(near, 0) == pytest.approx(second_order_coefficient(PAPER, 0), rel=3e-4)  # a fit


@pytest.mark.parametrize("cosmology", [QUINTESSENCE, CROSSING], ids=["w = -0.8", "w0 wa"])
def test_background_agrees_with_colossus(cosmology):
    use_in_colossus(cosmology)
    reference = colossus.getCurrent()
    for redshift in (0.0, 0.7, 3.0):
        assert hubble_rate(cosmology, redshift) == pytest.approx(reference.Hz(redshift), rel=1e-5)
        assert growth_factor(cosmology, redshift) == pytest.approx(reference.growthFactor(redshift), rel=1e-3)


@pytest.mark.parametrize("cosmology", [QUINTESSENCE, CROSSING], ids=["w = -0.8", "w0 wa"])
def test_simulations_kick_and_drift_by_the_equations_of_growth(cosmology):
    growth, step = Growth(cosmology), 1e-5
    for a in (0.1, 0.5, 0.9):
        e = expansion_rate(cosmology, 1 / a - 1)
        slope = (growth.first_momentum(a + step) - growth.first_momentum(a - step)) / (2 * step)
        assert slope == pytest.approx(1.5 * 0.25 * growth.first(a) / (a**2 * e), rel=1e-6)
        ratio = growth.second(a) / growth.first(a) ** 2
        assert second_order_ratio(cosmology, a) == pytest.approx(ratio, rel=1e-6)
        assert second_order_coefficient(cosmology, 1 / a - 1) == pytest.approx(-ratio, rel=1e-6)


def test_the_power_spectrum_has_the_sigma8_that_is_asked_for():
    k, power = compute_power_spectrum(CROSSING)
    assert sigma_of_radius(k, power, 8 / 0.7) == pytest.approx(0.8, rel=5e-4)
    inside = (k > 0.01) & (k < 5)  # below the horizon dark energy does not cluster, and the shape is that of matter
    np.testing.assert_allclose(power[inside], shape_without_wiggles(k[inside], PAPER), rtol=0.08)


def collapse_of_a_sphere(cosmology, overdensity, size):
    """1 + z at which a top-hat sphere has shrunk to ``size`` of the background, integrated in time (H0 = 1)."""
    first, om = 1 / (20 * overdensity), cosmology.omega_m
    growth, rate = (function(cosmology, 1 / first - 1) for function in (growth_factor, growth_rate))
    hubble = expansion_rate(cosmology, 1 / first - 1)
    radius = first * (1 - growth * overdensity / 3)
    speed = hubble * first * (1 - (1 + rate) * growth * overdensity / 3)

    def derivatives(_, state):
        a, r, v = state
        dark = (1 - om) * density_ratio(cosmology, a)
        repulsion = -(1 + 3 * equation_of_state(cosmology, a)) / 2 * dark
        return a * np.sqrt(om / a**3 + dark), v, -0.5 * om / r**2 + repulsion * r

    def shrunk(_, state):
        return state[1] - size * state[0]

    shrunk.terminal = True
    solution = solve_ivp(derivatives, (0, 5), (first, radius, speed), "DOP853", events=shrunk, rtol=1e-11, atol=1e-13)
    return 1 / solution.y_events[0][0][0]


@pytest.mark.parametrize("cosmology", [PAPER, QUINTESSENCE, CROSSING], ids=["constant", "w = -0.8", "w0 wa"])
def test_a_sphere_collapses_when_the_top_hat_of_its_background_does(cosmology):
    table, size = growth_table(cosmology), 0.05
    for overdensity in (1.8, 3.0, 6.0):
        strain = np.full(3, overdensity / 3)
        found = converged_collapse(strain, 3.0, table, np.full(3, size))
        assert found == pytest.approx(collapse_of_a_sphere(cosmology, overdensity, size), rel=2e-5)
    assert table.shape[0] == (3 if cosmology.has_constant else 5)


def test_files_and_digests_of_lambdacdm_name_no_dark_energy():
    assert set(PAPER.model_dump()) == {"h", "omega_b", "omega_cdm", "n_s", "sigma8", "redshift"}
    assert CosmologySettings(w0=-1.0, wa=0.0).model_dump_json() == PAPER.model_dump_json()
    assert CROSSING.model_dump(include={"w0", "wa", "h"}) == {"h": 0.7, "w0": -0.7, "wa": -1.0}
    assert CosmologySettings(**CROSSING.model_dump()) == CROSSING


def test_a_collapse_table_is_for_its_dark_energy_alone(tmp_path):
    made = {"values": np.zeros((2, 2, 2)), "axes": np.ones((3, 2)), "kind": "fine", "omega_m": 0.25, "omega_b": 0.043}
    for name, dark in (("constant", {}), ("w0", {"w0": -0.8})):
        write_table(tmp_path / f"{name}.h5", CollapseTable(**made, **dark), {})
    assert read_collapse_table(tmp_path / "w0.h5", QUINTESSENCE, "fine").w0 == -0.8
    with pytest.raises(StorageError, match=r"constant.h5: solved for w0 = -1.0, but the cosmology has -0.8"):
        read_collapse_table(tmp_path / "constant.h5", QUINTESSENCE, "fine")
    with pytest.raises(StorageError, match=r"w0.h5: solved for w0 = -0.8, but the cosmology has -1.0"):
        read_collapse_table(tmp_path / "w0.h5", PAPER, "fine")
    with h5py.File(tmp_path / "constant.h5") as file:
        assert not {"w0", "wa"} & set(file.attrs)


def test_the_published_table_is_refused_for_another_dark_energy_when_the_run_is_planned(tmp_path):
    with pytest.raises(SettingsError, match=r"collapse_table = 'published' with w0 = -0.7, wa = -1.*set.*'fine'"):
        solve_collapse_table(CROSSING, "published")
    (tmp_path / "mine.yaml").write_text("cosmology: {w0: -0.9}\n")
    with pytest.raises(SettingsError, match=r"collapse_table = 'published' is that of a cosmological constant.*-0.9"):
        load_settings(ROOT / "config.yaml", tmp_path / "mine.yaml")


def test_a_network_has_not_learnt_from_another_dark_energy():
    learnt = Normalisation(0.0, 3.3, 1.0, PAPER.model_dump())
    assert departures(learnt, PAPER, 1.0) == []
    assert departures(learnt, CROSSING, 1.0) == ["w0 = -0.7 (trained: -1)", "wa = -1 (trained: 0)"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"w0": 0}, "w0 = 0: Input should be less than -0.33"),
        ({"w0": -1e3}, "w0 = -1000.0: Input should be greater than or equal to -2"),
        ({"w0": "-0.9"}, "w0 = '-0.9': this is text"),
        ({"w0": True}, "w0 = True: Input should be a valid number"),
        ({"wa": 1.0}, "w0 [+] wa is 0; at most -1/3"),
        ({"w0": -0.5, "wa": 0.3}, "w0 [+] wa is -0.2; at most -1/3"),
        ({"wa": float("nan")}, "wa = nan: Input should be a finite number"),
        ({"w": -0.9}, "w = -0.9: there is no such key"),
        ({"m_nu": 0.06}, "m_nu = 0.06: massive neutrinos make growth depend on scale"),
        ({"sum_m_nu": [0, 0, 0.06]}, "sum_m_nu = .*massive neutrinos"),
        ({"mnu": "normal"}, "mnu = 'normal': massive neutrinos"),
        ({"omega_nu": float("nan")}, "omega_nu = nan: massive neutrinos"),
        ({"neutrino_mass": False}, "neutrino_mass = False: massive neutrinos"),
    ],
)
def test_what_is_not_modelled_is_refused_by_its_key_with_the_reason(values, words):
    with pytest.raises(SettingsError, match=words):
        validate(CosmologySettings, values, "mine.yaml")


def test_massless_neutrinos_may_be_named():
    assert validate(CosmologySettings, {"m_nu": 0, "h": 0.7}, "mine.yaml") == PAPER


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"M_nu": 0.06}, "m_nu = 0.06: massive neutrinos"),
        ({"Omega_nu": 0.0014}, "omega_nu = 0.0014: massive neutrinos"),
        ({"w0": -0.2}, "w0 = -0.2: Input should be less"),
        ({"w0": "phantom"}, "attribute w0: 'phantom' is no number"),
        ({"wa": np.array([0.1, 0.2])}, r"attribute wa: an array of shape \(2,\)"),
    ],
)
def test_attributes_of_a_file_are_not_passed_over(tmp_path, attributes, words):
    path = tmp_path / "own.h5"
    with h5py.File(path, "w") as file:
        file["density"], file.attrs["box_size_mpc"] = np.zeros((8, 8, 8), "f4"), 64.0
        common = {"h": 0.7, "omega_b": 0.043, "omega_cdm": 0.207, "n_s": 0.96, "sigma8": 0.8}
        file.attrs.update(common | attributes)
    with pytest.raises((SettingsError, StorageError), match=words):
        cosmology_of(read_header(path), None, path)


def test_attributes_of_dark_energy_are_taken(tmp_path, caplog):
    path = tmp_path / "own.h5"
    with h5py.File(path, "w") as file:
        file["density"], file.attrs["box_size_mpc"] = np.zeros((8, 8, 8), "f4"), 64.0
        values = {"HubbleParam": 0.7, "Omega0": 0.25, "OmegaBaryon": 0.043, "n_s": 0.96, "sigma8": 0.8}
        file.attrs.update(values | {"w_0": -0.7, "w_a": -1.0})
    assert cosmology_of(read_header(path), None, path) == CROSSING
    assert "assumed" not in caplog.text
