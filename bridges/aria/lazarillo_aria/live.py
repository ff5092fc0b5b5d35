"""Glasses as they stream, into the rings."""

import time

import numpy as np
from lazarillo_ring import IMU_SAMPLE

from .calibration import Calibration
from .clock import DeviceClock
from .connection import Connection
from .console import BridgeError
from .glasses import glasses
from .motion import Gaps
from .outlet import Outlet, Stopped
from .recording import sdk
from .sensors import Camera, Imu, camera_name, chosen

LOOK_S = 0.005  # also how much of motion goes into one batch
LATEST_SETTLE_S = 10  # for the calibration


class Live:
    """Writes what comes; one thread."""

    def __init__(self, outlet, console, wanted=()):
        """`wanted`: the streams that were asked for; pictures of others are no surprise."""
        self._wanted = wanted
        self._outlet, self._console = outlet, console
        self._clock = DeviceClock()
        self._cameras = {camera.label: i for i, camera in enumerate(outlet.cameras)}
        self._imus = {imu.name: i for i, imu in enumerate(outlet.imus)}
        self._gaps = [Gaps(imu) for imu in outlet.imus]
        self._numbers = [0] * len(outlet.cameras)
        self._last_capture_ns = [0] * len(outlet.cameras)
        self._zero_ns = None  # of the stream, by the device's clock
        self._strange = set()
        self.last_picture_ns = 0

    def write(self, pictures, motion):
        for label in dict.fromkeys(label for label, _, _ in motion):
            self._motion(label, [(one, arrival_ns) for name, samples, arrival_ns in motion if name == label
                                 for one in samples])
        for picture in pictures:
            self._picture(*picture)

    def _see(self, stream, device_ns, arrival_ns):
        change_ns = self._clock.see(stream, device_ns, arrival_ns)
        if self._zero_ns is None:
            self._zero_ns = device_ns
        if change_ns is not None:
            self._console.say(f"the device's clock jumped by {-change_ns / 1e9:.3f} s: its times are told anew")
            self._zero_ns -= change_ns  # the stream goes on by the host's clock
            for gaps in self._gaps:
                gaps.forget()

    def _picture(self, label, picture, device_ns, arrival_ns):
        self.last_picture_ns = arrival_ns
        camera = self._cameras.get(label)
        if camera is None or picture.shape != self._outlet.cameras[camera].shape:
            if label not in self._strange and (camera is not None or not self._wanted):
                self._strange.add(label)
                self._console.say(f"pictures of {camera_name(label)} of {picture.shape[1]}x{picture.shape[0]} are "
                                  "left out: the stream did not begin with them")
            return
        self._see(label, device_ns, arrival_ns)
        capture_ns = max(self._clock.host_ns(device_ns), self._last_capture_ns[camera] + 1)
        self._last_capture_ns[camera] = capture_ns
        self._outlet.fill_frame(camera, picture)
        self._outlet.publish_frame(camera, self._numbers[camera], capture_ns, device_ns, device_ns - self._zero_ns)
        self._numbers[camera] += 1

    def _motion(self, label, motion):
        imu = self._imus.get(label)
        if imu is None or not motion:
            return
        newest, arrival_ns = motion[-1]
        self._see(label, newest.capture_timestamp_ns, arrival_ns)
        samples = np.zeros(len(motion), IMU_SAMPLE)
        for sample, (one, _) in zip(samples, motion):
            self._outlet.calibration.fill_sample(sample, imu, one)
            sample["device_ns"] = one.capture_timestamp_ns
        samples["capture_ns"] = self._clock.host_ns(samples["device_ns"])
        self._gaps[imu].see(samples["device_ns"])
        self._outlet.publish_samples(imu, samples, int(samples["device_ns"][0]) - self._zero_ns)

    def tell(self):
        for gaps in self._gaps:
            if gaps.tell():
                self._console.say(gaps.tell())


def _what_streams(connection, options, stopping):
    """Waits until every camera and IMU that streams has sent something, and says which these are; what came is
    forgotten."""
    shapes, times = {}, {}
    settled_s = None
    while settled_s is None or time.monotonic() < settled_s or connection.inbox.calibration is None:
        if stopping():
            raise Stopped
        if settled_s is None:
            connection.first_trouble()
        elif time.monotonic() > settled_s + LATEST_SETTLE_S:
            raise BridgeError("the glasses sent no calibration: update them and the Client SDK")
        pictures, motion = connection.inbox.take(LOOK_S)
        for label, picture, device_ns, _ in pictures:
            if camera_name(label):
                shapes[label] = picture.shape
                times.setdefault(label, []).append(device_ns)
        for label, samples, _ in motion:
            times.setdefault(label, []).extend(one.capture_timestamp_ns for one in samples)
        if shapes and settled_s is None:
            settled_s = time.monotonic() + options.settle
    return _sensors(shapes, times, options)


def _rate(times):
    steps = np.diff(times)
    return round(1e9 / float(np.median(steps)), 1) if len(steps) and np.median(steps) > 0 else None


def _sensors(shapes, times, options):
    labels = {camera_name(label): label for label in shapes}
    imus = sorted(label for label in times if label not in shapes)
    # The colour camera is the first: it is what the walker is guided by.
    names = chosen(sorted(labels, key=lambda name: (name != "rgb", name)) + imus, options.streams, "what streams")
    cameras = [Camera(name, labels[name], shapes[labels[name]][1], shapes[labels[name]][0],
                      len(shapes[labels[name]]) == 3, _rate(times[labels[name]])) for name in names if name in labels]
    if not cameras:
        raise BridgeError("no pictures to hand over: leave out --streams or name a camera")
    return cameras, [Imu(name, _rate(times[name])) for name in names if name in imus]


def pair(options, console):
    glasses(options).pair()
    console.say("asked to pair: open the Aria app on the phone and allow it, then run 'lazarillo-aria live'")


def live(options, console, stopping):
    sdk()
    if options.pair:
        pair(options, console)
        return
    console.say(f"connecting to Aria glasses of generation {options.generation} by {options.interface}")
    connection = Connection(options, console)
    outlet = None
    try:
        cameras, imus = _what_streams(connection, options, stopping)
        device = connection.device
        outlet = Outlet(cameras, imus, Calibration(connection.inbox.calibration, cameras, imus, device), stopping)
        console.hand_over(outlet.hello(f"aria-gen{options.generation}", device, live=True))
        if not options.no_wait:
            outlet.wait_for_reader(options.wait)
        _stream(connection, outlet, options, console)
    finally:
        if outlet is not None:
            outlet.end()
        for failed in connection.close():
            console.say(failed)


def _stream(connection, outlet, options, console):
    connection.inbox.take(0)  # what came while nobody listened
    connection.inbox.dropped = 0
    writer = Live(outlet, console, options.streams)
    writer.last_picture_ns = time.monotonic_ns()
    dropped = 0
    try:
        while True:
            outlet.alive()
            inbox = connection.inbox
            writer.write(*inbox.take(LOOK_S))
            connection.keep(writer.last_picture_ns)
            if connection.inbox is not inbox:
                dropped += inbox.dropped
    finally:
        writer.tell()
        dropped += connection.inbox.dropped
        console.say(f"{outlet.frames_written} pictures handed over, {dropped} dropped, "
                    f"connected again {connection.lost} times")
