"""Processes apart: what each does, and what happens when one dies."""

import os
import resource
import signal
import sys
import time
import wave

import pytest

from conftest import (PROGRAM, ROOT, decoded_pictures, eventually, lazarillo, read_results, run,
                      still_video)

sys.path.insert(0, str(ROOT / "bench"))
from kill import Run, cue, looked  # noqa: E402  (the benchmark of the same events)


@pytest.fixture(autouse=True)
def nothing_stays_behind():
    """In /dev/shm, whatever a test does to the processes."""
    before = set(os.listdir("/dev/shm"))
    yield
    assert set(os.listdir("/dev/shm")) - before == set()


@pytest.fixture
def living(vtest, tmp_path):
    """A run in four processes on the street video, ended after the test."""
    started = Run(str(PROGRAM), str(vtest), str(tmp_path), "lznet")
    assert started.wait_for(looked, 0) is not None
    yield started
    if started.process.poll() is None:
        started.process.send_signal(signal.SIGTERM)
        started.process.wait(60)


def end(living):
    living.process.send_signal(signal.SIGTERM)
    assert living.process.wait(60) == 143
    return living.events.parent


def kill(living, part, how=signal.SIGKILL):
    pid = living.newest_pids()[part]
    killed_ns = time.monotonic_ns()
    os.kill(pid, how)
    return killed_ns


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_run_in_four_processes_writes_what_one_process_writes(tmp_path):
    video = still_video(tmp_path / "clip.mp4", seconds=3)
    result = run(video, tmp_path / "out", "--realtime", "--isolate")
    assert result.code == 0, result.err
    assert [f["sequence"] for f in result.frames] == list(range(30))
    assert result.report["mode"] == "isolated"
    assert result.report["frames"] == 30
    # From capture into the ring; drawing and the recorder's own take one each of what is shown.
    shown = decoded_pictures(result.directory / "overlay.mp4")
    assert 0 < shown <= 30
    assert 30 <= result.report["copies"] <= 30 * 3
    with wave.open(str(result.directory / "audio.wav")) as sound:
        assert abs(sound.getnframes() / sound.getframerate() - 3) < 1


@pytest.mark.parametrize("part", ["capture", "see"])
def test_when_seeing_dies_it_is_said_and_seeing_goes_on(living, part):
    killed_ns = kill(living, part)
    lost_ns = living.wait_for(cue("vision_lost"), killed_ns)
    assert lost_ns is not None
    again_ns = living.wait_for(looked, lost_ns)
    assert again_ns is not None
    assert living.wait_for(cue("vision_back"), again_ns) is not None
    result = read_results(end(living), lazarillo("--version"))
    assert [f["sequence"] for f in result.frames] == sorted({f["sequence"] for f in result.frames})
    assert result.report["drops"]["process_died"] == 1


def test_when_the_guide_dies_its_record_goes_on(living):
    assert living.wait_for(lambda e: e["type"] == "frame" and e["tracks"], 0) is not None
    killed_ns = kill(living, "guide")
    assert living.wait_for(lambda e: e["type"] == "frame" and e["tracks"], killed_ns) is not None
    result = read_results(end(living), lazarillo("--version"))
    # One record, every line whole (read_results), in order, and no id used for somebody else.
    assert [e["type"] for e in result.events].count("run") == 1
    sequences = [f["sequence"] for f in result.frames]
    assert sequences == sorted(set(sequences))
    before = {t["track"] for f in result.frames if f["decision_ns"] <= killed_ns for t in f["tracks"]}
    after = {t["track"] for f in result.frames if f["decision_ns"] > killed_ns for t in f["tracks"]}
    assert before and after and max(before) < min(after)
    # Sound stands where it stood in the stream: the gap is silence, not a shift.
    last_s = result.frames[-1]["stream_ns"] / 1e9
    with wave.open(str(result.directory / "audio.wav")) as sound:
        assert abs(sound.getnframes() / sound.getframerate() - last_s) < 4


@pytest.mark.parametrize("part", ["see", "guide"])
def test_what_hangs_is_replaced(living, part):
    """A process that is there and does nothing is no better than a dead one."""
    stopped_ns = kill(living, part, signal.SIGSTOP)
    if part == "see":
        assert living.wait_for(cue("vision_lost"), stopped_ns) is not None
    # Not what was on its way when it was stopped.
    again_ns = living.wait_for(looked, stopped_ns + 1_000_000_000)
    assert again_ns is not None
    assert living.wait_for(cue("vision_back"), stopped_ns) is not None or part == "guide"
    end(living)


def test_when_showing_dies_guiding_does_not_notice(vtest, tmp_path):
    started = Run(str(PROGRAM), str(vtest), str(tmp_path), "lznet", video=True)
    # Enough that the first fragments of the video are on disk.
    assert started.wait_for(lambda e: e["type"] == "frame" and e["sequence"] >= 30, 0) is not None
    killed_ns = kill(started, "show")
    assert eventually(lambda: (tmp_path / "overlay-2.mp4").exists(), 20)
    newest = started.wait_for(looked, time.monotonic_ns())
    assert newest is not None
    assert started.wait_for(lambda e: e["type"] == "frame" and e["sequence"] >= 60, 0) is not None
    result = read_results(end(started), lazarillo("--version"))
    assert not any(c["kind"] == "vision_lost" for c in result.cues if c["decision_ns"] > killed_ns)
    for name in ("overlay.mp4", "overlay-2.mp4"):
        assert decoded_pictures(result.directory / name) > 0


def test_when_the_supervisor_dies_it_is_said_and_the_run_goes_on(living):
    before = dict(living.newest_pids())
    killed_ns = time.monotonic_ns()
    living.process.kill()
    living.process.wait(10)
    # The one that took over prints its processes, to the same place.
    assert eventually(lambda: all(living.newest_pids()[part] != before[part] for part in before),
                      20)
    lost_ns = living.wait_for(cue("vision_lost"), killed_ns)
    again_ns = living.wait_for(looked, lost_ns)
    assert living.wait_for(cue("vision_back"), again_ns) is not None
    with open(f"/proc/{living.pids['show']}/stat") as stat:
        supervisor = int(stat.read().rsplit(")", 1)[1].split()[1])
    os.kill(supervisor, signal.SIGTERM)
    assert eventually(lambda: not any(alive(pid) for pid in (supervisor, *living.pids.values(),
                                                             *before.values())), 60)
    result = read_results(living.events.parent, lazarillo("--version"))
    assert [e["type"] for e in result.events].count("run") == 1
    sequences = [f["sequence"] for f in result.frames]
    assert sequences == sorted(set(sequences))
    assert result.report["ended"] == "stopped"


def test_two_at_once_do_not_meet(vtest, tmp_path):
    runs = [Run(str(PROGRAM), str(vtest), str(tmp_path / str(i)), "lznet") for i in range(2)]
    for each in runs:
        assert each.wait_for(looked, 0) is not None
    kill(runs[0], "guide")
    now_ns = time.monotonic_ns()
    assert runs[1].wait_for(looked, now_ns) is not None
    for each in runs:
        end(each)
    second = read_results(tmp_path / "1", lazarillo("--version"))
    assert "process_died" not in second.report["drops"]


def test_setting_up_fails_with_one_line(tmp_path, small_video):
    for arguments, code, words in [
        ((tmp_path / "no.avi",), 3, ["no.avi"]),
        ((small_video, "--models", "nothing"), 4, ["nothing"]),
    ]:
        done = lazarillo("run", *arguments, "--realtime", "--isolate", "--out", tmp_path / "o")
        assert done.code == code
        assert len(done.error_lines) == 1
        assert all(word in done.error_lines[0] for word in words)
    done = lazarillo("run", small_video, "--fast", "--isolate", "--out", tmp_path / "o")
    assert done.code == 2
    assert "--realtime" in done.error_lines[0]


def test_too_little_memory_says_how_much_is_needed(tmp_path, small_video):
    def little():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    done = lazarillo("run", small_video, "--realtime", "--isolate", "--no-sound", "--no-video",
                     "--out", tmp_path / "o", preexec_fn=little)
    assert done.code == 5
    assert len(done.error_lines) == 1 and "MiB" in done.error_lines[0]
