#!/usr/bin/env python3
"""Makes an annotated sequence for `lazarillo eval guidance` of a video with measured depth and poses.

    annotate.py FOLDER OUT

FOLDER holds one video, poses.csv (a line a frame: frame, and the camera-to-world matrix, 3x4, row by row,
metres) and depth.tar (FRAME.png, 16 bits, millimetres, 0: not known, of any size). OUT gets NAME.hazards.json,
which names the video where it lies.

Down is the direction in which all points together lie in the fewest layers (floors and tables are level), the
floor the lowest layer with many points. In each frame with depth the corridor ahead is looked along: the
camera's direction over the ground, --half-width to either side, from --low to --high above the floor. What
fills --area of it nearest is how far it is free.

An obstacle is what comes nearer than --tell in it. A cue is about it from where it came nearer than --see; it is
due when it is within --tell, but no sooner than --notice seconds after it came into the corridor within --see
(a camera that turns brings things in at once). It ends when the corridor is free up to --see again. Quiet is
where it is free up to --see, and depth is known, for a second or more. Drops and stairs down are said never to be there
when no more than a thousandth of the points lies deeper than 0.12 m below the floor; head-level hazards when nothing
shows in the corridor between 1.4 m and --high as near as --see.

Nobody walked for this, and nobody decided what matters: it is geometry. Where a camera is held over a table,
the table is an obstacle.
"""

import argparse
import csv
import io
import json
import math
import pathlib
import sys
import tarfile

import numpy as np
from PIL import Image


class Refused(Exception):
    """One line for the user."""


def read_poses(file):
    """By frame: rotation and place of the camera in the world."""
    try:
        with open(file, newline="") as stream:
            rows = [[float(v) for v in row] for row in list(csv.reader(stream))[1:]]
        poses = {int(row[0]): np.array(row[1:]).reshape(3, 4) for row in rows}
    except OSError as error:
        raise Refused(f"'{file}' cannot be read: {error.strerror}") from None
    except ValueError:
        raise Refused(f"'{file}' must have lines of a frame's number and 12 values") from None
    return poses


def read_depths(file):
    """By frame: metres, 0 where not known."""
    depths = {}
    try:
        with tarfile.open(file) as tar:
            for member in tar:
                data = np.array(Image.open(io.BytesIO(tar.extractfile(member).read())))
                depths[int(pathlib.Path(member.name).stem)] = data.astype(float) / 1000
    except (OSError, tarfile.TarError, ValueError) as error:
        raise Refused(f"'{file}' must hold depth maps FRAME.png ({error})") from None
    return dict(sorted(depths.items()))


def points_of(depth, focal, width):
    """Known cells in the camera frame (x right, y down, z forward), and what each covers, square metres.
    `focal` is of a picture so wide."""
    f = focal * depth.shape[1] / width
    v, u = np.nonzero(depth)
    z = depth[v, u]
    x = (u - (depth.shape[1] - 1) / 2) / f * z
    y = (v - (depth.shape[0] - 1) / 2) / f * z
    return np.stack([x, y, z], 1), (z / f) ** 2


def layers(points, down):
    """How much the points lie in few layers of 2 cm."""
    heights = points @ down
    counts = np.bincount(((heights - heights.min()) / 0.02).astype(int))
    return (counts.astype(float) ** 2).sum()


def turned(direction, angle, towards):
    return math.cos(angle) * direction + math.sin(angle) * towards


def find_down(points, start):
    """The direction of down in the world, searched within 45 degrees of `start`, finer and finer."""
    best = start / np.linalg.norm(start)
    for reach, step in (45, 5), (5, 1), (1, 0.2):
        a = np.cross(best, [1.0, 0, 0] if abs(best[0]) < 0.9 else [0, 1.0, 0])
        a /= np.linalg.norm(a)
        b = np.cross(best, a)
        tries = [best]
        for tilt in np.arange(step, reach + step / 2, step):
            for around in np.linspace(0, 2 * math.pi, max(8, int(2 * math.pi * tilt / step)), endpoint=False):
                towards = math.cos(around) * a + math.sin(around) * b
                tries.append(turned(best, math.radians(tilt), towards))
        best = max(tries, key=lambda d: layers(points, d))
    return best


def find_floor(points, down):
    """The lowest layer of 6 cm that holds more points than those around it, and one in a hundred, as a height
    along `down`."""
    heights = points @ down
    counts, edges = np.histogram(heights, np.arange(heights.min() - 0.1, heights.max() + 0.1, 0.02))
    layer = np.convolve(counts, np.ones(3), "same")
    for i in range(len(layer) - 6, 5, -1):
        if layer[i] > 0.01 * len(heights) and layer[i] == layer[i - 5:i + 6].max():
            return (edges[i] + edges[i + 1]) / 2
    raise Refused("no floor was found in the depth maps")


def free_up_to(points, areas, pose, down, floor, low, args):
    """How far the corridor ahead is free from `low` up, metres over the ground; nan where too little is known."""
    world = points @ pose[:, :3].T + pose[:, 3]
    ahead = pose[:, 2] - pose[:, 2] @ down * down
    ahead /= np.linalg.norm(ahead)
    across = np.cross(down, ahead)
    from_camera = world - pose[:, 3]
    height = floor - world @ down
    distance = from_camera @ ahead
    corridor = (abs(from_camera @ across) < args.half_width) & (distance > 0.2)
    if areas[corridor].sum() < args.area:
        return math.nan
    solid = corridor & (height > low) & (height < args.high)
    order = np.argsort(distance[solid])
    filled = np.searchsorted(np.cumsum(areas[solid][order]), args.area)
    return distance[solid][order][filled] if filled < solid.sum() else math.inf


def spans_where(times, states):
    """[from, to] of each run of True; the last ends with the times."""
    spans, start = [], None
    for time, state in zip(times, states):
        if state and start is None:
            start = time
        if not state and start is not None:
            spans.append((start, time))
            start = None
    if start is not None:
        spans.append((start, times[-1]))
    return spans


def hazards_of(times, free, args):
    for start, end in spans_where(times, free < args.see):
        inside = (times >= start) & (times <= end)
        due = times[inside & (free < args.tell)]
        if len(due) == 0:
            continue
        tell_by = min(max(due[0], start + args.notice), end)
        yield {"kind": "obstacle", "side": "ahead", "from_s": round(start, 3), "tell_by_s": round(tell_by, 3),
               "end_s": round(end, 3)}


def annotate(args):
    videos = sorted(f for f in args.folder.glob("*") if f.suffix in (".mp4", ".mkv", ".avi"))
    if len(videos) != 1:
        raise Refused(f"'{args.folder}' must hold one video (mp4, mkv, avi), it has {len(videos)}")
    poses = read_poses(args.folder / "poses.csv")
    depths = {frame: d for frame, d in read_depths(args.folder / "depth.tar").items() if frame in poses}
    if not depths:
        raise Refused(f"'{args.folder}' has no depth map of a frame with a pose")
    seen = {frame: points_of(depth, args.focal, args.width) for frame, depth in depths.items()}
    random = np.random.default_rng(1)
    world = np.concatenate([(p @ poses[f][:, :3].T + poses[f][:, 3])[random.random(len(p)) < 0.02]
                            for f, (p, _) in seen.items()])
    down = find_down(world, sum(poses[f][:, 1] for f in seen))
    floor = find_floor(world, down)
    frames = np.array(list(seen))
    times = frames / args.fps
    free, free_at_head = (np.array([free_up_to(*seen[f], poses[f], down, floor, low, args) for f in frames])
                          for low in (args.low, 1.4))
    never = ["drop", "stairs_down"] if ((world @ down - floor) > 0.12).mean() < 0.001 else []
    if np.nanmin(free_at_head) > args.see:
        never.append("head_level")
    heights = [floor - poses[f][:, 3] @ down for f in frames]
    print(f"camera {min(heights):.2f} to {max(heights):.2f} m above the floor; free for "
          f"{np.nanquantile(free, 0.1):.2f}, {np.nanmedian(free):.2f}, {np.nanquantile(free, 0.9):.2f} m "
          "(10th, 50th, 90th percentile of the frames)")
    hazards = list(hazards_of(times, free, args))
    quiet = [[round(a, 3), round(b, 3)] for a, b in spans_where(times, free >= args.see) if b - a >= 1]
    args.out.mkdir(parents=True, exist_ok=True)
    file = args.out / f"{videos[0].stem}.hazards.json"
    file.write_text(json.dumps({
        "schema": 1, "video": str(videos[0].resolve()),
        "hfov_deg": round(2 * math.degrees(math.atan(args.width / 2 / args.focal)), 2),
        "hazards": hazards, "quiet": quiet, "never": never}, indent=1) + "\n")
    print(f"{file}: {len(hazards)} hazards, {sum(b - a for a, b in quiet):.1f} s of {times[-1]:.1f} s quiet")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    for name, default, about in [
            ("focal", 527.0, "of the video's camera, pixels"), ("width", 640, "of the picture that is for, pixels"),
            ("fps", 30.0, "of the video"), ("half-width", 0.45, "of the corridor, m"),
            ("low", 0.2, "of the corridor, m above the floor"), ("high", 2.1, "likewise"),
            ("area", 0.02, "that makes something solid, square metres"), ("see", 3.0, "m"), ("tell", 1.2, "m"),
            ("notice", 1.0, "s")]:
        parser.add_argument(f"--{name}", type=float, default=default, help=f"{about} (%(default)s)")
    args = parser.parse_args()
    try:
        annotate(args)
    except Refused as error:
        sys.exit(f"annotate.py: {error}")


if __name__ == "__main__":
    main()
