"""Every number of a user passes one validator, on the command line and as an attribute of a file."""

import h5py
import numpy as np
import pytest

from halonet.checks.numbers import CELLS, COORDINATE, COUNT, LENGTH, REDSHIFT, SEED, THREADS, Number, NumberError
from halonet.checks.parser import Parser
from halonet.storage import StorageError, read_header

BOX = Number("Mpc", above=0, repeated=True)


@pytest.mark.parametrize(
    ("kind", "text", "number"),
    [
        (CELLS, "256", 256),
        (CELLS, "256.0", 256),
        (CELLS, "2e2", 200),
        (LENGTH, "64", 64.0),
        (LENGTH, " 6.4e1 ", 64.0),
        (LENGTH, ".5", 0.5),
        (REDSHIFT, "0", 0.0),
        (REDSHIFT, "-1e-20", 0.0),  # rounding
        (SEED, str(2**63 - 1), 2**63 - 1),  # beyond what a float holds
    ],
)
def test_a_number_in_any_usual_writing_is_taken_as_what_it_is(kind, text, number):
    taken = kind(text)
    assert taken == number
    assert type(taken) is type(number)


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (LENGTH, "nan", "no finite number"),
        (LENGTH, "inf", "no finite number"),
        (LENGTH, "1e400", "no finite number"),
        (LENGTH, "0", "out of range"),
        (LENGTH, "-64", "out of range"),
        (LENGTH, "1e30", "out of range"),
        (LENGTH, "64 Mpc", "give the number alone, like 64"),
        (LENGTH, "64Mpc/h", "give the number alone, like 64"),
        (LENGTH, "64,5", "is no number"),
        (LENGTH, "1_000", "is no number"),
        (LENGTH, "٦٤", "is no number"),
        (LENGTH, "", "is no number"),
        (CELLS, "64.5", "is not whole"),
        (CELLS, "0x40", "is no number"),
        (CELLS, "1", "at least 2"),
        (COUNT, "-1", "at least 1"),
        (THREADS, "-1", "at least 1"),
        (THREADS, "0", "at least 1"),
        (SEED, "-3", "at least 0"),
        (SEED, str(2**63), "out of range"),
        (REDSHIFT, "z=1", "is no number"),
        (REDSHIFT, "-0.5", "at least 0"),
        (REDSHIFT, "-2e-9", "at least 0"),
    ],
)
def test_what_is_no_number_or_out_of_range_is_refused_with_what_is_needed(kind, text, words):
    with pytest.raises(NumberError, match=words) as error:
        kind(text)
    assert "is needed" in str(error.value)


@pytest.mark.parametrize("value", [np.array([64.0]), np.float32(64), np.array([64, 64, 64]), b"64", np.bytes_("64.0")])
def test_arrays_of_one_number_are_that_number(value):
    assert BOX(value) == 64.0


@pytest.mark.parametrize(
    "value",
    [np.array([64.0, 32, 64]), np.array([]), True, 64 + 0j, None, {"a": 1}, np.array([np.nan] * 3), h5py.Empty("f4")],
)
def test_arrays_of_several_numbers_and_other_objects_are_refused(value):
    with pytest.raises(NumberError, match="is needed"):
        BOX(value)


def test_a_refusal_on_the_command_line_names_the_option(capsys):
    parser = Parser()
    parser.add_argument("--box-size", type=LENGTH)
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--box-size", "64 Mpc"])
    assert ended.value.code == 2
    assert "argument --box-size: '64 Mpc' is no number" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"box_size_mpc": np.nan}, "attribute box_size_mpc: nan"),
        ({"box_size_mpc": [64.0, 64.0, 32.0]}, "attribute box_size_mpc: an array of shape"),
        ({"box_size_mpc": "64 Mpc"}, "attribute box_size_mpc: '64 Mpc'"),
        ({"redshift": "z=0"}, "attribute redshift: 'z=0'"),
        ({"redshift": -1.0}, "attribute redshift: -1"),
        ({"redshift": [0.0, 1.0]}, "attribute redshift: an array"),
        ({"seed": 1.5}, "attribute seed: 1.5 is not whole"),
        ({"seed": "sixty"}, "attribute seed: 'sixty'"),
        ({"scale_factor": 0.0}, "attribute scale_factor: 0"),
    ],
)
def test_an_attribute_that_is_no_number_is_named_with_its_file(tmp_path, attributes, words):
    path = tmp_path / "own.h5"
    with h5py.File(path, "w") as file:
        file.attrs.update({"box_size_mpc": 64.0} | attributes)
    with pytest.raises(StorageError) as error:
        read_header(path)
    assert str(path) in str(error.value)
    assert words in str(error.value)


def test_negative_numbers_are_values_and_no_options_also_with_exponents_and_commas():
    parser = Parser()
    parser.add_argument("--observer", type=COORDINATE, nargs=3)
    parser.add_argument("--tile")
    parser.add_argument("-o")
    given = parser.parse_args(["--observer", "-1e3", "-.5", "2", "--tile", "-1,0,0", "-o", "out.h5"])
    assert (given.observer, given.tile, given.o) == ([-1000.0, -0.5, 2.0], "-1,0,0", "out.h5")
