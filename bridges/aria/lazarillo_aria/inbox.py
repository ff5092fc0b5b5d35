"""Where the SDK's threads put what the glasses send, for the one thread that writes it on."""

import threading
import time
from collections import deque

KEPT_PICTURES = 3  # of each camera, while the writing thread is held up
KEPT_MOTION = 4000


class Inbox:
    def __init__(self):
        self._picture_came = threading.Condition()
        self._pictures = {}  # label -> deque of (label, picture, device_ns, arrival_ns)
        self._motion = deque(maxlen=KEPT_MOTION)  # of (label, samples, arrival_ns)
        self.calibration = None
        self.failure = None
        self.dropped = 0

    def picture(self, label, picture, device_ns):
        arrival_ns = time.monotonic_ns()
        with self._picture_came:
            kept = self._pictures.setdefault(label, deque())
            if len(kept) == KEPT_PICTURES:
                kept.popleft()
                self.dropped += 1
            kept.append((label, picture, int(device_ns), arrival_ns))
            self._picture_came.notify()

    def motion(self, label, samples):
        """Wakes nobody: some samples at a time are soon enough."""
        arrival_ns = time.monotonic_ns()
        with self._picture_came:
            self._motion.append((label, list(samples), arrival_ns))

    def set_calibration(self, calibration):
        self.calibration = calibration

    def fail(self, reason):
        self.failure = reason

    def take(self, timeout_s):
        """What has come, in order of arrival, after waiting for a picture for at most `timeout_s`: pictures as
        (label, picture, device_ns, arrival_ns), motion as (label, samples, arrival_ns)."""
        with self._picture_came:
            if not any(self._pictures.values()):
                self._picture_came.wait(timeout_s)
            pictures = sorted((one for kept in self._pictures.values() for one in kept), key=lambda one: one[3])
            motion = list(self._motion)
            self._pictures.clear()
            self._motion.clear()
        return pictures, motion
