#!/usr/bin/env python3
"""How long from the glass of a network camera to a decision.

    python3 bench/glass.py VIDEO [--fps 30] [--seconds 30] [--build build] [--tcp] [--json FILE]

Serves a video by RTSP on this machine as a camera would (H.264 without delay), each picture stamped with
the moment it was shown, and runs the guide on it. Prints how many milliseconds later the picture was had
and the decision taken: median, 99th percentile, maximum; of all frames given out, and of those that the
detector looked at.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

from common import Failed, call, machine, run

CAMERA = ("filesrc location={video} ! decodebin ! videoconvert ! videorate ! video/x-raw,format=I420,framerate={fps}/1 ! "
          "identity sync=true ! identity name=stamp ! x264enc tune=zerolatency speed-preset=ultrafast "
          "key-int-max={fps} ! rtph264pay name=pay0 pt=96 config-interval=-1")


def row(name, values):
    values = sorted(values)
    if not values:
        raise Failed("no frame was measured: is the video shorter than the run?")
    at = lambda q: values[min(len(values) - 1, int(q * len(values)))]
    return {"what": name, "frames": len(values), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": values[-1]}


def measure(folder):
    taken, had = {}, {}
    for line in (folder / "glass.txt").read_text().splitlines():
        number, taken_ns, had_ns = map(int, line.split())
        taken[number], had[number] = taken_ns, had_ns
    capture, decided, looked = [], [], []
    first = min(taken, default=0)
    for line in (folder / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        number = event.get("sequence")
        # The first second is start-up: of the camera, too.
        if event["type"] not in ("frame", "sighting") or number not in taken or taken[number] < taken[first] + 1e9:
            continue
        ms = (event["decision_ns"] - taken[number]) / 1e6
        if event["type"] == "frame":
            capture.append((event["capture_ns"] - taken[number]) / 1e6)
            decided.append(ms)
        if event["looked_at"]:
            looked.append(ms)
    return [row("glass to picture", [(had[n] - taken[n]) / 1e6 for n in taken if taken[n] >= taken[first] + 1e9]),
            row("glass to capture_ns", capture), row("glass to decision", decided),
            row("the same, looked at", looked)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=pathlib.Path)
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("--tcp", action="store_true", help="RTP through RTSP's own connection")
    parser.add_argument("--json", type=pathlib.Path)
    a = parser.parse_args()
    server = subprocess.Popen([a.build / "tests" / "source" / "rtsp_server", "0",
                               CAMERA.format(video=a.video.resolve(), fps=a.fps)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        uri = server.stdout.readline().split()[0]
        if a.tcp:
            uri = "rtspt" + uri.removeprefix("rtsp")
        with tempfile.TemporaryDirectory() as folder:
            call([a.build / "bench" / "glass_bench", uri, a.seconds, folder], limit=a.seconds + 120,
                 remedy="cmake --build build --target glass_bench rtsp_server")
            rows = measure(pathlib.Path(folder))
    finally:
        server.kill()
    for r in rows:
        print(f"{r['what']:<22}{r['frames']:>6} frames {r['p50_ms']:>8.1f} ms {r['p99_ms']:>8.1f} {r['max_ms']:>8.1f}")
    if a.json:
        a.json.write_text(json.dumps({"machine": machine(), "fps": a.fps, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    run(main)
