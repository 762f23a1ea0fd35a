"""What other codes write into their files is understood where it is clear, and what is assumed is said and kept."""

import json

import h5py
import numpy as np
import pytest

from halonet.checks import assumptions
from halonet.cosmology import cosmology_of
from halonet.provenance import provenance
from halonet.settings import CosmologySettings, SettingsError
from halonet.storage import StorageError, read_field, read_header


@pytest.fixture
def header_of(tmp_path):
    def make(group=None, **attributes):
        with h5py.File(tmp_path / "own.h5", "w") as file:
            file.attrs["box_size_mpc"] = 64.0
            (file.create_group(group) if group else file).attrs.update(attributes)
        return read_header(tmp_path / "own.h5")

    return make


def test_a_cosmology_under_other_codes_names_is_understood(header_of):
    header = header_of(Omega_m=0.3175, Omega_b=0.049, HubbleParam=0.6711, sigma_8=0.834, ns=np.array([0.9624]))
    taken = cosmology_of(header, None, "own.h5")
    assert taken.omega_m == pytest.approx(0.3175)
    assert (taken.h, taken.omega_b, taken.sigma8, taken.n_s) == (0.6711, 0.049, 0.834, 0.9624)
    assert cosmology_of(header_of("Header", Omega0=0.3, OmegaBaryon=0.05, H0=70.0), None, "").omega_m == pytest.approx(
        0.3
    )
    assert cosmology_of(header_of(cosmology='{"Om0": 0.3, "Ob0": 0.05, "h": 0.68}'), None, "").h == 0.68


@pytest.mark.parametrize(("name", "omega_m", "h"), [("Planck18", 0.30966, 0.6766), ("WMAP 9", 0.2865, 0.6932)])
def test_a_cosmology_by_its_name_is_understood(header_of, name, omega_m, h):
    taken = cosmology_of(header_of(cosmology=name), None, "own.h5")
    assert (taken.omega_m, taken.h) == (pytest.approx(omega_m), h)


def test_known_cosmologies_are_those_of_astropy():
    astropy = pytest.importorskip("astropy.cosmology")
    from halonet.checks.cosmologies import NAMED

    for name, (h, omega_m, omega_b, _, _) in NAMED.items():
        known = getattr(astropy, name.replace("planck", "Planck").replace("wmap", "WMAP"))
        assert (known.H0.value / 100, known.Om0, known.Ob0) == (
            pytest.approx(h), pytest.approx(omega_m), pytest.approx(omega_b, rel=1e-3)
        )  # fmt: skip


def test_redshifts_are_understood_under_other_names_and_as_scale_factors(header_of):
    assert header_of(Redshift=np.array([0.5])).redshift == 0.5
    assert header_of("Header", z=1.0).redshift == 1.0
    assert header_of(scale_factor=0.5).redshift == pytest.approx(1.0)
    assert header_of(aexp=0.5).redshift == pytest.approx(1.0)
    assert header_of(zred=2.0).redshift == 2
    assert header_of().redshift is None


def test_a_side_of_unknown_unit_is_not_taken_but_named(tmp_path):
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file.create_group("Header").attrs["BoxSize"] = 1000.0
    with pytest.raises(StorageError, match=r"box_size_mpc is missing.*BoxSize = 1000.0, of unknown unit"):
        read_header(tmp_path / "own.h5")


@pytest.mark.parametrize("side", [64.0, 64000.0, 64 * 0.6711, 64000 * 0.6711])
def test_a_side_under_another_name_in_a_unit_of_other_codes_is_the_same(header_of, side):
    assert header_of("Header", BoxSize=side).box_size_mpc == 64


@pytest.mark.parametrize("side", [70.0, 64 / 0.7, 32.0, 70000.0])
def test_a_side_under_another_name_that_is_another_one_is_refused(header_of, side):
    with pytest.raises(StorageError, match=rf"box_size_mpc = 64, but BoxSize = {side:g}, which is another side"):
        header_of("Header", BoxSize=side)


PLANCK = '{"h": 0.68, "omega_b": 0.05, "omega_cdm": 0.25, "n_s": 0.97, "sigma8": 0.81}'


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"cosmology": PLANCK, "w0": -0.9}, "w0 is -1 by cosmology and -0.9 by w0"),
        ({"cosmology": PLANCK, "wa": 0.3}, "wa is 0 by cosmology and 0.3 by wa"),
        ({"cosmology": PLANCK, "Omega_m": 0.32}, "omega_m is 0.3 by cosmology and 0.32 by Omega_m"),
        ({"cosmology": "Planck18", "H0": 70.0}, "h is 0.6766 by cosmology and 0.7 by H0"),
        ({"cosmology": "Planck18", "w_0": -0.8}, "w0 is -1 by cosmology and -0.8 by w_0"),
    ],
)
def test_a_cosmology_and_attributes_beside_it_that_contradict_it_are_refused(header_of, attributes, words):
    with pytest.raises(StorageError, match=words):
        header_of(**attributes)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"cosmology": '{"sigma8": 0.8, "sigma_8": 0.9}'}, "sigma8 is 0.8 by sigma8 and 0.9 by sigma_8"),
        ({"cosmology": '{"h": 0.7, "H0": 67}'}, "h is 0.7 by h and 0.67 by H0"),
        ({"cosmology": PLANCK[:-1] + ', "Omega_m": 0.32}'}, "omega_m is 0.32 by Omega_m and 0.3 by omega_b and"),
        ({"Omega_m": 0.3, "h": 0.7, "Omega_k": 0.1}, "Omega_k = 0.1; universes are flat here"),
        ({"cosmology": PLANCK, "BoxSize": 40.0}, "box_size_mpc = 64, but BoxSize = 40, which is another side"),
    ],
)
def test_a_cosmology_that_contradicts_itself_is_refused(header_of, attributes, words):
    with pytest.raises(StorageError, match=words):
        header_of(**attributes)


def test_a_universe_that_is_not_flat_is_refused(header_of):
    assert header_of(Omega_m=0.3, Omega_b=0.05, h=0.7, OmegaLambda=0.6999).cosmology
    with pytest.raises(StorageError, match=r"OmegaLambda = 0.6, and matter 0.3; universes are flat here"):
        header_of(Omega_m=0.3, Omega_b=0.05, h=0.7, OmegaLambda=0.6)


def test_the_time_of_gadget_is_a_scale_factor_where_nothing_else_says_the_redshift(header_of, caplog):
    assert header_of("Header", Time=0.5).redshift == pytest.approx(1)
    assert "Time = 0.5 is taken for the scale factor" in caplog.text
    assert header_of("Header", Time=0.5, Redshift=0.25).redshift == 0.25
    assert "Time = 0.5 is no scale factor of Redshift = 0.25, which is taken" in caplog.text
    assert header_of("Header", Time=13.8).redshift is None


def test_a_time_that_may_be_that_of_a_clock_is_passed_over_without_a_word(header_of, caplog):
    assert header_of("Header", Time=0.5, Redshift=1.0).redshift == 1
    assert header_of("Header", Time="12:00", Redshift=1.0).redshift == 1
    # As SWIFT has it, which gives the scale factor, too.
    assert header_of("Header", Time=[0.0141], Redshift=[0.0], **{"Scale-factor": [1.0]}).redshift == 0
    assert not caplog.text


@pytest.fixture
def placed(tmp_path):
    """The header of a file with attributes at the root, and of a group or a field."""

    def make(root, where, attributes):
        with h5py.File(tmp_path / "own.h5", "w") as file:
            file.attrs.update({"box_size_mpc": 64.0, "redshift": 0.0} | root)
            held = file.create_dataset(where, (2, 2, 2)) if where == "density" else file.require_group(where)
            held.attrs.update(attributes)
        return read_header(tmp_path / "own.h5")

    return make


@pytest.mark.parametrize(
    ("root", "where", "attributes", "words"),
    [
        ({"OmegaLambda": 0.75}, "Header", {"OmegaLambda": 0.9}, "OmegaLambda is 0.9 in one place and 0.75 in /"),
        ({"seed": 7}, "Header", {"seed": 5}, "seed is 5 in one place and 7 in /"),
        ({"seed": 7}, "density", {"Seed": 5}, "seed is 7 by seed and 5 by Seed"),
        ({"seed": 2**61}, "/", {"SEED": 2**61 + 1}, f"seed is {2**61} by seed and {2**61 + 1} by SEED"),
        ({}, "Simulation", {"Redshift": 1.0}, "redshift is 0 by redshift and 1 by Redshift"),
        ({"cosmology": PLANCK}, "Parameters", {"HubbleParam": 0.5}, "h is 0.68 by cosmology and 0.5 by HubbleParam"),
        ({}, "Parameters", {"Redshift": 3.0}, "redshift is 0 by redshift and 3 by Redshift"),
        ({}, "header", {"Redshift": 1.0}, "redshift is 0 by redshift and 1 by Redshift"),
        ({}, "/", {"expfac": 0.25}, "redshift is 0 by redshift and 3 by expfac"),
        ({}, "Header", {"Expansion-Factor": 0.5}, "redshift is 0 by redshift and 1 by Expansion-Factor"),
        ({}, "/", {"SNAPSHOT_REDSHIFT": 2.0}, "redshift is 0 by redshift and 2 by SNAPSHOT_REDSHIFT"),
        ({}, "density", {"redshift": 3.0}, "redshift is 3.0 in one place and 0.0 in /"),
        ({}, "density", {"box_size_mpc": 32.0}, "box_size_mpc is 32.0 in one place and 64.0 in /"),
        ({}, "/", {"Box_Size": 128.0}, "box_size_mpc = 64, but Box_Size = 128"),
        ({}, "/", {"Omega_m": 0.3, "curvature": 0.1}, "curvature = 0.1; universes are flat here"),
        ({"cosmology": PLANCK}, "/", {"hubble_constant": 50.0}, "h is 0.68 by cosmology and 0.5 by hubble_constant"),
    ],
)
def test_one_parameter_in_two_places_or_spellings_is_one_number(placed, root, where, attributes, words):
    with pytest.raises(StorageError, match=words):
        placed(root, where, attributes)


@pytest.mark.parametrize(
    ("where", "attributes"),
    [
        ("Header", {"redshift": np.array([0.0]), "box_size_mpc": np.float32(64)}),
        ("Parameters", {"Hubble": 0.1, "HubbleParam": 0.68, "Omega0": np.float32(0.3), "BoxSize": 64000 * 0.68}),
        ("Cosmology", {"h": np.array([0.68]), "Omega_lambda": 0.7, "H0 [internal units]": 68.0}),
        ("/", {"curvature": "flat", "Z": 0.02, "A": 3.0}),
        ("density", {"unit": "1", "description": "linear overdensity", "redshift": np.float32(0)}),
    ],
)
def test_attributes_of_other_codes_that_say_the_same_are_taken_without_a_word(placed, caplog, where, attributes):
    assert placed({"cosmology": PLANCK}, where, attributes).cosmology == json.loads(PLANCK)
    assert not caplog.text


def test_attributes_of_a_field_say_what_its_file_does_not(placed):
    for name in ("seed", "Seed", "SEED"):
        assert placed({}, "density", {name: 7, "h": 0.7}).seed == 7


def test_a_unit_of_a_field_that_has_none_is_said(tmp_path, caplog):
    for unit, said in (("1", False), ("Msun/h/Mpc^3", True)):
        with h5py.File(tmp_path / "own.h5", "w") as file:
            file["density"] = np.zeros((2, 2, 2), np.float32)
            file["density"].attrs["Units"] = unit
        read_field(tmp_path / "own.h5", "density")
        assert ("density has the unit Msun/h/Mpc^3" in caplog.text) == said


def test_an_attribute_that_stands_in_two_places_with_two_values_is_refused(tmp_path):
    for name, one, other in (("redshift", 0.0, 1.0), ("box_size_mpc", 64.0, 32.0)):
        with h5py.File(tmp_path / "own.h5", "w") as file:
            file.attrs["box_size_mpc"] = 64.0
            file.attrs[name], file.create_group("Header").attrs[name] = one, other
        with pytest.raises(StorageError, match=rf"own.h5: attribute {name} is {other} in one place and {one} in /"):
            read_header(tmp_path / "own.h5")


@pytest.mark.parametrize("attributes", [{"redshift": -2.2e-16}, {"a": 1.0000000000000002}])
def test_a_redshift_of_rounding_is_0(header_of, attributes):
    assert header_of(**attributes).redshift == 0


def test_neutrinos_beside_a_cosmology_without_them_are_not_passed_over(header_of):
    with pytest.raises(SettingsError, match=r"m_nu = 0.06: massive neutrinos"):
        cosmology_of(header_of(cosmology=PLANCK, M_nu=0.06), None, "own.h5")


def test_what_a_cosmology_leaves_out_is_taken_from_attributes_beside_it(header_of):
    taken = cosmology_of(header_of(cosmology='{"h": 0.68, "omega_b": 0.05}', Omega_m=0.3, s8=0.81, ns=0.97), None, "")
    assert taken.model_dump() == CosmologySettings(**json.loads(PLANCK)).model_dump()


def test_part_of_a_cosmology_is_refused_where_masses_hang_on_the_rest(header_of):
    with pytest.raises(SettingsError, match=r"names h and not omega_b, omega_cdm.*--cosmology"):
        cosmology_of(header_of(cosmology='{"h": 0.6711}'), None, "own.h5")
    assert cosmology_of(header_of(cosmology='{"h": 0.6711}'), '{"h": 0.6711, "omega_b": 0.049}', "own.h5").h == 0.6711


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({}, "names no cosmology; the paper's is taken, h = 0.7"),
        ({"cosmology": "the usual one"}, "'the usual one' is not understood"),
        ({"Omega_m": 0.3, "h": 0.7}, "no baryon density is given; omega_b = 0.043"),
        ({"cosmology": '{"h": 0.7, "omega_b": 0.05, "omega_cdm": 0.2}'}, "does not name n_s, sigma8"),
        (
            {"cosmology": json.dumps(CosmologySettings().model_dump()), "redshift": 0.5},
            "0 in its attribute cosmology; 0.5",
        ),
    ],
)
def test_what_is_assumed_is_said_once_and_stands_in_the_provenance(header_of, caplog, attributes, words):
    with assumptions.recorded():
        for _ in range(2):
            cosmology_of(header_of(**attributes), None, "own.h5")
        assert sum(words in line for line in provenance("test", {})["assumed"]) == 1
    assert sum(words in record.getMessage() for record in caplog.records) == 1
    assert "assumed" not in provenance("test", {})


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        (
            {"cosmology": '{"h": 0.7, "omega_b": 0.05, "h": 0.67}'},
            "cosmology: h stands there twice, as 0.7",
        ),
        (
            {"cosmology": '{"h": 0.7, "redshift": 2.0}', "redshift": 0.0},
            "redshift is 0 by redshift and 2 by cosmology",
        ),
        (
            {"cosmology": '{"h": 0.7, "redshift": 2}', "scale_factor": 0.5},
            "redshift is 1 by redshift and 2 by cosmology",
        ),
        ({"redshift": 0.0, "scale_factor": 0.5}, "redshift is 0 by redshift and 1 by scale_factor; make them one"),
        (
            {"Omega_m": 0.31, "cosmology": '{"omega_b": 0.04, "omega_cdm": 0.21}'},
            "omega_m is 0.25 by cosmology and 0.31 by Omega_m",
        ),
        ({"h": 0.7, "H0": 67.0}, "h is 0.7 by h and 0.67 by H0"),
        ({"HubbleParam": 0.67, "h": 0.7}, "h is 0.7 by h and 0.67 by HubbleParam"),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(header_of, attributes, words):
    with pytest.raises(StorageError, match=words):
        header_of(**attributes)


def test_a_complete_cosmology_assumes_nothing(header_of, caplog):
    text = json.dumps(CosmologySettings(h=0.68).model_dump())
    assert cosmology_of(header_of(cosmology=text), None, "own.h5") == CosmologySettings(h=0.68)
    assert not caplog.records


def test_provenance_in_words_is_kept_as_a_note(header_of):
    assert header_of(provenance="made with monofonIC").provenance == {"note": "made with monofonIC"}
    assert header_of(provenance='["a", "b"]').provenance == {"note": '["a", "b"]'}
    assert header_of(provenance='{"stage": "x"}').provenance == {"stage": "x"}
