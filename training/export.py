#!/usr/bin/env python3
"""Writes a trained lznet as ONNX (opset 17) with decoded outputs.

    python export.py WEIGHTS.pt OUT.onnx [--sigma-scale X] [--door-shift X]

Outputs: boxes 1 x A x 4 (x1, y1, x2, y2 in input pixels), scores 1 x A x 81, depth 1 x 1 x 104 x 104
(metres for a focal length of 416 input pixels), depth_sigma (relative). --sigma-scale widens the stated
doubt, --door-shift lowers the door's logit: both are chosen with evaluate.py. The result is checked
against the network it came from.
"""

import argparse
import inspect
import pathlib

import numpy as np
import onnx
import openvino
import torch
from torch import nn

from lznet.network import DOOR, SIZE, Deployed, LzNet


def fold_normalisation(module):
    """Batch normalisation into the convolutions before it."""
    for name, child in module.named_children():
        if (isinstance(child, nn.Sequential) and len(child) > 1 and
                isinstance(child[0], nn.Conv2d) and isinstance(child[1], nn.BatchNorm2d)):
            fused = torch.nn.utils.fuse_conv_bn_eval(child[0].eval(), child[1].eval())
            setattr(module, name, nn.Sequential(fused, *list(child)[2:]))
        else:
            fold_normalisation(child)


def deployable(weights, sigma_scale=1.0, door_shift=0.0):
    net = LzNet().eval()
    net.load_state_dict(torch.load(weights, map_location="cpu"))
    fold_normalisation(net.depth)
    with torch.no_grad():
        net.depth.out.bias[1] += float(np.log(sigma_scale))
        for tower in net.head.towers:
            tower[-1].bias[DOOR] -= door_shift
    return Deployed(net).eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--sigma-scale", type=float, default=1.0)
    parser.add_argument("--door-shift", type=float, default=0.0)
    args = parser.parse_args()
    net = deployable(args.weights, args.sigma_scale, args.door_shift)
    names = ["boxes", "scores", "depth", "depth_sigma"]
    # The exporter that traces: older versions of PyTorch (Debian 12's) have no other.
    tracing = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    torch.onnx.export(net, torch.zeros(1, 3, SIZE, SIZE), str(args.out), opset_version=17,
                      input_names=["image"], output_names=names, **tracing)
    onnx.checker.check_model(onnx.load(args.out))
    picture = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = net(picture)
    given = openvino.Core().compile_model(args.out, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(
        picture.numpy())
    for name, value in zip(names, wanted):
        worst = np.abs(given[name] - value.numpy()).max()
        print(f"{name:12} {list(value.shape)} differs by {worst:.2g} at most")
        if worst > (0.05 if name == "boxes" else 2e-3):
            raise SystemExit(f"'{args.out}' does not give what the network gives")
    parameters = sum(p.numel() for p in net.net.parameters())
    print(f"{parameters / 1e6:.3f} M parameters, {args.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
