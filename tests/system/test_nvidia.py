"""Where no NVIDIA card, or no TensorRT, is: everything else works, and asking for it is an error that says so."""

import os
import re
import shutil
import subprocess

import pytest
from conftest import lazarillo, make_video, still_video

NVIDIA = shutil.which("nvidia-smi") is not None


@pytest.fixture
def video(tmp_path):
    return still_video(tmp_path / "street.mp4")


def settings(tmp_path, text):
    (tmp_path / "nvidia.toml").write_text(text)
    return tmp_path / "nvidia.toml"


@pytest.mark.skipif(NVIDIA, reason="there is a card")
@pytest.mark.parametrize("command", ["run", "bench"])
def test_a_card_asked_for_is_never_replaced(tmp_path, video, command):
    file = settings(tmp_path, '[see]\nengine = "tensorrt"\n')
    out = ["--out", tmp_path / "out"] if command == "run" else []
    result = lazarillo(command, video, *out, "--config", file)
    assert result.code == 4, result.err
    assert "openvino" in result.err and len(result.err.strip().splitlines()) == 1
    assert "TensorRT" in result.err or "no NVIDIA card" in result.err


@pytest.mark.skipif(NVIDIA, reason="there is a card")
@pytest.mark.parametrize("command", ["build", "check"])
def test_engine_says_what_is_missing(tmp_path, command):
    result = lazarillo("engine", command, env={"LAZARILLO_ENGINES": str(tmp_path / "engines")})
    assert result.code == 4 and "NVIDIA card" in result.err
    assert not (tmp_path / "engines").exists()


def test_eight_bits_for_cards_are_not_computed_by_the_processor(tmp_path, video):
    result = lazarillo("run", video, "--out", tmp_path / "out", "--models", "lznet-int8-card")
    assert result.code == 2 and 'see.engine = "tensorrt"' in result.err, result.err


def test_engine_list_of_nothing(tmp_path):
    result = lazarillo("engine", "list", env={"LAZARILLO_ENGINES": str(tmp_path / "engines")})
    assert result.code == 0 and "no plans" in result.out


def test_engine_list_tells_what_is_damaged(tmp_path):
    (tmp_path / "x-0123456789ab.json").write_text("{")
    result = lazarillo("engine", "list", env={"LAZARILLO_ENGINES": str(tmp_path)})
    assert result.code == 0 and "NOT USABLE" in result.out and "damaged" in result.out


@pytest.mark.parametrize("text, word", [
    ('[see]\nengine = "cuda"\n', "openvino or tensorrt"),
    ('[source]\ndecoder = "gpu"\n', "processor or nvdec"),
    ('[source]\ndecoder = "nvdec"\n', "see.engine"),
    ('[source]\ndma_buf = true\n', "see.engine"),
    ('[source]\ndma_buf = "yes"\n', "true or false"),
])
def test_settings_that_do_not_go_together(tmp_path, video, text, word):
    result = lazarillo("run", video, "--out", tmp_path / "out", "--config", settings(tmp_path, text))
    assert result.code == 2 and word in result.err, result.err


@pytest.mark.parametrize("source", ['decoder = "nvdec"', "dma_buf = true"])
def test_isolate_on_a_card_that_is_not_there(tmp_path, video, source):
    file = settings(tmp_path, f'[source]\n{source}\n[see]\nengine = "tensorrt"\n')
    result = lazarillo("run", video, "--realtime", "--isolate", "--out", tmp_path / "out", "--config", file)
    assert result.code in (3, 4) and "Traceback" not in result.err, result.err
    assert len([line for line in result.err.splitlines() if line.startswith("lazarillo:")]) == 1


@pytest.mark.skipif(NVIDIA, reason="there is a card")
def test_decoding_on_a_card_that_is_not_there(tmp_path, video):
    file = settings(tmp_path, '[source]\ndecoder = "nvdec"\n[see]\nengine = "tensorrt"\n')
    result = lazarillo("run", video, "--out", tmp_path / "out", "--config", file)
    assert result.code in (3, 4) and len(result.err.strip().splitlines()) == 1, result.err


def test_a_camera_asked_for_is_never_replaced(tmp_path, video):
    file = settings(tmp_path, '[source]\ndma_buf = true\n[see]\nengine = "tensorrt"\n')
    for source in video, "/dev/null", tmp_path / "missing":
        result = lazarillo("run", source, "--realtime", "--out", tmp_path / "out", "--config", file)
        assert result.code == 3 and "is no camera" in result.err, result.err


@pytest.mark.parametrize("driver, said", [(11040, "the driver runs CUDA 11.4, this program needs CUDA"),
                                          (0, "no driver is installed")])
def test_a_driver_too_old(tmp_path, driver, said):
    """A driver made up here, that says no more than its version."""
    if "built without CUDA" in lazarillo("doctor").out or shutil.which("cc") is None:
        pytest.skip("built without CUDA, or no compiler")
    (tmp_path / "driver.c").write_text(f"int cuDriverGetVersion(int *v) {{ *v = {driver}; return 0; }}\n"
                                       "int cuInit(unsigned flags) { return (int)(flags & 0); }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "libcuda.so.1", tmp_path / "driver.c"], check=True)
    result = lazarillo("doctor", env={"LD_LIBRARY_PATH": f"{tmp_path}:{os.environ.get('LD_LIBRARY_PATH', '')}"})
    assert result.code == 0 and said in result.out, result.out


def test_doctor_tells_of_shared_memory():
    result = lazarillo("doctor")
    assert result.code == 0
    for word in "GPUDirect RDMA", "nvidia-peermem", "DMA-BUF from CUDA", "DMA-BUFs without a camera":
        assert word in result.out


def test_doctor_tells_of_motion_jpeg():
    result = lazarillo("doctor")
    assert result.code == 0 and re.search(r"(yes|no)\s+nvJPEG\s+\S", result.out), result.out


@pytest.mark.skipif(NVIDIA, reason="there is a card")
def test_motion_jpeg_on_a_card_that_is_not_there(tmp_path):
    jpegs = make_video(tmp_path / "jpegs.avi",
                       "videotestsrc num-buffers=5 ! video/x-raw,width=320,height=240 ! jpegenc ! avimux")
    file = settings(tmp_path, '[source]\ndecoder = "nvdec"\n[see]\nengine = "tensorrt"\n')
    result = lazarillo("run", jpegs, "--out", tmp_path / "out", "--config", file)
    assert result.code in (3, 4) and len(result.err.strip().splitlines()) == 1, result.err
