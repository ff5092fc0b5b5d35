"""Plays a recording into the rings."""

import time

import numpy as np
from lazarillo_ring import IMU_SAMPLE

from .calibration import Calibration
from .console import BridgeError
from .motion import Gaps, batches
from .outlet import Outlet
from .recording import Recording

LEAD_NS = 20_000_000  # between the reader's coming and the first value
JUMP_NS = 10_000_000_000  # no recording pauses that long: the clock was set


def events(frame_times, imu_times):
    """What is to be written, in order of the device's time, with IMU samples before the frame they lead to: rows
    of time, kind (0 IMU batch, 1 frame), index of the IMU or camera, first sample or frame, end."""
    frames_in_order = np.sort(np.concatenate(frame_times))
    rows = []
    for camera, times in enumerate(frame_times):
        index = np.arange(len(times))
        rows.append(np.stack([times, np.ones_like(times), np.full_like(times, camera), index, index + 1], 1))
    for imu, times in enumerate(imu_times):
        cuts = batches(times, frames_in_order)
        first, end = cuts[:-1], cuts[1:]
        ends_at = times[end - 1] if len(times) else times
        rows.append(np.stack([ends_at, np.zeros_like(ends_at), np.full_like(ends_at, imu), first, end], 1))
    table = np.concatenate(rows)
    return table[np.lexsort((table[:, 3], table[:, 2], table[:, 1], table[:, 0]))]


class Replay:
    def __init__(self, recording, cameras, imus, outlet, console, fast, patience_s):
        self._recording, self._outlet, self._console = recording, outlet, console
        self._cameras, self._imus = cameras, imus
        self._fast, self._patience_s = fast, patience_s
        self._frame_times = [recording.times(stream) for _, stream in cameras]
        self._imu_times = [recording.times(stream) for _, stream in imus]
        self._first_ns = int(min(times[0] for times in self._frame_times))
        self._gaps = [Gaps(imu) for imu, _ in imus]
        self.damaged = 0

    def run(self):
        table = events(self._frame_times, self._imu_times)
        # Added to a time by the device's clock it gives the moment on the host's when it is due.
        self._offset_ns = time.monotonic_ns() + LEAD_NS - int(table[0, 0])
        before_ns = int(table[0, 0])
        for at_ns, is_frame, which, first, end in table.tolist():
            if at_ns - before_ns > JUMP_NS and not self._fast:
                self._console.say(f"the device's clock jumps by {(at_ns - before_ns) / 1e9:.1f} s: not waited for")
                self._offset_ns -= at_ns - before_ns
            before_ns = at_ns
            if self._fast:
                self._outlet.wait_for_space(self._patience_s)
            (self._frame if is_frame else self._batch)(which, first, end, at_ns)
        for gaps in self._gaps:
            if gaps.tell():
                self._console.say(gaps.tell())

    def _due(self, device_ns):
        return time.monotonic_ns() if self._fast else device_ns + self._offset_ns

    def _frame(self, camera, index, _, device_ns):
        self._outlet.alive()
        picture = self._recording.picture(self._cameras[camera][1], index)
        if picture is None or picture.shape != self._outlet.cameras[camera].shape:
            self.damaged += 1
            return
        capture_ns = self._due(device_ns)
        self._outlet.fill_frame(camera, picture)
        if not self._fast:
            self._outlet.sleep_until(capture_ns)
        self._outlet.publish_frame(camera, capture_ns, device_ns, device_ns - self._first_ns)
        self._outlet.alive()

    def _batch(self, imu, first, end, device_ns):
        self._outlet.alive()
        samples = np.zeros(end - first, IMU_SAMPLE)
        stream = self._imus[imu][1]
        times = self._imu_times[imu][first:end]
        self._gaps[imu].see(times)
        for i in range(end - first):
            self._outlet.calibration.fill_sample(samples[i], imu, self._recording.motion(stream, first + i))
        due_ns = self._due(device_ns)
        if not self._fast:
            self._outlet.sleep_until(due_ns)
        samples["device_ns"] = times
        samples["capture_ns"] = due_ns if self._fast else times + self._offset_ns
        self._outlet.publish_samples(imu, samples, int(times[0]) - self._first_ns)


def replay(options, console, stopping):
    recording = Recording(options.file, console)
    cameras, imus = recording.choose(options.streams)
    calibration = Calibration(recording.device_calibration(), [c for c, _ in cameras], [i for i, _ in imus],
                              recording.device)
    outlet = Outlet([c for c, _ in cameras], [i for i, _ in imus], calibration, stopping)
    console.hand_over(outlet.hello(str(recording.path.resolve()), recording.device, live=False))
    try:
        if not options.no_wait:
            outlet.wait_for_reader(options.wait)
        player = Replay(recording, cameras, imus, outlet, console, options.fast,
                        None if options.no_wait else options.wait)
        player.run()
    finally:
        outlet.end()
    handed = f"{outlet.frames_written} pictures handed over"
    if player.damaged:
        raise BridgeError(f"'{recording.path}': {player.damaged} pictures cannot be decoded; {handed}")
    if recording.cut:
        raise BridgeError(f"'{recording.path}' is cut short: {recording.cut}; {handed}")
    console.say(handed)
