#!/usr/bin/env python3
"""How soon the walker hears that a process died, and how soon service is back.

    python3 bench/kill.py VIDEO [--rounds N] [--models NAME]

Runs `lazarillo run --isolate` on a video, kills one process after another with SIGKILL, and reads
from events.jsonl when "vision lost" was decided, when a detection led to a decision again, and when
"vision back" was said; after the guide's death, when its successor took its first decision. Prints
a table in milliseconds, and whether anything stayed behind in /dev/shm.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

PARTS = ("capture", "see", "guide", "show")


class Run:
    """A run in the background whose events can be watched."""

    def __init__(self, program, source, out, models, video=False):
        self.events = pathlib.Path(out) / "events.jsonl"
        self.process = subprocess.Popen(
            [program, "run", source, "--realtime", "--isolate", "--out", out, "--models", models,
             *([] if video else ["--no-video"])], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.pids = {}
        while len(self.pids) < len(PARTS):
            self._read_line()
        os.set_blocking(self.process.stderr.fileno(), False)

    def _read_line(self):
        line = self.process.stderr.readline()
        if not line and self.process.poll() is not None:
            sys.exit(f"the run ended early with code {self.process.returncode}")
        for part, pid in re.findall(r"(capture|see|guide|show) (\d+)", line or ""):
            self.pids[part] = int(pid)

    def newest_pids(self):
        while line := self.process.stderr.readline():
            for part, pid in re.findall(r"\b(capture|see|guide|show) (\d+)", line):
                self.pids[part] = int(pid)
        return self.pids

    def wait_for(self, wanted, since_ns, patience_s=15):
        """decision_ns of the first event after `since_ns` for which wanted(event); None: too late."""
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            lines = self.events.read_text(errors="replace") if self.events.exists() else ""
            for line in lines.splitlines()[1:]:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if event["decision_ns"] > since_ns and wanted(event):
                    return event["decision_ns"]
            time.sleep(0.05)
        return None


def looked(event):
    return event["type"] == "sighting" or (event["type"] == "frame" and event["looked_at"])


def cue(kind):
    return lambda event: event["type"] == "cue" and event["kind"] == kind


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("video")
    parser.add_argument("--program", default="build/lazarillo")
    parser.add_argument("--models", default="lznet")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    before = set(os.listdir("/dev/shm"))
    with tempfile.TemporaryDirectory() as out:
        run = Run(args.program, args.video, out, args.models)
        time.sleep(3)
        print(f"{'killed':10}{'lost said':>12}{'sees again':>12}{'back said':>12}{'decides':>12}   ms")
        for _ in range(args.rounds):
            for part in PARTS:
                pid = run.newest_pids()[part]
                killed_ns = time.monotonic_ns()
                os.kill(pid, signal.SIGKILL)

                def after(wanted, patience_s=15):
                    found = run.wait_for(wanted, killed_ns, patience_s)
                    return "never" if found is None else f"{(found - killed_ns) / 1e6:.0f}"

                blind = part in ("capture", "see")
                lost = after(cue("vision_lost")) if blind else "-"
                if lost.isdigit():
                    again_ns = run.wait_for(looked, killed_ns + int(lost) * 1_000_000)
                    again = "never" if again_ns is None else f"{(again_ns - killed_ns) / 1e6:.0f}"
                else:
                    again = after(looked)
                back = after(cue("vision_back")) if blind else "-"
                decides = after(lambda event: event["type"] in ("frame", "sighting"))
                print(f"{part:10}{lost:>12}{again:>12}{back:>12}{decides:>12}", flush=True)
                time.sleep(2)
        run.process.send_signal(signal.SIGTERM)
        run.process.wait(40)
    left = set(os.listdir("/dev/shm")) - before
    print("left in /dev/shm:", ", ".join(sorted(left)) or "nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
