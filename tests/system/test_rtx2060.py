"""bench/layers.py and bench/rtx2060.py: work counted against published figures and by hand, the calibration on times
that are known, the document and the profile in step with them. No card, no network file but lznet's."""

import json
import shutil
import subprocess
import sys
import tomllib

import pytest
from conftest import PROGRAM, ROOT, lazarillo, still_video

sys.path.insert(0, str(ROOT / "bench"))
import layers  # noqa: E402
import rtx2060  # noqa: E402
from roofline import Estimate, Model, encoder  # noqa: E402

DATA, NETWORKS = rtx2060.load()
# GFLOPs at 640 as Ultralytics publishes them (tables of YOLOv8, YOLO11, YOLO12), which leave attention's products out.
PUBLISHED = {"yolov8n": 8.7, "yolov8s": 28.6, "yolov8m": 78.9, "yolov8l": 165.2, "yolov8x": 257.8,
             "yolo11n": 6.5, "yolo11s": 21.5, "yolo11m": 68.0, "yolo11l": 86.9, "yolo11x": 194.9,
             "yolo12n": 6.5, "yolo12s": 21.4, "yolo12m": 67.5, "yolo12l": 88.9, "yolo12x": 199.0}


@pytest.mark.parametrize("network", PUBLISHED)
def test_work_is_what_its_makers_publish(network):
    counted = sum(layers.flops(k) for k in NETWORKS[network] if k.kind != "attention") / 1e9
    assert abs(counted - PUBLISHED[network]) <= 0.06, counted


def test_kernels_of_a_small_network_by_hand():
    """8 channels of 6x6: convolution 3x3 to 16 with bias, SiLU; depthwise 3x3; attention over 36 places of 16; two
    halves joined again."""
    import numpy as np
    import openvino
    from openvino import opset13 as ops

    def weights(*shape):
        return ops.constant(np.ones(shape, np.float32))

    picture = ops.parameter([1, 8, 6, 6], np.float32)
    one = ops.convolution(picture, weights(16, 8, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    one = ops.add(one, weights(1, 16, 1, 1))
    one = ops.multiply(one, ops.sigmoid(one))
    deep = ops.group_convolution(one, weights(16, 1, 1, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    flat = ops.reshape(ops.add(deep, one), ops.constant(np.array([1, 16, 36], np.int64)), False)
    scores = ops.softmax(ops.matmul(flat, flat, True, False), 2)
    out = ops.matmul(scores, flat, False, True)
    halves = ops.split(out, ops.constant(np.int64(1)), 2)
    model = openvino.Model([ops.concat([halves.output(1), halves.output(0)], 1)], [picture])

    at = 2 * 16 * 36  # bytes of a tensor of 16 channels
    assert layers.group(model.get_ordered_ops()) == [
        layers.Layer("tensor", 1, 36, 16, 72, 2 * (16 * 72 + 16), 2 * 8 * 36, at),
        layers.Layer("depthwise", 16, 36, 1, 9, 2 * 16 * 9, at, at),  # the residual is what it reads anyway
        layers.Layer("attention", 1, 36, 36, 16, 0, at, 2 * 36 * 36),
        layers.Layer("softmax", 0, 0, 0, 0, 0, 2 * 36 * 36, 2 * 36 * 36),
        layers.Layer("attention", 1, 36, 16, 36, 0, 2 * 36 * 36 + at, at),
        layers.Layer("move", 0, 0, 0, 0, 0, at, at),
        layers.Layer("move", 0, 0, 0, 0, 0, at, at)]


def test_the_table_holds_lznet_as_it_is():
    manifest = tomllib.loads((ROOT / "models" / "lznet-half.toml").read_text())
    card = json.loads((ROOT / "models" / manifest["joint"]["card"]).read_text())
    counted = layers.layers(ROOT / "models" / manifest["joint"]["file"], card["input"]["shape"][-1])
    assert sorted(counted) == sorted(NETWORKS["lznet"]), "bench/layers.py makes the table anew"


def test_the_encoder_is_the_one_of_the_depth_network():
    """392 pixels by patches of 14, and one token: its products are among the network's, as often."""
    def products(kernels):
        return sorted((k.kind, k.b, k.m, k.n, k.k) for k in kernels
                      if k.kind in ("tensor", "attention") and 785 in (k.m, k.n))
    assert products(encoder(785)) == products(NETWORKS["dav2s"])


def test_time_of_single_kernels_by_hand():
    card = DATA["cards"]["rtx2060"]
    bandwidth = DATA["copy_fraction"] * card["gbps"] * 1e9

    def ms(*kernels, fit=(0.5, 0.0), way={}, **keywords):
        return Model(DATA, {"it": list(kernels)}, **way).ms("rtx2060", "it", fit, **keywords)
    # 64 x 64 blocks: 31 of them are two waves on 30 SMs, each SM doing 1,024 FLOPs a clock.
    long = layers.Layer("tensor", 1, 31 * 64, 64, 4096, 0, 0, 0)
    wave = 2 * 64 * 64 * 4096 / (1024 * card["mhz"] * 1e6)
    assert ms(long) == pytest.approx(1e3 * 2 * wave / 0.5)
    assert ms(long, half_rate=True) == pytest.approx(1e3 * 4 * wave / 0.5)
    assert ms(long._replace(m=30 * 64)) == pytest.approx(1e3 * wave / 0.5)
    # Bytes: weights once a call, the rest for every picture; a start once a call.
    moving = layers.Layer("memory", 0, 0, 0, 0, 3_000_000, 4_000_000, 1_000_000)
    assert ms(moving, fit=(0.5, 5e-6)) == pytest.approx(1e3 * (8e6 / bandwidth + 5e-6))
    assert ms(moving, fit=(0.5, 5e-6), batch=2) == pytest.approx(1e3 * (13e6 / bandwidth + 5e-6) / 2)
    # Fused attention is one start and no bytes of scores (2 heads, 100 x 100); else three starts.
    attention = [layers.Layer("attention", 2, 100, 100, 8, 0, 6400, 40_000),
                 layers.Layer("softmax", 0, 0, 0, 0, 0, 40_000, 40_000),
                 layers.Layer("attention", 2, 100, 8, 100, 0, 43_200, 3200)]
    assert ms(*attention, fit=(1e9, 1e-6)) == pytest.approx(1e3 * (12_800 / bandwidth + 1e-6))
    assert ms(*attention, fit=(1e9, 1e-6), way={"fused": False}) == pytest.approx(1e3 * (172_800 / bandwidth + 3e-6))


def test_calibration_finds_the_numbers_the_times_were_made_with():
    model = Model(DATA, NETWORKS)
    points = [{"card": card, "network": network, "batch": batch,
               "ms": model.ms(card, network, (0.45, 3.3e-6), batch)}
              for card, network, batch in (("t4", "yolov8n", 1), ("t4", "yolov8m", 1), ("h200", "dav2s", 1),
                                           ("rtx2060", "yolo12n", 4))]
    efficiency, start, rms = model.best(model.errors(points))
    assert efficiency == pytest.approx(0.45) and start == pytest.approx(3.3e-6) and rms < 1e-6


def test_a_point_of_the_card_itself_moves_the_expected_time_with_it():
    """As if the card had been measured at the half of what it was: half is expected."""
    before = Estimate(DATA, NETWORKS)
    points = [{**p, "ms": p["ms"] / 2} if p["card"] == "rtx2060" else p for p in DATA["points"]]
    after = Estimate({**DATA, "points": points}, NETWORKS)
    assert after.ratio == pytest.approx(before.ratio / 2)
    assert after.fit == before.fit, "the card's own points do not calibrate"


def call(*arguments):
    return subprocess.run([sys.executable, ROOT / "bench" / "rtx2060.py", *arguments], capture_output=True, text=True,
                          timeout=120)


def test_the_document_is_what_the_script_gives(tmp_path):
    document = ROOT / "docs" / "rtx2060.md"
    done = call("--check", document)
    assert done.returncode == 0, done.stderr
    other = tmp_path / "other.md"
    other.write_text(document.read_text().replace("ms expected", "ms hoped for", 1))
    done = call("--check", other)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and "--write" in done.stderr
    assert call("--write", other).returncode == 0
    assert other.read_text() == document.read_text()
    other.write_text("nothing marked\n")
    done = call("--write", other)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and other.read_text() == "nothing marked\n"


def test_the_profile_has_the_interval_that_was_derived():
    profile = ROOT / "profiles" / "rtx2060.toml"
    settings = tomllib.loads(profile.read_text())
    every, with_depth = Estimate(DATA, NETWORKS).frame("rtx2060", "pair")
    interval = settings["see"]["depth_interval"]
    high = [(every + (with_depth - every) / n)[2] for n in (interval, interval - 1) if n > 0]
    assert high[0] <= DATA["budget_ms"], "at the high end too"
    assert all(ms > DATA["budget_ms"] for ms in high[1:]), "and no rarer than it must be"
    assert settings["see"]["engine"] == "tensorrt" and settings["source"]["decoder"] == "nvdec"
    assert settings["see"]["gpu_memory_mb"] <= 1536


@pytest.mark.skipif(not PROGRAM.exists(), reason="build/lazarillo is not here")
def test_the_profile_is_read(tmp_path):
    """Without a card it ends with what is missing there, not with a setting that is wrong (2)."""
    if shutil.which("nvidia-smi"):
        pytest.skip("there is a card")
    result = lazarillo("run", still_video(tmp_path / "street.mp4"), "--out", tmp_path / "out",
                       "--config", ROOT / "profiles" / "rtx2060.toml")
    assert result.code in (3, 4) and len(result.err.strip().splitlines()) == 1, result.err
