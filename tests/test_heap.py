"""Memory that a process gave back goes to the system where that is asked for, and stays where it is to be kept."""

import subprocess
import sys

import pytest

from halonet.heap import LARGE

PIECES, BYTES = 40, 2**23  # arrays that the C library keeps in its heap once it has freed a larger one
CHILD = f"""
import sys
import numpy as np
from halonet import heap

def held():
    status = open("/proc/self/status").read()
    return 1024 * int(status.split("VmRSS:")[1].split()[0])

getattr(heap, sys.argv[1], lambda: None)()
del (large := [np.ones(2**24, np.uint8)])[:]  # from now on arrays of 8 MiB lie in the heap
before = held()
arrays, pins = [], []
for piece in range({PIECES}):
    arrays.append(np.ones({BYTES}, np.uint8))
    pins.append(np.ones({LARGE // 8}, np.uint8))  # small, and behind the array: the heap cannot shrink below it
del arrays
if sys.argv[1] == "give_back":
    heap.give_back()
print((held() - before) / ({PIECES} * {BYTES}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process from /proc")
@pytest.mark.parametrize(
    ("function", "kept"), [("none", True), ("keep", True), ("map_arrays", False), ("give_back", False)]
)
def test_freed_arrays_between_others_are_the_systems_again_if_and_only_if_that_is_wanted(function, kept):
    found = subprocess.run([sys.executable, "-c", CHILD, function], check=True, capture_output=True, text=True)
    assert (float(found.stdout) > 0.8) == kept
    assert kept or float(found.stdout) < 0.1
