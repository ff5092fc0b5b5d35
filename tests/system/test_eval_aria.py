"""`convert.py aria-twin` on the clip of Aria Digital Twin, and what is measured of it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from test_eval import evaluate
from test_eval_input import TOOLS, tool


def converted(shared, folder, *arguments):
    pytest.importorskip("projectaria_tools", reason="tools/eval/requirements-aria.txt is not installed")
    clip = shared / "media" / "aria" / "twin"
    if not clip.exists():
        pytest.skip(f"{clip} is not here")
    out = folder / "out"
    done = tool("convert.py", "aria-twin", clip, out, *arguments)
    assert done.returncode == 0, done.stderr
    return out, {kind: [json.loads(line) for line in (out / f"{kind}.jsonl").read_text().splitlines()]
                 for kind in ("depth", "detect")}


@pytest.fixture(scope="module")
def twin(shared, tmp_path_factory):
    return converted(shared, tmp_path_factory.mktemp("aria"))


def points(out, row):
    """Of every 4th pixel, in the camera frame."""
    depth = np.array(Image.open(out / row["depth"])).astype(float) / 1000
    v, u = np.mgrid[0:depth.shape[0]:4, 0:depth.shape[1]:4]
    z = depth[v, u]
    return np.stack([(u - (row["width"] - 1) / 2) / row["focal"] * z, (v - (row["height"] - 1) / 2) / row["focal"] * z,
                     z], -1)[z > 0]


def test_frames_with_depth_are_taken(twin):
    out, rows = twin
    assert len(rows["depth"]) == len(rows["detect"]) == 2
    for measured, labelled in zip(rows["depth"], rows["detect"]):
        assert measured["file"] == labelled["file"]
        assert Image.open(out / measured["file"]).size == (640, 640)


@pytest.mark.parametrize("camera, size", [("rgb", (1408, 1408)), ("slam-left", (480, 640)), ("slam-right", (480, 640))])
def test_what_lies_level_is_level_by_the_trajectory(shared, tmp_path, camera, size):
    """The straight depth map and the direction of down come from different files: the table's plane joins them.
    Depth that is wrongly straightened is no plane."""
    out, rows = converted(shared, tmp_path, "--camera", camera, "--as-run")
    assert [(row["width"], row["height"]) for row in rows["depth"]] == [size] * 2
    random = np.random.default_rng(1)
    for row in rows["depth"]:
        cloud, best = points(out, row), (0, None)
        cloud = cloud[np.linalg.norm(cloud, axis=1) < 1.2]  # of what is farther, walls may be larger
        for _ in range(500):
            a, b, c = cloud[random.choice(len(cloud), 3, replace=False)]
            normal = np.cross(b - a, c - a)
            normal /= np.linalg.norm(normal) + 1e-12
            on = (abs((cloud - a) @ normal) < 0.01).sum()
            best = max(best, (on, normal * np.sign(normal[1])), key=lambda pair: pair[0])
        assert best[0] > 0.2 * len(cloud)
        assert np.degrees(np.arccos(best[1] @ np.array(row["down"]))) < 2


def test_boxes_hold_their_things(twin):
    """The cup on the table stands out of it: what its box shows is nearer than what is around it on the same rows."""
    out, rows = twin
    names = json.loads((out / "classes.json").read_text())
    for measured, labelled in zip(rows["depth"], rows["detect"]):
        depth = np.array(Image.open(out / measured["depth"])).astype(float)
        boxes = [b[1:] for b in labelled["boxes"] if names[b[0]] == "cup"]
        x1, y1, x2, y2 = (int(round(v)) for v in max(boxes, key=lambda b: (b[2] - b[0]) * (b[3] - b[1])))
        top = slice(y1 + (y2 - y1) // 8, y1 + (y2 - y1) // 3)
        inside = np.median(depth[top, x1 + (x2 - x1) // 4:x2 - (x2 - x1) // 4])
        beside = np.median(np.concatenate([depth[top, x1 - 15:x1 - 3], depth[top, x2 + 3:x2 + 15]], 1))
        assert inside < beside - 20


def test_it_is_measured(twin, tmp_path):
    out, rows = twin
    assert evaluate("depth", out, tmp_path)["images"] == 2
    result = evaluate("distance", out, tmp_path)
    assert {o["class"] for o in result["objects"]} >= {"cup", "bowl"}
    assert all(o["labelled"] and 0.2 < o["truth_m"] < 4 for o in result["objects"])
    assert evaluate("ground", out, tmp_path)["images"] == 2


def test_grey_pictures_are_measured_too(shared, tmp_path):
    out, _ = converted(shared, tmp_path, "--camera", "slam-left", "--as-run")
    assert {o["class"] for o in evaluate("distance", out, tmp_path)["objects"]} >= {"cup", "door", "refrigerator"}


def test_without_its_package_one_line_says_so(tmp_path):
    """As on a machine where it was never installed."""
    hidden = tmp_path / "projectaria_tools"
    hidden.mkdir()
    (hidden / "__init__.py").write_text("raise ImportError('No module named projectaria_tools')")
    done = subprocess.run([sys.executable, TOOLS / "convert.py", "aria-twin", tmp_path, tmp_path / "out"],
                          capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin"})
    assert done.returncode != 0 and "requirements-aria.txt" in done.stderr and done.stderr.count("\n") == 1
