"""Simulation-based calibration; `python -m pytest -m slow` runs it, some 15 minutes on two cores."""

import json
import subprocess
import sys

import pytest
from checkout import ROOT


@pytest.mark.slow
def test_true_parameters_rank_uniformly_among_posterior_draws(tmp_path):
    script = ROOT / "benchmarks" / "neural_bias.py"
    command = [sys.executable, script, "calibration", "--folder", tmp_path, "--output", tmp_path, "--replicates", "100"]
    subprocess.run(list(map(str, command)), check=True)
    result = json.loads((tmp_path / "neural_bias_calibration.json").read_text())
    assert result["replicates"] == 100
    # The smallest of 19 probabilities falls below this once in a hundred times.
    assert result["smallest_p"] > 0.01 / 19
