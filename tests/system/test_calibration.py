"""Calibrations of cameras: as Project Aria's own program has them, and what a run makes of them."""

import json
import subprocess

import numpy as np
import pytest
from board_pictures import Camera, kannala_brandt_rays, turn
from conftest import PROGRAM, decoded_pictures, make_video, run
from PIL import Image

LENS_PEER = PROGRAM.parent / "tests" / "see" / "lens_peer"
RECORDINGS = {
    "everyday": "everyday/recording.vrs",
    "twin": "twin/video.vrs",
    "gen2": "gen2/aria_gen2_unit_test_sequence_with_bluetooth.vrs",
}
MODELS = {"FISHEYE624": "fisheye624", "KANNALA_BRANDT_K3": "kannala_brandt", "LINEAR": "linear"}


@pytest.fixture(scope="module")
def peer():
    if not LENS_PEER.exists():
        pytest.skip(f"{LENS_PEER} is not built")
    return LENS_PEER


def open_recording(shared, name):
    provider = pytest.importorskip("projectaria_tools.core.data_provider",
                                   reason="tools/eval/requirements-aria.txt is not installed")
    recording = shared / "media" / "aria" / RECORDINGS[name]
    if not recording.exists():
        pytest.skip(f"{recording} is not here")
    return provider.create_vrs_data_provider(str(recording))


def describe(camera, quarter_turns=0):
    """What a bridge would publish of a camera."""
    described = {
        "model": MODELS[camera.get_model_name().name],
        "parameters": list(map(float, camera.get_projection_params())),
        "width": int(camera.get_image_size()[0]), "height": int(camera.get_image_size()[1]),
        "T_device_camera": camera.get_transform_device_camera().to_matrix()[:3].ravel().tolist(),
        "quarter_turns": quarter_turns,
    }
    if camera.get_valid_radius() is not None:
        described["valid_radius"] = camera.get_valid_radius()
    return described


def write(folder, cameras):
    file = folder / "cameras.json"
    file.write_text(json.dumps({"cameras": cameras}))
    return file


def project(peer, calibration, rays):
    text = "\n".join(" ".join(map(repr, map(float, ray))) for ray in rays)
    done = subprocess.run([peer, "project", calibration], input=text, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return np.array([line.split() for line in done.stdout.splitlines()], float)


def straighten(peer, calibration, picture, focal, width, height):
    done = subprocess.run(
        [peer, "straighten", calibration, str(focal), str(width), str(height)],
        input=np.ascontiguousarray(picture).tobytes(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return np.frombuffer(done.stdout, np.uint8).reshape(height, width)


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_camera_of_an_aria_places_rays_as_projectaria_does(shared, peer, tmp_path, name):
    device = open_recording(shared, name).get_device_calibration()
    labels = device.get_camera_labels()
    assert len(labels) >= 5
    cameras = {label: device.get_camera_calib(label) for label in labels}
    file = write(tmp_path, {label: describe(camera) for label, camera in cameras.items()})
    random = np.random.default_rng(3)
    for label, camera in cameras.items():
        width, height = camera.get_image_size()
        pixels = random.uniform((0, 0), (width - 1, height - 1), (4000, 2))
        rays = [camera.unproject(pixel) for pixel in pixels]
        rays = np.array([ray for ray in rays if ray is not None])
        known = [camera.project(ray) for ray in rays]
        seen = [i for i, place in enumerate(known) if place is not None]
        assert len(seen) > 1000
        ours = project(peer, f"{file}#{label}", rays[seen])
        away = np.abs(ours - np.array([known[i] for i in seen])).max()
        print(f"{name} {label}: {len(seen)} rays, at most {away:.2e} px away")
        assert away <= 0.1, label  # NaN fails, too


def test_nothing_is_seen_outside_the_valid_radius(shared, peer, tmp_path):
    camera = open_recording(shared, "everyday").get_device_calibration().get_camera_calib("camera-rgb")
    file = write(tmp_path, {"rgb": describe(camera)})
    angles = np.linspace(0.9, 1.3, 41)
    rays = np.stack([np.sin(angles) * 0.6, np.sin(angles) * 0.8, np.cos(angles)], -1)
    known = np.array([camera.project_no_checks(ray) for ray in rays])
    away = np.linalg.norm(known - camera.get_principal_point(), axis=1)
    inside = away <= camera.get_valid_radius()
    assert 5 < inside.sum() < 36
    assert (np.isfinite(project(peer, file, rays)).all(1) == inside).all()


@pytest.mark.parametrize("label", ["camera-rgb", "camera-slam-left"])
def test_a_picture_is_straightened_as_projectaria_does(shared, peer, tmp_path, label):
    provider = open_recording(shared, "everyday")
    calibration = pytest.importorskip("projectaria_tools.core.calibration")
    camera = provider.get_device_calibration().get_camera_calib(label)
    picture = provider.get_image_data_by_index(provider.get_stream_id_from_label(label), 1)[0].to_numpy_array()
    picture = picture[..., 1] if picture.ndim == 3 else picture
    # As fine as the camera's own picture: where it shrinks Lazarillo takes the mean of more samples.
    focal = float(camera.get_focal_lengths()[0]) * 1.1
    side = 800
    linear = calibration.get_linear_camera_calibration(side, side, focal)
    known = calibration.distort_by_calibration(np.ascontiguousarray(picture), linear, camera)
    ours = straighten(peer, write(tmp_path, {"a": describe(camera)}), picture, focal, side, side)
    away = np.abs(ours.astype(float) - known)
    print(f"{label}: mean {away.mean():.3f}, {100 * (away > 3).mean():.3f} % above 3 levels")
    assert known.std() > 20
    assert away.mean() <= 1

    # The same camera upright.
    turned = straighten(peer, write(tmp_path, {"a": describe(camera, 1)}), picture, focal, side, side)
    away = np.abs(turned.astype(float) - np.rot90(known, -1))
    assert away.mean() <= 1


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_picture_straightens_to_the_same(peer, tmp_path, turns):
    """The picture of an upright camera, turned by numpy, is that of a camera mounted sideways."""
    width, height, f, cx, cy = 320, 240, 150.0, 166.0, 111.0
    y, x = np.mgrid[0:height, 0:width]
    random = np.random.default_rng(5)
    upright = (128 + 60 * np.sin(x / 7) + 40 * np.cos(y / 5 + x / 40)).astype(np.uint8)
    upright[random.random(upright.shape) < 0.02] = 255
    k = [0.05, -0.01, 0.002, -0.0003]
    known = straighten(peer, write(tmp_path, {"a": {
        "model": "kannala_brandt", "parameters": [f, f, cx, cy, *k], "width": width, "height": height}}),
        upright, 160, 400, 300)
    raw = np.rot90(upright, turns)  # anticlockwise, so clockwise turns bring it back
    # Where the principal point lies after each quarter turn anticlockwise.
    px, py, w, h = cx, cy, width, height
    for _ in range(turns):
        px, py, w, h = py, w - 1 - px, h, w
    ours = straighten(peer, write(tmp_path, {"a": {
        "model": "kannala_brandt", "parameters": [f, f, px, py, *k], "width": w, "height": h,
        "quarter_turns": turns}}), raw, 160, 400, 300)
    assert known.std() > 20
    assert np.abs(ours.astype(int) - known).max() <= 1


ASIDE_DEG = 8
K = (0.03, -0.01, 0.002, -0.0003)


@pytest.fixture(scope="module")
def seen_through_a_fisheye(vtest, tmp_path_factory):
    """A picture of the street, on a screen 8 degrees right of the axis of a fisheye camera, as that sees it: in it
    everything is 8 degrees farther right. And the picture itself, of 69 degrees, as the screen fills them."""
    folder = tmp_path_factory.mktemp("fisheye")
    subprocess.run(f"gst-launch-1.0 -q filesrc location={vtest} ! decodebin ! videoconvert ! video/x-raw,format=RGB ! "
                   f"pngenc snapshot=true ! filesink location={folder}/street.png".split(), check=True, timeout=60)
    page = np.array(Image.open(folder / "street.png").convert("RGB"))
    focal = page.shape[1] / 2 / np.tan(np.radians(34.5))
    size_mm = (page.shape[1] / focal * 1000, page.shape[0] / focal * 1000)
    camera = Camera(kannala_brandt_rays, (600, 600), (805, 595), K, 1600, 1200)
    facing = turn(0, ASIDE_DEG, 0)
    Image.fromarray(np.stack([camera.shoot(page[..., c], size_mm, facing, 1000 * facing[:, 2]) for c in range(3)],
                             -1)).save(folder / "bent.png")
    Image.fromarray(np.rot90(np.array(Image.open(folder / "bent.png")))).save(folder / "sideways.png")
    for name in ("street", "bent", "sideways"):
        make_video(folder / f"{name}.mp4",
                   f"filesrc location={folder}/{name}.png ! pngdec ! imagefreeze num-buffers=10 ! videoconvert ! "
                   "video/x-raw,format=I420,framerate=10/1 ! x264enc pass=quant quantizer=8 ! h264parse ! mp4mux")
    lens = {"model": "kannala_brandt", "width": 1600, "height": 1200, "parameters": [600, 600, 805, 595, *K]}
    turned = {"model": "kannala_brandt", "width": 1200, "height": 1600,
              "parameters": [600, 600, 595, 1599 - 805, *K], "quarter_turns": 1}
    write(folder, {"upright": lens, "sideways": turned})
    return folder


@pytest.fixture(scope="module")
def bearings(seen_through_a_fisheye, tmp_path_factory):
    """Of people who are clearly seen, in the picture itself."""
    result = run(seen_through_a_fisheye / "street.mp4", tmp_path_factory.mktemp("street") / "out", "--fast",
                 "--no-sound", "--no-video", "--hfov", 69)
    found = [t["bearing_deg"] for t in result.frames[-1]["tracks"] if t["label"] == "person"]
    assert len(found) >= 3
    return np.array(found)


def expect_all_aside(frame, bearings):
    ours = np.array([t["bearing_deg"] for t in frame["tracks"] if t["label"] == "person"])
    away = np.array([np.abs(ours - bearing - ASIDE_DEG).min() for bearing in bearings])
    print("bearings away by", away.round(2))
    # Small and far ones may be lost: the fisheye picture has less than half the pixels for them.
    assert (away < 0.7).sum() >= 3 and np.median(away) < 0.7


@pytest.mark.parametrize("camera,size", [("upright", (1600, 1200)), ("sideways", (1600, 1200))])
def test_bearings_through_a_fisheye_are_right(seen_through_a_fisheye, bearings, tmp_path, camera, size):
    folder = seen_through_a_fisheye
    video = folder / ("bent.mp4" if camera == "upright" else "sideways.mp4")
    result = run(video, tmp_path / "out", "--fast", "--no-sound", "--no-video", "--calibration",
                 f"{folder}/cameras.json#{camera}", "--hfov", 88)
    assert result.code == 0, result.err
    assert (result.frames[-1]["width"], result.frames[-1]["height"]) == size
    expect_all_aside(result.frames[-1], bearings)


def test_bearings_through_a_fisheye_are_right_in_separate_processes(seen_through_a_fisheye, bearings, tmp_path):
    folder = seen_through_a_fisheye
    (tmp_path / "settings.toml").write_text(
        f'[source]\ncalibration = "{folder}/cameras.json#sideways"\n[camera]\nhfov_deg = 88\nhfov_assumed = false\n')
    result = run(folder / "sideways.mp4", tmp_path / "out", "--realtime", "--isolate", "--no-sound",
                 "--config", tmp_path / "settings.toml")
    assert result.code == 0, result.err
    frames = [f for f in result.frames if f["tracks"]]
    assert frames and (frames[-1]["width"], frames[-1]["height"]) == (1600, 1200)
    expect_all_aside(frames[-1], bearings)
    assert decoded_pictures(tmp_path / "out" / "overlay.mp4") > 0


def test_a_calibration_that_cannot_be_used_is_one_line(seen_through_a_fisheye, tmp_path):
    folder = seen_through_a_fisheye
    for arguments, words in (
            ((folder / "bent.mp4", "--calibration", folder / "cameras.json"), ("sideways", "upright", "#")),
            ((folder / "bent.mp4", "--calibration", f"{folder}/cameras.json#left"), ("'left'",)),
            ((folder / "bent.mp4", "--calibration", folder / "nowhere.yaml"), ("no such",)),
            ((folder / "bent.mp4", "--calibration", folder / "bent.mp4"), ("no text",)),
            ((folder / "street.mp4", "--calibration", f"{folder}/cameras.json#sideways"), ("another shape",))):
        for isolate in ([], ["--realtime", "--isolate"]):
            result = run(arguments[0], tmp_path / "out", *arguments[1:], *isolate)
            assert result.code == 2
            assert len(result.error_lines) == 1 and len(result.err.splitlines()) == 1
            assert all(word in result.err for word in words), result.err
