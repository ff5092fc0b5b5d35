"""Plays a recording into the rings."""

import time
from functools import partial

import numpy as np
from lazarillo_ring import IMU_SAMPLE

from .calibration import Calibration
from .console import BridgeError
from .decoder import DECODED, SKIPPED, Decoder, NotBefore
from .motion import Gaps, batches
from .outlet import BEAT_NS, Outlet
from .recording import Recording, good_records

LEAD_NS = 20_000_000  # between the reader's coming and the first value
JUMP_NS = 10_000_000_000  # no recording pauses that long: the clock was set
LATE_NS = 200_000_000  # in real time what is not decoded by then is passed over, or it would be later and later


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
    def __init__(self, frames, decoders, motion, not_before, outlet, console, fast, patience_s):
        """`frames`: of each camera, with its decoder, numbers and times of the pictures. `motion`: of each IMU,
        numbers and times of the samples, and a function that reads one."""
        self._outlet, self._console = outlet, console
        self._frames, self._decoders, self._motion = frames, decoders, motion
        self._not_before = not_before
        self._fast, self._patience_s = fast, patience_s
        frame_times = [times for _, times in frames]
        self._table = events(frame_times, [times for _, times, _ in motion])
        self._first_ns = int(min(times[0] for times in frame_times))
        self._gaps = [Gaps(imu) for imu in outlet.imus]
        self._ready = None  # of the next frame: its state, when it has been fetched
        self.damaged = self.skipped = 0

    def run(self):
        table = self._table
        frames = table[table[:, 1] == 1, 2].tolist()  # their cameras
        for decoder in self._decoders:  # they take a second to begin
            while not decoder.ready(BEAT_NS / 1e9):
                self._outlet.alive()
        # Added to a time by the device's clock it gives the moment on the host's when it is due.
        self._offset_ns = time.monotonic_ns() + LEAD_NS - int(table[0, 0])
        before_ns, written = int(table[0, 0]), 0
        for at_ns, is_frame, which, first, end in table.tolist():
            if at_ns - before_ns > JUMP_NS and not self._fast:
                self._console.say(f"the device's clock jumps by {(at_ns - before_ns) / 1e9:.1f} s: not waited for")
                self._offset_ns -= at_ns - before_ns
            before_ns = at_ns
            if self._fast:
                self._outlet.wait_for_space(self._patience_s)
            else:
                self._not_before.set(time.monotonic_ns() - self._offset_ns - LATE_NS)
                # Long before it is due, while motion is written.
                self._fetch(frames[written] if written < len(frames) else None, wait=False)
            if is_frame:
                self._frame(which, first, at_ns)
                written += 1
            else:
                self._batch(which, first, end, at_ns)
        for gaps in self._gaps:
            if gaps.tell():
                self._console.say(gaps.tell())

    def _due(self, device_ns):
        return time.monotonic_ns() if self._fast else device_ns + self._offset_ns

    def _fetch(self, camera, wait):
        """Puts the next picture into its slot."""
        while self._ready is None and camera is not None:
            self._outlet.alive()
            got = self._decoders[camera].next(BEAT_NS / 1e9 if wait else 0)
            if got is not None:
                self._ready, picture, give_back = got
                if self._ready == DECODED:
                    self._outlet.fill_frame(camera, picture)
                give_back()
            elif not wait:
                return

    def _frame(self, camera, index, device_ns):
        self._fetch(camera, wait=True)
        state, self._ready = self._ready, None
        if state != DECODED:
            self.skipped += state == SKIPPED
            self.damaged += state != SKIPPED
            return
        capture_ns = self._due(device_ns)
        if not self._fast:
            self._outlet.sleep_until(capture_ns)
        self._outlet.publish_frame(camera, int(self._frames[camera][0][index]), capture_ns, device_ns,
                                   device_ns - self._first_ns)
        self._outlet.alive()

    def _batch(self, imu, first, end, device_ns):
        self._outlet.alive()
        numbers, times, read = self._motion[imu]
        samples = np.zeros(end - first, IMU_SAMPLE)
        samples["device_ns"] = times[first:end]
        good = np.ones(end - first, bool)
        for i, time_ns in enumerate(samples["device_ns"].tolist()):
            motion = read(int(numbers[first + i]), time_ns)
            good[i] = motion is not None
            if motion is not None:
                self._outlet.calibration.fill_sample(samples[i], imu, motion)
        self.damaged += int((~good).sum())
        samples = samples[good]
        due_ns = self._due(device_ns)
        if not self._fast:
            self._outlet.sleep_until(due_ns)
        if samples.size:
            self._gaps[imu].see(samples["device_ns"])
            samples["capture_ns"] = due_ns if self._fast else samples["device_ns"] + self._offset_ns
            self._outlet.publish_samples(imu, samples, int(samples["device_ns"][0]) - self._first_ns)


def replay(options, console, stopping):
    recording = Recording(options.file, console)
    chosen_cameras, imus = recording.choose(options.streams)
    cameras = [camera for camera, _ in chosen_cameras]
    calibration = Calibration(recording.device_calibration(), cameras, [imu for imu, _ in imus], recording.device)
    frames = [good_records(recording.provider, stream) for _, stream in chosen_cameras]
    motion = [(*good_records(recording.provider, stream), partial(recording.motion, stream)) for _, stream in imus]
    not_before = NotBefore()
    decoders = [Decoder(recording.path.resolve(), camera, stream, not_before) for camera, stream in chosen_cameras]
    try:
        outlet = Outlet(cameras, [imu for imu, _ in imus], calibration, stopping)
        try:
            console.hand_over(outlet.hello(str(recording.path.resolve()), recording.device, live=False))
            if not options.no_wait:
                outlet.wait_for_reader(options.wait)
            player = Replay(frames, decoders, motion, not_before, outlet, console, options.fast,
                            None if options.no_wait else options.wait)
            player.run()
        finally:
            outlet.end()
    finally:
        for decoder in decoders:
            decoder.close()
    handed = f"{outlet.frames_written} pictures handed over"
    if player.skipped:
        handed += f", {player.skipped} passed over: this machine is too slow to decode them in real time"
    damaged = (player.damaged + sum(camera.frames for camera in cameras) + sum(imu.samples for imu, _ in imus)
               - sum(len(numbers) for numbers, *_ in (*frames, *motion)))
    if damaged:
        raise BridgeError(f"'{recording.path}': {damaged} pictures or samples cannot be read; {handed}")
    if recording.cut:
        raise BridgeError(f"'{recording.path}' is cut short: {recording.cut}; {handed}")
    console.say(handed)
