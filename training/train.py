#!/usr/bin/env python3
"""Trains lznet from the initial weights.

    python train.py CONFIG --data DIR --initial PREFIX --run DIR [--seconds N] [--device D] [--limit N]

CONFIG is a file of configs/; PREFIX.param and PREFIX.bin are NanoDet-Plus-m's. Goes on by itself from
RUN/last.pt; RUN/average.pt holds the averaged weights, RUN/log.jsonl a line each 50 steps. Everything is
decoded once into the device's memory and augmented there. --stop ends this call early, to go on later.
"""

import argparse
import copy
import json
import math
import pathlib
import time
import tomllib

import torch

from lznet import augment, losses, pack
from lznet.ncnn import load_initial
from lznet.network import DOOR, FOCAL, LzNet, anchors, decode_boxes

DEPTH_CELLS = 104


def say(*words):
    print(f"[{time.monotonic() - BEGUN:6.0f} s]", *words, flush=True)


def parameter_groups(net, config):
    """The decoder learns faster than what is already good; biases and norms are not decayed."""
    groups = {}
    for name, parameter in net.named_parameters():
        if not parameter.requires_grad:
            continue
        new, plain = name.startswith("depth."), parameter.ndim < 2
        groups.setdefault((new, plain), []).append(parameter)
    return [{"params": parameters, "base": config["new_learning_rate" if new else "learning_rate"],
             "weight_decay": 0.0 if plain else config["weight_decay"]}
            for (new, plain), parameters in groups.items()]


def freeze_known(net):
    """Only what the initial network does not have is trained: depth, and the last layer's row for doors."""
    last = [tower[-1] for tower in net.head.towers]
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(name.startswith("depth."))
    for parameter in (p for layer in last for p in (layer.weight, layer.bias)):
        only_door = torch.zeros_like(parameter)
        only_door[DOOR] = 1
        parameter.requires_grad_(True).register_hook(lambda gradient, mask=only_door: gradient * mask)


class Average:
    """Weights averaged over steps; what is no number is copied."""

    def __init__(self, net, decay):
        self.net, self.decay, self.steps = copy.deepcopy(net).eval(), decay, 0

    @torch.no_grad()
    def update(self, net):
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        mine, theirs = self.net.state_dict(), net.state_dict()
        numbers = [k for k in mine if mine[k].is_floating_point()]
        # Not _foreach_lerp_: PyTorch 1.13 (Debian 12) has none.
        torch._foreach_mul_([mine[k] for k in numbers], decay)
        torch._foreach_add_([mine[k] for k in numbers], [theirs[k] for k in numbers], alpha=1 - decay)
        for key in mine:
            if not mine[key].is_floating_point():
                mine[key].copy_(theirs[key])


@torch.no_grad()
def check_depth(net, photos, autocast):
    """AbsRel, delta < 1.25 and the share of errors inside one sigma, means over pictures."""
    sums = torch.zeros(4, device=photos.focal.device)
    for begin in range(0, len(photos.focal), 40):
        part = slice(begin, begin + 40)
        with autocast():
            _, _, prediction = net(photos.pictures[part].float() / 255)
        prediction = prediction.float()
        for log_depth, log_sigma, truth, focal in zip(prediction[:, 0], prediction[:, 1],
                                                      photos.depth[part], photos.focal[part]):
            valid = (truth > 0.3) & (truth < 10)
            depth, truth = log_depth.exp()[valid] * focal / FOCAL, truth[valid]
            error = (depth - truth).abs()
            sums += torch.stack((
                (error / truth).mean(), (torch.maximum(depth / truth, truth / depth) < 1.25).float().mean(),
                (error < log_sigma.exp()[valid] * depth).float().mean(), torch.ones_like(focal)))
    return dict(zip(("absrel", "delta125", "inside_sigma"), (sums[:3] / sums[3]).tolist()))


class Trainer:
    def __init__(self, args, config):
        self.args, self.config = args, config
        self.device = torch.device(args.device)
        cuda = self.device.type == "cuda"
        self.dtype = torch.float16 if cuda else torch.float32
        self.autocast = lambda: torch.autocast(self.device.type, torch.bfloat16, enabled=cuda)
        torch.manual_seed(config["seed"])
        files = (f"{args.initial}.param", f"{args.initial}.bin")
        self.net = load_initial(LzNet(), *files).to(self.device, memory_format=torch.channels_last)
        self.initial = load_initial(LzNet(80, depth=False), *files).eval().to(
            self.device, memory_format=torch.channels_last)
        if args.start:
            self.net.load_state_dict(torch.load(args.start, map_location=self.device))
        if config.get("frozen"):
            freeze_known(self.net)
        self.teacher = None
        if args.teacher:
            self.teacher = LzNet().eval().to(self.device, memory_format=torch.channels_last)
            self.teacher.load_state_dict(torch.load(args.teacher, map_location=self.device))
        self.average = Average(self.net, config["average"])
        self.optimiser = torch.optim.AdamW(parameter_groups(self.net, config), lr=1e-4)
        self.places, self.strides = anchors(self.device)
        self.step, self.spent, self.history = 0, 0.0, []
        self.photos = pack.load_photographs(args.data, "train", config["photographs"], self.device,
                                            args.limit)
        self.indoors = pack.load_depth(args.data, "train", {"nyu"}, self.device, args.limit)
        self.checks = {name: pack.load_depth(args.data, "val", {name}, self.device, args.limit,
                                             DEPTH_CELLS) for name in ("nyu", "kitchen")}
        say(f"{len(self.photos.weight)} photographs with boxes, {len(self.indoors.focal)} with depth")

    def rate(self):
        done = min(1.0, self.spent / self.config["seconds"])
        return min(1.0, (self.step + 1) / self.config["warm_up_steps"]) * (
            0.5 + 0.5 * math.cos(math.pi * done))

    def one_step(self):
        config = self.config
        count = config["detection"]
        light = augment.Light(**config.get("light", {}))
        batch = augment.detection_batch(self.photos, count, config["fours"], self.dtype,
                                        config.get("turn_doors", 0.0), light)
        indoors, truth = augment.depth_batch(self.indoors, config["depth"], DEPTH_CELLS, self.dtype, light)
        pictures = torch.cat((batch.pictures, indoors)).contiguous(memory_format=torch.channels_last)
        with self.autocast():
            logits, distances, depth = self.net(pictures.float())
            with torch.no_grad():
                # Teachers see by day and in colour what is to be known in grey and at night, too.
                clear = batch.clear.float().contiguous(memory_format=torch.channels_last)
                known_logits, known_distances = self.initial(clear)
                doors = None
                if self.teacher:
                    doors = self.teacher.detect(clear)[0][..., DOOR].float().sigmoid()
        boxes = decode_boxes(distances[:count], self.places, self.strides)
        depth = depth.float()
        terms = losses.detection_losses(
            logits[:count], distances[:count], boxes, batch, self.places, self.strides,
            (known_logits.float().sigmoid(), known_distances), doors)
        if not config.get("mimic", True):
            terms = {name: term for name, term in terms.items() if not name.startswith("mimic")}
        terms |= losses.depth_losses(depth[count:], truth)
        terms |= losses.weak_losses(depth[:count], losses.weak_depth(batch, DEPTH_CELLS))
        loss = sum(terms.values())
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * self.rate()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
        # A step that overflowed is left out.
        if torch.isfinite(norm):
            self.optimiser.step()
            self.average.update(self.net)
        self.step += 1
        self.history.append(torch.stack([*(t.detach() for t in terms.values()), norm]))
        return [*terms, "gradient"]

    def report(self, names):
        means = torch.stack(self.history).nanmean(0).tolist()
        self.history.clear()
        line = {"step": self.step, "seconds": round(self.spent, 1), "rate": round(self.rate(), 4),
                **{name: round(value, 4) for name, value in zip(names, means)}}
        with open(self.args.run / "log.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")
        return line

    def save(self):
        torch.save({"net": self.net.state_dict(), "average": self.average.net.state_dict(),
                    "average_steps": self.average.steps, "optimiser": self.optimiser.state_dict(),
                    "step": self.step, "spent": self.spent}, self.args.run / "last.tmp")
        (self.args.run / "last.tmp").replace(self.args.run / "last.pt")
        torch.save(self.average.net.state_dict(), self.args.run / "average.pt")

    def resume(self):
        file = self.args.run / "last.pt"
        if not file.exists():
            return
        saved = torch.load(file, map_location=self.device)
        self.net.load_state_dict(saved["net"])
        self.average.net.load_state_dict(saved["average"])
        self.average.steps = saved["average_steps"]
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step, self.spent = saved["step"], saved["spent"]
        torch.manual_seed(self.config["seed"] + self.step)
        say(f"goes on at step {self.step}, {self.spent:.0f} s")

    def check(self):
        found = {name: check_depth(self.average.net, photos, self.autocast)
                 for name, photos in self.checks.items()}
        say("depth", json.dumps({k: {n: round(v, 4) for n, v in f.items()} for k, f in found.items()}))

    def run(self):
        self.resume()
        last, told, checked, mark = time.monotonic(), time.monotonic(), time.monotonic(), self.step
        while self.spent < self.config["seconds"]:
            names = self.one_step()
            now = time.monotonic()
            self.spent += now - last
            last = now
            if self.step % 50 == 0 or self.args.limit:
                line = self.report(names)
                if now - told > 20 or self.args.limit:
                    pictures = (self.step - mark) * (self.config["detection"] + self.config["depth"])
                    say(json.dumps(line), f"{pictures / max(now - told, 1e-3):.0f} pictures/s")
                    told, mark = now, self.step
            if now - checked > 120:
                self.check()
                self.save()
                checked = time.monotonic()
            if now - BEGUN > self.args.stop or self.step == self.args.steps:
                break
        self.check()
        self.save()
        say(f"ends at step {self.step}, {self.spent:.0f} s of {self.config['seconds']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=pathlib.Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--initial", required=True)
    parser.add_argument("--run", type=pathlib.Path, required=True)
    parser.add_argument("--start", help="weights of an earlier run to begin with")
    parser.add_argument("--teacher", help="weights that say where unlabelled photographs show doors")
    parser.add_argument("--seconds", type=float, help="of training in all, instead of the config's")
    parser.add_argument("--stop", type=float, default=math.inf, help="seconds after which this call ends")
    parser.add_argument("--steps", type=int, help="this call ends with this step")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--limit", type=int, help="photographs of each kind: a smoke test")
    parser.add_argument("--detection", type=int)
    parser.add_argument("--depth", type=int)
    args = parser.parse_args()
    config = tomllib.loads(args.config.read_text())
    for key in ("seconds", "detection", "depth"):
        if getattr(args, key) is not None:
            config[key] = getattr(args, key)
    args.run.mkdir(parents=True, exist_ok=True)
    Trainer(args, config).run()


BEGUN = time.monotonic()
if __name__ == "__main__":
    main()
