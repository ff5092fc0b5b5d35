"""What the program does on an NVIDIA card. Skipped where there is none, or no TensorRT.

lznet-half is compiled for the card first (a minute or more), unless LAZARILLO_TEST_ENGINES names a folder that has it.
LAZARILLO_TEST_STREET: an H.264 video to use in place of the one made here; LAZARILLO_TEST_JPEGS: a Motion JPEG one.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from itertools import groupby
from pathlib import Path

import pytest
from conftest import PROGRAM, ROOT, decoded_pictures, lazarillo, make_video, read_results, still_video

pytestmark = pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="there is no NVIDIA card")

NVDEC = '[see]\nengine = "tensorrt"\n{see}[source]\ndecoder = "nvdec"\n[speak]\nspeech = false\n'


@pytest.fixture(scope="session")
def engines(tmp_path_factory):
    folder = Path(os.environ.get("LAZARILLO_TEST_ENGINES", tmp_path_factory.mktemp("engines")))
    built = lazarillo("engine", "build", "--models", "lznet-half", "--level", "0",
                      env={"LAZARILLO_ENGINES": str(folder)}, timeout=900)
    if built.code != 0:
        pytest.skip(built.err.strip())
    return folder


@pytest.fixture(scope="session")
def street(tmp_path_factory):
    if given := os.environ.get("LAZARILLO_TEST_STREET"):
        return Path(given)
    return still_video(tmp_path_factory.mktemp("video") / "street.mp4", seconds=10, size=(1280, 720), fps=30)


@pytest.fixture
def settings(tmp_path):
    def write(see=""):
        (tmp_path / "nvidia.toml").write_text(NVDEC.format(see=see))
        return tmp_path / "nvidia.toml"
    return write


def bench(street, engines, config, *more):
    return lazarillo("bench", street, "--models", "lznet-half", "--config", config, *more,
                     env={"LAZARILLO_ENGINES": str(engines)})


def memory_in_use():
    lines = subprocess.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"],
                           capture_output=True, text=True, check=True).stdout.split()
    return int(lines[0])


def copied(engines, tmp_path):
    return Path(shutil.copytree(engines, tmp_path / "engines"))


def test_no_pixel_crosses_the_bus(street, engines, settings, tmp_path):
    result = bench(street, engines, settings(), "--fast", "--frames", 200, "--json", tmp_path / "bench.json")
    assert result.code == 0, result.err
    moved = json.loads((tmp_path / "bench.json").read_text())["gpu_bytes_per_frame"]
    assert 0 < moved["to_card"] <= 8192 and 0 < moved["to_host"] <= 8192


def test_a_full_card_is_said(street, engines, settings):
    result = bench(street, engines, settings(see="gpu_memory_mb = 8\n"), "--fast", "--frames", 20)
    assert result.code == 4 and "memory is full" in result.err and "see.gpu_memory_mb" in result.err, result.err
    assert len(result.error_lines) == 1


@pytest.mark.parametrize("damage", ["cut", "byte"])
def test_a_damaged_plan_is_refused(street, engines, settings, tmp_path, damage):
    folder = copied(engines, tmp_path)
    for plan in folder.glob("*.plan"):
        data = bytearray(plan.read_bytes())
        data[len(data) // 2] ^= 0xFF
        plan.write_bytes(data[:len(data) // 2] if damage == "cut" else data)
    result = bench(street, folder, settings(), "--fast", "--frames", 20)
    assert result.code == 4 and "engine build" in result.err, result.err
    assert len(result.error_lines) == 1


@pytest.mark.parametrize("key", ["card", "library"])
def test_a_plan_of_another_card_or_version_is_not_taken(street, engines, settings, tmp_path, key):
    folder = copied(engines, tmp_path)
    changed = 0
    for record in folder.glob("*.json"):
        text = json.loads(record.read_text())
        if key in text:
            record.write_text(json.dumps({**text, key: "another"}))
            changed += 1
    assert changed
    result = bench(street, folder, settings(), "--fast", "--frames", 20)
    assert result.code == 4 and "not compiled for this card" in result.err, result.err


def test_a_stream_that_changes_its_size(engines, settings, tmp_path):
    stream = tmp_path / "changes.h264"
    if given := os.environ.get("LAZARILLO_TEST_CHANGES"):
        stream = Path(given)
    else:
        parts = []
        for number, (width, height) in enumerate([(640, 480), (320, 240), (640, 480)]):
            part = tmp_path / f"{number}.h264"
            make_video(part, f"videotestsrc num-buffers=20 ! video/x-raw,format=I420,width={width},height={height},"
                             "framerate=10/1 ! x264enc speed-preset=ultrafast key-int-max=10 ! h264parse ! "
                             "video/x-h264,stream-format=byte-stream")
            parts.append(part.read_bytes())
        stream.write_bytes(b"".join(parts))
    result = lazarillo("run", stream, "--models", "lznet-half", "--config", settings(), "--out", tmp_path / "out",
                       "--no-video", "--no-sound", env={"LAZARILLO_ENGINES": str(engines)}, timeout=60)
    assert result.code == 0, result.err
    frames = read_results(tmp_path / "out", result).frames
    assert not any(frame.get("fault") for frame in frames)
    # The card's decoder loses up to two pictures where the size changes.
    sizes = [(width, len(list(some))) for width, some in groupby(frame["width"] for frame in frames)]
    assert [width for width, _ in sizes] == [640, 320, 640]
    assert all(18 <= count <= 20 for _, count in sizes), sizes


@pytest.fixture(scope="session")
def jpegs(tmp_path_factory):
    """Motion JPEG, 4:2:2 as USB cameras send it: LAZARILLO_TEST_JPEGS, or one picture of the street again and again."""
    if given := os.environ.get("LAZARILLO_TEST_JPEGS"):
        return Path(given)
    return make_video(tmp_path_factory.mktemp("video") / "jpegs.avi",
                      f"filesrc location={ROOT / 'data' / 'check' / 'street-300.jpg'} ! jpegdec ! videoconvert ! "
                      "imagefreeze num-buffers=60 ! video/x-raw,format=Y42B,framerate=10/1 ! jpegenc ! avimux")


def needs_nvjpeg():
    if not re.search(r"yes\s+nvJPEG", lazarillo("doctor").out):
        pytest.skip("there is no nvJPEG")


def test_only_jpegs_cross_the_bus(jpegs, engines, settings, tmp_path):
    needs_nvjpeg()
    result = bench(jpegs, engines, settings(), "--fast", "--frames", 40, "--warm-up", 5, "--json",
                   tmp_path / "bench.json")
    assert result.code == 0, result.err
    moved = json.loads((tmp_path / "bench.json").read_text())["gpu_bytes_per_frame"]
    # Sizes of JPEGs differ, and some are decoded ahead: twice the mean, and what is said of each frame.
    frames = decoded_pictures(jpegs)
    assert jpegs.stat().st_size / frames / 3 < moved["to_card"] < 2 * jpegs.stat().st_size / frames + 8192, moved
    assert 0 < moved["to_host"] <= 8192


def test_jpegs_decoded_by_the_card_are_seen_as_the_processors(jpegs, engines, settings, tmp_path):
    needs_nvjpeg()
    seen = {}
    for decoder in "nvdec", "processor":
        config = settings()
        config.write_text(config.read_text().replace('"nvdec"', f'"{decoder}"'))
        out = tmp_path / decoder
        result = lazarillo("run", jpegs, "--fast", "--models", "lznet-half", "--config", config, "--out", out,
                           "--no-video", "--no-sound", env={"LAZARILLO_ENGINES": str(engines)})
        assert result.code == 0, result.err
        seen[decoder] = read_results(out, result).frames
    card, processor = seen["nvdec"], seen["processor"]
    assert len(card) == len(processor) > 0
    assert [f["stream_ns"] for f in card] == [f["stream_ns"] for f in processor]
    # The two decode and turn to RGB with other rounding: boxes move by parts of a pixel, seldom by more.
    off = []
    for a, b in [*zip(card, processor), *zip(processor, card)]:
        for sure in (d for d in a["detections"] if d["score"] >= 0.5):
            x1, y1, x2, y2 = sure["box"]
            nearest = min((max(abs(p - q) for p, q in zip(sure["box"], d["box"])) for d in b["detections"]
                           if d["label"] == sure["label"]), default=999)
            off.append((nearest, nearest / max(x2 - x1, y2 - y1)))
    assert off
    pixels, parts = (sorted(each) for each in zip(*off))
    told = f"of {len(off)} boxes: half within {pixels[len(off) // 2]:.2f} px, 99 of 100 within " \
           f"{pixels[len(off) * 99 // 100]:.2f} px, all within {parts[-1]:.3f} of their size"
    print(told)
    assert pixels[len(off) // 2] <= 0.5 and pixels[len(off) * 99 // 100] <= 4 and parts[-1] <= 0.1, told


def test_jpegs_outside_a_container_are_refused(engines, settings, tmp_path):
    bare = make_video(tmp_path / "bare.mjpeg", "videotestsrc num-buffers=10 ! video/x-raw,width=320,height=240 ! jpegenc")
    result = bench(bare, engines, settings(), "--fast", "--frames", 5, "--warm-up", 1)
    assert result.code == 3 and "processor" in result.err, result.err
    assert len(result.error_lines) == 1


def test_no_more_decoding_sessions(street, engines, settings, tmp_path):
    """NVIDIA's decoder, but for making a decoder, which it refuses as when its sessions are used up."""
    listed = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True).stdout
    real = re.search(r"libnvcuvid\.so\.1 .*=> (\S+)", listed)
    if not real or shutil.which("cc") is None:
        pytest.skip("no libnvcuvid.so.1 is listed, or no compiler")
    (tmp_path / "full.c").write_text("int cuvidCreateDecoder(void **decoder, void *how) "
                                     "{ *decoder = 0; return how ? 2 /* CUDA_ERROR_OUT_OF_MEMORY */ : 1; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "libnvcuvid.so.1", tmp_path / "full.c",
                    "-Wl,--no-as-needed", os.path.realpath(real[1])], check=True)
    result = lazarillo("bench", street, "--models", "lznet-half", "--config", settings(), "--fast", "--frames", 20,
                       env={"LAZARILLO_ENGINES": str(engines),
                            "LD_LIBRARY_PATH": f"{tmp_path}:{os.environ.get('LD_LIBRARY_PATH', '')}"}, timeout=90)
    assert result.code == 3 and len(result.error_lines) == 1, result.err
    assert "processor" in result.err, result.err


def start_isolated(street, engines, config, frames, **environment):
    """A run in processes of its own, and their process ids by name."""
    run = subprocess.Popen([str(PROGRAM), "bench", str(street), "--models", "lznet-half", "--config", str(config),
                            "--isolate", "--feed-fps", "30", "--frames", str(frames)],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           env={**os.environ, "LAZARILLO_ENGINES": str(engines), **environment})
    for line in run.stderr:
        if "processes " in line:
            return run, {name: int(pid) for name, pid in re.findall(r"(\w+) (\d+)", line)}
    raise AssertionError("it did not say its processes")


@pytest.mark.parametrize("part", ["capture", "see"])
def test_a_killed_process_leaves_no_memory_behind(street, engines, settings, part):
    before = memory_in_use()
    run, processes = start_isolated(street, engines, settings(), 450)
    time.sleep(6)
    os.kill(processes[part], signal.SIGKILL)
    out, err = run.communicate(timeout=120)
    assert run.returncode in (0, 7), (run.returncode, err)
    looked = float(re.search(r"detected\s+([\d.]+)", out)[1])
    assert looked > 15, out
    assert memory_in_use() <= before + 16


def test_eyes_that_lose_the_card_are_replaced(street, engines, settings, tmp_path):
    library = Path(os.environ.get("LAZARILLO_TEST_CRASH_LIBRARY", PROGRAM.parent / "tests/see/libcrash_on_request.so"))
    if not library.exists():
        pytest.skip(f"{library} was not built")
    run, processes = start_isolated(street, engines, settings(), 600,
                                    LD_PRELOAD=str(library), LAZARILLO_TEST_CRASH=str(tmp_path))
    time.sleep(8)
    (tmp_path / str(processes["see"])).touch()
    out, err = run.communicate(timeout=120)
    assert run.returncode in (0, 7), (run.returncode, err)
    assert err.count("see lost the NVIDIA card; started again") == 1, err
    looked = float(re.search(r"detected\s+([\d.]+)", out)[1])
    assert looked > 20, out


def test_the_ground_is_found_as_on_the_processor(engines, settings, shared, tmp_path):
    """The depth maps that come back from the card are good for the path: the same ground in the same pictures."""
    found = {}
    for engine, models in ("tensorrt", "lznet-half"), ("openvino", "lznet"):
        config = settings()
        config.write_text(config.read_text().replace('"tensorrt"', f'"{engine}"'))
        result = lazarillo("eval", "ground", shared / "data", "--models", models, "--config", config, "--json",
                           tmp_path / f"{engine}.json", env={"LAZARILLO_ENGINES": str(engines)}, timeout=300)
        assert result.code == 0, result.err
        found[engine] = json.loads((tmp_path / f"{engine}.json").read_text())
    card, processor = found["tensorrt"], found["openvino"]
    assert card["with_floor"] == processor["with_floor"] >= 50
    assert card["found"] >= processor["found"] - 2
    assert abs(card["tilt_median_deg"] - processor["tilt_median_deg"]) < 0.5
    heights = [abs(a["height_m"] / b["height_m"] - 1) for a, b in zip(card["pictures"], processor["pictures"])
               if a["found"] and b["found"]]
    assert sorted(heights)[len(heights) // 2] < 0.02
