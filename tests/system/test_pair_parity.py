"""The pair YOLO12n and Depth Anything V2 small, exported by tools/export at full size and run by Lazarillo
with OpenVINO, against the same weights run by their makers' libraries with PyTorch (pair_parity.py), on
50 validation photographs.

What is compared on which terms:
- Boxes, of the program itself. Both enlarge the photographs (longer side 416) to a square of 640. Only
  Ultralytics' habit of cutting the padding short is off (rect=False): the exported network has one size.
- Depth, of the program's source, letterbox and network (tests/see/depth_peer.cpp): the program shows
  relative depth, in no unit, and writes none. transformers gets squares of the network's size, padded
  with grey as Lazarillo pads; by itself it would stretch, bicubically. So its resizing has no part in
  this: photographs cropped to 392 nobody resizes, whole ones are shrunk by area average, here in numpy.
- The weights are random, spread so that some thousand boxes pass 0.1: see pair_parity.py.
"""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import PROGRAM, ROOT, run
from test_detection_parity import found_again, iou

PYTHON = ROOT / ".venv-bench" / "bin" / "python"
EXPORT = ROOT / "tools" / "export" / "export.py"
PEER = Path(__file__).with_name("pair_parity.py")
DEPTH_PEER = PROGRAM.parent / "tests" / "see" / "depth_peer"
PHOTOGRAPHS = 50
SCORE_ERROR = 0.005
OVERLAP = 0.99
DEPTH_ERROR = 1e-3
# A box nearer to the threshold than scores may differ need not pass it on both sides.
SURE = 0.1 + SCORE_ERROR


def call(*arguments):
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def pair(shared, tmp_path_factory):
    if not PYTHON.exists():
        pytest.skip(".venv-bench is not here: make bench-setup")
    if not (shared / "data" / "detect.jsonl").exists():
        pytest.skip(f"{shared / 'data'} is not here")
    folder = tmp_path_factory.mktemp("pair") / "pair"
    call(PYTHON, PEER, "photographs", shared / "data", folder)
    call(PYTHON, PEER, "weights", folder)
    call(PYTHON, EXPORT, "yolo12n", "--weights", folder / "yolo12n.pt", "--out", folder)
    call(PYTHON, EXPORT, "dav2s", "--checkpoint", folder / "checkpoint", "--out", folder)
    call(PYTHON, PEER, "see", folder)
    return folder


def rounded_away(box, rows):
    """Whether `box` overlaps a better one of its class by the limit of the suppression, give or take what
    Ultralytics rounds: it shifts the boxes of class c by 7680 c pixels first, where float32 has steps of
    up to 1/16 pixel."""
    return any(abs(iou(box, row) - 0.7) < 0.002 for row in rows if row[5] == box[5] and row[4] > box[4])


def test_the_boxes_are_ultralytics_own(pair, tmp_path):
    labels = (ROOT / "models" / "labels" / "coco80.txt").read_text().split("\n")
    theirs = [[tuple(row) for row in rows] for rows in json.loads((pair / "boxes.json").read_text())]
    ours = []
    for photograph in sorted((pair / "whole").glob("*.png")):
        result = run(photograph, tmp_path / photograph.stem, "--fast", "--no-sound", "--no-video",
                     "--no-depth", "--models", pair / "yolo12n-dav2s.toml")
        assert result.code == 0, result.err
        assert len(result.frames) == 1 and result.frames[0]["looked_at"]
        ours.append([(*d["box"], d["score"], labels.index(d["label"]))
                     for d in result.frames[0]["detections"]])
    assert len(ours) == len(theirs) == PHOTOGRAPHS

    for name, these, others in ("Lazarillo", ours, theirs), ("Ultralytics", theirs, ours):
        overlaps, differences, edge, seen = [], [], 0, 0
        for rows, candidates in zip(these, others):
            sure = [row for row in rows if row[4] >= SURE]
            pairs = found_again(rows, candidates, SURE, least=OVERLAP)
            seen += bool(sure)
            for box, (overlap, difference) in zip(sure, pairs, strict=True):
                if overlap < OVERLAP and rounded_away(box, rows):
                    edge += 1
                    continue
                overlaps.append(overlap)
                differences.append(difference)
        print(f"{name}: {len(overlaps)} boxes of {seen} photographs; IoU at least {min(overlaps):.5f}, mean "
              f"{np.mean(overlaps):.6f}; scores differ by {max(differences):.6f} at most; left out as "
              f"rounded away: {edge}")
        assert len(overlaps) >= 1000 and seen >= 45, "too few to prove anything"
        assert min(overlaps) >= OVERLAP
        assert max(differences) <= SCORE_ERROR
        assert edge <= len(overlaps) / 1000

    # Else a network that looks at nothing would pass.
    alike = np.mean([overlap >= OVERLAP for i in range(PHOTOGRAPHS)
                     for overlap, _ in found_again(ours[i], theirs[i - 1], SURE, least=OVERLAP)])
    print(f"{alike:.2%} of them are also in the photograph before")
    assert alike < 0.01


def depth_maps(pair, kind, out):
    """Lazarillo's and transformers' maps of each photograph, and where the cells of Lazarillo's lie."""
    photographs = sorted((pair / kind).glob("*.png"))
    lines = call(DEPTH_PEER, pair / "yolo12n-dav2s.toml", out, *photographs).splitlines()
    for photograph, line in zip(photographs, lines, strict=True):
        grid = json.loads(line)
        ours = np.fromfile(out / f"{photograph.stem}.f32", np.float32)
        yield (ours.reshape(grid["height"], grid["width"]),
               np.load(pair / "depth" / kind / f"{photograph.stem}.npy"), grid, photograph)


def size_of(png):
    header = png.read_bytes()[16:24]
    return int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big")


def relative_error(ours, theirs):
    """Cell by cell. The network ends in a ReLU: where it gives less than a hundredth of the map's greatest
    value, the error counts as a part of that hundredth."""
    return np.abs(ours - theirs) / np.maximum(theirs, 0.01 * theirs.max())


def apart(maps):
    """How far each map is from the one before, as a part of its mean."""
    return [float(np.abs(a - b).mean() / a.mean()) for a, b in zip(maps[1:], maps)]


def test_the_depth_is_transformers_own(pair, tmp_path):
    worst, mean, maps = [], [], []
    for ours, theirs, grid, photograph in depth_maps(pair, "cropped", tmp_path):
        assert ours.shape == theirs.shape == (392, 392)
        # Pixel by pixel: cells are pixels, behind the padding.
        width, height = size_of(photograph)
        assert grid["scale"] == 1 and max(width, height) == 392
        assert grid["offset"] == [(392 - width) // 2, (392 - height) // 2]
        error = relative_error(ours, theirs)
        worst.append(error.max())
        mean.append(error.mean())
        maps.append(theirs)
    print(f"{len(worst)} maps; relative error {max(worst):.2e} at most, {np.mean(mean):.2e} on average; "
          f"one photograph from the next: at least {min(apart(maps)):.2f}; cells above 0: median "
          f"{np.median([(each > 0).mean() for each in maps]):.2f}")
    assert len(worst) == PHOTOGRAPHS
    assert max(worst) <= DEPTH_ERROR
    assert min(apart(maps)) > 100 * DEPTH_ERROR, "else any photograph would do"


def test_the_depth_of_whole_photographs_is_transformers_own(pair, tmp_path):
    """On average over a map: where a mean level is exactly a half, the shrinking of Lazarillo, in float32,
    rounds this way or that. One level more or less in a pixel moves single cells by more."""
    errors, worst = [], []
    for ours, theirs, _, _ in depth_maps(pair, "whole", tmp_path):
        errors.append(np.abs(ours - theirs).mean() / theirs.mean())
        worst.append(np.abs(ours - theirs).max() / np.ptp(theirs))
    print(f"{len(errors)} maps; mean error as a part of the mean: {max(errors):.2e} at most, median "
          f"{np.median(errors):.2e}; a single cell: {max(worst):.2e} of the map's range at most")
    assert len(errors) == PHOTOGRAPHS
    assert max(errors) <= DEPTH_ERROR
