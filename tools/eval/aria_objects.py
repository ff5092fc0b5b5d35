#!/usr/bin/env python3
"""What a run tells of the objects in a sequence of Aria Digital Twin, beside where they are.

    aria_objects.py Apartment_release_work_skeleton_seq131 [--json FILE] [--score S]

The program looks through each camera of the glasses, then through all at once; what it follows after each picture with
a depth map is compared with the dataset's 3D boxes, depth and poses. A table in Markdown comes out, and whether the
cameras agree where the same object is. docs/evaluation.md ("Aria Digital Twin") says what is counted how. Needs
projectaria-tools (pip install --no-deps -r requirements-aria.txt), and lazarillo-aria, or --bridge.
"""

import argparse
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
ALL = "all"
LEAST_OVERLAP = 0.5  # of a found box and the true one, as `lazarillo eval distance` has it
LEAST_POINTS = 10  # of the depth map on an object, else its distance is not known


class Refused(Exception):
    """One line for the user."""


@dataclass(eq=False)
class View:
    """What one camera has of one object in one picture, in truth. Distances and bearings as the program means them: over
    the ground, which the dataset's own trajectory knows."""
    camera: str
    number: int  # of the picture
    uid: str
    name: str
    instance: str
    box: list
    whole: bool  # the picture's edges cut nothing off
    width_deg: float
    bearing_deg: float  # of the box's middle; 0 is where the camera's axis points over the ground
    distance_m: float | None  # of what shows, median; None: not measured
    tilted_distance_m: float | None  # the same across the camera's own plane, as if it were level
    walker_bearing_deg: float  # of the box's middle, and the distance, from the colour camera
    walker_distance_m: float | None
    centre_deg: float  # of the 3D box's centre, from the colour camera
    lens_deg: float | None  # the same by way of the picture: through this camera's lens and back; None: not in it
    range_m: float  # from the camera to that centre
    walker_down: tuple = (0, 1, 0)  # in the frame of the upright colour camera


def on_ray(recording, box, range_m):
    """The point so far away that a straight picture has in the middle of the box."""
    x, y = (box[0] + box[2]) / 2 - 0.5, (box[1] + box[3]) / 2 - 0.5
    ray = np.array([(x - (recording.width - 1) / 2) / recording.focal,
                    (y - (recording.height - 1) / 2) / recording.focal, 1])
    return ray / np.linalg.norm(ray) * range_m


def moved(pose, points):
    return points @ pose[:3, :3].T + pose[:3, 3]


def over_ground(points, down):
    """From the frame of an upright camera: right of where it looks over the ground, down, ahead."""
    right = np.cross(down, [0, 0, 1])
    right /= np.linalg.norm(right)
    return points @ np.array([right, down, np.cross(right, down)]).T


def across(points):
    """How far away they are, in the middle, by right and ahead."""
    return float(np.median(np.hypot(points[:, 0], points[:, 2])))


def walker_from(recording, colour):
    return np.linalg.inv(colour.device_from_upright) @ recording.device_from_upright


def through_lens(recording, point):
    """Where the camera's lens says that a point of the upright camera's frame is, brought back from its picture; None
    where it is not in it."""
    from aria_twin import UPRIGHT
    lying = UPRIGHT.T @ point
    pixel = recording.camera.project(lying)
    ray = None if pixel is None else recording.camera.unproject(pixel)
    return None if ray is None else UPRIGHT @ (ray / np.linalg.norm(ray)) * np.linalg.norm(point)


def measured_points(recording, depth, thing):
    """Of the depth map, what lies in the object's 3D box and in what shows of it; the upright camera's frame."""
    x1, y1, x2, y2 = (int(v) for v in np.rint(thing.box))
    v, u = np.mgrid[y1:y2, x1:x2]
    z = depth[y1:y2, x1:x2] / 1000
    points = np.stack([(u - (recording.width - 1) / 2) / recording.focal * z,
                       (v - (recording.height - 1) / 2) / recording.focal * z, z], -1)[z > 0]
    return points[thing.holds(points)]


def views(recording, camera, colour):
    """Of every object that is visible in a picture with depth."""
    from aria_twin import LEAST_VISIBLE, bearing_deg
    to_walker = walker_from(recording, colour)
    times = recording.times_ns()
    for number, _, depth, _, _, down in recording.frames():
        walker_down = to_walker[:3, :3] @ down

        def from_walker(points, walker_down=walker_down):
            return over_ground(moved(to_walker, points), walker_down)
        for thing in recording.things_at(times[number]):
            if thing.visible < LEAST_VISIBLE:
                continue
            points = measured_points(recording, depth, thing)
            level = tilted = walker = None
            if len(points) >= LEAST_POINTS:
                level, tilted = across(over_ground(points, down)), across(points)
                walker = across(from_walker(points))
            range_m = np.linalg.norm(thing.centre())
            middle = on_ray(recording, thing.box, range_m)
            edges = [over_ground(on_ray(recording, [x, thing.box[1], x, thing.box[3]], 1), down)
                     for x in (thing.box[0], thing.box[2])]
            lens = through_lens(recording, thing.centre())
            x1, y1, x2, y2 = thing.box
            whole = x1 > 0 and y1 > 0 and x2 < recording.width and y2 < recording.height
            yield View(camera, number, thing.uid, thing.name, thing.instance, thing.box, bool(whole),
                       float(bearing_deg(edges[1]) - bearing_deg(edges[0])), float(bearing_deg(over_ground(middle, down))),
                       level, tilted, float(bearing_deg(from_walker(middle))), walker,
                       float(bearing_deg(from_walker(thing.centre()))),
                       None if lens is None else float(bearing_deg(from_walker(lens))), float(range_m),
                       tuple(walker_down.tolist()))


def overlap(a, b):
    """Intersection over union."""
    width, height = (min(a[k + 2], b[k + 2]) - max(a[k], b[k]) for k in (0, 1))
    shared = max(width, 0) * max(height, 0)
    area = sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (a, b))
    return shared / (area - shared) if shared else 0.0


def matched(wanted, found, likeness):
    """Pairs of one of each, the likest first; what has no likeness (None) is no pair."""
    pairs = [(likeness(w, f), i, k) for i, w in enumerate(wanted) for k, f in enumerate(found)]
    taken, result = (set(), set()), []
    for _, i, k in sorted((p for p in pairs if p[0] is not None), reverse=True):
        if i not in taken[0] and k not in taken[1]:
            taken[0].add(i), taken[1].add(k)
            result.append((wanted[i], found[k]))
    return result


def same_box(view, found):
    share = overlap(view.box, found["box"]) if view.name == found["label"] else 0
    return share if share >= LEAST_OVERLAP else None


def same_way(view, track, scores):
    """Of all cameras at once: a track's box may be another picture's, its direction is the walker's. `scores`: of the
    boxes that cameras have of this object; the track's must be one of them."""
    away = abs(track["bearing_deg"] - view.walker_bearing_deg)
    near = view.name == track["label"] and view.camera == track["camera_name"] and away <= view.width_deg / 2 + 2
    return -away if near and any(abs(track["score"] - score) < 1e-3 for score in scores) else None


def told(view, track, run):
    """Of one object in one picture: what a run told of it."""
    truth_m, bearing = ((view.walker_distance_m, view.walker_bearing_deg) if run == ALL else
                        (view.distance_m, view.bearing_deg))
    return {"run": run, "camera": view.camera, "picture": view.number, "uid": view.uid, "truth_m": truth_m,
            "tilted_truth_m": view.tilted_distance_m, "distance_m": track["distance_m"],
            "sigma_m": track["distance_sigma_m"], "score": track["score"],
            "bearing_error_deg": track["bearing_deg"] - bearing}


def canonical(label):
    for thing in tomllib.loads((ROOT / "data" / "objects.toml").read_text())["object"]:
        if label in [thing["name"], *thing.get("aliases", [])]:
            return thing["name"]
    return label


def frames_of(args, camera, out):
    """What a run wrote of each picture, by number."""
    lines = ["[source]", f"camera = {json.dumps(camera)}"]
    if args.bridge:
        lines.append(f"aria_bridge = {json.dumps(str(args.bridge))}")
    # The sequence may be no longer than it takes to trust what is seen, so once is enough. Boxes too weak for the
    # tracker are written, too.
    lines += ["[see]", f"score_threshold = {args.box_score}", "[track]", "confirm_hits = 1"]
    if args.score:
        lines += [f"high_score = {args.score}", "new_margin = 0", f"low_score = {args.score}"]
    config = out / f"{camera}.toml"
    config.write_text("\n".join(lines) + "\n")
    done = subprocess.run([args.program, "run", args.folder / "video.vrs", "--fast", "--no-sound", "--no-video",
                           "--hfov", str(args.hfov), "--models", args.models, "--config", config,
                           "--out", out / camera],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("lazarillo: ")]
        raise Refused(said[-1] if said else f"'{args.program}' ended with {done.returncode}")
    events = map(json.loads, (out / camera / "events.jsonl").read_text().splitlines())
    return {e["sequence"]: e for e in events if e["type"] == "frame"}


def compare(seen, runs):
    """What was told of the objects; and what was found of them, told or not: View -> detection. `runs`: by name, that of
    all cameras last; a run's frames by number."""
    rows, found = [], {}
    for run, frames in runs.items():
        of_run = [v for v in seen if run in (v.camera, ALL)]
        for number in sorted({v.number for v in of_run}):
            here, frame = [v for v in of_run if v.number == number], frames[number]
            tracks = [t for t in frame["tracks"] if t["observed"] and t["distance_m"] is not None]
            likeness = same_box
            if run == ALL:
                scores = {v.uid: [d["score"] for w, d in found.items() if (w.uid, w.number) == (v.uid, number)]
                          for v in here}
                likeness = lambda v, t, scores=scores: same_way(v, t, scores[v.uid])  # noqa: E731
            else:
                detections = [{**d, "label": canonical(d["label"])} for d in frame["detections"]]
                found.update(dict(matched(here, detections, same_box)))
            rows += [told(v, t, run) for v, t in matched(here, tracks, likeness)]
    return rows, found


def percentile(values, part):
    return float(np.quantile(values, part)) if len(values) else None


def summary(seen, rows, run):
    """Objects, each camera's for itself, of all pictures together; of the distances told each counts."""
    visible = {(v.uid, v.camera) for v in seen if run in (v.camera, ALL)}
    if run == ALL:
        visible = {uid for uid, _ in visible}
    mine = [r for r in rows if r["run"] == run]
    known = [r for r in mine if r["truth_m"]]
    errors = [abs(r["distance_m"] / r["truth_m"] - 1) for r in known]
    inside = [abs(r["distance_m"] - r["truth_m"]) <= r["sigma_m"] for r in known]
    return {"run": run, "visible": len(visible), "found": len({r["uid"] for r in mine}), "distances": len(errors),
            "median_error": percentile(errors, 0.5), "p90_error": percentile(errors, 0.9),
            "inside_one_sigma": float(np.mean(inside)) if inside else None,
            "bearing_p90_deg": percentile([abs(r["bearing_error_deg"]) for r in mine], 0.9)}


def disagreements(bearings):
    """`bearings`: View -> degrees in the walker's frame. For each object in one picture the cameras, two by two, and
    how far apart they have it."""
    def key(view):
        return view.uid, view.number
    for _, group in itertools.groupby(sorted(bearings, key=lambda v: (*key(v), v.camera)), key):
        for a, b in itertools.combinations(group, 2):
            yield a, b, abs(bearings[a] - bearings[b])


def cell(views_here, rows_here, run):
    if not views_here:
        return "not visible"
    if rows_here:
        row = max(rows_here, key=lambda r: r["score"])
        truth = "?" if row["truth_m"] is None else f"{row['truth_m']:.2f}"
        return (f"{truth}: **{row['distance_m']:.2f} ± {row['sigma_m']:.2f}**, "
                f"{row['bearing_error_deg']:+.1f}°".replace("-", "−"))
    view = views_here[0]
    truth = view.walker_distance_m if run == ALL else view.distance_m
    return f"{'?' if truth is None else f'{truth:.2f}'}: not found"


def table(seen, rows, runs):
    """Objects as rows, runs as columns."""
    lines = [f"| object | width | {' | '.join(runs)} |", "| --- |" + " --- |" * (1 + len(runs))]
    for uid in sorted({v.uid for v in seen}, key=lambda uid: next((v.name, v.instance) for v in seen if v.uid == uid)):
        mine = [v for v in seen if v.uid == uid]
        cells = [cell([v for v in mine if run in (v.camera, ALL)],
                      [r for r in rows if r["uid"] == uid and r["run"] == run], run) for run in runs]
        lines.append(f"| {mine[0].name} ({mine[0].instance}) | {max(v.width_deg for v in mine):.0f}° | "
                     f"{' | '.join(cells)} |")
    return "\n".join(lines)


def number(value, form):
    return "" if value is None else format(value, form)


def summary_table(results):
    lines = ["| camera | visible | found | distances told | median error | 90 % within | inside one sigma | "
             "bearing, 90 % within |", "| --- |" + " --- |" * 7]
    for s in results:
        lines.append(f"| {s['run']} | {s['visible']} | {s['found']} | {s['distances']} | "
                     f"{number(s['median_error'], '.1%')} | {number(s['p90_error'], '.1%')} | "
                     f"{number(s['inside_one_sigma'], '.2f')} | {number(s['bearing_p90_deg'], '.1f')} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="of the sequence")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build" / "lazarillo")
    parser.add_argument("--bridge", type=pathlib.Path, help="the program lazarillo-aria, if not in the PATH")
    parser.add_argument("--models", default="lznet", help="to see with (%(default)s)")
    parser.add_argument("--hfov", type=float, default=100, help="width of straight pictures, degrees (%(default)s)")
    parser.add_argument("--score", type=float, help="follow what scores so much (as a run does)")
    parser.add_argument("--box-score", type=float, default=0.005,
                        help="of the boxes whose bearings are compared among cameras, the least (%(default)s)")
    parser.add_argument("--json", type=pathlib.Path, help="write everything here, too")
    args = parser.parse_args()
    try:
        from aria_twin import CAMERAS, Recording, bearing_deg
    except ImportError as error:
        sys.exit(f"aria_objects.py: {error}: pip install --no-deps -r tools/eval/requirements-aria.txt")
    try:
        recordings = {camera: Recording(args.folder, camera=camera, hfov_deg=args.hfov) for camera in CAMERAS}
        seen = [view for camera, recording in recordings.items()
                for view in views(recording, camera, recordings["rgb"])]
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        sys.exit(f"aria_objects.py: '{args.folder}' is no sequence of Aria Digital Twin: {error}")
    try:
        with tempfile.TemporaryDirectory() as out:
            runs = {run: frames_of(args, run, pathlib.Path(out)) for run in [*CAMERAS, ALL]}
    except (Refused, OSError) as error:
        sys.exit(f"aria_objects.py: {error}")
    rows, detected = compare(seen, runs)
    results = [summary(seen, rows, run) for run in runs]
    print(table(seen, rows, runs), summary_table(results), sep="\n\n")

    def bearing_of(view, box):
        recording = recordings[view.camera]
        point = on_ray(recording, box, view.range_m)
        there = moved(walker_from(recording, recordings["rgb"]), point)
        return float(bearing_deg(over_ground(there, view.walker_down)))

    lens = [abs(v.lens_deg - v.centre_deg) for v in seen if v.lens_deg is not None]
    labelled = list(disagreements({v: v.walker_bearing_deg for v in seen if v.whole}))
    found = list(disagreements({v: bearing_of(v, d["box"]) for v, d in detected.items()}))
    print(f"\nThe bearing of a 3D box's centre by way of a camera's lens is off by {max(lens):.1e} degrees at most "
          f"({len(lens)} views).")
    for what, pairs in ("the dataset's boxes, where none is cut off", labelled), ("found boxes", found):
        apart = [apart for *_, apart in pairs]
        print(f"The same object by two cameras, middles of {what}: {len(apart)} pairs" +
              (f", median {np.median(apart):.2f}, at most {max(apart):.2f} degrees apart" if apart else ""))
    for a, b, apart in found:
        print(f"- {a.name} ({a.instance}), picture {a.number}, {a.camera} and {b.camera} (scores "
              f"{detected[a]['score']:.3f} and {detected[b]['score']:.3f}): {apart:.2f} degrees, of the dataset's boxes "
              f"{abs(a.walker_bearing_deg - b.walker_bearing_deg):.2f}")
    if args.json:
        def listed(pairs):
            return [{"uid": a.uid, "picture": a.number, "cameras": [a.camera, b.camera], "apart_deg": apart}
                    for a, b, apart in pairs]
        args.json.write_text(json.dumps({"summary": results, "told": rows, "views": [vars(v) for v in seen],
                                         "lens_most_deg": max(lens), "labelled_apart": listed(labelled),
                                         "found_apart": listed(found)}, indent=1) + "\n")


if __name__ == "__main__":
    main()
