#!/usr/bin/env python3
"""How the cost of a frame grows: with resolution, with the number of objects, with cameras.

    python3 bench/scaling.py [--frames N] [--models NAME] [--only PART...] [--docs]
    python3 bench/scaling.py --draw                (pictures of what is in out/scaling already)

resolution: the street video scaled to several sizes, looked at one frame at a time; processor time of a
            frame in all, and the stages that depend on its size.
objects:    tracker and guide on 1 to 200 made-up people (bench/tracker_bench.cpp).
cameras:    the detector on 1 to 4 pictures, in one call and one by one (bench/cameras_bench.cpp).

Numbers go to out/scaling/*.json; --docs draws them into docs/scaling-*.png, too, for which this Python
or .venv-bench needs matplotlib. `make scaling` builds what is needed. Exit codes: 0 done, 1 a part
failed, 2 something is missing.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from common import ROOT, Failed, call, machine, say

PARTS = ("resolution", "objects", "cameras")
SIZES = ((320, 240), (640, 480), (960, 720), (1440, 1080), (1920, 1440))
STAGES = ("capture", "preprocess", "inference", "postprocess", "track")


# ---- measuring

def scaled_clip(video, width, height, frames, file):
    call(["gst-launch-1.0", "-q", "filesrc", f"location={video}", "!", "decodebin", "!", "queue", "!",
          "identity", f"eos-after={frames + 1}", "!", "videoconvert", "!", "videoscale", "!",
          f"video/x-raw,width={width},height={height}", "!", "x264enc", "speed-preset=veryfast", "!",
          "h264parse", "!", "matroskamux", "!", "filesink", f"location={file}"])


def resolution_point(result, width, height):
    frames = result["frames"]
    point = {"width": width, "height": height,
             "cpu_ms": 1e3 * result["cores"]["all"] * result["wall_s"] / frames}
    for stage in STAGES:
        if stage in result["stages_ms"]:
            point[f"{stage}_ms"] = result["stages_ms"][stage]["p50"]
    return point


def resolution(args):
    points = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "settings.toml").write_text("[run]\nlockstep = true\n")
        for width, height in SIZES:
            say(f"{width} x {height} ...")
            clip = folder / f"{width}.mkv"
            scaled_clip(args.video, width, height, min(args.frames, 200), clip)
            call([args.program, "bench", clip, "--fast", "--frames", args.frames, "--warm-up",
                  max(1, args.frames // 10), "--no-tuned", "--config", folder / "settings.toml",
                  "--json", folder / "result.json", *(["--models", args.models] if args.models else [])])
            points.append(resolution_point(json.loads((folder / "result.json").read_text()), width,
                                           height))
            clip.unlink()
    return {"frames": args.frames, "points": points}


def objects(args):
    say("1 to 200 objects ...")
    return json.loads(call([args.benches / "tracker_bench", args.frames]))


def cameras(args):
    say("1 to 4 cameras ...")
    return json.loads(call([args.benches / "cameras_bench", args.models or "lznet",
                            max(3, args.frames // 5)]))


# ---- telling

def columns(points):
    """A table of the points' own keys."""
    keys = list(points[0])

    def text(value):
        return "-" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)

    return "\n".join("".join(f"{word:>16}" for word in row)
                     for row in (keys, *([text(point.get(key)) for key in keys] for point in points)))


def chart(axes, x, points, keys, scale=1.0):
    for key, label in keys:
        pairs = [(a, point[key] * scale) for a, point in zip(x, points) if point.get(key) is not None]
        if pairs:
            axes.plot(*zip(*pairs), marker="o", label=label)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()


def draw(results, folder):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    for part in PARTS:
        if part not in results:
            continue
        result = results[part]
        points = result["points"]
        figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
        if part == "resolution":
            chart(axes, [p["width"] * p["height"] / 1e6 for p in points], points,
                  [("cpu_ms", "processor time of a frame, in all"),
                   *((f"{stage}_ms", stage) for stage in STAGES)])
            axes.set(xlabel="megapixels", ylabel="ms", title="Cost of a frame against resolution")
        elif part == "objects":
            chart(axes, [p["objects"] for p in points], points,
                  [("update_us", "tracker: update"), ("predict_us", "tracker: predict"),
                   ("guide_us", "guide")], scale=1e-3)
            axes.set(xlabel="objects", ylabel="ms", title="Cost of a frame against objects")
        else:
            chart(axes, [p["cameras"] for p in points], points,
                  [("one_by_one_ms", "one call for each"), ("batch_ms", "one call for all")])
            axes.set(xlabel="cameras", ylabel="ms", xticks=[p["cameras"] for p in points],
                     title="Cost of a picture of every camera")
        facts = result["machine"]
        axes.annotate(f"{facts['cpu']}, {facts['cores']} cores", (0.99, 0.02),
                      xycoords="axes fraction", ha="right", fontsize=8, color="gray")
        file = folder / f"scaling-{part}.png"
        figure.savefig(file, dpi=130)
        pyplot.close(figure)
        print(file)


def drawing_python():
    for python in (sys.executable, ROOT / ".venv-bench" / "bin" / "python"):
        try:
            done = subprocess.run([python, "-c", "import matplotlib"], capture_output=True, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            return str(python)
    raise Failed("no matplotlib here: .venv-bench/bin/python -m pip install matplotlib "
                 "(make bench-setup makes .venv-bench)", code=2)


# ---- main

def read_results(folder):
    files = {part: folder / f"{part}.json" for part in PARTS}
    return {part: json.loads(file.read_text()) for part, file in files.items() if file.exists()}


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--frames", type=int, default=200, help="of each point")
    parser.add_argument("--models", help="model set; default: the program's own")
    parser.add_argument("--video", default=str(ROOT / ".cache" / "vtest.avi"))
    parser.add_argument("--docs", action="store_true", help="draw docs/scaling-*.png, too")
    parser.add_argument("--draw", action="store_true", help="measure nothing, draw what is there")
    parser.add_argument("--pictures", type=pathlib.Path, default=ROOT / "docs",
                        help="where the pictures go")
    parser.add_argument("--program", default=str(ROOT / "build" / "lazarillo"))
    parser.add_argument("--benches", type=pathlib.Path, default=ROOT / "build" / "bench")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "out" / "scaling")
    args = parser.parse_args(arguments)
    if args.frames < 1:
        parser.error("--frames must be above 0")
    return args


def main(arguments=None):
    args = parse(arguments)
    try:
        python = drawing_python() if args.docs or args.draw else None
        if args.draw and python == sys.executable:
            draw(read_results(args.out), args.pictures)
            return 0
        args.out.mkdir(parents=True, exist_ok=True)
        for part in () if args.draw else args.only:
            facts = machine()
            result = {**{"resolution": resolution, "objects": objects, "cameras": cameras}[part](args),
                      "machine": facts}
            (args.out / f"{part}.json").write_text(json.dumps(result, indent=2) + "\n")
            print(f"\n{part}\n{columns(result['points'])}")
            if result.get("no_batch"):
                print(f"no batch: {result['no_batch']}")
        if python:
            print(call([python, __file__, "--draw", "--out", args.out, "--pictures", args.pictures]),
                  end="")
    except Failed as error:
        say(error)
        return error.code
    except (OSError, ValueError, KeyError) as error:
        say(repr(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
