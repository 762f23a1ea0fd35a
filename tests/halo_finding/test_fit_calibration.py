"""Constants of the sphere fit chosen on boxes of known truth, and their way into the halo finder."""

import json
from dataclasses import replace

import numpy as np
import pytest

from halonet.halo_finding.calibration_boxes import CalibrationBox
from halonet.halo_finding.constants import thresholds_in_force
from halonet.halo_finding.fitted.calibration import (
    LISTS,
    OWN_FRACTIONS,
    REACHES,
    FitConstants,
    calibrate_fit,
)
from halonet.halo_finding.fitted.sphere_fit import fit_spheres
from halonet.halo_finding.haloes import to_catalogue
from halonet.halo_finding.paper.search import find_haloes
from halonet.halo_finding.score import ABUNDANCE_CUTS, Agreement, best_of
from halonet.matching import completeness_and_purity, match_haloes
from halonet.settings import (
    CosmologySettings,
    HaloFindingSettings,
    SettingsError,
    ShellThresholdSettings,
    SphereFitSettings,
)

COSMOLOGY = CosmologySettings()
HALF = ShellThresholdSettings(inner_slope=0, inner_value=0.5, outer_slope=0, outer_value=0.5)
CHOICES = {"peak_thresholds": LISTS, "own_fraction": OWN_FRACTIONS, "reach": REACHES}


def settings_with(peak_thresholds="calibrated", own_fraction="calibrated", reach="calibrated"):
    fit = {"own_fraction": own_fraction, "reach": reach, "rounds": 3}
    return HaloFindingSettings(finder="fitted", peak_thresholds=peak_thresholds, sphere_fit=fit)


def calibrate(box, settings):
    return calibrate_fit(lambda: iter([box]), HALF, settings, COSMOLOGY)


@pytest.fixture(scope="module")
def blurred(box):
    """A network's view: every halo of ``box`` washed out, its neighbourhood sprinkled with splinters."""
    random = np.random.default_rng(3)
    probability = box.probability.copy()
    for centre in random.integers(0, 64, (80, 3)):
        x, y, z = np.ogrid[-2:3, -2:3, -2:3]
        corner = tuple(np.ix_(*((c + np.arange(-2, 3)) % 64 for c in centre)))
        probability[corner] = np.maximum(probability[corner], np.where(x**2 + y**2 + z**2 < 5, 0.85, 0))
    return CalibrationBox(probability.astype(np.float32), box.true)


@pytest.fixture(scope="module")
def results(blurred):
    return calibrate(blurred, settings_with())


def test_the_search_ends_where_no_change_of_one_constant_is_for_the_better(results):
    chosen = best_of(results)
    for name, values in CHOICES.items():
        for value in values:
            assert results[replace(chosen, **{name: value})].agreement <= results[chosen].agreement


def test_each_trial_is_judged_by_the_fitted_haloes_it_gives(blurred, results):
    for trial in (next(iter(results)), best_of(results)):
        found = find_haloes(blurred.probability, trial.peak_thresholds, HALF)
        fit = SphereFitSettings(own_fraction=trial.own_fraction, reach=trial.reach, rounds=3)
        fitted = fit_spheres(blurred.probability, found, fit, HaloFindingSettings().minimum_cells)
        catalogue = to_catalogue(fitted, 64, blurred.true.header, COSMOLOGY, 1)
        expected = completeness_and_purity(blurred.true, catalogue, match_haloes(blurred.true, catalogue), 100)
        assert (results[trial].completeness, results[trial].purity) == pytest.approx(expected)
        numbers = [
            [(haloes["cells"] >= cut).sum() for cut in 100 * ABUNDANCE_CUTS] for haloes in (blurred.true, catalogue)
        ]
        true, above = np.maximum(numbers, 0.5)
        assert results[trial].abundance_error == pytest.approx(np.abs(np.log(above / true)).mean())


def test_the_constants_of_best_agreement_weigh_matches_against_the_mass_function():
    trials = [FitConstants((0.9,), fraction, 1.5) for fraction in (0.5, 0.6, 0.7)]
    measured = [Agreement(0.9, 0.9, 0.1), Agreement(0.88, 0.88, 0.02), Agreement(0.8, 0.8, 0.0)]
    assert best_of(dict(zip(trials, measured, strict=True))) == trials[1]


def test_what_the_settings_fix_is_not_varied(blurred):
    results = calibrate(blurred, settings_with(peak_thresholds=[0.95, 0.7], own_fraction=0.4))
    assert {(trial.peak_thresholds, trial.own_fraction) for trial in results} == {((0.95, 0.7), 0.4)}
    assert {trial.reach for trial in results} == set(REACHES)


def test_a_network_that_sees_no_halo_still_ends_the_search(box):
    nothing = CalibrationBox(np.full_like(box.probability, 0.1), box.true)
    results = calibrate(nothing, settings_with())
    assert results[best_of(results)].completeness == 0


def test_calibrated_constants_are_taken_from_the_file_and_fixed_ones_from_the_settings(tmp_path):
    fit = {"own_fraction": 0.55, "reach": 1.35, "rounds": 9}
    record = {"peak_thresholds": [0.9], "shell_threshold": HALF.model_dump(), "sphere_fit": fit}
    (tmp_path / "thresholds.json").write_text(json.dumps(record))
    taken = thresholds_in_force(settings_with(own_fraction=0.7), tmp_path / "thresholds.json")
    assert taken.peak == [0.9]
    assert taken.fit == SphereFitSettings(own_fraction=0.7, reach=1.35, rounds=3)
    assert taken.shell == ShellThresholdSettings()


def test_constants_that_a_thresholds_file_does_not_hold_are_named(tmp_path):
    record = {"peak_thresholds": [0.9], "sphere_fit": {"own_fraction": 0.55}}
    (tmp_path / "thresholds.json").write_text(json.dumps(record))
    with pytest.raises(SettingsError, match=r"sphere_fit\.reach missing"):
        thresholds_in_force(settings_with(), tmp_path / "thresholds.json")


def test_without_a_file_calibrated_constants_are_refused():
    with pytest.raises(SettingsError, match="a file of --thresholds is needed"):
        thresholds_in_force(settings_with(), None)
    assert thresholds_in_force(HaloFindingSettings(finder="fitted"), None).fit == SphereFitSettings()
