#!/usr/bin/env python3
"""Writes an exported lznet with 8-bit weights and activations (OpenVINO IR), by NNCF.

    python quantise.py MODEL.onnx OUT.xml --data DIR
    python quantise.py --frames FOLDER --data DIR    # only writes the photographs, for tools/export/int8.py

Ranges are taken from photographs of the training split, indoors and out. What gives the numbers out (the
last layers, boxes from distances, depth) stays in floating point: there a step of 1/256 is an error of
pixels and metres.
"""

import argparse
import pathlib

import nncf
import openvino

from lznet import pack

SETS = {"voc07": 150, "coco": 30, "door": 40, "nyu": 80}  # photographs of each


def photographs(folder):
    """{name: bytes}, one set after the other."""
    rows = pack.read_rows(folder, "detect", "train")
    chosen = []
    for name, count in SETS.items():
        part = [row for row in rows if row["set"] == name]
        chosen += part[::max(1, len(part) // count)][:count]
    files = pack.read_files(folder, {row["file"] for row in chosen})
    return {row["file"]: files[row["file"]] for row in chosen}


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


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path, nargs="?")
    parser.add_argument("out", type=pathlib.Path, nargs="?", help="an .xml; its .bin comes beside it")
    parser.add_argument("--data", required=True)
    parser.add_argument("--frames", type=pathlib.Path, help="a folder for the photographs")
    args = parser.parse_args()
    if args.frames:
        args.frames.mkdir(parents=True, exist_ok=True)
        for i, (name, data) in enumerate(photographs(args.data).items()):
            (args.frames / f"{i:03d}{pathlib.Path(name).suffix}").write_bytes(data)
        return
    if not args.out:
        parser.error("a model and a file to write are needed")
    model = openvino.convert_model(args.model)  # with its constants folded
    size = model.input(0).get_partial_shape()[-1].get_length()
    samples = [pack.network_input(pack.canvas(data), size) for data in photographs(args.data).values()]
    print(f"{len(samples)} photographs at {size} x {size}", flush=True)
    quantised = nncf.quantize(
        model, nncf.Dataset(samples), subset_size=len(samples), preset=nncf.QuantizationPreset.MIXED,
        fast_bias_correction=False, ignored_scope=nncf.IgnoredScope(names=last_operations(model)))
    openvino.save_model(quantised, args.out, compress_to_fp16=False)


if __name__ == "__main__":
    main()
