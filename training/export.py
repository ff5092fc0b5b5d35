#!/usr/bin/env python3
"""Writes a trained lznet as ONNX (opset 17) with decoded outputs.

    python export.py WEIGHTS.pt OUT.onnx [--size 320] [--calibration FILE.json] [--half] [--dynamic]

Outputs: boxes 1 x A x 4 (x1, y1, x2, y2 in input pixels), scores 1 x A x 81, depth 1 x 1 x S/4 x S/4
(metres for a focal length of 416 input pixels, whatever the size), depth_sigma (relative). The result is
checked against the network it came from. --half --dynamic: for NVIDIA cards, FP16 inside and any number
of pictures a call.
"""

import argparse
import inspect
import json
import math
import pathlib

import numpy as np
import onnx
import openvino
import torch

from lznet.deploy import Deployed, fold_normalisation, unshuffle
from lznet.network import DOOR, SIZE, LzNet

OUTPUTS = ["boxes", "scores", "depth", "depth_sigma"]
# How far the file may be from the network, of boxes in pixels, and of the rest: on noise, every anchor.
# FP16 has 11 bits.
LIMITS = {False: (2e-3, 0.05), True: (0.05, 4.0)}


def deployable(weights, size=SIZE, calibration=None):
    """`calibration`: what calibrate.py found."""
    net = LzNet().eval()
    net.load_state_dict(torch.load(weights, map_location="cpu"))
    fold_normalisation(net.depth)
    deployed = Deployed(unshuffle(net), size).eval()
    if calibration:
        with torch.no_grad():
            net.depth.out.bias[0] += math.log(calibration["depth_scale"])
            net.depth.out.bias[1] += math.log(calibration["sigma_scale"])
            for name, columns in (("objects", slice(0, DOOR)), ("door", DOOR)):
                deployed.stretch[columns] = 1 / calibration[name]["temperature"]
                deployed.shift[columns] = calibration[name]["shift"]
    return deployed


def write(deployed, file, size=SIZE, dynamic=False):
    # The exporter that traces: older versions of PyTorch (Debian 12's) have no other.
    tracing = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    torch.onnx.export(deployed, torch.zeros(1, 3, size, size), str(file), opset_version=17,
                      input_names=["image"], output_names=OUTPUTS, **tracing,
                      dynamic_axes={name: {0: "pictures"} for name in ["image", *OUTPUTS]} if dynamic else None)
    onnx.checker.check_model(onnx.load(file))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=SIZE, help="of the input, a multiple of 64")
    parser.add_argument("--calibration", type=pathlib.Path, help="what calibrate.py wrote")
    parser.add_argument("--half", action="store_true", help="FP16 between input and outputs")
    parser.add_argument("--dynamic", action="store_true", help="any number of pictures a call")
    args = parser.parse_args()
    deployed = deployable(args.weights, args.size,
                          args.calibration and json.loads(args.calibration.read_text()))
    picture = torch.rand(2 if args.dynamic else 1, 3, args.size, args.size,
                         generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = deployed(picture)
    if args.half:
        deployed.net.half()
    write(deployed, args.out, args.size, args.dynamic)
    given = openvino.Core().compile_model(args.out, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(
        picture.numpy())
    for name, value in zip(OUTPUTS, wanted):
        worst = np.abs(given[name] - value.numpy()).max()
        print(f"{name:12} {list(value.shape)} differs by {worst:.2g} at most")
        if worst > LIMITS[args.half][name == "boxes"]:
            raise SystemExit(f"'{args.out}' does not give what the network gives")
    parameters = sum(p.numel() for p in deployed.net.parameters())
    print(f"{parameters / 1e6:.3f} M parameters, {args.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
