#!/usr/bin/env python3
"""One video through the plan's own steps, from sequential to advanced, each a file in profiles/.

    python3 bench/ladder.py [--nvidia] [--video FILE] [--models NAME] [--frames N] [--rounds R] [--out FILE]

Every step is a live run of `lazarillo bench` at --feed-fps; what this machine was tuned to is left out,
so that steps differ by their profile alone. "tracked" counts every frame given out with its tracks,
"looked at" those the detector saw; "latency" is from the capture of a frame to the decision its
detections led to. Both gains are over the frames step 0 looks at in the same round (what "today" does
not look at gets no tracks); the median over the rounds counts. The plan's frames a second are its own
expectations for an RTX 2060, beside them for comparison only.
With --nvidia the steps are those for a card (profiles/nvidia-*.toml); the networks must be compiled
(`lazarillo engine build --models lznet`, and lznet-half), the video one the card decodes (H.264), and
--feed-fps what the processor, too, can decode: frames that come later than their turn are not looked at.
Exit codes: 0 done, 1 a step failed, 2 something is missing.
"""

import argparse
import json
import pathlib
import sys
import tempfile

from common import ROOT, Failed, call, machine, median, say

# Profile, more options, the plan's frames a second (least, most; None: open).
STEPS = (
    ("ladder-0-sequential", [], (13.6, 13.6)),
    ("ladder-1-quick-wins", [], (22, 25)),
    ("ladder-2-processes", ["--isolate"], (35, 40)),
    ("ladder-3-zero-copy", [], (50, 55)),
    ("ladder-4-optimised-engine", [], (60, None)),
    ("ladder-5-advanced", [], (60, None)),
)
NVIDIA_STEPS = tuple((profile.replace("ladder", "nvidia"), more, plan) for profile, more, plan in STEPS)


def command(step, args, result_file):
    profile, more, _ = step
    models = ["--models", args.models] if args.models else []
    return [args.program, "bench", args.video, "--feed-fps", str(args.feed_fps), "--frames",
            str(args.frames), "--warm-up", str(args.warm_up), "--config",
            str(args.profiles / f"{profile}.toml"), "--no-tuned", "--json", str(result_file), *models,
            *more]


def measure(step, args, folder):
    result_file = folder / "result.json"
    result_file.unlink(missing_ok=True)
    call(command(step, args, result_file), args.limit, step[0])
    try:
        result = json.loads(result_file.read_text())
        latency = result["latency_ms"]["capture_to_decision"]
        return {"tracked_fps": float(result["fps"]["tracked"]),
                "looked_at_fps": float(result["fps"]["detected"]),
                "depth_fps": float(result["fps"]["depth"]),
                "p50_ms": float(latency["p50"]), "p99_ms": float(latency["p99"]),
                "cores": float(result["cores"]["all"]),
                "copies_per_frame": float(result["copies_per_frame"]),
                "models": result["models"], "dropped": result["dropped"]}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise Failed(f"{step[0]} wrote a result without what is compared: {error!r}") from None


def gain(value, base):
    return value / base if base > 0 else None


def report(rounds, args, machine):
    """Of each step the median of every number, and the median of the gains within a round."""
    steps = []
    for number, (profile, more, plan) in enumerate(args.steps):
        results = [each[number] for each in rounds]
        first = [each[0] for each in rounds]
        step = {"profile": profile, "options": more, "models": results[0]["models"]}
        for key in ("tracked_fps", "looked_at_fps", "depth_fps", "p50_ms", "p99_ms", "cores",
                    "copies_per_frame"):
            step[key] = median([result[key] for result in results])
        for key in "tracked_fps", "looked_at_fps":
            gains = [gain(result[key], base["looked_at_fps"])
                     for result, base in zip(results, first)]
            step["gain_" + key.removesuffix("_fps")] = None if None in gains else median(gains)
        step["plan"] = {"fps": plan, "gain": [None if fps is None else fps / args.steps[0][2][0]
                                              for fps in plan]}
        steps.append(step)
    return {"video": args.video, "feed_fps": args.feed_fps, "frames": args.frames,
            "machine": machine, "steps": steps, "rounds": rounds}


def span(least, most, digits):
    if most is None:
        return f"{least:.{digits}f}+"
    return f"{least:.{digits}f}" if least == most else f"{least:.{digits}f}-{most:.{digits}f}"


def table(result):
    lines = [f"{'step':<28}{'tracked':>9}{'looked at':>11}{'depth':>8}{'latency ms':>15}{'cores':>7}"
             f"{'copies':>8}{'gain: tracked':>15}{'looked at':>11}{'plan FPS':>10}{'gain':>9}",
             f"{'':<28}{'FPS':>9}{'FPS':>11}{'FPS':>8}{'p50 / p99':>15}"]

    def times(value):
        return "" if value is None else f"{value:.2f}x"

    for step in result["steps"]:
        latency = f"{step['p50_ms']:.0f} / {step['p99_ms']:.0f}"
        lines.append(
            f"{step['profile']:<28}{step['tracked_fps']:>9.1f}"
            f"{step['looked_at_fps']:>11.1f}{step['depth_fps']:>8.1f}{latency:>15}"
            f"{step['cores']:>7.2f}{step['copies_per_frame']:>8.2f}{times(step['gain_tracked']):>15}"
            f"{times(step['gain_looked_at']):>11}{span(*step['plan']['fps'], 1):>10}"
            f"{span(*step['plan']['gain'], 1):>9}")
    machine = result["machine"]
    lines.append(f"{result['frames']} frames fed at {result['feed_fps']:g} a second, "
                 f"{len(result['rounds'])} rounds; {machine['cpu']}, {machine['cores']} cores, load "
                 f"before {machine['load_before']:.1f}. The plan's FPS are for an RTX 2060; what each step "
                 "changes its profile says.")
    return "\n".join(lines)


def missing(args):
    """The first thing that is not there, and what brings it."""
    for path, remedy in ((args.program, "make build builds it"),
                         (args.video, "scripts/fetch_video.sh fetches the street video"),
                         *((args.profiles / f"{profile}.toml", "it belongs to Lazarillo")
                           for profile, _, _ in args.steps)):
        if not pathlib.Path(path).is_file():
            raise Failed(f"'{path}' is not there: {remedy}", code=2)


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nvidia", dest="steps", action="store_const", const=NVIDIA_STEPS,
                        default=STEPS, help="the steps for a card")
    parser.add_argument("--video", default=str(ROOT / ".cache" / "vtest.avi"))
    parser.add_argument("--models", help="see with this set in every step; default: the profiles' own")
    parser.add_argument("--frames", type=int, default=600, help="of each step")
    parser.add_argument("--warm-up", type=int, default=60, help="frames before that")
    parser.add_argument("--feed-fps", type=float, default=60, help="pace of the video")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--limit", type=float, default=600, help="seconds a step may take")
    parser.add_argument("--program", default=str(ROOT / "build" / "lazarillo"))
    parser.add_argument("--profiles", type=pathlib.Path, default=ROOT / "profiles")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "out" / "ladder" / "report.json")
    args = parser.parse_args(arguments)
    if min(args.frames, args.warm_up, args.rounds) < 1 or min(args.feed_fps, args.limit) <= 0:
        parser.error("frames, warm-up, rounds, pace and limit must be above 0")
    return args


def main(arguments=None):
    args = parse(arguments)
    try:
        missing(args)
        facts = machine()
        rounds = []
        with tempfile.TemporaryDirectory() as folder:
            for number in range(args.rounds):
                measured = []
                for step in args.steps:
                    say(f"round {number + 1} of {args.rounds}: {step[0]} ...")
                    measured.append(measure(step, args, pathlib.Path(folder)))
                rounds.append(measured)
        result = report(rounds, args, facts)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(result, indent=2) + "\n")
    except Failed as error:
        say(error)
        return error.code
    except OSError as error:
        say(error)
        return 1
    print(table(result))
    print(args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
