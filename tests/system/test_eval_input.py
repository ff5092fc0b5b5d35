"""What `lazarillo eval` refuses, and the tools around it: tools/eval/convert.py and plots.py."""

import io
import json
import subprocess
import sys
import tarfile

import numpy as np
import pytest
from conftest import ROOT, lazarillo
from PIL import Image
from test_bad_input import MODEL, OUTPUT, SOURCE, USAGE, refused
from test_eval import evaluate, write_rows

TOOLS = ROOT / "tools" / "eval"


@pytest.fixture
def data(tmp_path):
    """One small picture with a box and depth, in a tar."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "classes.json").write_text('["person", "door"]')
    row = {"file": "a.png", "width": 64, "height": 48, "set": "s", "split": "val"}
    write_rows(folder, "detect", [{**row, "boxes": [[0, 4, 4, 30, 40]], "difficult": [0],
                                   "labelled_classes": [0, 1]}])
    write_rows(folder, "depth", [{**row, "depth": "a-depth.png", "focal": 50}])
    with tarfile.open(folder / "x.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, pixels in [("a.png", np.full((48, 64, 3), 90, np.uint8)),
                             ("a-depth.png", np.full((24, 32), 2000, np.uint16))]:
            stream = io.BytesIO()
            Image.fromarray(pixels).save(stream, "png")
            member = tarfile.TarInfo(name)
            member.size = stream.tell()
            tar.addfile(member, io.BytesIO(stream.getvalue()))
    return folder


def change(file, /, **keys):
    row = {**json.loads(file.read_text()), **keys}
    file.write_text(json.dumps({k: v for k, v in row.items() if v is not None}) + "\n")


def detection(folder, *arguments):
    return lazarillo("eval", "detection", folder, *arguments)


def test_it_is_measured(data):
    assert detection(data).code == 0
    assert lazarillo("eval", "depth", data).code == 0


def test_no_folder(tmp_path):
    refused(detection(tmp_path / "none"), SOURCE, "none", "no folder")


def test_a_folder_without_lists(tmp_path):
    refused(detection(tmp_path), SOURCE, "classes.json")
    refused(lazarillo("eval", "depth", tmp_path), SOURCE, "depth.jsonl")
    (tmp_path / "depth.jsonl").touch()
    refused(lazarillo("eval", "depth", tmp_path), SOURCE, "depth.jsonl", "no lines")


def test_a_broken_line_is_named(data):
    with open(data / "detect.jsonl", "a") as stream:
        stream.write('{"file": "b.png", "wid\n')
    refused(detection(data), SOURCE, "detect.jsonl", "line 2", "JSON")


@pytest.mark.parametrize("keys, words", [
    ({"width": None}, ["line 1", "no 'width'"]),
    ({"width": "wide"}, ["line 1", "width", "number"]),
    ({"height": 0}, ["line 1", "height", "1 to"]),
    ({"boxes": [[7, 1, 1, 2, 2]]}, ["line 1", "class 7"]),
    ({"boxes": [[0, 9, 1, 2, 2]]}, ["line 1", "x1, y1, x2, y2"]),
    ({"difficult": []}, ["line 1", "difficult"]),
    ({"labelled_classes": [2]}, ["line 1", "class 2"]),
    ({"file": "b.png"}, ["b.png", "neither"]),
    ({"width": 65}, ["a.png", "64x48", "65x48"]),
    ({"labelled_classes": [1]}, ["no picture", "object"]),
    ({"boxes": [], "difficult": []}, ["no picture", "object"]),
])
def test_bad_rows(data, keys, words):
    change(data / "detect.jsonl", **keys)
    refused(detection(data), SOURCE, *words)


def test_bad_classes(data):
    (data / "classes.json").write_text("{}")
    refused(detection(data), SOURCE, "classes.json", "list")


def test_depth_rows(data):
    change(data / "depth.jsonl", focal=0)
    refused(lazarillo("eval", "depth", data), SOURCE, "line 1", "focal")
    change(data / "depth.jsonl", focal=50, depth="a.png")
    refused(lazarillo("eval", "depth", data), SOURCE, "a.png", "16 bit|GRAY16|negotiated")
    for down in [0, 1], [0, 0, 0], "down":
        change(data / "depth.jsonl", depth="a-depth.png", down=down)
        refused(lazarillo("eval", "ground", data), SOURCE, "line 1", "'down'")


def test_a_room_without_objects(data):
    refused(lazarillo("eval", "distance", data, "--objects", "found"), SOURCE, "no picture", "object")


def test_unknown_split(data):
    refused(detection(data, "--split", "exam"), USAGE, "exam", "only val")


@pytest.mark.parametrize("left", [0.3, 0.95])
def test_truncated_tar(data, left):
    tar = data / "x.tar"
    with tarfile.open(tar) as whole:
        last = whole.getmembers()[-1]
        end = last.offset_data + last.size
    tar.write_bytes(tar.read_bytes()[:int(end * left)])
    refused(detection(data), SOURCE, "x.tar", "cut short")


def test_what_is_no_tar(data):
    (data / "x.tar").write_bytes(b"no tar" * 500)
    refused(detection(data), SOURCE, "x.tar")


def test_a_picture_that_is_none(data):
    (data / "a.png").write_text("a picture, said the file")
    refused(detection(data), SOURCE, "a.png", "decoded")
    (data / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    refused(detection(data), SOURCE, "a.png", "decoded")


def test_results_that_cannot_be_written(data, tmp_path):
    refused(detection(data, "--json", tmp_path / "none" / "x.json"), OUTPUT, "x.json")
    (tmp_path / "file").touch()
    refused(detection(data, "--coco", tmp_path / "file"), OUTPUT, "ground_truth.json")


def test_unknown_models(data):
    refused(detection(data, "--models", "eagle"), MODEL, "eagle")


def tool(name, *arguments):
    return subprocess.run([sys.executable, TOOLS / name, *map(str, arguments)], capture_output=True, text=True)


def converted(*arguments):
    done = tool("convert.py", *arguments)
    assert done.returncode == 0, done.stderr
    out = next(a for a in arguments if getattr(a, "name", "") == "out")
    kind = "depth" if (out / "depth.jsonl").exists() else "detect"
    return out, [json.loads(line) for line in (out / f"{kind}.jsonl").read_text().splitlines()]


def grey(file, size=(64, 48)):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (90, 90, 90)).save(file)


@pytest.fixture
def coco(tmp_path):
    grey(tmp_path / "images" / "1.jpg")
    truth = {"images": [{"id": 9, "file_name": "1.jpg", "width": 64, "height": 48}],
             "categories": [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}],
             "annotations": [{"id": 1, "image_id": 9, "category_id": 18, "bbox": [4, 5, 20, 30], "iscrowd": 0},
                             {"id": 2, "image_id": 9, "category_id": 1, "bbox": [0, 0, 9, 9], "iscrowd": 1}]}
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    return tmp_path


@pytest.mark.parametrize("how", [[], ["--tar"]])
def test_coco_is_converted(coco, how):
    out, rows = converted("coco", coco / "truth.json", coco / "images", coco / "out", *how)
    assert json.loads((out / "classes.json").read_text()) == ["person", "dog"]
    assert rows == [{"file": "coco-val/1.jpg", "width": 64, "height": 48,
                     "boxes": [[1, 4, 5, 24, 35], [0, 0, 0, 9, 9]], "difficult": [0, 1],
                     "labelled_classes": [0, 1], "set": "coco", "split": "val"}]
    result = evaluate("detection", out, coco)
    assert result["per_class"]["dog"]["objects"] == 1 and "person" not in result["per_class"]
    again = tool("convert.py", "coco", coco / "truth.json", coco / "images", out)
    assert again.returncode != 0 and "--add" in again.stderr and again.stderr.count("\n") == 1
    converted("coco", coco / "truth.json", coco / "images", out, "--add", "--split", "train", *how)
    assert evaluate("detection", out, coco, "--split", "train")["images"] == 1


def test_voc_is_converted(tmp_path):
    voc = tmp_path / "VOC2007"
    grey(voc / "JPEGImages" / "000001.jpg")
    for folder in "ImageSets/Main", "Annotations":
        (voc / folder).mkdir(parents=True)
    (voc / "ImageSets" / "Main" / "test.txt").write_text("000001\n")
    thing = ("<object><name>{}</name><difficult>{}</difficult><bndbox><xmin>1</xmin><ymin>11</ymin>"
             "<xmax>64</xmax><ymax>48</ymax></bndbox></object>")
    (voc / "Annotations" / "000001.xml").write_text(
        "<annotation><size><width>64</width><height>48</height></size>"
        + thing.format("dog", 0) + thing.format("tvmonitor", 1) + "</annotation>")
    out, rows = converted("voc", voc, tmp_path / "out", "--image-set", "test", "--split", "test")
    assert rows[0]["boxes"] == [[11, 0, 10, 64, 48], [19, 0, 10, 64, 48]]
    assert rows[0]["difficult"] == [0, 1] and rows[0]["labelled_classes"] == list(range(20))
    assert evaluate("detection", out, tmp_path, "--split", "test")["per_class"]["dog"]["objects"] == 1


def depth_png(file, metres):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(metres * 1000, np.uint16)).save(file)


def test_7scenes_is_converted(tmp_path):
    """A dot of the depth camera lies nearer the middle in the colour camera, whose focal length is less."""
    scene = tmp_path / "seq-01"
    metres = np.full((48, 64), 65.535)
    metres[24, 30:34] = 3.0
    metres[24, 62] = 2.0
    for i in range(3):
        grey(scene / f"frame-{i:06}.color.png")
        depth_png(scene / f"frame-{i:06}.depth.png", metres)
    out, rows = converted("7scenes", scene, tmp_path / "out", "--focal", 50, "--depth-focal", 60, "--every", 2)
    assert [row["file"] for row in rows] == ["7scenes-val/seq-01-frame-000000.png", "7scenes-val/seq-01-frame-000002.png"]
    assert rows[0]["focal"] == 50 and (rows[0]["width"], rows[0]["height"]) == (64, 48)
    depth = np.array(Image.open(out / rows[0]["depth"]))
    # (62 - 31.5) * 50 / 60 + 31.5 = 56.9
    assert depth[24, 57] == 2000 and set(np.unique(depth)) == {0, 2000, 3000}


def test_scannet_is_converted(tmp_path):
    scene = tmp_path / "scene0000_00"
    for i in (0, 100, 20):
        grey(scene / "color" / f"{i}.jpg", (128, 96))
        depth_png(scene / "depth" / f"{i}.png", np.full((48, 64), 2.5))
    (scene / "intrinsic").mkdir()
    for name, focal, x, y in ("color", 120, 63.5, 47.5), ("depth", 60, 31.5, 23.5):
        (scene / "intrinsic" / f"intrinsic_{name}.txt").write_text(
            f"{focal} 0 {x} 0\n0 {focal} {y} 0\n0 0 1 0\n0 0 0 1\n")
    out, rows = converted("scannet", scene, tmp_path / "out")
    assert [row["depth"] for row in rows] == [f"scannet-val/scene0000_00-{i}-depth.png" for i in (0, 20, 100)]
    assert rows[0]["focal"] == 120 and (rows[0]["width"], rows[0]["height"]) == (128, 96)
    assert (np.array(Image.open(out / rows[0]["depth"])) == 2500).all(), "the cameras are the same"
    assert evaluate("depth", out, tmp_path)["images"] == 3


def test_converting_what_is_not_there(tmp_path):
    for arguments in (["coco", tmp_path / "none.json", tmp_path], ["voc", tmp_path], ["7scenes", tmp_path],
                      ["scannet", tmp_path]):
        done = tool("convert.py", *arguments, tmp_path / "out")
        assert done.returncode != 0 and done.stderr.startswith("convert.py: ") and done.stderr.count("\n") == 1


def test_plots_are_drawn(data, tmp_path):
    evaluate("detection", data, tmp_path)
    evaluate("depth", data, tmp_path)
    objects = [{"truth_m": 2.0, "distance_m": 2.2, "class": "chair"}, {"truth_m": 2.0, "distance_m": None, "class": "chair"}]
    heading = json.loads((tmp_path / "depth.json").read_text())
    (tmp_path / "distance.json").write_text(json.dumps(
        {**heading, "measured": "distance", "objects": objects, "median_error": 0.1, "p90_error": 0.1}))
    done = tool("plots.py", *(tmp_path / f"{n}.json" for n in ("detection", "depth", "distance")), "--out", tmp_path / "p")
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (tmp_path / "p").iterdir()) == [
        "depth-error.png", "depth-sigma.png", "distance-error.png", "distance-sigma.png", "reliability.png"]
    refused_one = tool("plots.py", data / "classes.json")
    assert refused_one.returncode != 0 and refused_one.stderr.count("\n") == 1
