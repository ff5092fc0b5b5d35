"""aria.sdk_gen2: the second generation."""

import enum

from . import SCENE, log


class StreamingInterface(enum.Enum):
    WIFI_STA = 0
    USB_NCM = 2


class DeviceClientConfig:
    adb_path = None


class HttpStreamingConfig:
    profile_name = ""
    streaming_interface = StreamingInterface.WIFI_STA


class HttpServerConfig:
    address = ""
    port = 0


class DeviceTarget:
    def __init__(self, ip="", serial=""):
        self.ip, self.serial = ip, serial


class _Device:
    receiver = None  # the one StreamReceiver that listens

    def serial(self):
        return SCENE.get("usb", ["1M0Y"])[0]

    def set_streaming_config(self, config):
        self._config = config

    def start_streaming(self, record=False):
        log(f"start {self._config.profile_name} {self._config.streaming_interface.name}")
        _Device.receiver.connected()

    def stop_streaming(self):
        log("stop")


class DeviceClient:
    def set_client_config(self, config):
        pass

    def usb_devices(self):
        return [(serial, "usb:1-1") for serial in SCENE.get("usb", ["1M0Y"])]

    def authenticate(self, target):
        log("authenticate")

    def connect(self, target):
        log(f"connect {target.ip or target.serial}".strip())
        if SCENE.get("refuse"):
            raise RuntimeError(SCENE["refuse"])
        return _Device()

    def disconnect(self, device):
        log("disconnect")
