"""tools/export: what it writes computes what PyTorch computes, and Lazarillo accepts it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, lazarillo

EXPORT = ROOT / "tools" / "export" / "export.py"
PYTHON = ROOT / ".venv-bench" / "bin" / "python"


def run(python, *arguments):
    return subprocess.run([str(python), *map(str, arguments)], capture_output=True, text=True,
                          timeout=600)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Both networks with random weights, small so that it is quick."""
    if not PYTHON.exists():
        pytest.skip(".venv-bench is not here: make bench-setup")
    folder = tmp_path_factory.mktemp("export")
    for network, size in ("yolo12n", 320), ("dav2s", 196):
        done = run(PYTHON, EXPORT, network, "--random", "--seed", 1, "--size", size, "--out", folder)
        assert done.returncode == 0, done.stderr
    return folder


def test_openvino_computes_what_pytorch_computes(exported):
    done = run(PYTHON, Path(__file__).with_name("export_parity.py"), exported)
    assert done.returncode == 0, done.stderr
    boxes, depth = (json.loads(done.stdout.splitlines()[-1])[part] for part in ("boxes", "depth"))
    print(boxes, depth)
    assert boxes["shape"] == [1, 84, 40 * 40 + 20 * 20 + 10 * 10]
    assert max(boxes["error_px"]) <= 0.01
    assert max(boxes["score_error"]) <= 1e-3
    assert max(boxes["best"]) < 0.1, "random weights must see nothing"
    assert min(boxes["apart_px"]) > 10 * max(boxes["error_px"]), "else any network would pass"
    assert depth["shape"] == [1, 196, 196]
    assert depth["parameters"] == 24_785_089, "of the published model"
    assert max(depth["error"]) <= 1e-3
    assert min(depth["spread"]) > 0.01, "a flat map would prove nothing"


def test_lazarillo_accepts_the_set(exported):
    for manifest in "yolo12n-random.toml", "yolo12n-dav2s-random.toml":
        done = lazarillo("models", "verify", exported / manifest)
        assert done.code == 0 and "good" in done.out, done.out


def test_lazarillo_refuses_a_network_that_is_not_the_exported_one(exported, tmp_path):
    for file in exported.glob("*random.*"):
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    network = tmp_path / "yolo12n-random.onnx"
    network.write_bytes(network.read_bytes()[:-1] + b"x")
    done = lazarillo("models", "verify", tmp_path / "yolo12n-dav2s-random.toml")
    assert done.code == 4, done.out


@pytest.mark.parametrize("arguments, said", [
    (["dav2s", "--random", "--size", "384"], "multiple of 14"),
    (["yolo12n", "--random", "--size", "630"], "multiple of 32"),
    (["yolo12n", "--random", "--batch", "many"], "--batch many"),
    (["yolo12n", "--random", "--name", "../n"], "--name '../n'"),
    (["yolo12n", "--weights", "nowhere.pt"], "'nowhere.pt' is not there"),
    (["dav2s", "--weights", str(EXPORT)], "takes --checkpoint")])
def test_wrong_options_are_told_without_pytorch(tmp_path, arguments, said):
    done = run(sys.executable, EXPORT, *arguments, "--out", tmp_path / "out")
    assert done.returncode == 2 and said in done.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()
