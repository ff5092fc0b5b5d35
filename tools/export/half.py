#!/usr/bin/env python3
"""Turns a float ONNX network into an FP16 one for TensorRT 8.6, 10, 11 and TensorRT for RTX.

    python half.py lznet-v3.onnx lznet-v3-half.onnx --batch dynamic

FP16 from the first to the last product (convolution, matrix product). What comes before and after these
stays FP32: it is cheap there, and boxes in pixels need more than FP16's 11 bits. The types are written
into the graph, so that an engine with strong typing computes exactly so. What that costs in accuracy
engines.py measures (engine_check.py).
"""

import argparse
import fnmatch
import pathlib
import sys

# They take the time, and FP16 makes them fast. TensorRT for RTX has no FP32 Gemm for Turing at all.
PRODUCTS = {"Conv", "ConvTranspose", "MatMul", "Gemm", "Einsum"}
# They belong to the product they stand before (int8.py): a Cast between would be a kernel of its own.
QUANTISERS = {"QuantizeLinear", "DequantizeLinear"}
# ONNX allows no FP16 for these operations, or for these inputs of one.
FLOAT_OPERATIONS = {"Range", "NonMaxSuppression"}
FLOAT_INPUTS = {("Resize", 1), ("Resize", 2)}


class Refused(Exception):
    """One line for the user."""


def one_line(error):
    return " ".join(str(error).split())[:300]


def load(file):
    """The network of an ONNX file, whole and with one input of pictures."""
    import onnx
    from google.protobuf.message import DecodeError
    try:
        model = onnx.load(str(file))
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError) as error:
        raise Refused(f"'{file}' is no whole ONNX file: {one_line(error)}") from None
    if any(attribute.type in (attribute.GRAPH, attribute.GRAPHS)
           for node in model.graph.node for attribute in node.attribute):
        raise Refused(f"'{file}' has branches or loops: only plain networks are converted")
    shape = input_shape(model)
    if len(model.graph.input) != 1 or len(shape) != 4 or not all(shape[1:]):
        raise Refused(f"'{file}' does not take pictures of one size: its input is {shape}")
    return model


def input_shape(model):
    """0 where the size is open."""
    return [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]


def is_half(model):
    from onnx import TensorProto
    return any(value.data_type == TensorProto.FLOAT16 for value in model.graph.initializer)


def open_batch(model):
    """The network with an open number of pictures, or None where its graph is made for a fixed one.
    Exporters mostly take sizes from the input: then only the declared shapes are in the way. Whether two
    pictures give what they give one by one is tried in OpenVINO."""
    import numpy as np
    import onnx
    import openvino
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    for value in [*opened.graph.input, *opened.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del opened.graph.value_info[:]  # what is known of the shapes between holds for the old batch
    shape = input_shape(model)[1:]
    pictures = np.random.default_rng(1).random((2, *shape), np.float32)
    core = openvino.Core()

    def answers(batches):
        network = core.read_model(opened.SerializeToString())
        network.reshape(list(batches[0].shape))
        compiled = core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        return [[value.copy() for value in compiled(batch).values()] for batch in batches]

    try:
        (both,), single = answers([pictures]), answers([picture[None] for picture in pictures])
    except RuntimeError:
        return None
    for together, *alone in zip(both, *single):
        alone = np.concatenate(alone)
        if together.shape != alone.shape or np.abs(together - alone).max() > 1e-4 * np.ptp(alone):
            return None
    return opened


def opened_for_batches(model, file):
    """The same with the number of pictures left open."""
    if input_shape(model)[0] == 0:
        return model
    opened = open_batch(model)
    if opened is None:
        raise Refused(f"'{file}' is made for {input_shape(model)[0]} pictures a call: "
                      "export it with --batch dynamic")
    return opened


def save(model, file):
    """As a whole or not at all."""
    import onnx
    unfinished = file.with_suffix(".part.onnx")
    onnx.save(model, str(unfinished))
    unfinished.replace(file)


def exit_code(program, work, args):
    """What work(args) returns; what goes wrong is one line."""
    try:
        return work(args)
    except Refused as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{program}: '{error.filename}': {error.strerror}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f"{program}: Python package '{error.name}' is missing: scripts/setup_engines.sh", file=sys.stderr)
        return 2


def outside_products(graph):
    """The outputs of the nodes before the first products and after the last."""
    inside = PRODUCTS | QUANTISERS
    after, leads = set(), set()
    for node in reversed(graph.node):
        if node.op_type in inside or leads.intersection(node.output):
            leads.update(node.input)
        else:
            after.add(node.output[0])
    before, constant = {value.name for value in graph.input}, {value.name for value in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            constant.add(node.output[0])
        elif node.op_type not in inside and before.intersection(node.input) and \
                before.union(constant).issuperset(filter(None, node.input)):
            before.update(node.output)
    return after | before


def halve(model, half_io=False, keep=()):
    """The network in FP16. `keep`: patterns of names of nodes that stay FP32, too. Where FP32 and FP16
    meet a Cast stands; between nodes that stay FP32 there is none."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
    numbers = {FLOAT: np.float32, HALF: np.float16}
    try:
        model = onnx.shape_inference.infer_shapes(model, data_prop=True, strict_mode=True)
    except onnx.shape_inference.InferenceError as error:
        raise Refused(f"the shapes inside the network do not follow: {one_line(error)}") from None
    graph = model.graph
    outside = outside_products(graph)
    values = {value.name: value for value in [*graph.value_info, *graph.input, *graph.output]}
    real = {name for name, value in values.items() if value.type.tensor_type.elem_type == FLOAT}
    constants = {value.name: numpy_helper.to_array(value)
                 for value in graph.initializer if value.data_type == FLOAT}
    kept_initializers = [value for value in graph.initializer if value.data_type != FLOAT]
    made = {}   # of a tensor: type -> its name in that type, the type it is made in first
    nodes = []  # of the new graph

    def converted(values, type_, name):
        # What is there to be very large or small, as where attention must not look, stays finite.
        limit = np.finfo(numbers[type_]).max
        values = np.where(np.isfinite(values), values.clip(-limit, limit), values)
        return numpy_helper.from_array(values.astype(numbers[type_]), name)

    def named(tensor, type_):
        """The tensor's name in this type; made where it is not there yet."""
        versions = made.setdefault(tensor, {})
        if type_ not in versions:
            name = f"{tensor}_{'half' if type_ == HALF else 'float'}"
            if tensor in constants:
                kept_initializers.append(converted(constants[tensor], type_, name))
            else:
                source = next(iter(versions.values()))
                nodes.append(helper.make_node("Cast", [source], [name], name=name, to=type_))
            versions[type_] = name
        return versions[type_]

    border = HALF if half_io else FLOAT
    for value in graph.input:
        if value.name in real:
            value.type.tensor_type.elem_type = border
            made[value.name] = {border: value.name}
    results = {value.name for value in graph.output} & real
    for node in graph.node:
        if node.op_type == "Constant" and node.output[0] in real:
            constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
            continue
        stays = node.op_type in FLOAT_OPERATIONS or node.output[0] in outside or \
            any(fnmatch.fnmatch(node.name, pattern) for pattern in keep)
        type_ = FLOAT if stays else HALF
        for i, name in enumerate(node.input):
            if name in real or name in constants:
                node.input[i] = named(name, FLOAT if (node.op_type, i) in FLOAT_INPUTS else type_)
        for i, name in enumerate(node.output):
            if name not in real:
                continue
            if name in results and type_ != border:
                node.output[i] = f"{name}_inside"
            made[name] = {type_: node.output[i]}
            for attribute in node.attribute:
                if node.op_type == "Cast" and attribute.name == "to":
                    attribute.i = type_
                if attribute.type == attribute.TENSOR and attribute.t.data_type == FLOAT:
                    values = numpy_helper.to_array(attribute.t)
                    attribute.t.CopyFrom(converted(values, type_, attribute.t.name))
        nodes.append(node)
    for value in graph.output:
        if value.name in results:
            value.type.tensor_type.elem_type = border
            if border not in made[value.name]:
                source = next(iter(made[value.name].values()))
                nodes.append(helper.make_node("Cast", [source], [value.name],
                                              name=f"{value.name}_cast", to=border))
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept_initializers)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise Refused(f"the network cannot be FP16: {one_line(error)}") from None
    return model


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=pathlib.Path, help="a float network, .onnx")
    parser.add_argument("out", type=pathlib.Path, help="the file to write")
    parser.add_argument("--half-io", action="store_true",
                        help="input and output are FP16, too: half the bytes, boxes to a quarter of a pixel")
    parser.add_argument("--batch", choices=("as-is", "dynamic"), default="as-is",
                        help="dynamic: the number of pictures is left open")
    parser.add_argument("--keep", action="append", default=[], metavar="PATTERN",
                        help="names of nodes that stay FP32, too ('*/attn/Softmax'); may be repeated")
    return parser.parse_args(arguments)


def convert(args):
    model = load(args.network)
    if is_half(model):
        raise Refused(f"'{args.network}' is FP16 already")
    if args.batch == "dynamic":
        model = opened_for_batches(model, args.network)
    save(halve(model, args.half_io, args.keep), args.out)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.1f} MB, FP16")
    return 0


def main(arguments=None):
    return exit_code("half", convert, parse(arguments))


if __name__ == "__main__":
    sys.exit(main())
