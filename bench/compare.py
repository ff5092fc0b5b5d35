#!/usr/bin/env python3
"""Lazarillo and its peer on the same video and machine, in turn.

    python bench/compare.py [--video FILE] [--frames N] [--rounds R] [--out FILE]

In every round run: Lazarillo with its own network in 8 bits (lznet), the same without a pace (fast: no
frame is left out, none is waited for), Lazarillo with the pair YOLO12n and Depth Anything V2 small (pair;
in bfloat16 where the processor has it), and the peer with that pair (peer/peer.py). The order turns from
round to round, so that a machine that warms up or is shared disturbs all alike. `ratio` is frames detected
in a second over the peer's frames in a second (each of which it detects), `ratio_tracked` frames given out
over them, both within one round; the median over the rounds counts.
Needs only Python; `make bench` installs the rest. Exit codes: 0 done, 1 a part failed, 2 one is missing.
"""

import argparse
import json
import pathlib
import sys
import tempfile

from common import ROOT, Failed, call, machine, median, say

PARTS = ("lznet", "fast", "pair", "peer")
# What a run of `lazarillo bench` must tell; it may tell more.
KEYS = ("fps", "latency_ms", "copies_per_frame", "dropped", "rss_growth_mib")


def frames_per_second(part, result):
    return result["fps"] if part == "peer" else result["fps"]["detected"]


def has_bfloat16():
    try:
        return "avx512_bf16" in pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def command(part, args, result_file):
    if part == "peer":
        return [args.python, str(ROOT / "bench" / "peer" / "peer.py"), args.video, "--frames",
                str(args.peer_frames), "--models", args.models, "--json", result_file]
    if part == "pair":
        models = ["--models", str(pathlib.Path(args.models) / "yolo12n-dav2s-random.toml")]
        if has_bfloat16():
            models += ["--config", str(ROOT / "profiles" / "bf16.toml")]
    else:
        models = ["--models", "lznet-int8"]
    pace = ["--fast"] if part == "fast" else ["--feed-fps", str(args.feed_fps)]
    return [args.program, "bench", args.video, *pace, "--frames", str(args.frames), "--json",
            result_file, *models]


def check(part, result):
    """A part that writes something else must not be compared as if it had not."""
    try:
        if part != "peer":
            missing = [key for key in KEYS if key not in result]
            if missing:
                raise KeyError(missing[0])
            for moment in "p50", "p95", "p99", "max":
                float(result["latency_ms"]["capture_to_decision"][moment])
            float(result["fps"]["tracked"])
        else:
            float(result["ms"]["frame"]["p50"])
        if not float(frames_per_second(part, result)) > 0:
            raise Failed(f"{part} measured no frame")
    except (KeyError, TypeError, ValueError) as error:
        raise Failed(f"{part} wrote a result without what is compared: {error}") from None
    return result


def measure(part, args, folder):
    result_file = folder / f"{part}.json"
    result_file.unlink(missing_ok=True)
    call(command(part, args, str(result_file)), args.limit, part)
    try:
        return check(part, json.loads(result_file.read_text()))
    except (OSError, json.JSONDecodeError):
        raise Failed(f"{part} ended well but wrote no JSON") from None


def missing(args):
    """The first thing that is not there, and what brings it."""
    video = pathlib.Path(args.video)
    needed = [(args.program, "make build builds it"), (args.python, "make bench-setup installs it"),
              (pathlib.Path(args.models) / "yolo12n-dav2s-random.toml", "make bench-setup makes it"),
              (video, "scripts/fetch_video.sh fetches the street video")]
    for path, remedy in needed:
        if not pathlib.Path(path).is_file():
            raise Failed(f"'{path}' is not there: {remedy}", code=2)


def spread(values):
    return {"median": round(median(values), 3), "min": round(min(values), 3),
            "max": round(max(values), 3)}


def report(rounds, machine_facts):
    """The lznet run of the median round with its keys at top level, the pair's and the peer's beside."""
    middle = {}
    ratios = {}
    for part in PARTS:
        speeds = [frames_per_second(part, each[part]) for each in rounds]
        middle[part] = rounds[speeds.index(median(speeds))][part]
        ratios[part] = [speed / frames_per_second("peer", each["peer"])
                        for speed, each in zip(speeds, rounds)]
    tracked = {part: [each[part]["fps"]["tracked"] / each["peer"]["fps"] for each in rounds]
               for part in PARTS if part != "peer"}

    def beside(part):
        return {"ratio": round(median(ratios[part]), 3), "ratio_spread": spread(ratios[part]),
                "ratio_tracked": spread(tracked[part])}

    return {
        **middle["lznet"],
        "peer": {"fps": middle["peer"]["fps"], **beside("lznet"), "ms": middle["peer"]["ms"]},
        "fast": {**middle["fast"], **beside("fast")},
        "pair": {**middle["pair"], **beside("pair"), "precision": "bf16" if has_bfloat16() else "f32"},
        "machine": machine_facts,
        "rounds": rounds,
    }


def table(result, rounds):
    peer_ms = result["peer"]["ms"]["frame"]
    columns = [result, result["fast"], result["pair"]]
    ratios = [result["peer"], result["fast"], result["pair"]]

    def row(name, ours, peer):
        return f"{name:<34}" + "".join(f"{value:>18}" for value in (*ours, peer))

    def ratio(spread):
        return f"{spread['median']:.1f} ({spread['min']:.1f}-{spread['max']:.1f})"

    lines = [row("", ("lznet", "lznet, no pace", "pair"), "peer")]
    for kind in "detected", "tracked":
        peer = f"{result['peer']['fps']:.1f}" if kind == "detected" else ""
        lines.append(row(f"frames a second, {kind}", [f"{c['fps'][kind]:.1f}" for c in columns], peer))
    for moment in "p50", "p95", "p99", "max":
        lines.append(row(f"picture to decision, {moment}, ms",
                         ["" if c is result["fast"] else
                          f"{c['latency_ms']['capture_to_decision'][moment]:.1f}" for c in columns],
                         f"{peer_ms[moment]:.1f}" if moment in peer_ms else ""))
    for name, key in (("detected", "ratio_spread"), ("tracked", "ratio_tracked")):
        lines.append(row(f"times the peer, {name} (min-max)",
                         [ratio(each[key]) for each in ratios], ""))
    lines.append(f"median of {rounds} rounds; {result['machine']['cpu']}, "
                 f"{result['machine']['cores']} cores. The peer's latency is a whole frame, drawing "
                 "included.")
    return "\n".join(lines)


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", default=str(ROOT / ".cache" / "vtest.avi"))
    parser.add_argument("--frames", type=int, default=600, help="of each run of Lazarillo")
    parser.add_argument("--peer-frames", type=int, default=120, help="of each run of the peer")
    parser.add_argument("--feed-fps", type=float, default=60, help="pace of the video for Lazarillo")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=600, help="seconds a run may take")
    parser.add_argument("--program", default=str(ROOT / "build" / "lazarillo"))
    parser.add_argument("--python", default=str(ROOT / ".venv-bench" / "bin" / "python"),
                        help="the peer's Python")
    parser.add_argument("--models", default=str(ROOT / ".cache" / "models"),
                        help="folder of the pair, as tools/export makes it")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "out" / "bench" / "report.json")
    args = parser.parse_args(arguments)
    if min(args.frames, args.peer_frames, args.rounds) < 1 or min(args.feed_fps, args.limit) <= 0:
        parser.error("frames, rounds, pace and limit must be above 0")
    return args


def main(arguments=None):
    args = parse(arguments)
    try:
        missing(args)
        facts = machine()
        rounds = []
        with tempfile.TemporaryDirectory() as folder:
            for number in range(args.rounds):
                measured = {}
                for part in PARTS[number % len(PARTS):] + PARTS[:number % len(PARTS)]:
                    say(f"round {number + 1} of {args.rounds}: {part} ...")
                    measured[part] = measure(part, args, pathlib.Path(folder))
                    speed = frames_per_second(part, measured[part])
                    say(f"round {number + 1} of {args.rounds}: {part} {speed:.1f} frames a second")
                rounds.append(measured)
        result = report(rounds, facts)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(result, indent=2) + "\n")
    except Failed as error:
        say(error)
        return error.code
    except OSError as error:
        say(error)
        return 1
    print(table(result, args.rounds))
    print(args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
