"""Live sources through the whole program: a network camera that comes and goes, passwords, HTTP."""

import base64
import io
import json
import os
import signal
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from conftest import PROGRAM, eventually, lazarillo, read_results

SERVER = PROGRAM.parent / "tests" / "source" / "rtsp_server"
PICTURES = ("videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,"
            "framerate=30/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! "
            "rtph264pay name=pay0 pt=96 config-interval=-1")


class Camera:
    """A network camera in a process of its own."""

    def __init__(self, port=0, user=None, password=None, pipeline=PICTURES):
        who = [user, password] if user else []
        self.process = subprocess.Popen([SERVER, str(port), pipeline, *who], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.uri = self.process.stdout.readline().split()[0]
        self.port = int(self.uri.split(":")[2].split("/")[0])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


@pytest.fixture
def camera():
    with Camera() as one:
        yield one


class Live:
    """A run that goes on until it is stopped."""

    def __init__(self, source, out, *arguments):
        self.out = out
        self.process = subprocess.Popen(
            [PROGRAM, "run", source, "--out", out, "--no-video", "--commands", "none", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def events(self, kind):
        file = self.out / "events.jsonl"
        if not file.exists():
            return []
        lines = file.read_text().split("\n")[:-1]
        return [event for event in map(json.loads, lines) if event["type"] == kind]

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        return read_results(self.out, type("Ended", (), {"code": self.process.returncode, "out": out, "err": err})())


@pytest.mark.parametrize("arguments", [[], ["--isolate"]])
def test_a_camera_that_goes_away_is_told_and_looked_for(camera, tmp_path, arguments):
    live = Live(camera.uri, tmp_path / "out", *arguments)
    try:
        assert eventually(lambda: len(live.events("frame")) >= 10)
        camera.kill()
        lost = lambda: [c for c in live.events("cue") if c["kind"] == "vision_lost"]
        assert eventually(lost)
        frames = len(live.events("frame"))
        with Camera(camera.port):
            assert eventually(lambda: len(live.events("frame")) >= frames + 10)
            assert eventually(lambda: [c for c in live.events("cue") if c["kind"] == "vision_back"])
            result = live.stop()
    finally:
        live.process.kill()
    assert result.code == 130, result.err
    assert "trying again" in result.err and "is back after" in result.err
    sequences = [frame["sequence"] for frame in live.events("frame")]
    assert sequences == sorted(set(sequences))
    times = [frame["stream_ns"] for frame in live.events("frame")]
    assert times == sorted(set(times))


def test_a_killed_capture_goes_on_with_new_numbers(camera, tmp_path):
    live = Live(camera.uri, tmp_path / "out", "--isolate")
    try:
        pids = live.process.stderr.readline()
        capture = int(pids.split("capture ")[1].split(",")[0])
        assert eventually(lambda: len(live.events("frame")) >= 10)
        os.kill(capture, signal.SIGKILL)
        frames = live.events("frame")
        assert eventually(lambda: len(live.events("frame")) >= len(frames) + 10)
        live.stop()
    finally:
        live.process.kill()
    sequences = [frame["sequence"] for frame in live.events("frame")]
    assert sequences == sorted(set(sequences))
    # They and the stream's time go on at once: nobody waits until a count that began anew has caught up.
    assert sequences[-1] >= frames[-1]["sequence"] + 256
    later = live.events("frame")[-1]
    assert later["stream_ns"] - frames[0]["stream_ns"] == later["capture_ns"] - frames[0]["capture_ns"]


@pytest.fixture
def patient(tmp_path):
    file = tmp_path / "patient.toml"
    file.write_text("[source]\nwait_s = 60\n")
    return ["--config", file]


def waits(live):
    line = live.process.stderr.readline()
    assert "is not there yet" in line and "60 s" in line, line


@pytest.mark.parametrize("arguments", [[], ["--isolate"]])
def test_a_camera_that_comes_later_is_waited_for(tmp_path, patient, arguments):
    with Camera() as gone:
        port = gone.port
    live = Live(f"rtsp://127.0.0.1:{port}/video", tmp_path / "out", *patient, *arguments)
    try:
        waits(live)
        with Camera(port):
            assert eventually(lambda: len(live.events("frame")) >= 5)
            result = live.stop()
    finally:
        live.process.kill()
    assert result.code == 130, result.err
    assert "is there after" in result.err


@pytest.mark.parametrize("arguments", [[], ["--isolate"]])
def test_waiting_ends_with_ctrl_c(tmp_path, patient, arguments):
    live = Live("camera:no such name", tmp_path / "out", *patient, *arguments)
    try:
        waits(live)
        live.process.send_signal(signal.SIGINT)
        live.process.communicate(timeout=30)
    finally:
        live.process.kill()
    assert live.process.returncode == 130


def test_passwords_stay_out_of_what_is_written(tmp_path):
    with Camera(user="ana", password="geheim") as camera:
        rest = camera.uri.removeprefix("rtsp://")
        refused = lazarillo("run", f"rtsp://ana:falsch@{rest}", "--out", tmp_path / "refused")
        assert refused.code == 3
        assert len(refused.error_lines) == 1 and "password" in refused.error_lines[0]
        assert "falsch" not in refused.err
        live = Live(f"rtsp://ana:geheim@{rest}", tmp_path / "out")
        try:
            assert eventually(lambda: len(live.events("frame")) >= 3)
            result = live.stop()
        finally:
            live.process.kill()
    assert result.report["source"] == f"rtsp://ana@{rest}"
    for file in (tmp_path / "out").iterdir():
        assert b"geheim" not in file.read_bytes(), file
    assert "geheim" not in result.out + result.err


def test_what_cannot_be_opened_says_so(tmp_path):
    for source, code, word in [("rtsp://127.0.0.1:1/x", 3, "does not work"),
                               ("rtsp://", 2, "names no machine"),
                               ("camera:no such name", 3, "no camera"),
                               ("gopher://h/x", 3, "not a file")]:
        done = lazarillo("run", source, "--out", tmp_path / "out")
        assert done.code == code, done.err
        assert len(done.error_lines) == 1 and word in done.error_lines[0], done.err
    done = lazarillo("run", "rtsp://127.0.0.1:1/x", "--fast")
    assert done.code == 2 and "--fast" in done.err


def test_sources_lists_and_tries(camera):
    done = lazarillo("sources", "--json")
    assert done.code == 0 and isinstance(json.loads(done.out)["cameras"], list)
    done = lazarillo("sources", camera.uri, "--json")
    assert done.code == 0, done.err
    tried = json.loads(done.out)
    assert (tried["width"], tried["height"]) == (320, 240)
    assert 20 < tried["fps"] < 40


# ---- HTTP


class Web:
    """Motion JPEG as phones and network cameras serve it, and a file."""

    def __init__(self, file=None, password=None):
        outer = self
        self.asked = 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                if password:
                    wanted = "Basic " + base64.b64encode(password.encode()).decode()
                    if self.headers.get("Authorization") != wanted:
                        self.send_response(401)
                        self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                        self.end_headers()
                        return
                self.send_response(200)
                if file:
                    data = file.read_bytes()
                    self.send_header("Content-Type", "video/mp4")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                    return
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                number = 0
                try:
                    while not outer.over.wait(1 / 30):
                        picture = io.BytesIO()
                        Image.new("RGB", (160, 120), (number % 256, 0, 0)).save(picture, "JPEG")
                        number += 1
                        self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
                                         % picture.tell() + picture.getvalue() + b"\r\n")
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.over = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self.server.server_port}/video"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.shutdown()


def test_motion_jpeg_by_http():
    with Web() as web:
        done = lazarillo("sources", f"http://{web.address}", "--json")
        assert done.code == 0, done.err
        tried = json.loads(done.out)
        assert (tried["width"], tried["height"]) == (160, 120)
        assert 10 < tried["fps"] < 40


def test_http_wants_a_password():
    with Web(password="ana:p@ss") as web:
        assert lazarillo("sources", f"http://ana:p%40ss@{web.address}").code == 0
        refused = lazarillo("sources", f"http://ana:falsch@{web.address}")
        assert refused.code == 3 and "password" in refused.err and "falsch" not in refused.err


def test_a_recording_by_http_is_refused(small_video):
    with Web(file=small_video) as web:
        done = lazarillo("sources", f"http://{web.address}")
        assert done.code == 3
        assert "is a recording" in done.err and "save it" in done.err
