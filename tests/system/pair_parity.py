"""Run by test_pair_parity.py with the Python of .venv-bench. What the pair sees in photographs by its
makers' libraries: Ultralytics and transformers resize, run and decode. Of Lazarillo only tools/export
has a part in it, which draws the weights.

    pair_parity.py photographs DATA OUT     50 of the validation photographs as PNG: OUT/whole, OUT/cropped
    pair_parity.py weights OUT              the weights of both networks, from OUT/whole and a seed
    pair_parity.py see OUT                  OUT/boxes.json, OUT/depth/*.npy
"""

import io
import json
import os
import pathlib
import sys
import tarfile

os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("YOLO_AUTOINSTALL", "false")
os.environ.setdefault("YOLO_CONFIG_DIR", sys.prefix)
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import cv2
import numpy as np
import torch
from area_average import area_weights
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "export"))
import export  # noqa: E402

SEED = 1
COUNT = 50
DETECTOR_SIZE, DEPTH_SIZE = 640, 392
SCORE, OVERLAP, MOST = 0.1, 0.7, 300  # as the test asks Lazarillo for


def photographs(data, out):
    """Evenly out of all there are. Cropped: their middle, at most 392 each way, so that the depth
    network takes them pixel by pixel."""
    rows = [json.loads(line) for line in open(data / "detect.jsonl")]
    rows = [row for row in rows if row["split"] == "val"]
    names = [row["file"] for row in rows[::len(rows) // COUNT][:COUNT]]
    for kind in "whole", "cropped":
        (out / kind).mkdir(parents=True)
    found = 0
    for shard in sorted(data.glob("*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                if member.name not in names:
                    continue
                picture = np.asarray(Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB"))
                name = f"{names.index(member.name):02d}.png"
                Image.fromarray(picture).save(out / "whole" / name)
                top, left = (max(0, (side - DEPTH_SIZE) // 2) for side in picture.shape[:2])
                Image.fromarray(picture[top:top + DEPTH_SIZE, left:left + DEPTH_SIZE]).save(
                    out / "cropped" / name)
                found += 1
    assert found == COUNT, f"{found} of {COUNT} photographs"


def spread_head(model, pictures):
    """Random weights as tools/export draws them score 0.0002 at most, and all their boxes are alike. The
    last convolutions of the head are scaled and shifted, channel by channel, so that over these pictures
    the logits of classes have mean -7.25 and deviation 1, those of distances deviation 1 around a hump at
    four strides: a few anchors in ten thousand are sure of something, and no two boxes are alike."""
    head = model.model[-1]
    last = [(branch[-1], boxes) for branches, boxes in ((head.cv2, True), (head.cv3, False))
            for branch in branches]
    seen = {}
    hooks = [conv.register_forward_hook(lambda conv, _, out: seen.setdefault(conv, []).append(out))
             for conv, _ in last]
    with torch.inference_mode():
        for picture in pictures:
            model(picture)
    for hook in hooks:
        hook.remove()
    hump = -(torch.arange(head.reg_max) - 4.0) ** 2 / 8
    with torch.no_grad():
        for conv, boxes in last:
            values = torch.cat([out.flatten(2) for out in seen[conv]], 2)[0]
            wanted = hump.repeat(4) if boxes else torch.full((head.nc,), -7.25)
            gain = 1 / values.std(1)
            conv.weight *= gain[:, None, None, None]
            conv.bias.copy_((conv.bias - values.mean(1)) * gain + wanted)


def weights(out):
    from ultralytics.data.augment import LetterBox
    yolo = export.random_yolo(DETECTOR_SIZE, SEED)
    letterbox = LetterBox(DETECTOR_SIZE)
    pictures = [letterbox(image=cv2.imread(str(file)))[..., ::-1] for file in files(out / "whole")[::10]]
    spread_head(yolo.model, [torch.from_numpy(picture.transpose(2, 0, 1).copy())[None] / 255
                             for picture in pictures])
    yolo.model.names = dict(enumerate(export.coco_labels()))
    yolo.save(out / "yolo12n.pt")
    export.random_depth(SEED).save_pretrained(out / "checkpoint")
    export.depth_processor(DEPTH_SIZE).save_pretrained(out / "checkpoint")


def files(folder):
    return sorted(folder.glob("*.png"))


def boxes(out):
    """For each picture rows x1 y1 x2 y2 score class, by Ultralytics' own predictor. rect=False: the
    network gets the square it was exported for."""
    from ultralytics import YOLO
    yolo = YOLO(out / "yolo12n.pt")
    return [yolo.predict(file, imgsz=DETECTOR_SIZE, rect=False, conf=SCORE, iou=OVERLAP, max_det=MOST,
                         device="cpu", verbose=False)[0].boxes.data.tolist() for file in files(out / "whole")]


def squared(picture):
    """Lazarillo keeps the proportions and pads; the processor would stretch."""
    height, width = picture.shape[:2]
    side = max(height, width)
    square = np.full((side, side, 3), 114, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top:top + height, left:left + width] = picture
    return square


def shrunk(picture):
    """The longer side to the network's, by area average, as Lazarillo does it; whole levels."""
    height, width = picture.shape[:2]
    scale = min(1, DEPTH_SIZE / max(height, width))
    down, across = (area_weights(side, round(side * scale)) for side in (height, width))
    mean = np.einsum("iy,yxc,jx->ijc", down, picture.astype(np.float64), across, optimize=True)
    return np.floor(mean + 0.5 + 1e-9).astype(np.uint8)


def depth(out):
    """transformers' processor and network, on pictures of the network's size padded to squares."""
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation
    processor = AutoImageProcessor.from_pretrained(out / "checkpoint")
    model = AutoModelForDepthEstimation.from_pretrained(out / "checkpoint").eval()
    for kind in "cropped", "whole":
        (out / "depth" / kind).mkdir(parents=True)
        for file in files(out / kind):
            inputs = processor(images=squared(shrunk(np.asarray(Image.open(file)))), return_tensors="pt")
            with torch.inference_mode():
                inverse = model(**inputs).predicted_depth[0].numpy()
            np.save(out / "depth" / kind / f"{file.stem}.npy", inverse)


def see(out):
    (out / "boxes.json").write_text(json.dumps(boxes(out)))
    depth(out)


if __name__ == "__main__":
    step = {"photographs": photographs, "weights": weights, "see": see}[sys.argv[1]]
    step(*map(pathlib.Path, sys.argv[2:]))
