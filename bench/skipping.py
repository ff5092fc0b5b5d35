#!/usr/bin/env python3
"""What frame skipping costs: boxes of a run that skips against those of a run that does not.

    python3 bench/skipping.py VIDEO... [--models NAME] [--config FILE] [--feed-fps FPS] [--out DIR]
    python3 bench/skipping.py --events FULL SKIPPING

Both runs are replays of the same frames. In every frame the skipping run's tracks are matched with the
full run's, of the same label, best overlap first, down to an IoU of 0.5. "missed" are objects of the
full run without a match, "extra" those of the skipping run without one, in percent of the objects of
their own run. Frames the skipping run looked at and frames it predicted are counted apart, too.

"between" compares two ways to fill the predicted frames that lie between two looked-at ones:
"prediction" is what the run gave out at the time; "interpolation" draws a straight line between the
boxes a track has before and after, which is known only when the later frame is there (too late for
guidance, early enough for a recording). Needs only Python. Exit codes: 0 done, 1 a run failed.
"""

import argparse
import bisect
import json
import pathlib
import subprocess
import sys
import tempfile

from common import ROOT, Failed, say

LEAST_IOU = 0.5


# ---- arithmetic

def iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return common / (areas - common)


def match(full, other):
    """IoUs of the pairs (label, box), best first, each object once, of one label, from LEAST_IOU on."""
    pairs = sorted(((iou(a[1], b[1]), i, j) for i, a in enumerate(full) for j, b in enumerate(other)
                    if a[0] == b[0]), reverse=True)
    taken_full, taken_other, matched = set(), set(), []
    for overlap, i, j in pairs:
        if overlap < LEAST_IOU:
            break
        if i in taken_full or j in taken_other:
            continue
        taken_full.add(i)
        taken_other.add(j)
        matched.append(overlap)
    return matched


def quantile(values, part):
    """Nearest rank; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, -(-int(part * 1000) * len(values) // 1000) - 1)]


class Tally:
    def __init__(self):
        self.frames = self.objects = self.given = 0
        self.ious = []

    def add(self, full, other):
        self.frames += 1
        self.objects += len(full)
        self.given += len(other)
        self.ious += match(full, other)

    def result(self):
        matched = len(self.ious)
        return {
            "frames": self.frames, "objects": self.objects,
            "iou": {"mean": sum(self.ious) / matched if matched else None,
                    "median": quantile(self.ious, 0.5), "p5": quantile(self.ious, 0.05)},
            "missed_percent": 100 * (1 - matched / self.objects) if self.objects else None,
            "extra_percent": 100 * (1 - matched / self.given) if self.given else None,
        }


# ---- events

def read_events(file):
    """Frames by sequence: whether looked at, stream time, tracks by id as (label, box).

    A track that has left the picture has a box without area; it is no object to compare."""
    frames = {}
    for line in pathlib.Path(file).read_text().splitlines():
        event = json.loads(line)
        if event["type"] == "frame":
            frames[event["sequence"]] = {
                "looked_at": event["looked_at"], "stream_ns": event["stream_ns"],
                "tracks": {t["track"]: (t["label"], t["box"]) for t in event["tracks"]
                           if t["box"][0] < t["box"][2] and t["box"][1] < t["box"][3]}}
    return frames


def interpolated(before, after, stream_ns):
    """Objects in between, of the tracks that both frames have."""
    part = (stream_ns - before["stream_ns"]) / (after["stream_ns"] - before["stream_ns"])
    return [(label, [a + part * (b - a) for a, b in zip(box, after["tracks"][track][1])])
            for track, (label, box) in before["tracks"].items() if track in after["tracks"]]


def compare(full, skipping):
    """Of two runs over the same frames, as read_events gives them."""
    numbers = sorted(full.keys() & skipping.keys())
    if not numbers:
        raise Failed("the two runs have no frame in common")
    looked = [n for n in numbers if skipping[n]["looked_at"]]
    all_frames, looked_frames, predicted_frames = Tally(), Tally(), Tally()
    prediction, interpolation = Tally(), Tally()
    for number in numbers:
        frame = skipping[number]
        wanted = list(full[number]["tracks"].values())
        given = list(frame["tracks"].values())
        all_frames.add(wanted, given)
        if frame["looked_at"]:
            looked_frames.add(wanted, given)
            continue
        predicted_frames.add(wanted, given)
        place = bisect.bisect(looked, number)
        if 0 < place < len(looked):
            prediction.add(wanted, given)
            interpolation.add(wanted, interpolated(skipping[looked[place - 1]],
                                                   skipping[looked[place]], frame["stream_ns"]))
    return {"frames": len(numbers), "looked_at_percent": 100 * len(looked) / len(numbers),
            "all": all_frames.result(), "looked_at": looked_frames.result(),
            "predicted": predicted_frames.result(),
            "between": {"prediction": prediction.result(),
                        "interpolation": interpolation.result()}}


# ---- runs

def run(video, skips, args, folder):
    settings = folder / "settings.toml"
    text = pathlib.Path(args.config).read_text() if args.config else ""
    if "[skip]" in text:
        raise Failed(f"'{args.config}' has a table [skip]: give its keys with --skip KEY=VALUE")
    keys = "".join(f"{each.replace('=', ' = ', 1)}\n" for each in args.skip if skips)
    settings.write_text(f"{text}\n[skip]\nenabled = {str(skips).lower()}\n{keys}")
    out = folder / ("skipping" if skips else "full")
    command = [args.program, "run", video, "--fast", "--no-video", "--no-sound", "--no-tuned",
               "--config", str(settings), "--out", str(out)]
    if args.models:
        command += ["--models", args.models]
    if args.feed_fps:
        command += ["--feed-fps", str(args.feed_fps)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace")
    if done.returncode != 0:
        said = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise Failed(f"the run over '{video}' failed with exit code {done.returncode}: {said}")
    return read_events(out / "events.jsonl")


# ---- telling

def number(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def table(name, result):
    lines = [f"{name}: {result['frames']} frames, looked at {result['looked_at_percent']:.1f} %",
             f"  {'':<26}{'frames':>8}{'objects':>9}{'IoU mean':>10}{'median':>8}{'5 %':>7}"
             f"{'missed %':>10}{'extra %':>9}"]
    rows = [("all", result["all"]), ("looked at", result["looked_at"]),
            ("predicted", result["predicted"]),
            *(("between: " + way, tally) for way, tally in result["between"].items())]
    for row, tally in rows:
        lines.append(f"  {row:<26}{tally['frames']:>8}{tally['objects']:>9}"
                     f"{number(tally['iou']['mean'], 3):>10}{number(tally['iou']['median'], 3):>8}"
                     f"{number(tally['iou']['p5'], 3):>7}{number(tally['missed_percent'], 2):>10}"
                     f"{number(tally['extra_percent'], 2):>9}")
    return "\n".join(lines)


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*", metavar="VIDEO")
    parser.add_argument("--events", nargs=2, metavar=("FULL", "SKIPPING"),
                        help="compare two events.jsonl that are there already")
    parser.add_argument("--models")
    parser.add_argument("--config", help="settings of both runs")
    parser.add_argument("--skip", action="append", default=[], metavar="KEY=VALUE",
                        help="a setting of [skip] for the skipping run, e.g. longest_s=1.0")
    parser.add_argument("--feed-fps", type=float, help="play the frames as if taken at this rate")
    parser.add_argument("--program", default=str(ROOT / "build" / "lazarillo"))
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "out" / "skipping")
    args = parser.parse_args(arguments)
    if bool(args.videos) == bool(args.events):
        parser.error("give videos, or --events with two files")
    return args


def main(arguments=None):
    args = parse(arguments)
    results = {}
    try:
        if args.events:
            results[args.events[1]] = compare(*(read_events(file) for file in args.events))
        for video in args.videos:
            with tempfile.TemporaryDirectory() as folder:
                say(f"{video} ...")
                results[video] = compare(*(run(video, skips, args, pathlib.Path(folder))
                                           for skips in (False, True)))
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / "report.json").write_text(json.dumps(results, indent=2) + "\n")
    except (Failed, OSError, ValueError, KeyError) as error:
        say(error)
        return 1
    for name, result in results.items():
        print(table(name, result))
    print(args.out / "report.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
