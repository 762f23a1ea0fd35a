"""Catalogues and arrays that Python code has changed are held to what their files are, before anything is computed."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

import halonet


@pytest.fixture(scope="module")
def mock():
    return halonet.make_mock(cells=32)


@pytest.fixture(scope="module")
def fit(mock):
    settings = {"cells": 8, "minimum_mass_msun": 2e12, "engine": {"components": 1}}
    return halonet.fit_neural_bias(halonet.draw_density(cells=32), mock, settings)


def masked(values):
    return np.ma.masked_less(values, np.median(values))


def held(haloes, **columns):
    """A copy of a catalogue of whose dictionary some columns are replaced, which no constructor sees."""
    changed = replace(haloes)
    changed.columns.update(columns)
    return changed


USES = {
    "power_spectrum": halonet.power_spectrum,
    "mass_function": halonet.mass_function,
    "populate": halonet.populate,
    "convert_masses": lambda haloes: halonet.convert_masses(haloes, ["200c"]),
    "match_haloes": lambda haloes: halonet.match_haloes(haloes, haloes),
    "match_abundance": lambda haloes: halonet.match_abundance([haloes]),
    "write_catalogue": lambda haloes: halonet.write_catalogue("changed.h5", haloes),
    "export_catalogue": lambda haloes: halonet.export_catalogue(haloes, "changed.pksc", "pksc"),
    "observe": lambda haloes: halonet.observe(haloes, {"largest_redshift": 0.003}),
}
CHANGES = {
    "masked": (lambda haloes: held(haloes, x=masked(haloes["x"])), "column x is masked in "),
    "complex": (lambda haloes: held(haloes, vx=haloes["vx"] + 1j), "column vx: values of type complex64; real"),
    "text": (lambda haloes: held(haloes, mass=haloes["mass"].astype(str)), "column mass: values of type <U"),
    "objects": (lambda haloes: held(haloes, mass=haloes["mass"].astype(object)), "column mass: values of type object"),
    "true or false": (lambda haloes: held(haloes, mass=haloes["mass"] > 0), "column mass: values of type bool"),
    "two dimensions": (
        lambda haloes: held(haloes, z=haloes["z"][:, None]),
        r"of different shapes: .*z \(39, 1",
    ),
    "another length": (lambda haloes: held(haloes, mass=haloes["mass"][:10]), r"of different shapes: .*mass \(10,\)"),
    "unknown": (lambda haloes: held(haloes, colour=haloes["mass"]), r"columns: unknown \['colour'\]"),
    "cosmology of NaN": (
        lambda haloes: replace(haloes, header=replace(haloes.header, cosmology={"h": np.nan})),
        "cosmology: .*not JSON compliant",
    ),
    "another redshift": (
        lambda haloes: replace(
            haloes,
            header=replace(haloes.header, redshift=1.0, cosmology=haloes.header.cosmology | {"redshift": 0.5}),
        ),
        "redshift is 1 by redshift and 0.5 by cosmology",
    ),
    "notes of NaN": (lambda haloes: replace(haloes, notes={"error": np.nan}), "notes: .*not JSON compliant"),
    "notes of numpy": (lambda haloes: replace(haloes, notes={"k": np.float32(1)}), "notes: .*float32 is not JSON"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("use", USES)
def test_nothing_is_computed_of_columns_that_no_file_could_hold(mock, use, change, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, words = CHANGES[change]
    with pytest.raises(ValueError, match=words) as error:
        USES[use](make(mock))
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["x", "mass"])
def test_a_catalogue_is_not_made_of_masked_complex_or_textual_columns(mock, name):
    for values in (masked(mock[name]), mock[name] + 0j, mock[name].astype(str), mock[name] > 0):
        with pytest.raises(ValueError, match=f"HaloCatalogue: column {name}"):
            replace(mock, columns=mock.columns | {name: values})


def test_lists_and_arrays_without_a_masked_value_are_columns(mock):
    plain = replace(mock, columns={name: values.tolist() for name, values in mock.columns.items()})
    free = held(mock, mass=np.ma.array(mock["mass"]), x=mock["x"].tolist())
    for each in (plain, free):
        np.testing.assert_array_equal(halonet.power_spectrum(each)[2], halonet.power_spectrum(mock)[2])
        np.testing.assert_array_equal(halonet.mass_function(each)[1], halonet.mass_function(mock)[1])


@pytest.mark.parametrize("side", [np.nan, np.inf, 0, -64.0, "wide", True, None, [64, 32, 64]])
def test_a_header_has_a_side(mock, side):
    with pytest.raises(ValueError, match="header: box_size_mpc"):
        replace(mock.header, box_size_mpc=side)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"redshift": np.nan}, "header: redshift: nan is no finite number"),
        ({"redshift": -1.5}, "header: redshift: -1.5 is out of range"),
        ({"seed": 7.5}, "header: seed: 7.5 is not whole"),
        ({"cosmology": "planck18"}, "header: cosmology is of type str; Mapping"),
        ({"provenance": None}, "header: provenance is of type NoneType; Mapping"),
    ],
)
def test_a_header_that_is_none_is_refused_by_the_name_of_its_part(mock, changes, words):
    with pytest.raises((ValueError, TypeError), match=words):
        replace(mock.header, **changes)


def test_numbers_of_numpy_and_a_mapping_make_a_header(mock, tmp_path):
    cosmology = MappingProxyType(mock.header.cosmology)
    header = replace(mock.header, box_size_mpc=np.float32(32), seed=np.uint64(3), cosmology=cosmology)
    halonet.write_catalogue(tmp_path / "mock.h5", replace(mock, header=header))
    assert halonet.read_catalogue(tmp_path / "mock.h5").header.seed == 3


@pytest.mark.parametrize("cells", [0, -32, 32.5, np.nan, "many", None])
def test_a_catalogue_has_a_whole_number_of_cells(mock, cells):
    with pytest.raises(ValueError, match="HaloCatalogue: grid_cells"):
        replace(mock, grid_cells=cells)
    assert replace(mock, grid_cells=32.0).grid_cells == 32


def test_notes_are_a_dictionary(mock):
    with pytest.raises(TypeError, match="notes of HaloCatalogue is of type NoneType; Mapping is needed"):
        replace(mock, notes=None)


def test_a_redshift_of_0_in_a_cosmology_that_was_never_asked_is_said(mock, caplog):
    later = replace(mock, header=replace(mock.header, redshift=1.0))
    halonet.convert_masses(later, ["200c"])
    assert "haloes: its redshift is 1, and 0 in its attribute cosmology; 1 is taken" in caplog.text


def test_a_column_that_is_missing_is_named(mock):
    without = replace(mock)
    del without.columns["mass"]
    with pytest.raises(ValueError, match=r"haloes: columns: unknown \[\], missing \['mass'\]"):
        halonet.mass_function(without)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"qx": lambda mock: mock["qx"] + 32}, r"found: qx leaves the box \[0, 32"),
        ({"radius": lambda mock: -mock["radius"]}, "found: column radius = -"),
        ({"qz": lambda mock: mock["qz"] * np.float32(np.nan)}, "found: column qz has values that are not finite"),
    ],
)
def test_haloes_that_are_in_no_box_are_not_matched(mock, columns, words):
    with pytest.raises(ValueError, match=words):
        halonet.match_haloes(mock, held(mock, **{name: change(mock) for name, change in columns.items()}))


def test_logarithms_in_one_catalogue_do_not_remap_the_others(mock):
    other = halonet.make_mock(seed=8, cells=32)
    with pytest.raises(ValueError, match=r"catalogue 0: column mass runs from .* as logarithms to the base 10"):
        halonet.match_abundance([held(mock, mass=np.log10(mock["mass"])), other])


@pytest.mark.parametrize("cells", [np.nan, -1, "a hundred"])
def test_haloes_are_counted_above_a_number_of_cells(mock, cells):
    with pytest.raises(ValueError, match="cells: "):
        mock.larger_than(cells)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"halo": -5}, "column halo = -5"),
        ({"central": 2}, "column central = 2"),
        ({"x": 99.0}, "x leaves the box"),
        ({"halo_mass": 0.0}, "column halo_mass = 0"),
    ],
)
def test_galaxies_that_are_none_are_not_written(mock, tmp_path, columns, words):
    galaxies = halonet.populate(mock)
    ((name, value),) = columns.items()
    wrong = galaxies[name].copy().astype(np.float64 if name == "halo_mass" else galaxies[name].dtype)
    wrong[0] = value
    with pytest.raises(ValueError, match=words):
        halonet.write_galaxies(tmp_path / "galaxies.h5", held(galaxies, **{name: wrong}))
    with pytest.raises(ValueError, match="columns of different shapes"):
        halonet.write_galaxies(tmp_path / "galaxies.h5", held(galaxies, vz=galaxies["vz"][1:]))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "value"), [("ra", 400.0), ("dec", 95.0), ("distance", -1.0), ("mass", np.nan)])
def test_a_light_cone_off_the_sky_is_neither_written_nor_exported(tmp_path, name, value):
    cone = halonet.make_light_cone(cells=32, redshift_range=(0, 0.02))
    wrong = held(cone, **{name: np.append(value, cone[name][1:])})
    for write in (
        lambda: halonet.write_light_cone(tmp_path / "sky.h5", wrong),
        lambda: halonet.export_catalogue(wrong, tmp_path / "sky.pksc", "websky"),
    ):
        with pytest.raises(ValueError, match=f"column {name}|{name} is not finite"):
            write()
    assert not list(tmp_path.iterdir())


def test_masked_noise_gives_no_density():
    phases = np.ma.masked_greater(halonet.draw_phases(cells=16), 3)
    for call in (halonet.draw_density, halonet.make_mock):
        with pytest.raises(ValueError, match="phases is masked in"):
            call(phases=phases)
    free = np.ma.array(halonet.draw_phases(cells=16))
    np.testing.assert_array_equal(halonet.draw_density(phases=free), halonet.draw_density(cells=16))


def test_haloes_are_drawn_of_real_finite_parameters_alone(fit):
    values = fit.parameters
    for wrong, words in (
        (np.ma.array(values, mask=np.arange(len(values)) == 0), "parameters is masked in 1 values"),
        (values + 1j, "parameters: values of type complex128; real numbers are needed"),
        (values.astype(str), "parameters: values of type <U"),
        (values * np.nan, "parameters: .* values are not finite"),
    ):
        with pytest.raises(ValueError, match=words):
            halonet.draw_neural_bias_haloes(fit, wrong)
    assert len(halonet.draw_neural_bias_haloes(fit, values.tolist())) == len(halonet.draw_neural_bias_haloes(fit))


def test_a_galaxy_is_central_or_not(mock, tmp_path):
    galaxies = halonet.populate(mock)
    half = held(galaxies, central=np.full(len(galaxies), 0.5))
    with pytest.raises(ValueError, match=r"column central has 0\.5; whole numbers are needed"):
        halonet.write_galaxies(tmp_path / "galaxies.h5", half)
    assert not list(tmp_path.iterdir())


def test_truth_values_of_numpy_are_those_of_python():
    flipped = halonet.make_mock(7, 16, flip_phases=np.bool_(True))
    assert flipped.header.provenance["flip_phases"] is True
    np.testing.assert_array_equal(flipped["mass"], halonet.make_mock(7, 16, flip_phases=True)["mass"])
