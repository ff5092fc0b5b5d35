"""The ring's memory, byte for byte as docs/ring.md specifies it."""

import enum
import struct
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

MAGIC = b"LZRING\0\0"
VERSION = 1
MAX_SLOTS = 256
MAX_SLOT_BYTES = 1 << 44
CLAIMED = 1 << 63

HEADER_BYTES = 256
READER_BYTES = 32  # and the pins
SLOT_BYTES = 192  # and the payload

HEADER = {
    "magic": 0, "version": 8, "header_bytes": 12, "slots": 16, "readers": 20, "pins": 24,
    "reader_stride": 28, "slot_stride": 32, "slot_bytes": 40, "slots_offset": 48,
    "total_bytes": 56, "name": 64, "writer_pid": 128, "closed": 132, "writer_start": 136,
    "writer_epoch": 144, "newest": 192, "heartbeat_ns": 200, "published": 208,
}
READER = {"pid": 0, "waiting": 4, "start": 8, "position": 16, "dropped": 24, "pins": READER_BYTES}
SLOT = {"sequence": 0, "record": 64, "payload": SLOT_BYTES}
RECORD = {
    "kind": 0, "camera": 4, "frame_sequence": 8, "capture_ns": 16, "device_ns": 24,
    "stream_ns": 32, "payload_bytes": 40, "width": 48, "height": 52, "stride_bytes": 56,
    "pixel_format": 60, "fx": 64, "fy": 72, "cx": 80, "cy": 88, "flags": 96,
    "picture_state": 100, "turned_right_deg": 104, "turned_up_deg": 108,
    "gravity_pitch_deg": 112, "gravity_roll_deg": 116, "gravity_deviation_deg": 120,
    "steps_per_min": 124,
}

FIXED = struct.Struct("<8s6I4Q32s")  # the header's part that never changes
RECORD_FORMAT = struct.Struct("<IIQqqqQIIIIddddIIffffff")
_RECORD_FIELDS = attrgetter(*RECORD)


class Kind(enum.IntEnum):
    FRAME = 1
    IMU_BATCH = 2
    CALIBRATION_JSON = 3
    INTERNAL = 16  # this and above


class PixelFormat(enum.IntEnum):
    BGR8 = 0
    GRAY8 = 1


# Record.flags
INTRINSICS_ASSUMED = 1
TURN_KNOWN = 2
HEAD_KNOWN = 4  # gravity; bits 3 and 4: 0 not known, 1 stands, 2 walks

# One sample of an IMU batch, whose payload is an array of them.
IMU_SAMPLE = np.dtype([("capture_ns", "<i8"), ("device_ns", "<i8"), ("accel_m_s2", "<f4", 3),
                       ("gyro_rad_s", "<f4", 3), ("temperature_c", "<f4"), ("flags", "<u4")])
# IMU_SAMPLE's flags
ACCEL_VALID = 1
GYRO_VALID = 2


@dataclass
class Record:
    """What a payload is; fields, units and clocks as in docs/ring.md."""

    kind: int = Kind.FRAME
    camera: int = 0
    frame_sequence: int = 0
    capture_ns: int = 0
    device_ns: int = 0
    stream_ns: int = 0
    payload_bytes: int = 0
    width: int = 0
    height: int = 0
    stride_bytes: int = 0
    pixel_format: int = PixelFormat.BGR8
    fx: float = 0.0
    fy: float = 0.0
    cx: float = 0.0
    cy: float = 0.0
    flags: int = 0
    picture_state: int = 0
    turned_right_deg: float = 0.0
    turned_up_deg: float = 0.0
    gravity_pitch_deg: float = 0.0
    gravity_roll_deg: float = 0.0
    gravity_deviation_deg: float = 0.0
    steps_per_min: float = 0.0

    def pack(self):
        return RECORD_FORMAT.pack(*_RECORD_FIELDS(self))

    @classmethod
    def unpack(cls, buffer, offset=0):
        return cls(*RECORD_FORMAT.unpack_from(buffer, offset))


@dataclass(frozen=True)
class Geometry:
    """Where everything lies, from the four numbers that decide it."""

    slots: int
    slot_bytes: int
    readers: int
    pins: int

    def valid(self):
        return (self.slots <= MAX_SLOTS and 1 <= self.slot_bytes <= MAX_SLOT_BYTES
                and self.readers >= 1 and self.pins >= 1
                and self.readers * self.pins + 2 <= self.slots)

    @property
    def reader_stride(self):
        return (READER_BYTES + 4 * self.pins + 63) // 64 * 64

    @property
    def slot_stride(self):
        return (SLOT_BYTES + self.slot_bytes + 63) // 64 * 64

    @property
    def slots_offset(self):
        return HEADER_BYTES + self.readers * self.reader_stride

    @property
    def total_bytes(self):
        return self.slots_offset + self.slots * self.slot_stride
