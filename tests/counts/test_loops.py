"""Cells that the loops over candidates and haloes look at: a slow-down shows without a clock.

Limits are hardly above what is read today. Whoever reads less may lower them; whoever needs more must say why.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LIMITS = {
    # Six neighbours, each of them once.
    "flood, probabilities read for a cell of a region": 6.0,
    # Those of the halo, and of the shell that is no longer part of it; cells of earlier haloes are not read.
    "growth, probabilities read for a cell of a halo": 1.1,
    # Own cells once a round; of the haloes that are dropped on the way, too.
    "fit, probabilities read for a cell of a halo": 2.5,
    # Out to `reach` radii: 1.45^3 = 3.05 times the volume.
    "fit, cells claimed for a cell of a halo": 2.95,
    "candidates examined for 1000 cells": 3.2,
    # The sphere within 1.75 filter radii holds 180 to 515 cells and is summed once, and no farther than it matters.
    "densities read for a candidate": 240,
    # Shells next to those that are tested, not the whole sphere.
    "displacements read for a candidate": 70,
    # 123 and 515 cells, the volume of the spheres.
    "cells read for a mean within radii of 3 and 5 cells": 123 + 515,
}


@pytest.fixture(scope="module")
def counted():
    script = Path(__file__).with_name("counted_loops.py")
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    process = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment)
    assert not process.returncode, process.stderr
    return json.loads(process.stdout)


@pytest.mark.parametrize("loop", LIMITS)
def test_a_loop_looks_at_no_more_cells_than_it_needs(counted, loop):
    assert 0.7 * LIMITS[loop] < counted[loop] <= LIMITS[loop]


def test_what_is_counted_is_the_usual_work(counted):
    assert counted["candidates that collapse"] > 0.9
