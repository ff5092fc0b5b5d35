"""Lazarillo's shared-memory ring in Python; the protocol is docs/ring.md."""

from .layout import (ACCEL_VALID, GYRO_VALID, IMU_SAMPLE, INTRINSICS_ASSUMED, Kind, PixelFormat,
                     Record)
from .reader import Pin, Reader
from .ring import Ring, RingError
from .writer import Writer

__all__ = ["ACCEL_VALID", "GYRO_VALID", "IMU_SAMPLE", "INTRINSICS_ASSUMED", "Kind", "Pin",
           "PixelFormat", "Reader", "Record", "Ring", "RingError", "Writer"]
