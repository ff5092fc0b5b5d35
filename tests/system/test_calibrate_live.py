"""`lazarillo calibrate` before a camera that is at work: a network camera that sends pictures of the board, each for a
while, as a lens that is known takes them."""

import os
import re
import signal
import subprocess

import numpy as np
import pytest
from board_pictures import Camera as Lens
from board_pictures import brown_conrady_rays, turn
from conftest import PROGRAM, lazarillo
from PIL import Image
from test_calibrate import USUAL, number
from test_live import Camera

EACH = 4  # pictures of a pose, a tenth of a second each


def directions(half_width_deg, half_height_deg):
    """The middle, the edges and the corners of the picture."""
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            yield right * half_width_deg, down * half_height_deg


def poses():
    """Three times in each ninth of the picture, near enough to fill it, tilted each way in turn."""
    tilts = [(0, 32), (0, -32), (32, 0), (-32, 0)]
    for round_ in range(3):
        for i, (right, down) in enumerate(directions(20, 14)):
            across, over = tilts[(i + round_) % 4]
            yield right, down, 340 + 70 * round_, turn(across, over, 4 * i - 16)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """The board in 27 poses."""
    folder = tmp_path_factory.mktemp("poses")
    assert lazarillo("calibrate", "--board", folder / "board.png").code == 0
    page = np.array(Image.open(folder / "board.png").convert("L").resize((1754, 1240), Image.BOX))
    (folder / "board.png").unlink()
    lens = Lens(**USUAL)
    random = np.random.default_rng(7)
    for i, (right_deg, down_deg, distance, tilt) in enumerate(poses()):
        right, down = np.radians([right_deg, down_deg])
        where = np.array([np.sin(right) * np.cos(down), np.sin(down), np.cos(right) * np.cos(down)])
        picture = lens.shoot(page, (297, 210), tilt, where * distance, noise=2, random=random)
        Image.fromarray(picture).save(folder / f"{i:02}.png")
    return sorted(folder.iterdir())


def camera_of(pictures, folder):
    """Shows each of them for a while, again and again."""
    folder.mkdir()
    for i, picture in enumerate(picture for picture in pictures for _ in range(EACH)):
        os.link(picture, folder / f"{i:04}.png")
    return Camera(pipeline=f"multifilesrc location={folder}/%04d.png loop=true caps=image/png,framerate=10/1 ! "
                           "pngdec ! videoconvert ! identity sync=true ! x264enc tune=zerolatency pass=quant "
                           "quantizer=12 key-int-max=10 ! rtph264pay name=pay0 pt=96 config-interval=-1")


def by_tcp(camera):
    return camera.uri.replace("rtsp:", "rtspt:")


def expect_lens(out):
    assert "usual lens" in out
    for i, axis in enumerate("xy"):
        assert number(out, "f" + axis) == pytest.approx(USUAL["f"][i], rel=0.01)
        assert number(out, "c" + axis) == pytest.approx(USUAL["c"][i], abs=5)


def views_told(text):
    return [int(n) for n in re.findall(r"^view (\d+)", text, re.M)]


def test_the_lens_of_a_camera_at_work(pictures, tmp_path):
    with camera_of(pictures, tmp_path / "shown") as camera:
        done = lazarillo("calibrate", by_tcp(camera), "--out", tmp_path / "camera.yaml", "--keep", tmp_path / "kept")
    assert done.code == 0, done.err
    print(done.err + done.out)
    expect_lens(done.out)
    # It ends by itself, counts every view, and says where to hold the board.
    views = views_told(done.err)
    assert views == list(range(1, len(views) + 1)) and 20 <= len(views) <= len(pictures)
    assert "view 7 of 20: hold it " in done.err and "that is enough" in done.err
    # What was kept is what was used: the same lens comes of it.
    kept = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert kept == [f"view-{n:02}.png" for n in views]
    again = lazarillo("calibrate", tmp_path / "kept", "--out", tmp_path / "again.yaml")
    assert again.code == 0, again.err
    assert number(again.out, "fx") == pytest.approx(number(done.out, "fx"), rel=0.002)


class Session:
    """Somebody at the camera, who presses Ctrl-C."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([PROGRAM, "calibrate", *arguments], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def stop_at(self, words):
        """Presses it when a line with these words has come."""
        told = []
        try:
            for line in self.process.stderr:
                told.append(line)
                if words in line:
                    break
            self.process.send_signal(signal.SIGINT)
            out, err = self.process.communicate(timeout=120)
        finally:
            self.process.kill()
        return self.process.returncode, out, "".join(told) + err


def test_ctrl_c_ends_with_the_views_there_are(pictures, tmp_path):
    # Twelve poses: it never gets its twenty.
    with camera_of(pictures[:12], tmp_path / "shown") as camera:
        code, out, err = Session(by_tcp(camera), "--out", tmp_path / "camera.yaml").stop_at("view 12")
    assert code == 0, err
    assert "calibrating with 12 views" in err
    print(out)
    expect_lens(out)


def test_too_few_views_are_one_line(pictures, tmp_path):
    with camera_of(pictures[:3], tmp_path / "shown") as camera:
        code, _, err = Session(by_tcp(camera), "--out", tmp_path / "camera.yaml").stop_at("view 3")
    assert code == 3
    errors = [line for line in err.splitlines() if line.startswith("lazarillo: ")]
    assert len(errors) == 1 and "only 3 sharp views" in errors[0], err
    assert not (tmp_path / "camera.yaml").exists()


def test_a_camera_that_sees_no_board(tmp_path):
    with Camera() as camera:
        code, _, err = Session(camera.uri, "--out", tmp_path / "camera.yaml").stop_at("the board is not seen")
    assert code == 3
    assert "hold it" in err and "the board is in none of the" in err


def test_what_cannot_be_is_one_line(pictures, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "a.png").write_bytes(b"")
    for code, words, *arguments in [(3, "no camera", "camera:no such name"),
                                    (3, "does not work", "rtsp://127.0.0.1:1/x"),
                                    (2, "source.mode", "camera:7", "--mode", "fast!"),
                                    (2, "not empty", "camera:7", "--keep", full),
                                    (5, "cannot be made", "camera:7", "--keep", full / "a.png" / "b"),
                                    (2, "--keep", full, "--keep", tmp_path / "kept"),
                                    (2, "--mode", full, "--mode", "640x480")]:
        done = lazarillo("calibrate", *arguments, "--out", tmp_path / "camera.yaml")
        assert done.code == code, done.err
        assert len(done.error_lines) == 1 and words in done.error_lines[0], done.err
