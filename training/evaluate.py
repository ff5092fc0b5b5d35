#!/usr/bin/env python3
"""How good an exported lznet is on photographs it was not trained on.

    python evaluate.py MODEL.onnx|MODEL.xml --data DIR [--split val] [--out FILE.json]

Objects by pycocotools, class by class over the photographs labelled for it (a `difficult` box counts
neither way); depth over 0.3-10 m, means over pictures; sigma: the share of errors inside what the
network states. --coco measures the COCO photographs, too, by groups of classes; --conditions the same
photographs in grey, through a fisheye, blurred by motion, at night and in rain (lznet/conditions.py). Runs
in OpenVINO.
"""

import argparse
import contextlib
import io
import json
import pathlib

import numpy as np
import openvino
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from lznet import pack
from lznet.conditions import CONDITIONS, through_fisheye
from lznet.network import CLASSES, FOCAL, SIZE

LEAST_SCORE, OVERLAP, MOST = 0.001, 0.6, 100  # a calibrated score of 0.001 was one of 0.1
GROUPS = {"person": ["person"],
          "vehicle": ["bicycle", "car", "motorcycle", "airplane", "bus", "train", "boat"],
          "animal": ["bird", "cat", "dog", "horse", "sheep", "cow"],
          "indoors": ["bottle", "chair", "couch", "potted plant", "dining table", "tv"]}


class Network:
    def __init__(self, file, precision="f32"):
        core = openvino.Core()
        self.model = core.compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": precision,
                                                      "PERFORMANCE_HINT": "LATENCY"})
        self.size = self.model.input(0).shape[-1]

    def __call__(self, picture):
        """All that it gives of a canvas, boxes in the canvas's pixels."""
        found = self.model(pack.network_input(picture, self.size))
        found = {output.any_name: value[0] for output, value in found.items()}
        found["boxes"] = found["boxes"] * (SIZE / self.size)
        # Metres are for FOCAL pixels of the input; for a canvas's pixels that is nearer.
        found["depth"] = found["depth"] * (self.size / SIZE)
        return found


def overlaps(box, boxes):
    """Intersection over union of a box, x1, y1, x2, y2, with each of N x 4."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = np.clip(high - low, 0, None).prod(1)
    return common / ((box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(1) - common)


def suppress(boxes, scores):
    """Class by class; N x 6: x1, y1, x2, y2, score, column."""
    anchor, column = np.nonzero(scores > LEAST_SCORE)
    value = scores[anchor, column]
    order = np.argsort(-value, kind="stable")[:1000]
    anchor, column, value = anchor[order], column[order], value[order]
    b = boxes[anchor]
    area = np.clip(b[:, 2:] - b[:, :2], 0, None).prod(1)
    kept, alive = [], np.ones(len(b), bool)
    for i in range(len(b)):
        if not alive[i] or len(kept) == MOST:
            continue
        kept.append(i)
        low, high = np.maximum(b[i, :2], b[:, :2]), np.minimum(b[i, 2:], b[:, 2:])
        common = np.clip(high - low, 0, None).prod(1)
        overlap = common / (area + area[i] - common + 1e-9)
        alive &= ~((overlap > OVERLAP) & (column == column[i]))
    return np.concatenate((b[kept], value[kept, None], column[kept, None]), 1)


def detect(network, rows, files, condition=None):
    """Per photograph, detections in its own pixels; of another `condition`, in the canvas's."""
    found = []
    random = np.random.default_rng(1)
    for row in rows:
        picture = pack.canvas(files[row["file"]])
        if condition:
            result = network(CONDITIONS[condition](picture, random))
            boxes = result["boxes"].clip(0, SIZE)
        else:
            result = network(picture)
            x, y = pack.offset(row)
            boxes = result["boxes"] - np.array([x, y, x, y], np.float32)
            boxes = boxes.clip(0, [row["width"], row["height"]] * 2)
        found.append(suppress(boxes, result["scores"]))
    return found


def on_canvas(row, condition):
    """The row with its boxes where the condition's canvas shows them."""
    x, y = pack.offset(row)
    boxes = [[b[0], b[1] + x, b[2] + y, b[3] + x, b[4] + y] for b in row["boxes"]]
    if condition == "fisheye":
        boxes = [[b[0], *through_fisheye(b[1:])] for b in boxes]
    return {**row, "boxes": boxes, "width": SIZE, "height": SIZE}


def average_precision(rows, found, columns, column):
    """pycocotools' numbers for one class: AP, AP50, AP50 of small boxes, number of boxes."""
    mine = [c for c, other in enumerate(columns) if other == column]
    images, annotations, results = [], [], []
    for i, (row, detections) in enumerate(zip(rows, found)):
        if not set(mine) & set(row["labelled_classes"]):
            continue
        images.append({"id": i, "width": row["width"], "height": row["height"]})
        for box, hard in zip(row["boxes"], row["difficult"]):
            if box[0] not in mine:
                continue
            w, h = box[3] - box[1], box[4] - box[2]
            annotations.append({"id": len(annotations) + 1, "image_id": i, "category_id": 1,
                                "bbox": [box[1], box[2], w, h], "area": w * h, "iscrowd": int(hard)})
        for x1, y1, x2, y2, score, which in detections:
            if which == column:
                results.append({"image_id": i, "category_id": 1, "score": float(score),
                                "bbox": [float(v) for v in (x1, y1, x2 - x1, y2 - y1)]})
    count = sum(not a["iscrowd"] for a in annotations)
    if not count:
        return None
    if not results:
        return {"AP": 0.0, "AP50": 0.0, "AP50_small": 0.0, "n": count}
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {"info": {}, "images": images, "annotations": annotations,
                         "categories": [{"id": 1, "name": "object"}]}
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"]  # overlap x recall x class x area x most

    def mean(part):
        return float(part[part > -1].mean()) if (part > -1).any() else None

    return {"AP": mean(precision[:, :, 0, 0, 2]), "AP50": mean(precision[0, :, 0, 0, 2]),
            "AP50_small": mean(precision[0, :, 0, 1, 2]), "n": count}


def evaluate_objects(network, folder, split, sets=None, condition=None):
    rows = [row for row in pack.read_rows(folder, "detect", split) if not sets or row["set"] in sets]
    files = pack.read_files(folder, {row["file"] for row in rows})
    columns = pack.class_columns(folder)
    found = detect(network, rows, files, condition)
    if condition:
        rows = [on_canvas(row, condition) for row in rows]
    per_class = {}
    for column in sorted(set(columns)):
        numbers = average_precision(rows, found, columns, column)
        if numbers:
            per_class[CLASSES[column]] = numbers
    voc = [v for name, v in per_class.items() if name != "door"]
    return {"photographs": len(rows), "AP50_voc20": float(np.mean([v["AP50"] for v in voc])),
            "AP_voc20": float(np.mean([v["AP"] for v in voc])), "per_class": per_class,
            "groups": {group: float(np.mean([per_class[n]["AP50"] for n in names if n in per_class]))
                       for group, names in GROUPS.items() if set(names) & set(per_class)}}


def evaluate_depth(network, folder, split):
    result = {}
    rows = pack.read_rows(folder, "depth", split)
    for name in sorted({row["set"] for row in rows}):
        part = [row for row in rows if row["set"] == name]
        files = pack.read_files(folder, {row[k] for row in part for k in ("file", "depth")})
        values = []
        for row in part:
            output = network(pack.canvas(files[row["file"]]))
            truth = pack.depth_canvas(files[row["depth"]], row, output["depth"].shape[-1])
            valid = (truth > 0.3) & (truth < 10)
            if valid.sum() < 100:
                continue
            depth = output["depth"][0][valid] * row["focal"] / FOCAL
            truth = truth[valid]
            error = np.abs(depth - truth)
            sigma = output["depth_sigma"][0][valid]
            values.append((
                (error / truth).mean(), (error ** 2).mean(),
                (np.maximum(depth / truth, truth / depth) < 1.25).mean(),
                (error <= sigma * depth).mean(), (error <= 2 * sigma * depth).mean(), sigma.mean()))
        m = np.mean(values, 0)
        result[name] = {"absrel": m[0], "rmse_m": float(np.sqrt(m[1])), "delta125": m[2],
                        "inside_1_sigma": m[3], "inside_2_sigma": m[4], "mean_sigma": m[5],
                        "pictures": len(values)}
    return result


def rounded(value):
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return round(float(value), 4) if isinstance(value, (float, np.floating)) else value


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--coco", action="store_true", help="the COCO photographs (training split), too")
    parser.add_argument("--conditions", action="store_true", help="other cameras and hours, too")
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    network = Network(args.model, args.precision)
    result = {"split": args.split, "objects": evaluate_objects(network, args.data, args.split),
              "depth": evaluate_depth(network, args.data, args.split)}
    if args.coco:
        result["coco"] = evaluate_objects(network, args.data, "train", {"coco"})
    if args.conditions:
        result["conditions"] = {name: evaluate_objects(network, args.data, args.split, condition=name)
                                for name in CONDITIONS}
    result = rounded(result)
    if args.out:
        args.out.write_text(json.dumps(result, indent=1) + "\n")
    objects = result["objects"]
    print(f"AP50 {objects['AP50_voc20']}, AP {objects['AP_voc20']} over 20 classes; door "
          f"{objects['per_class'].get('door')}; person {objects['per_class'].get('person')}")
    print("depth", json.dumps(result["depth"]))
    if args.coco:
        print("coco", json.dumps(result["coco"]["groups"]))
    for name, other in result.get("conditions", {}).items():
        print(f"{name}: AP50 {other['AP50_voc20']}, AP {other['AP_voc20']}")


if __name__ == "__main__":
    main()
