"""`lazarillo eval` against pycocotools and numpy, on data sets made here of the program's own pictures."""

import contextlib
import io
import json
import math
import re
import tarfile

import numpy as np
import pytest
from conftest import ROOT, lazarillo
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

STREET = sorted((ROOT / "data" / "check").glob("street-*.jpg"))
CLASSES = ["person", "bicycle", "motorbike", "car", "unicorn"]  # one by its other name, one that is none
SIZE = 416


def street_pictures(count=8):
    """Parts of the street, 416 x 312, as a network of 416 takes them without resizing."""
    random = np.random.default_rng(3)
    for i in range(count):
        picture = Image.open(STREET[i % len(STREET)]).convert("RGB")
        part = picture.width * random.uniform(0.6, 1)
        x = random.uniform(0, picture.width - part)
        y = random.uniform(0, picture.height - part * 0.75)
        yield picture.resize((SIZE, 312), Image.BILINEAR, (x, y, x + part, y + part * 0.75))


def write_rows(folder, kind, rows):
    (folder / f"{kind}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def evaluate(what, folder, tmp_path, *arguments):
    """The JSON it writes."""
    result = lazarillo("eval", what, folder, "--json", tmp_path / f"{what}.json", *arguments)
    assert result.code == 0, result.err
    return json.loads((tmp_path / f"{what}.json").read_text())


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A data set of WebP in a tar and JPEG beside it, and what the network finds in its pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "classes.json").write_text(json.dumps(CLASSES))
    rows = []
    with tarfile.open(folder / "pictures-00.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for i, picture in enumerate(street_pictures()):
            name = f"a/{i}.webp" if i % 2 else f"{i}.jpg"
            stream = io.BytesIO()
            picture.save(stream, "webp" if i % 2 else "jpeg", quality=90)
            if i % 2:
                member = tarfile.TarInfo(name)
                member.size = stream.tell()
                tar.addfile(member, io.BytesIO(stream.getvalue()))
            else:
                (folder / name).write_bytes(stream.getvalue())
            rows.append({"file": name, "width": SIZE, "height": 312, "set": "street", "split": "val",
                         "boxes": [[0, 1, 1, 3, 3]], "difficult": [0],
                         "labelled_classes": list(range(len(CLASSES)))})
    write_rows(folder, "detect", rows)
    evaluate("detection", folder, folder, "--coco", folder / "coco")
    detections = json.loads((folder / "coco" / "detections.json").read_text())
    return folder, rows, detections


@pytest.fixture(scope="module")
def labelled(found):
    """Its labels: what was found, moved and resized, some left out, some difficult, and pictures that are not
    labelled for every class."""
    folder, rows, detections = found
    random = np.random.default_rng(5)
    rows = [{**row, "boxes": [], "difficult": []} for row in rows]
    for detection in detections:
        if detection["score"] < 0.05 or random.random() < 0.2:
            continue
        row = rows[detection["image_id"] - 1]
        x, y, w, h = detection["bbox"]
        x, w = x + w * random.normal(0, 0.08), w * random.uniform(0.8, 1.25)
        y, h = y + h * random.normal(0, 0.08), h * random.uniform(0.8, 1.25)
        row["boxes"].append([detection["category_id"] - 1, *np.round([x, y, x + w, y + h], 1).tolist()])
        row["difficult"].append(int(random.random() < 0.25))
    for i, row in enumerate(rows):
        row["set"] = ("street", "lane")[i % 2]
        row["boxes"].append([4, 5, 5, 50, 50])  # a unicorn
        row["difficult"].append(0)
        if i % 3 == 0:
            row["labelled_classes"] = [0, 4]
    write_rows(folder, "detect", rows)
    return folder, rows


def coco_of(rows):
    """What counts of the labels, as COCO's ground truth."""
    annotations = [
        {"id": 0, "image_id": i + 1, "category_id": b[0] + 1, "bbox": [b[1], b[2], b[3] - b[1], b[4] - b[2]],
         "area": (b[3] - b[1]) * (b[4] - b[2]), "iscrowd": hard}
        for i, row in enumerate(rows) for b, hard in zip(row["boxes"], row["difficult"])
        if b[0] in row["labelled_classes"] and b[0] < 4]
    for number, annotation in enumerate(annotations):
        annotation["id"] = number + 1
    return {"images": [{"id": i + 1, "width": SIZE, "height": 312} for i in range(len(rows))],
            "annotations": annotations, "categories": [{"id": i + 1, "name": n} for i, n in enumerate(CLASSES[:4])]}


def coco_numbers(truth, detections):
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(detections), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def test_average_precision_is_pycocotools(labelled, tmp_path):
    folder, rows = labelled
    result = evaluate("detection", folder, tmp_path, "--coco", tmp_path / "coco")
    detections = json.loads((tmp_path / "coco" / "detections.json").read_text())
    truth = coco_of(rows)
    assert len(truth["annotations"]) > 40 and len(detections) > 200
    for truth in truth, json.loads((tmp_path / "coco" / "ground_truth.json").read_text()):
        # Boxes are kept in single precision.
        reference = coco_numbers(truth, detections)
        assert result["ap"] == pytest.approx(reference.stats[0], abs=1e-6)
        assert result["ap50"] == pytest.approx(reference.stats[1], abs=1e-6)
        assert 0.1 < result["ap"] < 0.9
        precision = reference.eval["precision"][:, :, :, 0, 2]
        for k, name in enumerate(["person", "bicycle", "motorcycle", "car"]):
            mine = precision[:, :, k]
            if (mine > -1).any():
                assert result["per_class"][name]["ap"] == pytest.approx(mine.mean(), abs=1e-6)
                assert result["per_class"][name]["ap50"] == pytest.approx(mine[0].mean(), abs=1e-6)
            else:
                assert name not in result["per_class"]


def test_what_is_told_of_a_detection_run(labelled, tmp_path):
    folder, rows = labelled
    result = evaluate("detection", folder, tmp_path)
    assert result["images"] == len(rows)
    assert result["unknown_classes"] == ["unicorn"]
    assert set(result["per_set"]) == {"street", "lane"}
    assert re.fullmatch("[0-9a-f]{64}", result["network"]["sha256"])
    people = result["per_class"]["person"]
    assert people["images"] == len(rows)
    assert people["objects"] == sum(b[0] == 0 and not hard for row in rows
                                    for b, hard in zip(row["boxes"], row["difficult"]))
    bins = [b for b in result["reliability"] if b["detections"]]
    assert result["ece"] == pytest.approx(np.average([abs(b["mean_score"] - b["right"]) for b in bins],
                                                     weights=[b["detections"] for b in bins]))


def test_max_spreads_over_the_split(labelled, tmp_path):
    folder, rows = labelled
    assert evaluate("detection", folder, tmp_path, "--max", 3)["images"] == 3


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Pictures with invented depth: a slope with holes, half as large as the picture."""
    folder = tmp_path_factory.mktemp("measured")
    random = np.random.default_rng(7)
    rows = []
    for i, picture in enumerate(street_pictures(4)):
        picture.save(folder / f"{i}.png")
        y, x = np.mgrid[:156, :208]
        millimetres = 500 + 60 * (156 - y) + 5 * x + random.integers(0, 400, (156, 208))
        millimetres[random.random((156, 208)) < 0.2] = 0
        Image.fromarray(millimetres.astype(np.uint16)).save(folder / f"{i}-depth.png")
        rows.append({"file": f"{i}.png", "depth": f"{i}-depth.png", "width": SIZE, "height": 312,
                     "focal": 350.0 + i, "set": ("one", "two")[i % 2], "split": "val"})
    write_rows(folder, "depth", rows)
    return folder, rows


def network_depth(picture):
    """The network's own depth and sigma in OpenVINO, without any code of Lazarillo."""
    openvino = pytest.importorskip("openvino")
    network = openvino.Core().compile_model(str(ROOT / "models" / "lznet-v3.onnx"), "CPU",
                                            {"INFERENCE_PRECISION_HINT": "f32"})
    canvas = np.full((SIZE, SIZE, 3), 114, np.float32)
    canvas[52:364] = picture
    answer = network({0: np.ascontiguousarray(canvas.transpose(2, 0, 1)[None] / 255)})
    return np.array(answer["depth"]).squeeze(), np.array(answer["depth_sigma"]).squeeze()


def between(values, x, y):
    """Bilinear; x and y in pixels of the picture, from their centres; values over the whole canvas."""
    scale = values.shape[0] / SIZE
    column = np.clip((x + 0.5) * scale - 0.5, 0, values.shape[1] - 1)
    row = np.clip((y + 52 + 0.5) * scale - 0.5, 0, values.shape[0] - 1)
    left, top = np.floor(column).astype(int), np.floor(row).astype(int)
    right, bottom = np.minimum(left + 1, values.shape[1] - 1), np.minimum(top + 1, values.shape[0] - 1)
    a, b = column - left, row - top
    return ((values[top, left] * (1 - a) + values[top, right] * a) * (1 - b)
            + (values[bottom, left] * (1 - a) + values[bottom, right] * a) * b)


def test_depth_errors_are_numpys(measured, tmp_path):
    folder, rows = measured
    result = evaluate("depth", folder, tmp_path)
    canonical = json.loads((ROOT / "models" / "lznet-v3.json").read_text())["canonical_focal_px"]
    pictures, corridor = [], []
    for row in rows:
        truth = np.array(Image.open(folder / row["depth"])) / 1000
        depth, sigma = network_depth(np.asarray(Image.open(folder / row["file"])))
        v, u = np.nonzero((truth > 0.3) & (truth < 10))
        truth, x, y = truth[v, u], 2 * u + 0.5, 2 * v + 0.5
        depth = between(depth, x, y) * row["focal"] / canonical
        sigma = between(sigma, x, y)
        log_error = np.log(depth / truth)
        pictures.append([row["set"], (abs(depth - truth) / truth).mean(), ((depth - truth) ** 2).mean(),
                         (np.maximum(depth / truth, truth / depth) < 1.25).mean(), log_error.mean(),
                         (abs(log_error) <= sigma).mean()])
        inside = abs((x - 207.5) / row["focal"] * truth) <= 0.75
        corridor.append(np.stack([truth, abs(depth - truth) / truth])[:, inside])
    for name, scores in [("", result), *result["per_set"].items()]:
        absrel, squared, within, bias, one = np.mean([p[1:] for p in pictures if name in ("", p[0])], 0)
        assert scores["absrel"] == pytest.approx(absrel, rel=1e-4)
        assert scores["rmse_m"] == pytest.approx(math.sqrt(squared), rel=1e-4)
        assert scores["delta125"] == pytest.approx(within, abs=1e-3)
        assert scores["bias"] == pytest.approx(bias, abs=1e-4)
        assert scores["inside_one_sigma"] == pytest.approx(one, abs=1e-3)
    truth, error = np.concatenate(corridor, 1)
    assert len(result["corridor"]) == 5
    for band in result["corridor"]:
        mine = (truth >= band["from_m"]) & (truth < band["to_m"])
        assert band["pixels"] == pytest.approx(mine.sum(), abs=2)
        if mine.sum() > 100:
            assert band["absrel"] == pytest.approx(error[mine].mean(), rel=1e-3)
    one_sigma = next(p for p in result["coverage"] if p["sigmas"] == pytest.approx(1))
    assert one_sigma["inside"] == result["inside_one_sigma"]
    assert one_sigma["expected"] == pytest.approx(0.6827, abs=1e-4)


@pytest.fixture(scope="module")
def wall(tmp_path_factory, measured):
    """The same pictures, everything 4 m along the camera's axis; taken by a level camera, and by some that are not."""
    folder = tmp_path_factory.mktemp("wall")
    rows = [{**row, "down": down_at(pitch, roll)}
            for row, (pitch, roll) in zip(measured[1], [(0, 0), (25, 0), (20, -15), (-10, 5)], strict=True)]
    for row in rows:
        (folder / row["file"]).write_bytes((measured[0] / row["file"]).read_bytes())
        Image.fromarray(np.full((156, 208), 4000, np.uint16)).save(folder / row["depth"])
    write_rows(folder, "depth", rows)
    return folder, rows


def down_at(pitch_deg, roll_deg):
    """Where down is for a camera that looks down by so much, and is then turned clockwise."""
    p, r = math.radians(pitch_deg), math.radians(roll_deg)
    about_x = np.array([[1, 0, 0], [0, math.cos(p), -math.sin(p)], [0, math.sin(p), math.cos(p)]])
    about_z = np.array([[math.cos(r), math.sin(r), 0], [-math.sin(r), math.cos(r), 0], [0, 0, 1]])
    return list(about_z @ about_x @ [0, 1, 0])


def over_ground(row, x, y):
    """A ray of depth 1: how far it goes over the ground, and how far down."""
    ray = np.array([(x - 207.5) / row["focal"], (y - 155.5) / row["focal"], 1])
    return np.linalg.norm(np.cross(ray, row["down"])), ray @ row["down"]


def summary_of(objects):
    objects = [o for o in objects if 0.7 <= o["truth_m"] < 6]
    told = [o for o in objects if o["distance_m"] is not None]
    ratio = np.array([o["distance_m"] / o["truth_m"] for o in told])
    sigma = np.array([o["sigma_relative"] for o in told])
    return {"count": len(objects), "found": len(told), "missed": len(objects) - len(told),
            "median_error": np.median(abs(ratio - 1)), "p90_error": np.quantile(abs(ratio - 1), 0.9),
            "bias": np.median(ratio - 1), "inside_one_sigma": (abs(np.log(ratio)) <= sigma).mean()}


def test_distances_of_what_is_found(wall, tmp_path):
    folder, rows = wall
    result = evaluate("distance", folder, tmp_path, "--objects", "found", "--gravity", "0")
    objects = result["objects"]
    assert len(objects) > 5
    row_of = {row["file"]: row for row in rows}
    for o in objects:
        row, (x1, y1, x2, y2) = row_of[o["file"]], o["box"]
        middle = over_ground(row, (x1 + x2) / 2, (y1 + y2) / 2)[0]
        assert o["truth_m"] == pytest.approx(4 * middle, rel=1e-5)
        assert o["bearing_error_deg"] == pytest.approx(0, abs=1e-4)
        assert o["score"] >= 0.35 and not o["labelled"]
        # By depth and by height, weighed: between the two.
        told = [o[k] for k in ("depth_m", "height_m") if o[k] is not None]
        assert min(told) * 0.999 <= o["distance_m"] <= max(told) * 1.001
        if o["height_m"] is not None and o["class"] == "person":
            (top, top_down), (low, low_down) = (over_ground(row, (x1 + x2) / 2, y) for y in (y1, y2))
            assert o["height_m"] == pytest.approx(1.69 / (low_down / low - top_down / top), rel=1e-4)
    off = evaluate("distance", folder, tmp_path, "--objects", "found", "--gravity", "40")["objects"]
    assert max(abs(o["bearing_error_deg"]) for o in off) > 1  # too unsure to count
    assert {k: result[k] for k in summary_of(objects)} == pytest.approx(summary_of(objects))


def test_labelled_objects_are_found_or_missed(wall, tmp_path):
    folder, rows = wall
    found = evaluate("distance", folder, tmp_path, "--objects", "found")["objects"]
    (folder / "classes.json").write_text(json.dumps(CLASSES))
    labels = []
    for row in rows:
        mine = [o for o in found if o["file"] == row["file"] and o["class"] == "person"]
        boxes = [[0, *(v + 1 for v in o["box"])] for o in mine] + [[3, 10, 10, 60, 40]]  # and a car in the sky
        labels.append({"file": row["file"], "width": SIZE, "height": 312, "set": row["set"], "split": "val",
                       "boxes": boxes, "difficult": [0] * len(boxes), "labelled_classes": [0, 3]})
    write_rows(folder, "detect", labels)
    result = evaluate("distance", folder, tmp_path)
    people = [o for o in result["objects"] if o["class"] == "person"]
    cars = [o for o in result["objects"] if o["class"] == "car"]
    assert len(people) == sum(o["class"] == "person" for o in found) > 3
    assert all(o["labelled"] and o["found"] and o["distance_m"] for o in people)
    assert len(cars) == len(rows) and not any(o["found"] for o in cars)
    assert result["missed"] == len(rows)
    assert {k: result[k] for k in summary_of(result["objects"])} == pytest.approx(summary_of(result["objects"]))


def test_every_option_is_documented():
    page = (ROOT / "docs" / "evaluation.md").read_text()
    manual = (ROOT / "docs" / "lazarillo.1").read_text().replace("\\-", "-")
    for what in "detection", "depth", "distance", "ground", "guidance":
        options = set(re.findall(r"--[a-z-]+", lazarillo("eval", what, "--help").out)) - {"--help"}
        assert len(options) > 4
        for option in options:
            assert option in page, option
            assert option in manual, option
