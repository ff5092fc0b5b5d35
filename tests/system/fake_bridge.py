"""A bridge as docs/ring.md describes it, of nobody's camera: fake_bridge.py [options] WORDS

WORDS are what Lazarillo asks of bridges/aria. The number of the picture is its first pixel. What else it
does, FAKE_BRIDGE in the environment says: `die:N`, `hang:N` and `end:N` after N pictures, `code:N`: ends with
it before. Its pid is added to the file FAKE_BRIDGE_PIDS.
"""

import json
import os
import pathlib
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bridges" / "ring"))

from lazarillo_ring import Kind, PixelFormat, Record, Ring, Writer  # noqa: E402

WIDTH, HEIGHT = 64, 48
CALIBRATION = {"version": 1, "cameras": [
    {"index": i, "name": name, "model": "linear", "parameters": [60, 60, 31.5, 23.5], "width": WIDTH,
     "height": HEIGHT, "valid_radius": None, "time_offset_s": 0, "readout_s": None,
     "T_device_camera": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], "quarter_turns": 0}
    for i, name in enumerate(["slam-left", "rgb"])],
    "imus": [{"index": 0, "name": "imu", "rate_hz": 100, "T_device_imu": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]}]}


def main():
    what, _, number = os.environ.get("FAKE_BRIDGE", "").partition(":")
    number = int(number or 0)
    live = "live" in sys.argv
    with open(os.environ["FAKE_BRIDGE_PIDS"], "a") as pids:
        print(os.getpid(), file=pids)
    if what == "code":
        print("fake bridge: there is no such recording", file=sys.stderr)
        return number
    frames = Ring.create("frames", slots=16, slot_bytes=WIDTH * HEIGHT * 3, readers=4, pins=3)
    sensors = Ring.create("sensors", slots=16, slot_bytes=8192, readers=4, pins=2)
    writer, values = Writer(frames), Writer(sensors)
    values.write(Record(kind=Kind.CALIBRATION_JSON), json.dumps(CALIBRATION).encode())
    print(json.dumps({"lazarillo_bridge": 1, "frames": f"/proc/{os.getpid()}/fd/{frames.fd}",
                      "sensors": f"/proc/{os.getpid()}/fd/{sensors.fd}", "live": live,
                      "cameras": [{"name": "slam-left"}, {"name": "rgb"}]}), flush=True)
    while not list(frames.readers()):
        time.sleep(0.005)
        writer.beat()
    for i in range(2 * (number if what == "end" else 1_000_000)):
        while not live and not writer.has_spare_slot():
            time.sleep(0.001)
            writer.beat()
        picture, camera = divmod(i, 2)
        if camera == 0:
            # One sample of the IMU a picture: capture, device, acceleration, gyro, temperature, what is valid.
            values.write(Record(kind=Kind.IMU_BATCH, camera=0),
                         struct.pack("<qq3f3ffI", time.monotonic_ns(), 1000 + picture * 10_000_000, 0, -9.5, 0,
                                     0.25, 0, picture / 8, 30, 3))
        place = writer.begin()[:WIDTH * HEIGHT * 3]
        place[:] = picture % 256 if camera == 1 else 255
        now = time.monotonic_ns()
        writer.publish(Record(kind=Kind.FRAME, camera=camera, frame_sequence=picture, capture_ns=now,
                              device_ns=1000 + picture * 10_000_000, stream_ns=picture * 10_000_000,
                              payload_bytes=WIDTH * HEIGHT * 3, width=WIDTH, height=HEIGHT,
                              stride_bytes=WIDTH * 3, pixel_format=PixelFormat.BGR8, fx=60, fy=60, cx=31.5,
                              cy=23.5))
        values.beat()
        if picture + 1 == number and camera == 1:
            if what == "die":
                os.kill(os.getpid(), 9)
            if what == "hang":
                time.sleep(600)
        if live:
            time.sleep(0.005)
    writer.end()
    values.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
