#!/usr/bin/env python3
"""A network as the list of kernels that a compiler would make of it, with the work of each.

    python bench/layers.py lznet=models/lznet-v3-half.onnx:416 yolov8n ... --out bench/rtx2060-layers.csv

A name alone is an architecture of Ultralytics, exported with random weights (.venv-bench: make bench-setup).
OpenVINO reads the file and infers every shape; what is the same for every picture counts as a constant. A
convolution or product takes the elementwise operations behind it (bias, activation, residual, scale) into
its kernel, as TensorRT does; so do normalisation, softmax, pooling and resizing. Reshaping costs nothing.
What only moves values (concatenation, slice, transposition) is a kernel of its own kind: a compiler avoids
some of them, and bench/rtx2060.py decides what to make of that.

Sizes are for one picture, in FP16: two bytes a value.
"""

import argparse
import collections
import csv
import math
import os
import pathlib
import sys
import tempfile

BYTES = 2
VIEWS = {"Reshape", "Squeeze", "Unsqueeze", "Convert"}
MOVES = {"Concat", "Slice", "StridedSlice", "Split", "VariadicSplit", "Transpose", "Gather", "Broadcast", "Tile",
         "Pad"}
ELEMENTWISE = {"Add", "Subtract", "Multiply", "Divide", "Power", "Sqrt", "Exp", "Erf", "Gelu", "Sigmoid", "Swish",
               "Relu", "PRelu", "Clamp", "Minimum", "Maximum", "Tanh", "Select", "HardSigmoid", "HSwish"}
PRODUCTS = {"Convolution", "GroupConvolution", "ConvolutionBackpropData", "MatMul"}

# kind: tensor (a convolution or a product with weights), attention (a product of two tensors), softmax
# (attention's), depthwise, memory (other work that is only bytes) or move. b products of m x k by k x n.
Layer = collections.namedtuple("Layer", "kind b m n k weights read written")


def flops(layer):
    """A multiplication and an addition are two."""
    return 2 * layer.b * layer.m * layer.n * layer.k


def product_size(node, weights):
    """Kind and b, m, n, k of a convolution (as a product) or of a product; weights: the second factor is constant."""
    kind = node.get_type_name()
    one, two, out = (list(end.get_shape()) for end in (node.input(0), node.input(1), node.output(0)))
    if kind == "MatMul":
        told = node.get_attributes()
        k = one[-2] if told["transpose_a"] else one[-1]
        m = math.prod(one[-2:]) // k
        n = math.prod(two[-2:]) // k
        b = math.prod(out) // (m * n)
        return ("tensor", 1, b * m, n, k) if weights else ("attention", b, m, n, k)
    if kind == "ConvolutionBackpropData":  # two: in, out, kernel
        return "tensor", 1, math.prod(one[2:]), math.prod(two[1:]), two[0]
    if kind == "GroupConvolution":  # two: groups, out, in, kernel
        groups, n, k = two[0], two[1], math.prod(two[2:])
        return "depthwise" if two[2] == 1 else "tensor", groups, math.prod(out[2:]), n, k
    return "tensor", 1, math.prod(out[2:]), two[0], math.prod(two[1:])


def layers(file, size):
    """The kernels of a network at one picture of size x size."""
    import openvino
    model = openvino.Core().read_model(str(file))
    model.reshape([1, 3, size, size])
    return group(model.get_ordered_ops())


def group(operations):
    folded, root, owner = set(), {}, {}  # root: a tensor without its views; owner: the kernel that writes it
    kernels = []
    read, written, users = [], [], collections.defaultdict(set)

    def tensor(output):
        key = (output.get_node().get_friendly_name(), output.get_index())
        return root.get(key, key)

    for node in operations:
        kind, name = node.get_type_name(), node.get_friendly_name()
        inputs = [value.get_source_output() for value in node.inputs()]
        live = [i for i in inputs if i.get_node().get_friendly_name() not in folded]
        if kind in ("Constant", "ShapeOf") or inputs and not live:
            folded.add(name)
            continue
        if kind == "Parameter":
            continue
        if kind == "Result":
            users[tensor(inputs[0])].add(None)
            continue
        if kind in VIEWS:
            root[(name, 0)] = tensor(live[0])
            continue
        latest = max(owner.get(tensor(i), -1) for i in live)
        if kind in ELEMENTWISE and latest >= 0:
            mine = latest
        else:
            mine = len(kernels)
            scores = kind == "Softmax" and latest >= 0 and kernels[latest]["kind"] == "attention"
            what = "move" if kind in MOVES else "softmax" if scores else "memory"
            kernels.append({"kind": what, "b": 0, "m": 0, "n": 0, "k": 0, "weights": 0})
            read.append({})
            written.append({})
            if kind in PRODUCTS:
                kernels[mine].update(zip(("kind", "b", "m", "n", "k"), product_size(node, len(live) == 1)))
            elif kind not in MOVES | ELEMENTWISE | {"Softmax", "MVN", "MaxPool", "AvgPool", "Interpolate", "ReduceMean",
                                                    "ReduceSum", "ReduceMax", "TopK"}:
                raise ValueError(f"'{name}': what a {kind} costs is not known here")
        for value in live:
            source = tensor(value)
            if owner.get(source) != mine:
                users[source].add(mine)
                read[mine][source] = max(read[mine].get(source, 0), math.prod(value.get_shape()))
        # A fold of integers is a shape or an index, not weights.
        kernels[mine]["weights"] += sum(
            math.prod(i.get_shape()) for i in inputs
            if i.get_node().get_friendly_name() in folded and i.get_element_type().is_real())
        for value in node.outputs():
            owner[(name, value.get_index())] = mine
            written[mine][(name, value.get_index())] = math.prod(value.get_shape())
    return [Layer(**{**kernel, "weights": BYTES * kernel["weights"]}, read=BYTES * sum(read[i].values()),
                  written=BYTES * sum(size for key, size in written[i].items() if users[key]))
            for i, kernel in enumerate(kernels)]


def architecture(name, size):
    """The kernels of an architecture of Ultralytics."""
    os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false", YOLO_CONFIG_DIR=sys.prefix)
    import torch
    from ultralytics import YOLO
    module = YOLO(f"{name}.yaml").model.float().eval()
    module.fuse(verbose=False)
    module.model[-1].export, module.model[-1].format = True, "onnx"
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        file = pathlib.Path(folder, "network.onnx")
        torch.onnx.export(module, (torch.rand(1, 3, size, size),), str(file), opset_version=17, dynamo=False)
        return layers(file, size)


def write_table(networks, file):
    """Equal kernels of a network make one row."""
    with open(file, "w", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(["network", "count", *Layer._fields])
        for name, kernels in networks.items():
            for kernel, count in collections.Counter(kernels).items():
                table.writerow([name, count, *kernel])


def read_table(file):
    """Network -> its kernels."""
    networks = collections.defaultdict(list)
    with open(file, newline="") as rows:
        for name, count, kind, *sizes in list(csv.reader(rows))[1:]:
            networks[name] += int(count) * [Layer(kind, *map(int, sizes))]
    return dict(networks)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+", metavar="NAME[=FILE:SIZE]")
    parser.add_argument("--out", type=pathlib.Path, help="table to write; without, sums are printed")
    args = parser.parse_args(arguments)
    networks = {}
    for word in args.networks:
        name, given, rest = word.partition("=")
        file, _, size = rest.rpartition(":")
        if not given:
            networks[name] = architecture(name, 640)
        elif not size.isdigit() or not pathlib.Path(file).exists():
            parser.error(f"'{word}' is no NAME=FILE:SIZE of a file that is there")
        else:
            networks[name] = layers(file, int(size))
        kinds = collections.Counter(kernel.kind for kernel in networks[name])
        print(f"{name}: {sum(map(flops, networks[name])) / 1e9:.2f} GFLOPs, "
              f"{sum(k.weights for k in networks[name]) / 1e6:.1f} MB of weights, "
              f"{sum(k.read + k.written for k in networks[name]) / 1e6:.0f} MB moved, {dict(kinds)}")
    if args.out:
        write_table(networks, args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
