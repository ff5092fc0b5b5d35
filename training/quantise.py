#!/usr/bin/env python3
"""Writes an exported lznet with 8-bit weights and activations (OpenVINO IR), by NNCF.

    python quantise.py MODEL.onnx OUT.xml --data DIR

Ranges are taken from photographs of the training split, indoors and out. What gives the numbers out (the
last layers, boxes from distances, depth) stays in floating point: there a step of 1/256 is an error of
pixels and metres.
"""

import argparse
import pathlib

import nncf
import numpy as np
import openvino
from openvino import opset13 as opset

from lznet import pack

LEVELS = 256
SETS = {"voc07": 150, "coco": 30, "door": 40, "nyu": 80}  # photographs of each


def photographs(folder, size):
    rows = pack.read_rows(folder, "detect", "train")
    chosen = []
    for name, count in SETS.items():
        part = [row for row in rows if row["set"] == name]
        chosen += part[::max(1, len(part) // count)][:count]
    files = pack.read_files(folder, {row["file"] for row in chosen})
    for row in chosen:
        yield pack.network_input(pack.canvas(files[row["file"]]), size)


def last_operations(model):
    """Names of what lies between the last convolutions and the outputs, those convolutions included."""
    names, pending = set(), [output.get_node() for output in model.outputs]
    while pending:
        node = pending.pop()
        if node.get_friendly_name() in names or node.get_type_name() in ("Constant", "Parameter"):
            continue
        names.add(node.get_friendly_name())
        if node.get_type_name() not in ("Convolution", "GroupConvolution"):
            pending += [value.get_node() for value in node.input_values()]
    return sorted(names)


def aligned(low, high):
    """The range, moved a little so that zero is one of its levels: padding stays exact."""
    step = (high - low) / (LEVELS - 1)
    below = round(-low / step)
    return -below * step, (LEVELS - 1 - below) * step


def quantise_before_slices(model):
    """One quantiser before the slices of a tensor in place of one behind each, with a range for all whose
    slices meet in a concatenation: 8 bits are sliced and joined, not floats."""
    behind = []  # (slice, its quantiser)
    for node in model.get_ops():
        users = [user.get_node() for output in node.outputs() for user in output.get_target_inputs()]
        if node.get_type_name() == "Slice" and [u.get_type_name() for u in users] == ["FakeQuantize"]:
            behind.append((node, users[0]))
    together = {}

    def group(name):
        while together.setdefault(name, name) != name:
            name = together[name]
        return name

    def source(node):
        return node.input_value(0).get_node().get_friendly_name()

    for node, quantiser in behind:
        for user in quantiser.output(0).get_target_inputs():
            together[group(source(node))] = group(user.get_node().get_friendly_name())
    ranges, before = {}, {}
    for node, quantiser in behind:
        low, high = (quantiser.input_value(k).get_node().data for k in (1, 2))
        known = ranges.get(group(source(node)), (np.inf, -np.inf))
        ranges[group(source(node))] = min(known[0], low.min()), max(known[1], high.max())
    for node, quantiser in behind:
        name = source(node)
        if name not in before:
            low, high = (opset.constant(np.full((1, 1, 1, 1), bound, np.float32))
                         for bound in aligned(*map(float, ranges[group(name)])))
            before[name] = opset.fake_quantize(node.input_value(0), low, high, low, high, LEVELS)
        node.input(0).replace_source_output(before[name].output(0))
        for user in list(quantiser.output(0).get_target_inputs()):
            user.replace_source_output(node.output(0))
    model.validate_nodes_and_infer_types()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path, help="an .xml; its .bin comes beside it")
    parser.add_argument("--data", required=True)
    args = parser.parse_args()
    model = openvino.convert_model(args.model)  # with its constants folded
    size = model.input(0).get_partial_shape()[-1].get_length()
    samples = list(photographs(args.data, size))
    print(f"{len(samples)} photographs at {size} x {size}", flush=True)
    quantised = nncf.quantize(
        model, nncf.Dataset(samples), subset_size=len(samples), preset=nncf.QuantizationPreset.MIXED,
        fast_bias_correction=False, ignored_scope=nncf.IgnoredScope(names=last_operations(model)))
    quantise_before_slices(quantised)
    openvino.save_model(quantised, args.out, compress_to_fp16=False)


if __name__ == "__main__":
    main()
