"""`lazarillo models import`: networks a user brings, tiny ones with known answers."""

import hashlib
import json
import os
import pty
import subprocess
import tomllib

import pytest
import tiny_onnx
from conftest import PROGRAM, ROOT, lazarillo


@pytest.fixture
def home(tmp_path):
    """A data folder of its own: what is imported goes there."""
    return tmp_path / "data" / "lazarillo" / "models"


def models(home, *arguments, **keywords):
    return lazarillo("models", *arguments, env={"XDG_DATA_HOME": str(home.parent.parent)}, **keywords)


def refused(result, code, *words):
    assert result.code == code, result.err + result.out
    line = result.err.splitlines()[-1]
    assert line.startswith("lazarillo: ")
    for word in words:
        assert word in line, line


def left(home):
    return sorted(p.name for p in home.iterdir()) if home.exists() else []


def test_a_detector_that_tells_everything(home, tmp_path):
    """Ultralytics writes the class names into the file; the rest is in the shapes and the boxes."""
    file = tiny_onnx.ultralytics(tmp_path / "My net.onnx", metadata={"names": "{0: 'door', 1: 'tree'}"})
    result = models(home, "import", file, "--licence", "MIT")
    assert result.code == 0, result.err
    assert left(home) == ["My-net.onnx", "My-net.toml"]
    for said in "contract ultralytics", "1x6x100", "its file names them", "pixels", "letterbox", "RGB":
        assert said in result.err
    assert "--models My-net" in result.out
    manifest = tomllib.loads((home / "My-net.toml").read_text())
    assert manifest["licence"] == "MIT"
    detector = manifest["detector"]
    assert detector["labels"] == ["door", "tree"] and detector["contract"] == "ultralytics"
    assert detector["box_units"] == "pixels" and detector["input"]["width"] == 32
    assert detector["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert "good" in models(home, "verify", "My-net").out
    assert "My-net" in models(home, "list").out


def test_units_are_seen_from_the_boxes(home, tmp_path):
    file = tiny_onnx.ultralytics(tmp_path / "n.onnx", unit=1 / 32)
    assert models(home, "import", file, "--labels", "a, b").code == 0
    detector = tomllib.loads((home / "n.toml").read_text())["detector"]
    assert detector["box_units"] == "normalised" and detector["labels"] == ["a", "b"]


def test_labels_must_come_from_somewhere(home, tmp_path):
    file = tiny_onnx.ultralytics(tmp_path / "n.onnx", classes=3)
    refused(models(home, "import", file), 2, "--labels", "3 classes", "--yes")
    refused(models(home, "import", file, "--yes"), 2, "--yes cannot answer", "--labels")
    refused(models(home, "import", file, "--labels", "a,b"), 2, "2 names", "3 classes")
    assert left(home) == []
    names = tmp_path / "names.txt"
    names.write_text("one\ntwo words\r\nthree\n")
    assert models(home, "import", file, "--labels", names).code == 0
    assert tomllib.loads((home / "n.toml").read_text())["detector"]["labels"] == ["one", "two words", "three"]


def test_eighty_classes_are_probably_cocos_but_not_without_a_yes(home, tmp_path):
    file = tiny_onnx.ultralytics(tmp_path / "n.onnx", classes=80)
    refused(models(home, "import", file), 2, "--labels", "'coco80' has as many")
    result = models(home, "import", file, "--yes")
    assert result.code == 0 and "--labels coco80 was taken" in result.err
    labels = tomllib.loads((home / "n.toml").read_text())["detector"]["labels"]
    assert labels == (ROOT / "models" / "labels" / "coco80.txt").read_text().split("\n")[:80]


def rows_of_six(path):
    rows = [4, 6, 20, 24, 0.9, 1.0, 1, 2, 3, 30, 0.5, 0.0] + [0] * 36
    return tiny_onnx.write(path, [1, 3, 32, 32], {"out": ([1, 8, 6], rows, 0)})


def test_rows_of_six_can_be_two_things(home, tmp_path):
    file = rows_of_six(tmp_path / "n.onnx")
    refused(models(home, "import", file, "--labels", "a,b"), 2, "--contract", "end_to_end", "ultralytics")
    refused(models(home, "import", file, "--contract", "detr"), 2, "--contract", "end_to_end, ultralytics")
    assert models(home, "import", file, "--labels", "a,b", "--contract", "end_to_end").code == 0
    assert tomllib.loads((home / "n.toml").read_text())["detector"]["contract"] == "end_to_end"
    refused(models(home, "import", file, "--labels", "a", "--contract", "end_to_end", "--name", "m"), 7,
            "a class that is none of its 1 labels")
    assert left(home) == ["n.onnx", "n.toml"]


def test_logits_and_boxes_are_detr(home, tmp_path):
    file = tiny_onnx.write(tmp_path / "n.onnx", [1, 3, 32, 32],
                           {"logits": ([1, 2, 3], [-3, 2, -5, -9, -9, -9], 0),
                            "pred_boxes": ([1, 2, 4], [0.5, 0.5, 0.2, 0.4, 0, 0, 1, 1], 0)})
    result = models(home, "import", file, "--labels", "a,b,c")
    assert result.code == 0 and "contract detr" in result.err and "stretched" in result.err
    detector = tomllib.loads((home / "n.toml").read_text())["detector"]
    assert detector["box_units"] == "normalised" and detector["input"]["letterbox"] is False


def test_a_joint_network(home, tmp_path):
    file = tiny_onnx.write(tmp_path / "n.onnx", [1, 3, 32, 32],
                           {"boxes": ([1, 2, 4], [8, 12, 16, 20, 0, 8, 4, 30], 0),
                            "scores": ([1, 2, 2], [0.1, 0.9, 0.6, 0], 0), "depth": ([1, 1, 8, 8], [5], 1)})
    refused(models(home, "import", file, "--labels", "a,b"), 2, "--focal")
    assert models(home, "import", file, "--labels", "a,b", "--focal", "40").code == 0
    assert tomllib.loads((home / "n.toml").read_text())["joint"]["canonical_focal_px"] == 40
    refused(models(home, "import", file, "--units", "pixels", "--yes", "--labels", "a,b", "--replace"), 2,
            "--units", "joint")


def test_a_card_says_everything(home, shared):
    """The development network with its card, as training leaves it."""
    file = shared / "models" / "lznet-v0.onnx"
    result = models(home, "import", file, "--name", "mine")
    assert result.code == 0, result.err
    assert left(home) == ["mine.json", "mine.onnx", "mine.toml"]
    card = json.loads(file.with_suffix(".json").read_text())
    shown = models(home, "show", "mine").out
    assert f"/ {card['canonical_focal_px']:g}" in shown and card["sha256"]["lznet-v0.onnx"] in shown
    refused(models(home, "import", file, "--name", "other", "--focal", "3"), 2, "lznet-v0.json")


def test_a_real_network_of_another_maker(home, shared, tmp_path):
    """YOLOv8n as TFLite: channels last, boxes in parts of the input."""
    file = shared / "models" / "verify" / "yolov8n-320-int8.tflite"
    result = models(home, "import", file, "--yes")
    assert result.code == 0, result.err
    detector = tomllib.loads((home / "yolov8n-320-int8.toml").read_text())["detector"]
    assert detector["input"]["layout"] == "nhwc" and detector["input"]["width"] == 320
    assert detector["box_units"] == "normalised" and len(detector["labels"]) == 80


def test_an_ir_comes_with_its_weights(home, tmp_path):
    openvino = pytest.importorskip("openvino")
    onnx = tiny_onnx.ultralytics(tmp_path / "n.onnx")
    openvino.save_model(openvino.Core().read_model(onnx), tmp_path / "ir.xml", compress_to_fp16=False)
    assert models(home, "import", tmp_path / "ir.xml", "--labels", "a,b").code == 0
    assert left(home) == ["ir.bin", "ir.toml", "ir.xml"]
    weights = tomllib.loads((home / "ir.toml").read_text())["detector"]["weights_sha256"]
    assert weights == hashlib.sha256((tmp_path / "ir.bin").read_bytes()).hexdigest()
    (tmp_path / "ir.bin").unlink()
    refused(models(home, "import", tmp_path / "ir.xml", "--name", "b"), 4, "ir.bin", "missing")


def test_an_open_size_is_asked_for(home, tmp_path):
    file = tiny_onnx.ultralytics(tmp_path / "n.onnx", input_shape=[None, 3, None, None])
    refused(models(home, "import", file, "--labels", "a,b"), 2, "--size", "?x3x?x?")
    refused(models(home, "import", file, "--labels", "a,b", "--size", "64"), 2, "--size", "640x480")
    assert models(home, "import", file, "--labels", "a,b", "--size", "64x48").code == 0
    made = tomllib.loads((home / "n.toml").read_text())["detector"]["input"]
    assert (made["width"], made["height"]) == (64, 48)
    fixed = tiny_onnx.ultralytics(tmp_path / "m.onnx")
    refused(models(home, "import", fixed, "--labels", "a,b", "--size", "64x48"), 2, "--size", "32x32")


def test_depth_goes_with_a_detector(home, tmp_path):
    assert models(home, "import", tiny_onnx.ultralytics(tmp_path / "d.onnx"), "--labels", "a,b").code == 0
    file = tiny_onnx.depth(tmp_path / "z.onnx")
    refused(models(home, "import", file, "--normalise", "none"), 2, "--contract", "relative_inverse", "metric")
    refused(models(home, "import", file, "--yes"), 2, "--with", "alone is no set")
    refused(models(home, "import", file, "--yes", "--with", "lznet"), 2, "--with lznet")
    refused(models(home, "import", file, "--yes", "--labels", "a", "--with", "d"), 2, "--labels")
    result = models(home, "import", file, "--yes", "--with", "d", "--name", "pair")
    assert result.code == 0, result.err
    # What is safe is taken: relative depth is never told as metres.
    pair = tomllib.loads((home / "pair.toml").read_text())
    assert pair["depth"]["contract"] == "relative_inverse" and pair["detector"]["file"] == "d.onnx"
    assert pair["depth"]["input"]["mean"] == [0.485, 0.456, 0.406]
    assert models(home, "import", file, "--with", "d", "--name", "metres", "--contract", "metric",
                  "--focal", "0", "--normalise", "none").code == 0
    assert tomllib.loads((home / "metres.toml").read_text())["depth"]["contract"] == "metric"
    assert "good" in models(home, "verify", "pair", "metres").out


@pytest.mark.parametrize("made, code, words", [
    ({"score": float("nan")}, 7, "not finite"), ({"score": float("inf")}, 7, "not finite"),
    ({"score": 3.25}, 7, "score of 3.25")])
def test_the_golden_check_refuses(home, tmp_path, made, code, words):
    file = tiny_onnx.ultralytics(tmp_path / "n.onnx", **made)
    refused(models(home, "import", file, "--labels", "a,b"), code, "known picture", words)
    assert left(home) == []


def test_metres_below_zero_are_refused(home, tmp_path):
    assert models(home, "import", tiny_onnx.ultralytics(tmp_path / "d.onnx"), "--labels", "a,b").code == 0
    file = tiny_onnx.depth(tmp_path / "z.onnx", value=-7)
    refused(models(home, "import", file, "--with", "d", "--contract", "metric", "--focal", "0",
                   "--normalise", "none"), 7, "below 0")
    assert left(home) == ["d.onnx", "d.toml"]


def test_what_fits_no_contract_is_refused(home, tmp_path):
    write = tiny_onnx.write
    refused(models(home, "import", write(tmp_path / "a.onnx", [1, 3, 8, 8], {"x": ([1, 10], [0], 0)})), 4,
            "x 1x10", "no contract")
    refused(models(home, "import", write(tmp_path / "b.onnx", [1, 1, 8, 8], {"x": ([1, 10], [0], 0)})), 4, "1x1x8x8")
    named = tiny_onnx.ultralytics(tmp_path / "c.onnx", classes=35, metadata={"names": "{0: 'a', 1: 'b', 2: 'c'}"})
    refused(models(home, "import", named), 4, "names 3 classes", "room for 35", "segmentation")
    (tmp_path / "d.onnx").write_bytes(b"\x08 this is no network")
    refused(models(home, "import", tmp_path / "d.onnx"), 4, "d.onnx")
    (tmp_path / "e.pt").write_bytes(b"weights")
    refused(models(home, "import", tmp_path / "e.pt"), 4, "tools/export")
    refused(models(home, "import", tmp_path / "none.onnx"), 4, "none.onnx")
    assert left(home) == []


def test_a_name_is_given_once(home, tmp_path):
    first = tiny_onnx.ultralytics(tmp_path / "n.onnx")
    second = tiny_onnx.ultralytics(tmp_path / "m.onnx", score=0.6)
    assert models(home, "import", first, "--labels", "a,b").code == 0
    refused(models(home, "import", second, "--labels", "a,b", "--name", "n"), 4, "'n' already", "--replace")
    refused(models(home, "import", second, "--labels", "a,b", "--name", "lznet"), 4, "'lznet' already")
    for name in "a b", "../n", ".n", "index":
        refused(models(home, "import", second, "--labels", "a,b", "--name=" + name), 2, "--name")
    assert left(home) == ["n.onnx", "n.toml"]

    assert models(home, "import", second, "--labels", "c,d", "--name", "n", "--replace").code == 0
    manifest = tomllib.loads((home / "n.toml").read_text())["detector"]
    assert manifest["labels"] == ["c", "d"]
    assert manifest["sha256"] == hashlib.sha256(second.read_bytes()).hexdigest()
    assert left(home) == sorted(["n.toml", manifest["file"]]), "the replaced network is gone"
    assert "good" in models(home, "verify", "n").out


def test_a_network_that_another_set_uses_stays(home, tmp_path):
    assert models(home, "import", tiny_onnx.ultralytics(tmp_path / "d.onnx"), "--labels", "a,b").code == 0
    assert models(home, "import", tiny_onnx.depth(tmp_path / "z.onnx"), "--yes", "--with", "d").code == 0
    other = tiny_onnx.ultralytics(tmp_path / "e.onnx", score=0.5)
    assert models(home, "import", other, "--labels", "a,b", "--name", "d", "--replace").code == 0
    assert "d.onnx" in left(home)
    assert models(home, "verify", "d", "z").code == 0


def test_a_failed_replacement_leaves_the_old_set(home, tmp_path):
    assert models(home, "import", tiny_onnx.ultralytics(tmp_path / "n.onnx"), "--labels", "a,b").code == 0
    before = {name: (home / name).read_bytes() for name in left(home)}
    bad = tiny_onnx.ultralytics(tmp_path / "m.onnx", score=float("nan"))
    assert models(home, "import", bad, "--labels", "a,b", "--name", "n", "--replace").code == 7
    assert {name: (home / name).read_bytes() for name in left(home)} == before


def test_what_a_killed_one_left_is_removed(home, tmp_path):
    home.mkdir(parents=True)
    (home / ".new-n-123").mkdir()
    (home / ".new-n-123" / "n.onnx").write_bytes(b"half")
    assert models(home, "import", tiny_onnx.ultralytics(tmp_path / "n.onnx"), "--labels", "a,b").code == 0
    assert left(home) == ["n.onnx", "n.toml"]


def test_another_folder(home, tmp_path):
    folder = tmp_path / "elsewhere"
    result = models(home, "import", tiny_onnx.ultralytics(tmp_path / "n.onnx"), "--labels", "a,b", "--to", folder)
    assert result.code == 0 and f"--models {folder}/n.toml" in result.out and left(home) == []
    (tmp_path / "file").write_text("")
    refused(models(home, "import", tmp_path / "n.onnx", "--labels", "a,b", "--to", tmp_path / "file" / "x"), 5,
            "cannot be written")


def conversation(home, answers, *arguments):
    """At a terminal: what was shown and the exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([str(PROGRAM), "models", "import", *map(str, arguments)], stdin=theirs, stdout=theirs,
                               stderr=theirs, env={**os.environ, "XDG_DATA_HOME": str(home.parent.parent)})
    os.close(theirs)
    os.write(ours, "".join(answer + "\n" for answer in answers).encode())
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:
        pass
    os.close(ours)
    return shown.decode(), process.wait(timeout=60)


def test_at_a_terminal_it_asks(home, tmp_path):
    file = rows_of_six(tmp_path / "n.onnx")
    # The first question has a suggestion: an empty line takes it. The second has none: it asks again.
    shown, code = conversation(home, ["", "", "a,b", "no"], file)
    assert code == 2 and "[end_to_end]" in shown and "nothing was imported" in shown and left(home) == []
    shown, code = conversation(home, ["", "a,b", "yes"], file)
    assert code == 0, shown
    assert tomllib.loads((home / "n.toml").read_text())["detector"]["contract"] == "end_to_end"
    # All that could be asked was said: no question, not even the last.
    shown, code = conversation(home, [], file, "--contract", "end_to_end", "--labels", "a,b", "--name", "m")
    assert code == 0 and "yes or no" not in shown
