"""Gravity out of the IMU of Aria glasses, through bridge and program, against the trajectory of Aria Digital Twin."""

import stat
import sys

import numpy as np
import pytest

from conftest import ROOT, lazarillo
from test_eval_input import TOOLS
from test_record import QUIET, lines_of

needed = "tools/eval/requirements-aria.txt is not installed"
provider = pytest.importorskip("projectaria_tools.core.data_provider", reason=needed)


def direction(pitch_deg, roll_deg):
    p, r = np.radians([pitch_deg, roll_deg])
    return np.array([np.sin(r) * np.cos(p), np.cos(r) * np.cos(p), np.sin(p)])


def frames_of(recording, tmp_path):
    """What the guide was given of each frame."""
    program = tmp_path / "bridge"
    folders = f"{ROOT / 'bridges' / 'aria'}:{ROOT / 'bridges' / 'ring'}"
    program.write_text(f"#!/bin/sh\nPYTHONPATH={folders} exec {sys.executable} -m lazarillo_aria \"$@\"\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    config = tmp_path / "aria.toml"
    config.write_text(f'[source]\naria_bridge = "{program}"\n')
    done = lazarillo("record", recording, tmp_path / "run.mkv", "--fast", "--out", tmp_path / "out", "--config", config,
                     *QUIET)
    assert done.code == 0, done.err
    again = lazarillo("replay", tmp_path / "run.mkv", "--out", tmp_path / "again")
    assert again.code == 0, again.err
    return [line["frame"] for line in lines_of(tmp_path / "run.mkv", tmp_path)
            if line["type"] == "given" and line["kind"] == "frame"]


def recording_of(shared, name):
    recording = shared / "media" / "aria" / name
    if not recording.exists():
        pytest.skip(f"{recording} is not here")
    return recording


def test_gravity_is_the_trajectorys(shared, tmp_path, capsys):
    """A tenth of a second of IMU: as it settles, its error falls, and stays within what it says of itself."""
    recording = recording_of(shared, "twin/video.vrs")
    sys.path.insert(0, str(TOOLS))
    from aria_twin import Recording
    truth = Recording(recording.parent, 640, 400.0)
    opened = provider.create_vrs_data_provider(str(recording))
    from projectaria_tools.core.sensor_data import TimeDomain
    times = opened.get_timestamps_ns(opened.get_stream_id_from_label("camera-rgb"), TimeDomain.DEVICE_TIME)
    frames = frames_of(recording, tmp_path)
    assert len(frames) == len(times) == 3
    errors = []
    for frame, time_ns in zip(frames, times):
        pitch, roll, deviation, gait, steps = frame["head"]
        down = np.array(truth.down_at(time_ns))
        errors.append(np.degrees(np.arccos(direction(pitch, roll) @ down / np.linalg.norm(down))))
        assert errors[-1] < 2 * deviation, "it says how much it errs"
        assert deviation > 3 and gait == 0 and steps == 0, "a tenth of a second is too little to be sure"
    with capsys.disabled():
        print(f"\ngravity off by {', '.join(f'{e:.2f}' for e in errors)} degrees")
    assert errors[-1] < 1.5


@pytest.mark.parametrize("name", ["everyday/recording.vrs",
                                  "gen2/aria_gen2_unit_test_sequence_with_bluetooth.vrs"])
def test_other_glasses_tell_of_gravity_too(shared, tmp_path, name):
    """No trajectory is known: a head is upright to half a right angle, and more is known with every frame."""
    frames = frames_of(recording_of(shared, name), tmp_path)
    heads = [frame["head"] for frame in frames]
    deviations = [head[2] for head in heads]
    assert deviations == sorted(deviations, reverse=True) and deviations[-1] < 10
    assert all(abs(head[0]) < 45 and abs(head[1]) < 45 for head in heads[1:])
