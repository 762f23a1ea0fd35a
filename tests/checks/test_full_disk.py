"""A full disk is one line; nothing new stands under the final name, and nothing crashes afterwards."""

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from halonet.checks.patient_file import check_room
from halonet.storage import FieldHeader, StorageError, new_hdf5, write_field

# The limit of a file's size stands for the end of the disk: the same calls of the system fail, with another number.
PROGRAM = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from halonet.catalogue import HaloCatalogue, write_catalogue
from halonet.export.formats import FORMATS, write_as
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader, new_hdf5, write_field, write_json, write_text

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder, header = Path(sys.argv[1]), FieldHeader(64.0, 0.0, CosmologySettings().model_dump())
columns = "qx qy qz x y z vx vy vz radius mass cells".split()
values = {name: np.random.default_rng(1).uniform(1, 2, 90000) for name in columns}
haloes = HaloCatalogue(values | {"mass": 1e12 * values["mass"]}, header, 64)
writers = {name: lambda path, name=name: write_as(haloes, name, path) for name in FORMATS}
writers |= {
    "catalogue.h5": lambda path: write_catalogue(path, haloes),
    "density.h5": lambda path: write_field(path, "density", np.ones((96,) * 3, "f4"), header),
    "text.json": lambda path: write_text(path, "x" * 2**21),
    "values.json": lambda path: write_json(path, {"text": "x" * 2**21}),
}
paths = {name: folder / (f"a{FORMATS[name].suffix}" if name in FORMATS else name) for name in writers}
for path in paths.values():
    path.write_text("old")
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
for name, write in writers.items():
    try:
        write(paths[name])
        print("WRITTEN", name)
    except ValueError as error:
        assert paths[name].read_text() == "old", name
        print(error)
print("end")
"""


def test_no_writer_and_no_exporter_leaves_half_a_file_or_crashes(tmp_path):
    pytest.importorskip("astropy")
    pytest.importorskip("pyarrow")
    command = [sys.executable, "-c", PROGRAM, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONFAULTHANDLER": "1"})
    lines = done.stdout.splitlines()
    noise = [line for line in done.stderr.splitlines() if not line.startswith("assumed: ")]
    assert (done.returncode, noise, lines[-1]) == (0, [], "end")
    assert len(lines) == 12
    words = "cannot be written, no file may be that large; nothing new stands under that name"
    assert all(words in line for line in lines[:-1])
    assert not list(tmp_path.glob(".*"))


def test_what_the_disk_has_no_room_for_is_not_begun(tmp_path):
    with pytest.raises(StorageError, match=r"needs 1000000000000 MB, and .* MB free"):
        check_room(tmp_path / "deep/er/density.h5", 10**18)
    assert not list(tmp_path.iterdir())


def test_files_written_patiently_are_what_h5py_writes(tmp_path):
    density = np.random.default_rng(1).normal(size=(40, 40, 40)).astype("f4")
    write_field(tmp_path / "density.h5", "density", density, FieldHeader(40.0))
    with h5py.File(tmp_path / "density.h5") as file:
        np.testing.assert_array_equal(file["density"][...], density)
    with new_hdf5(tmp_path / "many.h5") as file:
        for i in range(200):
            file[f"group/{i}"] = np.full(i, i)
        assert file["group/150"][3] == 150  # read back while it is written
    with h5py.File(tmp_path / "many.h5") as file:
        assert len(file["group"]) == 200
        assert (file["group/199"][...] == 199).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_never_get_their_final_name(tmp_path, value):
    density = np.zeros((40, 40, 40), "f4")
    density[39, 3, 4] = value
    said = r"density has values that are not finite, first in plane .*; nothing is written"
    with pytest.raises(StorageError, match=said):
        write_field(tmp_path / "density.h5", "density", density, FieldHeader(40.0))
    assert not list(tmp_path.iterdir())
