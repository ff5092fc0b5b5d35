"""Decodes a camera's pictures ahead of time, in a process of its own.

Meta's reader holds the interpreter while it decodes, for up to a quarter of a second on a slow machine: in one process
the heartbeat would miss its time, the other cameras would wait, and a damaged picture could take everything down.
"""

import ctypes
import json
import mmap
import os
import signal
import subprocess
import sys

import numpy as np
from lazarillo_ring import Kind, Reader, Record, Ring, Writer

AHEAD = 3  # pictures, one of them with whoever takes them
STUCK_S = 20  # for one picture
DECODED, SKIPPED, DAMAGED = 0, 1, 2  # Record.picture_state in here
_PR_SET_PDEATHSIG = 1


class NotBefore:
    """A time that processes share: pictures from before it need not be decoded."""

    def __init__(self, fd=None):
        new = fd is None
        self.fd = os.memfd_create("not before", os.MFD_CLOEXEC) if new else fd
        if new:
            os.ftruncate(self.fd, 8)
        self._word = memoryview(mmap.mmap(self.fd, 8)).cast("q")
        if new:
            self.set(-(1 << 63))

    def set(self, device_ns):
        self._word[0] = device_ns

    def get(self):
        return self._word[0]


class Decoder:
    """The one that takes the pictures."""

    def __init__(self, path, camera, stream, not_before):
        self._shape = camera.shape
        self._ring = Ring.create(f"aria {camera.name}", slots=AHEAD + 1, readers=1, pins=1,
                                 slot_bytes=int(np.prod(camera.shape)))
        self._reader = Reader(self._ring)
        self._room = os.eventfd(AHEAD, os.EFD_CLOEXEC | os.EFD_SEMAPHORE)
        work = {"path": str(path), "stream": str(stream), "shape": self._shape, "ring": self._ring.fd,
                "room": self._room, "not_before": not_before.fd, "parent": os.getpid()}
        self._waited_s = 0.0
        # Not forked: the SDK has threads, and what they hold would be held for ever.
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, json.dumps(work)], stdin=subprocess.DEVNULL,
            pass_fds=[work["ring"], work["room"], work["not_before"]])

    def ready(self, timeout_s):
        """Waits for next() to have an answer: a picture, or that there will be none."""
        if self._reader.wait(timeout_s):
            self._waited_s = 0.0
            return True
        self._waited_s += timeout_s
        if self._waited_s > STUCK_S:
            self._process.kill()
        return self._process.poll() is not None

    def next(self, timeout_s):
        """The next picture as (state, array, function that gives it back), None when there is none yet. The array is
        RGB or grey, and null where the state is not DECODED; so it is for every picture after a crash."""
        if not self.ready(timeout_s):
            return None
        if not self._reader.wait(0):
            return DAMAGED, None, lambda: None
        pin = self._reader.next()

        def give_back():
            pin.release()
            os.eventfd_write(self._room, 1)

        decoded = pin.record.picture_state == DECODED
        return pin.record.picture_state, pin.payload.reshape(self._shape) if decoded else None, give_back

    def close(self):
        self._process.kill()
        self._process.wait()
        os.close(self._room)


def _decode(work):
    """The one that makes them."""
    from projectaria_tools.core.stream_id import StreamId

    from .recording import good_records, open_provider

    shape, not_before, stream = tuple(work["shape"]), NotBefore(work["not_before"]), StreamId(work["stream"])
    writer = Writer(Ring.open(work["ring"]))
    provider = open_provider(work["path"])
    for index, time_ns in zip(*(column.tolist() for column in good_records(provider, stream))):
        os.eventfd_read(work["room"])
        what = Record(kind=Kind.INTERNAL, frame_sequence=index, device_ns=time_ns, picture_state=SKIPPED)
        if time_ns >= not_before.get():
            what.picture_state = DAMAGED
            try:
                data, record = provider.get_image_data_by_index(stream, index)
                picture = data.to_numpy_array()
                # Of a record that cannot be read the SDK gives the one before.
                if (record.capture_timestamp_ns == time_ns and picture.dtype == np.uint8
                        and picture.shape == shape):
                    what.payload_bytes, what.picture_state = picture.size, DECODED
                    writer.begin()[:picture.size].reshape(shape)[...] = picture
            except Exception:  # whatever C++ throws at a damaged record
                pass
        writer.begin()
        writer.publish(what)


if __name__ == "__main__":
    # What started us may be killed; it and not the terminal ends us.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    todo = json.loads(sys.argv[1])
    if os.getppid() == todo["parent"]:
        _decode(todo)
