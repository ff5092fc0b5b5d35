"""Weights of NanoDet-Plus-m out of ncnn's files (github.com/Tencent/ncnn/wiki/param-and-model-file-structure).

Only what these files need is read: the layers in their order, and the convolutions' weights (float32,
or float16 behind the flag 0x01306B47) with their biases.
"""

import struct

import numpy as np
import torch
from torch import nn

MAGIC = "7767517"
FLOAT32, FLOAT16 = 0, 0x01306B47


def read_layers(param_file):
    """(type, name, {parameter: value}) of every layer."""
    lines = open(param_file).read().splitlines()
    if lines[0].strip() != MAGIC:
        raise ValueError(f"{param_file} is no ncnn text file: it must begin with {MAGIC}")
    layers = []
    for line in lines[2:]:
        words = line.split()
        if not words:
            continue
        after = 4 + int(words[2]) + int(words[3])
        parameters = {}
        for word in words[after:]:
            key, value = word.split("=")
            if int(key) > -23300:  # arrays are not needed
                parameters[int(key)] = float(value)
        layers.append((words[0], words[1], parameters))
    return layers


def read_convolutions(param_file, bin_file):
    """(name, outputs, kernel, weights, bias) of every convolution, in the file's order."""
    data = open(bin_file, "rb").read()
    at, found = 0, []
    for kind, name, p in read_layers(param_file):
        if kind not in ("Convolution", "ConvolutionDepthWise"):
            continue
        outputs, count = int(p[0]), int(p[6])
        flag, = struct.unpack_from("<I", data, at)
        at += 4
        if flag == FLOAT16:
            weights = np.frombuffer(data, "<f2", count, at).astype(np.float32)
            at += (2 * count + 3) // 4 * 4
        elif flag == FLOAT32:
            weights = np.frombuffer(data, "<f4", count, at).copy()
            at += 4 * count
        else:
            raise ValueError(f"{bin_file}: {name} has weights of an unknown kind {flag:#x}")
        if not p.get(5):
            raise ValueError(f"{param_file}: {name} has no bias")
        bias = np.frombuffer(data, "<f4", outputs, at).copy()
        at += 4 * outputs
        found.append((name, outputs, int(p[1]), weights, bias))
    if at != len(data):
        raise ValueError(f"{bin_file} has {len(data)} bytes, {param_file} describes {at}")
    return found


def load_initial(net, param_file, bin_file):
    """Fills backbone, neck and head of a network with the initial 80 classes; further classes keep
    their beginnings: their weights are 0, their bias says 'hardly ever'."""
    ours = [m for part in (net.backbone, net.neck, net.head) for m in part.modules()
            if isinstance(m, nn.Conv2d)]
    theirs = read_convolutions(param_file, bin_file)
    if len(ours) != len(theirs):
        raise ValueError(f"{param_file} has {len(theirs)} convolutions, the network {len(ours)}")
    for module, (name, outputs, kernel, weights, bias) in zip(ours, theirs):
        shape = (outputs, *module.weight.shape[1:])
        if module.weight.shape[2] != kernel or weights.size != np.prod(shape):
            raise ValueError(f"{name} does not fit {tuple(module.weight.shape)}")
        weights, bias = torch.from_numpy(weights).view(shape), torch.from_numpy(bias)
        more = module.out_channels - outputs
        if more:  # a head: new classes come between the known ones and the distances
            known = 80
            empty = torch.zeros(more, *shape[1:])
            rare = torch.full((more,), -4.6)
            weights = torch.cat((weights[:known], empty, weights[known:]))
            bias = torch.cat((bias[:known], rare, bias[known:]))
        module.weight.data.copy_(weights)
        module.bias.data.copy_(bias)
    # It was trained on pictures in BGR.
    first = ours[0].weight.data
    first.copy_(first.flip(1))
    return net
