"""Reads values from a ring."""

import os
import time

import numpy as np

from . import futex
from .layout import CLAIMED, HEADER, IMU_SAMPLE, READER, RECORD, SLOT, PixelFormat, Record
from .process import this_process
from .ring import RingError


class Pin:
    """Holds one value, in place. A context manager; releases at its end.

    The arrays are views of the ring's memory: copy what must live longer than the pin.
    """

    def __init__(self, reader, word, slot, sequence):
        self._reader = reader
        self._word = word
        self._slot = slot
        self.sequence = sequence
        self.torn = False  # after release(): the writer broke the protocol, what was read is void
        ring = reader.ring
        at = ring.slot_offset(slot)
        self.record = Record.unpack(ring.array, at + SLOT["record"])
        start = at + SLOT["payload"]
        self.payload = ring.array[start:start + self.record.payload_bytes]
        self.payload.flags.writeable = False

    def image(self):
        """The picture of a frame: (height, width, 3) or (height, width), uint8, not a copy."""
        record = self.record
        gray = record.pixel_format == PixelFormat.GRAY8
        shape = (record.height, record.width) + (() if gray else (3,))
        strides = (record.stride_bytes, 1) if gray else (record.stride_bytes, 3, 1)
        picture = np.ndarray(shape, np.uint8, self.payload, 0, strides)
        return picture

    def imu_samples(self):
        """The samples of an IMU batch: an array of IMU_SAMPLE, not a copy."""
        return self.payload.view(IMU_SAMPLE)

    def release(self):
        """Lets go; the arrays must not be read any more. Does nothing the second time."""
        if self._reader is None:
            return
        ring = self._reader.ring
        now = ring.u64[ring.sequence_word(self._slot)] & ~CLAIMED
        self.torn = now != self.sequence
        self._reader.torn += self.torn
        ring.u32[self._word] = 0
        self._reader = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()

    def __del__(self):
        # Not in a forked child: the pin is the parent's.
        if getattr(self, "_reader", None) is not None and self._reader.pid == os.getpid():
            self.release()


class Reader:
    """Takes values from a ring; one thread uses it. Starts before the oldest value still there."""

    def __init__(self, ring):
        self.ring = ring
        self.position = 0  # sequence of the last value taken
        self.dropped = 0  # values published since we signed in, up to position, that we did not take
        self.torn = 0
        self._entry = None
        with ring.sign_in():
            entry = self._free_entry()
            if entry is None and ring.reclaim_dead_readers() > 0:
                entry = self._free_entry()
            if entry is None:
                raise RingError(f"the ring '{ring.name}' has {ring.geometry.readers} readers "
                                "already: end one, or make it for more")
            at = ring.reader_offset(entry)
            self._pins = ring.pin_words(entry)
            self._waiting = (at + READER["waiting"]) // 4
            self._position = (at + READER["position"]) // 8
            self._dropped = (at + READER["dropped"]) // 8
            self.pid, start = this_process()
            for word in self._pins:
                ring.u32[word] = 0
            ring.u32[self._waiting] = 0
            ring.u64[(at + READER["start"]) // 8] = start
            ring.u64[self._position] = 0
            ring.u64[self._dropped] = 0
            self._newest_then = ring.newest_sequence
            ring.u32[at // 4] = self.pid
            self._entry = at // 4

    def _free_entry(self):
        for entry in range(self.ring.geometry.readers):
            if self.ring.u32[self.ring.reader_offset(entry) // 4] == 0:
                return entry
        return None

    def close(self):
        """Signs out. Release the pins first: they hold nothing any more."""
        if self._entry is not None and self.pid == os.getpid():
            for word in self._pins:
                self.ring.u32[word] = 0
            self.ring.u32[self._entry] = 0
        self._entry = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if getattr(self, "_entry", None) is not None:
            self.close()

    def _free_pin(self):
        for word in self._pins:
            if self.ring.u32[word] == 0:
                return word
        return None

    def can_pin(self):
        """False while as many values are held as this reader may."""
        return self._free_pin() is not None

    def _take(self, word, slot, sequence):
        ring = self.ring
        ring.u32[word] = slot + 1
        ring.fence()
        if ring.u64[ring.sequence_word(slot)] != sequence:
            ring.u32[word] = 0
            return None
        size_at = ring.slot_offset(slot) + SLOT["record"] + RECORD["payload_bytes"]
        fits = ring.u64[size_at // 8] <= ring.geometry.slot_bytes
        if not fits:
            ring.u32[word] = 0
        before = max(self.position, self._newest_then)
        if sequence > before:
            self.dropped += sequence - before - (1 if fits else 0)
        self.position = sequence
        ring.u64[self._position] = self.position
        ring.u64[self._dropped] = self.dropped
        return Pin(self, word, slot, sequence) if fits else None

    def newest(self):
        """The newest value as a Pin, when it is newer than `position`; the ones skipped count as
        dropped. None also while all pins are in use."""
        pin = self._free_pin()
        previous = 0
        while pin is not None:
            word = self.ring.u64[HEADER["newest"] // 8]
            slot = word & 0xFF
            if word == previous or word >> 8 <= self.position or slot >= self.ring.geometry.slots:
                return None
            taken = self._take(pin, slot, word >> 8)
            if taken is not None:
                return taken
            previous = word
        return None

    def next(self):
        """The oldest value still there after `position` as a Pin; the ones overwritten count as
        dropped. None as newest()."""
        pin = self._free_pin()
        if pin is None:
            return None
        slots = self.ring.geometry.slots
        previous, failed = 0, 0
        while failed <= slots:
            last = self.ring.newest_sequence
            if last <= self.position:
                return None
            failed = failed + 1 if last == previous else 0
            previous = last
            found = [(sequence, slot) for slot in range(slots)
                     if self.position < (sequence := self.ring.u64[self.ring.sequence_word(slot)])
                     <= last]
            if found:
                sequence, slot = min(found)
                taken = self._take(pin, slot, sequence)
                if taken is not None:
                    return taken
        return None

    def wait(self, timeout):
        """Sleeps until there is a value after `position`, the ring is closed, or `timeout` seconds
        are over; True in the first case."""
        deadline = time.monotonic() + timeout
        ring = self.ring
        if ring.newest_sequence > self.position:
            return True
        ring.u32[self._waiting] = 1
        try:
            while True:
                ring.fence()
                seen = ring.u32[HEADER["published"] // 4]
                left = deadline - time.monotonic()
                if ring.newest_sequence > self.position or ring.closed or left <= 0:
                    return ring.newest_sequence > self.position
                futex.wait(ring.published_address, seen, left)
        finally:
            ring.u32[self._waiting] = 0
