"""A bridge as docs/ring.md describes it, of nobody's camera: fake_bridge.py [options] WORDS

WORDS are what Lazarillo asks of bridges/aria. The number of the picture is its first pixel. What else it
does, FAKE_BRIDGE in the environment says: `die:N`, `hang:N` and `end:N` after N pictures, `code:N`: ends with
it before. Its pid is added to the file FAKE_BRIDGE_PIDS. FAKE_BRIDGE_RIG=three has a colour camera and two at the
sides, which take every second picture, 1 ms after it, the right one by a clock that is 2 s behind;
FAKE_BRIDGE_RIG=three:N: the left one none from picture N on.
"""

import json
import math
import os
import pathlib
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bridges" / "ring"))

from lazarillo_ring import Kind, PixelFormat, Record, Ring, Writer  # noqa: E402

WIDTH, HEIGHT = 64, 48
STEP_NS = 10_000_000
RIG, _, LEFT_UNTIL = os.environ.get("FAKE_BRIDGE_RIG", "").partition(":")
# Name, degrees that it looks to the right, every how many pictures, nanoseconds later, seconds that its clock is behind.
CAMERAS = ([("rgb", 0, 1, 0, 0), ("slam-left", -40, 2, 1_000_000, 0), ("slam-right", 40, 2, 1_000_000, 2)]
           if RIG == "three" else [("slam-left", 0, 1, 0, 0), ("rgb", 0, 1, 0, 0)])


def pose(yaw_deg):
    c, s = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    return [[c, 0, s, yaw_deg / 400], [0, 1, 0, 0], [-s, 0, c, 0]]


CALIBRATION = {"version": 1, "cameras": [
    {"index": i, "name": name, "model": "linear", "parameters": [60, 60, 31.5, 23.5], "width": WIDTH,
     "height": HEIGHT, "valid_radius": None, "time_offset_s": behind_s, "readout_s": None,
     "T_device_camera": pose(yaw_deg), "quarter_turns": 0}
    for i, (name, yaw_deg, _, _, behind_s) in enumerate(CAMERAS)],
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
                      "cameras": [{"name": name} for name, *_ in CAMERAS]}), flush=True)
    while not list(frames.readers()):
        time.sleep(0.005)
        writer.beat()
    last = len(CAMERAS) - 1
    for i in range(len(CAMERAS) * (number if what == "end" else 1_000_000)):
        while not live and not writer.has_spare_slot():
            time.sleep(0.001)
            writer.beat()
        picture, camera = divmod(i, len(CAMERAS))
        name, _, every, later_ns, behind_s = CAMERAS[camera]
        if camera == 0:
            # One sample of the IMU a picture: capture, device, acceleration, gyro, temperature, what is valid.
            values.write(Record(kind=Kind.IMU_BATCH, camera=0),
                         struct.pack("<qq3f3ffI", time.monotonic_ns(), 1000 + picture * STEP_NS, 0, -9.5, 0,
                                     0.25, 0, picture / 8, 30, 3))
        gone = name == "slam-left" and LEFT_UNTIL and picture >= int(LEFT_UNTIL)
        if picture % every == 0 and not gone:
            place = writer.begin()[:WIDTH * HEIGHT * 3]
            place[:] = picture % 256 if name == "rgb" else 255
            at_ns = picture * STEP_NS + later_ns - behind_s * 10**9
            writer.publish(Record(kind=Kind.FRAME, camera=camera, frame_sequence=picture // every,
                                  capture_ns=time.monotonic_ns() - behind_s * 10**9, device_ns=1000 + at_ns,
                                  stream_ns=at_ns,
                                  payload_bytes=WIDTH * HEIGHT * 3, width=WIDTH, height=HEIGHT,
                                  stride_bytes=WIDTH * 3, pixel_format=PixelFormat.BGR8, fx=60, fy=60, cx=31.5,
                                  cy=23.5))
        values.beat()
        if picture + 1 == number and camera == last:
            if what == "die":
                os.kill(os.getpid(), 9)
            if what == "hang":
                time.sleep(600)
        if live and (camera == last or RIG != "three"):
            time.sleep(0.005)
    writer.end()
    values.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
