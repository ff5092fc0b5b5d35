#!/usr/bin/env python3
"""Exports YOLO12n and Depth Anything V2 small as ONNX, with the manifest of the set they make.

    python export.py yolo12n --random --seed 1 --size 640 --out models
    python export.py dav2s --checkpoint Depth-Anything-V2-Small-hf --size 392 --out models

A network is checked after its export: OpenVINO must compute from the file what PyTorch computes from
the module. README.md beside this file says what random weights are good for, and whose licence holds.
"""

import argparse
import copy
import hashlib
import json
import os
import pathlib
import re
import sys
import warnings

os.environ.setdefault("YOLO_OFFLINE", "true")        # no telemetry, no downloads
os.environ.setdefault("YOLO_AUTOINSTALL", "false")
os.environ.setdefault("YOLO_CONFIG_DIR", sys.prefix)  # settings stay out of the home directory
os.environ.setdefault("HF_HUB_OFFLINE", "1")

OPSET = 17
KEY = "lazarillo"  # of the ONNX metadata that holds the network's table of the manifest
TABLES = {"yolo12n": "detector", "dav2s": "depth"}
STEMS = {"yolo12n": "yolo12n", "dav2s": "depth_anything_v2_small"}
LICENCES = {"yolo12n": "AGPL-3.0", "dav2s": "Depth Anything V2 small: Apache-2.0"}
SUFFIXES = {"-random": "random weights: to measure speed with, it sees nothing",
            "": "exported with tools/export"}
# Largest difference from PyTorch: pixels of a box; a part of the depth map's range. FP16 has 11 bits.
LIMITS = {("yolo12n", False): 0.05, ("yolo12n", True): 4.0,
          ("dav2s", False): 1e-3, ("dav2s", True): 3e-2}
SCORE_LIMIT = {False: 1e-4, True: 2e-2}


class Refused(Exception):
    """One line for the user."""


def pictures(count, size, seed):
    """Random pictures, count x 3 x size x size, 0..1: patches and slopes of every scale, in colour, from
    dull to harsh and from dark to bright."""
    import torch
    drawn = torch.Generator().manual_seed(seed)

    def rand(*shape):
        return torch.rand(shape, generator=drawn)

    def picture():
        total = torch.zeros(1, 3, size, size)
        for cells in 2, 8, 32, 128, size:
            octave = 0.3 * rand(1, 3, cells, cells) + 0.7 * rand(1, 1, cells, cells)
            mode = "nearest" if rand(1) < 0.5 else "bilinear"
            total += rand(1) ** 2 * torch.nn.functional.interpolate(octave, (size, size), mode=mode)
        total = (total - total.min()) / (total.max() - total.min())
        return total ** (0.3 + 2 * rand(1))

    return torch.cat([picture() for _ in range(count)])


def random_yolo(size, seed):
    """YOLO12n from its description. Its batch normalisations are settled on random pictures: as they
    come, the activations fade from layer to layer and no output depends on the picture. A gain of 1
    would be chaotic (noise of 1e-6 moves boxes by 70 px), and one of 0.3 explodes on pictures of
    another contrast; with 0.1 real and random pictures move boxes by up to a pixel."""
    import torch
    from ultralytics import YOLO
    torch.manual_seed(seed)
    yolo = YOLO("yolo12n.yaml")
    norms = [m for m in yolo.model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    kept = [m.momentum for m in norms]
    for norm in norms:
        torch.nn.init.constant_(norm.weight, 0.1)
        norm.momentum = None  # the plain average over all batches
    yolo.model.train()
    with torch.no_grad():
        for batch in pictures(8, size, seed).split(4):
            yolo.model(batch)
    for norm, momentum in zip(norms, kept):
        norm.momentum = momentum
    yolo.model.eval()
    return yolo


def random_depth(seed):
    """Depth Anything V2 small as its published configuration has it. The convolutions of neck and
    head get the initialisation of He et al. (2015), which keeps the size of the activations, and the
    last bias 1: else the final ReLU leaves a map that is almost everywhere 0."""
    import torch
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config
    torch.manual_seed(seed)
    backbone = Dinov2Config(
        hidden_size=384, num_hidden_layers=12, num_attention_heads=6, image_size=518, patch_size=14,
        out_indices=[3, 6, 9, 12], apply_layernorm=True, reshape_hidden_states=False)
    model = DepthAnythingForDepthEstimation(DepthAnythingConfig(
        backbone_config=backbone, patch_size=14, reassemble_hidden_size=384,
        reassemble_factors=[4, 2, 1, 0.5], neck_hidden_sizes=[48, 96, 192, 384], fusion_hidden_size=64,
        head_in_index=-1, head_hidden_size=32, depth_estimation_type="relative"))
    for part in model.neck, model.head:
        for module in part.modules():
            if isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
                torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    torch.nn.init.ones_(model.head.conv3.bias)
    return model.eval()


def depth_processor(size):
    """The published preprocessing, at the size of the export."""
    from transformers import DPTImageProcessor
    return DPTImageProcessor(
        do_resize=True, size={"height": size, "width": size}, ensure_multiple_of=14,
        keep_aspect_ratio=False, resample=3, do_rescale=True, rescale_factor=1 / 255, do_normalize=True,
        image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225], do_pad=False)


def load_yolo(args):
    """The module to export and its part of the manifest."""
    from ultralytics import YOLO
    weights = args.weights
    if args.random:  # read back what was saved, which is rounded to FP16: the peer uses the same
        weights = args.out / f"{args.stem}.pt"
        random_yolo(args.size, args.seed).save(weights)
    yolo = YOLO(weights)
    if yolo.task != "detect" or getattr(yolo.model, "end2end", False):
        raise Refused(f"'{weights}' is no plain detector (task {yolo.task})")
    module = yolo.model.float().eval()
    module.fuse(verbose=False)
    head = module.model[-1]
    head.export, head.format = True, "onnx"  # one output, 1x(4+C)xN, instead of a training tuple
    names = list(yolo.names.values())
    labels = "coco80" if args.random or names == coco_labels() else names
    return module, {
        "input": {"width": args.size, "height": args.size}, "labels": labels,
        "contract": "ultralytics", "score_threshold": 0.25, "nms_iou": 0.7}


def coco_labels():
    file = pathlib.Path(__file__).parents[2] / "models" / "labels" / "coco80.txt"
    return file.read_text().split("\n")[:80] if file.exists() else []


def load_depth(args):
    from transformers import DepthAnythingForDepthEstimation
    from transformers.utils import logging
    logging.disable_progress_bar()
    if args.random:
        model = random_depth(args.seed)
        model.save_pretrained(args.out / args.stem)
        depth_processor(args.size).save_pretrained(args.out / args.stem)
    else:
        model = DepthAnythingForDepthEstimation.from_pretrained(args.checkpoint).float().eval()
    if model.config.depth_estimation_type != "relative":
        raise Refused(f"'{args.checkpoint}' gives metres: only the relative models are exported")
    return model, {
        "input": {"width": args.size, "height": args.size,
                  "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        "contract": "relative_inverse"}


def write_onnx(module, args, file):
    """Input and output are float in every case: with --half only what lies between is FP16."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.module = copy.deepcopy(module).half() if args.half else module

        def forward(self, image):
            answer = self.module(image.half() if args.half else image)
            return (answer.predicted_depth if hasattr(answer, "predicted_depth") else answer).float()

    dynamic = args.batch == "dynamic"
    batch = 1 if dynamic else int(args.batch)
    output = "output0" if args.network == "yolo12n" else "depth"
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's, that sizes become constants: they are meant to
        torch.onnx.export(
            Network().eval(), (torch.rand(batch, 3, args.size, args.size),), str(file),
            opset_version=OPSET, input_names=["images"], output_names=[output], dynamo=False,
            dynamic_axes={"images": {0: "batch"}, output: {0: "batch"}} if dynamic else None)


def describe(file, table):
    """Notes the table inside the file, so that the other network's export can write the pair."""
    import onnx
    model = onnx.load(str(file))
    onnx.helper.set_model_props(model, {KEY: json.dumps(table)})
    onnx.save(model, str(file))


def check(module, args, file):
    """OpenVINO on the file against PyTorch on the module, three random pictures. Returns a line."""
    import numpy as np
    import openvino
    import torch
    core = openvino.Core()
    model = core.read_model(str(file))
    # Traced with one picture: if anything but the batch size were frozen with it, two would not fit.
    model.reshape([2 if args.batch == "dynamic" else int(args.batch), 3, args.size, args.size])
    network = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    batch = network.input(0).shape[0]
    worst = score = best = 0.0
    strong = 0
    for picture in pictures(3, args.size, args.seed + 100):
        images = picture[None].expand(batch, -1, -1, -1).contiguous()
        if args.network == "dav2s":
            images = (images - 0.45) / 0.226
        with torch.inference_mode():
            wanted = module(images)
        wanted = getattr(wanted, "predicted_depth", wanted).numpy()
        got = network(images.numpy())[0]
        if got.shape != wanted.shape or not np.isfinite(got).all():
            raise Refused(f"'{file.name}' gives {got.shape} in OpenVINO, {wanted.shape} in PyTorch")
        if args.network == "yolo12n":
            worst = max(worst, np.abs(got[:, :4] - wanted[:, :4]).max())
            score = max(score, np.abs(got[:, 4:] - wanted[:, 4:]).max())
            best = max(best, wanted[:, 4:].max())
            strong = max(strong, int((wanted[0, 4:].max(0) >= 0.1).sum()))
        else:
            worst = max(worst, np.abs(got - wanted).max() / np.ptp(wanted))
    limit = LIMITS[args.network, args.half]
    if worst > limit or score > SCORE_LIMIT[args.half]:
        raise Refused(f"'{file.name}' computes something else in OpenVINO than in PyTorch: error "
                      f"{worst:.2g} (limit {limit:g}), of scores {score:.2g}")
    if args.network == "dav2s":
        return f"depth differs from PyTorch by {worst:.1e} of its range at most"
    return (f"boxes differ from PyTorch by {worst:.1e} px, scores by {score:.1e} at most; best score "
            f"{best:.2g}, anchors with 0.1 or more: {strong}")


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)  # strings, numbers and lists are written alike in both


def write_manifests(folder, detector):
    """The sets of what lies in the folder, with the detector of this name; random networks and real
    ones are never mixed. A depth network alone is no set. Yields the largest of each kind."""
    import onnx
    names = {"yolo12n": detector, "dav2s": "dav2s"}
    licences = {**LICENCES, "yolo12n": f"{detector}: {LICENCES['yolo12n']}"}
    for suffix, what in SUFFIXES.items():
        tables = {}
        for network, stem in {**STEMS, "yolo12n": detector}.items():
            file = folder / f"{stem}{suffix}.onnx"
            if not file.exists():
                continue
            props = {p.key: p.value for p in onnx.load(str(file)).metadata_props}
            if KEY in props:
                tables[network] = {"file": file.name,
                                   "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                                   **json.loads(props[KEY])}
        if "yolo12n" not in tables:
            continue
        for networks in ["yolo12n"], list(tables):
            manifest = folder / f"{'-'.join(names[n] for n in networks)}{suffix}.toml"
            lines = [f'description = "{what}"',
                     f'licence = "{", ".join(licences[network] for network in networks)}"']
            for network in networks:
                lines += ["", f"[{TABLES[network]}]"]
                lines += [f"{key} = {toml(value)}" for key, value in tables[network].items()]
            manifest.write_text("\n".join(lines) + "\n")
        yield manifest


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=TABLES)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--random", action="store_true", help="random weights")
    source.add_argument("--weights", type=pathlib.Path, help="yolo12n: the .pt file")
    source.add_argument("--checkpoint", type=pathlib.Path, help="dav2s: folder with config.json")
    parser.add_argument("--seed", type=int, default=1, help="of the random weights")
    parser.add_argument("--size", type=int, help="of the input; default 640 (yolo12n), 392 (dav2s)")
    parser.add_argument("--batch", default="1",
                        help="a number, or 'dynamic'; Lazarillo's sets need 1 or 'dynamic'")
    parser.add_argument("--half", action="store_true", help="FP16 inside; input and output stay float")
    parser.add_argument("--name", default="yolo12n",
                        help="yolo12n: what another detector's set and file are called")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder")
    args = parser.parse_args(arguments)

    args.size = args.size or {"yolo12n": 640, "dav2s": 392}[args.network]
    multiple = {"yolo12n": 32, "dav2s": 14}[args.network]
    if args.size <= 0 or args.size % multiple:
        parser.error(f"--size {args.size}: {args.network} needs a multiple of {multiple}")
    if args.batch != "dynamic" and not (args.batch.isdigit() and int(args.batch) > 0):
        parser.error(f"--batch {args.batch}: must be a number from 1, or 'dynamic'")
    given, other = args.weights, args.checkpoint
    if args.network == "dav2s":
        given, other = other, given
    if other is not None:
        parser.error(f"{args.network} takes {'--weights' if args.network == 'yolo12n' else '--checkpoint'}")
    if given is not None and not given.exists():
        parser.error(f"'{given}' is not there")
    if args.weights is not None and args.weights.suffix != ".pt":
        parser.error(f"'{args.weights}' is no .pt file")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", args.name):
        parser.error(f"--name '{args.name}': letters, digits, '-', '_' and '.'")
    stem = args.name if args.network == "yolo12n" else STEMS[args.network]
    args.stem = stem + ("-random" if args.random else "")
    return args


def main(arguments=None):
    args = parse(arguments)
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        file = args.out / f"{args.stem}.onnx"
        module, table = (load_yolo if args.network == "yolo12n" else load_depth)(args)
        # Written under another name first: a file that fails its check never looks like a good one.
        unchecked = file.with_suffix(".part.onnx")
        write_onnx(module, args, unchecked)
        describe(unchecked, table)
        line = check(module, args, unchecked)
        unchecked.replace(file)
        print(f"{file}: {file.stat().st_size / 1e6:.0f} MB; {line}")
        for manifest in write_manifests(args.out, args.name):
            print(f"{manifest}: --models takes it")
    except (Refused, OSError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f"export: Python package '{error.name}' is missing: scripts/setup_bench.sh", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
