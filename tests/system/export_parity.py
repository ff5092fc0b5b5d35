"""Run by test_export.py with the Python of .venv-bench: the exported files in OpenVINO against the saved
weights, loaded by their makers' libraries and called without any code of tools/export. Prints JSON."""

import json
import pathlib
import sys

import numpy as np
import openvino
import torch
from transformers import DepthAnythingForDepthEstimation
from ultralytics import YOLO

folder = pathlib.Path(sys.argv[1])


def openvino_network(name):
    return openvino.Core().compile_model(str(folder / name), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def pictures(size):
    """Blocks of random colours: three pictures that differ at every place."""
    generator = np.random.default_rng(7)
    for cells in 8, 14, 28:
        small = generator.random((1, 3, cells, cells), np.float32)
        yield np.kron(small, np.ones((1, 1, -(-size // cells), -(-size // cells)), np.float32))[
            ..., :size, :size].copy()


detector = YOLO(folder / "yolo12n-random.pt").model.float().eval()  # its layers are not fused
network = openvino_network("yolo12n-random.onnx")
size = network.input(0).shape[3]
boxes = {"shape": list(network.output(0).shape), "error_px": [], "score_error": [], "best": [], "all": []}
for picture in pictures(size):
    with torch.inference_mode():
        wanted = detector(torch.from_numpy(picture))[0].numpy()
    got = network(picture)[0]
    boxes["error_px"].append(float(np.abs(got[:, :4] - wanted[:, :4]).max()))
    boxes["score_error"].append(float((np.abs(got[:, 4:] - wanted[:, 4:]) / wanted[:, 4:]).max()))
    boxes["best"].append(float(wanted[:, 4:].max()))
    boxes["all"].append(wanted[:, :4])
apart = [float(np.abs(boxes["all"][i] - boxes["all"][i - 1]).max()) for i in range(3)]
del boxes["all"]

model = DepthAnythingForDepthEstimation.from_pretrained(
    folder / "depth_anything_v2_small-random", attn_implementation="eager").eval()
network = openvino_network("depth_anything_v2_small-random.onnx")
size = network.input(0).shape[3]
depth = {"shape": list(network.output(0).shape), "error": [], "spread": [],
         "parameters": sum(each.numel() for each in model.parameters())}
for picture in pictures(size):
    picture = (picture - 0.45) / 0.226
    with torch.inference_mode():
        wanted = model(torch.from_numpy(picture)).predicted_depth.numpy()
    got = network(picture)[0]
    depth["error"].append(float(np.abs(got - wanted).max() / np.ptp(wanted)))
    depth["spread"].append(float(np.std(wanted) / np.mean(wanted)))
print(json.dumps({"boxes": {**boxes, "apart_px": apart}, "depth": depth}))
