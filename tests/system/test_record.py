"""`lazarillo record` and `lazarillo replay`: the same cues again, whatever ended the recording."""

import html
import json
import os
import resource
import signal
import subprocess
import sys
import tomllib

import pytest

from conftest import PROGRAM, ROOT, decoded_pictures, eventually, lazarillo, make_video, read_results
from test_aria_source import bridge  # noqa: F401
from test_live import Camera

# What a replay has nothing to do with: speech and drawing cost time.
QUIET = ["--no-video", "--no-sound", "--lang", "en"]


def lines_of(recording, folder):
    """The track of text, read with GStreamer's own tools: one JSON object a line."""
    text = folder / "lines.txt"
    subprocess.run(
        ["gst-launch-1.0", "-q", "filesrc", f"location={recording}", "!", "matroskademux", "name=d",
         "d.subtitle_0", "!", "queue", "!", "filesink", "async=false", f"location={text}",
         "d.video_0", "!", "queue", "!", "fakesink", "async=false"],
        capture_output=True, timeout=60)
    return [json.loads(html.unescape(line)) for line in text.read_text().splitlines() if line]


def cue_lines(events):
    return [line for line in events.read_text().splitlines() if '"type":"cue"' in line]


def replay(recording, out, *arguments):
    return read_results(out, lazarillo("replay", recording, "--out", out, *arguments))


@pytest.fixture(scope="module")
def street_recording(vtest, tmp_path_factory):
    """The street, looked at live, three times as fast, by a camera too fast for any detector: not
    every frame is seen."""
    folder = tmp_path_factory.mktemp("recorded")
    cut = make_video(folder / "street.mkv",
                     f"filesrc location={vtest} ! decodebin ! identity eos-after=300 ! videorate rate=3 ! "
                     "video/x-raw,framerate=240/1 ! videoconvert ! x264enc speed-preset=ultrafast ! "
                     "h264parse ! matroskamux")
    result = read_results(folder / "out", lazarillo(
        "record", cut, folder / "run.mkv", "--out", folder / "out", "--realtime", "--commands", "none",
        *QUIET))
    assert result.code == 0, result.err
    return folder / "run.mkv", result


def test_a_live_run_with_dropped_frames_is_replayed_byte_for_byte(street_recording, tmp_path):
    recording, live = street_recording
    assert live.report["drops"]["detector_busy"] > 0
    assert live.cues
    again = replay(recording, tmp_path / "again")
    assert again.code == 0, again.err
    assert cue_lines(again.directory / "events.jsonl") == cue_lines(live.directory / "events.jsonl")
    # Not only the cues: every line.
    assert ((again.directory / "events.jsonl").read_bytes()
            == (live.directory / "events.jsonl").read_bytes())
    assert "all as recorded" in again.out


def test_the_recording_is_a_video_like_any_other(street_recording, tmp_path):
    recording, live = street_recording
    assert decoded_pictures(recording) == len(live.frames)
    anew = read_results(tmp_path / "out", lazarillo("run", recording, "--out", tmp_path / "out",
                                                    "--fast", *QUIET))
    assert anew.code == 0, anew.err
    assert len(anew.frames) == len(live.frames)


def test_it_says_what_it_is_and_others_can_read_it(street_recording, tmp_path):
    recording, live = street_recording
    lines = lines_of(recording, tmp_path)
    assert lines[0]["type"] == "recording" and lines[0]["format"] == 1
    assert tomllib.loads(lines[0]["config"])["guide"]["critical_ttc_s"] == pytest.approx(2.7)
    assert len(lines[0]["models"]["networks"][0]["sha256"]) == 64
    stamps = [l["frame"]["stamp"] for l in lines if l.get("kind") == "frame"]
    assert [[f["camera"], f["sequence"], f["capture_ns"], f["stream_ns"]] for f in live.frames] == stamps
    assert [l for l in lines if l["type"] == "cue"] == live.cues
    assert lines[-1] == {"type": "end", "calls": len([l for l in lines if l["type"] == "given"]),
                         "lost_calls": 0, "lost_pictures": 0}


def test_other_settings_show_what_they_change(street_recording, tmp_path):
    recording, live = street_recording
    quiet = replay(recording, tmp_path / "quiet", "--set", "guide.info_distance_m=0", "--set",
                   "guide.warning_distance_m=0", "--set", "guide.warning_ttc_s=0", "--set",
                   "guide.critical_ttc_s=0", "--set", "guide.critical_distance_m=0")
    assert quiet.code == 0, quiet.err
    told = [c for c in live.cues if c["track"]]
    assert told and not [c for c in quiet.cues if c["track"]]
    assert f"0 new, {len(live.cues) - len(quiet.cues)} gone, 0 changed" in quiet.out
    useless = lazarillo("replay", recording, "--set", "track.predict_s=3")
    assert "track.predict_s' changes nothing" in useless.err and useless.code == 0
    wrong = lazarillo("replay", recording, "--set", "guide.nonsense=3")
    assert wrong.code == 2 and "guide.nonsense" in wrong.error_lines[0]


@pytest.mark.parametrize("part", [0.3, 0.7, 0.95])
def test_a_file_that_is_cut_is_replayed_up_to_there(street_recording, tmp_path, part):
    recording, live = street_recording
    whole = recording.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole[:int(len(whole) * part)])
    again = replay(cut, tmp_path / "again")
    assert again.code == 0, again.err
    assert "ends early" in again.err
    all_lines = (live.directory / "events.jsonl").read_text().splitlines()
    lines = (again.directory / "events.jsonl").read_text().splitlines()
    assert lines == all_lines[:len(lines)]
    assert len(lines) > 0.8 * part * len(all_lines)


def test_a_full_disk_keeps_what_was_recorded(small_video, tmp_path):
    whole = tmp_path / "whole.mkv"
    assert lazarillo("record", small_video, whole, "--fast", "--out", tmp_path / "out", *QUIET).code == 0
    limit = whole.stat().st_size * 3 // 4

    def small_disk():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    recording = tmp_path / "run.mkv"
    full = lazarillo("record", small_video, recording, "--fast", "--out", tmp_path / "out", *QUIET,
                     preexec_fn=small_disk)
    assert full.code == 5 and "run.mkv" in full.error_lines[0]
    assert recording.stat().st_size <= limit
    again = replay(recording, tmp_path / "again")
    assert again.code == 0 and "ends early" in again.err
    assert again.frames


@pytest.fixture
def camera():
    with Camera() as one:
        yield one


class Recorded:
    """A live run that is recorded until something ends it."""

    def __init__(self, source, folder):
        self.recording, self.out = folder / "run.mkv", folder / "out"
        self.socket = folder / "socket"
        self.process = subprocess.Popen(
            [PROGRAM, "record", source, self.recording, "--out", self.out, *QUIET, "--commands",
             self.socket], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)

    def lines(self, kind):
        file = self.out / "events.jsonl"
        text = file.read_text() if file.exists() else ""
        return [l for l in text.split("\n")[:-1] if f'"type":"{kind}"' in l]

    def tell(self, command):
        env = {**os.environ}
        done = subprocess.run([PROGRAM, "tell", "--socket", self.socket, command], env=env,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_a_stream_with_commands_is_replayed(camera, tmp_path):
    run = Recorded(camera.uri, tmp_path)
    try:
        assert eventually(lambda: len(run.lines("frame")) >= 20)
        for command in ["around", "repeat", "mute", "unmute", "dense"]:
            before = len(run.lines("command"))
            run.tell(command)
            assert eventually(lambda: len(run.lines("command")) > before)
    finally:
        run.process.send_signal(signal.SIGINT)
        _, err = run.process.communicate(timeout=60)
    assert run.process.returncode == 130, err
    again = replay(run.recording, tmp_path / "again")
    assert again.code == 0, again.err
    assert (again.directory / "events.jsonl").read_text() == (run.out / "events.jsonl").read_text()
    assert len(run.lines("cue")) >= 5
    # As the camera sent it: every picture that was decoded, and more than were looked at.
    assert decoded_pictures(run.recording) >= len(run.lines("frame"))


def test_a_run_that_is_killed_is_replayed(camera, tmp_path):
    run = Recorded(camera.uri, tmp_path)
    try:
        assert eventually(lambda: len(run.lines("frame")) >= 60)
    finally:
        run.process.kill()
        run.process.communicate()
    again = replay(run.recording, tmp_path / "again")
    assert again.code == 0 and "ends early" in again.err
    lines = (again.directory / "events.jsonl").read_text().splitlines()
    live = (run.out / "events.jsonl").read_text().split("\n")
    assert lines == live[:len(lines)]
    assert len(again.frames) >= 30


def test_a_camera_that_is_gone_keeps_nothing_from_the_file(camera, tmp_path):
    run = Recorded(camera.uri, tmp_path)
    try:
        assert eventually(lambda: len(run.lines("frame")) >= 20)
        camera.kill()
        assert eventually(lambda: any("vision_lost" in l for l in run.lines("cue")))
        # The muxer waits for pictures; what the guide says without any must get into the file.
        assert eventually(lambda: any(
            l.get("kind") == "vision_lost" for l in lines_of(run.recording, tmp_path)))
    finally:
        run.process.kill()
        run.process.communicate()
    again = replay(run.recording, tmp_path / "again")
    assert again.code == 0, again.err
    assert [c["kind"] for c in again.cues].count("vision_lost") == 1
    lines = (again.directory / "events.jsonl").read_text().splitlines()
    assert lines == (run.out / "events.jsonl").read_text().split("\n")[:len(lines)]


@pytest.mark.parametrize("codec", ["jpegenc ! avimux", "vp8enc deadline=1 ! webmmux",
                                   "x264enc bframes=2 ! h264parse ! mp4mux", "avimux"])
def test_pictures_stay_as_they_came(tmp_path, codec):
    video = make_video(tmp_path / "video", "videotestsrc num-buffers=12 pattern=ball ! "
                       f"video/x-raw,format=I420,width=320,height=240,framerate=10/1 ! {codec}")
    recording = tmp_path / "run.mkv"
    result = lazarillo("record", video, recording, "--fast", "--out", tmp_path / "out", *QUIET)
    assert result.code == 0, result.err
    first = frames_of(video, tmp_path / "a.raw")
    assert first == frames_of(recording, tmp_path / "b.raw", recording=True)
    assert len(first) == 12 * 320 * 240 * 3 // 2
    assert lazarillo("replay", recording).code == 0


def frames_of(video, raw, form="I420", recording=False):
    """Decoded pictures, byte by byte. What a recording holds beside pictures goes elsewhere: decodebin
    alone may wait for who takes it for ever."""
    split = "matroskademux name=d d.subtitle_0 ! queue ! fakesink async=false d.video_0 ! queue ! " if recording else ""
    subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={video}", "!",
                    *f"{split}decodebin ! videoconvert ! video/x-raw,format={form} ! filesink".split(),
                    f"location={raw}"], check=True, timeout=60)
    return raw.read_bytes()


def test_pictures_motion_and_calibration_of_glasses(bridge, tmp_path):  # noqa: F811
    recording = tmp_path / "run.mkv"
    result = lazarillo("record", "walk.vrs", recording, "--fast", "--out", tmp_path / "out",
                       *bridge.arguments, env=bridge.env("end:30"))
    assert result.code == 0, result.err
    pixels = frames_of(recording, tmp_path / "raw", "BGR", recording=True)
    # Every byte of picture k is k.
    assert pixels == b"".join(bytes([k]) * (64 * 48 * 3) for k in range(30))
    lines = lines_of(recording, tmp_path)
    samples = [s for l in lines if l["type"] == "imu" for s in l["samples"]]
    assert [s[1:] for s in samples] == [[1000 + 10_000_000 * k, 0.25, 0, k / 8, 0, -9.5, 0, 3]
                                        for k in range(len(samples))]
    assert len(samples) >= 29
    # What came of them stands with the frames: gravity as pitch and roll, its deviation, gait and steps a minute.
    heads = [l["frame"]["head"] for l in lines if l["type"] == "given" and l["kind"] == "frame"]
    assert len(heads) == 30 and all(len(head) == 5 for head in heads)
    assert abs(heads[0][0]) < 1 and abs(heads[0][1]) < 1, "the force points up"
    assert heads[0][2] > heads[-1][2] > 0, "it is known better and better"
    again = replay(recording, tmp_path / "again")
    assert again.code == 0 and len(again.frames) == 30, again.err
    names = [c["name"] for c in json.loads((tmp_path / "again" / "device.json").read_text())["cameras"]]
    assert names == ["slam-left", "rgb"]


def test_passwords_do_not_get_in(tmp_path):
    with Camera(user="walker", password="s3cret") as camera:
        uri = camera.uri.replace("rtsp://", "rtsp://walker:s3cret@")
        run = Recorded(uri, tmp_path)
        try:
            assert eventually(lambda: len(run.lines("frame")) >= 5)
        finally:
            run.process.send_signal(signal.SIGINT)
            run.process.communicate(timeout=60)
    content = run.recording.read_bytes()
    assert b"s3cret" not in content and b"recording" in content


def test_wrong_files_and_options_are_refused_in_one_line(small_video, tmp_path):
    def refused(code, *arguments):
        result = lazarillo(*arguments)
        assert result.code == code and len(result.error_lines) == 1, result.err
        return result.error_lines[0]

    assert "is no recording" in refused(3, "replay", small_video)
    assert "nowhere.mkv" in refused(3, "replay", tmp_path / "nowhere.mkv")
    text = tmp_path / "text.mkv"
    text.write_text("hello\n" * 100)
    assert "is no recording" in refused(3, "replay", text)
    out = tmp_path / "out"
    assert "--isolate" in refused(2, "record", small_video, tmp_path / "a.mkv", "--out", out,
                                  "--realtime", "--isolate", *QUIET)
    assert "--feed-fps" in refused(2, "record", small_video, tmp_path / "a.mkv", "--out", out,
                                   "--feed-fps", "30", *QUIET)
    assert "cannot write" in refused(5, "record", small_video, tmp_path / "no" / "a.mkv", "--out",
                                     out, *QUIET)
    # Nothing that is there is written over, a recording least of all.
    before = text.read_bytes()
    assert "is there already" in refused(5, "record", small_video, text, "--out", out, *QUIET)
    assert "is there already" in refused(5, "record", small_video, small_video, "--out", out, *QUIET)
    assert text.read_bytes() == before and small_video.stat().st_size > 0


def test_view_says_what_it_needs(street_recording, tmp_path):
    recording, _ = street_recording
    result = lazarillo("view", recording, "--rrd", tmp_path / "a.rrd", "--tool", "/nowhere/lazarillo-rerun")
    assert result.code == 2 and "pip install" in result.error_lines[0] and len(result.error_lines) == 1


def test_view_makes_a_rerun_recording(street_recording, tmp_path):
    pytest.importorskip("rerun")
    pytest.importorskip("av")
    recording, live = street_recording
    tool = tmp_path / "tool"
    tool.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT}/bridges/rerun exec {sys.executable} -m lazarillo_rerun "$@"\n')
    tool.chmod(0o755)
    seen = lazarillo("view", recording, "--rrd", tmp_path / "a.rrd", "--tool", tool)
    assert seen.code == 0, seen.err
    assert f"{decoded_pictures(recording)} pictures, {len(live.frames)} frames, {len(live.cues)} cues" in seen.out
    assert (tmp_path / "a.rrd").read_bytes().startswith(b"RRF2")
    whole = recording.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[:len(whole) // 2])
    cut = lazarillo("view", tmp_path / "cut.mkv", "--rrd", tmp_path / "cut.rrd", "--tool", tool)
    assert cut.code == 0, cut.err
    results = lazarillo("view", live.directory, "--rrd", tmp_path / "b.rrd", "--tool", tool)
    assert results.code == 0 and f"0 pictures, {len(live.frames)} frames" in results.out
    none = lazarillo("view", tmp_path, "--rrd", tmp_path / "c.rrd", "--tool", tool)
    assert none.code == 3 and len(none.error_lines) == 1 and not (tmp_path / "c.rrd").exists()


def test_the_calibration_comes_along(small_video, tmp_path):
    calibration = tmp_path / "camera.json"
    calibration.write_text(json.dumps({"cameras": {"cam0": {
        "model": "kannala_brandt", "width": 320, "height": 240,
        "parameters": [150, 150, 160, 120, 0.01, 0, 0, 0]}}}))
    result = lazarillo("record", small_video, tmp_path / "run.mkv", "--fast", "--out",
                       tmp_path / "out", "--calibration", calibration, *QUIET)
    assert result.code == 0, result.err
    again = replay(tmp_path / "run.mkv", tmp_path / "again")
    assert again.code == 0, again.err
    assert (tmp_path / "again" / "camera.json").read_bytes() == calibration.read_bytes()
    assert again.frames[0]["width"] == read_results(tmp_path / "out", result).frames[0]["width"]
