"""Sleeping on a word of shared memory; where the system call cannot be had, by looking often."""

import ctypes
import platform
import time

_WAIT, _WAKE = 0, 1
_SYSCALL = 202  # futex on x86-64
_POLL_S = 0.001

try:
    _syscall = ctypes.CDLL(None, use_errno=True).syscall if platform.system() == "Linux" else None
except (OSError, AttributeError):
    _syscall = None


class _Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


def wait(address, expected, timeout):
    """Sleeps while the word holds `expected`, at most `timeout` seconds; may wake early."""
    if _syscall is None:
        time.sleep(min(timeout, _POLL_S))
        return
    relative = _Timespec(int(timeout), int(timeout % 1 * 1e9))
    _syscall(ctypes.c_long(_SYSCALL), ctypes.c_void_p(address), ctypes.c_int(_WAIT),
             ctypes.c_uint32(expected), ctypes.byref(relative), None, ctypes.c_int(0))


def wake_all(address):
    if _syscall is not None:
        _syscall(ctypes.c_long(_SYSCALL), ctypes.c_void_p(address), ctypes.c_int(_WAKE),
                 ctypes.c_int(0x7FFFFFFF), None, None, ctypes.c_int(0))
