"""Bad input gives one clear line, a documented exit code, and loses nothing already recorded."""

import os
import pwd
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import wave
from pathlib import Path

import pytest
from conftest import (PROGRAM, ROOT, decoded_pictures, lazarillo, make_video, read_results, run,
                      still_video)

USAGE, SOURCE, MODEL, OUTPUT = 2, 3, 4, 5


def refused(result, code, *words):
    """One line, the code, and the words that tell the user what is wrong."""
    assert result.code == code, result.err
    assert len(result.error_lines) == 1, result.err
    for word in words:
        assert re.search(word, result.error_lines[0], re.IGNORECASE), result.error_lines[0]
    assert "Traceback" not in result.err and "terminate" not in result.err


def test_missing_file(tmp_path):
    refused(run(tmp_path / "none.mp4", tmp_path / "out"), SOURCE, "none.mp4", "no file|not|no such")
    assert not (tmp_path / "out").exists(), "a run that never began must not leave a folder"


def test_directory(tmp_path):
    refused(run(tmp_path, tmp_path / "out"), SOURCE, "directory|folder")


def test_empty_file(tmp_path):
    (tmp_path / "empty.mp4").touch()
    refused(run(tmp_path / "empty.mp4", tmp_path / "out"), SOURCE, "empty")


def test_text_named_mp4(tmp_path):
    (tmp_path / "text.mp4").write_text("This is not a video.\n" * 200)
    refused(run(tmp_path / "text.mp4", tmp_path / "out"), SOURCE, "text.mp4")


@pytest.fixture
def ordinary(tmp_path):
    """Runs as a user whom permissions bind: root is none."""
    if os.geteuid() != 0:
        yield tmp_path, {}
        return
    nobody = pwd.getpwnam("nobody").pw_uid
    probe = subprocess.run([PROGRAM, "--version"], user=nobody, capture_output=True)
    if probe.returncode != 0:
        pytest.skip("an ordinary user cannot reach the program here")
    folder = Path(tempfile.mkdtemp(prefix="lazarillo-"))
    os.chown(folder, nobody, -1)
    yield folder, {"user": nobody, "env": {"HOME": str(folder)}}
    shutil.rmtree(folder)


def test_unreadable_file(ordinary, small_video):
    folder, user = ordinary
    locked = folder / "locked.mp4"
    shutil.copy(small_video, locked)
    locked.chmod(0)
    refused(run(locked, folder / "out", **user), SOURCE, "locked.mp4", "permission|read")


def test_truncated_video_is_used_up_to_the_cut(tmp_path):
    whole = still_video(tmp_path / "whole.mkv", seconds=6, muxer="matroskamux", pattern="ball")
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    result = run(cut, tmp_path / "out", "--no-sound")
    assert result.code == SOURCE, result.err
    assert len(result.error_lines) == 1 and "cut" in result.error_lines[0]
    assert 10 < len(result.frames) < 60
    assert result.report["frames"] == len(result.frames)
    assert decoded_pictures(tmp_path / "out" / "overlay.mp4") == len(result.frames)


def test_mp4_without_its_index(tmp_path):
    whole = still_video(tmp_path / "whole.mp4", seconds=4)
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    refused(run(tmp_path / "cut.mp4", tmp_path / "out"), SOURCE, "cut.mp4")


@pytest.mark.parametrize("size", [(321, 241), (64, 48), (16, 16), (240, 426), (1280, 720)])
def test_odd_sizes_and_portrait(tmp_path, size):
    video = still_video(tmp_path / "video.mkv", seconds=1, size=size, muxer="matroskamux")
    result = run(video, tmp_path / "out", "--no-sound")
    assert result.code == 0, result.err
    assert {(f["width"], f["height"]) for f in result.frames} == {size}
    assert len(result.frames) == 10
    assert decoded_pictures(tmp_path / "out" / "overlay.mp4") == 10


def test_gigantic_picture(tmp_path):
    # An uncompressed AVI header may claim any size; nobody wrote the pixels.
    import struct
    side = 40000
    avih = struct.pack("<14I", 100000, 0, 0, 0x10, 1, 0, 1, 0, side, side, 0, 0, 0, 0)
    strh = b"vids" + b"DIB " + struct.pack("<IHHIIIIIIIIHHHH", 0, 0, 0, 0, 1, 10, 0, 1, 0, 0, 0, 0, 0, 0, 0)
    strf = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
    chunk = lambda tag, body: tag + struct.pack("<I", len(body)) + body + (b"\0" if len(body) % 2 else b"")
    strl = chunk(b"LIST", b"strl" + chunk(b"strh", strh) + chunk(b"strf", strf))
    hdrl = chunk(b"LIST", b"hdrl" + chunk(b"avih", avih) + strl)
    movi = chunk(b"LIST", b"movi" + chunk(b"00db", b"\0" * 4096))
    (tmp_path / "huge.avi").write_bytes(chunk(b"RIFF", b"AVI " + hdrl + movi))
    result = run(tmp_path / "huge.avi", tmp_path / "out",
                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30)))
    assert result.code == SOURCE and len(result.error_lines) == 1, result.err


def test_size_change_in_the_middle(tmp_path):
    # MPEG-TS joins end to end; the second half has another size.
    parts = [still_video(tmp_path / f"{i}.ts", seconds=1, size=size, muxer="mpegtsmux")
             for i, size in enumerate([(320, 240), (480, 360)])]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(p.read_bytes() for p in parts))
    result = run(joined, tmp_path / "out", "--no-sound")
    assert {(f["width"], f["height"]) for f in result.frames} == {(320, 240), (480, 360)}, result.err
    assert decoded_pictures(tmp_path / "out" / "overlay.mp4") == len(result.frames)


def test_variable_frame_rate(tmp_path):
    # Every third picture is left out after stamping: gaps of 100 and 200 ms.
    video = make_video(tmp_path / "vfr.mkv",
                       "videotestsrc num-buffers=30 ! video/x-raw,width=320,height=240,framerate=10/1 ! "
                       "videorate drop-only=true max-rate=7 ! x264enc speed-preset=ultrafast ! "
                       "h264parse ! matroskamux")
    result = run(video, tmp_path / "out", "--no-sound")
    assert result.code == 0, result.err
    stamps = [f["stream_ns"] for f in result.frames]
    gaps = {round((b - a) / 1e6) for a, b in zip(stamps, stamps[1:])}
    assert len(gaps) > 1, gaps
    assert all(a < b for a, b in zip(stamps, stamps[1:]))
    assert 2.5e9 < stamps[-1] < 3.0e9


def test_unknown_setting_names_the_nearest(tmp_path, small_video):
    (tmp_path / "c.toml").write_text("[guide]\ncritical_tcc_s = 3\n")
    refused(run(small_video, tmp_path / "out", "--config", tmp_path / "c.toml"), USAGE,
            "line 2", "guide.critical_tcc_s", "guide.critical_ttc_s")


@pytest.mark.parametrize("text, words", [
    ("[camera]\nhfov_deg = 'wide'\n", ["hfov_deg", "number"]),
    ("[camera]\nhfov_deg = 500\n", ["hfov_deg", "170"]),
    ("[camera\n", ["line 1"]),
    ("[see]\ndepth_interval = 2.5\n", ["depth_interval", "whole"]),
])
def test_wrong_settings(tmp_path, small_video, text, words):
    (tmp_path / "c.toml").write_text(text)
    refused(run(small_video, tmp_path / "out", "--config", tmp_path / "c.toml"), USAGE, *words)


def test_missing_configuration(tmp_path, small_video):
    refused(run(small_video, tmp_path / "out", "--config", tmp_path / "none.toml"), USAGE, "none.toml")


def test_unknown_language_names_the_known(tmp_path, small_video):
    refused(run(small_video, tmp_path / "out", "--lang", "xx"), USAGE, "xx", "en", "es")


def test_unknown_option(small_video):
    result = lazarillo("run", small_video, "--colour")
    assert result.code == USAGE and "--colour" in result.err


def test_fast_and_realtime_exclude_each_other(small_video):
    assert lazarillo("run", small_video, "--fast", "--realtime").code == USAGE


@pytest.fixture
def models(tmp_path):
    """A copy of the shipped models to damage."""
    folder = tmp_path / "models"
    shutil.copytree(ROOT / "models", folder)
    return folder


def test_missing_model_file(tmp_path, small_video):
    (tmp_path / "set.toml").write_text(
        'name = "mine"\n[joint]\nfile = "gone.onnx"\nlabels = ["person"]\n'
        'input = {width = 416, height = 416}\ncanonical_focal_px = 416\n')
    refused(run(small_video, tmp_path / "out", "--models", tmp_path / "set.toml"), MODEL, "gone.onnx")


def test_altered_model_file(tmp_path, small_video, models):
    network = next(models.glob("lznet*.onnx"))
    data = bytearray(network.read_bytes())
    data[len(data) // 2] ^= 1
    network.write_bytes(data)
    refused(run(small_video, tmp_path / "out", "--models", models / "lznet.toml"), MODEL, "sha-?256")


def test_unknown_model_names_the_known(tmp_path, small_video):
    refused(run(small_video, tmp_path / "out", "--models", "lznett"), MODEL, "lznett", "lznet")


def test_no_permission_to_write(ordinary, small_video):
    folder, user = ordinary
    shutil.copy(small_video, folder / "video.mp4")
    (folder / "video.mp4").chmod(0o644)
    (folder / "locked").mkdir()
    (folder / "locked").chmod(0o500)
    refused(run(folder / "video.mp4", folder / "locked" / "out", **user), OUTPUT, "locked",
            "permission")


def test_out_is_a_file(tmp_path, small_video):
    (tmp_path / "out").write_text("x")
    refused(run(small_video, tmp_path / "out"), OUTPUT, "out")


def test_out_cannot_be_made(small_video):
    refused(run(small_video, "/proc/none/out"), OUTPUT, "/proc/none")


def test_full_disk_loses_nothing(tmp_path):
    video = still_video(tmp_path / "video.mp4", seconds=20, pattern="ball")
    # A limit on the size of files stands for the full disk: write() fails in the middle.
    result = run(video, tmp_path / "out", preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_FSIZE, (60_000, 60_000)))
    assert result.code == OUTPUT, result.err
    assert 1 <= len(result.error_lines) <= 3, result.err
    events = (tmp_path / "out" / "events.jsonl").read_text()
    assert events.endswith("\n") and len(result.frames) > 0


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_in_the_middle(tmp_path, vtest, number, code):
    out = tmp_path / "out"
    process = subprocess.Popen([PROGRAM, "run", vtest, "--out", out, "--fast"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    events = out / "events.jsonl"
    deadline = time.monotonic() + 120
    while not (events.exists() and events.read_text().count("\n") > 40):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    result = read_results(out, type("R", (), {"events": [], "report": {}})())
    frames = [e for e in result.events if e["type"] == "frame"]
    assert 40 < len(frames) < 795
    assert decoded_pictures(out / "overlay.mp4") == len(frames)
    with wave.open(str(out / "audio.wav")) as sound:
        assert sound.getnframes() / sound.getframerate() >= frames[-1]["stream_ns"] / 1e9


def test_killed_in_the_middle(tmp_path, vtest):
    out = tmp_path / "out"
    process = subprocess.Popen([PROGRAM, "run", vtest, "--out", out, "--fast"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    events = out / "events.jsonl"
    deadline = time.monotonic() + 120
    while not (events.exists() and events.read_text().count("\n") > 200):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    result = read_results(out, type("R", (), {"events": [], "report": {}})())
    assert len(result.events) > 200
    assert decoded_pictures(out / "overlay.mp4") > 50
    with wave.open(str(out / "audio.wav")) as sound:
        assert sound.getnframes() > 48000


def test_broken_network_output_is_told_and_counted(tmp_path, small_video, nan_models):
    result = run(small_video, tmp_path / "out", "--models", nan_models)
    assert result.code == 7, result.err
    assert len(result.error_lines) == 1 and "finite" in result.error_lines[0]
    assert len(result.frames) == 20 and all(f["fault"] for f in result.frames)
    assert [c["kind"] for c in result.cues] == ["vision_lost"]
    assert result.cues[0]["stream_ns"] <= 0.5e9


@pytest.fixture
def nan_models(tmp_path):
    """A network of the right shapes whose scores are not numbers."""
    import openvino as ov
    from openvino import opset13 as op
    import numpy as np
    image = op.parameter([1, 3, 416, 416], np.float32, name="image")
    zero = op.multiply(op.reduce_mean(image, [1, 2, 3], keep_dims=False), op.constant(np.float32(0)))
    spread = lambda shape, value: op.add(op.constant(np.full(shape, value, np.float32)),
                                         op.reshape(zero, [1] * len(shape), False))
    outputs = []
    for name, shape, value in [("boxes", (1, 10, 4), 1.0), ("scores", (1, 10, 21), np.nan),
                               ("depth", (1, 1, 104, 104), 2.0)]:
        node = spread(shape, value)
        node.output(0).set_names({name})
        outputs.append(op.result(node, name=name))
    model = ov.Model(outputs, [image], "broken")
    folder = tmp_path / "broken"
    folder.mkdir()
    ov.save_model(model, folder / "broken.xml", compress_to_fp16=False)
    labels = ", ".join(f'"class{i}"' for i in range(21))
    (folder / "broken.toml").write_text(
        f'name = "broken"\n[joint]\nfile = "broken.xml"\nlabels = [{labels}]\n'
        'input = {width = 416, height = 416}\ncanonical_focal_px = 416\n')
    return folder / "broken.toml"
