#!/usr/bin/env python3
"""The frame time on an RTX 2060, which nobody here has: computed from the networks' kernels (bench/layers.py),
the cards' data sheets and measurements on other cards (bench/rtx2060.toml).

    python bench/rtx2060.py                          # prints the tables
    python bench/rtx2060.py --write docs/rtx2060.md  # renews them between their marks
    python bench/rtx2060.py --check docs/rtx2060.md  # exit code 1 where the document is not in step

A kernel takes the longer of its arithmetic and its bytes, and what starting it costs:

    t = max(blocks' arithmetic / (e x tensor rate), bytes / (copy fraction x bandwidth)) + start

Products are cut into blocks of 64 x 64 results, each on one SM (multiprocessor); the last wave of blocks takes as long
as a full one, and a block at the edge as long as a whole. e and start are the only numbers that are fitted, to all
points of other cards at once, by least squares of the logarithms.
"""

import argparse
import math
import pathlib
import re
import sys
import textwrap
import tomllib

import layers
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
OWN = "rtx2060"
BEFORE = "h100"                     # the card our own kernels were timed on
EFFICIENCIES = np.arange(0.10, 0.90, 0.005)
STARTS_US = np.arange(0.0, 15.0, 0.1)
# Ways to count that were tried: block side, attention kept on the chip, part of the moves that are made, what fits
# the L2 cache costing nothing.
CHOSEN = {"block": 64, "fused": True, "moves": 0.0, "cached": False}
VARIANTS = {
    "as computed here": {},
    "blocks of 32 x 32": {"block": 32},
    "blocks of 128 x 128": {"block": 128},
    "attention written out and read again": {"fused": False},
    "every move of values a kernel": {"moves": 1.0},
    "what fits the L2 cache costs no bandwidth": {"cached": True},
}


class Table:
    """A network's kernels in columns."""

    def __init__(self, kernels):
        self.kind = np.array([kernel.kind for kernel in kernels])
        for name in layers.Layer._fields[1:]:
            setattr(self, name, np.array([getattr(kernel, name) for kernel in kernels], float))


class Model:
    def __init__(self, data, tables, **way):
        self.data, self.way = data, {**CHOSEN, **way}
        self.tables = {name: Table(kernels) for name, kernels in tables.items()}

    def parts(self, card, network, batch=1, half_rate=False):
        """Per kernel, seconds: arithmetic where all of the rate is reached, bytes, and how many starts it is."""
        told, t, way = self.data["cards"][card], self.tables[network], self.way
        attention, tensor = t.kind == "attention", np.isin(t.kind, ["tensor", "attention"])
        m, b = np.where(attention, t.m, t.m * batch), np.where(attention, t.b * batch, t.b)
        side, hz = way["block"], told["mhz"] * 1e6
        waves = np.ceil(b * np.ceil(m / side) * np.ceil(t.n / side) / told["sms"])
        rate = told["tensor"] * (told.get("fp32_accumulate", 1) if half_rate else 1)
        arithmetic = waves * 2 * side * side * 8 * np.ceil(t.k / 8) / (rate * hz)
        depthwise = 2 * b * m * t.n * t.k / (told["other"] * hz * told["sms"])
        arithmetic = np.where(tensor, arithmetic, np.where(t.kind == "depthwise", depthwise, 0))
        moved = (t.read + t.written) * batch
        starts = np.where(t.kind == "move", way["moves"], 1.0)
        if way["fused"]:  # one kernel of query x key, softmax and x value: the scores stay on the chip
            second = attention & (t.k > t.n)
            moved = moved - attention * layers.BYTES * b * m * np.maximum(t.n, t.k)
            moved, starts = np.where(t.kind == "softmax", 0, moved), np.where((t.kind == "softmax") | second, 0, starts)
        if way["cached"]:
            moved = np.where(moved < told["l2_mb"] * 1e6, 0, moved)
        moved = np.where(t.kind == "move", way["moves"], 1) * (moved + t.weights)
        return arithmetic, moved / (self.data["copy_fraction"] * told["gbps"] * 1e9), starts

    def ms(self, card, network, fit, batch=1, half_rate=False):
        """Of one picture."""
        arithmetic, moved, starts = self.parts(card, network, batch, half_rate)
        return 1e3 * (np.maximum(arithmetic / fit[0], moved).sum() + fit[1] * starts.sum()) / batch

    def work(self, point):
        """What a point measured: networks with their pictures a call, and ms of our kernels."""
        if "network" in point:
            return {point["network"]: point.get("batch", 1)}, 0.0
        frame = self.data["frames"][point["frame"]]
        own = sum(kernels_ms(self.data, point["card"], frame.get(which, {})) for which in ("kernels", "depth_kernels"))
        return {**frame["networks"], **frame.get("depth_networks", {})}, own

    def point_ms(self, point, fit, half_rate=False):
        """A network's time is of one picture, a frame's of all its pictures."""
        networks, own = self.work(point)
        pictures = {name: 1 if "network" in point else batch for name, batch in networks.items()}
        return own + sum(pictures[name] * self.ms(point["card"], name, fit, batch, half_rate) for name, batch in networks.items())

    def errors(self, points):
        """Logarithms of computed over measured: points x efficiencies x starts."""
        rows = []
        for point in points:
            at_once = np.array([self.point_ms(point, (e, 0.0)) for e in EFFICIENCIES])
            a_start = self.point_ms(point, (1.0, 1e-6)) - self.point_ms(point, (1.0, 0.0))  # ms for each us
            rows.append(np.log((at_once[:, None] + a_start * STARTS_US) / point["ms"]))
        return np.array(rows)

    def best(self, errors):
        """(efficiency, seconds a start) with the least squares."""
        one, two = np.unravel_index(np.square(errors).mean(axis=0).argmin(), errors.shape[1:])
        return float(EFFICIENCIES[one]), 1e-6 * float(STARTS_US[two]), float(np.sqrt(np.square(errors[:, one, two]).mean()))


def kernels_ms(data, card, counts, worst=False):
    """Our own kernels, carried over from the card they were timed on."""
    there, here = data["cards"][BEFORE], data["cards"][card]
    clock = there["mhz"] / here["mhz"]
    slower = {"bandwidth": there["gbps"] / here["gbps"], "clock": clock, "sms": clock * there["sms"] / here["sms"]}
    told = data["kernels"]
    return 1e-3 * sum(count * slower[told[name]["limit"]] * (told[name].get("worst_us", told[name]["us"]) if worst
                                                             else told[name]["us"]) for name, count in counts.items())


def encoder(tokens, attention=True):
    """DINOv2 small as Depth Anything V2 has it: 12 layers of width 384 with 6 heads, as bench/layers.py would list it."""
    width, heads, two = 384, 6, layers.BYTES
    line = two * tokens * width
    def product(n, k, more=0):  # more: lines of the residual
        return layers.Layer("tensor", 1, tokens, n, k, two * (k * n + n), two * tokens * (k + more * width), two * tokens * n)
    norm = layers.Layer("memory", 0, 0, 0, 0, 2 * two * width, line, line)
    scores = two * heads * tokens * tokens
    over = [layers.Layer("attention", heads, tokens, tokens, width // heads, 0, 2 * line, scores),
            layers.Layer("softmax", 0, 0, 0, 0, 0, scores, scores),
            layers.Layer("attention", heads, tokens, width // heads, tokens, 0, scores + line, line)]
    return 12 * [norm, *3 * [product(width, width)], *(over if attention else []), product(width, width, 1),
                 norm, product(4 * width, width), product(width, 4 * width, 1)]


class Estimate:
    """All that the tables say."""

    def __init__(self, data, tables):
        self.data, self.model = data, Model(data, tables)
        self.points = [p for p in data["points"] if p["card"] != OWN]
        self.own = [p for p in data["points"] if p["card"] == OWN]
        errors = self.model.errors(self.points)
        *self.fit, self.rms = self.model.best(errors)
        self.left_out = [self.model.point_ms(p, self.model.best(np.delete(errors, i, axis=0))[:2])
                         for i, p in enumerate(self.points)]
        self.worst = max(abs(math.log(ms / p["ms"])) for ms, p in zip(self.left_out, self.points))
        cards = np.array([p["card"] for p in self.points])
        self.without_card = {}  # card -> computed over measured of its points, fitted to the others'
        for card in dict.fromkeys(cards):
            fit = self.model.best(errors[cards != card])[:2]
            self.without_card[card] = [self.model.point_ms(p, fit) / p["ms"] for p in self.points if p["card"] == card]
        self.ratio, self.ratio_half = (
            math.exp(np.mean([math.log(p["ms"] / self.model.point_ms(p, self.fit, half)) for p in self.own]))
            for half in (False, True))

    def network(self, card, network, batch=1):
        """Low, expected, high, ms for one picture. Low: as calibrated on other cards. Expected: times what the card's
        own points took more. High: that, or sums in FP32 at half the rate where that is slower, and the worst miss
        of the calibration on top."""
        plain = self.model.ms(card, network, self.fit, batch)
        half = self.model.ms(card, network, self.fit, batch, half_rate=True)
        low, expected = sorted((plain, plain * self.ratio))
        return np.array([low, expected, max(expected, half) * math.exp(self.worst)])

    def frame(self, card, frame):
        """Of a frame without and with depth: low, expected, high."""
        told = self.data["frames"][frame]

        def sums(networks, kernels):
            own = [kernels_ms(self.data, card, kernels, worst) for worst in (False, False, True)]
            return sum((batch * self.network(card, name, batch) for name, batch in networks.items()), np.array(own))
        every = sums(told["networks"], told["kernels"])
        return every, every + sums(told.get("depth_networks", {}), told.get("depth_kernels", {}))


def markdown(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def three(values):
    return " / ".join(f"{value:.1f}" for value in values)


def blocks(data, tables):
    """Name -> text of every block of the document."""
    e = Estimate(data, tables)
    cards, budget, fit = data["cards"], data["budget_ms"], e.fit
    text = {}

    text["cards"] = markdown(
        ["card", "SMs", "MHz", "FP16 on tensor cores, TFLOPS", "other FP16", "GB/s", "L2, MB", "from"],
        [[c["name"], c["sms"], f"{c['mhz']:,}", f"{c['sms'] * c['mhz'] * c['tensor'] / 1e6:.1f}" +
          (f" (sums in FP32: {c['sms'] * c['mhz'] * c['tensor'] * c['fp32_accumulate'] / 1e6:.1f})" if "fp32_accumulate" in c else ""),
          f"{c['sms'] * c['mhz'] * c['other'] / 1e6:.1f}", f"{c['gbps']:,}", c["l2_mb"], c["source"]] for c in cards.values()])

    used = ["yolo12n", "dav2s", "lznet", "yolov8n"]

    def network_row(name):
        kernels = tables[name]
        arithmetic, moved, starts = e.model.parts(OWN, name)
        longer = arithmetic / fit[0] > moved
        small = np.array([k.kind in ("tensor", "attention") and k.b * math.ceil(k.m / 64) * math.ceil(k.n / 64) < cards[OWN]["sms"]
                          for k in kernels])
        return [name, f"{sum(map(layers.flops, kernels)) / 1e9:.2f}",
                f"{sum(layers.flops(k) for k in kernels if k.kind == 'depthwise') / 1e9:.2f}",
                f"{sum(layers.flops(k) for k in kernels if k.kind == 'attention') / 1e9:.2f}",
                f"{sum(k.weights for k in kernels) / 1e6:.1f}",
                f"{moved.sum() * data['copy_fraction'] * cards[OWN]['gbps'] * 1e3:.0f}", f"{starts.sum():.0f}", small.sum(),
                f"{1e3 * (arithmetic / fit[0])[longer].sum():.2f}", f"{1e3 * moved[~longer].sum():.2f}",
                f"{1e3 * fit[1] * starts.sum():.2f}"]
    text["networks"] = markdown(
        ["network", "GFLOPs", "of them depthwise", "attention", "weights, MB", "bytes moved, MB", "kernels",
         "products too small to fill 30 SMs", "ms where arithmetic is longer", "ms where bytes are", "ms of starting"],
        map(network_row, used))

    text["points"] = markdown(
        ["card", "network", "measured, ms", "computed", "error", "computed without this point", "error", "from"],
        [[cards[p["card"]]["name"], p.get("network") or f"frame: {p['frame']}", f"{p['ms']:.2f}", f"{one:.2f}", f"{100 * (one / p['ms'] - 1):+.0f} %",
          f"{two:.2f}", f"{100 * (two / p['ms'] - 1):+.0f} %", p["source"]]
         for p, one, two in zip(e.points, (e.model.point_ms(p, fit) for p in e.points), e.left_out)])
    text["fit"] = (
        f"Fitted to {len(e.points)} points: e = {fit[0]:.3f}, a start takes {1e6 * fit[1]:.1f} µs; root mean square error "
        f"{100 * e.rms:.0f} %. Leaving a point out, it is computed {100 * (math.exp(e.worst) - 1):.0f} % off at worst. Leaving a "
        "whole card out: " + "; ".join(
            f"{cards[card]['name']} {100 * (math.exp(np.mean(np.log(ratios))) - 1):+.0f} % ({len(ratios)} "
            f"point{'s' * (len(ratios) > 1)}, worst {100 * (max(ratios, key=lambda r: abs(math.log(r))) - 1):+.0f} %)"
            for card, ratios in e.without_card.items()) + ".")

    text["own"] = markdown(
        ["network", "pictures a call", "measured, ms a picture", "computed", "computed, sums in FP32", "from"],
        [[p["network"], p.get("batch", 1), f"{p['ms']:.2f}", f"{e.model.point_ms(p, fit):.2f}",
          f"{e.model.point_ms(p, fit, True):.2f}", p["source"]] for p in e.own]) + (
        f"\n\nMeasured is {e.ratio:.2f} times what is computed, and {e.ratio_half:.2f} times what is computed with sums in FP32. "
        "Brought to these points, the two ways say nearly the same of the pair's networks: " + " and ".join(
            f"{ratio * sum(e.model.ms(OWN, name, fit, half_rate=half) for name in ('yolo12n', 'dav2s')):.1f}"
            for ratio, half in ((e.ratio, False), (e.ratio_half, True))) + " ms.")

    c = data["encoder_check"]
    alone = [Model(data, {"encoder": encoder(c["tokens"], attention)}).ms(c["card"], "encoder", fit) for attention in (False, True)]
    text["encoder"] = (
        f"{c['name']} takes {c['ms']:.2f} ms on a {cards[c['card']]['name']} ({c['source']}). Its encoder alone, {c['tokens']} tokens, is "
        f"computed at {alone[0]:.2f} ms without any attention and {alone[1]:.2f} ms with all of it: "
        + ("more than the whole network takes. Vision transformers run better on Turing than is computed here."
           if alone[0] > c["ms"] else "the measured whole lies between, so the encoder runs somewhat better there than is computed here."
           if alone[1] > c["ms"] else "less than the whole network, as it must be."))

    def variant(name, way):
        model = Model(data, tables, **way)
        *other, rms = model.best(model.errors(e.points))
        return [name, f"{100 * rms:.0f} %", f"{other[0]:.3f}", f"{1e6 * other[1]:.1f}",
                *(f"{model.ms(OWN, n, other):.2f}" for n in ("yolo12n", "dav2s", "lznet"))]
    text["variants"] = markdown(["counted so", "root mean square error", "e", "µs a start", "YOLO12n, ms", "DAv2-S", "lznet"],
                                [variant(*each) for each in VARIANTS.items()])


    def own(frame):
        counts = [frame["kernels"], frame.get("depth_kernels", {})]
        return [sum(kernels_ms(data, OWN, each, worst) for each in counts) for worst in (False, False, True)]
    text["pieces"] = markdown(
        ["RTX 2060, ms", "low / expected / high"],
        [[name, three(e.network(OWN, name))] for name in ("yolo12n", "dav2s", "lznet")] +
        [[f"our kernels, {name}", three(own(data["frames"][name]))] for name in ("pair", "lznet")])

    def interval_rows(card):
        every, with_depth = e.frame(card, "pair")
        for n in data["intervals"]:
            mean = every + (with_depth - every) / n
            yield [cards[card]["name"], n, three(mean), three(with_depth), *(f"{1e3 / value:.0f}" for value in mean[1:]),
                   "yes" if with_depth[2] <= budget else "on average" if mean[2] <= budget
                   else "expected, not at worst" if with_depth[1] <= budget else "no"]
    text["intervals"] = markdown(
        ["card", "depth on every n-th frame", "mean ms a frame: low / expected / high", "ms of a frame with depth",
         "frames a second, expected", "at worst", f"fits {budget} ms"],
        [row for card in (OWN, "rtx2060-mobile") for row in interval_rows(card)])

    def least_interval(card, frame, which):
        """The least interval whose mean (1: expected, 2: high) is within the budget."""
        every, with_depth = e.frame(card, frame)
        left, depth = budget - every[which], (with_depth - every)[which]
        return math.ceil(depth / left) or 1 if left > 0 else None

    def other_row(card, frame):
        every, with_depth = e.frame(card, frame)
        if not data["frames"][frame].get("depth_networks"):
            fits = "yes" if every[2] <= budget else "expected" if every[1] <= budget else "no"
        else:
            least = [least_interval(card, frame, which) for which in (1, 2)]
            fits = ", ".join(f"{name}: {f'from interval {n}' if n else 'never'}" for name, n in zip(("expected", "high"), least))
        return [cards[card]["name"], data["frames"][frame]["name"], three(every), three(with_depth), fits]
    text["others"] = markdown(
        ["card", "frame", "ms without depth: low / expected / high", "with depth", f"fits {budget} ms on average"],
        [other_row(card, frame) for card in (OWN, "rtx2060-mobile") for frame in ("lznet", "lznet-3", "pair-3")])

    every, peer = e.frame(OWN, "pair")[1], data["peer"]["detector_ms"] + data["peer"]["depth_ms"]
    least = least_interval(OWN, "pair", 2)
    text["answer"] = (
        f"**Both networks on every frame: {every[1]:.1f} ms expected, {every[0]:.1f} to {every[2]:.1f} ms.** " + (
            f"That fits {budget} ms, at the high end too: `see.depth_interval = 1`." if every[2] <= budget else
            f"{'Expected, that fits' if every[1] <= budget else 'That does not fit'} {budget} ms; at the high end " +
            (f"`see.depth_interval = {least}` does, on average." if least else "no interval does.")) +
        f" lznet: {three(e.frame(OWN, 'lznet')[1])} ms (low / expected / high). The program this one replaces reports "
        f"{data['peer']['detector_ms']} + {data['peer']['depth_ms']} ms for its two networks on the same card: "
        f"{peer / every[1]:.1f} times the expected time, {peer / every[2]:.1f} times the high one.")

    def memory_row(name):
        kernels = tables[name]
        return [name, f"{sum(k.weights for k in kernels) / 1e6:.0f}", f"{max(k.read + k.written for k in kernels) / 1e6:.0f}",
                f"{sum(k.written for k in kernels) / 1e6:.0f}"]
    text["memory"] = markdown(["network, MB", "weights", "tensors of its largest kernel: at least", "all its tensors: at most"],
                              map(memory_row, ("yolo12n", "dav2s", "lznet")))

    d = data["decoder"]
    rate = d["streams"] * math.prod(d["stream"]) / d["decoders"]
    text["decoder"] = (
        f"The decoder is an engine of its own beside the SMs. One of this generation does {rate / 1e6:,.0f} million pixels a second "
        f"({d['source']}): {rate / math.prod(d['picture']):,.0f} pictures of {d['picture'][0]}x{d['picture'][1]} a second, "
        f"{1e3 * math.prod(d['picture']) / rate:.1f} ms each, beside the networks and not before them. What it writes, "
        f"{math.prod(d['picture']) * 1.5 * 60 / 1e9:.2f} GB/s at 60 frames a second, is {100 * math.prod(d['picture']) * 1.5 * 60 / (cards[OWN]['gbps'] * 1e9):.2f} % "
        "of the bandwidth.")
    return text


def renew(document, texts):
    """The document with every marked block filled in."""
    for name, text in texts.items():
        begin, end = f"<!-- rtx2060.py: {name} -->", f"<!-- end of {name} -->"
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        if len(pattern.findall(document)) != 1:
            raise ValueError(f"there must be one '{begin}' ... '{end}'")
        text = "\n".join(line if line.startswith("|") else textwrap.fill(line, 120) for line in text.split("\n"))
        document = pattern.sub(lambda _, text=text: f"{begin}\n\n{text}\n\n{end}", document)
    return document


def load(settings=HERE / "rtx2060.toml", table=HERE / "rtx2060-layers.csv"):
    data = tomllib.loads(settings.read_text())
    return data, layers.read_table(table)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=pathlib.Path, metavar="FILE", help="renew the marked tables of this document")
    parser.add_argument("--check", type=pathlib.Path, metavar="FILE", help="only tell whether they are in step")
    args = parser.parse_args(arguments)
    data, networks = load()
    texts = blocks(data, networks)
    document = args.write or args.check
    if document is None:
        print("\n\n".join(f"[{name}]\n{text}" for name, text in texts.items()))
        return 0
    try:
        old = document.read_text()
        new = renew(old, texts)
    except (OSError, ValueError) as error:
        print(f"rtx2060: '{document}': {error}", file=sys.stderr)
        return 1
    if args.check and old != new:
        print(f"rtx2060: '{document}' is not what the script gives: run it with --write", file=sys.stderr)
        return 1
    if args.write:
        document.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
