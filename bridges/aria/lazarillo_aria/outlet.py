"""The two rings a bridge hands over, and the line that says where they are: docs/ring.md, "Bridges"."""

import json
import os
import time

import cv2
import numpy as np
from lazarillo_ring import Kind, PixelFormat, Record, Ring, Writer

from .console import BridgeError

BEAT_NS = 20_000_000  # a bridge older than 300 ms counts as stuck
CALIBRATION_NS = 1_000_000_000
LOOK_S = 0.0005  # between two looks at the readers

FRAME_SLOTS, FRAME_PINS = 16, 3  # a consumer holds some pictures of each camera while it works on them
SENSOR_SLOTS, SENSOR_PINS = 128, 2
SENSOR_BYTES = 8192
READERS = 4


class Stopped(Exception):
    """A signal asked for the end."""


class Outlet:
    """One thread uses it, the one that does the work: the heartbeat is its own."""

    def __init__(self, cameras, imus, calibration, stopping=lambda: False):
        self.cameras, self.imus, self.calibration = cameras, imus, calibration
        self._stopping = stopping
        self._frames = Ring.create("aria frames", slots=FRAME_SLOTS, readers=READERS, pins=FRAME_PINS,
                                   slot_bytes=max(int(np.prod(camera.shape)) for camera in cameras))
        self._sensors = Ring.create("aria sensors", slots=SENSOR_SLOTS, readers=READERS, pins=SENSOR_PINS,
                                    slot_bytes=max(SENSOR_BYTES, 2 * len(calibration.json)))
        self._frame_writer, self._sensor_writer = Writer(self._frames), Writer(self._sensors)
        self.frames_written = 0
        self._batch_count = [0] * len(imus)
        self._calibrations = 0
        self._filled = None
        self._beaten_ns = 0
        self._publish_calibration()

    def hello(self, source, device, live):
        """The line for whoever started the bridge."""
        where = f"/proc/{os.getpid()}/fd/"
        return json.dumps({
            "lazarillo_bridge": 1,
            "frames": where + str(self._frames.fd),
            "sensors": where + str(self._sensors.fd),
            "cameras": [{"name": c.name, "width": c.width, "height": c.height,
                         "format": "bgr" if c.colour else "grey", "rate_hz": c.rate_hz, "frames": c.frames}
                        for c in self.cameras],
            "imus": [{"name": i.name, "rate_hz": i.rate_hz, "samples": i.samples} for i in self.imus],
            "source": source,
            "device": device,
            "live": live,
        }, allow_nan=False)

    def alive(self):
        """Beats, says the calibration again when it is time, and ends the work when that was asked for. To be
        called at least every BEAT_NS."""
        if self._stopping():
            raise Stopped
        now_ns = time.monotonic_ns()
        if now_ns - self._beaten_ns >= BEAT_NS:
            self._frame_writer.beat()
            self._sensor_writer.beat()
            self._beaten_ns = now_ns
        if now_ns - self._calibrated_ns >= CALIBRATION_NS:
            self._publish_calibration()

    def sleep_until(self, due_ns):
        self.alive()
        while (left_ns := due_ns - time.monotonic_ns()) > 0:
            time.sleep(min(left_ns, BEAT_NS) / 1e9)
            self.alive()

    def wait_for_reader(self, patience_s, whose="no reader has signed in to the ring"):
        end_ns = time.monotonic_ns() + int(patience_s * 1e9)
        while not self._frames.readers():
            if time.monotonic_ns() > end_ns:
                raise BridgeError(f"{whose} within {patience_s:g} s: start what reads it, or use --wait or --no-wait")
            self.sleep_until(time.monotonic_ns() + 2_000_000)

    def wait_for_space(self, patience_s):
        """Until the next picture and the next sensor value push out nothing that a reader still has to take.
        Where `frames` has no reader any more, one may come back within `patience_s`; None: it need not."""
        while not (self._frame_writer.has_spare_slot() and self._sensor_writer.has_spare_slot()):
            time.sleep(LOOK_S)
            self.alive()
        if patience_s is not None and not self._frames.readers():
            self.wait_for_reader(patience_s, "the reader of the ring has gone and none came back")

    def fill_frame(self, camera, picture):
        """Puts a picture, RGB or grey as the SDKs have it, into the slot of the next value."""
        shape = self.cameras[camera].shape
        place = self._frame_writer.begin()[:int(np.prod(shape))].reshape(shape)
        if self.cameras[camera].colour:
            cv2.cvtColor(picture, cv2.COLOR_RGB2BGR, dst=place)
        else:
            np.copyto(place, picture)

    def publish_frame(self, camera, number, capture_ns, device_ns, stream_ns):
        """Hands over what fill_frame() put there, as this camera's picture of that number."""
        what = self.cameras[camera]
        fx, fy, cx, cy = self.calibration.intrinsics[camera]
        row = what.width * (3 if what.colour else 1)
        self._frame_writer.publish(Record(
            kind=Kind.FRAME, camera=camera, frame_sequence=number,
            capture_ns=capture_ns, device_ns=device_ns, stream_ns=stream_ns,
            payload_bytes=row * what.height, width=what.width, height=what.height, stride_bytes=row,
            pixel_format=PixelFormat.BGR8 if what.colour else PixelFormat.GRAY8, fx=fx, fy=fy, cx=cx, cy=cy))
        self.frames_written += 1

    def publish_samples(self, imu, samples, stream_ns):
        """Hands over an array of IMU_SAMPLE; `stream_ns` of the first of them."""
        self._sensor_writer.write(Record(
            kind=Kind.IMU_BATCH, camera=imu, frame_sequence=self._batch_count[imu],
            capture_ns=int(samples["capture_ns"][0]), device_ns=int(samples["device_ns"][0]),
            stream_ns=stream_ns), samples)
        self._batch_count[imu] += 1

    def _publish_calibration(self):
        self._calibrated_ns = time.monotonic_ns()
        self._sensor_writer.write(Record(kind=Kind.CALIBRATION_JSON, frame_sequence=self._calibrations,
                                         capture_ns=self._calibrated_ns), self.calibration.json)
        self._calibrations += 1

    def end(self):
        """Nothing comes any more: says so in both rings."""
        for writer in (self._frame_writer, self._sensor_writer):
            writer.end()
            writer.close()
