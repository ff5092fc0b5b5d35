"""Processes that cannot be mistaken for later ones with the same number."""

import os


def _stat(pid):
    """State and start time of a process, None when they cannot be read."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return fields[0], int(fields[19])
    except (OSError, IndexError, ValueError):
        return None


def this_process():
    pid = os.getpid()
    stat = _stat(pid)
    return pid, stat[1] if stat else 0


def is_alive(pid, start):
    """False when it has ended, also when nobody has waited for it yet; true in doubt."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    stat = _stat(pid)
    return stat is None or (stat[0] not in (b"Z", b"X") and start in (0, stat[1]))
