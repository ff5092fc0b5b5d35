"""lazarillo-aria on recordings: what it hands over is what Meta's own reader has, to the last pixel and nanosecond."""

import json
import os
import re
import signal
import struct
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import eventually

needed = "pip install 'bridges/aria[tools]'"
data_provider = pytest.importorskip("projectaria_tools.core.data_provider", reason=needed)
pytest.importorskip("cv2", reason=needed)

from projectaria_tools.core.sensor_data import TimeDomain  # noqa: E402
from projectaria_tools.core.stream_id import StreamId  # noqa: E402

from aria_bridge import Bridge, Reader, Ring, command, messages, run  # noqa: E402
from lazarillo_aria.calibration import quarter_turns  # noqa: E402
from lazarillo_aria.console import BridgeError  # noqa: E402
from lazarillo_aria.decoder import DECODED, NotBefore  # noqa: E402
from lazarillo_aria.motion import BATCH_NS, Gaps, batches  # noqa: E402
from lazarillo_aria.outlet import Outlet  # noqa: E402
from lazarillo_aria.recording import Recording  # noqa: E402
from lazarillo_aria.replay import Replay  # noqa: E402
from lazarillo_aria.sensors import Camera, Imu  # noqa: E402
from lazarillo_ring.process import is_alive  # noqa: E402

RECORDINGS = {
    "everyday": ("everyday/recording.vrs", {"rgb": "214-1", "slam-left": "1201-1", "slam-right": "1201-2"},
                 {"imu-left": "1202-2", "imu-right": "1202-1"}, [8, 4, 4], 1),
    "twin": ("twin/video.vrs", {"rgb": "214-1", "slam-left": "1201-1", "slam-right": "1201-2"},
             {"imu-left": "1202-2", "imu-right": "1202-1"}, [3, 3, 3], 1),
    "gen2": ("gen2/aria_gen2_unit_test_sequence_with_bluetooth.vrs",
             {"rgb": "214-1", "slam-front-left": "1201-1", "slam-front-right": "1201-2", "slam-side-left": "1201-3",
              "slam-side-right": "1201-4"}, {"imu-left": "1202-1", "imu-right": "1202-2"}, [3, 9, 9, 9, 9], 2),
}


class Case:
    def __init__(self, folder, name):
        file, cameras, imus, self.counts, self.generation = RECORDINGS[name]
        self.path = folder / file
        if not self.path.exists():
            pytest.skip(f"{self.path} is not here")
        self.provider = data_provider.create_vrs_data_provider(str(self.path))
        self.cameras = {name: StreamId(stream) for name, stream in cameras.items()}
        self.imus = {name: StreamId(stream) for name, stream in imus.items()}
        self.calibration = self.provider.get_device_calibration()

    def camera_calibration(self, name):
        return self.calibration.get_camera_calib(f"camera-{name}" if self.generation == 1 or name == "rgb" else name)

    def times(self, stream):
        return self.provider.get_timestamps_ns(stream, TimeDomain.DEVICE_TIME)


def handed_over(case, *arguments):
    with Bridge("replay", case.path, *arguments) as bridge:
        handed = bridge.take_all()
        bridge.end = bridge.ended()
        return bridge, handed


@pytest.fixture(scope="module")
def folder(shared):
    return shared / "media" / "aria"


@pytest.fixture(scope="module", params=RECORDINGS)
def case(request, folder):
    return Case(folder, request.param)


@pytest.fixture(scope="module")
def everyday(folder):
    return Case(folder, "everyday")


@pytest.fixture(scope="module")
def fast(case):
    return handed_over(case, "--fast")


def test_the_hello_says_what_comes(case, fast):
    bridge, handed = fast
    hello = bridge.hello
    assert hello["lazarillo_bridge"] == 1 and hello["live"] is False and hello["source"] == str(case.path)
    assert hello["device"]["generation"] == case.generation
    assert hello["device"]["serial"] == case.provider.get_metadata().device_serial
    assert [camera["name"] for camera in hello["cameras"]] == list(case.cameras)
    assert [camera["frames"] for camera in hello["cameras"]] == case.counts
    assert [len(handed.of_camera(i)) for i in range(len(case.counts))] == case.counts
    for i, (camera, stream) in enumerate(zip(hello["cameras"], case.cameras.values())):
        assert camera["rate_hz"] == case.provider.get_nominal_rate_hz(stream)
        record, picture = handed.of_camera(i)[0]
        assert (camera["height"], camera["width"]) == picture.shape[:2] == (record.height, record.width)
        assert camera["format"] == ("bgr" if picture.ndim == 3 else "grey")
    code, said = bridge.end
    assert code == 0 and said == [f"{sum(case.counts)} pictures handed over"]


def test_every_time_is_the_recordings(case, fast):
    _, handed = fast
    first_ns = min(case.times(stream)[0] for stream in case.cameras.values())
    for i, stream in enumerate(case.cameras.values()):
        records = [record for record, _ in handed.of_camera(i)]
        captured = [case.provider.get_image_data_by_index(stream, k)[1].capture_timestamp_ns
                    for k in range(len(records))]
        assert [record.device_ns for record in records] == captured == case.times(stream)
        assert [record.stream_ns for record in records] == [at - first_ns for at in captured]
        assert [record.frame_sequence for record in records] == list(range(len(records)))
    order = [record.device_ns for record, _, _ in handed.frames]
    assert order == sorted(order)


def test_every_pixel_is_the_recordings(case, fast):
    _, handed = fast
    for i, stream in enumerate(case.cameras.values()):
        for k, (_, picture) in enumerate(handed.of_camera(i)):
            theirs = case.provider.get_image_data_by_index(stream, k)[0].to_numpy_array()
            assert np.array_equal(picture, theirs[..., ::-1] if theirs.ndim == 3 else theirs), (i, k)


def test_every_sample_is_the_recordings_rectified(case, fast):
    bridge, handed = fast
    assert [imu["name"] for imu in bridge.hello["imus"]] == list(case.imus)
    for i, (name, stream) in enumerate(case.imus.items()):
        samples = handed.samples(i)
        assert samples["device_ns"].tolist() == case.times(stream)
        model = case.calibration.get_imu_calib(name)
        for sample, k in zip(samples, range(len(samples))):
            raw = case.provider.get_imu_data_by_index(stream, k)
            accel, gyro = model.raw_to_rectified_accel(raw.accel_msec2), model.raw_to_rectified_gyro(raw.gyro_radsec)
            assert np.array_equal(sample["accel_m_s2"], np.ravel(accel).astype(np.float32))
            assert np.array_equal(sample["gyro_rad_s"], np.ravel(gyro).astype(np.float32))
            assert sample["flags"] == 3
            assert np.array_equal(sample["temperature_c"], np.float32(raw.temperature), equal_nan=True)


def test_batches_are_short_and_lead_to_the_frame_after_them(case, fast):
    _, handed = fast
    frames = sorted(record.device_ns for record, _, _ in handed.frames)
    for record, samples in handed.batches:
        assert record.payload_bytes == samples.nbytes
        assert (record.device_ns, record.capture_ns) == (samples["device_ns"][0], samples["capture_ns"][0])
        first, last = samples["device_ns"][[0, -1]]
        assert 0 <= last - first <= BATCH_NS
        assert not any(first <= at < last for at in frames), "none waits for a frame that is later"


def fisheye624(parameters, points):
    """docs/ring.md: of points in the camera's frame, in front of it or not."""
    f, cx, cy, *rest = parameters
    k, p, s = np.array(rest[:6]), np.array(rest[6:8]), np.array(rest[8:12])
    radius = np.hypot(points[:, 0], points[:, 1])
    angle = np.arctan2(radius, points[:, 2])
    bent = angle * (1 + sum(k[i] * angle ** (2 * i + 2) for i in range(6)))
    a = points[:, :2] * (bent / np.where(radius > 0, radius, 1))[:, None]
    square = (a**2).sum(1, keepdims=True)
    b = a + 2 * (a @ p)[:, None] * a + square * p
    b = b + np.hstack([s[0] * square + s[1] * square**2, s[2] * square + s[3] * square**2])
    return f * b + [cx, cy]


def test_the_calibration_projects_as_meta_does(case, fast):
    _, handed = fast
    for entry, name in zip(handed.calibration["cameras"], case.cameras):
        theirs = case.camera_calibration(name)
        assert entry["name"] == name and entry["model"] == "fisheye624" and len(entry["parameters"]) == 15
        assert (entry["width"], entry["height"]) == tuple(theirs.get_image_size())
        assert entry["valid_radius"] == theirs.get_valid_radius()
        assert np.array_equal(entry["T_device_camera"], theirs.get_transform_device_camera().to_matrix()[:3])
        grid = np.mgrid[0:entry["width"]:40j, 0:entry["height"]:40j].reshape(2, -1).T
        rays = [ray for pixel in grid if (ray := theirs.unproject(pixel)) is not None]
        assert len(rays) > 800
        ours = fisheye624(entry["parameters"], np.array(rays))
        assert np.abs(ours - [theirs.project(ray) for ray in rays]).max() < 1e-3
        # The directions that leave the picture are not projected by Meta; the formula's own reach is no part of this.
    record = handed.of_camera(0)[0][0]
    assert [record.fx, record.fy, record.cx, record.cy] == [
        handed.calibration["cameras"][0]["parameters"][i] for i in (0, 0, 1, 2)]
    assert record.flags == 0


def test_the_imus_calibration_rectifies_as_meta_does(case, fast):
    _, handed = fast
    for entry, name in zip(handed.calibration["imus"], case.imus):
        model = case.calibration.get_imu_calib(name)
        raw = np.array([1.5, -9.0, 0.25])
        for kind, theirs in (("accel", model.raw_to_rectified_accel), ("gyro", model.raw_to_rectified_gyro)):
            ours = np.linalg.solve(entry[kind]["rectification"], raw - entry[kind]["bias"])
            assert np.allclose(ours, np.ravel(theirs(raw)), atol=1e-12)
        assert np.array_equal(entry["T_device_imu"], model.get_transform_device_imu().to_matrix()[:3])
        assert entry["accel"]["time_offset_s"] == model.get_time_offset_sec_device_accel()


def test_quarter_turns_bring_gravity_to_the_bottom(case, fast):
    """What the accelerometer feels points up and knows nothing of how the cameras are mounted; a head is never so
    far on its side that it would be another quarter."""
    _, handed = fast
    assert [entry["quarter_turns"] for entry in handed.calibration["cameras"]] == (
        [1, 1, 1] if case.generation == 1 else [0] * 5)
    imu = handed.calibration["imus"][0]
    up = np.array(imu["T_device_imu"])[:, :3] @ handed.samples(0)["accel_m_s2"].mean(0)
    for entry in handed.calibration["cameras"]:
        x, y = (np.array(entry["T_device_camera"])[:, :3].T @ up)[:2]
        for _ in range(entry["quarter_turns"]):
            x, y = -y, x
        assert y < -abs(x), entry["name"]


def test_quarter_turns_of_cameras_mounted_each_way():
    cpf = np.diag([-1.0, -1.0, 1.0, 1.0])  # x left, y up: as a camera that is upright, but its own way
    for turns in range(4):
        c, s = [(1, 0), (0, 1), (-1, 0), (0, -1)][turns]
        camera = np.eye(4)
        camera[:2, :2] = [[c, -s], [s, c]]  # the camera turned clockwise shows things turned the other way
        assert quarter_turns(camera, cpf) == turns


def test_in_real_time_one_clock_is_the_other_shifted(case):
    bridge, handed = handed_over(case)
    shifts = {record.capture_ns - record.device_ns for record, _, _ in handed.frames}
    shifts |= {int(shift) for _, samples in handed.batches for shift in samples["capture_ns"] - samples["device_ns"]}
    assert len(shifts) == 1
    assert all(had_ns >= record.capture_ns for record, _, had_ns in handed.frames), "none comes before its time"
    code, said = bridge.end
    passed_over = re.search(r"(\d+) passed over", said[-1])  # where this machine is too slow
    assert code == 0
    assert (len(handed.frames) + bridge.frames.dropped + (int(passed_over[1]) if passed_over else 0)
            == sum(case.counts))
    for i, stream in enumerate(case.cameras.values()):
        assert all(record.device_ns == case.times(stream)[record.frame_sequence] for record, _ in handed.of_camera(i))


def test_fast_loses_nothing_however_slow_the_reader(folder):
    case = Case(folder, "gen2")
    with Bridge("replay", case.path, "--fast") as bridge:
        held = []
        while bridge.take(patience_s=0.2) or not bridge.frame_ring.closed:
            # Now and then all pins are in use until the writer can go on no more.
            if len(bridge.handed.frames) % 7 == 3:
                while bridge.frames.can_pin():
                    pin = bridge.frames.next() if bridge.frames.wait(0.5) else None
                    if pin is None:
                        break
                    held.append((pin, pin.image().copy()))
                before = None
                while before != (before := bridge.frame_ring.newest_sequence):
                    time.sleep(0.1)
                for pin, copy in held:
                    assert np.array_equal(pin.image(), copy)
                    bridge.handed.frames.append((pin.record, copy, 0))
                    pin.release()
                    assert not pin.torn
                held.clear()
        handed = bridge.take_all()
        assert bridge.ended()[0] == 0
    assert bridge.frames.dropped == bridge.sensors.dropped == 0
    assert len(handed.frames) == sum(case.counts)
    assert sum(len(handed.samples(i)) for i in (0, 1)) == sum(len(case.times(s)) for s in case.imus.values())


def test_fast_without_its_reader_ends_with_an_error(folder):
    case = Case(folder, "gen2")
    with Bridge("replay", case.path, "--fast", "--wait", "0.3") as bridge:
        bridge.take_until(lambda: len(bridge.handed.frames) >= 3)
        bridge.frames.close()
        code, said = bridge.ended()
        assert code == 3 and len(said) == 1 and "the reader of the ring has gone" in said[0]
        assert bridge.frame_ring.closed


def test_a_clock_that_was_set_is_not_waited_for():
    class Decoded:
        """Of a camera that pauses for an hour by its clock."""
        def __init__(self):
            self._index = iter(range(5))

        @staticmethod
        def ready(_):
            return True

        def next(self, _):
            return DECODED, np.full((4, 6), next(self._index), np.uint8), lambda: None

    class Told:
        lines = []
        say = lines.append

    calibration = SimpleNamespace(json=b"{}", intrinsics=[(1.0, 1.0, 1.0, 1.0)])
    outlet = Outlet([Camera("slam-left", "", 6, 4, False, 100.0, 5)], [], calibration)
    begun = time.monotonic()
    times = np.array([0, 10, 20, 3_600_000, 3_600_010], np.int64) * 1_000_000
    Replay([(np.arange(5), times)], [Decoded()], [], NotBefore(), outlet, Told(), False, None).run()
    assert time.monotonic() - begun < 60
    assert len(Told.lines) == 1 and "jumps by 3600.0 s" in Told.lines[0]
    ring = Ring.open(json.loads(outlet.hello("", {}, False))["frames"])
    reader = Reader(ring)
    records = []
    while (pin := reader.next()) is not None:
        with pin:
            records.append(pin.record)
    assert [record.device_ns // 1_000_000 for record in records] == [0, 10, 20, 3_600_000, 3_600_010]
    steps = np.diff([record.capture_ns for record in records]) // 1_000_000
    assert steps.tolist() == [10, 10, 0, 10]


def test_a_full_disk_behind_standard_output_is_an_error(everyday):
    line, environment = command("replay", everyday.path)
    with open("/dev/full", "w") as full:
        done = subprocess.run(line, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 5 and "cannot write to standard output" in messages(done.stderr)[0]


def test_chosen_streams_only(everyday):
    bridge, handed = handed_over(everyday, "--fast", "--streams", "slam-right,imu-left")
    assert [camera["name"] for camera in bridge.hello["cameras"]] == ["slam-right"]
    assert [imu["name"] for imu in bridge.hello["imus"]] == ["imu-left"]
    assert len(handed.frames) == 4 and len(handed.samples(0)) == 319
    bridge, handed = handed_over(everyday, "--fast", "--streams", "slam")
    assert len(handed.frames) == 8 and not handed.batches


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording_cut_short_gives_what_is_there(folder, tmp_path, name):
    case = Case(folder, name)
    whole = case.path.read_bytes()
    random = np.random.default_rng(4)
    lengths = [len(whole) - 1, *(int(n) for n in random.integers(len(whole) // 4, len(whole), 4))]
    pictures = {}
    for length in lengths:
        cut = tmp_path / "cut.vrs"
        cut.write_bytes(whole[:length])
        with Bridge("replay", cut, "--fast") as bridge:
            handed = bridge.take_all()
            code, said = bridge.ended()
        assert code == 3 and len(said) == 1 and "cut short" in said[0] and f"{len(handed.frames)} pictures" in said[0]
        for i, camera in enumerate(bridge.hello["cameras"]):
            stream = case.cameras[camera["name"]]
            ours = handed.of_camera(i)
            assert [record.device_ns for record, _ in ours] == case.times(stream)[:len(ours)]
            for k, (_, picture) in enumerate(ours):
                if (camera["name"], k) not in pictures:
                    pictures[camera["name"], k] = case.provider.get_image_data_by_index(stream, k)[0].to_numpy_array()
                theirs = pictures[camera["name"], k]
                assert np.array_equal(picture, theirs[..., ::-1] if theirs.ndim == 3 else theirs)


def records(recording):
    """Of each record of a VRS file: where it begins, and the kind and number of its stream."""
    at = int.from_bytes(recording[40:48], "little")
    while at < len(recording):
        size, _, kind, _, _, number, record_type = struct.unpack_from("<IIIIdHB", recording, at)
        if record_type == 3:  # data
            yield at, f"{kind}-{number}"
        at += size


def test_records_that_cannot_be_read_are_left_out_and_told(folder, tmp_path):
    case = Case(folder, "twin")
    damaged = bytearray(case.path.read_bytes())
    left = {"1202-2": {5, 6, 40}, "214-1": {1}, "1201-1": {0}}
    for stream, numbers in left.items():
        places = [at for at, of in records(damaged) if of == stream]
        assert len(places) == len(case.times(StreamId(stream)))
        for number in numbers:
            damaged[places[number] + 20] ^= 0xFF  # its time, which is also in the index
    path = tmp_path / "damaged.vrs"
    path.write_bytes(damaged)
    bridge, handed = handed_over(SimpleNamespace(path=path), "--fast")
    code, said = bridge.end
    assert code == 3 and "5 pictures or samples cannot be read; 7 pictures handed over" in said[-1]
    assert "imu-left: 2 gaps, 3 samples missing" in said[0]
    for i, stream in enumerate(case.cameras.values()):
        expected = [k for k in range(3) if k not in left.get(str(stream), ())]
        assert [record.frame_sequence for record, _ in handed.of_camera(i)] == expected
        assert [record.device_ns for record, _ in handed.of_camera(i)] == [case.times(stream)[k] for k in expected]
    for i, stream in enumerate(case.imus.values()):
        times = [at for k, at in enumerate(case.times(stream)) if k not in left.get(str(stream), ())]
        assert handed.samples(i)["device_ns"].tolist() == times


@pytest.mark.parametrize("length", [0, 5, 40, 100, 5_000, 33_000, 40_000, 60_000])
def test_cut_before_the_first_picture_it_is_one_line(everyday, tmp_path, length):
    cut = tmp_path / "cut.vrs"
    cut.write_bytes(everyday.path.read_bytes()[:length])
    for arguments in (["replay", "--fast", "--wait", "5"], ["list"]):
        done = run(*arguments, cut)
        said = messages(done.stderr)
        assert done.returncode == 3 and len(said) == 1, done.stderr
        assert "cut short" in said[0] or (length == 0 and "not a recording" in said[0])


def test_bad_input_is_one_line_each(everyday, tmp_path):
    picture = tmp_path / "picture.vrs"
    picture.write_bytes(b"\x89PNG" + bytes(1000))
    for arguments, expected in ((["replay", tmp_path / "none.vrs"], "No such file"),
                                (["replay", tmp_path], "is a folder"),
                                (["replay", picture], "not a recording of Aria glasses"),
                                (["list", picture], "not a recording of Aria glasses"),
                                (["replay", everyday.path, "--streams", "rgb,depth"], "no stream 'depth': there is"),
                                (["replay", everyday.path, "--streams", "imu"], "name a camera"),
                                (["replay", everyday.path, "--wait", "0.2"], "no reader has signed in")):
        done = run(*arguments)
        said = messages(done.stderr)
        assert done.returncode == 3 and len(said) == 1 and expected in said[0], done.stderr


def test_without_the_sdk_it_says_what_to_install(everyday, tmp_path):
    (tmp_path / "projectaria_tools").mkdir()
    (tmp_path / "projectaria_tools" / "__init__.py").write_text("raise ImportError('it is not there')")
    done = run("replay", everyday.path, path=[tmp_path])
    said = messages(done.stderr)
    assert done.returncode == 3 and len(said) == 1 and "pip install projectaria-tools" in said[0]


def test_without_a_calibration_it_is_an_error(everyday, monkeypatch):
    """No such file is at hand: the reader's answer is replaced."""
    class Quiet:
        def what_the_sdk_says(self):
            import contextlib
            return contextlib.nullcontext([""])

    recording = Recording(everyday.path, Quiet())

    class WithoutCalibration:
        def __getattr__(self, name):
            return (lambda: None) if name == "get_device_calibration" else getattr(everyday.provider, name)

    recording.provider = WithoutCalibration()
    with pytest.raises(BridgeError, match="has no calibration"):
        recording.device_calibration()


def test_list_says_what_the_recording_has(case):
    told = json.loads(run("list", case.path, "--json").stdout)
    by_stream = {row["stream"]: row for row in told["streams"]}
    assert set(by_stream) == {str(stream) for stream in case.provider.get_all_streams()}
    for stream in case.provider.get_all_streams():
        row, times = by_stream[str(stream)], case.times(stream)
        assert row["count"] == case.provider.get_num_data(stream)
        assert [row["first_ns"], row["last_ns"]] == ([times[0], times[-1]] if times else [None, None])
    assert told["cut"] is None and told["device"]["generation"] == case.generation
    rgb = by_stream["214-1"]
    assert (rgb["width"], rgb["height"]) == ((1408, 1408) if case.generation == 1 else (2016, 1512))
    text = run("list", case.path).stdout
    assert all(str(stream) in text for stream in case.provider.get_all_streams())


def test_a_killed_and_a_stuck_bridge_are_noticed(everyday):
    with Bridge("replay", everyday.path, sign_in=False) as bridge:  # it waits for a reader
        ring = bridge.frame_ring
        assert eventually(lambda: ring.heartbeat_age_ns < 100_000_000)
        os.kill(bridge.process.pid, signal.SIGSTOP)
        assert eventually(lambda: ring.heartbeat_age_ns > 300_000_000)
        os.kill(bridge.process.pid, signal.SIGCONT)
        assert eventually(lambda: max(ring.heartbeat_age_ns, bridge.sensor_ring.heartbeat_age_ns) < 100_000_000)
        bridge.process.kill()
        assert eventually(lambda: ring.heartbeat_age_ns > 300_000_000)
        assert eventually(lambda: not is_alive(bridge.process.pid, 0)) and not ring.closed
        # What it left can still be read.
        with Reader(bridge.sensor_ring).next() as pin:
            assert json.loads(bytes(pin.payload))["version"] == 1


def decoders(bridge):
    """Stream of each process that decodes for the bridge -> its number."""
    pids = Path(f"/proc/{bridge.process.pid}/task/{bridge.process.pid}/children").read_text().split()
    return {json.loads(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[-2])["stream"]: int(pid) for pid in pids}


def test_a_crash_while_decoding_costs_that_cameras_pictures_only(everyday):
    with Bridge("replay", everyday.path, "--fast", sign_in=False) as bridge:
        os.kill(decoders(bridge)["1201-1"], signal.SIGSEGV)
        bridge.sensors, bridge.frames = Reader(bridge.sensor_ring), Reader(bridge.frame_ring)
        handed = bridge.take_all()
        code, said = bridge.ended()
    counts = [len(handed.of_camera(i)) for i in range(3)]
    assert counts[0] == 8 and counts[1] < 4 and counts[2] == 4
    assert code == 3 and len(said) == 1 and f"{4 - counts[1]} pictures or samples cannot be read" in said[0]


def test_a_killed_bridge_leaves_no_process(everyday):
    with Bridge("replay", everyday.path, sign_in=False) as bridge:
        children = decoders(bridge)
        assert set(children) == {"214-1", "1201-1", "1201-2"}
        bridge.process.kill()
        assert eventually(lambda: not any(is_alive(pid, 0) for pid in children.values()))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(everyday, number):
    with Bridge("replay", everyday.path, sign_in=False) as bridge:
        children = decoders(bridge)
        bridge.process.send_signal(number)
        code, said = bridge.ended()
        assert code == 128 + number and said == []
        assert bridge.frame_ring.closed and bridge.sensor_ring.closed
        assert not any(is_alive(pid, 0) for pid in children.values())


def test_gaps_are_counted_and_batches_cover_everything():
    times = np.arange(0, 1_000_000_000, 1_000_000)
    kept = np.delete(times, [*range(100, 137), 500])
    gaps = Gaps(Imu("imu-right", 1000.0))
    for part in np.split(kept, [50, 99, 100, 101, 700]):  # a gap may lie between two batches
        gaps.see(part)
    assert (gaps.count, gaps.missing, gaps.longest_ns) == (2, 38, 38_000_000)
    assert "2 gaps, 38 samples missing" in gaps.tell()
    cuts = batches(kept, np.array([5_500_000, 20_000_000, 20_000_000, 999_000_000]))
    assert cuts[0] == 0 and cuts[-1] == len(kept) and (np.diff(cuts) > 0).all()
    assert 6 in cuts and kept[21 - 1] == 20_000_000 and 21 in cuts, "the sample of a frame's time is before it"
