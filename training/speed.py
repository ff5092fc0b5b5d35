#!/usr/bin/env python3
"""How fast batches are made and steps are taken, with pictures of noise in place of photographs.

    python speed.py CONFIG --initial PREFIX [--device D]

Prints pictures a second of the augmentation alone, and milliseconds of each part of a step.
"""

import argparse
import tomllib
from types import SimpleNamespace
from unittest import mock

import torch

import train
from lznet import augment, losses, pack
from lznet.network import CLASSES, SIZE, decode_boxes


def noise_photographs(count, device):
    maker = torch.Generator().manual_seed(1)
    corners = torch.rand(count, 40, 2, 2, generator=maker).sort(2).values * SIZE
    labels = torch.randint(len(CLASSES), (count, 40), generator=maker)
    # As in photographs: three boxes on average, many in a few.
    present = torch.rand(count, 40, generator=maker) < torch.rand(count, 1, generator=maker) ** 6 / 2
    photos = pack.Photographs(
        torch.randint(256, (count, 3, SIZE, SIZE), dtype=torch.uint8, generator=maker),
        corners.flatten(2), torch.where(present, labels, -1), torch.zeros(count, 40, dtype=torch.bool),
        torch.rand(count, len(CLASSES), generator=maker) < 0.3,
        torch.tensor([0.0, 52, SIZE, SIZE - 52]).expand(count, 4), torch.ones(count))
    return pack.Photographs(*(value.to(device) for value in vars(photos).values()))


def noise_depth(_folder, _split, _sets, device, _limit=None, size=pack.DEPTH_SIZE):
    maker = torch.Generator().manual_seed(2)
    return pack.DepthPhotographs(
        torch.randint(256, (64, 3, SIZE, SIZE), dtype=torch.uint8, generator=maker).to(device),
        (torch.rand(64, size, size, generator=maker) * 5 + 1).to(device),
        torch.full((64,), 350.0, device=device))


def clock(device, work, times):
    """Milliseconds of one `work()`."""
    work()
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(2)] if device.type == "cuda" else None
    begun = train.time.perf_counter()
    if marks:
        marks[0].record()
    for _ in range(times):
        work()
    if marks:
        marks[1].record()
        torch.cuda.synchronize()
        return marks[0].elapsed_time(marks[1]) / times
    return (train.time.perf_counter() - begun) * 1000 / times


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=train.pathlib.Path)
    parser.add_argument("--initial", required=True)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--times", type=int, default=20)
    args = parser.parse_args()
    config = tomllib.loads(args.config.read_text())
    device = torch.device(args.device)
    with (mock.patch.object(pack, "load_photographs", lambda *_: noise_photographs(512, device)),
          mock.patch.object(pack, "load_depth", noise_depth)):
        trainer = train.Trainer(SimpleNamespace(
            device=args.device, initial=args.initial, start=None, teacher=None, data=None, limit=None,
            run=None), config)
    detection, depth = config["detection"], config["depth"]

    def make_objects():
        return augment.detection_batch(trainer.photos, detection, config["fours"], trainer.dtype)

    def make_depth():
        return augment.depth_batch(trainer.indoors, depth, train.DEPTH_CELLS, trainer.dtype)

    objects, indoors = (clock(device, make, args.times) for make in (make_objects, make_depth))
    print(f"augmentation: objects {objects:.1f} ms for {detection}, depth {indoors:.1f} ms for {depth}: "
          f"{1000 * (detection + depth) / (objects + indoors):.0f} pictures/s", flush=True)
    batch, (turned, truth) = make_objects(), make_depth()
    pictures = torch.cat((batch.pictures, turned)).contiguous(memory_format=torch.channels_last)

    def forward():
        with trainer.autocast():
            return trainer.net(pictures.float())

    @torch.no_grad()
    def known():
        with trainer.autocast():
            return trainer.initial(pictures[:detection].float())

    def both():
        sum(output.float().mean() for output in forward()).backward()

    print(f"network: forward {clock(device, forward, args.times):.1f} ms, and backward "
          f"{clock(device, both, args.times):.1f} ms; initial network "
          f"{clock(device, known, args.times):.1f} ms", flush=True)
    logits, distances, _ = (output.detach().requires_grad_() for output in forward())
    scores, taught = known()

    def detection_loss():
        boxes = decode_boxes(distances[:detection], trainer.places, trainer.strides)
        terms = losses.detection_losses(logits[:detection], distances[:detection], boxes, batch,
                                        trainer.places, trainer.strides,
                                        (scores.float().sigmoid(), taught))
        sum(terms.values()).backward()

    print(f"losses of objects {clock(device, detection_loss, args.times):.1f} ms with "
          f"{batch.labels.shape[1]} boxes at most", flush=True)
    step = clock(device, trainer.one_step, args.times)
    print(f"step {step:.1f} ms: {1000 * (detection + depth) / step:.0f} pictures/s", flush=True)


if __name__ == "__main__":
    main()
