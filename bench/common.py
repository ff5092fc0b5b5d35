"""What the measuring programs of this folder share."""

import os
import pathlib
import platform
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


class Failed(Exception):
    """One line for the user, and the exit code."""

    def __init__(self, line, code=1):
        super().__init__(line)
        self.code = code


def say(line):
    name = pathlib.Path(sys.argv[0]).stem
    print(f"{'bench' if name == 'compare' else name}: {line}", file=sys.stderr, flush=True)


def median(values):
    """The middle one; of an even number the lower middle one: it is always a value that occurred."""
    return sorted(values)[(len(values) - 1) // 2]


def call(command, limit=600, name=None, remedy="make build builds it"):
    """Runs a program to its end; its standard output. `name` stands for it in messages."""
    name = name or command[0]
    try:
        done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", timeout=limit)
    except subprocess.TimeoutExpired:
        raise Failed(f"{name} did not end within {limit} s (--limit)") from None
    except FileNotFoundError:
        raise Failed(f"'{command[0]}' is not there: {remedy}", code=2) from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise Failed(f"{name} failed with exit code {done.returncode}: {said}")
    return done.stdout


def machine():
    model = platform.processor()
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "load_before": os.getloadavg()[0]}


def run(main):
    """Runs a program's main() and exits: with its code, or with what a Failed says."""
    try:
        sys.exit(main())
    except Failed as failed:
        say(failed)
        sys.exit(failed.code)
