#!/usr/bin/env python3
"""How much of what the initial network sees a trained one still sees, of the classes no photograph is
labelled for.

    python forgotten.py WEIGHTS.pt... --data DIR --initial PREFIX

Over the validation photographs, the 60 classes that are not VOC's: what the initial network finds with 0.4
or more and the other with 0.3 or more (IoU >= 0.5), and the other way round.
"""

import argparse

import numpy as np
import torch

import evaluate
from lznet import pack
from lznet.ncnn import load_initial
from lznet.network import COCO, LzNet, anchors, decode_boxes

SURE, AGREES, OVERLAP = 0.4, 0.3, 0.5


class Finder:
    def __init__(self, net, unlabelled):
        self.net, self.unlabelled = net.eval(), unlabelled
        self.places, self.strides = anchors()

    @torch.no_grad()
    def __call__(self, picture):
        logits, distances = self.net.detect(torch.from_numpy(pack.network_input(picture, len(picture))))
        scores = logits[0].sigmoid().numpy()[:, :len(COCO)] * self.unlabelled
        return evaluate.suppress(decode_boxes(distances, self.places, self.strides)[0].numpy(), scores)


def found_again(these, others):
    """Of the sure ones of `these`: how many, and how many of them `others` have, too."""
    sure, rivals = these[these[:, 4] >= SURE], others[others[:, 4] >= AGREES]
    again = 0
    for box in sure:
        same = rivals[rivals[:, 5] == box[5]]
        again += bool((evaluate.overlaps(box[:4], same[:, :4]) >= OVERLAP).any())
    return np.array([len(sure), again])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", nargs="+")
    parser.add_argument("--data", required=True)
    parser.add_argument("--initial", required=True)
    args = parser.parse_args()
    labelled = set(pack.class_columns(args.data))
    unlabelled = np.array([c not in labelled for c in range(len(COCO))], np.float32)
    initial = load_initial(LzNet(80, depth=False), f"{args.initial}.param", f"{args.initial}.bin")
    rows = pack.read_rows(args.data, "detect", "val")
    files = pack.read_files(args.data, {row["file"] for row in rows})
    pictures = [pack.canvas(files[row["file"]]) for row in rows]
    first = [Finder(initial, unlabelled)(picture) for picture in pictures]
    for weights in args.weights:
        net = LzNet()
        net.load_state_dict(torch.load(weights, map_location="cpu"))
        finder = Finder(net, unlabelled)
        kept, invented = np.zeros(2), np.zeros(2)
        for picture, before in zip(pictures, first):
            now = finder(picture)
            kept += found_again(before, now)
            invented += found_again(now, before)
        print(f"{weights}: of {kept[0]:.0f} still found {kept[1] / kept[0]:.3f}; of {invented[0]:.0f} now "
              f"found {1 - invented[1] / invented[0]:.3f} are new", flush=True)


if __name__ == "__main__":
    main()
