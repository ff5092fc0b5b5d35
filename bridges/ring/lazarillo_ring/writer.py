"""Writes values into a ring."""

import os
import time
from dataclasses import replace

import numpy as np

from . import futex
from .layout import CLAIMED, HEADER, READER, SLOT, PixelFormat
from .process import is_alive, this_process
from .ring import RingError


class Writer:
    """Signs in as the ring's only writer, and goes on where a dead one stopped. Never waits for a
    reader. One thread uses it."""

    def __init__(self, ring):
        self.ring = ring
        self._pid = None
        self._last = 0
        self._newest_slot = None
        self._open_slot = None
        u32, u64 = ring.u32, ring.u64
        with ring.sign_in():
            other = u32[HEADER["writer_pid"] // 4]
            if other != 0 and is_alive(other, u64[HEADER["writer_start"] // 8]):
                raise RingError(f"process {other} writes to the ring '{ring.name}' already: "
                                "end it first")
            pid, start = this_process()
            u32[HEADER["writer_pid"] // 4] = 0
            u64[HEADER["writer_start"] // 8] = start
            u32[HEADER["writer_pid"] // 4] = self._pid = pid
            self._adopt_what_is_there()
            u32[HEADER["closed"] // 4] = 0
            self.beat()
            u64[HEADER["writer_epoch"] // 8] += 1

    def _adopt_what_is_there(self):
        u64 = self.ring.u64
        self._words = [self.ring.sequence_word(s) for s in range(self.ring.geometry.slots)]
        # A writer that died while it asked for a slot has not touched it yet.
        self._sequences = [u64[word] & ~CLAIMED for word in self._words]
        for word, sequence in zip(self._words, self._sequences):
            u64[word] = sequence
        self._last = max(self._sequences)
        if self._last > 0:
            # It may also have died after a value was whole and before it was announced.
            self._newest_slot = self._sequences.index(self._last)
            u64[HEADER["newest"] // 8] = self._last << 8 | self._newest_slot

    def _pinned(self):
        u32 = self.ring.u32
        return {u32[word] - 1 for reader in range(self.ring.geometry.readers)
                for word in self.ring.pin_words(reader)}

    def _claim(self):
        u64 = self.ring.u64
        claimed = []
        pinned = self._pinned()
        free = None
        # As many rounds as there are pins, and one, at most: docs/ring.md says why.
        while free is None:
            slot = min((s for s in range(len(self._words))
                        if s != self._newest_slot and s not in claimed),
                       key=lambda s: (s in pinned, self._sequences[s]))
            u64[self._words[slot]] = self._sequences[slot] | CLAIMED
            self.ring.fence()
            claimed.append(slot)
            pinned = self._pinned()
            free = next((s for s in claimed if s not in pinned), None)
        for slot in claimed:
            if slot != free:
                u64[self._words[slot]] = self._sequences[slot]
        u64[self._words[free]] = 0
        self._sequences[free] = 0
        return free

    def has_spare_slot(self):
        """True when begin() takes a slot that no reader signed in still has to read: who waits for
        it loses nothing. Also when there is no reader."""
        # In this order: a reader pins a value before it moves on to it.
        taken = min(self.ring.readers(), default=self._last)
        pinned = self._pinned()
        return self._open_slot is not None or any(
            sequence <= taken and slot != self._newest_slot and slot not in pinned
            for slot, sequence in enumerate(self._sequences))

    def begin(self):
        """Where to write the next value: a slot's whole capacity as a uint8 array, its content
        undefined. The same again until publish(), and not to be written to after it."""
        if self._open_slot is None:
            self._open_slot = self._claim()
        start = self.ring.slot_offset(self._open_slot) + SLOT["payload"]
        return self.ring.array[start:start + self.ring.geometry.slot_bytes]

    def publish(self, record):
        """Hands the value written since begin() to the readers; returns its sequence."""
        if self._open_slot is None:
            raise ValueError("publish() without begin()")
        self._check_size(record.payload_bytes)
        ring, slot = self.ring, self._open_slot
        packed = np.frombuffer(record.pack(), np.uint8)
        at = ring.slot_offset(slot) + SLOT["record"]
        ring.array[at:at + packed.size] = packed
        self._open_slot = None
        self._last += 1
        self._sequences[slot] = self._last
        self._newest_slot = slot
        ring.u64[self._words[slot]] = self._last
        ring.u64[HEADER["newest"] // 8] = self._last << 8 | slot
        self._bump()
        self.beat()
        ring.fence()
        if any(ring.u32[(ring.reader_offset(r) + READER["waiting"]) // 4]
               for r in range(ring.geometry.readers)):
            futex.wake_all(ring.published_address)
        return self._last

    def _check_size(self, size):
        if not 0 <= size <= self.ring.geometry.slot_bytes:
            raise ValueError(f"{size} bytes do not fit into a slot of "
                             f"{self.ring.geometry.slot_bytes}")

    def write(self, record, data):
        """Copies bytes into a slot and publishes them; sets the record's payload_bytes."""
        data = np.frombuffer(data, np.uint8)
        self._check_size(data.size)
        self.begin()[:data.size] = data
        return self.publish(replace(record, payload_bytes=data.size))

    def write_image(self, image, record):
        """Copies a uint8 picture, (height, width, 3) BGR or (height, width) grey, into a slot and
        publishes it; sets the record's picture fields."""
        image = np.ascontiguousarray(image)
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)):
            raise ValueError(f"not a picture: {image.dtype} {image.shape}")
        height, width = image.shape[:2]
        return self.write(
            replace(record, width=width, height=height, stride_bytes=image[0].size,
                    pixel_format=PixelFormat.GRAY8 if image.ndim == 2 else PixelFormat.BGR8),
            image.reshape(-1))

    def _bump(self):
        word = HEADER["published"] // 4
        self.ring.u32[word] = (self.ring.u32[word] + 1) & 0xFFFFFFFF

    def beat(self):
        """Says that the writer lives when it has nothing to publish."""
        self.ring.u64[HEADER["heartbeat_ns"] // 8] = time.monotonic_ns()

    def end(self):
        """Nothing will come any more; the readers still get what is there."""
        self.ring.u32[HEADER["closed"] // 4] = 1
        self._bump()
        futex.wake_all(self.ring.published_address)

    def reclaim(self):
        """Frees the entries of dead readers; returns how many."""
        with self.ring.sign_in():
            return self.ring.reclaim_dead_readers()

    def close(self):
        """Signs out; another writer may go on."""
        if self._pid == os.getpid():
            self.ring.u32[HEADER["writer_pid"] // 4] = 0
        self._pid = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if getattr(self, "_pid", None) is not None:
            self.close()
