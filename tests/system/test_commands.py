"""The other commands, and what a user meets around the main job."""

import json
import math
import re
import shutil
import statistics
import subprocess
import tomllib

import pytest
from conftest import PROGRAM, ROOT, lazarillo, make_video, run


def test_help_names_every_command_and_exit_code():
    result = lazarillo("--help")
    assert result.code == 0
    for word in ("run", "doctor", "models", "config", "eval", "Exit codes"):
        assert word in result.out


@pytest.mark.parametrize("command", ["run", "record", "replay", "view", "sounds", "doctor", "models", "config", "eval", "calibrate"])
def test_every_command_has_help(command):
    result = lazarillo(command, "--help")
    assert result.code == 0 and len(result.out) > 80


def test_every_option_of_run_is_documented():
    options = set(re.findall(r"--[a-z-]+", lazarillo("run", "--help").out)) - {"--help"}
    usage = (ROOT / "docs" / "usage.md").read_text()
    page = (ROOT / "docs" / "lazarillo.1").read_text().replace("\\-", "-")
    assert len(options) > 10
    for option in options:
        assert option in usage, option
        assert option in page, option


def test_version_is_the_projects():
    version = re.search(r"VERSION (\d+\.\d+\.\d+)", (ROOT / "CMakeLists.txt").read_text())[1]
    assert lazarillo("--version").out.strip() == f"lazarillo {version}"


def test_no_command_is_a_usage_error():
    result = lazarillo()
    assert result.code == 2 and "--help" in result.err


def test_config_prints_what_it_reads(tmp_path):
    printed = lazarillo("config")
    assert printed.code == 0
    assert tomllib.loads(printed.out)["guide"]["critical_ttc_s"] == 2.7
    (tmp_path / "mine.toml").write_text("[guide]\ncritical_ttc_s = 3.25\n")
    again = lazarillo("config", "--config", tmp_path / "mine.toml")
    assert tomllib.loads(again.out)["guide"]["critical_ttc_s"] == 3.25


def test_doctor_tells_what_is_here():
    result = lazarillo("doctor")
    assert result.code == 0
    for word in ("Processor", "OpenVINO", "GStreamer", "HRTF", "espeak-ng", "TensorRT", "CUDA"):
        assert word in result.out
    assert re.search(r"yes\s+CPU", result.out)


def test_models_are_listed_shown_and_verified():
    listed = lazarillo("models", "list")
    assert listed.code == 0 and "lznet" in listed.out
    shown = lazarillo("models", "show", "lznet")
    assert shown.code == 0 and "416" in shown.out and "person" in shown.out
    verified = lazarillo("models", "verify", "lznet")
    assert verified.code == 0 and "good" in verified.out


def test_models_verify_finds_an_altered_network(tmp_path):
    shutil.copytree(ROOT / "models", tmp_path / "models")
    network = next((tmp_path / "models").glob("lznet*.onnx"))
    network.write_bytes(network.read_bytes()[:-1] + b"x")
    result = lazarillo("models", "verify", tmp_path / "models" / "lznet.toml")
    assert result.code == 4 and re.search("sha-?256", result.out, re.IGNORECASE)


def test_works_from_anywhere_and_with_any_file_name(tmp_path, small_video):
    video = tmp_path / "übung mit leerzeichen & zeichen #1.mp4"
    shutil.copy(small_video, video)
    done = subprocess.run([PROGRAM, "run", video.name, "--out", "résultats ici", "--no-sound"],
                          cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "résultats ici" / "report.json").read_text())
    assert report["frames"] == 20


def test_a_second_run_replaces_the_first(tmp_path, small_video):
    for _ in range(2):
        result = run(small_video, tmp_path / "out", "--no-sound")
        assert result.code == 0
        assert len(result.frames) == 20


def test_without_a_sound_card_it_says_so_and_renders(tmp_path, small_video):
    if "none: runs are rendered" not in lazarillo("doctor").out:
        pytest.skip("this machine has a sound card")
    done = subprocess.run([PROGRAM, "run", small_video, "--fast"], cwd=tmp_path, capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0 and "no sound card" in done.stderr
    assert (tmp_path / "lazarillo-out" / "audio.wav").exists()


def test_leaving_things_out(tmp_path, small_video):
    result = run(small_video, tmp_path / "a", "--no-video", "--no-sound")
    assert result.code == 0
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["events.jsonl", "report.json"]
    result = run(small_video, tmp_path / "b", "--no-video")
    assert sorted(p.name for p in (tmp_path / "b").iterdir()) == ["audio.wav", "events.jsonl", "report.json"]


def test_hfov_scales_distances(tmp_path, vtest):
    """Distances from known heights are proportional to the focal length."""
    clip = make_video(tmp_path / "clip.mkv", f"filesrc location={vtest} ! avidemux ! queue ! "
                                             "identity eos-after=30 ! matroskamux")
    narrow = run(clip, tmp_path / "n", "--no-video", "--no-sound", "--hfov", 30)
    wide = run(clip, tmp_path / "w", "--no-video", "--no-sound", "--hfov", 60)
    ratio = math.tan(math.radians(30)) / math.tan(math.radians(15))
    ratios = [s["distance_m"] / t["distance_m"]
              for a, b in zip(narrow.frames, wide.frames) for s, t in zip(a["tracks"], b["tracks"])
              if s["track"] == t["track"] and abs(t["bearing_deg"]) < 10]
    assert len(ratios) > 10
    assert statistics.median(ratios) == pytest.approx(ratio, rel=0.05)
