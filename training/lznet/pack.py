"""The photographs: shards of pictures with boxes (detect.jsonl) and with depth (depth.jsonl).

Every picture's longer side is 416 and it is put, as it is, on the middle of a grey square, as the
program does it. Classes are the network's (COCO's 80, then door); what a photograph is not labelled
for is not known there: its absence means nothing.
"""

import io
import json
import pathlib
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from .network import CLASSES, DOOR, SIZE

GREY = 114
DEPTH_SIZE = SIZE // 2
# VOC's names for what COCO calls otherwise.
VOC_NAMES = {"aeroplane": "airplane", "diningtable": "dining table", "motorbike": "motorcycle",
             "pottedplant": "potted plant", "sofa": "couch", "tvmonitor": "tv"}


def class_columns(folder):
    """Column of each of the pack's classes."""
    names = json.loads((pathlib.Path(folder) / "classes.json").read_text())
    return [CLASSES.index(VOC_NAMES.get(name, name)) for name in names]


def read_rows(folder, kind, split, limit=None):
    rows = [json.loads(line) for line in open(pathlib.Path(folder) / f"{kind}.jsonl")]
    rows = [row for row in rows if row["split"] == split]
    return rows[::max(1, len(rows) // limit)][:limit] if limit else rows


def read_files(folder, names):
    """{name: bytes} out of every shard."""
    found = {}
    for shard in sorted(pathlib.Path(folder).glob("*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                if member.name in names:
                    found[member.name] = tar.extractfile(member).read()
    missing = set(names) - set(found)
    if missing:
        raise FileNotFoundError(f"{len(missing)} pictures are in none of {folder}/*.tar, "
                                f"{sorted(missing)[0]} first")
    return found


def offset(row):
    return (SIZE - row["width"]) // 2, (SIZE - row["height"]) // 2


def canvas(data):
    return on_grey(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


def on_grey(picture):
    height, width = picture.shape[:2]
    square = np.full((SIZE, SIZE, 3), GREY, np.uint8)
    y, x = (SIZE - height) // 2, (SIZE - width) // 2
    square[y:y + height, x:x + width] = picture
    return square


def network_input(canvas, size):
    """1 x 3 x size x size, 0..1. A smaller input gets averages of areas, as from the program."""
    if size != SIZE:
        canvas = np.asarray(Image.fromarray(canvas).resize((size, size), Image.BOX))
    return np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], dtype=np.float32) / 255


def depth_canvas(data, row, size):
    """Metres, size x size, 0 where not known, from 16 bits of millimetres at half the picture's size."""
    millimetres = np.array(Image.open(io.BytesIO(data)), np.float32)
    millimetres[millimetres > 20000] = 0
    scale = size / SIZE
    width, height = round(row["width"] * scale), round(row["height"] * scale)
    x, y = (round(v * scale) for v in offset(row))
    resized = np.asarray(Image.fromarray(millimetres).resize((width, height), Image.NEAREST))
    square = np.zeros((size, size), np.float32)
    square[y:y + height, x:x + width] = resized[:size - y, :size - x] / 1000
    return square


def decode_all(function, items, threads=16):
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))


@dataclass
class Photographs:
    """On the device: pictures N x 3 x 416 x 416 (uint8), boxes N x K x 4 in canvas pixels, labels
    N x K (-1: none), difficult N x K, known N x classes, content N x 4, weight N."""
    pictures: torch.Tensor
    boxes: torch.Tensor
    labels: torch.Tensor
    difficult: torch.Tensor
    known: torch.Tensor
    content: torch.Tensor
    weight: torch.Tensor


@dataclass
class DepthPhotographs:
    """On the device: pictures N x 3 x 416 x 416, depth N x 208 x 208 in metres (0: not known), focal
    N in canvas pixels."""
    pictures: torch.Tensor
    depth: torch.Tensor
    focal: torch.Tensor


def load_pictures(rows, files, device):
    pictures = torch.empty(len(rows), 3, SIZE, SIZE, dtype=torch.uint8, device=device)
    for begin in range(0, len(rows), 512):
        part = decode_all(lambda row: canvas(files[row["file"]]), rows[begin:begin + 512])
        pictures[begin:begin + len(part)] = (
            torch.from_numpy(np.stack(part)).to(device).permute(0, 3, 1, 2))
    return pictures


def load_photographs(folder, split, weights, device, limit=None):
    """`weights`: how often a set's photographs are taken; sets without one are left out."""
    rows = [row for row in read_rows(folder, "detect", split, limit) if row["set"] in weights]
    files = read_files(folder, {row["file"] for row in rows})
    columns = class_columns(folder)
    most = max(1, max(len(row["boxes"]) for row in rows))
    boxes = torch.zeros(len(rows), most, 4)
    labels = torch.full((len(rows), most), -1)
    difficult = torch.zeros(len(rows), most, dtype=torch.bool)
    known = torch.zeros(len(rows), len(CLASSES), dtype=torch.bool)
    content = torch.zeros(len(rows), 4)
    for i, row in enumerate(rows):
        x, y = offset(row)
        content[i] = torch.tensor([x, y, x + row["width"], y + row["height"]])
        known[i, [columns[c] for c in row["labelled_classes"]]] = True
        for k, (box, hard) in enumerate(zip(row["boxes"], row["difficult"])):
            labels[i, k] = columns[box[0]]
            boxes[i, k] = torch.tensor(box[1:]) + torch.tensor([x, y, x, y])
            difficult[i, k] = bool(hard)
    weight = torch.tensor([float(weights[row["set"]]) for row in rows])
    door = (labels == DOOR).any(1)
    weight[door] *= weights.get("with a door", 1.0)
    return Photographs(load_pictures(rows, files, device), boxes.to(device), labels.to(device),
                       difficult.to(device), known.to(device), content.to(device), weight.to(device))


def load_depth(folder, split, sets, device, limit=None, size=DEPTH_SIZE):
    rows = [row for row in read_rows(folder, "depth", split, limit) if row["set"] in sets]
    files = read_files(folder, {row[key] for row in rows for key in ("file", "depth")})
    depth = decode_all(lambda row: depth_canvas(files[row["depth"]], row, size), rows)
    return DepthPhotographs(load_pictures(rows, files, device),
                            torch.from_numpy(np.stack(depth)).to(device),
                            torch.tensor([row["focal"] for row in rows], device=device))
