"""No output replaces an input or another output; one that cannot be written is noticed before all computing."""

import os
import stat
from pathlib import Path

import pytest

from halonet.checks.parser import (
    NETWORK,
    READS,
    SETTINGS,
    WRITES,
    WRITES_FIGURE,
    WRITES_FOLDER,
    WRITES_WITH_FIGURES,
    Parser,
    check_files,
)
from halonet.checks.paths import PathError
from halonet.command.main import parse as parse_command
from halonet.network.shipped import DEFAULT_NETWORK, shipped_network, shipped_networks
from halonet.storage import StorageError, write_json, write_text


@pytest.fixture
def parse(tmp_path, monkeypatch):
    """Command line of a script that reads and writes, in a folder with some files."""
    monkeypatch.chdir(tmp_path)
    for name in ("in.h5", "old.h5", "settings.json", "net/model.weights.h5", "net/mock.h5"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(name)
    parser = Parser()
    parser.add_argument("--density", type=READS, nargs="+", default=["in.h5"])
    parser.add_argument("--settings", type=SETTINGS)
    parser.add_argument("--network", type=NETWORK.or_name(shipped_network))
    parser.add_argument("--mask", type=WRITES)
    parser.add_argument("-o", "--haloes", type=WRITES, nargs="*")
    parser.add_argument("--figures", type=WRITES_FOLDER)
    parser.add_argument("--summary", type=WRITES_WITH_FIGURES)
    parser.add_argument("--figure", type=WRITES_FIGURE)
    parser.add_argument("--beside", type=WRITES.or_else(lambda given: given.density[0] + ".out"))
    return lambda line: parser.parse_args(line.split())


@pytest.mark.parametrize(
    "line",
    [
        "--mask new.h5 -o old.h5",  # what is replaced is no input
        "--mask deep/new/folder/mask.h5",
        "--network net -o net/mock.h5 --mask net/new.h5",  # a result of the user's own, once more
        "--network vnet-small -o new.h5",  # a name, and no folder
        "--settings settings.json --mask new.h5",
        '--settings {"a":1} --mask new.h5',
        "--figures figures --summary figures/s.json",
        "--figure picture --mask picture.h5",
    ],
)
def test_files_that_stand_apart_are_taken(parse, line):
    before = sorted(Path().rglob("*"))
    parse(line)
    assert sorted(Path().rglob("*")) == before  # probing leaves nothing


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--mask in.h5", "--mask in.h5: is what --density reads"),
        ("--mask ./net/../in.h5", "is what --density reads"),
        ("--density old.h5 in.h5 -o new.h5 in.h5", "--haloes in.h5: is what --density reads"),
        ("--settings settings.json --mask settings.json", "is what --settings reads"),
        ("--network net --mask net/model.weights.h5", "is a file of --network net, which is read"),
        ("--mask a.h5 -o a.h5", "--mask a.h5: --haloes names the same file|--haloes a.h5: --mask names the same file"),
        ("-o a.h5 ./a.h5", "--haloes names the same file"),
        ("--summary s.json --mask s.png", "names the same file"),
        ("--figure s --mask s.pdf", "names the same file"),
        ("--mask out -o out/a.h5", "lies in --mask out, which will be a file"),
        ("--mask net", "--mask net: is a folder"),
        ("--figures old.h5", "is a file; name a folder"),
        ("--mask in.h5/a.h5", "is a file, no folder|cannot be written"),
        ("--density no.h5", "--density no.h5: no such file"),
        ("--density net", "--density net: a folder; a file is needed"),
        ("--mask " + "a" * 250, "a name of 250 bytes"),
    ],
)
def test_what_would_destroy_a_file_or_cannot_be_written_is_refused_with_option_and_name(parse, line, words):
    with pytest.raises(PathError, match=words):
        parse(line)
    assert Path("in.h5").read_text() == "in.h5"


def test_the_file_that_is_written_where_none_is_named_is_checked_as_a_named_one(parse):
    assert parse("").beside == "in.h5.out"
    assert parse("--beside other.h5").beside == "other.h5"
    for line, words in (
        ("--mask in.h5.out", "--beside in.h5.out: --mask names the same file"),
        ("--density old.h5 --settings old.h5.out", "--beside old.h5.out: is what --settings reads"),
        ("--density link.h5", "--beside link.h5.out: is what --density reads"),
    ):
        for link, file in (("link.h5", "in.h5"), ("link.h5.out", "in.h5"), ("old.h5.out", "settings.json")):
            if not os.path.lexists(link):
                os.symlink(file, link)
        with pytest.raises(PathError, match=words):
            parse(line)


@pytest.mark.parametrize(
    "line",
    [
        "survey in.h5 --settings {} -o in.randoms.fits",
        "survey in.h5 --settings {} --randoms in.survey.fits",
        "survey in.h5 --settings in.survey.fits",
        "galaxies in.h5",
        "show in.h5",
    ],
)
def test_no_command_writes_over_a_file_that_its_line_does_not_name(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("in.h5").write_text("haloes")
    for link in ("in.galaxies.h5", "in.png"):
        os.symlink("in.h5", link)
    Path("in.survey.fits").write_text("{}")
    with pytest.raises(PathError, match=r"names the same file|would be replaced"):
        check_files(parse_command(line.split()))
    assert Path("in.h5").read_text() == "haloes"


@pytest.mark.parametrize(
    ("line", "network"),
    [
        ("mock --seed 7 --method network --network vnet-small -o {}", "vnet-small"),
        ("mock --seed 7 --method network --network vnet-small -o z.h5 --keep-probability {}", "vnet-small"),
        ("mock --seed 7 --method network -o {}", DEFAULT_NETWORK),
        ("predict --density in.h5 --network vnet-small -o {}", "vnet-small"),
        ("predict --density in.h5 -o {}", DEFAULT_NETWORK),
        ("find --probability in.h5 --network vnet-small -o {}", "vnet-small"),
    ],
)
def test_no_file_of_a_network_is_replaced_whether_its_name_or_none_is_given(line, network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("in.h5").touch()
    files = [path for path in sorted(shipped_networks()[network].rglob("*")) if path.is_file()]
    assert {"digests.json", "README.md", "thresholds.json"} < {path.name for path in files}
    for path in files:
        with pytest.raises(PathError, match=r"is a file of --network .*, which is read, and would be replaced"):
            check_files(parse_command(line.format(path).split()))


def test_the_model_that_is_drawn_from_by_default_is_not_replaced(tmp_path, monkeypatch):
    from halonet.neural_bias.fitted import SHIPPED as shipped

    monkeypatch.chdir(tmp_path)
    arguments = parse_command(["draw", "--seed", "7", "-o", "new.h5"])
    assert Path(arguments.model) == shipped
    with pytest.raises(PathError, match="is what --model reads and would be replaced"):
        check_files(parse_command(f"draw --seed 7 -o {shipped}".split()))


def test_an_input_under_another_name_is_known(parse):
    os.symlink("in.h5", "link.h5")
    os.link("in.h5", "hard.h5")
    os.symlink("gone.h5", "broken.h5")
    for name in ("link.h5", "hard.h5"):
        with pytest.raises(PathError, match="is what --density reads"):
            parse(f"--mask {name}")
    with pytest.raises(PathError, match=r"a link to gone.h5, which does not exist"):
        parse("--density broken.h5")


def test_two_outputs_behind_a_linked_folder_are_known_for_one(parse):
    os.symlink("net", "linked")
    with pytest.raises(PathError, match="names the same file"):
        parse("--mask net/a.h5 -o linked/a.h5")


@pytest.mark.parametrize("special", ["pipe", "/dev/null", "/dev/full"])
def test_pipes_and_devices_are_neither_written_nor_replaced(parse, special):
    if special == "pipe":
        os.mkfifo(special)
    with pytest.raises(PathError, match="is a pipe or device"):
        parse(f"--mask {special}")
    with pytest.raises(StorageError, match="no plain file"):
        write_text(special, "text")
    assert not stat.S_ISREG(os.stat(special).st_mode)


def test_a_link_stays_a_link_and_what_it_names_is_written(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "here.json").symlink_to("disk/there.json")
    write_json(tmp_path / "here.json", {"a": 1})
    assert (tmp_path / "here.json").is_symlink()
    assert (tmp_path / "disk/there.json").read_text() == '{\n  "a": 1\n}\n'
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["disk", "here.json", "there.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_noticed(parse, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(PathError, match="nothing can be written"):
        parse("--mask locked/a.h5")


def test_a_script_refuses_before_it_reads_and_leaves_the_file(run_script, tmp_path):
    """Its density is no HDF5 at all, which would be found only after the paths."""
    path = tmp_path / "density.h5"
    path.write_text("precious")
    process = run_script(
        "find_peak_patch_haloes", "--density", path, "--haloes", tmp_path / "h.h5", "--mask", path, check=False
    )
    assert (process.returncode, process.stderr) == (
        2, f"error: --mask {path}: is what --density reads and would be replaced; name another file to write\n",
    )  # fmt: skip
    assert path.read_text() == "precious"
