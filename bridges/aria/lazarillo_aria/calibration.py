"""The calibration of a device as Lazarillo takes it: the JSON of docs/ring.md, "Bridges"."""

import json
import math

import numpy as np

from .console import BridgeError

VERSION = 1


def _rows(transform):
    return np.asarray(transform.to_matrix())[:3].tolist()


def _numbers(array):
    return np.asarray(array, float).ravel().tolist()


def quarter_turns(T_device_camera, T_device_cpf):
    """How many quarter turns clockwise bring the wearer's down closest to the picture's down.

    T_device_camera: of the camera, x to the picture's right, y to its bottom, z forward; T_device_cpf: of the
    frame between the eyes, x to the left, y up, z forward; both 4x4. A quarter turn clockwise takes what points
    right to the bottom and what points to the bottom left."""
    down = -(T_device_camera[:3, :3].T @ T_device_cpf[:3, 1])
    x, y = down[:2]
    return int(np.argmax([y, x, -y, -x]))


class Calibration:
    """Of the cameras and IMUs that are handed over, of one device."""

    def __init__(self, device_calibration, cameras, imus, device):
        from projectaria_tools.core import calibration as sdk

        cpf = device_calibration.get_transform_device_cpf()
        models = [self._of_camera(sdk, device_calibration, camera) for camera in cameras]
        # fx, fy, cx, cy of each camera's raw picture
        self.intrinsics = [(*_numbers(model.get_focal_lengths()), *_numbers(model.get_principal_point()))
                           for model in models]
        self._imus = [device_calibration.get_imu_calib(imu.name) for imu in imus]
        for imu, found in zip(imus, self._imus):
            if found is None:
                raise BridgeError(f"there is no calibration of {imu.name}: leave it out with --streams")
        self.json = json.dumps({
            "version": VERSION,
            "device": device,
            "T_device_cpf": _rows(cpf),
            "cameras": [self._describe_camera(i, camera, calibration, cpf)
                        for i, (camera, calibration) in enumerate(zip(cameras, models))],
            "imus": [self._describe_imu(i, imu, calibration)
                     for i, (imu, calibration) in enumerate(zip(imus, self._imus))],
        }, allow_nan=False).encode()

    @staticmethod
    def _of_camera(sdk, device_calibration, camera):
        found = device_calibration.get_camera_calib(camera.label)
        if found is None:
            raise BridgeError(f"there is no calibration of the camera {camera.name}: leave it out with --streams")
        size = (camera.width, camera.height)
        if tuple(int(n) for n in found.get_image_size()) == size:
            return found
        # Factory calibrations are of the whole sensor; profiles take a part of it and make it smaller.
        try:
            return sdk.rescale_camera_calibration(found, np.array(size, np.int32),
                                                  device_calibration.get_device_version())
        except (RuntimeError, ValueError) as error:
            raise BridgeError(f"the calibration of the camera {camera.name} does not fit pictures of "
                              f"{size[0]}x{size[1]}: {error}") from error

    @staticmethod
    def _describe_camera(index, camera, calibration, cpf):
        pose = calibration.get_transform_device_camera()
        radius, readout = calibration.get_valid_radius(), calibration.get_readout_time_sec()
        return {
            "index": index,
            "name": camera.name,
            "model": calibration.get_model_name().name.lower().replace("_", "-"),
            "parameters": _numbers(calibration.get_projection_params()),
            "width": camera.width,
            "height": camera.height,
            "valid_radius": None if radius is None else float(radius),
            "time_offset_s": float(calibration.get_time_offset_sec_device_camera()),
            "readout_s": None if readout is None else float(readout),
            "T_device_camera": _rows(pose),
            "quarter_turns": quarter_turns(np.asarray(pose.to_matrix()), np.asarray(cpf.to_matrix())),
        }

    @staticmethod
    def _describe_imu(index, imu, calibration):
        def model(linear, offset_s):
            return {"rectification": np.asarray(linear.get_rectification()).tolist(),
                    "bias": _numbers(linear.get_bias()), "time_offset_s": float(offset_s)}

        return {
            "index": index,
            "name": imu.name,
            "rate_hz": imu.rate_hz,
            "T_device_imu": _rows(calibration.get_transform_device_imu()),
            "accel": model(calibration.get_accel_model(), calibration.get_time_offset_sec_device_accel()),
            "gyro": model(calibration.get_gyro_model(), calibration.get_time_offset_sec_device_gyro()),
        }

    def fill_sample(self, into, imu, motion):
        """One sample as the SDK has it into an IMU_SAMPLE, rectified; its times are the caller's."""
        model = self._imus[imu]
        into["accel_m_s2"] = np.ravel(model.raw_to_rectified_accel(motion.accel_msec2))
        into["gyro_rad_s"] = np.ravel(model.raw_to_rectified_gyro(motion.gyro_radsec))
        temperature = getattr(motion, "temperature", math.nan)
        into["temperature_c"] = temperature
        into["flags"] = (1 if motion.accel_valid else 0) | (2 if motion.gyro_valid else 0)
