#!/usr/bin/env python3
"""The peer: a guide for the blind as it is usually built in Python, one frame after the other.

    python peer.py VIDEO --frames 300 --models .cache/models --json peer.json

Capture (OpenCV) -> enhance (CLAHE, gamma) -> YOLO12n (Ultralytics, PyTorch) -> on every 6th frame Depth
Anything V2 small (transformers, PyTorch) -> decide -> draw. Each library does its part as its own
documentation shows, with its own defaults, on the processor or, with --device cuda, on an NVIDIA card.
One thing is in its favour: Ultralytics leaves a core free and takes threads from OpenCV; here both get
every core. It says nothing aloud: sound would only make it slower. --models is a folder with a
yolo12n*.pt and a depth_anything_v2_small* checkpoint.
"""

import argparse
import json
import os
import pathlib
import sys
import time

os.environ.setdefault("YOLO_OFFLINE", "true")        # no telemetry, no downloads
os.environ.setdefault("YOLO_AUTOINSTALL", "false")
os.environ.setdefault("YOLO_CONFIG_DIR", sys.prefix)  # settings stay out of the home directory
os.environ.setdefault("HF_HUB_OFFLINE", "1")

DEPTH_EVERY = 6
COOLDOWN_S = 2.5
STAGES = ("capture", "enhance", "detect", "depth", "decide", "draw", "frame")


class Refused(Exception):
    """One line for the user."""


class Enhancer:
    """Evens out the light: CLAHE on the lightness, then gamma."""

    def __init__(self, gamma=1.2):
        self.clahe = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
        self.table = np.rint(255 * (np.arange(256) / 255) ** (1 / gamma)).astype(np.uint8)

    def __call__(self, frame):
        lab = cv2.cvtColor(frame, cv2.COLOR_BGR2LAB)
        lightness, a, b = cv2.split(lab)
        lab = cv2.merge((self.clahe.apply(lightness), a, b))
        return cv2.LUT(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR), self.table)


class Detector:
    def __init__(self, weights, device):
        from ultralytics import YOLO
        self.yolo = YOLO(weights)
        self.device = device
        self(np.zeros((480, 640, 3), np.uint8))  # sets up the predictor, which sets the threads

    def __call__(self, frame):
        """Rows x1 y1 x2 y2 score class."""
        result = self.yolo.predict(frame, imgsz=640, device=self.device, verbose=False)[0]
        return result.boxes.data.cpu().numpy()


class Depth:
    def __init__(self, checkpoint, device):
        from transformers import AutoImageProcessor, AutoModelForDepthEstimation
        from transformers.utils import logging
        logging.disable_progress_bar()
        self.processor = AutoImageProcessor.from_pretrained(checkpoint)
        self.model = AutoModelForDepthEstimation.from_pretrained(checkpoint).eval().to(device)
        self.device = device

    def __call__(self, frame):
        """Relative inverse depth from 0 to 255, as large as the frame."""
        inputs = self.processor(images=cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), return_tensors="pt")
        with torch.inference_mode():
            outputs = self.model(**inputs.to(self.device))
        depth = self.processor.post_process_depth_estimation(
            outputs, target_sizes=[frame.shape[:2]])[0]["predicted_depth"].cpu().numpy()
        return cv2.normalize(depth, None, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)


class Decision:
    """What would be said: the nearest thing of each class and zone that was not said just now."""

    def __init__(self):
        self.said = {}

    def __call__(self, boxes, depth, width, now):
        candidates = []
        for x1, y1, x2, y2, score, label in boxes:
            inside = depth[int(y1):int(y2), int(x1):int(x2)] if depth is not None else np.empty(0)
            near = float(np.median(inside)) / 255 if inside.size else 0.0
            zone = ("left", "ahead", "right")[min(2, int(3 * (x1 + x2) / 2 / width))]
            candidates.append((near, float(score), int(label), zone))
        for near, _, label, zone in sorted(candidates, reverse=True):
            if now - self.said.get((label, zone), -COOLDOWN_S) >= COOLDOWN_S:
                self.said[label, zone] = now
                return label, zone, "near" if near > 0.7 else "far"
        return None


def draw(frame, boxes, depth, names):
    """Boxes with labels, the depth map in colours mixed into the frame."""
    if depth is not None:
        frame = cv2.addWeighted(frame, 0.7, cv2.applyColorMap(depth, cv2.COLORMAP_INFERNO), 0.3, 0)
    for x1, y1, x2, y2, score, label in boxes:
        corner = int(x1), int(y1)
        cv2.rectangle(frame, corner, (int(x2), int(y2)), (0, 255, 0), 2)
        cv2.putText(frame, f"{names[int(label)]} {score:.2f}", corner, cv2.FONT_HERSHEY_SIMPLEX, 0.5,
                    (0, 255, 0), 1)
    return frame


def summary(milliseconds):
    p50, p95, p99 = np.percentile(milliseconds, (50, 95, 99))
    rounded = {"mean": np.mean(milliseconds), "p50": p50, "p95": p95, "p99": p99,
               "max": np.max(milliseconds)}
    return {**{key: round(float(value), 3) for key, value in rounded.items()}, "n": len(milliseconds)}


def run(args):
    if args.device == "cuda" and not torch.cuda.is_available():
        raise Refused("PyTorch finds no NVIDIA card: leave out --device cuda")
    video = cv2.VideoCapture(str(args.video))
    if not video.isOpened():
        raise Refused(f"'{args.video}' cannot be opened as a video")
    enhance, decide = Enhancer(), Decision()
    detect = Detector(found(args.models, "yolo12n*.pt"), args.device)
    see_depth = Depth(found(args.models, "depth_anything_v2_small*/config.json").parent, args.device)
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    times = {stage: [] for stage in STAGES}
    depth, boxes_seen = None, 0
    started = time.perf_counter()
    for number in range(args.warmup + args.frames):
        if number == args.warmup:
            times = {stage: [] for stage in STAGES}
            started, boxes_seen = time.perf_counter(), 0
        begin = last = time.perf_counter()

        def done(stage):
            nonlocal last
            now = time.perf_counter()
            times[stage].append(1e3 * (now - last))
            last = now

        good, frame = video.read()
        if not good:
            break
        done("capture")
        frame = enhance(frame)
        done("enhance")
        boxes = detect(frame)
        done("detect")
        if number % args.depth_every == 0:
            depth = see_depth(frame)
            done("depth")
        decide(boxes, depth, frame.shape[1], begin)
        done("decide")
        draw(frame, boxes, depth, detect.yolo.names)
        done("draw")
        times["frame"].append(1e3 * (last - begin))
        boxes_seen += len(boxes)
    seconds = time.perf_counter() - started
    frames = len(times["frame"])
    if frames < args.frames:
        raise Refused(f"'{args.video}' ended after {frames} frames of {args.frames}, "
                      f"and {args.warmup} to warm up")
    return {"fps": round(frames / seconds, 3), "frames": frames, "boxes": boxes_seen,
            "device": torch.cuda.get_device_name() if args.device == "cuda" else "cpu",
            "depth_every": args.depth_every, "threads": torch.get_num_threads(), "torch": torch.__version__,
            "ms": {stage: summary(values) for stage, values in times.items() if values}}


def found(folder, pattern):
    """Real weights before random ones."""
    files = sorted(folder.glob(pattern), key=lambda file: "-random" in str(file.relative_to(folder)))
    if not files:
        raise Refused(f"'{folder}' holds no {pattern}: scripts/setup_bench.sh makes it")
    return files[0]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=pathlib.Path)
    parser.add_argument("--frames", type=int, default=300, help="measured")
    parser.add_argument("--warmup", type=int, default=6, help="frames before, not measured")
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)),
                        help="of PyTorch and OpenCV; default: every core")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu",
                        help="where the networks run; default: cpu")
    parser.add_argument("--depth-every", type=int, default=DEPTH_EVERY,
                        help="frames from depth map to depth map; default: %(default)s")
    parser.add_argument("--json", type=pathlib.Path, help="write the result there")
    args = parser.parse_args()
    if min(args.frames, args.threads, args.depth_every) < 1 or args.warmup < 0:
        parser.error("--frames, --threads and --depth-every must be 1 or more, --warmup 0 or more")

    # Here, so that --help needs none of them.
    global cv2, np, torch
    try:
        import cv2
        import numpy as np
        import torch
        result = run(args)
        if args.json:
            args.json.write_text(json.dumps(result, indent=2) + "\n")
    except (Refused, OSError) as error:
        print(f"peer: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f"peer: Python package '{error.name}' is missing: scripts/setup_bench.sh", file=sys.stderr)
        return 2
    ms = result["ms"]["frame"]
    print(f"peer: {result['fps']:.2f} frames a second over {result['frames']} frames; a frame takes "
          f"{ms['mean']:.0f} ms (median {ms['p50']:.0f}, 95 % {ms['p95']:.0f}, at most {ms['max']:.0f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
