#!/usr/bin/env python3
"""Draws what `lazarillo eval ... --json FILE` wrote.

    plots.py detection.json depth.json distance.json ground.json guidance.json --out plots/

detection: reliability.png, the part of detections that is right against their score;
depth: depth-error.png, the error by distance in the walking corridor, and depth-sigma.png;
distance: distance-error.png, every object's error against its distance, and distance-sigma.png;
ground: ground-tilt.png, how many pictures have which error of its tilt;
guidance: guidance.png, how long before it was due each hazard was told, and false cues, along each sequence.
*-sigma.png are calibration curves: the part of the errors within so many stated sigmas, beside what a
normal distribution has there.
"""

import argparse
import json
import pathlib
import sys

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402


def figure(file, x_label, y_label, title):
    drawing, axes = plt.subplots(figsize=(6, 4.5), layout="constrained")
    axes.set(xlabel=x_label, ylabel=y_label, title=title)
    axes.grid(alpha=0.3)

    def save():
        drawing.savefig(file, dpi=110)
        plt.close(drawing)
        print(file)
    return axes, save


def title_of(result):
    return f"{result['models']}, split {result['split']}" if "split" in result else result["models"]


def draw_coverage(result, file):
    axes, save = figure(file, "part expected within the stated sigmas", "part found there", title_of(result))
    curve = result["coverage"]
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.plot([p["expected"] for p in curve], [p["inside"] for p in curve], marker=".")
    one = result["inside_one_sigma"]
    axes.plot([0.683], [one], "o", label=f"one sigma: {one:.2f}, 0.68 expected")
    axes.legend()
    save()


def draw_detection(result, out):
    axes, save = figure(out / "reliability.png", "score", "part that is right",
                        f"{title_of(result)}: calibration error {result['ece']:.3f}")
    bins = [b for b in result["reliability"] if b["detections"]]
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.plot([b["mean_score"] for b in bins], [b["right"] for b in bins], marker="o")
    for b in bins:
        axes.annotate(b["detections"], (b["mean_score"], b["right"]), fontsize=7,
                      textcoords="offset points", xytext=(6, -8))
    save()


def draw_depth(result, out):
    axes, save = figure(out / "depth-error.png", "measured depth, m", "mean relative error",
                        f"{title_of(result)}: walking corridor, ±{result['corridor_half_m']} m")
    for name, scores in [("all", result), *result["per_set"].items()]:
        bands = [b for b in scores["corridor"] if b["pixels"]]
        axes.plot([(b["from_m"] + b["to_m"]) / 2 for b in bands], [b["absrel"] for b in bands], marker="o", label=name)
    axes.set_ylim(bottom=0)
    axes.legend()
    save()
    if result["inside_one_sigma"] is not None:
        draw_coverage(result, out / "depth-sigma.png")


def draw_distance(result, out):
    axes, save = figure(out / "distance-error.png", "true distance, m", "relative error",
                        f"{title_of(result)}: median {result['median_error']:.1%}, "
                        f"90 of 100 within {result['p90_error']:.1%}")
    found = [o for o in result["objects"] if o["distance_m"] is not None]
    for name in sorted({o["class"] for o in found}, key=lambda n: -sum(o["class"] == n for o in found))[:10]:
        mine = [o for o in found if o["class"] == name]
        axes.scatter([o["truth_m"] for o in mine], [o["distance_m"] / o["truth_m"] - 1 for o in mine], s=9, label=name)
    axes.axhline(0, color="grey", linewidth=1)
    axes.legend(fontsize=7)
    save()
    draw_coverage(result, out / "distance-sigma.png")


def draw_ground(result, out):
    axes, save = figure(out / "ground-tilt.png", "error of the tilt, degrees", "pictures",
                        f"{title_of(result)}: found in {result['found']} of {result['with_floor']}, "
                        f"false in {result['found_without_floor']} of {result['without_floor']}")
    errors = {name: [p["tilt_error_deg"] for p in result["pictures"]
                     if p["set"] == name and p["found"] and p["floor_share"] >= result["least_floor"]]
              for name in sorted({p["set"] for p in result["pictures"]})}
    most = max([10, *(e for some in errors.values() for e in some)])
    axes.hist(list(errors.values()), bins=range(0, int(most) + 2), stacked=True, label=list(errors))
    if result["tilt_median_deg"] is not None:
        axes.axvline(result["tilt_median_deg"], color="grey", linewidth=1, label="median")
    axes.legend()
    save()


def draw_guidance(result, out):
    axes, save = figure(out / "guidance.png", "moment it is due, s", "told before that, s",
                        f"{title_of(result)}: {result['hit']} hit, {result['late']} late, {result['missed']} missed, "
                        f"{result['false']} false")
    axes.axhline(0, color="grey", linewidth=1)
    for sequence in result["sequences"]:
        told = [h for h in sequence["each"] if h["cue"]]
        points = axes.plot([h["tell_by_s"] for h in told], [h["lead_s"] for h in told], "o", label=sequence["name"])
        colour = points[0].get_color()
        missed = [h["tell_by_s"] for h in sequence["each"] if not h["cue"]]
        axes.plot(missed, [0] * len(missed), "x", color=colour)
        axes.plot([c["at_s"] for c in sequence["false_cues"]], [0] * len(sequence["false_cues"]), "v", color=colour)
    axes.plot([], [], "x", color="grey", label="missed")
    axes.plot([], [], "v", color="grey", label="false")
    axes.legend(fontsize=7)
    save()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    draw = {"detection": draw_detection, "depth": draw_depth, "distance": draw_distance, "ground": draw_ground,
            "guidance": draw_guidance}
    for file in args.results:
        try:
            result = json.loads(file.read_text())
            draw[result["measured"]](result, args.out)
        except (OSError, ValueError, KeyError, TypeError) as error:
            sys.exit(f"plots.py: '{file}' is no result of `lazarillo eval` ({error!r})")


if __name__ == "__main__":
    main()
