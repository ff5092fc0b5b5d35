"""Aria glasses and recordings through the whole program: what the bridge hands over, and its deaths."""

import json
import os
import signal
import stat
import subprocess
import sys

import pytest

from conftest import PROGRAM, ROOT, eventually, lazarillo, read_results, run


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
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


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
    for arguments, word in [(["aria:", "--fast"], "--fast"), (["walk.vrs", "--feed-fps", "30"], "own rate"),
                            (["walk.vrs", "--realtime", "--isolate"], "--isolate")]:
        done = lazarillo("run", *arguments, "--out", tmp_path / "out")
        assert done.code == 2 and word in done.err


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


# ---- real recordings


@pytest.mark.parametrize("name, pictures", [("everyday/recording.vrs", 8), ("twin/video.vrs", 3),
                                            ("gen2/aria_gen2_unit_test_sequence_with_bluetooth.vrs", 3)])
def test_recordings_as_projectaria_reads_them(shared, tmp_path, name, pictures):
    provider = pytest.importorskip("projectaria_tools.core.data_provider",
                                   reason="tools/eval/requirements-aria.txt is not installed")
    recording = shared / "media" / "aria" / name
    if not recording.exists():
        pytest.skip(f"{recording} is not here")
    program = tmp_path / "bridge"
    folders = f"{ROOT / 'bridges' / 'aria'}:{ROOT / 'bridges' / 'ring'}"
    program.write_text(f"#!/bin/sh\nPYTHONPATH={folders} exec {sys.executable} -m lazarillo_aria \"$@\"\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    config = tmp_path / "aria.toml"
    config.write_text(f'[source]\naria_bridge = "{program}"\n')
    done = run(recording, tmp_path / "out", "--fast", "--config", config, "--no-sound")
    assert done.code == 0, done.err
    from projectaria_tools.core.sensor_data import TimeDomain
    opened = provider.create_vrs_data_provider(str(recording))
    times = opened.get_timestamps_ns(opened.get_stream_id_from_label("camera-rgb"), TimeDomain.DEVICE_TIME)
    assert [f["stream_ns"] for f in done.frames] == [t - times[0] for t in times]
    assert len(times) == pictures
