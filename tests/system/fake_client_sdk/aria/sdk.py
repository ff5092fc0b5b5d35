"""aria.sdk: the first generation."""

import enum
from types import SimpleNamespace

from . import SCENE, Sender, log


class StreamingInterface(enum.Enum):
    WifiStation = 0
    Usb = 1


class StreamingDataType(enum.IntFlag):
    Rgb = 1
    Slam = 2
    Imu = 16


class CameraId(enum.Enum):
    Slam1 = 0
    Slam2 = 1
    Rgb = 2


class ErrorCode(enum.Enum):
    ConnectionLost = 3


class StreamingSecurityOptions:
    use_ephemeral_certs = False


class StreamingConfig:
    def __init__(self):
        self.security_options = StreamingSecurityOptions()
        self.profile_name = "profile18"
        self.streaming_interface = StreamingInterface.WifiStation


class DeviceClientConfig:
    ip_v4_address = ""
    device_serial = None


class _StreamingClient:
    def __init__(self):
        self.subscription_config = SimpleNamespace(subscriber_data_type=StreamingDataType(0), message_queue_size={},
                                                   security_options=StreamingSecurityOptions())
        self._observer = self._sender = None

    def set_streaming_client_observer(self, observer):
        self._observer = observer

    def subscribe(self):
        kinds = self.subscription_config.subscriber_data_type
        assert kinds == StreamingDataType.Rgb | StreamingDataType.Slam | StreamingDataType.Imu
        log("subscribe")
        observer = self._observer
        self._sender = Sender(
            (CameraId.Rgb, (1408, 1408, 3)), [(CameraId.Slam1, (480, 640)), (CameraId.Slam2, (480, 640))],
            [(0, 1000), (1, 800)],
            lambda camera, picture, device_ns: observer.on_image_received(
                picture, SimpleNamespace(camera_id=camera, capture_timestamp_ns=device_ns)),
            lambda imu, samples: observer.on_imu_received(samples, imu),
            lambda message: observer.on_streaming_client_failure(ErrorCode.ConnectionLost, message))
        self._sender.start()

    def unsubscribe(self):
        log("unsubscribe")
        self._sender.stop()


class _StreamingManager:
    def __init__(self):
        self.streaming_client = _StreamingClient()
        self.streaming_config = StreamingConfig()

    def sensors_calibration(self):
        with open(SCENE["calibration"]) as file:
            return file.read()

    def start_streaming(self):
        config = self.streaming_config
        log(f"start {config.profile_name} {config.streaming_interface.name}")

    def stop_streaming(self):
        log("stop")


class DeviceClient:
    @property
    def usb_devices(self):
        return SCENE.get("usb", ["1WM0"])

    def set_client_config(self, config):
        self._config = config

    def authenticate(self):
        log("authenticate")

    def connect(self):
        log(f"connect {self._config.ip_v4_address or self._config.device_serial or ''}".strip())
        if SCENE.get("refuse"):
            raise RuntimeError(SCENE["refuse"])
        return SimpleNamespace(info=SimpleNamespace(serial=self.usb_devices[0], model="Aria"),
                               streaming_manager=_StreamingManager())

    def disconnect(self, device):
        log("disconnect")
