#!/usr/bin/env python3
"""Writes the card of an exported lznet: what it is, what it was trained on, what was measured.

    python card.py NAME.onnx --int8 NAME-int8.xml --calibration FILE.json --eval FILE.json
                   --eval-int8 FILE.json [--latency FP32 INT8 --machine WORDS] [--only-int8]
                   --out NAME.json

The card is what Lazarillo reads to run the network (docs/models.md).
"""

import argparse
import hashlib
import json
import math
import pathlib

import onnx
import openvino

from lznet.network import CLASSES, FOCAL

SETS = {
    "NanoDet-Plus-m 416 (weights begun with)": "Apache-2.0, RangiLyu/nanodet; trained on COCO",
    "PASCAL VOC 2007 test, 3,186 photographs": "Flickr's terms of use, no single licence",
    "PASCAL VOC 2012, animal pose subset, 1,589": "Flickr's terms of use, no single licence",
    "DoorDetect, 1,004": "none stated; a citation is asked for",
    "COCO, 256": "annotations CC BY 4.0, photographs Flickr's terms of use",
    "NYU Depth v2 labelled, 1,160": "published for research; no explicit licence"}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    for name in "int8", "calibration", "eval", "eval-int8", "out":
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--only-int8", action="store_true",
                        help="the card is for the network in 8 bits, which comes alone")
    parser.add_argument("--latency", type=float, nargs=2, metavar=("FP32", "INT8"),
                        help="median milliseconds of the network alone")
    parser.add_argument("--machine", help="where that was measured")
    args = parser.parse_args()

    model = openvino.Core().read_model(args.model)
    shapes = {output.any_name: "x".join(str(n) for n in output.shape) for output in model.outputs}
    size = model.input(0).shape[-1]

    def read(file):
        return json.loads(file.read_text())

    shipped = [args.int8, args.int8.with_suffix(".bin")]
    if not args.only_int8:
        shipped.insert(0, args.model)
    card = {
        "name": args.model.stem,
        "file": shipped[0].name,
        "status": "for trying out: measured on photographs, not yet in the street",
        "classes": CLASSES,
        "input": {"name": "image", "shape": list(model.input(0).shape), "colour": "RGB",
                  "range": "0..1 (divide by 255)", "letterbox": f"longer side {size}, centred, pad 114/255"},
        "outputs": {
            "boxes": f"{shapes['boxes']} x1,y1,x2,y2 input pixels, decoded, not clipped",
            "scores": f"{shapes['scores']} probabilities (calibration)",
            "depth": f"{shapes['depth']} metres for canonical_focal_px",
            "depth_sigma": f"{shapes['depth_sigma']} standard deviation as a part of the depth"},
        "canonical_focal_px": FOCAL,
        "metric_depth": f"depth * f / {FOCAL:g}, f in pixels of the letterboxed input",
        "suggested": {"score_threshold": 0.35, "nms_iou": 0.5},
        "parameters": sum(math.prod(weights.dims) for weights in onnx.load(args.model).graph.initializer
                          if weights.name.startswith("net.")),
        "training": {"recipe": "training/README.md, round v3", "sets and their terms": SETS},
        "evaluation": "training/evaluate.py on the validation split: pycocotools, difficult boxes "
                      "count neither way; depth over 0.3-10 m, means over pictures; calibrated on every "
                      "second of these photographs",
        "calibration": read(args.calibration),
        "metrics": {"fp32": read(args.eval), "int8": read(args.eval_int8)},
        "sha256": {file.name: hashlib.sha256(file.read_bytes()).hexdigest()
                   for file in shipped}}
    if args.latency:
        card["latency_ms"] = {"machine": args.machine, "fp32": args.latency[0], "int8": args.latency[1]}
    args.out.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
