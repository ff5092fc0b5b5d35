"""`lazarillo-aria list`."""

import json

from .console import BridgeError
from .recording import Recording


def _cell(value):
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _table(recording, streams):
    device = recording.device
    first_ns = min((s["first_ns"] for s in streams if s["first_ns"] is not None and s["first_ns"] >= 0), default=0)

    def seconds(ns):
        return "-" if ns is None or ns < 0 else f"{(ns - first_ns) / 1e9:.3f}"

    rows = [("stream", "name", "count", "size", "rate", "nominal", "first s", "last s")]
    for s in streams:
        rows.append((s["stream"], s["name"] or "-", str(s["count"]),
                     f"{s['width']}x{s['height']}" if "width" in s else "-", _cell(s["rate_hz"]),
                     _cell(s["nominal_rate_hz"]), seconds(s["first_ns"]), seconds(s["last_ns"])))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [f"{recording.path}: {device['model']} {device['serial']}, times from {first_ns} ns of its clock"]
    lines += ["  ".join(cell.ljust(width) if i < 2 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows]
    return "\n".join(lines)


def show(options, console):
    recording = Recording(options.file, console)
    streams = recording.streams()
    if options.json:
        console.hand_over(json.dumps({"source": str(recording.path), "device": recording.device, "cut": recording.cut,
                                      "streams": streams}, allow_nan=False))
    else:
        console.hand_over(_table(recording, streams))
    if recording.cut:
        raise BridgeError(f"'{recording.path}' is cut short: {recording.cut}")
