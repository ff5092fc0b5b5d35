"""tools/export/engines.py: lznet compiled for an RTX 2060 that is not here, and what is refused."""

import hashlib
import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT

TOOLS = ROOT / "tools" / "export"
PYTHON = ROOT / ".venv-engines" / "bin" / "python"
NETWORK = ROOT / "models" / "lznet-v3.onnx"
CARD = ROOT / "models" / "lznet-v3.json"
PHOTOGRAPHS = ROOT / "docs" / "lznet.jpg"


def call(*arguments, python=PYTHON):
    return subprocess.run([*map(str, (python, *arguments))], capture_output=True, text=True, timeout=600,
                          env={**os.environ, "PYTHONPATH": str(TOOLS), "PYTHONDONTWRITEBYTECODE": "1"})


def printed(script, *arguments):
    """What a script says with the packages of tools/export."""
    done = call("-c", script, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(done, said, code=1):
    assert done.returncode == code, done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1 and said in done.stderr, done.stderr


@pytest.fixture(scope="module")
def environment():
    if not PYTHON.exists():
        pytest.skip(".venv-engines is not here (0.65 GB): scripts/setup_engines.sh")


@pytest.fixture(scope="module")
def engine(environment, vtest, tmp_path_factory):
    """The folder of lznet's engine."""
    folder = tmp_path_factory.mktemp("engines")
    done = call(TOOLS / "engines.py", ROOT / "models" / "lznet.toml", "--pictures", vtest, "--out", folder)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    return folder


def test_an_engine_says_what_it_is(engine):
    assert sorted(file.name for file in engine.iterdir()) == ["lznet-v3-sm75.json", "lznet-v3-sm75.plan"]
    record = json.loads((engine / "lznet-v3-sm75.json").read_text())
    plan = (engine / "lznet-v3-sm75.plan").read_bytes()
    # What the compiler wrote into the plan itself.
    assert b"accelerators={sm75 }" in plan[:100_000]
    assert record["card"] == "compute capability 7.5" and record["library"].startswith("TensorRT for RTX 1.")
    assert record["network_sha256"] == json.loads(CARD.read_text())["sha256"]["lznet-v3.onnx"]
    assert record["sha256"] == hashlib.sha256(plan).hexdigest() and record["bytes"] == len(plan)
    assert record["profiles"] == {"image": {"min": [1, 3, 416, 416], "opt": [4, 3, 416, 416],
                                            "max": [4, 3, 416, 416]}}
    check = record["check_before_compiling"]
    assert check["passed"] and check["pictures"] == 8
    assert check["boxes"] > 50, "people walk through the street"
    assert 0 < check["box_px"] < 0.5 and 0 < check["score"] < 0.02
    assert 0 < check["depth_median"] < 0.005 and check["depth_p99"] < 0.02


TYPES = """
import json, sys, onnx
graph = onnx.load(sys.argv[1]).graph
types = {value.name: value.data_type for value in graph.initializer}
print(json.dumps({"weights": [types[n.input[1]] for n in graph.node if n.op_type in ("Conv", "Gemm")],
                  "io": [value.type.tensor_type.elem_type for value in [*graph.input, *graph.output]]}))
"""
FLOAT, HALF = 1, 10  # ONNX's numbers

BATCH = """
import json, sys
import numpy as np, openvino
core = openvino.Core()
half, network = (core.read_model(file) for file in sys.argv[1:])
half.reshape([2, 3, 416, 416])
half, network = (core.compile_model(n, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}) for n in (half, network))
pictures = np.random.default_rng(3).random((2, 3, 416, 416), np.float32)
both = [value.copy() for value in half(pictures).values()]
alone = [[value.copy() for value in network(picture[None]).values()] for picture in pictures]
print(json.dumps({
    "error": [float(np.abs(np.concatenate(one) - two).max()) for two, *one in zip(both, *alone)],
    "apart": [float(np.abs(one - two).max()) for one, two in zip(*alone)]}))
"""


def test_two_pictures_in_fp16_give_what_each_gives_alone(environment, tmp_path):
    for name, io in ("half", FLOAT), ("all", HALF):
        options = ["--batch", "dynamic"] if io == FLOAT else ["--half-io"]
        done = call(TOOLS / "half.py", NETWORK, tmp_path / f"{name}.onnx", *options)
        assert done.returncode == 0, done.stderr
        types = printed(TYPES, tmp_path / f"{name}.onnx")
        assert types["weights"] == [HALF] * 133 and types["io"] == [io] * 5
    said = printed(BATCH, tmp_path / "half.onnx", NETWORK)
    # FP16's own error is in it: pixels, scores, metres, parts.
    for error, apart, limit in zip(said["error"], said["apart"], (2, 0.02, 0.3, 0.03), strict=True):
        assert error < limit and error < apart / 5


ROUNDING = """
import json
import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
import engine_check, half

def constant(name, *values, shape=(1,)):
    return numpy_helper.from_array(np.float32(values).reshape(shape), name)

nodes = [("Conv", ["x", "one"], "a"), ("Add", ["a", "many"], "b"), ("Sub", ["b", "many"], "c"),
         ("Softmax", ["c"], "d"), ("Conv", ["d", "one"], "y")]
model = helper.make_model(helper.make_graph(
    [helper.make_node(kind, inputs, [output], name=output) for kind, inputs, output in nodes], "rounding",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 1, 64])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 1, 64])],
    [constant("one", 1, shape=(1, 1, 1, 1)), constant("many", 2048)]),
    opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
picture = np.linspace(0.1, 5, 64, dtype=np.float32).reshape(1, 1, 1, 64)
converted = half.halve(model)
print(json.dumps({
    "numpy": ReferenceEvaluator(converted).run(None, {"x": picture})[0].ravel().tolist(),
    "ours": engine_check.in_fp16(converted)(picture)["y"].ravel().tolist(),
    "fp32": engine_check.in_fp32(model)(picture)["y"].ravel().tolist()}))
"""


def test_fp16_is_rounded_as_numpy_rounds_it(environment):
    """ONNX's reference computes in numpy's FP16: an independent implementation."""
    said = printed(ROUNDING)
    for numpy, ours in zip(said["numpy"], said["ours"]):
        assert abs(numpy - ours) <= 2 ** -10 * numpy, "one step of FP16, of the exponential"
    assert max(abs(a / b - 1) for a, b in zip(said["ours"], said["fp32"])) > 0.1, "else nothing was lost"


ALTERED = """
import sys, onnx
from onnx import helper, numpy_helper
import numpy as np
source, out, first, second, number = sys.argv[1:]
model = onnx.load(source)
conv = [node for node in model.graph.node if node.op_type == "Conv"][8]
model.graph.initializer.append(numpy_helper.from_array(np.float32([float(number)]), "number"))
at = list(model.graph.node).index(conv)
# There and back, twice each.
value = conv.input[0]
for i, kind in enumerate((first, first, second, second)):
    model.graph.node.insert(at + i, helper.make_node(kind, [value, "number"], [f"way{i}"], name=f"way{i}"))
    value = f"way{i}"
conv.input[0] = value
onnx.save(model, out)
print("{}")
"""


def set_of(network, folder):
    manifest = folder / "set.toml"
    manifest.write_text(f'[joint]\ncard = "{CARD}"\nfile = "{network}"\n')
    return manifest


@pytest.mark.parametrize("there, back, number, said", [
    ("Mul", "Div", "60000", "is not finite in FP16"),    # beyond FP16's range
    ("Add", "Sub", "2048", "FP16 is too far from FP32")  # steps of 4 there
])
def test_a_network_that_fp16_breaks_is_refused(environment, tmp_path, there, back, number, said):
    printed(ALTERED, NETWORK, tmp_path / "altered.onnx", there, back, number)
    out = tmp_path / "out"
    out.mkdir()
    for old in "altered-sm75.plan", "altered-sm75.json":
        (out / old).write_text("of an earlier call")
    refused(call(TOOLS / "engines.py", set_of(tmp_path / "altered.onnx", tmp_path), "--pictures", PHOTOGRAPHS,
                 "--out", out), said)
    assert not list(out.iterdir()), "an older engine would be taken for this network's"


def test_a_damaged_network_is_refused(environment, tmp_path):
    whole = NETWORK.read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[:1_000_000])
    (tmp_path / "lznet-v3.onnx").write_bytes(whole[:-1] + b"x")
    for name, said in (("cut.onnx", "no whole ONNX file"), ("lznet-v3.onnx", "SHA-256"),
                       ("none.onnx", "is not there")):
        refused(call(TOOLS / "engines.py", set_of(tmp_path / name, tmp_path), "--pictures", PHOTOGRAPHS,
                     "--out", tmp_path / "out"), said)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("arguments, said", [
    (["--compute-capability", "9.0"], "compiles for compute capabilities 7.5,"),
    (["--models", str(ROOT / "docs")], "neither yolo12n-dav2s.toml nor"),
    (["--pictures", "/nowhere"], "'/nowhere' is not there"),
    (["--pictures", str(ROOT / "Makefile")], "cannot be decoded")])
def test_wrong_options_are_told(environment, tmp_path, arguments, said):
    done = call(TOOLS / "engines.py", "--out", tmp_path / "out", *arguments)
    assert done.returncode == 1 and said in done.stderr.splitlines()[-1], done.stderr
    assert not (tmp_path / "out").exists()


NOISE = """
import json
import numpy as np
import engine_check
random = np.random.default_rng(5)
wanted = [(100 * random.random((1, 4)) + random.random((50, 4)), 1e-4 * random.uniform(0.9, 1.1, (50, 3)))
          for _ in range(4)]
slightly = [(boxes + 0.01, scores * 1.001) for boxes, scores in wanted]
numbers = [engine_check.compare_boxes(got, wanted, None) for got in (slightly, wanted[1:] + wanted[:1])]
print(json.dumps([{name: float(value) for name, value in each.items()} for each in numbers]))
"""


def test_random_weights_are_compared_by_what_the_picture_changes(environment):
    near, swapped = printed(NOISE)
    assert near["boxes"] == 200 and near["noise"] < 0.1
    assert abs(near["box_px"] - 0.01) < 1e-6 and abs(near["score"] - 0.001) < 1e-6
    assert swapped["noise"] > 1, "another picture's answers are refused"


@pytest.mark.parametrize("tool", [["engines.py"], ["half.py", "network.onnx", "half.onnx"]])
def test_a_missing_environment_is_told(tool):
    script, *arguments = tool
    refused(call("-S", TOOLS / script, *arguments, python=sys.executable), "scripts/setup_engines.sh", code=2)
