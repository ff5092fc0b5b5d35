"""The device's clock told by the host's."""

JUMP_NS = 1_000_000_000
LATE_NS = 2_000_000_000
BACK_NS = 100_000_000
# Crystals differ by some ten millionths; the smallest delay may grow by that, or it would be believed for ever.
DRIFT = 100e-6


class DeviceClock:
    """Maps the device's time to the host's monotonic clock by the smallest delay seen: arrival minus device time
    is the clocks' distance and a delay that is never negative, and IMU samples are often hardly delayed.

    A clock has jumped when something comes more than a second too early (nothing arrives before it happened),
    when a stream's time goes back, or when for two seconds everything is late by more than one (what the network
    held up comes at once and is over). The mapping then begins anew."""

    def __init__(self):
        self._offset_ns = None
        self._seen_ns = 0
        self._late_since_ns = None
        self._last_ns = {}

    def see(self, stream, device_ns, arrival_ns):
        """Of everything that arrives, in order of arrival; `stream` names what has an order of its own. Returns by
        how much the host's times of the device's clock changed, ns, when it jumped, else None."""
        distance_ns = arrival_ns - device_ns
        last_ns = self._last_ns.get(stream)
        self._last_ns[stream] = device_ns
        if self._offset_ns is None:
            self._offset_ns, self._seen_ns = distance_ns, arrival_ns
            return None
        grown_ns = self._offset_ns + int(DRIFT * max(0, arrival_ns - self._seen_ns))
        self._seen_ns = max(self._seen_ns, arrival_ns)
        change_ns = distance_ns - grown_ns
        if change_ns <= JUMP_NS:
            self._late_since_ns = None
        elif self._late_since_ns is None:
            self._late_since_ns = arrival_ns
        back = last_ns is not None and device_ns < last_ns - BACK_NS and abs(change_ns) > BACK_NS
        late = self._late_since_ns is not None and arrival_ns - self._late_since_ns >= LATE_NS
        if change_ns < -JUMP_NS or back or late:
            change_ns = distance_ns - self._offset_ns
            self._offset_ns, self._late_since_ns, self._last_ns = distance_ns, None, {stream: device_ns}
            return change_ns
        self._offset_ns = min(grown_ns, distance_ns)
        return None

    def host_ns(self, device_ns):
        return device_ns + self._offset_ns
