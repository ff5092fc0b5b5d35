"""The program as a whole, as a user meets it."""

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("LAZARILLO_PROGRAM", ROOT / "build" / "lazarillo"))
# What this machine was tuned to is no part of a test.
os.environ["XDG_CONFIG_HOME"] = "/nonexistent"
SHARED = Path(os.environ.get("LAZARILLO_SHARED", ROOT.parent / "shared"))


@dataclass
class Result:
    code: int
    out: str
    err: str
    directory: Path | None = None
    events: list = field(default_factory=list)
    report: dict = field(default_factory=dict)

    @property
    def frames(self):
        return [e for e in self.events if e["type"] == "frame"]

    @property
    def cues(self):
        return [e for e in self.events if e["type"] == "cue"]

    @property
    def error_lines(self):
        return [line for line in self.err.splitlines() if line.startswith("lazarillo: ")]


def lazarillo(*arguments, env=None, timeout=300, preexec_fn=None, user=None):
    done = subprocess.run(
        [str(PROGRAM), *map(str, arguments)],
        capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL,
        env={**os.environ, **(env or {})}, preexec_fn=preexec_fn, user=user)
    return Result(done.returncode, done.stdout, done.stderr)


def read_results(directory, result):
    """Adds what a run wrote; every line of events.jsonl must be whole."""
    result.directory = Path(directory)
    events = result.directory / "events.jsonl"
    if events.exists():
        result.events = [json.loads(line) for line in events.read_text().splitlines()]
    report = result.directory / "report.json"
    if report.exists():
        result.report = json.loads(report.read_text())
    return result


def run(source, out, *arguments, **keywords):
    return read_results(out, lazarillo("run", source, "--out", out, *arguments, **keywords))


def eventually(condition, patience_s=30):
    end_s = time.monotonic() + patience_s
    while time.monotonic() < end_s:
        if condition():
            return True
        time.sleep(0.05)
    return False


def decoded_pictures(video):
    """How many pictures GStreamer decodes from a recording: its distinct timestamps."""
    done = subprocess.run(
        ["gst-launch-1.0", "-v", "filesrc", f"location={video}", "!", "decodebin", "!",
         "videoconvert", "!", "identity", "name=picture", "silent=false", "!", "fakesink"],
        capture_output=True, text=True, timeout=300)
    return len(set(re.findall(r"picture: last-message = chain.*?pts: ([0-9:.]+)", done.stdout)))


def make_video(path, pipeline, timeout=120):
    """Writes a video with gst-launch-1.0."""
    subprocess.run(["gst-launch-1.0", "-q", *f"{pipeline} ! filesink location={path}".split()],
                   check=True, timeout=timeout, stdout=subprocess.DEVNULL)
    return path


def still_video(path, seconds=2, size=(320, 240), fps=10, muxer="mp4mux", pattern="smpte"):
    width, height = size
    return make_video(path, f"videotestsrc num-buffers={seconds * fps} pattern={pattern} ! "
                            f"video/x-raw,width={width},height={height},framerate={fps}/1 ! "
                            f"videoconvert ! x264enc speed-preset=ultrafast key-int-max={fps} ! "
                            f"video/x-h264,profile=high-4:4:4 ! h264parse ! {muxer}"
                      if width % 2 or height % 2 else
                      f"videotestsrc num-buffers={seconds * fps} pattern={pattern} ! "
                      f"video/x-raw,format=I420,width={width},height={height},framerate={fps}/1 ! "
                      f"x264enc speed-preset=ultrafast key-int-max={fps} ! h264parse ! {muxer}")


@pytest.fixture(scope="session", autouse=True)
def program():
    if not PROGRAM.exists():
        pytest.fail(f"{PROGRAM} is not built")
    return PROGRAM


@pytest.fixture(scope="session")
def shared():
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not here")
    return SHARED


@pytest.fixture(scope="session")
def vtest():
    """The street video of the demo."""
    video = ROOT / ".cache" / "vtest.avi"
    if not video.exists():
        pytest.skip("the street video is not here: scripts/fetch_video.sh")
    return video


@pytest.fixture(scope="session")
def small_video(tmp_path_factory):
    return still_video(tmp_path_factory.mktemp("media") / "small.mp4")


@pytest.fixture(scope="session")
def street(vtest, tmp_path_factory):
    """The demo's run: the shipped network on the whole street video."""
    result = run(vtest, tmp_path_factory.mktemp("street"), "--fast", "--lang", "en",
                 "--config", ROOT / "profiles" / "vtest.toml", timeout=600)
    assert result.code == 0, result.err
    return result
