"""Settings are what their author meant: what YAML or JSON reads otherwise than it looks is refused by name."""

import pytest

from halonet.settings import CosmologySettings, SettingsError, stage_settings
from halonet.settings.yaml_files import read_yaml


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: {c: 2, d: 3, c: 4}", "line 2: b.c stands here a second time, after line 2"),
        ("run:\n  seed: 1\n\nrun:\n  seed: 2", "line 4: run stands here a second time, after line 1"),
        ("list:\n- {a: 1, a: 1}", r"list.0.a stands here a second time"),
        ("run: {name: 2026-01-01}", "run.name = 2026-01-01 is a date in YAML; for a name, write it in quotes"),
        ("run: {name: 12:30}", "run.name = 12:30 is a number to the base 60"),
        ("box_size_mpc: 1:30.5", "base 60"),
        ("seed: 010", "seed = 010 is a number to the base 8"),
        ("a: [1, 2", "line 1.*no valid YAML|line 2.*no valid YAML"),
        ("a: b: c", "line 1: no valid YAML"),
        ("- 1\n- 2", "keys with values are needed"),
        ("just words", "keys with values are needed"),
        ("? [1, 2]\n: 3", "line 1: a list or mapping is the key of a value; text is needed"),
        ("a: &a [1, *a]", "line 1: a.1 holds itself"),
        ("a: &a {b: *a}", "line 1: a.b holds itself"),
        ("a: &a {c: 1}\nb: {<<: *a, <<: *a}", "line 2: b.<< stands here a second time"),
        ("a: !!python/object/apply:os.system [ls]", "no valid YAML"),
    ],
)
def test_what_yaml_would_misread_is_refused_with_file_and_line(tmp_path, text, words):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=words) as error:
        read_yaml(path)
    assert str(path) in str(error.value)


def test_usual_settings_are_read_as_they_are(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("base: &base {a: 1, b: 0}\nother: {<<: *base, b: 3.0e+12}\nquoted: '2026-01-01'\nzero: 0\nnone:\n")
    read = read_yaml(path)
    assert read["other"] == {"a": 1, "b": 3e12}
    assert (read["quoted"], read["zero"], read["none"]) == ("2026-01-01", 0, None)
    path.write_text("")
    assert read_yaml(path) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"h": 0.7, "h": 0.6}', "--cosmology: h stands there twice, as 0.7 and 0.6"),
        ('{"h": NaN}', "h = nan: Input should be a finite number"),
        ('{"h": Infinity}', "finite number"),
        ('{"h": "7e-1"}', r"h = '7e-1': this is text; write the number .* like 3.0e\+12"),
        ('{"h": true}', "h = True"),
        ('{"h": [0.7]}', "h = "),
        ('{"h": 1e-1,}', "no valid JSON"),
        ("[0.7]", "--cosmology: .*valid dictionary|object"),
        ('\ufeff {"h": -1}', "h = -1"),
    ],
)
def test_settings_on_the_command_line_are_held_to_the_same(text, words):
    with pytest.raises(SettingsError, match=words):
        stage_settings(CosmologySettings, text)


def test_a_file_of_an_editor_that_begins_with_a_mark_is_read_and_one_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "cosmology.json"
    path.write_text('{"h": 0.68}', encoding="utf-8-sig")
    assert stage_settings(CosmologySettings, str(path)).h == 0.68
    path.write_bytes(b"\x89HDF\r\n")
    with pytest.raises(SettingsError, match=r"--cosmology .*cosmology.json: this is no text; give JSON text or"):
        stage_settings(CosmologySettings, str(path))
