"""lznet: objects and metric depth from one pass over one picture.

The detector has the structure of NanoDet-Plus-m (github.com/RangiLyu/nanodet, Apache-2.0): a
ShuffleNetV2 backbone (Ma et al., ECCV 2018), a GhostPAN neck (Ghost modules: Han et al., CVPR 2020)
and one light head per stride with distances as distributions (Li et al., Generalized Focal Loss,
NeurIPS 2020). It has no batch normalisation: its convolutions come with it folded in. A depth decoder
reads the same features.

Input  B x 3 x 416 x 416, RGB 0..1, longer side scaled to 416, centred on grey 114/255.
Output class logits, distance logits, log depth and log relative sigma (see `LzNet.forward`).
"""

import torch
import torch.nn.functional as F
from torch import nn

SIZE = 416
FOCAL = 416.0  # depth is for a camera whose focal length is this many input pixels
STRIDES = (8, 16, 32, 64)
BINS = 8  # distances 0..7 strides
MEAN = (123.675, 116.28, 103.53)  # RGB, as the initial network was trained
SCALE = (0.017125, 0.017507, 0.017429)

COCO = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,"
    "parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,"
    "handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,"
    "skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,banana,apple,"
    "sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,bed,"
    "dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,"
    "refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush").split(",")
CLASSES = [*COCO, "door"]
DOOR = len(COCO)


def conv(into, out, size=1, stride=1, depthwise=False, act=True):
    groups = into if depthwise else 1
    layers = [nn.Conv2d(into, out, size, stride, size // 2, groups=groups)]
    return nn.Sequential(*layers, nn.LeakyReLU(0.1, inplace=True)) if act else layers[0]


class ShuffleUnit(nn.Module):
    """ShuffleNetV2's unit. With stride 2 both halves see all of the input."""

    def __init__(self, into, out, stride):
        super().__init__()
        self.half = half = out // 2
        self.stride = stride
        if stride == 2:
            self.left = nn.Sequential(conv(into, into, 3, 2, True, act=False), conv(into, half))
        self.right = nn.Sequential(
            conv(into if stride == 2 else half, half),
            conv(half, half, 3, stride, True, act=False), conv(half, half))

    def forward(self, x):
        if self.stride == 2:
            left, right = self.left(x), self.right(x)
        else:
            left, right = x[:, :self.half], self.right(x[:, self.half:])
        # The channel shuffle: the halves' channels take turns.
        return torch.stack((left, right), 2).flatten(1, 2)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 24, 3, 2), nn.MaxPool2d(3, 2, 1))
        self.stages = nn.ModuleList()
        into = 24
        for out, units in ((116, 4), (232, 8), (464, 4)):
            self.stages.append(nn.Sequential(
                ShuffleUnit(into, out, 2), *(ShuffleUnit(out, out, 1) for _ in range(units - 1))))
            into = out

    def forward(self, x):
        x = self.stem(x)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features  # strides 8, 16, 32


class Ghost(nn.Module):
    """Half of the channels by 1 x 1, the other half cheaply from those."""

    def __init__(self, into, out, act):
        super().__init__()
        self.primary = conv(into, out // 2, act=act)
        self.cheap = conv(out // 2, out // 2, 3, depthwise=True, act=act)

    def forward(self, x):
        x = self.primary(x)
        return torch.cat((x, self.cheap(x)), 1)


class GhostBlock(nn.Module):
    def __init__(self, into, out):
        super().__init__()
        self.ghosts = nn.Sequential(Ghost(into, out, True), Ghost(out, out, False))
        self.shortcut = nn.Sequential(conv(into, into, 5, depthwise=True, act=False),
                                      conv(into, out, act=False))

    def forward(self, x):
        return self.ghosts(x) + self.shortcut(x)


def separable(channels, stride=1):
    return nn.Sequential(conv(channels, channels, 5, stride, True), conv(channels, channels))


class Neck(nn.Module):
    WIDTH = 96

    def __init__(self):
        super().__init__()
        w = self.WIDTH
        self.reduce = nn.ModuleList(conv(c, w) for c in (116, 232, 464))
        self.down4, self.down3 = GhostBlock(2 * w, w), GhostBlock(2 * w, w)
        self.step4, self.up4 = separable(w, 2), GhostBlock(2 * w, w)
        self.step5, self.up5 = separable(w, 2), GhostBlock(2 * w, w)
        self.extra_in, self.extra_out = separable(w, 2), separable(w, 2)

    def forward(self, features):
        c3, c4, c5 = (reduce(f) for reduce, f in zip(self.reduce, features))
        p4 = self.down4(torch.cat((upsample(c5, 2), c4), 1))
        p3 = self.down3(torch.cat((upsample(p4, 2), c3), 1))
        p4 = self.up4(torch.cat((self.step4(p3), p4), 1))
        p5 = self.up5(torch.cat((self.step5(p4), c5), 1))
        return p3, p4, p5, self.extra_in(c5) + self.extra_out(p5)


def upsample(x, factor):
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)


def resize(x, size):
    return F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False)


class Head(nn.Module):
    def __init__(self, classes):
        super().__init__()
        w = Neck.WIDTH
        self.towers = nn.ModuleList(
            nn.Sequential(separable(w), separable(w), nn.Conv2d(w, classes + 4 * BINS, 1))
            for _ in STRIDES)

    def forward(self, features):
        return torch.cat([tower(f).flatten(2) for tower, f in zip(self.towers, features)], 2)


def normed(into, out, size=1, groups=1):
    return nn.Sequential(nn.Conv2d(into, out, size, padding=size // 2, groups=groups, bias=False),
                         nn.BatchNorm2d(out), nn.LeakyReLU(0.1, inplace=True))


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(normed(channels, channels, 5, channels), normed(channels, channels))

    def forward(self, x):
        return x + self.body(x)


class DepthDecoder(nn.Module):
    """Log depth and log relative sigma, 104 x 104, from coarse to fine; the coarsest level knows the
    whole picture."""

    def __init__(self):
        super().__init__()
        w = Neck.WIDTH
        self.in5 = normed(464 + 2 * w, 128)
        self.whole = nn.Sequential(nn.Linear(128, 128), nn.LeakyReLU(0.1, inplace=True))
        self.body5 = nn.Sequential(Residual(128), Residual(128))
        self.in4, self.from5 = normed(232 + w, w), normed(128, w)
        self.body4 = nn.Sequential(Residual(w), Residual(w))
        self.in3, self.from4 = normed(w, 64), normed(w, 64)
        self.body3 = nn.Sequential(Residual(64), normed(64, 64, 3, 64), normed(64, 32))
        self.out = nn.Conv2d(32, 2, 3, padding=1)
        nn.init.normal_(self.out.weight, 0, 0.01)
        self.out.bias.data = torch.tensor([1.0, -1.5])

    def forward(self, *features):
        # The photographs with depth are few: no channel may be relied on.
        c4, c5, p3, p4, p5, p6 = (F.dropout2d(f, 0.1, self.training) for f in features)
        x = self.in5(torch.cat((c5, p5, resize(p6, p5.shape[-1])), 1))
        x = self.body5(x + self.whole(x.mean((2, 3)))[:, :, None, None])
        x = self.body4(self.in4(torch.cat((c4, p4), 1)) + upsample(self.from5(x), 2))
        x = self.body3(self.in3(p3) + upsample(self.from4(x), 2))
        return upsample(self.out(x), 2)


class LzNet(nn.Module):
    def __init__(self, classes=len(CLASSES), depth=True):
        super().__init__()
        self.classes = classes
        self.backbone, self.neck, self.head = Backbone(), Neck(), Head(classes)
        self.depth = DepthDecoder() if depth else None
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1) / 255, persistent=False)
        self.register_buffer("scale", 255 * torch.tensor(SCALE).view(1, 3, 1, 1), persistent=False)

    def features(self, x):
        c3, c4, c5 = self.backbone((x - self.mean) * self.scale)
        return c4, c5, *self.neck((c3, c4, c5))

    def objects(self, features):
        y = self.head(features[2:]).transpose(1, 2)
        logits, distances = y[..., :self.classes], y[..., self.classes:]
        return logits, distances.view(*distances.shape[:2], 4, BINS)

    def detect(self, x):
        """Class logits B x A x classes, distance logits B x A x 4 x BINS. Anchors: strides 8, 16, 32,
        64, row by row."""
        return self.objects(self.features(x))

    def forward(self, x):
        """What `detect` gives and, with a depth decoder, B x 2 x 104 x 104: log depth in metres for
        FOCAL, log of its relative standard deviation."""
        features = self.features(x)
        if self.depth is None:
            return self.objects(features)
        return *self.objects(features), self.depth(*features)


def anchors(device=None, size=SIZE):
    """Places A x 2 (x, y) and strides A. The initial network puts a cell's place at its upper left
    corner, not at its middle."""
    places, strides = [], []
    for stride in STRIDES:
        steps = torch.arange(-(-size // stride), device=device, dtype=torch.float32) * stride
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        places.append(torch.stack((x, y), -1).view(-1, 2))
        strides.append(torch.full((steps.numel() ** 2,), float(stride), device=device))
    return torch.cat(places), torch.cat(strides)


def decode_boxes(distances, places, strides):
    """Distance logits to x1, y1, x2, y2 in input pixels."""
    bins = torch.arange(BINS, device=distances.device, dtype=torch.float32)
    d = (distances.float().softmax(-1) * bins).sum(-1) * strides[:, None]
    return torch.cat((places - d[..., :2], places + d[..., 2:]), -1)
