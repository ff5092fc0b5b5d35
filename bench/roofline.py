"""A roofline model of networks on cards: how long a kernel takes, calibrated by what was measured.

A kernel takes the longer of its arithmetic and its bytes, and what starting it costs:

    t = max(blocks' arithmetic / (e x tensor rate), bytes / (copy fraction x bandwidth)) + start

Products are cut into blocks of 64 x 64 results, each on one SM (multiprocessor); the last wave of blocks takes as long
as a full one, and a block at the edge as long as a whole. e and start are the only numbers that are fitted, to all
points of other cards at once, by least squares of the logarithms. Kernels: bench/layers.py; cards, points and frames:
bench/rtx2060.toml.
"""

import math

import layers
import numpy as np

OWN = "rtx2060"
BEFORE = "h100"                     # the card our own kernels were timed on
EFFICIENCIES = np.arange(0.10, 0.90, 0.005)
STARTS_US = np.arange(0.0, 15.0, 0.1)
# How is counted: side of a block, attention kept on the chip, part of the moves of values that are made, what fits the
# L2 cache costing nothing.
CHOSEN = {"block": 64, "fused": True, "moves": 0.0, "cached": False}


class Table:
    """A network's kernels in columns."""

    def __init__(self, kernels):
        self.kind = np.array([kernel.kind for kernel in kernels])
        for name in layers.Layer._fields[1:]:
            setattr(self, name, np.array([getattr(kernel, name) for kernel in kernels], float))


class Model:
    def __init__(self, data, networks, **way):
        self.data, self.way = data, {**CHOSEN, **way}
        self.tables = {name: Table(kernels) for name, kernels in networks.items()}

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
        """Of one picture; fit: efficiency, or an array of them, and seconds a start."""
        arithmetic, moved, starts = self.parts(card, network, batch, half_rate)
        working = np.maximum(arithmetic / np.asarray(fit[0])[..., None], moved).sum(axis=-1)
        return 1e3 * (working + fit[1] * starts.sum()) / batch

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
        return own + sum(pictures[name] * self.ms(point["card"], name, fit, batch, half_rate)
                         for name, batch in networks.items())

    def errors(self, points):
        """Logarithms of computed over measured: points x efficiencies x starts."""
        rows = []
        for point in points:
            at_once = self.point_ms(point, (EFFICIENCIES, 0.0))
            a_start = self.point_ms(point, (1.0, 1e-6)) - self.point_ms(point, (1.0, 0.0))  # ms for each us
            rows.append(np.log((at_once[:, None] + a_start * STARTS_US) / point["ms"]))
        return np.array(rows)

    def best(self, errors):
        """(efficiency, seconds a start, root mean square error) with the least squares."""
        one, two = np.unravel_index(np.square(errors).mean(axis=0).argmin(), errors.shape[1:])
        rms = float(np.sqrt(np.square(errors[:, one, two]).mean()))
        return float(EFFICIENCIES[one]), 1e-6 * float(STARTS_US[two]), rms


def kernels_ms(data, card, counts, worst=False):
    """Our own kernels, carried over from the card they were timed on."""
    there, here = data["cards"][BEFORE], data["cards"][card]
    clock = there["mhz"] / here["mhz"]
    slower = {"bandwidth": there["gbps"] / here["gbps"], "clock": clock, "sms": clock * there["sms"] / here["sms"]}
    told = data["kernels"]
    return 1e-3 * sum(count * slower[told[name]["limit"]] * (told[name].get("worst_us", told[name]["us"]) if worst
                                                             else told[name]["us"]) for name, count in counts.items())


def encoder(tokens, attention=True):
    """DINOv2 small, the encoder of Depth Anything V2 small: 12 layers of width 384 with 6 heads."""
    width, heads, two = 384, 6, layers.BYTES
    line = two * tokens * width

    def product(n, k, more=0):  # more: lines of the residual
        read = two * tokens * (k + more * width)
        return layers.Layer("tensor", 1, tokens, n, k, two * (k * n + n), read, two * tokens * n)
    norm = layers.Layer("memory", 0, 0, 0, 0, 2 * two * width, line, line)
    scores = two * heads * tokens * tokens
    over = [layers.Layer("attention", heads, tokens, tokens, width // heads, 0, 2 * line, scores),
            layers.Layer("softmax", 0, 0, 0, 0, 0, scores, scores),
            layers.Layer("attention", heads, tokens, width // heads, tokens, 0, scores + line, line)]
    return 12 * [norm, *3 * [product(width, width)], *(over if attention else []), product(width, width, 1),
                 norm, product(4 * width, width), product(width, 4 * width, 1)]


class Estimate:
    """All that the tables say."""

    def __init__(self, data, networks):
        self.data, self.networks, self.model = data, networks, Model(data, networks)
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
