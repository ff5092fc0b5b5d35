"""The ring's memory: made, opened and checked; its words; signing in."""

import contextlib
import fcntl
import mmap
import os
import platform
import stat
import threading
import time

import numpy as np

from . import layout
from .layout import HEADER, READER, SLOT, Geometry
from .process import is_alive


class RingError(Exception):
    """One line for the user: what is wrong and where."""


def _mebibytes(count):
    return f"{-(-count // (1 << 20))} MiB"


def _available_memory():
    try:
        with open("/proc/meminfo") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


class Ring:
    """A ring of values in shared memory. Create one or open one, then make a Writer or a Reader.

    The memory is mapped as long as this object or any array into it is alive.
    """

    def __init__(self, fd, name):
        """Takes the descriptor over; use create() or open()."""
        self._fd = fd
        self._where = name
        # Elsewhere a store may pass a later load in spite of fence(); see docs/ring.md.
        if platform.machine() not in ("x86_64", "AMD64"):
            raise RingError(f"the ring in Python needs an x86-64 processor, this is "
                            f"{platform.machine()}")

    @classmethod
    def create(cls, name, *, slot_bytes, slots=8, readers=3, pins=2):
        """A new, empty ring that has no name in any file system: it is gone with the last process
        that holds it. Hand `fd` to a child with subprocess's pass_fds."""
        geometry = Geometry(slots, slot_bytes, readers, pins)
        label = name.encode()
        if len(label) > 31:
            raise RingError(f"the ring's name '{name}' has more than 31 bytes")
        if not geometry.valid():
            raise RingError(f"the ring '{name}' cannot have {slots} slots of {slot_bytes} bytes for "
                            f"{readers} readers with {pins} pins: it needs readers * pins + 2 slots, "
                            f"at most {layout.MAX_SLOTS}, of at most 2^44 bytes")
        total = geometry.total_bytes
        needs = f"the ring '{name}' needs {_mebibytes(total)} of memory"
        available = _available_memory()
        if available is not None and total > available:
            raise RingError(f"{needs}: only {_mebibytes(available)} are free; "
                            "use fewer or smaller slots")
        self = cls(os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), f"'{name}'")
        try:
            os.posix_fallocate(self._fd, 0, total)
            fcntl.fcntl(self._fd, fcntl.F_ADD_SEALS,
                        fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
            self._map(total)
        except OSError as error:
            raise RingError(f"{needs}: {error.strerror}; use fewer or smaller slots") from error
        fixed = layout.FIXED.pack(layout.MAGIC, layout.VERSION, layout.HEADER_BYTES, slots, readers,
                                  pins, geometry.reader_stride, geometry.slot_stride, slot_bytes,
                                  geometry.slots_offset, total, label)
        self._map_bytes[8:len(fixed)] = fixed[8:]
        self._map_bytes[0:8] = fixed[0:8]  # last: only now it is a ring
        self._use(geometry)
        return self

    @classmethod
    def open(cls, fd_or_path):
        """A ring somebody else made, by an inherited descriptor or a path (/proc/PID/fd/N)."""
        by_fd = isinstance(fd_or_path, int)
        where = f"file descriptor {fd_or_path}" if by_fd else f"'{os.fspath(fd_or_path)}'"
        refuse = f"cannot open the ring {where}"
        try:
            fd = (fcntl.fcntl(fd_or_path, fcntl.F_DUPFD_CLOEXEC, 0) if by_fd
                  else os.open(fd_or_path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK))
        except OSError as error:
            raise RingError(f"{refuse}: {error.strerror}") from error
        self = cls(fd, where)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise RingError(f"{refuse}: it is not shared memory and not a regular file")
            if status.st_size < layout.HEADER_BYTES:
                raise RingError(f"{refuse}: it is cut short: {status.st_size} bytes")
            self._map(status.st_size)
        except OSError as error:
            raise RingError(f"{refuse}: {error.strerror}") from error
        (magic, version, header_bytes, slots, readers, pins, reader_stride, slot_stride, slot_bytes,
         slots_offset, total, name) = layout.FIXED.unpack_from(self._map_bytes)
        if magic != layout.MAGIC:
            raise RingError(f"{refuse}: it is not a ring of Lazarillo")
        if version != layout.VERSION:
            raise RingError(f"{refuse}: it is of version {version}, this program reads "
                            f"{layout.VERSION}: use programs of the same release")
        geometry = Geometry(slots, slot_bytes, readers, pins)
        if not (geometry.valid() and header_bytes == layout.HEADER_BYTES and name[-1] == 0
                and (reader_stride, slot_stride, slots_offset, total) ==
                (geometry.reader_stride, geometry.slot_stride, geometry.slots_offset,
                 geometry.total_bytes)):
            raise RingError(f"{refuse}: its header is damaged")
        if status.st_size != total:
            raise RingError(f"{refuse}: it should have {total} bytes and has {status.st_size}")
        self._use(geometry)
        return self

    def _map(self, size):
        # Populated: a page's first touch costs more than its copy, in the middle of a picture.
        self._map_bytes = mmap.mmap(self._fd, size, mmap.MAP_SHARED | mmap.MAP_POPULATE,
                                    mmap.PROT_READ | mmap.PROT_WRITE)

    def _use(self, geometry):
        self.geometry = geometry
        # Reading or writing one item of these is one load or one store of the processor. (struct
        # would write byte by byte.)
        view = memoryview(self._map_bytes)
        self.u32 = view.cast("I")
        self.u64 = view.cast("Q")
        self.array = np.frombuffer(self._map_bytes, np.uint8)
        self._fence = threading.Lock()

    def __del__(self):
        if getattr(self, "_fd", -1) >= 0:
            os.close(self._fd)
            self._fd = -1

    @property
    def fd(self):
        return self._fd

    @property
    def name(self):
        return bytes(self._map_bytes[64:96]).rstrip(b"\0").decode(errors="replace")

    @property
    def closed(self):
        """The writer has said that nothing will come any more."""
        return self.u32[HEADER["closed"] // 4] != 0

    @property
    def newest_sequence(self):
        return self.u64[HEADER["newest"] // 8] >> 8

    @property
    def writer_epoch(self):
        """How many writers this ring has had."""
        return self.u64[HEADER["writer_epoch"] // 8]

    @property
    def heartbeat_age_ns(self):
        """How long ago the writer was last heard of."""
        return time.monotonic_ns() - self.u64[HEADER["heartbeat_ns"] // 8]

    # For Writer and Reader: where things are, as indices of u32 or u64, or offsets in bytes.

    def slot_offset(self, slot):
        return self.geometry.slots_offset + slot * self.geometry.slot_stride

    def sequence_word(self, slot):
        return (self.slot_offset(slot) + SLOT["sequence"]) // 8

    def reader_offset(self, reader):
        return layout.HEADER_BYTES + reader * self.geometry.reader_stride

    def pin_words(self, reader):
        first = (self.reader_offset(reader) + READER["pins"]) // 4
        return range(first, first + self.geometry.pins)

    @property
    def published_address(self):
        return self.array.ctypes.data + HEADER["published"]

    def fence(self):
        """No load after it passes a store before it: taking a lock is a locked instruction, which
        on x86-64 is a full barrier."""
        with self._fence:
            pass

    @contextlib.contextmanager
    def sign_in(self):
        """Held while a writer or reader signs in; the kernel frees it when its holder dies."""
        # Opened anew: descriptors that were inherited or duplicated would share one lock.
        fd = os.open(f"/proc/self/fd/{self._fd}", os.O_RDWR | os.O_CLOEXEC)
        try:
            for _ in range(200):
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(0.01)
            else:
                raise RingError(f"cannot sign in at the ring '{self.name}': another process began "
                                "to sign in and does not finish; end it")
            yield
        finally:
            fcntl.flock(fd, fcntl.LOCK_UN)  # explicitly: a child forked meanwhile holds it, too
            os.close(fd)

    def readers(self):
        """Of each reader that is signed in and alive: the sequence of the value it took last."""
        found = []
        for reader in range(self.geometry.readers):
            at = self.reader_offset(reader)
            pid = self.u32[at // 4]
            if pid != 0 and is_alive(pid, self.u64[(at + READER["start"]) // 8]):
                found.append(self.u64[(at + READER["position"]) // 8])
        return found

    def reclaim_dead_readers(self):
        """Frees the entries of dead readers; inside sign_in() only. Returns how many."""
        freed = 0
        for reader in range(self.geometry.readers):
            at = self.reader_offset(reader)
            pid = self.u32[at // 4]
            if pid == 0 or is_alive(pid, self.u64[(at + READER["start"]) // 8]):
                continue
            for word in self.pin_words(reader):
                self.u32[word] = 0
            self.u32[(at + READER["waiting"]) // 4] = 0
            self.u32[at // 4] = 0
            freed += 1
        return freed
