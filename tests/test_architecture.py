"""The house: floors of the package, the pins, and no name of anything outside the project."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from halonet.code_digests import code_of
from halonet.settings import Settings, validate

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "halonet"
FLOORS = [
    {"grid", "settings", "provenance", "mpi", "console", "environment", "interruption", "checks"}
    | {"code_digests", "user_cache"},
    {"storage", "locks", "cosmology", "dark_energy", "digests", "kept_spectra"},
    {"dataset", "initial_conditions", "n_body", "catalogue", "matching", "spheres", "truth_files", "head_fields"}
    | {
        "crate",
        "galaxy_catalogue",
        "particles",
        "spectra",
        "owners",
        "columns",
        "column_files",
        "column_table",
        "sampling",
        "plausibility",
        "masses",
        "sky",
        "tiles_of_universes",
    },
    {"peak_patch", "friends_of_friends", "network", "halo_finding", "statistics", "neural_bias", "figures"}
    | {"export", "galaxies", "surveys"},
    {"field_level", "mocks", "light_cones"},  # inference; mocks of boxes and of the sky, built on several stages
    {"workflow"},  # plans the jobs of all stages
    {"interface"},  # what a user imports
    {"command", "__main__"},  # what a user types
]
STAGES = FLOORS[3]
DOORS_OF_NEURAL_BIAS = {"inputs", "evolution", "kernels", "fit", "fitted", "results"}
BY_HAND = {
    "export_catalogue",
    "export_particles",
    "observe_survey",
    "quantise_network",
    "ship_network",
    "show_mock",
    "show_status",
    "write_crate",
}  # on finished work; no stages


LONGEST_MODULE, LONGEST_FUNCTION, MOST_PARAMETERS = 250, 50, 8


def imported_rooms(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("halonet."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("halonet."))


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def floor_of(room):
    return next(i for i, floor in enumerate(FLOORS) if room in floor)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_its_floor_or_below_and_no_stage_imports_another(path):
    room = room_of(path)
    if room == "__init__":
        return
    for imported in imported_rooms(path):
        assert floor_of(imported) <= floor_of(room), f"{room} imports {imported} from a floor above"
        assert room == imported or room not in STAGES or imported not in STAGES, f"stage {room} imports {imported}"


def test_the_neural_bias_model_is_entered_through_its_doors_alone():
    folders = (PACKAGE, ROOT / "workflow_scripts", ROOT / "benchmarks")
    outside = [path for folder in folders for path in folder.rglob("*.py") if path.parent.name != "neural_bias"]
    entered = {}
    for path in outside:
        for found in re.findall(r"(?:from|import) halonet\.neural_bias\.(\w+)", path.read_text()):
            entered.setdefault(found, path)
        assert "from halonet.neural_bias import" not in path.read_text(), f"{path}: import from a door, not the package"
    assert entered.keys() == DOORS_OF_NEURAL_BIAS, {name: str(entered.get(name)) for name in entered}


def sizes(path):
    """Lines of a module and of its functions, docstrings included, and numbers of parameters, by what they are of."""
    name, text = str(path.relative_to(ROOT)), path.read_text()
    yield name, len(text.splitlines()), LONGEST_MODULE
    for node in ast.walk(ast.parse(text)):
        # Kernels of numba take every array by its own name: compiled code knows no objects.
        if isinstance(node, ast.FunctionDef) and not any("njit" in ast.unparse(each) for each in node.decorator_list):
            yield f"{name}: {node.name}", node.end_lineno - node.lineno + 1, LONGEST_FUNCTION
            parameters = [each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            yield f"{name}: {node.name} takes", len(set(parameters) - {"self", "cls"}), MOST_PARAMETERS


def test_modules_functions_and_lists_of_parameters_are_short():
    folders = (ROOT / "src", ROOT / "workflow_scripts", ROOT / "benchmarks")
    found = [size for folder in folders for path in folder.rglob("*.py") for size in sizes(path)]
    beyond = {name: size for name, size, bound in found if size > bound}
    bounds = f"{LONGEST_MODULE} and {LONGEST_FUNCTION} lines, {MOST_PARAMETERS} parameters"
    assert not beyond, f"larger than {bounds}"


def test_no_script_of_a_rule_depends_on_the_workflow_or_its_change_would_remake_results():
    scripts = {path.stem: path for path in (ROOT / "workflow_scripts").glob("*.py")}
    folders = {name: {used.parent for used in code_of(path)} for name, path in scripts.items()}
    planned = {name for name, used in folders.items() if PACKAGE / "workflow" in used}
    assert planned == {"show_status"}


def test_rule_files_hold_rules_and_no_functions():
    for path in (ROOT / "rules").glob("*.smk"):
        assert not re.search(r"^def ", path.read_text(), re.MULTILINE), f"{path.name}: put it in halonet.workflow"


def test_every_rule_has_a_script_of_its_name_and_every_script_a_rule_or_a_user():
    rules = {
        name
        for path in (ROOT / "rules").glob("*.smk")
        for name in re.findall(r"^rule (\w+):", path.read_text(), re.MULTILINE)
    }
    assert rules
    assert rules | BY_HAND == {path.stem for path in (ROOT / "workflow_scripts").glob("*.py")}
    assert not rules & BY_HAND


def pins(*names):
    lines = [line for name in names for line in (ROOT / "requirements" / f"{name}.txt").read_text().split("\n")]
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def conda_environment(name):
    """Its Python and the packages that pip installs into it."""
    environment = yaml.safe_load((ROOT / "envs" / f"{name}.yaml").read_text())
    (pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    (python,) = (entry for entry in environment["dependencies"] if str(entry).startswith("python="))
    return python.removeprefix("python="), set(pip)


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_conda_environments_hold_the_pins_of_the_requirements(name):
    assert conda_environment(name)[1] == pins("base", name)


def test_the_mpi_environment_differs_from_that_of_the_cpu_in_its_mpi_alone():
    mpi, cpu = conda_environment("mpi")[1], conda_environment("cpu")[1]
    assert mpi - cpu == pins("openmpi")
    assert {pin.split("==")[0] for pin in cpu - mpi} == {"mpich"}


def test_the_container_has_the_python_of_the_environments_and_installs_the_requirements():
    sections = re.split(r"^%(\w+)\n", (ROOT / "envs/halonet.def").read_text(), flags=re.MULTILINE)
    header, sections = sections[0], dict(zip(sections[1::2], sections[2::2], strict=True))
    (image,) = re.findall(r"^From: python:([\d.]+)-slim$", header, re.MULTILINE)
    assert {image} == {conda_environment(name)[0] for name in ("cpu", "gpu", "mpi")}
    ((source, target),) = (line.split() for line in sections["files"].strip().splitlines())
    (install,) = re.findall(r"pip install (.*)", sections["post"])
    installed = re.findall(rf"-r {target}/(.+?)\.txt", install)
    assert source == "requirements"
    assert installed == ["base", "{{ device }}"]
    assert "device=cpu" in sections["arguments"]
    for device in ("cpu", "gpu"):
        assert pins(device)


def test_the_cluster_profile_speaks_of_rules_that_exist_and_of_settings_that_are_valid():
    profile = yaml.safe_load((ROOT / "slurm/config.yaml").read_text())
    scripts = {path.stem for path in (ROOT / "workflow_scripts").glob("*.py")}
    assert set(profile["set-resources"]) <= scripts
    settings = yaml.safe_load((ROOT / "config.yaml").read_text())
    for section, values in profile["config"].items():
        settings[section] |= yaml.safe_load(values)
    validate(Settings, settings, "slurm/config.yaml")


def test_every_requirement_is_pinned_to_one_version():
    for pin in pins("base", "cpu", "gpu", "export", "dev", "openmpi", "peers", "docs"):
        assert re.fullmatch(r"[\w.-]+(\[[\w-]+\])?==[\w.]+", pin), pin


def test_the_project_names_no_machine_path_and_no_registry():
    listing = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True, check=True)
    # Put together here, or this file would name them.
    forbidden = re.compile("|".join(["\\.\\./" + "shared", "(?<!\\w)/" + "work/", "index-" + "url", "find-" + "links"]))
    for name in listing.stdout.splitlines():
        if Path(name).suffix in {".py", ".smk", ".md", ".yaml", ".toml", ".txt", ""} and (ROOT / name).is_file():
            assert not forbidden.search((ROOT / name).read_text(errors="replace")), name


def test_only_modules_with_loops_that_numba_compiles_may_have_functions_without_types():
    def is_compiled(node):
        return isinstance(node, ast.FunctionDef) and any("njit" in ast.unparse(each) for each in node.decorator_list)

    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
    (excused,) = (entry["module"] for entry in overrides if entry.get("disallow_untyped_calls") is False)
    compiled = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in PACKAGE.rglob("*.py")
        if any(map(is_compiled, ast.walk(ast.parse(path.read_text()))))
    ]
    assert excused == sorted(compiled)
