#!/usr/bin/env python3
"""Makes a night copy of a detection data set, and brightens it again in one way or another.

    night.py ../shared/data OUT --light 0.01 --brighten clahe [--max 300]

Each picture of the split is taken back to light (sRGB), dimmed to --light of it, and seen anew by a camera whose full
pixel holds 1,000 electrons, with shot noise and 3 electrons of read noise, 8 bits: a phone's video in the dark, without
its own noise reduction. --brighten is what is done with it then: nothing, gain (a factor), gamma, clahe (contrast
limited adaptive histogram equalisation of the lightness, OpenCV), or gamma+clahe; gain and gamma bring the mean level
to 100 and never darken. The same seed gives the same pictures.
"""

import argparse
import io
import json
import pathlib
import shutil
import tarfile

import cv2
import numpy as np
from PIL import Image

FULL_WELL = 1000.0
READ_NOISE = 3.0
MEAN_LEVEL = 100.0


def to_light(levels):
    x = levels / 255.0
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def to_levels(light):
    x = np.clip(light, 0, 1)
    return np.rint(255 * np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)).astype(np.uint8)


def night(picture, light, random):
    electrons = random.poisson(to_light(picture.astype(np.float64)) * light * FULL_WELL)
    return to_levels((electrons + random.normal(0, READ_NOISE, picture.shape)) / FULL_WELL)


def gain(picture):
    return np.clip(np.rint(picture * max(1.0, MEAN_LEVEL / max(picture.mean(), 1e-3))), 0, 255).astype(np.uint8)


def gamma(picture):
    """The power that brings the mean level there."""
    low, high = 0.1, 1.0
    x = picture / 255.0
    if (255 * x).mean() >= MEAN_LEVEL:
        return picture
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if (255 * x**middle).mean() > MEAN_LEVEL else (low, middle)
    return np.rint(255 * x**low).astype(np.uint8)


def clahe(picture):
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


BRIGHTEN = {"nothing": lambda p: p, "gain": gain, "gamma": gamma, "clahe": clahe, "gamma+clahe": lambda p: clahe(gamma(p))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--light", type=float, default=0.01, help="part of the day's light; 1: the pictures as they are")
    parser.add_argument("--brighten", choices=sorted(BRIGHTEN), default="nothing")
    parser.add_argument("--split", default="val")
    parser.add_argument("--max", type=int, default=0, help="pictures, spread over all; 0: all")
    a = parser.parse_args()
    rows = [json.loads(line) for line in (a.data / "detect.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row["split"] == a.split]
    if a.max and a.max < len(rows):
        rows = [rows[i * len(rows) // a.max] for i in range(a.max)]
    wanted = {row["file"]: i for i, row in enumerate(rows)}
    a.out.mkdir(parents=True, exist_ok=True)
    with tarfile.open(a.out / "detect-00.tar", "w") as out:
        for shard in sorted(a.data.glob("*.tar")):
            with tarfile.open(shard) as tar:
                for member in tar:
                    if member.name not in wanted:
                        continue
                    picture = np.asarray(Image.open(tar.extractfile(member)).convert("RGB"))
                    if a.light < 1:
                        picture = night(picture, a.light, np.random.default_rng(wanted[member.name]))
                    data = io.BytesIO()
                    Image.fromarray(BRIGHTEN[a.brighten](picture)).save(data, "PNG")
                    info = tarfile.TarInfo(str(pathlib.Path(member.name).with_suffix(".png")))
                    info.size = data.tell()
                    data.seek(0)
                    out.addfile(info, data)
    with (a.out / "detect.jsonl").open("w") as out:
        for row in rows:
            out.write(json.dumps({**row, "file": str(pathlib.Path(row["file"]).with_suffix(".png"))}) + "\n")
    shutil.copy(a.data / "classes.json", a.out / "classes.json")


if __name__ == "__main__":
    main()
