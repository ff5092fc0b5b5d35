#!/usr/bin/env python3
"""Makes an INT8 version of an lznet network (OpenVINO IR) by post-training quantisation with NNCF.

    python quantise.py models/lznet-v0.onnx --photos FOLDER --out models/lznet-v0-int8

Photos are calibration material: a folder of pictures, or of .tar files that hold pictures. They are
letterboxed as the network's card says (longer side to the input, centred, grey 114, RGB / 255).
Writes OUT.xml and OUT.bin and prints what a manifest needs. Needs requirements.txt of this folder.
"""

import argparse
import hashlib
import io
import pathlib
import random
import sys
import tarfile

import numpy as np
import nncf
import openvino as ov
from PIL import Image

PICTURES = {".jpg", ".jpeg", ".png", ".webp"}


def pictures(folder: pathlib.Path):
    """Name and bytes of every colour picture below `folder`, inside .tar files too."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PICTURES:
            yield path.name, path.read_bytes()
        elif path.suffix == ".tar":
            with tarfile.open(path) as tar:
                for member in tar:
                    if pathlib.PurePath(member.name).suffix.lower() in PICTURES:
                        yield member.name, tar.extractfile(member).read()


def letterboxed(data: bytes, width: int, height: int) -> np.ndarray | None:
    """1x3xHxW, RGB 0..1; None for what is not a colour photo (depth maps)."""
    image = Image.open(io.BytesIO(data))
    if image.mode not in ("RGB", "L", "P"):
        return None
    image = image.convert("RGB")
    scale = min(width / image.width, height / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    canvas = Image.new("RGB", (width, height), (114, 114, 114))
    canvas.paste(image.resize(size, Image.BOX if scale < 1 else Image.BILINEAR),
                 ((width - size[0]) // 2, (height - size[1]) // 2))
    return np.asarray(canvas, np.float32).transpose(2, 0, 1)[None] / 255


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("network", type=pathlib.Path)
    parser.add_argument("--photos", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="stem of the .xml and .bin")
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    model = ov.Core().read_model(args.network)
    _, _, height, width = (d.get_length() for d in model.input(0).partial_shape)
    found = list(pictures(args.photos))
    random.Random(args.seed).shuffle(found)
    samples = []
    for _, data in found:
        sample = letterboxed(data, width, height)
        if sample is not None:
            samples.append(sample)
        if len(samples) == args.samples:
            break
    if not samples:
        print(f"quantise: no photos below {args.photos}", file=sys.stderr)
        return 2
    print(f"{len(samples)} photos of {len(found)}, input {width}x{height}", flush=True)
    quantised = nncf.quantize(model, nncf.Dataset(samples), subset_size=len(samples),
                              preset=nncf.QuantizationPreset.MIXED)
    target = args.out.with_suffix(".xml")
    ov.save_model(quantised, target)
    for file in (target, target.with_suffix(".bin")):
        print(file.name, file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest())
    return 0


if __name__ == "__main__":
    sys.exit(main())
