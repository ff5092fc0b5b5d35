"""aria.stream_receiver: where glasses of the second generation send to."""

from types import SimpleNamespace

from projectaria_tools.core import data_provider

from . import SCENE, Sender, log
from .sdk_gen2 import _Device


class StreamReceiver:
    def __init__(self, enable_image_decoding=True):
        assert enable_image_decoding
        print("[StreamReceiver] prints to standard output, as the real one does")

    def set_server_config(self, config):
        self._config = config

    def register_rgb_callback(self, callback):
        self._rgb = callback

    def register_slam_callback(self, callback):
        self._slam = callback

    def register_imu_batch_callback(self, callback):
        self._imu = callback

    def register_imu_callback(self, callback):
        self._one_sample = callback

    def register_device_calib_callback(self, callback):
        self._calibration = callback

    def start_server(self):
        log(f"listen {self._config.address}:{self._config.port}")
        _Device.receiver = self

    def connected(self):
        recording = data_provider.create_vrs_data_provider(SCENE["calibration"])
        self._calibration(recording.get_device_calibration())
        self._sender = Sender((64, (1512, 2016, 3)), [(camera, (512, 512)) for camera in (1, 2, 4, 8)],
                              [("imu-left", 800), ("imu-right", 800)], self._picture, self._motion, lambda _: None)
        self._sender.start()

    def _picture(self, camera, picture, device_ns):
        (self._rgb if camera == 64 else self._slam)(
            SimpleNamespace(to_numpy_array=picture.copy),
            SimpleNamespace(camera_id=camera, capture_timestamp_ns=device_ns))

    def _motion(self, imu, samples):
        self._imu(samples, imu)
        for one in samples:
            self._one_sample(one, imu)

    def stop_server(self):
        log("stop server")
        self._sender.stop()
