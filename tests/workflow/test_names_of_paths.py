"""Paths of a run are quoted, expanded or refused when it is planned: no shell executes what stands in a name."""

import json
import os
import re
from pathlib import Path

import pytest
import yaml
from forks import SNAKEMAKE, run_python

from halonet.settings import Settings, SettingsError, load_settings, validate
from halonet.settings.base import Model
from halonet.settings.paths import BoxFiles, GivenPath, Launcher

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests/workflow/tiny.yaml"


class Paths(Model):
    folder: GivenPath = "results"
    files: BoxFiles = "{box}.h5"
    launcher: Launcher = "mpiexec"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("results", "results"),
        ("my results/of 2026", "my results/of 2026"),
        ("./results/", "results"),
        ("~/halonet", "/home/me/halonet"),
        ("$SCRATCH/halonet", "/scratch/me/halonet"),
        ("${SCRATCH}/halonet", "/scratch/me/halonet"),
        ("/data/run_0.5", "/data/run_0.5"),
        ("données", "données"),
    ],
)
def test_a_folder_is_what_a_shell_would_make_of_it(text, path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("SCRATCH", "/scratch/me")
    assert validate(Paths, {"folder": text}, "test").folder == path
    assert validate(Paths, {"files": f"{text}/{{box}}/d.h5"}, "test").files == f"{path}/{{box}}/d.h5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "name a folder"),
        (" ", "name a folder"),
        ("/", "name a folder"),
        ("//", "name a folder"),
        ("results ", "spaces at its ends"),
        ("$HALONET_NOWHERE/x", r"no variable \$HALONET_NOWHERE"),
        ("~nobody-of-that-name/x", "no user of this machine"),
        ("results; touch x", "';' stands in this path"),
        ("$(touch x)", r"'\$' stands in this path"),
        ("`touch x`", "'`' stands in this path"),
        ("a'b", "stands in this path"),
        ('a"b', "stands in this path"),
        ("a\\b", "stands in this path"),
        ("a|tee b", "stands in this path"),
        ("a>b", "stands in this path"),
        ("a&b", "stands in this path"),
        ("a*", "stands in this path"),
        ("a?", "stands in this path"),
        ("a#b", "stands in this path"),
        ("a\nb", "stands in this path"),
        ("{box}", "stands in this path"),
        ("-results", "taken for an option"),
        ("a/-rf", "taken for an option"),
    ],
)
def test_a_name_that_no_path_needs_is_refused_by_key_and_reason(text, message):
    with pytest.raises(SettingsError, match=f"folder = .*{message}"):
        validate(Paths, {"folder": text}, "test")


@pytest.mark.parametrize("text", ["own/$(touch x)/{box}.h5", "own/{box}.h5; ls", "own/{run}/{box}.h5", "own.h5", ""])
def test_files_of_boxes_are_held_to_the_same(text):
    with pytest.raises(SettingsError, match="files = "):
        validate(Paths, {"files": text}, "test")


@pytest.mark.parametrize("text", ["srun --mpi=pmi2", "mpiexec", "mpirun --map-by ppr:1:node -x PATH", ""])
def test_a_launcher_may_have_options(text):
    assert validate(Paths, {"launcher": text}, "test").launcher == text


@pytest.mark.parametrize("text", ["mpiexec; touch x", "$(touch x)", "mpiexec > x", "mpiexec `x`", "mpiexec & x"])
def test_a_launcher_is_no_second_command(text):
    with pytest.raises(SettingsError, match="a program and its options"):
        validate(Paths, {"launcher": text}, "test")


def test_every_path_of_the_configuration_is_checked(tmp_path):
    wrong = "$(touch x)"
    for over in (
        {"run": {"results": wrong}},
        {"mocks": {"network": wrong}},
        {"ground_truth": {"launcher": wrong}},
        {"training": {"launcher": wrong}},
        {"ground_truth": {"source": "files", "files": {"density": wrong + "{box}"}}},
    ):
        (tmp_path / "over.yaml").write_text(yaml.safe_dump(over))
        with pytest.raises(SettingsError, match=re.escape(wrong)):
            load_settings(ROOT / "config.yaml", TINY, tmp_path / "over.yaml")


def text_settings(model, name=""):
    """Settings that are text without a pattern, a choice or a check, by their keys."""
    for key, part in model.model_json_schema()["$defs"].items():
        for field, schema in part.get("properties", {}).items():
            for choice in schema.get("anyOf", [schema]):
                if choice.get("type") == "string" and not {"enum", "const", "pattern"} & set(choice):
                    yield f"{key}.{field}"


def test_a_new_setting_of_free_text_is_noticed_here():
    """Text reaches shells: a path or a launcher has a type that checks it; list here what has been given one."""
    assert set(text_settings(Settings)) == {
        "GroundTruthSettings.launcher",
        "MockSettings.network",
        "NetworkSettings.start_from",
        "RunSettings.results",
        "TeacherSettings.network",
        "TrainingSettings.launcher",
        "TruthFilesSettings.density",
        "TruthFilesSettings.haloes",
        "TruthFilesSettings.mask",
    }


def test_every_path_in_a_shell_command_of_a_rule_is_quoted():
    unquoted = re.compile(r"(?<!\{)\{(?:input|output|params|wildcards|log)(?:[.\[][^}:]*)?\}(?!\})")
    unguarded = re.compile(r'(?<!")\$\(')
    for path in sorted((ROOT / "rules").glob("*.smk")):
        for block in re.findall(r"^    shell:\n((?: {8}.*\n)+)", path.read_text(), re.MULTILINE):
            assert not unquoted.search(block), f"{path.name}: write {unquoted.search(block)[0][:-1]}:q}}"
            assert not unguarded.search(block.replace('\\"', '"')), f"{path.name}: quote what $() gives"


def test_a_run_in_folders_with_spaces_and_variables_makes_its_files_there_and_executes_nothing(tmp_path):
    folder = tmp_path / "my work"
    folder.mkdir()
    for name in ("Snakefile", "config.yaml", "rules", "workflow_scripts", "src", "envs", "profiles", "slurm"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "more.yaml").write_text(json.dumps({"run": {"results": "$HALONET_SCRATCH/of it (all)"}}))
    environment = os.environ | {"HALONET_SCRATCH": str(tmp_path / "scratch of me")}
    plan = ["-m", "snakemake", "--configfile", TINY, "more.yaml", "--cores", "1"]
    refused = run_python([*plan, "-n"], SNAKEMAKE, environment, folder)
    assert refused.returncode == 1
    said = refused.stdout + refused.stderr
    assert re.search(r"run\.results = .*'\(' stands in this path", said), said
    (folder / "more.yaml").write_text(json.dumps({"run": {"results": "$HALONET_SCRATCH/of it"}}))
    made = tmp_path / "scratch of me/of it/tiny/cosmology/power_spectrum.csv"
    done = run_python([*plan, made], SNAKEMAKE, environment, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert made.is_file()
    asked = "$HALONET_SCRATCH/of it/tiny/cosmology/power_spectrum.csv"
    again = run_python([*plan, "-n", asked], SNAKEMAKE, environment, folder)
    assert again.returncode == 0, again.stdout + again.stderr  # a file asked for by the name that the settings have
    assert (tmp_path / "scratch of me/of it/tiny/logs/compute_power_spectrum.log").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my work", "scratch of me"]
