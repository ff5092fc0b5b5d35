"""lazarillo simulate: what it writes, and what it refuses."""

import json
import xml.etree.ElementTree

import pytest
from conftest import ROOT, lazarillo

USAGE, OUTPUT, PROPERTY = 2, 5, 8
WORLDS = ROOT / "tests" / "simulate" / "worlds"


def refused(result, code, *words):
    assert result.code == code, result.err
    assert len(result.error_lines) == 1, result.err
    for word in words:
        assert word in result.error_lines[0]


def test_one_world(tmp_path):
    result = lazarillo("simulate", WORLDS / "wall.toml", "--json", tmp_path / "wall.json",
                       "--picture", tmp_path / "wall.svg")
    assert result.code == 0, result.out + result.err
    told = json.loads((tmp_path / "wall.json").read_text())
    assert told["contact"] and told["properties"]["announced"] == {
        "cases": 1, "failures": 0, "holds": True}
    # The wall's face is 8.9 m ahead, the body 0.25 m thick, at 1.2 m/s.
    contact_s = (8.9 - 0.25) / 1.2
    urgent = [c for c in told["cues"] if c["priority"] != "info" and c["begun_s"] is not None]
    assert urgent and urgent[0]["begun_s"] <= contact_s - 1.5
    for cue in told["cues"]:
        assert cue["sentence"] in result.out
    root = xml.etree.ElementTree.parse(tmp_path / "wall.svg").getroot()
    assert root.tag.endswith("svg")


def test_a_property_that_fails_is_an_exit_code():
    # Whoever is told of somebody who comes hears more than one word.
    result = lazarillo("simulate", WORLDS / "head_on.toml", "--words", 1)
    assert result.code == PROPERTY
    assert "FAILS" in next(line for line in result.out.splitlines() if line.startswith("words"))


def test_many_worlds_are_the_same_on_any_number_of_threads(tmp_path):
    told = []
    for threads in (1, 3):
        file = tmp_path / f"{threads}.json"
        result = lazarillo("simulate", "--worlds", 30, "--seed", 5, "--threads", threads, "--json", file)
        assert result.code in (0, PROPERTY), result.err
        told.append(json.loads(file.read_text()))
        assert told[-1]["worlds"] == 30
        for run_dependent in ("took_s", "threads"):
            del told[-1][run_dependent]
    assert told[0] == told[1]


def test_failing_worlds_are_kept_small_and_fail_again(tmp_path):
    # No words at all are allowed: every world in which something is said fails.
    result = lazarillo("simulate", "--worlds", 12, "--words", 0, "--keep", tmp_path / "kept",
                       "--keep-most", 2)
    assert result.code == PROPERTY
    kept = sorted((tmp_path / "kept").glob("words-*.toml"))
    assert kept
    again = lazarillo("simulate", kept[0], "--words", 0)
    assert again.code == PROPERTY and "words" in again.out


@pytest.mark.parametrize("text, words", [
    ("secnds = 3", ["line 1", "'seconds'"]),
    ("[[actor]]\nwidth = -1", ["line 2", "must be from"]),
    ("[[actor]]\nshape = \"hole\"", ["line 2", "hole"]),
    ("[[leg]]\nspeed = 1e9", ["line 2", "speed"]),
    ("= 3", ["line 1"]),
])
def test_bad_worlds(tmp_path, text, words):
    (tmp_path / "world.toml").write_text(text)
    refused(lazarillo("simulate", tmp_path / "world.toml"), USAGE, "world.toml", *words)


def test_missing_files(tmp_path):
    refused(lazarillo("simulate", tmp_path / "none.toml"), USAGE, "none.toml")
    refused(lazarillo("simulate", "--worlds", 1, "--sensor", tmp_path / "none.toml"), USAGE, "none.toml")
    refused(lazarillo("simulate", "--worlds", 1, "--json", tmp_path / "no" / "x.json"), OUTPUT, "x.json")


def test_nonsense_numbers():
    for arguments in (["--worlds", 0], ["--worlds", "many"], ["--threads", -1],
                      [WORLDS / "wall.toml", "--worlds", 3]):
        assert lazarillo("simulate", *arguments).code == USAGE


def test_unknown_sensor_setting(tmp_path):
    (tmp_path / "eyes.toml").write_text("[sensor]\nmiss_smal = 0.1\n")
    refused(lazarillo("simulate", "--worlds", 1, "--sensor", tmp_path / "eyes.toml"), USAGE,
            "miss_smal", "'miss_small'")
