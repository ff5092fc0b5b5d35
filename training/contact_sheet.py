#!/usr/bin/env python3
"""Twenty-four photographs of the validation split with what an exported lznet finds in them, good and bad.

    python contact_sheet.py MODEL.onnx SHEET.jpg --data DIR

Upper half: the best found of every set; lower half: the worst. Green: right; red: wrong; yellow: missed.
Metres as the program would read them (distances.py); where the camera's focal length is not known, for a
usual phone's. In rooms with measured depth the true metres stand behind the slash.
"""

import argparse
import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import evaluate
from distances import core, densest
from lznet import pack
from lznet.network import CLASSES, FOCAL, SIZE

SURE, SIDE, COLUMNS, EACH = 0.35, 300, 6, {"voc07": 7, "door": 2, "nyu": 2, "kitchen": 1}
PHONE = SIZE / 2 / np.tan(np.radians(69 / 2))  # pixels
RIGHT, WRONG, MISSED = (60, 220, 60), (255, 60, 60), (255, 220, 0)


def look(network, row, files, columns, focal, truth_file):
    """What is to be drawn: box, colour, words; and how well it was seen, 0..1."""
    output = network(pack.canvas(files[row["file"]]))
    x, y = pack.offset(row)
    truths = [(columns[b[0]], np.array(b[1:]) + [x, y, x, y]) for b in row["boxes"]]
    known = {columns[c] for c in row["labelled_classes"]}
    size = output["depth"].shape[-1]
    true = pack.depth_canvas(files[truth_file], row, size) if truth_file else None
    drawn, right, errors, missed = [], 0, [], list(range(len(truths)))
    for *box, score, column in evaluate.suppress(output["boxes"], output["scores"]):
        if score < SURE:
            continue
        box = np.clip(np.array(box), 0, SIZE)
        place = core(box, size)
        metres = densest(output["depth"][0][place].ravel()) * focal / FOCAL
        words = f"{CLASSES[int(column)]} {metres:.1f}"
        if true is not None:
            there = true[place][(true[place] > 0.3) & (true[place] < 10)]
            if len(there):
                words += f"/{densest(there):.1f}"
                errors.append(abs(metres / densest(there) - 1))
        match = next((i for i in missed if truths[i][0] == column and
                      evaluate.overlaps(box, truths[i][1][None])[0] >= 0.5), None)
        if match is not None:
            missed.remove(match)
            right += 1
        judged = column in known and true is None
        drawn.append((box, RIGHT if match is not None or not judged else WRONG, words + " m"))
    drawn += [(truths[i][1], MISSED, CLASSES[truths[i][0]]) for i in missed if true is None]
    wrong = sum(colour == WRONG for _, colour, _ in drawn)
    if true is not None:
        return drawn, 1 - float(np.mean(errors)) if errors else 0.0
    return drawn, 2 * right / max(1, right + wrong + len(truths))


def draw(row, files, drawn):
    picture = Image.fromarray(pack.canvas(files[row["file"]])).resize((SIDE, SIDE), Image.LANCZOS)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(11)
    for box, colour, words in drawn:
        x1, y1, x2, y2 = (v * SIDE / SIZE for v in box)
        pen.rectangle((x1, y1, x2, y2), outline=colour, width=2)
        left, top, right, bottom = pen.textbbox((x1 + 2, max(y1, 0)), words, font=font)
        pen.rectangle((left - 1, top - 1, right + 1, bottom + 1), fill=(0, 0, 0))
        pen.text((x1 + 2, max(y1, 0)), words, fill=colour, font=font)
    return picture


def looks(network, folder, columns):
    """Of each set, every photograph that shows something."""
    objects = [row for row in pack.read_rows(folder, "detect", "val")
               if row["set"] in EACH and len(row["boxes"])]
    depths = [{**row, "boxes": [], "labelled_classes": []} for row in pack.read_rows(folder, "depth", "val")]
    names = {row["file"] for row in objects + depths} | {row["depth"] for row in depths}
    files = pack.read_files(folder, names)
    for row in [row for row in objects if row["set"] not in ("nyu", "kitchen")] + depths:
        drawn, good = look(network, row, files, columns, row.get("focal", PHONE), row.get("depth"))
        if drawn:
            yield row["set"], good, len(drawn), draw(row, files, drawn)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--data", required=True)
    args = parser.parse_args()
    best, worst = [], []
    seen = list(looks(evaluate.Network(args.model), args.data, pack.class_columns(args.data)))
    for name, count in EACH.items():
        # Of equally good ones, those with most in them.
        part = sorted((one for one in seen if one[0] == name), key=lambda one: (one[1], one[2]))
        best += part[-count:]
        worst += part[:count]
    sheet = Image.new("RGB", (COLUMNS * SIDE, 4 * SIDE))
    for i, (*_, picture) in enumerate(best + worst):
        sheet.paste(picture, (i % COLUMNS * SIDE, i // COLUMNS * SIDE))
    sheet.save(args.out, quality=80)


if __name__ == "__main__":
    main()
