#!/usr/bin/env python3
"""How long a picture takes through lazarillo-aria's rings: from just before it is written to the reader having it.

One process writes as the bridge does (a colour picture of 1408x1408, which it turns from RGB into BGR, and two grey
ones of 640x480, 60 times a second), another reads. No glasses and no SDK: made-up pictures.

  pip install bridges/aria && python3 bench/aria_bridge.py
"""

import argparse
import json
import multiprocessing
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "bridges" / "ring"), str(ROOT / "bridges" / "aria")]

import numpy as np
from common import Failed, machine, run, say
from lazarillo_aria.outlet import Outlet
from lazarillo_aria.sensors import Camera
from lazarillo_ring import Reader, Ring


class NoCalibration:
    json = b"{}"
    intrinsics = [(600.0, 600.0, 320.0, 240.0)] * 3


def read(path, ready, results):
    """Until the ring is closed: how late each picture came, and how old the heartbeat was at the worst."""
    ring = Ring.open(path)
    reader = Reader(ring)
    ready.set()
    late, oldest = {}, 0
    while reader.wait(0.01) or not ring.closed:
        while (pin := reader.next()) is not None:
            now_ns = time.monotonic_ns()
            with pin:
                late.setdefault(pin.record.camera, []).append(now_ns - pin.record.capture_ns)
        oldest = max(oldest, ring.heartbeat_age_ns)
    results.put((late, oldest, reader.dropped))


def one_run(seconds, rate_hz):
    cameras = [Camera("rgb", "", 1408, 1408, True, rate_hz)] + [
        Camera(f"slam-{side}", "", 640, 480, False, rate_hz) for side in ("left", "right")]
    random = np.random.default_rng(1)
    pictures = [[random.integers(0, 256, camera.shape, np.uint8) for camera in cameras] for _ in range(4)]
    outlet = Outlet(cameras, [], NoCalibration())
    context = multiprocessing.get_context("spawn")
    ready, results = context.Event(), context.Queue()
    where = json.loads(outlet.hello("made up", {}, True))["frames"]
    reading = context.Process(target=read, args=(where, ready, results))
    reading.start()
    while not ready.wait(0.02):
        if not reading.is_alive():
            raise Failed("the reading process died")
        outlet.alive()
    begun_ns = time.monotonic_ns()
    for number in range(int(seconds * rate_hz)):
        outlet.sleep_until(begun_ns + int(number * 1e9 / rate_hz))
        for camera, picture in enumerate(pictures[number % len(pictures)]):
            capture_ns = time.monotonic_ns()
            outlet.fill_frame(camera, picture)
            outlet.publish_frame(camera, number, capture_ns, capture_ns, capture_ns - begun_ns)
    # And as long as nothing comes.
    outlet.sleep_until(time.monotonic_ns() + 1_000_000_000)
    outlet.end()
    late, oldest_ns, dropped = results.get(timeout=30)
    reading.join()
    run = {"heartbeat_oldest_ms": round(oldest_ns / 1e6, 2), "dropped": dropped}
    for i, camera in enumerate(cameras):
        times = np.array(late[i]) / 1e6
        run[camera.name] = {"pictures": len(times), **{name: round(float(value), 3) for name, value in zip(
            ("p50_ms", "p99_ms", "max_ms"), (*np.percentile(times, (50, 99)), times.max()))}}
    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=60, help="pictures of each camera a second")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    report = {"machine": machine(), "runs": []}
    for _ in range(options.runs):
        run = one_run(options.seconds, options.rate)
        report["runs"].append(run)
        say(", ".join("{} p50 {p50_ms:.2f} p99 {p99_ms:.2f} max {max_ms:.2f} ms".format(name, **run[name])
                      for name in ("rgb", "slam-left", "slam-right"))
            + f"; {run['dropped']} dropped, heartbeat at most {run['heartbeat_oldest_ms']:.0f} ms old")
    best = min(report["runs"], key=lambda run: run["rgb"]["p99_ms"])
    say(f"best of {options.runs} runs: rgb p50 {best['rgb']['p50_ms']:.2f}, p99 {best['rgb']['p99_ms']:.2f} ms")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    run(main)
