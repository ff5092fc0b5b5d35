"""Aria glasses and recordings through the whole program: what the bridge hands over, and its deaths."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import PROGRAM, ROOT, eventually, lazarillo, read_results, run


def ended(pid):
    """Also where nobody has asked how: of an orphan that is not every init's habit."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


@pytest.fixture
def bridge(tmp_path):
    """Settings that take the made-up bridge, an environment for it, and its pids."""
    pids = tmp_path / "pids"
    program = tmp_path / "bridge"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} {ROOT / 'tests' / 'system' / 'fake_bridge.py'} \"$@\"\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    config = tmp_path / "aria.toml"
    config.write_text(f'[source]\naria_bridge = "{program}"\n')

    class Bridge:
        arguments = ["--config", config, "--no-video", "--no-sound"]

        @staticmethod
        def env(what):
            return {"FAKE_BRIDGE": what, "FAKE_BRIDGE_PIDS": str(pids)}

        @staticmethod
        def pids():
            return [int(line) for line in pids.read_text().split()]

    yield Bridge
    for pid in Bridge.pids() if pids.exists() else []:
        assert eventually(lambda: ended(pid)), pid


def test_a_recording_is_played_whole(bridge, tmp_path):
    done = run("walk.vrs", tmp_path / "out", "--fast", *bridge.arguments, env=bridge.env("end:40"))
    assert done.code == 0, done.err
    assert [f["sequence"] for f in done.frames] == list(range(40))
    assert [f["stream_ns"] for f in done.frames] == [10_000_000 * i for i in range(40)]
    assert {(f["width"], f["height"]) for f in done.frames} == {(64, 48)}


def test_one_camera_of_several(bridge, tmp_path):
    config = tmp_path / "left.toml"
    config.write_text(bridge.arguments[1].read_text() + 'camera = "slam-left"\n')
    done = run("walk.vrs", tmp_path / "out", "--fast", "--config", config, "--no-video", "--no-sound",
               env=bridge.env("end:5"))
    assert done.code == 0 and len(done.frames) == 5, done.err


def test_a_bridge_that_dies_in_a_recording(bridge, tmp_path):
    done = run("walk.vrs", tmp_path / "out", "--fast", *bridge.arguments, env=bridge.env("die:10"))
    assert done.code == 3
    assert len(done.frames) == 10
    assert len(done.error_lines) == 1 and "walk.vrs" in done.error_lines[0] and "137" in done.error_lines[0]


def test_a_bridge_that_hangs_in_a_recording(bridge, tmp_path):
    done = run("walk.vrs", tmp_path / "out", "--fast", *bridge.arguments, env=bridge.env("hang:10"))
    assert done.code == 3
    assert len(done.frames) == 10
    assert "hangs" in done.err


def test_a_bridge_that_cannot_open(bridge, tmp_path):
    done = run("walk.vrs", tmp_path / "out", "--fast", *bridge.arguments, env=bridge.env("code:3"))
    assert done.code == 3
    assert "there is no such recording" in done.err and len(done.error_lines) == 1


def test_no_bridge(tmp_path):
    config = tmp_path / "aria.toml"
    config.write_text('[source]\naria_bridge = "/there/is/none"\n')
    done = lazarillo("run", "walk.vrs", "--fast", "--config", config, "--out", tmp_path / "out")
    assert done.code == 3
    assert len(done.error_lines) == 1 and "pip install" in done.error_lines[0]


def test_what_aria_has_not(tmp_path):
    for arguments, word in [(["aria:", "--fast"], "--fast"), (["walk.vrs", "--feed-fps", "30"], "own rate")]:
        done = lazarillo("run", *arguments, "--out", tmp_path / "out")
        assert done.code == 2 and word in done.err


def test_every_process_knows_the_lens(bridge, tmp_path):
    """A camera on its side: upright where the lens is known."""
    # All at once: the last is looked at, however busy the machine is.
    config = bridge.arguments[1]
    config.write_text(config.read_text() + "[see]\ndeadline_ms = 10000\n")
    done = run("walk.vrs", tmp_path / "out", "--realtime", "--isolate", *bridge.arguments,
               env={**bridge.env("end:150"), "FAKE_BRIDGE_TURNS": "1"})
    assert done.code == 0, done.err
    assert done.report["mode"] == "isolated"
    assert {(f["width"], f["height"]) for f in done.frames} == {(48, 64)}
    assert any(f["looked_at"] for f in done.frames)


def test_a_capture_that_dies_is_started_again(bridge, tmp_path):
    process = subprocess.Popen([PROGRAM, "run", "aria:", "--isolate", "--out", tmp_path / "out", "--commands", "none",
                                *bridge.arguments], env={**os.environ, **bridge.env("end:1000000")},
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True)
    try:
        for line in process.stderr:
            if "processes " in line:
                break
        capture = int(re.search(r"capture (\d+)", line)[1])
        # The first looks what there is, the second is the run's.
        assert eventually(lambda: len(bridge.pids()) >= 2)
        os.kill(capture, signal.SIGKILL)
        assert eventually(lambda: len(bridge.pids()) >= 3)
        events = tmp_path / "out" / "events.jsonl"
        before = events.read_text().count('"type":"frame"')
        assert eventually(lambda: events.read_text().count('"type":"frame"') > before + 20)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    result = read_results(tmp_path / "out", type("Ended", (), {})())
    sequences = [e["sequence"] for e in result.events if e["type"] == "frame"]
    assert sequences == sorted(set(sequences))


@pytest.mark.parametrize("what", ["die:20", "hang:20"])
def test_glasses_are_looked_for_again(bridge, tmp_path, what):
    process = subprocess.Popen([PROGRAM, "run", "aria:", "--out", tmp_path / "out", "--commands", "none",
                                *bridge.arguments], env={**os.environ, **bridge.env(what)},
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True)
    try:
        # Opened twice after the first: the second death was noticed, too.
        assert eventually(lambda: (tmp_path / "pids").exists() and len(bridge.pids()) >= 3)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode == 130
    assert "trying again" in err and "back" in err
    result = read_results(tmp_path / "out", type("Ended", (), {})())
    sequences = [e["sequence"] for e in result.events if e["type"] == "frame"]
    assert sequences == sorted(set(sequences)) and sequences[-1] >= 20


# ---- several cameras as one view


@pytest.fixture
def all_cameras(bridge, tmp_path):
    """Arguments and environment of a run that looks through all cameras of a made-up rig."""
    config = tmp_path / "all.toml"
    config.write_text(bridge.arguments[1].read_text() + 'camera = "all"\n')

    class AllCameras:
        arguments = ["--config", config, "--no-video", "--no-sound"]

        @staticmethod
        def env(what, rig="three"):
            return {**bridge.env(what), "FAKE_BRIDGE_RIG": rig}

    return AllCameras


def test_pictures_of_one_moment_are_one_frame(all_cameras, tmp_path):
    done = run("walk.vrs", tmp_path / "out", "--fast", *all_cameras.arguments, env=all_cameras.env("end:40"))
    assert done.code == 0, done.err
    assert [f["sequence"] for f in done.frames] == list(range(40))
    assert [f["stream_ns"] for f in done.frames] == [10_000_000 * i for i in range(40)]
    assert {f["camera_name"] for f in done.frames} == {"rgb"}
    for i, frame in enumerate(done.frames):
        beside = [(b["camera_name"], b["sequence"], b["stream_ns"]) for b in frame["beside"]]
        at = 10_000_000 * i + 1_000_000
        assert beside == ([("slam-left", i // 2, at), ("slam-right", i // 2, at)] if i % 2 == 0 else []), i
        assert all((b["width"], b["height"]) == (64, 48) for b in frame["beside"])


def test_a_camera_that_drops_out(all_cameras, tmp_path):
    done = run("walk.vrs", tmp_path / "out", "--fast", *all_cameras.arguments,
               env=all_cameras.env("end:60", "three:20"))
    assert done.code == 0, done.err
    assert len(done.frames) == 60
    seen = [[b["camera_name"] for b in f["beside"]] for f in done.frames[::2]]
    assert seen[:10] == [["slam-left", "slam-right"]] * 10 and seen[10:] == [["slam-right"]] * 20


def test_several_cameras_live(all_cameras, bridge, tmp_path):
    process = subprocess.Popen([PROGRAM, "run", "aria:", "--out", tmp_path / "out", "--commands", "none",
                                *all_cameras.arguments], env={**os.environ, **all_cameras.env("die:150")},
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True)

    def looked_through_all_again():
        """The bridge died, and a whole moment of the next one was looked at."""
        events = tmp_path / "out" / "events.jsonl"
        if not (tmp_path / "pids").exists() or len(bridge.pids()) < 2 or not events.exists():
            return False
        lines = [json.loads(line) for line in events.read_text().split("\n")[:-1]]
        return any(len(e.get("beside", [])) == 2 and e["sequence"] >= 150 for e in lines)

    try:
        assert eventually(looked_through_all_again, patience_s=120)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "back" in err
    result = read_results(tmp_path / "out", type("Ended", (), {})())
    sequences = [e["sequence"] for e in result.events if e["type"] == "frame"]
    assert sequences == sorted(set(sequences))


def test_several_cameras_in_processes_of_their_own(all_cameras, tmp_path):
    config = all_cameras.arguments[1]
    config.write_text(config.read_text() + "[see]\ndeadline_ms = 10000\n")
    # All at once: the newest is looked at, the last of all in any case.
    done = run("walk.vrs", tmp_path / "out", "--realtime", "--isolate", *all_cameras.arguments,
               env=all_cameras.env("end:151"))
    assert done.code == 0, done.err
    assert done.report["mode"] == "isolated"
    looked = [f for f in done.frames if f["looked_at"]]
    for frame in looked:
        i = frame["sequence"]
        assert frame["stream_ns"] == 10_000_000 * i and frame["camera_name"] == "rgb"
        beside = [(b["camera_name"], b["sequence"], b["stream_ns"]) for b in frame["beside"]]
        at = 10_000_000 * i + 1_000_000
        assert beside == ([("slam-left", i // 2, at), ("slam-right", i // 2, at)] if i % 2 == 0 else []), i
    assert looked[-1]["sequence"] == 150


@pytest.mark.parametrize("part", ["capture", "see", "guide", "show"])
def test_a_process_that_dies_with_several_cameras(all_cameras, tmp_path, part):
    process = subprocess.Popen([PROGRAM, "run", "aria:", "--isolate", "--out", tmp_path / "out", "--commands", "none",
                                *all_cameras.arguments], env={**os.environ, **all_cameras.env("end:1000000")},
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True)
    events = tmp_path / "out" / "events.jsonl"

    def whole_moments():
        """Numbers of those that were looked at with all of their pictures."""
        lines = [json.loads(line) for line in events.read_text().split("\n")[:-1]]
        return [e["sequence"] for e in lines if len(e.get("beside", [])) == 2]

    try:
        for line in process.stderr:
            if "processes " in line:
                break
        assert eventually(lambda: events.exists() and whole_moments(), patience_s=60)
        before = whole_moments()[-1]
        os.kill(int(re.search(rf"{part} (\d+)", line)[1]), signal.SIGKILL)
        # More than can have been on its way.
        assert eventually(lambda: len([n for n in whole_moments() if n > before + 40]) > 3, patience_s=60)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1]
    finally:
        # A supervisor that is killed has a successor.
        process.terminate()
        process.wait(60)
    assert process.returncode == 130, err
    result = read_results(tmp_path / "out", type("Ended", (), {})())
    sequences = [e["sequence"] for e in result.events if e["type"] == "frame"]
    assert sequences == sorted(set(sequences))
    assert result.report["drops"]["process_died"] == 1


def test_all_cameras_recorded_and_told_again(all_cameras, tmp_path):
    recording = tmp_path / "walk.mkv"
    done = run("walk.vrs", tmp_path / "out", "--fast", "--record", recording, *all_cameras.arguments,
               env=all_cameras.env("end:20"))
    assert done.code == 0, done.err
    again = lazarillo("replay", recording)
    assert again.code == 0, again.err


@pytest.mark.parametrize("arguments, settings, word", [
    (["walk.mp4", "--fast"], "", "several cameras"),
    (["walk.vrs", "--fast"], 'decoder = "nvdec"\n[see]\nengine = "tensorrt"\n', "source.decoder")])
def test_what_several_cameras_cannot_do(all_cameras, tmp_path, arguments, settings, word):
    config = tmp_path / "all.toml"
    config.write_text(config.read_text() + settings)
    done = lazarillo("run", *arguments, "--out", tmp_path / "out", "--config", config)
    assert done.code == 2 and word in done.err and len(done.error_lines) == 1, done.err


# ---- real recordings


@pytest.fixture
def real_bridge(tmp_path):
    """A program that is the bridge of this folder, by the Python that runs the tests."""
    pytest.importorskip("projectaria_tools.core.data_provider",
                        reason="tools/eval/requirements-aria.txt is not installed")
    program = tmp_path / "bridge"
    folders = f"{ROOT / 'bridges' / 'aria'}:{ROOT / 'bridges' / 'ring'}"
    program.write_text(f"#!/bin/sh\nPYTHONPATH={folders} exec {sys.executable} -m lazarillo_aria \"$@\"\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


@pytest.mark.parametrize("name, pictures", [("everyday/recording.vrs", 8), ("twin/video.vrs", 3),
                                            ("gen2/aria_gen2_unit_test_sequence_with_bluetooth.vrs", 3)])
def test_recordings_as_projectaria_reads_them(shared, tmp_path, real_bridge, name, pictures):
    recording = shared / "media" / "aria" / name
    if not recording.exists():
        pytest.skip(f"{recording} is not here")
    config = tmp_path / "aria.toml"
    config.write_text(f'[source]\naria_bridge = "{real_bridge}"\n')
    done = run(recording, tmp_path / "out", "--fast", "--config", config, "--no-sound")
    assert done.code == 0, done.err
    from projectaria_tools.core import data_provider as provider
    from projectaria_tools.core.sensor_data import TimeDomain
    opened = provider.create_vrs_data_provider(str(recording))
    times = opened.get_timestamps_ns(opened.get_stream_id_from_label("camera-rgb"), TimeDomain.DEVICE_TIME)
    assert [f["stream_ns"] for f in done.frames] == [t - times[0] for t in times]
    assert len(times) == pictures


@pytest.mark.parametrize("camera", ["rgb", "all"])
def test_the_same_is_seen_in_processes_of_their_own(shared, tmp_path, real_bridge, camera):
    recording = shared / "media" / "aria" / "everyday/recording.vrs"
    if not recording.exists():
        pytest.skip(f"{recording} is not here")
    config = tmp_path / "aria.toml"
    # What is looked at late counts, too: this may be a slow machine.
    config.write_text(f'[source]\naria_bridge = "{real_bridge}"\ncamera = "{camera}"\n[see]\ndeadline_ms = 1000\n')
    seen = []

    def found(picture):
        return [(d["label"], d["box"], d["score"]) for d in picture["detections"]]

    for out, how in (tmp_path / "one", ["--fast"]), (tmp_path / "four", ["--realtime", "--isolate"]):
        done = run(recording, out, *how, "--config", config, "--no-sound")
        assert done.code == 0, done.err
        # Pictures come faster than they are drawn.
        assert "process_died" not in done.report["drops"], done.err
        seen.append({f["stream_ns"]: [found(f)] + [(b["camera_name"], found(b)) for b in f.get("beside", [])]
                     for f in done.frames if f["looked_at"]})
    one, four = seen
    assert four and four.items() <= one.items()
    if camera == "all":
        assert any(len(pictures) == 3 for pictures in four.values())


@pytest.fixture
def all_of(shared, tmp_path, real_bridge):
    """Runs a recording through all of its cameras."""
    def run_all(name, *arguments):
        recording = shared / "media" / "aria" / name
        if not recording.exists():
            pytest.skip(f"{recording} is not here")
        config = tmp_path / "all.toml"
        config.write_text(f'[source]\naria_bridge = "{real_bridge}"\ncamera = "all"\n')
        done = run(recording, tmp_path / "out", "--fast", "--config", config, "--no-sound", *arguments)
        assert done.code == 0, done.err
        return done

    return run_all


def test_a_bed_is_one_whichever_camera_sees_it(all_of):
    done = all_of("everyday/recording.vrs")
    # Colour 20 a second, the sides 10, from the second picture on.
    sides = [[b["camera_name"] for b in f["beside"]] for f in done.frames]
    assert sides == [[], ["slam-left", "slam-right"]] * 4
    seen = [(f, t) for f in done.frames for t in f["tracks"]]
    beds = [t for _, t in seen if t["label"] == "bed"]
    assert {t["track"] for t in beds} == {1}
    assert {t["camera_name"] for t in beds} == {"rgb", "slam-right"}
    # The door at the left, out of the colour camera's picture.
    doors = [t for _, t in seen if t["label"] == "door"]
    assert len({t["track"] for t in doors}) == 1 and {t["camera_name"] for t in doors} == {"slam-left"}
    assert all(-90 < t["bearing_deg"] < -65 and 1 < t["distance_m"] < 3 for t in doors)
    assert all(t["box"][0] == t["box"][2] for t in doors)


def test_five_cameras_of_the_second_generation(all_of):
    done = all_of("gen2/aria_gen2_unit_test_sequence_with_bluetooth.vrs", "--no-video")
    assert len(done.frames) == 3
    for frame in done.frames:
        assert [b["camera_name"] for b in frame["beside"]] == ["slam-front-left", "slam-front-right", "slam-side-left",
                                                               "slam-side-right"]
        assert all(-8e6 < b["stream_ns"] - frame["stream_ns"] < 0 for b in frame["beside"])
