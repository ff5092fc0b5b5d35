"""lazarillo-aria live, on a stand-in for Meta's Client SDK (fake_client_sdk/): no glasses are at hand."""

import json
import signal
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import eventually

needed = "pip install 'bridges/aria[tools]'"
data_provider = pytest.importorskip("projectaria_tools.core.data_provider", reason=needed)
pytest.importorskip("cv2", reason=needed)

from projectaria_tools.core.sensor_data import TimeDomain  # noqa: E402
from projectaria_tools.core.stream_id import StreamId  # noqa: E402

from aria_bridge import FAKE_SDK, Bridge, messages, run  # noqa: E402
from lazarillo_aria.clock import DeviceClock  # noqa: E402
from lazarillo_aria.glasses import GlassesGen1, GlassesGen2, subscribe_to  # noqa: E402
from lazarillo_aria.inbox import Inbox  # noqa: E402

SECOND = 1_000_000_000


class Glasses:
    """Made-up glasses with the calibration of real ones."""

    def __init__(self, folder, media, generation):
        self._folder, self.generation = folder, generation
        self.recording = media / ("everyday/recording.vrs" if generation == 1 else
                                  "gen2/aria_gen2_unit_test_sequence_with_bluetooth.vrs")
        if not self.recording.exists():
            pytest.skip(f"{self.recording} is not here")
        self._log = folder / "calls"
        self.calibration = self.recording
        if generation == 1:
            # As the factory wrote it: of the colour camera's whole sensor, 2880x2880.
            self.calibration = folder / "calibration.json"
            tags = data_provider.create_vrs_data_provider(str(self.recording)).get_file_tags()
            self.calibration.write_text(tags["calib_json"])

    def scene(self, **changes):
        return {"FAKE_ARIA": json.dumps({"log": str(self._log), "calibration": str(self.calibration), "sessions": [{}],
                                         **changes})}

    @property
    def calls(self):
        return self._log.read_text().splitlines()

    def arguments(self, *arguments):
        return ["live", "--generation", self.generation, "--settle", "0.3", "--stall", "1", *arguments]

    def bridge(self, *arguments, **scene):
        return Bridge(*self.arguments(*arguments), path=[FAKE_SDK], env=self.scene(**scene))

    def run(self, *arguments, **scene):
        return run(*self.arguments(*arguments), path=[FAKE_SDK], env=self.scene(**scene))


@pytest.fixture
def gen1(shared, tmp_path):
    return Glasses(tmp_path, shared / "media" / "aria", 1)


@pytest.fixture
def gen2(shared, tmp_path):
    return Glasses(tmp_path, shared / "media" / "aria", 2)


def stop(bridge):
    bridge.process.send_signal(signal.SIGTERM)
    bridge.take_all()
    code, said = bridge.ended()
    assert code == 128 + signal.SIGTERM
    return said


def check_pictures(bridge):
    """Colours in their order, right way up, none twice, times in order and not later than they were had."""
    for i, camera in enumerate(bridge.hello["cameras"]):
        ours = [(record, picture, had) for record, picture, had in bridge.handed.frames if record.camera == i]
        assert [record.frame_sequence for record, _, _ in ours] == list(range(len(ours)))
        captured = [record.capture_ns for record, _, _ in ours]
        assert captured == sorted(set(captured))
        for record, picture, had_ns in ours:
            assert picture.shape[:2] == (camera["height"], camera["width"])
            assert (picture[0, 0] == 255).all() and not (picture[-1, -1] == 255).all()
            last = picture[-1, -1].astype(int)
            if camera["format"] == "bgr":
                assert (last == (last[2] + np.array([2, 1, 0])) % 256).all(), "red, green, blue count up"
            assert record.capture_ns <= had_ns


def test_glasses_of_the_first_generation(gen1):
    clock_ns = -3 * 3600 * SECOND
    with gen1.bridge(sessions=[{"clock_ns": clock_ns}]) as bridge:
        assert bridge.hello["live"] is True
        assert bridge.hello["device"] == {"serial": "1WM0", "generation": 1, "model": "Aria", "subtype": None}
        assert [c["name"] for c in bridge.hello["cameras"]] == ["rgb", "slam-left", "slam-right"]
        assert [i["name"] for i in bridge.hello["imus"]] == ["imu-left", "imu-right"]
        assert all(c["frames"] is None for c in bridge.hello["cameras"])
        bridge.take_until(lambda: len(bridge.handed.of_camera(0)) >= 20 and len(bridge.handed.of_camera(2)) >= 8
                          and len(bridge.handed.calibrations) >= 2)
        said = stop(bridge)
    assert "0 dropped" in said[-1] and not any("gap" in line for line in said), said
    check_pictures(bridge)
    # The sender sends 10 ms after the time it writes, at the earliest: the clocks differ by that, and a little load.
    for record, _, _ in bridge.handed.frames:
        off_ns = record.capture_ns - (record.device_ns - clock_ns)
        assert 0 <= off_ns < SECOND
    accel = bridge.handed.samples(1)["accel_m_s2"]
    model = bridge.handed.calibration["imus"][1]["accel"]
    rectified = np.linalg.solve(model["rectification"], np.array([0.5, -9.7, 1.25]) - model["bias"])
    assert np.allclose(accel, rectified, atol=1e-5)
    assert gen1.calls == ["connect", "start profile18 Usb", "subscribe", "unsubscribe", "stop", "disconnect"]


def test_the_factorys_calibration_is_fitted_to_the_pictures(gen1):
    """As Meta's own reader does for a recording of the same glasses with pictures of that size."""
    with gen1.bridge() as bridge:
        bridge.take_until(lambda: bridge.handed.calibrations)
        stop(bridge)
    theirs = data_provider.create_vrs_data_provider(str(gen1.recording)).get_device_calibration()
    for entry in bridge.handed.calibration["cameras"]:
        camera = theirs.get_camera_calib("camera-" + entry["name"])
        assert np.allclose(entry["parameters"], camera.get_projection_params(), rtol=1e-12)
        assert (entry["width"], entry["height"]) == tuple(camera.get_image_size())
        assert entry["quarter_turns"] == 1


def test_glasses_of_the_second_generation(gen2):
    with gen2.bridge("--port", "7001") as bridge:
        assert [c["name"] for c in bridge.hello["cameras"]] == [
            "rgb", "slam-front-left", "slam-front-right", "slam-side-left", "slam-side-right"]
        bridge.take_until(lambda: len(bridge.handed.of_camera(0)) >= 5 and len(bridge.handed.of_camera(4)) >= 3
                          and len(bridge.handed.batches) >= 10)
        stop(bridge)
    check_pictures(bridge)
    # Motion comes in batches and one by one; what was announced both ways is handed over once.
    assert (np.diff(bridge.handed.samples(0)["device_ns"]) > 0).all()
    assert [c["quarter_turns"] for c in bridge.handed.calibration["cameras"]] == [0] * 5
    assert gen2.calls == ["connect", "listen 0.0.0.0:7001", "start profile9 USB_NCM", "stop", "stop server",
                          "disconnect"]


@pytest.mark.parametrize("failure", ["", "link down"])
def test_a_stream_that_stops_is_connected_again(gen1, failure):
    with gen1.bridge(sessions=[{"pictures": 16, "failure": failure}, {}]) as bridge:
        bridge.take_until(lambda: gen1.calls.count("subscribe") == 2)
        before = len(bridge.handed.frames)
        bridge.take_until(lambda: len(bridge.handed.frames) > before + 20)
        # All the while it was alive, though the SDK was at work.
        assert bridge.frame_ring.heartbeat_age_ns < 300_000_000
        said = stop(bridge)
    told = [line for line in said if "connecting again" in line]
    assert len(told) == 1 and (failure or "no picture for 1 s") in told[0]
    assert "connected again 1 times" in said[-1]
    check_pictures(bridge)
    assert gen1.calls == ["connect", "start profile18 Usb", "subscribe", "unsubscribe", "stop", "disconnect"] * 2


def test_glasses_that_begin_anew_have_another_clock(gen1):
    first = {"pictures": 16, "failure": "gone", "clock_ns": 1000 * SECOND}
    with gen1.bridge(sessions=[first, {"clock_ns": 0}]) as bridge:
        bridge.take_until(lambda: gen1.calls.count("subscribe") == 2)
        before = len(bridge.handed.frames)
        bridge.take_until(lambda: len(bridge.handed.frames) > before + 20)
        said = stop(bridge)
    jumps = [line for line in said if "clock jumped" in line]
    assert len(jumps) == 1 and ("by -1000." in jumps[0] or "by -999." in jumps[0]), said
    check_pictures(bridge)
    streams = [record.stream_ns for record, _ in bridge.handed.of_camera(0)]
    assert streams == sorted(streams) and streams[-1] - streams[0] < 60 * SECOND, "the stream's time goes on"
    assert all(abs(had_ns - record.capture_ns) < 5 * SECOND for record, _, had_ns in bridge.handed.frames)


def test_missing_samples_are_counted_and_not_filled(gen1):
    with gen1.bridge("--settle", "0.1", sessions=[{"skip_imu_ms": 100}]) as bridge:
        bridge.take_until(lambda: bridge.handed.batches and
                          bridge.handed.batches[-1][0].stream_ns > bridge.handed.batches[0][0].stream_ns + SECOND)
        said = stop(bridge)
    gaps = [line for line in said if "gaps" in line]
    assert len(gaps) == 2, said
    assert "imu-left: 1 gaps, 80 samples" in gaps[0] and "imu-right: 1 gaps, 100 samples" in gaps[1], said
    steps = np.diff(bridge.handed.samples(1)["device_ns"])
    assert (steps > 0).all() and (steps > 2_000_000).sum() == 1


def test_two_devices_are_named_and_one_is_chosen(gen1, gen2):
    for glasses in (gen1, gen2):
        done = glasses.run(usb=["1WM111", "1WM222"])
        said = messages(done.stderr)
        assert done.returncode == 3 and "name one with --serial: 1WM111, 1WM222" in said[-1]
        assert not done.stdout
    with gen1.bridge("--serial", "1WM222", usb=["1WM111", "1WM222"]) as bridge:
        stop(bridge)
    assert "connect 1WM222" in gen1.calls
    done = gen1.run("--serial", "1WM333", usb=["1WM111", "1WM222"])
    assert done.returncode == 3 and "no device 1WM333 is attached: there is 1WM111" in messages(done.stderr)[-1]


def test_no_glasses_is_one_line(gen1, gen2):
    for glasses in (gen1, gen2):
        done = glasses.run(usb=[], refuse="(-4) There are no devices connected over USB")
        said = messages(done.stderr)
        assert done.returncode == 3 and len(said) == 2 and "no devices connected" in said[1]


def test_by_wifi_and_with_another_profile(gen1):
    with gen1.bridge("--interface", "wifi", "--ip", "10.0.0.7", "--profile", "profile12", usb=["a", "b"]) as bridge:
        stop(bridge)
    assert gen1.calls[:2] == ["connect 10.0.0.7", "start profile12 WifiStation"]


def test_pairing_asks_and_ends(gen1, gen2):
    for glasses in (gen1, gen2):
        done = glasses.run("--pair")
        assert done.returncode == 0 and "Aria app" in messages(done.stderr)[-1] and glasses.calls[-1] == "authenticate"


def test_without_the_sdk_it_says_what_to_install(gen1, tmp_path):
    (tmp_path / "hidden" / "aria").mkdir(parents=True)
    (tmp_path / "hidden" / "aria" / "__init__.py").write_text("raise ImportError('No module named aria')")
    done = run(*gen1.arguments(), path=[tmp_path / "hidden"])
    assert done.returncode == 3 and "pip install projectaria-client-sdk" in messages(done.stderr)[-1]


def test_the_real_sdk_of_the_second_generation_calls_what_we_register(gen2):
    """It can play a recording through what glasses stream to: pictures, motion and calibration come as they do live."""
    sdk = pytest.importorskip("aria.sdk_gen2", reason="pip install 'bridges/aria[live]'")
    inbox, taken, motion = Inbox(), [], []
    glasses = GlassesGen2(SimpleNamespace(profile=None, ip=None, serial=None, port=6768, interface="usb"))
    receiver = glasses.receiver(inbox)
    handler = receiver._setup_stream_handler()  # what its server calls when glasses connect
    source = sdk.ReplaySourceConfig()
    source.filename, source.speed_multiplier = str(gen2.recording), 0.25
    session = sdk.create_replay_source(source, handler)
    assert eventually(lambda: [collected.extend(new) for collected, new in zip((taken, motion), inbox.take(0.005))]
                      and len(taken) == 39 and sum(len(samples) for _, samples, _ in motion) == 477)
    session.stop()
    handler.clear_callbacks()
    provider = data_provider.create_vrs_data_provider(str(gen2.recording))
    for label, stream in (("camera-rgb", "214-1"), ("slam-side-right", "1201-4")):
        ours = [(picture, device_ns) for name, picture, device_ns, _ in taken if name == label]
        times = provider.get_timestamps_ns(StreamId(stream), TimeDomain.DEVICE_TIME)
        assert [device_ns for _, device_ns in ours] == times
        for k, (picture, _) in enumerate(ours):
            assert np.array_equal(picture, provider.get_image_data_by_index(StreamId(stream), k)[0].to_numpy_array())
    assert {label for label, _, _ in motion} == {"imu-left", "imu-right"}
    times = [one.capture_timestamp_ns for label, samples, _ in motion if label == "imu-left" for one in samples]
    assert times == provider.get_timestamps_ns(StreamId("1202-1"), TimeDomain.DEVICE_TIME)
    assert inbox.calibration.get_camera_calib("camera-rgb") is not None


def test_the_real_sdk_of_the_first_generation_has_what_we_use():
    sdk = pytest.importorskip("aria.sdk", reason="pip install 'bridges/aria[live]'")
    assert [getattr(sdk.CameraId, name).value for name in ("Slam1", "Slam2", "Rgb")] == list(GlassesGen1.CAMERAS)
    config = sdk.StreamingConfig()
    config.profile_name, config.streaming_interface = "profile18", sdk.StreamingInterface.Usb
    config.security_options.use_ephemeral_certs = True
    assert config.security_options.use_ephemeral_certs
    client = sdk.StreamingClient()
    inbox = Inbox()
    subscribe_to(sdk, client, inbox)
    subscription = client.subscription_config
    assert dict(subscription.message_queue_size)[sdk.StreamingDataType.Rgb] == 1
    assert subscription.security_options.use_ephemeral_certs


# The clock alone.

def arrivals(seconds, offset_ns=0, seed=1, drift=0.0):
    """Device times of 100 values a second and when they arrive: 2 ms late or more, up to 80 and at times 400."""
    random = np.random.default_rng(seed)
    device = np.arange(0, seconds * SECOND, SECOND // 100)
    delay = 2e6 + random.exponential(20e6, len(device)) + (random.random(len(device)) < 0.02) * 400e6
    taken_ns = (device * (1 + drift)).astype(np.int64) - offset_ns
    return device, taken_ns, np.maximum.accumulate(taken_ns + delay.astype(np.int64))


@pytest.mark.parametrize("drift", [0.0, 30e-6, -30e-6])
def test_the_clock_finds_the_smallest_delay_and_follows_drift(drift):
    clock = DeviceClock()
    errors = []
    for device, taken, arrival in zip(*arrivals(600, 77 * SECOND, drift=drift)):
        assert clock.see("imu", int(device), int(arrival)) is None
        errors.append(clock.host_ns(int(device)) - int(taken))
    settled = np.array(errors[500:])
    assert settled.min() > 0, "never before it was taken"
    assert settled.max() < 8_000_000, "2 ms are in every delay, the rest is what is not known"


def test_a_held_up_network_is_no_jump():
    clock = DeviceClock()
    device, _, arrival = arrivals(30)
    held = (device > 10 * SECOND) & (device < 14 * SECOND)
    arrival[held] = 14 * SECOND + np.arange(held.sum()) * 1000  # all at once
    assert all(clock.see("rgb", int(d), int(a)) is None for d, a in zip(device, arrival))
    assert abs(clock.host_ns(0)) < 10_000_000


@pytest.mark.parametrize("jump_s", [-3600, -2, 2, 3600])
def test_a_jump_is_told_once_and_the_mapping_begins_anew(jump_s):
    clock = DeviceClock()
    device, taken, arrival = arrivals(30)
    shown = device + np.where(device >= 15 * SECOND, jump_s * SECOND, 0)
    told = [change for d, a in zip(shown, arrival) if (change := clock.see("rgb", int(d), int(a))) is not None]
    assert len(told) == 1 and abs(-told[0] / SECOND - jump_s) < 0.5
    assert abs(clock.host_ns(int(shown[-1])) - int(taken[-1])) < 10_000_000
