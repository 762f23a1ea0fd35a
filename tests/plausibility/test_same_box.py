"""Files of other phases, spectra, redshifts or cosmologies are never taken for those of one box."""

import json
from dataclasses import replace

import numpy as np
import pytest

import halonet
from halonet.cosmology import write_power_spectrum
from halonet.grid.slabs import Slabs
from halonet.mocks.abundance_matching import MatchingError
from halonet.mocks.covariance import CovarianceError
from halonet.mocks.summary import summarise_mocks
from halonet.peak_patch.mask import halo_mask
from halonet.plausibility.same_box import check_headers, contradictions, drawn_as
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader, StorageError, read_field, read_header, write_field

CELLS, SIDE = 32, 64.0
FLIPPED = {"stage": "mock", "flip_phases": True}
OF_ANOTHER_SPECTRUM = {"stage": "mock", "power_spectrum": "0123456789abcdef"}
ENGINE = json.dumps({"cells": 8, "minimum_mass_msun": 7e12})
OTHERS = {
    "seed": ("seed = 12345", {"seed": 12345}),
    "flipped": ("flip_phases = True", {"provenance": FLIPPED}),
    "spectrum": ("power_spectrum = 0123456789abcdef", {"provenance": OF_ANOTHER_SPECTRUM}),
    "redshift": ("redshift = 0.5", {"redshift": 0.5, "cosmology": CosmologySettings(redshift=0.5).model_dump()}),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Density, mask, haloes and probability of one mock, and those of others that say to be of another box."""
    path = tmp_path_factory.mktemp("boxes")
    kept = {"density": path / "density.h5", "mask": path / "mask.h5"}
    haloes = halonet.make_mock(seed=7, cells=CELLS, box_size_mpc=SIDE, threads=1, keep=kept)
    halonet.write_catalogue(path / "haloes.h5", haloes)
    density, mask, header = read_field(kept["density"], "density"), read_field(kept["mask"], "mask"), haloes.header
    write_field(path / "probability.h5", "probability", 0.9999 * mask + 1e-5, header)
    for other, (_, said) in OTHERS.items():
        differing = replace(header, **said)
        write_field(path / f"density_{other}.h5", "density", density, differing)
        write_field(path / f"mask_{other}.h5", "mask", mask, differing)
        halonet.write_catalogue(path / f"haloes_{other}.h5", replace(haloes, header=differing))
    (path / "empty.json").write_text("{}")
    (path / "spectrum.csv").write_text("k_per_mpc,power_mpc3\n0.1,1\n0.2,1\n")
    return path


COMMANDS = {
    "find_haloes of a density": "find_haloes --probability probability.h5 --density density*.h5 --haloes OUT",
    "find_haloes at known centres": "find_haloes --probability probability.h5 --known-centres haloes*.h5 --haloes OUT",
    "compare_truths of haloes": "compare_truths --haloes haloes.h5 haloes*.h5 --masks mask.h5 mask.h5 --statistics OUT",
    "compare_truths of masks": "compare_truths --haloes haloes.h5 haloes.h5 --masks mask.h5 mask*.h5 --statistics OUT",
    "prepare_neural_bias": "prepare_neural_bias --density density*.h5 --haloes haloes.h5 --settings ENGINE"
    " --inputs OUT",
    "prepare_field_level": "prepare_field_level --truth density*.h5 --haloes haloes.h5 --power-spectrum spectrum.csv"
    " --settings ENGINE --seed 1 --inputs OUT",
    "import_ground_truth of haloes": "import_ground_truth --from-density density.h5 --from-haloes haloes*.h5"
    " --density OUT --haloes OUT2 --mask OUT3",
    "import_ground_truth of a mask": "import_ground_truth --from-density density.h5 --from-mask mask*.h5"
    " --density OUT --mask OUT3",
    "calibrate_thresholds": "calibrate_thresholds --probability probability.h5 --haloes haloes*.h5 --thresholds OUT",
    "measure_statistics": "measure_statistics --true-mask mask.h5 --probability probability.h5 --true-haloes haloes.h5"
    " --haloes haloes.h5 --density density*.h5 --statistics OUT",
    "draw_figures": "draw_figures --density density.h5 --true-mask mask.h5 --true-haloes haloes.h5 --haloes haloes*.h5"
    " --probability probability.h5 --statistics empty.json --summary empty.json --history spectrum.csv --figures OUT",
}


def words_of(command, folder, out, other):
    """Words of a command, whose files marked by a star are those of another box."""
    for word in command.split():
        if word.startswith("OUT"):
            yield out / word
        elif word == "ENGINE":
            yield ENGINE
        else:
            yield folder / word.replace("*", f"_{other}") if word.endswith((".h5", ".csv", ".json")) else word


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_no_script_takes_files_that_contradict_each_other_for_those_of_one_box(
    run_script, folder, tmp_path, command, other
):
    process = run_script(*words_of(command, folder, tmp_path, other), check=False)
    assert process.returncode == 2
    assert f"_{other}.h5" in process.stderr
    said = process.stderr.strip().splitlines()[-1]
    assert said.endswith("; all files must be of one box")
    assert OTHERS[other][0].split(" = ")[0] in said
    assert not list(tmp_path.iterdir())


def test_whatever_is_made_from_a_mock_tells_its_phases_and_its_spectrum(run_script, folder, tmp_path):
    density = tmp_path / "density.h5"
    halonet.make_mock(seed=7, cells=CELLS, box_size_mpc=SIDE, threads=1, flip_phases=True, keep={"density": density})
    patches = ("--settings", '{"filters": {"largest_mpc": 20}}', "--haloes", tmp_path / "patches.h5")
    run_script("find_peak_patch_haloes", "--density", density, *patches)
    particles, owners = tmp_path / "particles.h5", tmp_path / "owners.h5"
    gravity = ("--settings", '{"steps": 6}', "--checkpoint", tmp_path / "checkpoint.h5", "--particles", particles)
    run_script("simulate_n_body", "--density", density, *gravity)
    found = ("--haloes", tmp_path / "groups.h5", "--mask", tmp_path / "mask.h5", "--owners", owners)
    run_script("find_n_body_haloes", "--particles", particles, *found)
    write_field(tmp_path / "p.h5", "probability", read_field(tmp_path / "mask.h5", "mask"), read_header(owners))
    run_script(
        "find_haloes", "--probability", tmp_path / "p.h5", "--density", density, "--haloes", tmp_path / "found.h5"
    )
    taken = ("--density", tmp_path / "taken.h5", "--haloes", tmp_path / "imported.h5", "--mask", tmp_path / "m.h5")
    own = ("--from-density", density, "--from-haloes", tmp_path / "patches.h5")
    run_script("import_ground_truth", *own, *taken)
    for name in ("density", "patches", "groups", "mask", "owners", "found", "taken", "imported"):
        header = read_header(tmp_path / f"{name}.h5")
        assert drawn_as(header.provenance) == {"flip_phases": True, "power_spectrum": "CAMB's"}, name
    check_headers((tmp_path / f"{name}.h5" for name in ("patches", "groups", "found", "imported")), density)
    with pytest.raises(StorageError, match=r"found.h5: flip_phases = True, but .*haloes.h5 has False"):
        check_headers([tmp_path / "found.h5"], folder / "haloes.h5")


def test_a_users_own_files_that_say_little_are_held_to_nothing_that_they_do_not_say():
    said = FieldHeader(SIDE, 0.5, {"h": 0.7, "name": "mine"}, 3, OF_ANOTHER_SPECTRUM)
    silent = FieldHeader(SIDE, provenance={"note": "from my code"})
    from_a_file = replace(silent, provenance={"stage": "mock", "density": {}, "power_spectrum": "ab"})
    assert not list(contradictions([("one", said), ("two", silent), ("three", from_a_file), ("four", said)]))


def test_two_files_contradict_each_other_also_where_the_first_says_nothing():
    headers = [("true.h5", FieldHeader(SIDE)), ("a.h5", FieldHeader(SIDE, seed=1)), ("b.h5", FieldHeader(SIDE, seed=2))]
    assert list(contradictions(headers)) == ["b.h5: seed = 2, but a.h5 has 1"]


def of_another_spectrum(haloes):
    return replace(haloes, header=replace(haloes.header, seed=8, provenance=OF_ANOTHER_SPECTRUM))


def test_one_table_of_masses_never_serves_mocks_of_two_spectra(folder, caplog):
    haloes = halonet.read_catalogue(folder / "haloes.h5")
    other = of_another_spectrum(haloes.select(slice(1, None)))
    with pytest.raises(
        MatchingError, match=r"catalogue 1: power_spectrum = 0123.*, but catalogue 0 has CAMB's; one ta"
    ):
        halonet.match_abundance([haloes, other])
    halonet.match_abundance([haloes])
    assert "assumed" not in caplog.text
    halonet.match_abundance([other])
    assert "assumed: catalogue 0: drawn with the power spectrum 0123456789abcdef; the table is" in caplog.text


def test_a_covariance_is_never_that_of_mocks_of_two_spectra_and_flipped_phases_are_legal(run_script, folder, tmp_path):
    haloes = halonet.read_catalogue(folder / "haloes.h5")
    flipped = replace(haloes.select(slice(1, None)), header=replace(haloes.header, seed=9, provenance=FLIPPED))
    measured = []
    for name, each in (("own", haloes), ("flipped", flipped), ("other", of_another_spectrum(flipped))):
        halonet.write_catalogue(tmp_path / f"{name}.h5", each)
        settings = ("--settings", '{"statistics": ["power_spectrum"], "minimum_cells": 20}')
        files = ("--haloes", tmp_path / f"{name}.h5", "--statistics", tmp_path / f"{name}.json")
        run_script("measure_mock", *files, *settings)
        measured.append(json.loads((tmp_path / f"{name}.json").read_text()))
    own, flipped, other = measured
    assert summarise_mocks([own, flipped], 0.1)["mocks"] == 2
    with pytest.raises(CovarianceError, match=r"measurement 2: power_spectrum = 0123.*, but measurement 1 has CAMB's"):
        summarise_mocks([own, other], 0.1)
    del other["provenance"]  # as measured in Python, where nothing says the spectrum
    assert summarise_mocks([own, other], 0.1)["mocks"] == 2


@pytest.mark.parametrize("other", OTHERS)
def test_haloes_of_other_boxes_are_matched_by_chance_only_with_a_word(folder, caplog, other):
    one, two = (halonet.read_catalogue(folder / name) for name in ("haloes.h5", f"haloes_{other}.h5"))
    halonet.match_haloes(one, one)
    assert "assumed" not in caplog.text
    assert len(halonet.match_haloes(one, two).distances) == len(one)
    assert f"assumed: found: {OTHERS[other][0]}, but true has" in caplog.text


def test_cambs_spectrum_as_another_processor_rounds_it_is_still_cambs(tmp_path):
    k, power = halonet.linear_power_spectrum()
    told = []
    for name, factor in (("rounded", 1 + 1e-9), ("other", 1 + 1e-3 * np.exp(-(np.log(k / 0.3) ** 2)))):
        write_power_spectrum(tmp_path / f"{name}.csv", k, power * factor)
        haloes = halonet.make_mock(seed=7, cells=CELLS, threads=1, power_spectrum=tmp_path / f"{name}.csv")
        told.append(drawn_as(haloes.header.provenance)["power_spectrum"])
    assert told[0] == "CAMB's" != told[1]


def test_field_level_inference_takes_no_other_spectrum_than_that_of_the_haloes(run_script, folder, tmp_path):
    k, power = halonet.linear_power_spectrum()
    for name, factor in (("cambs", 1), ("other", 1 + 1e-3 * np.exp(-(np.log(k / 0.3) ** 2)))):
        write_power_spectrum(tmp_path / f"{name}.csv", k, power * factor)
    known = {("haloes", "cambs"): True, ("haloes", "other"): False, ("haloes_spectrum", "cambs"): False}
    for (haloes, spectrum), right in known.items():
        files = ("--haloes", folder / f"{haloes}.h5", "--power-spectrum", tmp_path / f"{spectrum}.csv", "--drop")
        settings = ("--settings", ENGINE, "--seed", 1, "--inputs", tmp_path / f"{haloes}_{spectrum}.h5")
        process = run_script("prepare_field_level", *files, *settings, check=False)
        assert process.returncode == (0 if right else 2), process.stderr
        assert right or f"{haloes}.h5 was drawn from another power spectrum" in process.stderr


@pytest.mark.parametrize("script", ["prepare_neural_bias", "prepare_field_level"])
def test_haloes_of_another_cosmology_are_fitted_in_theirs(run_script, tmp_path, script):
    other, density = {"h": 0.65, "omega_cdm": 0.25, "redshift": 0.5}, tmp_path / "density.h5"
    haloes = halonet.make_mock(seed=7, cells=48, cosmology=other, keep={"density": density})
    halonet.write_catalogue(tmp_path / "haloes.h5", haloes)
    write_power_spectrum(tmp_path / "own.csv", *halonet.linear_power_spectrum({"h": 0.65, "omega_cdm": 0.25}))
    write_power_spectrum(tmp_path / "papers.csv", *halonet.linear_power_spectrum())
    files = ("--haloes", tmp_path / "haloes.h5", "--settings", ENGINE, "--drop", "--inputs", tmp_path / "inputs.h5")
    if script == "prepare_neural_bias":
        process = run_script(script, *files, "--density", density)
        assert "replaced" not in process.stderr
        process = run_script(script, *files, "--density", density, "--cosmology", "{}")
        assert "its cosmology is replaced by the one that is given: h = 0.7 for 0.65" in process.stderr
    else:
        run_script(script, *files, "--seed", 1, "--power-spectrum", tmp_path / "own.csv", "--truth", density)
        process = run_script(script, *files, "--seed", 1, "--power-spectrum", tmp_path / "papers.csv", check=False)
        assert process.returncode == 2
        assert "drawn from another power spectrum" in process.stderr or "sigma8" in process.stderr
    header = read_header(tmp_path / "inputs.h5")
    assert header.redshift == 0.5
    assert header.cosmology["h"] == 0.65


def test_a_truth_of_another_box_is_no_truth_of_field_level_inference(run_script, folder, tmp_path):
    density = halonet.draw_density(seed=8, cells=64)
    haloes = halonet.make_mock(seed=7, cells=64)
    halonet.write_catalogue(tmp_path / "haloes.h5", haloes)
    write_field(tmp_path / "truth.h5", "density", density, FieldHeader(64.0, 0.0, haloes.header.cosmology))
    write_power_spectrum(tmp_path / "cambs.csv", *halonet.linear_power_spectrum())
    files = ("--haloes", tmp_path / "haloes.h5", "--truth", tmp_path / "truth.h5", "--power-spectrum")
    words = (*files, tmp_path / "cambs.csv", "--settings", ENGINE, "--drop", "--seed", 1, "--inputs")
    process = run_script("prepare_field_level", *words, tmp_path / "inputs.h5", check=False)
    assert process.returncode == 2
    assert "haloes and density are not of one box" in process.stderr
    run_script("prepare_field_level", *words, tmp_path / "inputs.h5", "--outside-validity")
    assert "not of one box" in read_header(tmp_path / "inputs.h5").provenance["assumed"][-1]


def test_arrays_of_another_box_are_found_out_by_where_they_have_collapsed():
    own, other = (halonet.draw_density(seed=seed, cells=64, box_size_mpc=SIDE) for seed in (7, 8))
    haloes = halonet.make_mock(seed=7, cells=64, box_size_mpc=SIDE)
    probability = 0.9999 * halo_mask(haloes, Slabs(64)).astype(np.float32) + np.float32(1e-5)
    halonet.find_haloes(probability, SIDE, own)
    with pytest.raises(ValueError, match=r"haloes of the probability: .* not of one box"):
        halonet.find_haloes(probability, SIDE, other)
    engine = {"cells": 8, "minimum_mass_msun": 7e12, "engine": {"components": 1}, "sampler": {"warmup": 16}}
    with pytest.raises(ValueError, match=r"haloes: within .* not of one box"):
        halonet.fit_neural_bias(other, haloes, engine)


def test_one_box_is_calibrated_on_once_under_whatever_name(run_script, folder, tmp_path):
    copy = tmp_path / "copy.h5"
    copy.write_bytes((folder / "haloes.h5").read_bytes())
    files = ("--probability", *[folder / "probability.h5"] * 2, "--haloes", folder / "haloes.h5", copy)
    process = run_script("calibrate_thresholds", *files, "--thresholds", tmp_path / "t.json", check=False)
    assert process.returncode == 2
    assert f"copy.h5: the haloes of {folder / 'haloes.h5'} once more; each box counts once" in process.stderr
