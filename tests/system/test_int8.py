"""models/lznet-v3-int8-qdq.onnx, lznet with 8-bit products for NVIDIA cards, and tools/export/int8.py, which
makes such networks."""

import json
import subprocess

import numpy as np
import openvino
import pytest
from conftest import ROOT
from openvino import opset13 as op
from test_engines import NETWORK, TOOLS, call, environment, printed, refused  # noqa: F401

EIGHT_BITS = ROOT / "models" / "lznet-v3-int8-qdq.onnx"
SIZE = 416
# What docs/nvidia.md states for 8 bits.
SURE, OVERLAP, SCORE, DEPTH_MEDIAN, DEPTH_P99 = 0.5, 0.7, 0.25, 0.03, 0.25


def in_floats(file):
    """OpenVINO's own 8-bit kernels are wrong on processors without VNNI. So what is quantised is rounded to
    whole steps, and stays a float."""
    model = openvino.Core().read_model(file)
    model.reshape([1, 3, SIZE, SIZE])
    quantisers = [node for node in model.get_ops() if node.get_type_name() == "FakeQuantize"]
    for node in quantisers:
        value, low, high, out_low, out_high = (
            op.convert(each.get_source_output(), "f32") for each in node.inputs())
        step = op.divide(op.subtract(high, low), op.subtract(out_high, out_low))
        steps = op.clamp(op.round(op.divide(value, step), "half_to_even"), -128.0, 127.0)
        steps = op.convert(steps, node.output(0).get_element_type())
        for target in node.output(0).get_target_inputs():
            target.replace_source_output(steps.output(0))
    for node in model.get_ops():
        if node.get_type_name() == "Convert" and node.get_output_element_type(0) == openvino.Type.i8:
            for target in node.output(0).get_target_inputs():
                target.replace_source_output(node.input(0).get_source_output())
    return openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}), len(quantisers)


def picture_of(file):
    """Scaled to the network's width, grey above and below."""
    width, height = SIZE, 312  # of 768 x 576
    done = subprocess.run(
        ["gst-launch-1.0", "-q", "filesrc", f"location={file}", "!", "jpegdec", "!", "videoconvert", "!",
         "videoscale", "!", f"video/x-raw,format=RGB,width={width},height={height},pixel-aspect-ratio=1/1", "!",
         "fdsink"], capture_output=True, timeout=60, check=True)
    rows = np.frombuffer(done.stdout, np.uint8)
    rows = rows.reshape(height, -1)[:, :3 * width].reshape(height, width, 3)
    square = np.full((SIZE, SIZE, 3), 114, np.uint8)
    square[(SIZE - height) // 2:(SIZE - height) // 2 + height] = rows
    return np.ascontiguousarray(square.transpose(2, 0, 1)[None].astype(np.float32) / 255)


def overlaps(box, boxes):
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = (high - low).clip(0).prod(1)
    return common / ((box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1) - common)


def test_eight_bits_see_what_fp32_sees():
    exact = openvino.Core().compile_model(NETWORK, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    eight, quantisers = in_floats(EIGHT_BITS)
    assert quantisers > 100
    sure, depths = 0, []
    for file in sorted((ROOT / "data" / "check").glob("*.jpg")):
        picture = picture_of(file)
        wanted, got = ([value.copy() for value in network(picture).values()] for network in (exact, eight))
        boxes, scores, depth = (value[0] for value in wanted[:3])
        for anchor in np.nonzero(scores.max(1) >= SURE)[0]:
            column = scores[anchor].argmax()
            # The best of its place: its neighbours' boxes are as good, but nobody hears of them.
            if scores[overlaps(boxes[anchor], boxes) > 0.5, column].max() > scores[anchor, column]:
                continue
            sure += 1
            assert overlaps(boxes[anchor], got[0][0][anchor][None])[0] >= OVERLAP
            assert abs(got[1][0][anchor, column] - scores[anchor, column]) <= SCORE
        depths.append(np.abs(got[2][0] / depth - 1).ravel())
    assert sure >= 20, "people walk through the street"
    depths = np.concatenate(depths)
    assert 0.002 < np.median(depths) <= DEPTH_MEDIAN, "8 bits cost something"
    assert np.quantile(depths, 0.99) <= DEPTH_P99


STRUCTURE = """
import json, sys, onnx
from onnx import numpy_helper
model = onnx.load(sys.argv[1])
graph = model.graph
values = {value.name: numpy_helper.to_array(value) for value in graph.initializer}
makers = {name: node for node in graph.node for name in node.output}
said = {"opset": model.opset_import[0].version, "products": 0, "eight": 0, "zeros": [], "types": [], "steps": [],
        "weights": [], "other": [], "depthwise": 0, "biases": []}
for node in graph.node:
    if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
        step, zero = values[node.input[1]], values[node.input[2]]
        said["zeros"].append([str(zero.dtype), int(abs(zero.astype(int)).max())])
        said["types"].append(str(step.dtype))
        said["steps"].append(float(step.min()))
    if node.op_type not in ("Conv", "Gemm", "MatMul"):
        continue
    said["products"] += 1
    come = [makers.get(name) for name in node.input]
    eight = [made is not None and made.op_type == "DequantizeLinear" for made in come]
    said["biases"] += [eight[2]] if len(eight) > 2 else []
    if not any(eight):
        said["other"].append(node.output[0])
        continue
    said["eight"] += 1
    said["depthwise"] += any(a.name == "group" and a.i > 1 for a in node.attribute)
    axis = [a.i for a in come[1].attribute if a.name == "axis"]
    weights = values[makers[come[1].input[0]].input[0]]
    said["weights"].append([eight[:2] == [True, True], axis, values[come[1].input[1]].size, weights.shape[0]])
print(json.dumps(said))
"""


def follows(said):
    """What TensorRT wants of explicit quantisation."""
    assert said["opset"] >= 19, "the first in which Q takes FP16"
    assert all(zero == ["int8", 0] for zero in said["zeros"]), "symmetric"
    assert set(said["types"]) == {"float16"} and min(said["steps"]) >= 2 ** -14
    assert not any(said["biases"])
    for both, axis, steps, channels in said["weights"]:
        assert both and axis == [0] and steps == channels


def test_the_shipped_file_is_quantised_as_tensorrt_wants_it(environment):  # noqa: F811
    said = printed(STRUCTURE, EIGHT_BITS)
    follows(said)
    assert said["products"] == 133 and said["eight"] == 74 and said["depthwise"] == 0
    assert EIGHT_BITS.stat().st_size < 4e6


ATTENTION = """
import numpy as np, onnx, sys
from onnx import TensorProto, helper, numpy_helper
random = np.random.default_rng(4)
def weights(name, *shape):
    return numpy_helper.from_array(random.normal(0, 0.3, shape).astype(np.float32), name)
nodes = [("Conv", ["image", "w0", "b0"], "first"), ("Relu", ["first"], "r"), ("Conv", ["r", "w1", "b1"], "second"),
         ("Conv", ["second", "w1b", "b1b"], "q"), ("Transpose", ["q"], "t"), ("MatMul", ["q", "t"], "product"),
         ("Softmax", ["product"], "s"), ("MatMul", ["s", "q"], "a"), ("Add", ["a", "second"], "sum"),
         ("Conv", ["sum", "w2", "b2"], "third"), ("Relu", ["third"], "r3"), ("Conv", ["r3", "w3", "b3"], "y")]
made = [helper.make_node(kind, inputs, [out], name=out, **({"perm": [0, 1, 3, 2]} if kind == "Transpose" else {}))
        for kind, inputs, out in nodes]
model = helper.make_model(helper.make_graph(made, "attention",
    [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 32, 32])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 32, 32])],
    [weights("w0", 8, 3, 1, 1), weights("b0", 8), weights("w1", 8, 8, 1, 1), weights("b1", 8),
     weights("w1b", 8, 8, 1, 1), weights("b1b", 8), weights("w2", 8, 8, 1, 1), weights("b2", 8),
     weights("w3", 2, 8, 1, 1), weights("b3", 2)]), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.save(model, sys.argv[1])
print("{}")
"""


def test_attention_and_both_ends_stay_fp16(environment, tmp_path):  # noqa: F811
    printed(ATTENTION, tmp_path / "net.onnx")
    options = ["--pictures", ROOT / "data" / "check", "--count", "2"]
    for name, more, other in (("plain", [], ["first", "product", "a", "y"]),
                              ("kept", ["--keep", "thi*"], ["first", "product", "a", "third", "y"]),
                              ("attention", ["--attention"], ["first", "y"])):
        done = call(TOOLS / "int8.py", tmp_path / "net.onnx", tmp_path / f"{name}.onnx", *options, *more)
        assert done.returncode == 0, done.stderr
        said = printed(STRUCTURE, tmp_path / f"{name}.onnx") if name != "attention" else None
        if said:
            follows(said)
            assert [each.removesuffix("_inside") for each in said["other"]] == other


EQUAL = """
import json, sys
import numpy as np, onnx, int8
before, after = onnx.load(sys.argv[1]), onnx.load(sys.argv[1])
picture = np.random.default_rng(2).random((1, 3, 416, 416), np.float32)
tensors = [node.input[0] for node in int8.quantisable(after)]
sizes = int8.channel_sizes(after, tensors, [picture])
changed = int8.equalise(after, sizes)
then = int8.channel_sizes(after, tensors, [picture])
spread = [float(np.median([np.log(s[n][s[n] > 0]).std() for n in s if (s[n] > 0).any()])) for s in (sizes, then)]
error = [float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(*(
    int8.session(m).run(None, {"image": picture}) for m in (after, before)))]
print(json.dumps({"changed": changed, "error": error, "spread": spread}))
"""


def test_channels_are_made_alike_and_the_answers_stay(environment):  # noqa: F811
    said = printed(EQUAL, NETWORK)
    assert said["changed"] > 30 and max(said["error"]) < 1e-4
    assert said["spread"][1] < said["spread"][0]


@pytest.mark.parametrize("network, pictures, said", [
    (ROOT / "models" / "lznet-v3-half.onnx", ROOT / "data" / "check", "no FP32 network"),
    (NETWORK, ROOT / "src", "no pictures in"),
    (NETWORK, "/nowhere", "no folder of pictures")])
def test_what_cannot_be_quantised_is_told(environment, tmp_path, network, pictures, said):  # noqa: F811
    refused(call(TOOLS / "int8.py", network, tmp_path / "out.onnx", "--pictures", pictures), said)
    assert not list(tmp_path.iterdir())
