"""lazarillo-rerun FILE.mkv|DIR OUT.rrd"""

import argparse
import sys
from pathlib import Path

REMEDY = "pip install rerun-sdk av, or pip install bridges/rerun"


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="lazarillo-rerun", description="Makes a Rerun recording")
    parser.add_argument("source", help="a recording, or the folder of a run's results")
    parser.add_argument("rrd", help="the file to write")
    a = parser.parse_args(arguments)
    try:
        from . import reading, showing
    except ImportError as error:
        return _refuse(f"{error.name} is not installed: {REMEDY}", 2)
    if not Path(a.source).exists():
        return _refuse(f"there is no '{a.source}'", 3)
    try:
        shown = showing.Shown(a.rrd, with_boxes=not Path(a.source).is_dir())
    except (OSError, RuntimeError) as error:
        return _refuse(f"cannot write '{a.rrd}': {error}", 5)
    try:
        for kind, *values in reading.entries(a.source):
            getattr(shown, kind)(*values)
    except (OSError, ValueError, KeyError) as error:
        shown.finish()
        Path(a.rrd).unlink(missing_ok=True)
        return _refuse(str(error), 3)
    shown.finish()
    counts = ", ".join(f"{count} {what}" for what, count in shown.counts.items())
    print(f"{a.rrd}: {counts}; look at it with: rerun {a.rrd}")
    return 0


def _refuse(line, code):
    print(f"lazarillo: {line}", file=sys.stderr)
    return code
