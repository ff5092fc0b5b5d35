#!/usr/bin/env python3
"""The frame time on an RTX 2060, which nobody here has: the texts of docs/rtx2060.md, computed by bench/roofline.py.

    python bench/rtx2060.py                          # prints them
    python bench/rtx2060.py --write docs/rtx2060.md  # renews them between their marks
    python bench/rtx2060.py --check docs/rtx2060.md  # exit code 1 where the document is not in step
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
from roofline import CHOSEN, OWN, Estimate, Model, encoder, kernels_ms

HERE = pathlib.Path(__file__).resolve().parent
CARDS = (OWN, "rtx2060-mobile")     # that frames are computed for
PAIR = ("yolo12n", "dav2s")
USED = (*PAIR, "lznet")
EXPECTED, HIGH = 1, 2               # of low, expected, high
VARIANTS = {
    "as computed here": {},
    "blocks of 32 x 32": {"block": 32},
    "blocks of 128 x 128": {"block": 128},
    "attention written out and read again": {"fused": False},
    "every move of values a kernel": {"moves": 1.0},
    "what fits the L2 cache costs no bandwidth": {"cached": True},
}


def markdown(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def three(values):
    return " / ".join(f"{value:.1f}" for value in values)


def percent(ratio):
    return f"{100 * (ratio - 1):+.0f} %"


def name_of(e, card):
    return e.data["cards"][card]["name"]


def least_interval(e, card, frame, which):
    """The least interval of depth with which the mean frame is within the budget, or None."""
    every, with_depth = e.frame(card, frame)
    left, depth = e.data["budget_ms"] - every[which], (with_depth - every)[which]
    return max(1, math.ceil(depth / left)) if left > 0 else None


def answer(e):
    budget, peer = e.data["budget_ms"], e.data["peer"]
    every = e.frame(OWN, "pair")[1]
    least = least_interval(e, OWN, "pair", HIGH)
    if every[HIGH] <= budget:
        verdict = f"That fits {budget} ms, at the high end too: `see.depth_interval = 1`."
    else:
        high = f"`see.depth_interval = {least}` does, on average" if least else "no interval does"
        expected = "As expected, that fits" if every[EXPECTED] <= budget else "That does not fit"
        verdict = f"{expected} {budget} ms; at the high end {high}."
    theirs = peer["detector_ms"] + peer["depth_ms"]
    return (
        f"**Both networks on every frame: {every[EXPECTED]:.1f} ms expected, {every[0]:.1f} to {every[HIGH]:.1f} ms.** "
        f"{verdict} lznet: {three(e.frame(OWN, 'lznet')[1])} ms (low / expected / high). The program this one "
        f"replaces reports {peer['detector_ms']} + {peer['depth_ms']} ms for its two networks on the same card: "
        f"{theirs / every[EXPECTED]:.1f} times the expected time, {theirs / every[HIGH]:.1f} times the high one.")


def cards(e):
    def row(card):
        tensor, other = (card["sms"] * card["mhz"] * card[unit] / 1e6 for unit in ("tensor", "other"))
        half = f" (sums in FP32: {tensor * card['fp32_accumulate']:.1f})" if "fp32_accumulate" in card else ""
        return [card["name"], card["sms"], f"{card['mhz']:,}", f"{tensor:.1f}{half}", f"{other:.1f}",
                f"{card['gbps']:,}", card["l2_mb"], card["source"]]
    return markdown(["card", "SMs", "MHz", "FP16 on tensor cores, TFLOPS", "other FP16", "GB/s", "L2, MB", "from"],
                    map(row, e.data["cards"].values()))


def networks(e):
    card, side = e.data["cards"][OWN], CHOSEN["block"]

    def row(name):
        kernels = e.networks[name]
        arithmetic, moved, starts = e.model.parts(OWN, name)
        arithmetic /= e.fit[0]
        longer = arithmetic > moved
        small = sum(k.kind in ("tensor", "attention") and
                    k.b * math.ceil(k.m / side) * math.ceil(k.n / side) < card["sms"] for k in kernels)
        gflops = {kind: sum(layers.flops(k) for k in kernels if kind in ("all", k.kind)) / 1e9
                  for kind in ("all", "depthwise", "attention")}
        return [name, *(f"{value:.2f}" for value in gflops.values()), f"{sum(k.weights for k in kernels) / 1e6:.1f}",
                f"{moved.sum() * e.data['copy_fraction'] * card['gbps'] * 1e3:.0f}", f"{starts.sum():.0f}", small,
                *(f"{1e3 * t:.2f}" for t in (arithmetic[longer].sum(), moved[~longer].sum(), e.fit[1] * starts.sum()))]
    return markdown(["network", "GFLOPs", "of them depthwise", "attention", "weights, MB", "bytes moved, MB", "kernels",
                     f"products too small to fill {card['sms']} SMs", "ms where arithmetic is longer",
                     "ms where bytes are", "ms of starting"], map(row, (*USED, "yolov8n")))


def points(e):
    def row(point, left_out):
        computed = e.model.point_ms(point, e.fit)
        return [name_of(e, point["card"]), point.get("network") or f"frame of {point['frame']}", f"{point['ms']:.2f}",
                f"{computed:.2f}", percent(computed / point["ms"]), f"{left_out:.2f}", percent(left_out / point["ms"]),
                point["source"]]
    return markdown(["card", "network", "measured, ms", "computed", "error", "computed without this point", "error",
                     "from"], map(row, e.points, e.left_out))


def fit(e):
    def without(card, ratios):
        worst = max(ratios, key=lambda ratio: abs(math.log(ratio)))
        return (f"{name_of(e, card)} {percent(math.exp(np.mean(np.log(ratios))))} ({len(ratios)} "
                f"point{'s' * (len(ratios) > 1)}, worst {percent(worst)})")
    return (f"Fitted to {len(e.points)} points: e = {e.fit[0]:.3f}, a start takes {1e6 * e.fit[1]:.1f} µs; root mean "
            f"square error {100 * e.rms:.0f} %. Computed without itself, the worst point is off by a factor of "
            f"{math.exp(e.worst):.2f}. Computed without all points of its card: "
            f"{'; '.join(without(*each) for each in e.without_card.items())}.")


def variants(e):
    def row(name, way):
        model = Model(e.data, e.networks, **way)
        *other, rms = model.best(model.errors(e.points))
        return [name, f"{100 * rms:.0f} %", f"{other[0]:.3f}", f"{1e6 * other[1]:.1f}",
                *(f"{model.ms(OWN, network, other):.2f}" for network in USED)]
    return markdown(["counted so", "root mean square error", "e", "µs a start", "YOLO12n, ms", "DAv2-S", "lznet"],
                    [row(*each) for each in VARIANTS.items()])


def own(e):
    def pair_ms(ratio, half):
        return ratio * sum(e.model.ms(OWN, name, e.fit, half_rate=half) for name in PAIR)
    table = markdown(
        ["network", "pictures a call", "measured, ms a picture", "computed", "computed, sums in FP32", "from"],
        [[p.get("network") or f"frame of {p['frame']}", p.get("batch", 1), f"{p['ms']:.2f}",
          *(f"{e.model.point_ms(p, e.fit, half):.2f}" for half in (False, True)), p["source"]] for p in e.own])
    return (f"{table}\n\nMeasured is {e.ratio:.2f} times what is computed, and {e.ratio_half:.2f} times what is "
            f"computed with sums in FP32. Brought to these points, the two ways give {pair_ms(e.ratio, False):.1f} and "
            f"{pair_ms(e.ratio_half, True):.1f} ms for the pair's networks.")


def encoder_check(e):
    check = e.data["encoder_check"]

    def ms(attention):
        return Model(e.data, {"it": encoder(check["tokens"], attention)}).ms(check["card"], "it", e.fit)
    without, whole = ms(False), ms(True)
    if without > check["ms"]:
        verdict = "more than the whole network takes: vision transformers run better on Turing than is computed here"
    elif whole > check["ms"]:
        verdict = "the whole network is measured between these, so the encoder is quicker than is computed here"
    else:
        verdict = "less than the whole network, as it must be"
    return (f"{check['name']} takes {check['ms']:.2f} ms on a {name_of(e, check['card'])} ({check['source']}). Its "
            f"encoder alone, {check['tokens']} tokens, is computed at {without:.2f} ms without any attention and "
            f"{whole:.2f} ms with all of it: {verdict}.")


def pieces(e):
    def kernels(frame):
        counts = [frame["kernels"], frame.get("depth_kernels", {})]
        return [sum(kernels_ms(e.data, OWN, each, worst) for each in counts) for worst in (False, False, True)]
    return markdown(["RTX 2060, ms", "low / expected / high"],
                    [*([name, three(e.network(OWN, name))] for name in USED),
                     *([f"our kernels, {name}", three(kernels(e.data["frames"][name]))] for name in ("pair", "lznet"))])


def intervals(e):
    budget = e.data["budget_ms"]

    def row(card, n):
        every, with_depth = e.frame(card, "pair")
        mean = every + (with_depth - every) / n
        fits = ("yes" if with_depth[HIGH] <= budget else "on average" if mean[HIGH] <= budget
                else "as expected, not at the high end" if with_depth[EXPECTED] <= budget else "no")
        return [name_of(e, card), n, three(mean), three(with_depth), f"{1e3 / mean[EXPECTED]:.0f}",
                f"{1e3 / mean[HIGH]:.0f}", fits]
    return markdown(["card", "depth on every n-th frame", "mean ms a frame: low / expected / high",
                     "ms of a frame with depth", "frames a second, expected", "at the high end", f"fits {budget} ms"],
                    [row(card, n) for card in CARDS for n in e.data["intervals"]])


def others(e):
    budget = e.data["budget_ms"]

    def row(card, frame):
        every, with_depth = e.frame(card, frame)
        if e.data["frames"][frame].get("depth_networks"):
            least = [least_interval(e, card, frame, which) for which in (EXPECTED, HIGH)]
            fits = "; ".join(f"{name}: {f'from interval {n}' if n else 'never'}"
                             for name, n in zip(("expected", "high"), least))
        else:
            fits = "yes" if every[HIGH] <= budget else "as expected" if every[EXPECTED] <= budget else "no"
        return [name_of(e, card), e.data["frames"][frame]["name"], three(every), three(with_depth), fits]
    return markdown(["card", "frame", "ms without depth: low / expected / high", "with depth",
                     f"fits {budget} ms on average"],
                    [row(card, frame) for card in CARDS for frame in ("lznet", "lznet-3", "pair-3")])


def memory(e):
    def row(name):
        kernels = e.networks[name]
        sizes = (sum(k.weights for k in kernels), max(k.read + k.written for k in kernels),
                 sum(k.written for k in kernels))
        return [name, *(f"{size / 1e6:.0f}" for size in sizes)]
    return markdown(["network, MB", "weights", "tensors of its largest kernel: at least", "all its tensors: at most"],
                    map(row, USED))


def decoder(e):
    told = e.data["decoder"]
    rate = told["streams"] * math.prod(told["stream"]) / told["decoders"]
    width, height = told["picture"]
    written = 1.5 * width * height * 60
    share = written / (1e9 * e.data["cards"][OWN]["gbps"])
    return ("The decoder is an engine of its own beside the SMs. One of this generation does "
            f"{rate / 1e6:,.0f} million pixels a second ({told['source']}): {rate / (width * height):,.0f} pictures of "
            f"{width}x{height} a second, {1e3 * width * height / rate:.1f} ms each, beside the networks and not "
            f"before them. What it writes, {written / 1e9:.2f} GB/s at 60 frames a second, is {100 * share:.2f} % of "
            "the bandwidth.")


TEXTS = {"answer": answer, "cards": cards, "networks": networks, "fit": fit, "points": points, "variants": variants,
         "own": own, "encoder": encoder_check, "pieces": pieces, "intervals": intervals, "others": others,
         "decoder": decoder, "memory": memory}


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
    return tomllib.loads(settings.read_text()), layers.read_table(table)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=pathlib.Path, metavar="FILE", help="renew the marked texts of this document")
    parser.add_argument("--check", type=pathlib.Path, metavar="FILE", help="only tell whether they are in step")
    args = parser.parse_args(arguments)
    estimate = Estimate(*load())
    texts = {name: text(estimate) for name, text in TEXTS.items()}
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
