"""The boxes Lazarillo writes, against a second implementation: the same network file run by OpenVINO's
Python API, with the resizing, the decoding and the suppression written here again in numpy."""

import json
import subprocess

import numpy as np
import pytest

from area_average import area_weights
from conftest import ROOT, run

EVERY = 5          # frames compared: the second implementation is slow
SURE = 0.4         # score above which every box must be found again
FLOOR = 0.2        # score down to which its partner is looked for
OVERLAP = 0.95


def bgr_frames(video, width, height, every):
    """Every n-th picture of the video, decoded without any code of Lazarillo."""
    player = subprocess.Popen(
        ["gst-launch-1.0", "-q", "filesrc", f"location={video}", "!", "decodebin", "!", "videoconvert",
         "!", "video/x-raw,format=BGR", "!", "fdsink", "fd=1"], stdout=subprocess.PIPE)
    size = width * height * 3
    sequence = 0
    while len(raw := player.stdout.read(size)) == size:
        if sequence % every == 0:
            yield sequence, np.frombuffer(raw, np.uint8).reshape(height, width, 3)
        sequence += 1
    assert player.wait() == 0


class Reference:
    """One joint network, as its card describes it."""

    def __init__(self, card):
        openvino = pytest.importorskip("openvino")
        facts = json.loads(card.read_text())
        self.size = facts["input"]["shape"][3]
        self.classes = facts["classes"]
        self.iou = facts["suggested"]["nms_iou"]
        network = card.with_suffix(".onnx")
        self.network = openvino.Core().compile_model(
            str(network), "CPU", {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"})
        self.weights = {}

    def detect(self, bgr):
        """Rows x1 y1 x2 y2 score class in pixels of the picture, best score first."""
        height, width = bgr.shape[:2]
        scale = self.size / max(width, height)
        assert scale < 1, "written for pictures larger than the network's input"
        new_width, new_height = round(width * scale), round(height * scale)
        for pair in (width, new_width), (height, new_height):
            if pair not in self.weights:
                self.weights[pair] = area_weights(*pair).astype(np.float32)
        across, down = self.weights[width, new_width], self.weights[height, new_height]
        small = np.einsum("jx,yxc->yjc", across, bgr.astype(np.float32), optimize=True)
        small = np.einsum("iy,yjc->ijc", down, small, optimize=True)
        left, top = (self.size - new_width) // 2, (self.size - new_height) // 2
        canvas = np.full((self.size, self.size, 3), 114, np.float32)
        canvas[top:top + new_height, left:left + new_width] = np.rint(small)[..., ::-1]
        answer = self.network({0: np.ascontiguousarray(canvas.transpose(2, 0, 1)[None] / 255)})
        boxes, scores = np.array(answer["boxes"][0]), np.array(answer["scores"][0])

        best = scores.argmax(1)
        score = scores.max(1)
        order = [i for i in np.argsort(-score, kind="stable") if score[i] >= FLOOR]
        kept = []
        for i in order:
            same = [j for j in kept if best[j] == best[i]]
            if all(iou(boxes[i], boxes[j]) <= self.iou for j in same):
                kept.append(i)
        found = np.column_stack([boxes[kept], score[kept], best[kept]]).astype(np.float64)
        found[:, [0, 2]] = np.clip((found[:, [0, 2]] - left) * width / new_width, 0, width)
        found[:, [1, 3]] = np.clip((found[:, [1, 3]] - top) * height / new_height, 0, height)
        return found


def iou(a, b):
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0.0
    common = across * down
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def found_again(these, others, sure=SURE, least=0.0):
    """For each box of `these` with a score of `sure` or more the best overlap with a box of `others` of its
    class that no better box took, and the difference of the scores; one to one. Whose best overlap is
    under `least` takes none."""
    free = list(others)
    result = []
    for box in these:
        if box[4] < sure:
            continue
        rivals = [o for o in free if o[5] == box[5]]
        partner = max(rivals, key=lambda o: iou(box, o), default=None)
        if partner is None:
            result.append((0.0, 1.0))
            continue
        if iou(box, partner) >= least:
            free = [o for o in free if o is not partner]
        result.append((iou(box, partner), abs(box[4] - partner[4])))
    return result


def compare(frames, video, card):
    """`frames`: the frame lines of events.jsonl."""
    reference = Reference(card)
    written = {frame["sequence"]: frame for frame in frames}
    width, height = frames[0]["width"], frames[0]["height"]
    forth, back = [], []
    for sequence, picture in bgr_frames(video, width, height, EVERY):
        ours = [(*d["box"], d["score"], reference.classes.index(d["label"]))
                for d in written[sequence]["detections"] if d["score"] >= FLOOR]
        theirs = [tuple(row) for row in reference.detect(picture)]
        forth += found_again(ours, theirs)
        back += found_again(theirs, ours)
    for pairs in forth, back:
        overlap, difference = np.array(pairs).T
        print(f"{len(overlap)} boxes, {np.mean(overlap >= OVERLAP):.2%} with IoU >= {OVERLAP}, median "
              f"IoU {np.median(overlap):.4f}, median score difference {np.median(difference):.5f}")
        assert len(overlap) > 20, "too few boxes to compare"
        assert np.mean(overlap >= OVERLAP) >= 0.99
        assert np.median(difference) < 0.005


def test_the_shipped_network(street, vtest):
    compare(street.frames, vtest, ROOT / "models" / "lznet-v3.json")


def test_the_development_network(shared, vtest, tmp_path):
    card = shared / "models" / "lznet-dev.json"
    if not card.exists():
        pytest.skip(f"{card} is not here")
    result = run(vtest, tmp_path, "--fast", "--no-sound", "--no-video", "--models", card)
    assert result.code == 0, result.err
    compare(result.frames, vtest, card)
