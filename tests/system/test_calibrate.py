"""`lazarillo calibrate` on pictures of the board it prints, taken by lenses that are known."""

import re
import subprocess

import numpy as np
import pytest
from board_pictures import Camera, brown_conrady_rays, kannala_brandt_rays, poses
from conftest import ROOT, lazarillo
from PIL import Image

FISHEYE = {"rays_of": kannala_brandt_rays, "f": (250, 251), "c": (402.3, 297.1), "k": (0.04, -0.015, 0.004, -0.0008),
           "width": 800, "height": 600}
USUAL = {"rays_of": brown_conrady_rays, "f": (620, 623), "c": (408.2, 291.7), "k": (-0.28, 0.09, 0.0008, -0.0005, 0),
         "width": 800, "height": 600}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The printed page, at half its 300 points an inch."""
    file = tmp_path_factory.mktemp("board") / "board.png"
    done = lazarillo("calibrate", "--board", file)
    assert done.code == 0, done.err
    picture = Image.open(file).convert("L")
    assert picture.size == (3508, 2480)  # A4
    return np.array(picture.resize((1754, 1240), Image.BOX))


def photograph(folder, page, lens, count, half_width_deg, half_height_deg, near_mm, far_mm, seed=11):
    folder.mkdir()
    random = np.random.default_rng(seed)
    camera = Camera(**lens)
    for i, (rotation, middle) in enumerate(poses(random, count, half_width_deg, half_height_deg, near_mm, far_mm, 35)):
        picture = camera.shoot(page, (297, 210), rotation, middle, noise=2, random=random)
        Image.fromarray(picture).save(folder / f"{i:02}.png")
    return folder


@pytest.fixture(scope="module")
def fisheye_pictures(page, tmp_path_factory):
    return photograph(tmp_path_factory.mktemp("fisheye") / "a", page, FISHEYE, 20, 60, 42, 220, 400)


@pytest.fixture(scope="module")
def usual_pictures(page, tmp_path_factory):
    return photograph(tmp_path_factory.mktemp("usual") / "a", page, USUAL, 20, 28, 20, 300, 700)


def number(text, name):
    return float(re.search(rf"{name} (-?[\d.]+)", text)[1])


def expect_found(result, lens, kind):
    assert result.code == 0, result.err
    assert f"{kind} lens" in result.out
    print(result.out[-400:])
    for i, axis in enumerate("xy"):
        assert number(result.out, "f" + axis) == pytest.approx(lens["f"][i], rel=0.005)
        assert number(result.out, "c" + axis) == pytest.approx(lens["c"][i], abs=3)
    assert number(result.out, "error") < 0.3


def test_a_fisheye_is_found(fisheye_pictures, tmp_path):
    result = lazarillo("calibrate", fisheye_pictures, "--out", tmp_path / "camera.yaml")
    expect_found(result, FISHEYE, "fisheye")
    # Each picture has its own error.
    assert len(re.findall(r"px +\d+ corners +\d\d\.png", result.out)) >= 12
    written = (tmp_path / "camera.yaml").read_text()
    assert "fisheye_model: 1" in written and "image_width: 800" in written


def test_a_usual_lens_is_found(usual_pictures, tmp_path):
    expect_found(lazarillo("calibrate", usual_pictures, "--out", tmp_path / "camera.yaml"), USUAL, "usual")


def test_a_video_is_looked_through(usual_pictures, tmp_path):
    subprocess.run(f"gst-launch-1.0 -q multifilesrc location={usual_pictures}/%02d.png caps=image/png,framerate=2/1 ! "
                   f"pngdec ! videoconvert ! x264enc pass=quant quantizer=5 ! h264parse ! mp4mux ! "
                   f"filesink location={tmp_path}/board.mp4".split(), check=True, timeout=120)
    expect_found(lazarillo("calibrate", tmp_path / "board.mp4", "--out", tmp_path / "camera.yaml"), USUAL, "usual")


def test_a_plain_chessboard_is_enough(tmp_path):
    board = ("--chessboard", "--columns", 9, "--rows", 7, "--square", 25)
    assert lazarillo("calibrate", "--board", tmp_path / "board.png", *board).code == 0
    page = np.array(Image.open(tmp_path / "board.png").convert("L").resize((1754, 1240), Image.BOX))
    pictures = photograph(tmp_path / "a", page, USUAL, 24, 20, 14, 400, 800)
    expect_found(lazarillo("calibrate", pictures, *board, "--out", tmp_path / "camera.yaml"), USUAL, "usual")


@pytest.mark.parametrize("ending,begin", [("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_the_board_is_written_to_be_printed(tmp_path, ending, begin):
    file = tmp_path / f"board.{ending}"
    assert lazarillo("calibrate", "--board", file).code == 0
    assert file.read_bytes().startswith(begin)


def refused(code, words, *arguments):
    result = lazarillo("calibrate", *arguments)
    assert result.code == code, result.err
    assert len(result.error_lines) == 1
    assert all(word in result.err for word in words), result.err


def test_what_is_missing_is_one_line(page, usual_pictures, tmp_path):
    out = tmp_path / "camera.yaml"
    out.write_text("kept")
    few = tmp_path / "few"
    few.mkdir()
    for i in range(5):
        (few / f"{i}.png").write_bytes((usual_pictures / f"{i:02}.png").read_bytes())
    refused(3, ["sharp views", "8 are needed", "corner"], few, "--out", out)
    alike = tmp_path / "alike"
    alike.mkdir()
    for i in range(12):
        (alike / f"{i:02}.png").write_bytes((usual_pictures / "01.png").read_bytes())
    refused(3, ["only 1 sharp"], alike, "--out", out)
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(3, ["no pictures"], empty, "--out", out)
    Image.new("L", (640, 480), 120).save(empty / "a.png")
    refused(3, ["none of the 1 pictures", "--columns"], empty, "--out", out)
    Image.new("L", (640, 482), 120).save(empty / "b.png")
    refused(3, ["b.png", "640x482", "640x480"], empty, "--out", out)
    (few / "9.png").write_bytes(b"nothing")
    refused(3, ["9.png"], few, "--out", out)
    refused(3, ["nowhere"], tmp_path / "nowhere", "--out", out)
    refused(2, ["--board"])
    refused(2, [".pdf"], "--board", tmp_path / "board.doc")
    refused(2, ["markers"], "--board", tmp_path / "board.pdf", "--marker", 40)
    refused(5, ["nowhere"], "--board", tmp_path / "nowhere" / "board.pdf")
    assert out.read_text() == "kept", "a calibration that fails leaves the one before alone"


def test_a_result_that_cannot_be_written_is_an_output_error(usual_pictures, tmp_path):
    refused(5, ["camera.yaml"], usual_pictures, "--out", tmp_path / "nowhere" / "camera.yaml")


def test_every_option_is_documented():
    options = set(re.findall(r"--[a-z-]+", lazarillo("calibrate", "--help").out)) - {"--help"}
    told = (ROOT / "docs" / "calibration.md").read_text() + (ROOT / "docs" / "usage.md").read_text()
    page = (ROOT / "docs" / "lazarillo.1").read_text().replace("\\-", "-")
    assert len(options) >= 8
    for option in options:
        assert option in told, option
        assert option in page, option
