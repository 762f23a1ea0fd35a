"""A mock by simulation is the truth that the workflow makes of the same density."""

import numpy as np
import pytest

from halonet.catalogue import read_catalogue
from halonet.mocks.methods import mock_by
from halonet.mocks.request import MockRequest
from halonet.settings import NBodySettings, SettingsError
from halonet.storage import read_field

SETTINGS = NBodySettings(steps=6, minimum_cells=8)


def test_a_mock_by_simulation_has_the_haloes_and_the_mask_of_the_workflows_scripts(tmp_path, run_script):
    kept = {name: tmp_path / f"{name}.h5" for name in ("density", "mask")}
    mock = mock_by("n_body", MockRequest(seed=3, cells=32, n_body=SETTINGS, keep=kept, threads=1)).make()
    settings = SETTINGS.model_dump_json()
    particles, owners = tmp_path / "particles.h5", tmp_path / "owners.h5"
    run_script(
        "simulate_n_body", "--density", kept["density"], "--particles", particles, "--settings", settings, ranks=2
    )
    made = {name: tmp_path / f"made_{name}.h5" for name in ("haloes", "mask")}
    run_script(
        "find_n_body_haloes", "--particles", particles, "--settings", settings, "--owners", owners,
        "--haloes", made["haloes"], "--mask", made["mask"],
    )  # fmt: skip
    haloes = read_catalogue(made["haloes"])
    assert len(haloes) > 10
    assert set(haloes.columns) == set(mock.columns)
    for name, values in haloes.columns.items():
        np.testing.assert_array_equal(mock[name], values, err_msg=name)
    np.testing.assert_array_equal(read_field(kept["mask"], "mask"), read_field(made["mask"], "mask"))


@pytest.mark.parametrize(
    ("method", "field"), [("n_body", "probability"), ("peak_patch", "probability"), ("network", "mask")]
)
def test_a_field_that_a_method_does_not_make_is_refused_before_it_begins(method, field, tmp_path):
    with pytest.raises(SettingsError, match=f"'{method}' has no {field} to keep"):
        mock_by(method, MockRequest(seed=3, cells=32, keep={field: tmp_path / "field.h5"}))


def test_settings_of_a_simulation_are_refused_by_another_method():
    with pytest.raises(SettingsError, match=r"n_body = .* is for the method 'n_body'"):
        mock_by("peak_patch", MockRequest(seed=3, n_body=SETTINGS))
