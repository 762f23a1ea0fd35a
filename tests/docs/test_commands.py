"""What the pages tell a reader to type is understood, and runs."""

import argparse
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from forks import run_python

import halonet
from halonet.catalogue import read_catalogue
from halonet.cosmology import compute_power_spectrum, write_power_spectrum
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader, write_field

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "networks").rglob("*.md")])
BLOCK = re.compile(r"^ {4,}((?:[A-Z]+=\S+ )*(?:mpiexec -n \d+ )?(?:python|halonet|snakemake) (?:[^\\\n]|\\\n)*)$", re.M)
INLINE = re.compile(r"`((?:python (?:workflow_scripts|benchmarks)/|snakemake )[^`]*)`")
SUMMARY = {  # of the statistics of test boxes, as far as a card is written from it
    "boxes": 1,
    "box": {"cells": 256, "box_size_mpc": 256.0},
    "overlap": {"dice": {"mean": 0.94, "deviation": 0.001}, "all_background": {"mean": 0.74}},
    "mass_function": {"key": [{"cells": 100.0, "true": 500, "ratio": 0.98}]},
    "matching": {"completeness": {"mean": 0.85}, "purity": {"mean": 0.86}},
    "power_spectrum": {"cuts": []},
}
OWN = {"many.yaml", "mine.yaml", "SETTINGS.yaml"}  # settings that a reader writes


def commands(page):
    """Commands of a page in their order, as words; a line that goes on after a backslash is one command."""
    text = page.read_text()
    for match in sorted([*BLOCK.finditer(text), *INLINE.finditer(text)], key=lambda found: found.start()):
        yield shlex.split(match[1].replace("\\\n", " "), comments=True)


def all_commands(program, folder=""):
    """(page, words after the program) of every command that runs ``program``, a word or a script of ``folder``."""
    for page in PAGES:
        for words in commands(page):
            if program in words and (not folder or words[words.index(program) + 1].startswith(folder)):
                yield page, words[words.index(program) + 1 :]


class Parsed(BaseException):
    """A script has built its parser and asks it for its arguments."""


@pytest.fixture
def options_of(monkeypatch):
    """Names of every option of a script's own parser, as sets of one option each, and whether it has to be given."""

    def stop(parser, *_):
        raise Parsed(parser)

    def look(script, words):
        monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
        monkeypatch.setattr(sys, "path", [str(ROOT / script.split("/")[0]), *sys.path])
        with pytest.raises(Parsed) as stopped:
            runpy.run_path(str(ROOT / script), run_name="__main__")
        actions = list(stopped.value.args[0]._actions)
        for choices in [action.choices for action in actions if isinstance(action, argparse._SubParsersAction)]:
            actions += [action for word in words if word in choices for action in choices[word]._actions]
        return [(set(action.option_strings), action.required) for action in actions]

    return look


@pytest.mark.parametrize("folder", ["workflow_scripts/", "benchmarks/"])
def test_every_script_that_a_page_shows_knows_the_options_it_is_given_and_gets_those_it_needs(folder, options_of):
    found = [(page, words) for page, words in all_commands("python", folder) if words[0] != f"{folder}NAME.py"]
    assert len(found) >= 4
    for page, (script, *words) in found:
        options = options_of(script, words)
        given = {word for word in words if word.startswith("--")}
        where = f"{page.relative_to(ROOT)}: {script}"
        assert given <= set().union(*(names for names, _ in options)), where
        if given and "..." not in words:
            assert all(names & set(words) for names, required in options if names and required), where


def test_every_target_profile_and_file_of_settings_that_a_page_gives_to_snakemake_is_there():
    rules = "".join(path.read_text() for path in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")])
    targets = set(re.findall(r"^rule (\w+):", rules, re.MULTILINE))
    for page, words in all_commands("snakemake"):
        takes, rest = None, []
        for word in words:
            if word.startswith("-"):
                takes = word
            elif takes in ("--configfile", "--profile"):
                known = (ROOT / word).exists() or word in OWN or word == "slurm"
                assert known or word == "...]", f"{page.relative_to(ROOT)}: {word}"
                takes = takes if takes == "--configfile" else None
            elif takes in ("--cores", "--config", "--sdm"):
                takes = None
            else:
                rest.append(word)
        assert set(rest) <= targets, page.relative_to(ROOT)


def run(words, folder):
    """Run a command of a page in a folder where the checkout's files are."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT / "src")}
    if words[0] == "halonet":
        process = run_python(["-m", *words], environment=environment, cwd=folder)
    else:
        process = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=environment)
    assert not process.returncode, f"{' '.join(words)}\n{process.stdout}{process.stderr}"
    return process.stdout + process.stderr


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A folder like a checkout after a quickstart, but with a shipped network, and fields of the reader's own."""
    folder = tmp_path_factory.mktemp("reader")
    network = ROOT / "networks/n-body"
    for link, target in {
        "workflow_scripts": ROOT / "workflow_scripts",
        "networks": ROOT / "networks",
        "results/quickstart/networks/small": network,
        "results/quickstart/haloes/small": network,
    }.items():
        (folder / link).parent.mkdir(parents=True, exist_ok=True)
        (folder / link).symlink_to(target)
    for name, cells in (("FIELD.h5", 72), ("density.h5", 32)):
        with h5py.File(folder / name, "w") as file:
            file["density"] = halonet.draw_density(seed=7, cells=cells)
            file.attrs["box_size_mpc"] = float(cells)
    return folder


def page_commands(name, *, having):
    """Commands of a page that name a file or script, in order."""
    return [words for words in commands(ROOT / name) if having in " ".join(words)]


@pytest.mark.slow
def test_the_readmes_own_density_gives_the_haloes_of_a_mock_of_the_same_field(reader):
    for words in page_commands("README.md", having="FIELD.h5") + page_commands("README.md", having="P.h5"):
        run(words, reader)
    run(["halonet", "mock", "--method", "network", "--density", "FIELD.h5", "-o", "mock.h5"], reader)
    found, mock = (read_catalogue(reader / name) for name in ("OUT.h5", "mock.h5"))
    assert len(found) > 100
    for name in mock.columns:
        np.testing.assert_array_equal(found[name], mock[name])


@pytest.mark.slow
def test_the_page_of_an_own_density_finds_the_same_peak_patch_haloes_as_the_readme(reader):
    (words,) = page_commands("docs/how_to/own_density.md", having="FIELD.h5")
    run(words, reader)
    found, mock = (read_catalogue(reader / name) for name in ("TRUE.h5", "mock.h5"))
    assert len(found) == len(mock) > 100


@pytest.mark.slow
def test_the_page_of_simulations_makes_haloes_and_particles_that_other_codes_read(reader):
    for words in page_commands("docs/how_to/n_body.md", having="z0"):
        run(words, reader)
    haloes = read_catalogue(reader / "haloes.h5")
    with h5py.File(reader / "mask.h5") as mask, h5py.File(reader / "owners.h5") as owners:
        assert mask["mask"][:].sum() == (owners["owner"][:] >= 0).sum() == haloes["cells"].sum()
    with h5py.File(reader / "z0.gadget.hdf5") as particles:
        assert len(particles["PartType1/Coordinates"]) == 32**3


@pytest.mark.slow
def test_the_tutorials_mock_is_that_of_the_page_on_mocks_and_is_shown_and_exported(reader):
    for words in [words for words in commands(ROOT / "docs/tutorial.md") if words[0] == "halonet"]:
        run(["64" if word == "256" else word for word in words], reader)
    *words, output = page_commands("docs/mocks.md", having="make_mock.py")[0]
    run([*("64" if word == "256" else word for word in words), "script.h5"], reader)
    tutorial, script = (read_catalogue(reader / name) for name in ("mock.h5", "script.h5"))
    assert output == "mock.h5"
    assert len(tutorial) > 100
    for name in tutorial.columns:
        np.testing.assert_array_equal(tutorial[name], script[name])
    assert (reader / "mock.png").stat().st_size > 10_000
    with h5py.File(reader / "mock.halotools.hdf5") as file:
        assert len(file["data"]) == len(tutorial)


@pytest.fixture(scope="module")
def haloes_of_a_user(reader, tmp_path_factory):
    """A folder with a table of haloes in units with h, an evolved density and a linear spectrum, all small."""
    folder, rng, side = tmp_path_factory.mktemp("user"), np.random.default_rng(1), 96.0
    (folder / "workflow_scripts").symlink_to(ROOT / "workflow_scripts")
    x, y, z = rng.uniform(0, 0.7 * (side - 0.01), (3, 400))
    table = np.column_stack([x, y, z, 0.7 * 3.5e12 / rng.uniform(0.02, 1, 400)])
    np.savetxt(folder / "HALOES.csv", table, delimiter=",", header="x,y,z,mass", comments="")
    with h5py.File(folder / "FIELD.h5", "w") as file:
        file["density"] = rng.uniform(-0.8, 0.8, (8, 8, 8)).astype("f4")
        file.attrs["box_size_mpc"] = side
    write_power_spectrum(folder / "power_spectrum.csv", *compute_power_spectrum(CosmologySettings()))
    return folder


def run_a_page_of_chains(name, scripts, folder, settings):
    """Run the commands of a page that name any of ``scripts``, in small; summary of the chain."""
    (folder / "SETTINGS.json").write_text(json.dumps(settings))
    words = [words for words in commands(ROOT / name) if len(words) > 1 and Path(words[1]).stem in scripts]
    assert [Path(command[1]).stem for command in words] == scripts
    for command in words:
        run([{"357": "96", "chain_*.h5": "chain_0.h5"}.get(word, word) for word in command], folder)
    return json.loads((folder / "summary.json").read_text())


@pytest.mark.slow
def test_the_page_of_the_neural_bias_model_goes_from_a_users_table_to_a_posterior(haloes_of_a_user):
    scripts = ["prepare_neural_bias", "sample_neural_bias", "summarise_neural_bias"]
    settings = {"cells": 8, "sampler": {"chains": 1, "warmup": 20, "samples": 40}, "ablation_kernels": [1]}
    summary = run_a_page_of_chains("docs/neural_bias.md", scripts, haloes_of_a_user, settings)
    assert summary["haloes"] == 400


@pytest.mark.slow
def test_the_page_of_field_level_inference_goes_from_a_users_table_to_phases(haloes_of_a_user):
    for leftover in haloes_of_a_user.glob("*_0.h5"):
        leftover.unlink()
    scripts = ["prepare_field_level", "sample_field_level", "summarise_field_level"]
    settings = {"cells": 8, "chains": 1, "warmup": 4, "samples": 8, "phase_thinning": 2}
    summary = run_a_page_of_chains("docs/field_level_inference.md", scripts, haloes_of_a_user, settings)
    assert summary["haloes"] == 400


@pytest.mark.slow
def test_a_catalogue_that_is_exported_comes_back_by_the_commands_of_the_page(reader):
    run(["halonet", "mock", "--seed", "3", "--cells", "48", "-o", "haloes.h5"], reader)
    before = read_catalogue(reader / "haloes.h5")
    for name, form in (("halos.pksc", "pksc"), ("RUN.catalog.out", "pinocchio")):
        run(["halonet", "export", "haloes.h5", "--to", form, "--output", name], reader)
        (words,) = page_commands("docs/exporting.md", having=name)
        small = {"512": "48", "714.286": "48", "256": "48", "haloes.h5": "back.h5"}
        small['{"h": 0.7, ...}'] = json.dumps(CosmologySettings().model_dump(exclude={"redshift"}))
        run([small.get(word, word) for word in words], reader)
        back = read_catalogue(reader / "back.h5")
        assert len(back) == len(before) > 30
        np.testing.assert_allclose(back["qx"], before["qx"], atol=0.02)
        np.testing.assert_allclose(back["mass"], before["mass"], rtol=1e-3)


@pytest.mark.slow
def test_a_network_that_is_shipped_by_the_page_of_another_cosmology_makes_mocks(tmp_path):
    run_of_mine, network = tmp_path / "results/mine", "vnet-small-channels"
    (tmp_path / "workflow_scripts").symlink_to(ROOT / "workflow_scripts")
    trained = run_of_mine / "networks" / network
    shutil.copytree(ROOT / "networks" / network, trained)
    for folder in ("ground_truth/000", f"haloes/{network}", f"statistics/{network}"):
        (run_of_mine / folder).mkdir(parents=True)
    cosmology = CosmologySettings().model_dump(exclude={"redshift"})
    density, header = halonet.draw_density(seed=7, cells=32), FieldHeader(32.0, 0.0, cosmology)
    write_field(run_of_mine / "ground_truth/000/density.h5", "density", density, header)
    shutil.copy(trained / "thresholds.json", run_of_mine / "haloes" / network)
    (run_of_mine / "statistics" / network / "summary.json").write_text(json.dumps(SUMMARY))
    ship, mock = page_commands("docs/how_to/own_cosmology.md", having="networks/mine")
    run([word.replace("$R", "results/mine") for word in ship], tmp_path)
    run([*mock, "--cells", "48"], tmp_path)
    card = (tmp_path / "networks/mine/README.md").read_text()
    assert "completeness and purity above 100 cells | 0.850, 0.860" in card
    assert len(read_catalogue(tmp_path / "mock.h5")) > 20
