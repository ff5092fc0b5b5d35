"""Stands in for Meta's Client SDK where there are no glasses: the names, signatures and threads of
projectaria-client-sdk 2.5.1 that lazarillo-aria uses, and pictures that count.

The environment's FAKE_ARIA is JSON: `log` (a file that gets a line for each call), `usb` (serial numbers), `refuse`
(what connect() says), `calibration` (a file), and `sessions`, one for each time it streams and the last again and
again: `pictures` (how many of the colour camera, then silence), `failure` (instead of the silence), `clock_ns` (the
device's clock minus the host's), `skip_imu_ms` (what is missing of the motion, once).
"""

import json
import os
import threading
import time
from types import SimpleNamespace

import numpy as np

SCENE = json.loads(os.environ["FAKE_ARIA"])
_sessions = 0


def log(call):
    with open(SCENE["log"], "a") as file:
        file.write(call + "\n")


def sample(device_ns):
    return SimpleNamespace(capture_timestamp_ns=device_ns, temperature=30.0, accel_valid=True, gyro_valid=True,
                           accel_msec2=[0.5, -9.7, 1.25], gyro_radsec=[0.01, 0.02, 0.03])


class Sender:
    """Sends as glasses do, from a thread of its own: colour at 20 Hz, each grey camera at 10, motion every 10 ms."""

    def __init__(self, colour, greys, imus, send_picture, send_motion, fail):
        global _sessions
        sessions = SCENE["sessions"]
        self._session = sessions[min(_sessions, len(sessions) - 1)]
        _sessions += 1
        self._cameras = {colour[0]: (colour[1], 50)} | {camera: (shape, 100) for camera, shape in greys}
        self._imus, self._send_picture, self._send_motion, self._fail = imus, send_picture, send_motion, fail
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()

    def stop(self):
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self):
        session = self._session
        host_ns, zero_ns = time.monotonic_ns(), time.monotonic_ns() + session.get("clock_ns", 0)
        sent = 0
        for tick in range(1_000_000):
            if self._stop.wait(max(0, host_ns + (tick + 1) * 10_000_000 - time.monotonic_ns()) / 1e9):
                return
            now_ns = zero_ns + tick * 10_000_000
            if sent >= session.get("pictures", 1_000_000):
                if session.get("failure"):
                    self._fail(session["failure"])
                return
            if not session.get("skip_imu_ms") or not 500 <= tick * 10 < 500 + session["skip_imu_ms"]:
                for imu, rate_hz in self._imus:
                    count = rate_hz // 100
                    self._send_motion(imu, [sample(now_ns + i * 10_000_000 // count) for i in range(count)])
            for camera, (shape, every_ms) in self._cameras.items():
                if tick * 10 % every_ms == 0:
                    number = tick * 10 // every_ms
                    picture = np.zeros(shape, np.uint8)
                    picture[...] = [(number + c) % 256 for c in range(3)] if len(shape) == 3 else number % 256
                    picture[0, 0] = 255  # the corner, so that no picture is upside down
                    self._send_picture(camera, picture, now_ns)
                    sent += len(shape) == 3
