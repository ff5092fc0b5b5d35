"""The network as engines like it: the same values, with less moved about in memory."""

import torch
import torch.nn.functional as F
from torch import nn

from .network import BINS, SIZE, anchors, decode_boxes


def fold_normalisation(module):
    """Batch normalisation into the convolutions before it."""
    for name, child in module.named_children():
        if (isinstance(child, nn.Sequential) and len(child) > 1 and
                isinstance(child[0], nn.Conv2d) and isinstance(child[1], nn.BatchNorm2d)):
            fused = nn.utils.fuse_conv_bn_eval(child[0].eval(), child[1].eval())
            setattr(module, name, nn.Sequential(fused, *list(child)[2:]))
        else:
            fold_normalisation(child)


class Pieces:
    """A tensor's channels as they lie in others: (number of the tensor, first, end) and, for all of them
    one after the other, the channel each one is."""

    def __init__(self, pieces, channels):
        self.pieces, self.channels = pieces, channels

    def split(self, half):
        """The channels below `half`, and the others counted from it. In each piece they ascend."""
        parts, begin = ([], []), 0
        for tensor, first, end in self.pieces:
            own = self.channels[begin:begin + end - first]
            begin += end - first
            below = sum(c < half for c in own)
            for part, low, high, less in ((parts[0], 0, below, 0), (parts[1], below, len(own), half)):
                if high > low:
                    part.append(((tensor, first + low, first + high), [c - less for c in own[low:high]]))
        return tuple(Pieces([piece for piece, _ in part], [c for _, own in part for c in own])
                     for part in parts)

    def taken_in_turn(self, right):
        """As the left half of a channel shuffle whose right half is `right`."""
        return Pieces(self.pieces + right.pieces,
                      [2 * c for c in self.channels] + [2 * c + 1 for c in right.channels])

    def gather(self, tensors):
        return torch.cat([tensors[t][:, first:end] for t, first, end in self.pieces], 1)


@torch.no_grad()
def take_input(layer, channels):
    """Makes a convolution expect its input's channels in this order."""
    layer.weight.data = layer.weight[:, channels].contiguous()


class Unshuffled(nn.Module):
    """A stage of ShuffleUnits without the shuffle: channels stay where they were made, and the layers
    that read them have their weights in that order. `order` is that of the input, and then of the output."""

    def __init__(self, stage, order):
        super().__init__()
        first, *units = stage
        left, right = first.left[0], first.right[0][0]
        with torch.no_grad():
            left.weight.data, left.bias.data = left.weight[order], left.bias[order]
        take_input(first.left[1][0], order)
        take_input(right, order)
        half = first.half
        natural = list(range(half))
        state = Pieces([(0, 0, half)], natural).taken_in_turn(Pieces([(1, 0, half)], natural))
        self.first, self.units, self.inputs = first, nn.ModuleList(), []
        for number, unit in enumerate(units, 2):
            kept, seen = state.split(half)
            take_input(unit.right[0][0], seen.channels)
            self.units.append(unit.right)
            self.inputs.append(seen)
            state = kept.taken_in_turn(Pieces([(number, 0, half)], natural))
        self.output = state

    @property
    def order(self):
        return self.output.channels

    def forward(self, x):
        made = [self.first.left(x), self.first.right(x)]
        for unit, seen in zip(self.units, self.inputs):
            made.append(unit(seen.gather(made)))
        return self.output.gather(made)


def unshuffle(net):
    """Rebuilds a network's backbone in place; batch normalisation must be folded before."""
    orders = []
    order = list(range(net.backbone.stages[0][0].left[0].in_channels))
    for k, stage in enumerate(net.backbone.stages):
        net.backbone.stages[k] = Unshuffled(stage, order)
        order = net.backbone.stages[k].order
        orders.append(order)
    for reduce, order in zip(net.neck.reduce, orders):
        take_input(reduce[0], order)
    for layer, order in ((net.depth.in4[0], orders[1]), (net.depth.in5[0], orders[2])):
        take_input(layer, order + list(range(len(order), layer.in_channels)))
    return net


class Deployed(nn.Module):
    """What is exported: boxes, scores, depth (metres for FOCAL), relative sigma. Logits are stretched and
    shifted, class by class, so that scores are probabilities (calibrate.py). With `net` in FP16 pictures
    come and answers go in FP32 still, and boxes and metres are made in FP32: FP16 has places beyond 256
    pixels to a quarter only."""

    def __init__(self, net, size=SIZE):
        super().__init__()
        self.net = net
        places, strides = anchors(size=size)
        self.register_buffer("places", places)
        self.register_buffer("strides", strides)
        self.register_buffer("stretch", torch.ones(net.classes))
        self.register_buffer("shift", torch.zeros(net.classes))

    def forward(self, x):
        half = self.net.depth.out.weight.dtype == torch.float16
        features = self.net.features(x.half() if half else x)
        logits, distances = self.objects(features[2:])
        depth = self.net.depth(*features)
        if half:
            logits, distances, depth = logits.float(), distances.float(), depth.float()
        return (decode_boxes(distances, self.places, self.strides), logits.sigmoid(),
                depth[:, :1].clamp(-2, 5).exp(), depth[:, 1:].clamp(-4, 1).exp())

    def objects(self, features):
        """What `LzNet.objects` gives, stretched and shifted, made so that engines need not move it about:
        the last layer in two, and its values side by side in memory as they come out."""
        parts = []
        for tower, feature in zip(self.net.head.towers, features):
            x, last = tower[:-1](feature), tower[-1]
            classes, weight, bias = self.net.classes, last.weight, last.bias
            stretched = weight[:classes] * self.stretch[:, None, None, None]
            parts.append([F.conv2d(x, w.to(x.dtype), b.to(x.dtype)).permute(0, 2, 3, 1).flatten(1, 2)
                          for w, b in
                          ((stretched, bias[:classes] * self.stretch + self.shift),
                           (weight[classes:], bias[classes:]))])
        logits, distances = (torch.cat(part, 1) for part in zip(*parts))
        return logits, distances.reshape(-1, len(self.places), 4, BINS)  # of any batch
