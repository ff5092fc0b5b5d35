#!/usr/bin/env python3
"""How far an exported lznet takes objects in rooms to be, where the depth is known.

    python distances.py MODEL.onnx --data DIR [--split val]

As the program reads it: in the middle of the object's box, of the nearer 70 % of the values, the middle
of the densest half (src/track/range.cpp); the truth is read in the same way out of the measured depth.
Objects as the network finds them.
"""

import argparse
import collections

import numpy as np

import evaluate
from lznet import pack
from lznet.network import CLASSES, FOCAL, SIZE

SURE, FEWEST = 0.35, 5


def densest(values):
    values = np.sort(np.log(values))[:max(1, len(values) * 7 // 10)]
    half = len(values) // 2 + 1
    first = (values[half - 1:] - values[:len(values) - half + 1]).argmin()
    return np.exp((values[first] + values[first + half - 1]) / 2)


def core(box, size):
    x1, y1, x2, y2 = box
    x, y = 0.2 * (x2 - x1), 0.15 * (y2 - y1)
    lows, highs = np.array([y1 + y, x1 + x]), np.array([y2 - y, x2 - x])
    first, last = np.floor(lows * size / SIZE).astype(int), np.ceil(highs * size / SIZE).astype(int)
    return tuple(slice(max(a, 0), max(b, a + 1)) for a, b in zip(first, last))


def measure(network, folder, split):
    """By class: relative errors, and whether each is inside one sigma."""
    found = collections.defaultdict(list)
    rows = pack.read_rows(folder, "depth", split)
    files = pack.read_files(folder, {row[k] for row in rows for k in ("file", "depth")})
    for row in rows:
        output = network(pack.canvas(files[row["file"]]))
        size = output["depth"].shape[-1]
        truth = pack.depth_canvas(files[row["depth"]], row, size)
        for *box, score, column in evaluate.suppress(output["boxes"], output["scores"]):
            if score < SURE:
                continue
            place = core(box, size)
            true = truth[place][(truth[place] > 0.3) & (truth[place] < 10)]
            if len(true) < 0.5 * truth[place].size or not len(true):
                continue
            true = densest(true)
            error = densest(output["depth"][0][place].ravel()) * row["focal"] / FOCAL / true - 1
            found[CLASSES[int(column)]].append(
                (error, abs(error) < np.median(output["depth_sigma"][0][place])))
    return {name: np.array(values) for name, values in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="val")
    args = parser.parse_args()
    found = measure(evaluate.Network(args.model), args.data, args.split)
    found["all"] = np.concatenate(list(found.values()))
    for name, values in sorted(found.items(), key=lambda item: -len(item[1])):
        if len(values) >= FEWEST:
            error, inside = values.T
            print(f"{name:14} {len(values):4}  median error {np.median(abs(error)):.3f}, too far by "
                  f"{np.median(error):+.3f}, inside one sigma {inside.mean():.2f}")


if __name__ == "__main__":
    main()
