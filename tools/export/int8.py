#!/usr/bin/env python3
"""Turns a float ONNX network into one with 8-bit products for NVIDIA cards: explicit QuantizeLinear and
DequantizeLinear, FP16 for the rest.

    python int8.py lznet-v3.onnx lznet-v3-int8-qdq.onnx --pictures frames --batch dynamic

Ranges are taken from the pictures. A product (convolution, matrix product) gets its input and its weights
through 8 bits, symmetric, zero point 0, weights channel by channel; biases stay FP16. What stays FP16 as a
whole: attention (products of two tensors), the first product and the last ones, what --keep names, and, one
by one, what costs most, until the answers are near enough those of FP32 (engine_check.py). README.md beside
this file says what it costs lznet, YOLO12n and Depth Anything V2 small.
"""

import argparse
import fnmatch
import pathlib
import sys

from half import (PRODUCTS, Refused, exit_code, halve, input_shape, is_half, load, one_line,
                  opened_for_batches, save)

OPSET = 19  # the first in which QuantizeLinear takes FP16
BINS = 2048
LEAST_SCALE = 2.0 ** -14  # of FP16's normal numbers
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


def constants(model):
    """The values of float constants by name, whether initialisers or nodes."""
    from onnx import numpy_helper
    found = {value.name: numpy_helper.to_array(value) for value in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return {name: value for name, value in found.items() if value.dtype == "float32"}


def channel_axis(node, weights):
    """The axis of a product's output channels in its weights, or none where a scale cannot follow it."""
    if node.op_type == "Conv":
        return 0
    if node.op_type == "Gemm":
        return 0 if any(a.name == "transB" and a.i for a in node.attribute) else 1
    if node.op_type == "MatMul" and weights.ndim == 2:
        return 1
    return None


def quantisable(model, attention=False):
    """Products that can take 8 bits; with `attention` also those of two tensors."""
    known = constants(model)
    found = []
    for node in model.graph.node:
        if node.op_type not in ("Conv", "Gemm", "MatMul") or node.input[0] in known:
            continue
        if node.input[1] in known:
            if channel_axis(node, known[node.input[1]]) is not None:
                found.append(node)
        elif attention and node.op_type == "MatMul":
            found.append(node)
    return found


def ends(model):
    """Names of the first products after the input, and of the last before the outputs. One with a single
    channel only gathers what the products before it say (YOLO's distances): those are last, too."""
    known = constants(model)

    def gathers(node):
        return node.op_type == "Conv" and node.input[1] in known and known[node.input[1]].shape[0] == 1

    def reached(nodes, start, sources, targets):
        tensors, found = set(start), set()
        for node in nodes:
            if node.op_type == "Shape" or not tensors.intersection(sources(node)):
                continue
            if node.op_type in PRODUCTS:
                found.add(node.name)
            if node.op_type not in PRODUCTS or gathers(node):
                tensors.update(targets(node))
        return found

    nodes = list(model.graph.node)
    return reached(nodes, [v.name for v in model.graph.input], lambda n: n.input, lambda n: n.output) | \
        reached(nodes[::-1], [v.name for v in model.graph.output], lambda n: n.output, lambda n: n.input)


def session(model, outputs=()):
    """The network in ONNX Runtime, as it is written; these tensors are outputs, too. (OpenVINO's 8-bit
    kernels overflow on processors without VNNI.)"""
    import onnx
    import onnxruntime
    tapped = onnx.ModelProto()
    tapped.CopyFrom(model)
    have = {value.name for value in model.graph.output}
    tapped.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name)
                               for name in outputs if name not in have)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    return onnxruntime.InferenceSession(tapped.SerializeToString(), options,
                                        providers=["CPUExecutionProvider"])


def seen(model, tensors, pictures):
    """For one picture after the other, what these tensors hold. All of all pictures would be gigabytes."""
    source = model.graph.input[0].name
    wanted = sorted(set(tensors) - {source})
    tapped = session(model, wanted)
    for picture in pictures:
        yield {source: picture, **dict(zip(wanted, tapped.run(wanted, {source: picture})))}


def channel_sizes(model, tensors, pictures):
    """Of maps: the mean over the pictures of each channel's largest value."""
    import numpy as np
    sizes = {}
    for values in seen(model, tensors, pictures):
        for name, value in values.items():
            if value.ndim == 4:
                sizes[name] = sizes.get(name, 0) + np.abs(value).max((0, 2, 3)) / len(pictures)
    return sizes


def limits(model, tensors, pictures, clip=True):
    """The largest value of each tensor that 8 bits should hold. Clipped: of all that cut off more or less,
    the one with the least squared error over the pictures; otherwise the largest value seen."""
    import numpy as np
    most, counts = dict.fromkeys(tensors, 0.0), {}
    for values in seen(model, tensors, pictures):
        for name in tensors:
            most[name] = max(most[name], float(np.abs(values[name]).max()))
    if clip:
        for values in seen(model, tensors, pictures):
            for name in filter(most.get, tensors):
                where = np.abs(values[name]).ravel() * np.float32((BINS - 1) / most[name])
                counts[name] = counts.get(name, 0) + np.bincount(where.astype(np.int32), minlength=BINS)
    return {name: least_error(counts[name], most[name]) if name in counts else most[name] or 1.0
            for name in tensors}


def least_error(counts, most):
    import numpy as np
    values = (np.arange(BINS) + 0.5) * (most / BINS)
    best = (np.inf, most)
    for part in np.linspace(1, 0.1, 91):
        step = most * part / 127
        held = np.minimum(np.rint(values / step), 127) * step
        best = min(best, ((counts * (held - values) ** 2).sum(), most * part))
    return float(best[1])


HOMOGENEOUS = {"LeakyRelu", "Relu"}  # f(s x) = s f(x) for every s > 0


def equalise(model, sizes):
    """Changes weights, in place, so that a tensor's channels are about as large as each other, and the
    network gives what it gave: one step for all channels then serves each. Between a convolution and those
    that read it alone a factor s for each channel is taken out of the first's weights and put into the
    others': s = sqrt(range of the channel / largest weight that reads it), after Nagel et al., Data-Free
    Quantization through Weight Equalization and Bias Correction (2019). Weights of depthwise convolutions
    have steps of their own for each channel: there s = range."""
    import numpy as np
    from onnx import numpy_helper
    stored = {value.name: value for value in model.graph.initializer}
    known = constants(model)
    uses = {}
    for node in model.graph.node:
        for name in node.input:
            uses.setdefault(name, []).append(node)
    results = {value.name for value in model.graph.output}

    def readers(tensor):
        """The tensor's name in front of the products that read it alone, and these."""
        nodes = uses.get(tensor, [])
        while len(nodes) == 1 and nodes[0].op_type in HOMOGENEOUS and tensor not in results:
            tensor = nodes[0].output[0]
            nodes = uses.get(tensor, [])
        return tensor, [] if tensor in results else nodes

    def plain(node):
        return node.op_type == "Conv" and all(len(uses[name]) == 1 and name in stored and name in known
                                              for name in node.input[1:])

    def spread(node):
        """Whether it is a convolution of all its channels, or of each by itself."""
        groups = next((a.i for a in node.attribute if a.name == "group"), 1)
        return groups in (1, known[node.input[1]].shape[0])

    changed = 0
    for first in model.graph.node:
        if not plain(first):
            continue
        tensor, others = readers(first.output[0])
        if not others or tensor not in sizes or \
                not all(plain(node) and spread(node) and node.input[0] == tensor for node in others):
            continue
        size = sizes[tensor]
        across = [np.abs(known[node.input[1]]).max((0, 2, 3)) for node in others if not is_depthwise(node)]
        factor = np.sqrt(size / np.maximum(np.max(across, 0), 1e-9)) if across else size.copy()
        if not (factor > 0).any():
            continue
        middle = np.exp(np.log(factor[factor > 0]).mean())
        factor = np.where(factor > 0, (factor / middle).clip(1 / 64, 64), 1).astype(np.float32)
        for name in first.input[1:]:
            known[name] = known[name] / factor.reshape(-1, *[1] * (known[name].ndim - 1))
        for node in others:
            shape = (-1, 1, 1, 1) if is_depthwise(node) else (1, -1, 1, 1)
            known[node.input[1]] = known[node.input[1]] * factor.reshape(shape)
        changed += 1
    for name, value in stored.items():
        if name in known:
            value.CopyFrom(numpy_helper.from_array(known[name].astype(np.float32), name))
    return changed


def is_depthwise(node):
    return any(a.name == "group" and a.i > 1 for a in node.attribute)


def with_qdq(model, names, most):
    """The network with Q and DQ before the products of these names; `most`: as limits() gives them. A tensor has one pair, which the Adds
    that read it take, too: so the residual way into an Add stays 8 bits, the other one comes from a product
    and is added in its kernel."""
    import numpy as np
    import onnx
    from onnx import helper, numpy_helper
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    known = constants(model)
    nodes, pairs = [], {}

    def pair(source, steps, axis):
        """Q and DQ behind a tensor; the name of what comes out."""
        steps = np.maximum(np.float32(steps), np.float32(LEAST_SCALE)).astype(np.float16).astype(np.float32)
        graph.initializer.extend((
            numpy_helper.from_array(steps, f"{source}_step"),
            numpy_helper.from_array(np.zeros(steps.shape, np.int8), f"{source}_zero")))
        about = {} if axis is None else {"axis": axis}
        for kind, come, go in (("QuantizeLinear", source, f"{source}_int8"),
                               ("DequantizeLinear", f"{source}_int8", f"{source}_dq")):
            nodes.append(helper.make_node(kind, [come, f"{source}_step", f"{source}_zero"], [go], name=go,
                                          **about))
        return f"{source}_dq"

    wanted = [node for node in graph.node if node.name in names]
    shared = {name for node in wanted for name in node.input[:2] if name not in known}
    for node in graph.node:
        for i, name in enumerate(node.input):
            if name in shared and (node.name in names and i < 2 or node.op_type == "Add"):
                if name not in pairs:
                    pairs[name] = pair(name, most[name] / 127, None)
                node.input[i] = pairs[name]
            elif node.name in names and i == 1 and name in known:
                if name not in pairs:
                    axis = channel_axis(node, known[name])
                    others = tuple(d for d in range(known[name].ndim) if d != axis)
                    pairs[name] = pair(name, np.abs(known[name]).max(others) / 127, axis)
                node.input[i] = pairs[name]
        nodes.append(node)
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(nodes)
    return made


def correct_biases(model, plain, names, pictures):
    """Changes biases, in place: what 8 bits move the mean of each channel of a convolution by, over the
    pictures, is taken off. Every product is computed beside itself in FP32, from the same input (bias
    correction, as in Nagel et al.)."""
    import numpy as np
    import onnx
    from onnx import helper, numpy_helper
    stored = {value.name: value for value in model.graph.initializer}
    before = {node.name: node for node in plain.graph.node}
    twin = onnx.ModelProto()
    twin.CopyFrom(model)
    shifts = {}
    for node in model.graph.node:
        if node.name not in names or node.op_type != "Conv" or len(node.input) < 3 or \
                node.input[2] not in stored:
            continue
        exact, shift = f"{node.name}_exact", f"{node.name}_shift"
        beside = helper.make_node("Conv", before[node.name].input, [exact], name=exact)
        beside.attribute.extend(node.attribute)
        twin.graph.node.extend((
            beside, helper.make_node("Sub", [exact, node.output[0]], [f"{shift}s"], name=f"{shift}s"),
            helper.make_node("ReduceMean", [f"{shift}s"], [shift], name=shift, axes=[0, 2, 3], keepdims=0)))
        shifts[shift] = node.input[2]
    have = {value.name for value in twin.graph.initializer}
    twin.graph.initializer.extend(v for v in plain.graph.initializer if v.name not in have)
    total = {}
    for values in seen(twin, shifts, pictures):
        for name, bias in shifts.items():
            total[bias] = total.get(bias, 0) + values[name] / len(pictures)
    for bias, shift in total.items():
        value = numpy_helper.to_array(stored[bias]) + shift
        stored[bias].CopyFrom(numpy_helper.from_array(value.astype(np.float32), bias))


def errors(model, wanted, pictures):
    """Of each output: the root mean square of its error as a part of what it changes by over its places and
    the pictures."""
    import numpy as np
    source = model.graph.input[0].name
    tried = session(model)
    got = [tried.run(None, {source: picture}) for picture in pictures]
    parts = []
    for some, whole in zip(zip(*got), zip(*wanted)):
        some, whole = (np.stack(values).astype(np.float64) for values in (some, whole))
        parts.append(float(np.sqrt(((some - whole) ** 2).mean() / max(whole.var(), 1e-30))))
    return parts


def quantise(model, pictures, keep=(), attention=False, depthwise=False, part=None, tell=print):
    """The network (FP32) with Q and DQ, and the names of the products in 8 bits. `part`: products are left
    out, worst first, until no output's error is a larger part of what it changes by."""
    products = quantisable(model, attention)
    outside = ends(model)
    names = [node.name for node in products if node.name not in outside and
             (depthwise or not is_depthwise(node)) and
             not any(fnmatch.fnmatch(node.name, pattern) for pattern in keep)]
    read = {node.name: [name for name in node.input[:2]] for node in products}
    known = constants(model)
    tensors = sorted({tensor for name in names for tensor in read[name] if tensor not in known})
    few = pictures[::max(1, len(pictures) // 50)]
    changed = equalise(model, channel_sizes(model, tensors, few))
    most = limits(model, tensors, pictures)
    tell(f"{len(names)} of {len(products)} products in 8 bits; channels made alike in {changed} places")

    def made(chosen):
        quantised = with_qdq(model, set(chosen), most)
        correct_biases(quantised, model, set(chosen), few)
        return quantised

    some = few[::max(1, len(few) // 6)]
    exact = session(model)
    wanted = [exact.run(None, {model.graph.input[0].name: picture}) for picture in some]
    if part is not None:
        alone = {name: max(errors(with_qdq(model, {name}, most), wanted, some)) for name in names}
        names.sort(key=alone.get)
    while True:
        quantised = made(names)
        error = max(errors(quantised, wanted, some))
        tell(f"{len(names)} products in 8 bits: the worst output is {100 * error:.1f} % off")
        if part is None or error <= part or not names:
            return quantised, names
        # Errors add up like noise: their squares. At least one, at most a tenth go.
        over = sum(alone[name] ** 2 for name in names) * (1 - (part / error) ** 2)
        gone = 0
        while names and (gone == 0 or over > 0 and gone < max(1, len(products) // 10)):
            worst = names.pop()
            over -= alone[worst] ** 2
            gone += 1
            tell(f"  stays FP16: {worst} (alone {100 * alone[worst]:.1f} %)")


def typed(model, half):
    """FP16 where nothing needs FP32 (half.py), for strongly typed engines; or left in FP32, as TensorRT 8.6
    reads it, which is allowed FP16 besides."""
    if not half:
        return model
    from onnx import version_converter
    try:
        return halve(version_converter.convert_version(model, OPSET))
    except RuntimeError as error:
        raise Refused(f"the network cannot be of opset {OPSET}: {one_line(error)}") from None


def read_frames(folder, network, count):
    """At most `count` pictures, evenly out of a folder, as inputs of the network."""
    from PIL import Image, UnidentifiedImageError
    from engine_check import prepared
    if not folder.is_dir():
        raise Refused(f"'{folder}' is no folder of pictures")
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES)
    if not files:
        raise Refused(f"there are no pictures in '{folder}'")
    chosen = [files[i * len(files) // count] for i in range(count)] if count < len(files) else files
    try:
        return [prepared(Image.open(file).convert("RGB"), network) for file in chosen]
    except (UnidentifiedImageError, OSError) as error:
        raise Refused(f"a picture cannot be read: {one_line(error)}") from None


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=pathlib.Path, help="a float network, .onnx")
    parser.add_argument("out", type=pathlib.Path, help="the file to write")
    parser.add_argument("--pictures", type=pathlib.Path, required=True,
                        help="a folder of frames like those it will see")
    parser.add_argument("--count", type=int, default=150, help="so many of them, at most (150)")
    parser.add_argument("--mean", type=float, nargs=3, default=[0, 0, 0], help="as in the set's manifest")
    parser.add_argument("--std", type=float, nargs=3, default=[1, 1, 1], help="as in the set's manifest")
    parser.add_argument("--batch", choices=("as-is", "dynamic"), default="as-is",
                        help="dynamic: the number of pictures is left open")
    parser.add_argument("--keep", action="append", default=[], metavar="PATTERN",
                        help="names of products that stay FP16, too ('*/attn/*'); may be repeated")
    parser.add_argument("--error", type=float, metavar="PART",
                        help="keep products FP16, worst first, until no output is further off than this part "
                        "of what it changes by (0.1)")
    parser.add_argument("--attention", action="store_true", help="products of two tensors in 8 bits, too")
    parser.add_argument("--depthwise", action="store_true", help="depthwise convolutions in 8 bits, too")
    parser.add_argument("--types", choices=("half", "float"), default="half",
                        help="the rest: half (TensorRT 10, 11, for RTX) or float (8.6)")
    return parser.parse_args(arguments)


def convert(args):
    import types
    model = load(args.network)
    if is_half(model) or any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        raise Refused(f"'{args.network}' is no FP32 network")
    if args.batch == "dynamic":
        model = opened_for_batches(model, args.network)
    height, width = input_shape(model)[2:]
    pictures = read_frames(args.pictures, types.SimpleNamespace(
        size=(width, height), mean=args.mean, std=args.std), args.count)
    quantised, names = quantise(model, pictures, args.keep, args.attention, args.depthwise, args.error)
    save(typed(quantised, args.types == "half"), args.out)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.1f} MB, {len(names)} products in 8 bits")
    return 0


def main(arguments=None):
    return exit_code("int8", convert, parse(arguments))


if __name__ == "__main__":
    sys.exit(main())
