#!/usr/bin/env python3
"""Finds how an exported lznet's doubt and scores are to be stretched so that they mean what they say.

    python calibrate.py MODEL.onnx OUT.json --data DIR

sigma_scale: 68 % of the errors indoors lie inside one sigma. depth_scale: the least relative error, for
inputs of another size than it was trained with. temperature and shift, of objects and of doors: a score
is the part of such detections that are right (IoU >= 0.5 with an object of the class), by logistic
regression on the logit (Platt, 1999; with a shift of nothing it is temperature scaling, Guo et al.,
ICML 2017). Found on every second photograph of the validation split, NYU's for depth; what is printed
beside it, the expected calibration error (ECE, ten bins), is of the others. `export.py --calibration`
takes the file.
"""

import argparse
import json
import pathlib

import numpy as np

import evaluate
from lznet import pack
from lznet.network import DOOR, FOCAL, SIZE

LEAST = 0.05     # weaker detections are of no interest
INSIDE = 0.68


def judged(rows, found, columns):
    """Scores, whether the detection is right, and whether it says door; difficult objects are left out."""
    values = []
    for row, detections in zip(rows, found):
        known = {columns[c] for c in row["labelled_classes"]}
        truth = np.array([box[1:] for box in row["boxes"]], float).reshape(-1, 4)
        column = np.array([columns[box[0]] for box in row["boxes"]], int)
        hard, free = np.array(row["difficult"], bool), np.ones(len(truth), bool)
        for detection in detections[np.argsort(-detections[:, 4])]:
            score, which = detection[4:]
            if which not in known or score < LEAST:
                continue
            mine = (column == which) & free
            overlap = np.where(mine, evaluate.overlaps(detection[:4], truth), 0)
            best = int(overlap.argmax()) if len(overlap) else -1
            right = best >= 0 and overlap[best] >= 0.5
            if right:
                free[best] = False
            if not (right and hard[best]):
                values.append((score, right, which == DOOR))
    scores, right, door = np.array(values, float).T
    return scores, right, door.astype(bool)


def logit(scores):
    scores = np.clip(scores, 1e-4, 1 - 1e-4)
    return np.log(scores / (1 - scores))


def fit_scores(scores, right):
    """Slope and shift of the logit, by Newton's method."""
    x = np.stack((logit(scores), np.ones_like(scores)))
    weights = np.array([1.0, 0.0])
    for _ in range(30):
        p = 1 / (1 + np.exp(-weights @ x))
        weights -= np.linalg.solve((x * (p * (1 - p))) @ x.T, x @ (p - right))
    return weights


def calibration_error(scores, right):
    bins = np.clip((scores * 10).astype(int), 0, 9)
    return sum(abs(scores[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
               for b in range(10) if (bins == b).any())


def calibrate_scores(network, folder):
    rows = pack.read_rows(folder, "detect", "val")
    files = pack.read_files(folder, {row["file"] for row in rows})
    columns = pack.class_columns(folder)
    halves = [judged(rows[k::2], evaluate.detect(network, rows[k::2], files), columns) for k in (0, 1)]
    result = {}
    for name, is_door in ("objects", False), ("door", True):
        (scores, right), (others, truth) = ([values[half[2] == is_door] for values in half[:2]]
                                            for half in halves)
        slope, shift = fit_scores(scores, right)
        after = 1 / (1 + np.exp(-(slope * logit(others) + shift)))
        result[name] = {"temperature": 1 / slope, "shift": shift,
                        "ece_before": calibration_error(others, truth),
                        "ece": calibration_error(after, truth), "detections": len(others)}
    return result


def calibrate_depth(network, folder):
    rows = [row for row in pack.read_rows(folder, "depth", "val") if row["set"] == "nyu"]
    files = pack.read_files(folder, {row[k] for row in rows for k in ("file", "depth")})
    halves = [[], []]
    for i, row in enumerate(rows):
        output = network(pack.canvas(files[row["file"]]))
        truth = pack.depth_canvas(files[row["depth"]], row, output["depth"].shape[-1])
        valid = (truth > 0.3) & (truth < 10)
        halves[i % 2].append((output["depth"][0][valid] * row["focal"] / FOCAL,
                              output["depth_sigma"][0][valid], truth[valid]))

    def absrel(half, scale):
        return np.mean([(abs(depth * scale - truth) / truth).mean() for depth, _, truth in half])

    def inside(half, scale, wider):
        return np.mean([(abs(depth * scale - truth) <= wider * sigma * depth * scale).mean()
                        for depth, sigma, truth in half])

    scale = 1.0 if network.size == SIZE else min(np.arange(0.85, 1.151, 0.005),
                                                 key=lambda s: absrel(halves[0], s))
    low, high = 0.5, 4.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(halves[0], scale, middle) < INSIDE else (low, middle)
    return {"depth_scale": scale, "sigma_scale": high, "absrel": absrel(halves[1], scale),
            "inside_1_sigma": inside(halves[1], scale, high)}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--data", required=True)
    args = parser.parse_args()
    network = evaluate.Network(args.model)
    found = evaluate.rounded({**calibrate_depth(network, args.data),
                              **calibrate_scores(network, args.data)})
    args.out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
