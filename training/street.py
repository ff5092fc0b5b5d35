#!/usr/bin/env python3
"""How far an exported lznet takes people in a street to be, where there is no true depth.

    python street.py MODEL.onnx VIDEO

The camera stands still on level ground: the distance of upright whole people follows from their height
(1.7 m) and, free of how tall each is, from where they stand (the height in pixels is linear in the row of
the feet, fitted robustly). Both are for a focal length of FOCAL pixels, as the network's depth is. The
stated doubt of people and of the whole street is printed beside it.
"""

import argparse

import cv2
import numpy as np

import evaluate
from lznet import pack
from lznet.network import FOCAL, SIZE

EVERY, SURE, METRES = 15, 0.5, 1.7
CELL = 4  # pixels of the canvas


def canvas(frame):
    scale = SIZE / max(frame.shape[:2])
    height, width = (round(n * scale) for n in frame.shape[:2])
    small = cv2.cvtColor(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA),
                         cv2.COLOR_BGR2RGB)
    y, x = (SIZE - height) // 2, (SIZE - width) // 2
    return pack.on_grey(small), (x, y, x + width, y + height)


def people(network, video):
    """Rows of pixels high, row of the feet, depth, sigma; and the median sigma of each frame."""
    rows, doubts = [], []
    frames = cv2.VideoCapture(video)
    for index in range(1 << 31):
        read, frame = frames.read()
        if not read:
            break
        if index % EVERY:
            continue
        square, (left, top, right, bottom) = canvas(frame)
        found = network(square)
        doubts.append(np.median(found["depth_sigma"][0][top // CELL:bottom // CELL]))
        for x1, y1, x2, y2, score, column in evaluate.suppress(found["boxes"], found["scores"]):
            whole = x1 > left + 3 and y1 > top + 3 and x2 < right - 3 and y2 < bottom - 3
            if column != 0 or score < SURE or not whole or not 2 < (y2 - y1) / (x2 - x1) < 3.5:
                continue
            core = (slice(int((0.8 * y1 + 0.2 * y2) / CELL), int((0.2 * y1 + 0.8 * y2) / CELL) + 1),
                    slice(int((0.7 * x1 + 0.3 * x2) / CELL), int((0.3 * x1 + 0.7 * x2) / CELL) + 1))
            rows.append((y2 - y1, y2, np.median(found["depth"][0][core]),
                         np.median(found["depth_sigma"][0][core])))
    return np.array(rows), np.mean(doubts)


def height_by_ground(high, feet):
    """The height a person has in pixels who stands at row `feet`: a line, by least absolute errors."""
    terms, weights = np.stack((feet, np.ones_like(feet)), 1), np.ones_like(feet)
    for _ in range(30):
        line = np.linalg.lstsq(terms * weights[:, None], high * weights, rcond=None)[0]
        weights = np.maximum(abs(terms @ line - high), 0.5) ** -0.5
    return terms @ line


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("video")
    args = parser.parse_args()
    rows, doubt = people(evaluate.Network(args.model), args.video)
    high, feet, depth, sigma = rows.T
    print(f"{len(rows)} people, sigma {np.median(sigma):.2f}; of the whole street {doubt:.2f}")
    for name, pixels in ("own height", high), ("ground", height_by_ground(high, feet)):
        truth = FOCAL * METRES / pixels
        error = abs(depth - truth) / truth
        print(f"against {name}: median error {np.median(error):.3f}, ratio "
              f"{np.median(depth / truth):.3f}, inside one sigma {np.mean(error < sigma):.2f}")


if __name__ == "__main__":
    main()
