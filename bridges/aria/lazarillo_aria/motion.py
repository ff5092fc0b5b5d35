"""Batches of IMU samples, and gaps in them."""

import numpy as np

BATCH_NS = 10_000_000
GAP = 1.5  # of the nominal distance


class Gaps:
    """Counts what is missing in one IMU's samples; nothing is filled in."""

    def __init__(self, imu):
        self._imu = imu
        self._last_ns = None
        self.count = self.missing = self.longest_ns = 0

    def see(self, device_ns):
        """Times of samples, in their order."""
        times = np.atleast_1d(device_ns) if self._last_ns is None else np.append(self._last_ns, device_ns)
        self._last_ns = int(times[-1])
        if self._imu.rate_hz is None:
            return
        period_ns = 1e9 / self._imu.rate_hz
        steps = np.diff(times)
        wide = steps[steps > GAP * period_ns]
        if wide.size:
            self.count += wide.size
            self.missing += int(np.sum(np.rint(wide / period_ns) - 1))
            self.longest_ns = max(self.longest_ns, int(wide.max()))

    def forget(self):
        """The clock began anew."""
        self._last_ns = None

    def tell(self):
        """One line, or None."""
        if not self.count:
            return None
        return (f"{self._imu.name}: {self.count} gaps, {self.missing} samples missing, the longest "
                f"{self.longest_ns / 1e6:.1f} ms; they are not filled")


def batches(times_ns, frame_times_ns):
    """Cuts an IMU's samples into batches of at most BATCH_NS, and before each frame's time: first indices,
    and one past the end. `frame_times_ns` in order."""
    if len(times_ns) == 0:
        return np.zeros(1, np.int64)
    cell = (times_ns - times_ns[0]) // BATCH_NS
    before = np.searchsorted(frame_times_ns, times_ns, "left")
    cuts = np.flatnonzero((np.diff(cell) != 0) | (np.diff(before) != 0)) + 1
    return np.concatenate([[0], cuts, [len(times_ns)]])
