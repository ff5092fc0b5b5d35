"""Starts lazarillo-aria and takes what it hands over."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

import numpy as np
from conftest import ROOT

BRIDGES = ROOT / "bridges"
sys.path[:0] = [str(BRIDGES / "ring"), str(BRIDGES / "aria")]

from lazarillo_ring import Kind, Reader, Ring  # noqa: E402

FAKE_SDK = ROOT / "tests" / "system" / "fake_client_sdk"


def command(*arguments, path=(), env=None):
    python_path = os.pathsep.join(map(str, [*path, BRIDGES / "ring", BRIDGES / "aria"]))
    return ([sys.executable, "-m", "lazarillo_aria", *map(str, arguments)],
            {**os.environ, "PYTHONPATH": python_path, **(env or {})})


def run(*arguments, path=(), env=None, timeout=60):
    line, environment = command(*arguments, path=path, env=env)
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=timeout)


def messages(err):
    """Every line is one of the bridge's own: no SDK's, no traceback."""
    lines = err.splitlines()
    assert all(line.startswith("lazarillo-aria: ") for line in lines), err
    return [line.removeprefix("lazarillo-aria: ") for line in lines]


@dataclass
class Handed:
    """Everything that was handed over, copied."""

    frames: list = field(default_factory=list)  # record, picture, when we had it
    batches: list = field(default_factory=list)  # record, samples
    calibrations: list = field(default_factory=list)

    @property
    def calibration(self):
        return self.calibrations[0]

    def of_camera(self, camera):
        return [(record, picture) for record, picture, _ in self.frames if record.camera == camera]

    def samples(self, imu):
        return np.concatenate([samples for record, samples in self.batches if record.camera == imu])


class Bridge:
    """A bridge at work, and a reader of each of its rings."""

    def __init__(self, *arguments, path=(), env=None, sign_in=True):
        line, environment = command(*arguments, path=path, env=env)
        self.process = subprocess.Popen(line, env=environment, text=True, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        said = self.process.stdout.readline()
        if not said:
            raise AssertionError("no hello: " + self.process.communicate()[1])
        self.hello = json.loads(said)
        self.frame_ring, self.sensor_ring = Ring.open(self.hello["frames"]), Ring.open(self.hello["sensors"])
        self.frames = self.sensors = None
        if sign_in:
            self.sensors, self.frames = Reader(self.sensor_ring), Reader(self.frame_ring)
        self.handed = Handed()

    def take(self, patience_s=0.01):
        """Copies what is there; False when nothing came within `patience_s`."""
        came = False
        while (pin := self.sensors.next()) is not None:
            with pin:
                came = True
                if pin.record.kind == Kind.CALIBRATION_JSON:
                    self.handed.calibrations.append(json.loads(bytes(pin.payload)))
                else:
                    self.handed.batches.append((pin.record, pin.imu_samples().copy()))
        if self.frames.wait(0 if came else patience_s):
            with self.frames.next() as pin:
                had_ns = time.monotonic_ns()
                self.handed.frames.append((pin.record, pin.image().copy(), had_ns))
                came = True
        return came

    def take_until(self, condition, patience_s=60):
        end = time.monotonic() + patience_s
        while not condition():
            assert time.monotonic() < end, "it did not come"
            self.take()

    def take_all(self, patience_s=120):
        """To the end; everything that was handed over."""
        end = time.monotonic() + patience_s
        while self.take() or not (self.frame_ring.closed and self.sensor_ring.closed):
            assert time.monotonic() < end, "the bridge does not end"
        while self.take():
            pass
        return self.handed

    def ended(self, timeout=30):
        """Exit code and messages."""
        out, err = self.process.communicate(timeout=timeout)
        assert out == "", "only the hello goes to standard output"
        return self.process.returncode, messages(err)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.communicate()
