"""Calibrations of cameras: as Project Aria's own program has them, and what a run makes of them."""

import json
import subprocess

import numpy as np
import pytest
from conftest import PROGRAM

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
