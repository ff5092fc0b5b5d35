"""An Aria recording (a VRS file) through projectaria-tools."""

import bisect
import re
from pathlib import Path

import numpy as np

from .console import BridgeError
from .sensors import Camera, Imu, camera_name, chosen

MAGIC = b"VisionRe"


def sdk():
    try:
        from projectaria_tools.core import calibration, data_provider, sensor_data
    except ImportError as error:
        raise BridgeError(f"projectaria-tools cannot be used ({error}): "
                          "pip install projectaria-tools==2.3.0, or 'bridges/aria[tools]'") from error
    return calibration, data_provider, sensor_data


def open_provider(path):
    _, data_provider, _ = sdk()
    return data_provider.create_vrs_data_provider(str(path))


def _rising(times):
    """Indices of the longest part of `times` that rises; of equal ones the first."""
    lowest, ends, before = [], [], [-1] * len(times)  # by length: the lowest end so far, and its index
    for i, time in enumerate(times):
        length = bisect.bisect_left(lowest, time)
        before[i] = ends[length - 1] if length else -1
        if length == len(lowest):
            lowest.append(time)
            ends.append(i)
        elif time < lowest[length]:
            lowest[length], ends[length] = time, i
    found, i = [], ends[-1] if ends else -1
    while i >= 0:
        found.append(i)
        i = before[i]
    return found[::-1]


def good_records(provider, stream):
    """Indices of a stream's records, and their times, ns by the device's clock, rising. Of a record that cannot be read
    the SDK has the time of another one: it is left out."""
    from projectaria_tools.core.sensor_data import TimeDomain

    times = np.asarray(provider.get_timestamps_ns(stream, TimeDomain.DEVICE_TIME), np.int64)
    index = np.arange(len(times))
    if np.any(np.diff(times) <= 0):
        index = np.asarray(_rising(times.tolist()))
    return index, times[index]


def _check_it_is_vrs(path):
    try:
        with open(path, "rb") as file:
            head = file.read(len(MAGIC))
    except IsADirectoryError as error:
        raise BridgeError(f"'{path}' is a folder: name the .vrs file") from error
    except OSError as error:
        raise BridgeError(f"cannot open '{path}': {error.strerror}") from error
    if head != MAGIC[:len(head)] or not head:
        raise BridgeError(f"'{path}' is not a recording of Aria glasses (a VRS file)")


class Recording:
    """What is in a file. `cut` says, in a word or two, what is missing when it was cut short."""

    def __init__(self, path, console):
        self.path = Path(path)
        _check_it_is_vrs(self.path)
        self._calibration_sdk, _, self._sensor_data = sdk()
        self.cut = None
        try:
            with console.what_the_sdk_says() as said:
                self.provider = open_provider(self.path)
        except Exception as error:  # whatever C++ throws at a damaged file
            raise BridgeError(f"'{self.path}' is cut short or damaged: it ends before its first picture") from error
        if self.provider is None:
            raise BridgeError(f"'{self.path}' is cut short or damaged: it cannot be opened")
        # The SDK tells it nowhere else. Without an index it reads what is there and says that, too.
        dropped = re.search(r"(\d+) records are beyond the end of the file", said[0])
        if dropped:
            self.cut = f"{dropped[1]} records are missing at its end"
        elif "Could not read index record" in said[0] or "Failed to read entire index" in said[0]:
            self.cut = "its index is missing"

    @property
    def device(self):
        version = self.provider.get_device_version()
        metadata = self.provider.get_metadata()
        calibration = self.provider.get_device_calibration()
        return {
            "serial": metadata.device_serial if metadata else None,
            "generation": {"Gen1": 1, "Gen2": 2}.get(version.name),
            "model": self._calibration_sdk.get_name(version),
            "subtype": calibration.get_device_subtype() if calibration else None,
        }

    def streams(self):
        """Of every stream: id, name, kind, count, size, rates, first and last time, for people."""
        found = []
        for stream in self.provider.get_all_streams():
            kind = self.provider.get_sensor_data_type(stream)
            times = self.provider.get_timestamps_ns(stream, self._sensor_data.TimeDomain.DEVICE_TIME)
            seconds = (times[-1] - times[0]) / 1e9 if len(times) > 1 else 0
            row = {"stream": str(stream), "name": self.provider.get_label_from_stream_id(stream),
                   "kind": kind.name.lower(), "count": len(times),
                   "nominal_rate_hz": self._rate(stream),
                   "rate_hz": round((len(times) - 1) / seconds, 3) if seconds > 0 else None,
                   "first_ns": times[0] if times else None, "last_ns": times[-1] if times else None}
            if kind == self._sensor_data.SensorDataType.IMAGE:
                image = self.provider.get_image_configuration(stream)
                row["width"], row["height"] = image.image_width, image.image_height
            found.append(row)
        return found

    def _rate(self, stream):
        rate = self.provider.get_nominal_rate_hz(stream)
        return float(rate) if rate and rate > 0 else None

    def choose(self, wanted=()):
        """Cameras and IMUs to hand over, each with its stream: two lists of pairs."""
        kinds = self._sensor_data.SensorDataType
        cameras, imus = {}, {}
        for stream in self.provider.get_all_streams():
            label = self.provider.get_label_from_stream_id(stream)
            kind = self.provider.get_sensor_data_type(stream)
            if kind == kinds.IMAGE and camera_name(label) and self.provider.get_num_data(stream) > 0:
                cameras[camera_name(label)] = (label, stream)
            elif kind == kinds.IMU and self.provider.get_num_data(stream) > 0:
                imus[label] = stream
        # The colour camera is the first: it is what the walker is guided by.
        names = chosen(sorted(cameras, key=lambda name: name != "rgb") + sorted(imus), wanted, f"'{self.path}'")
        taken = [name for name in names if name in cameras]
        if not taken:
            missing = f"it is cut short: {self.cut}" if self.cut else "leave out --streams or name a camera"
            raise BridgeError(f"'{self.path}': no pictures to hand over: {missing}")
        return ([(self._camera(name, *cameras[name]), cameras[name][1]) for name in taken],
                [(Imu(name, self._rate(imus[name]), self.provider.get_num_data(imus[name])), imus[name])
                 for name in names if name in imus])

    def _camera(self, name, label, stream):
        image = self.provider.get_image_configuration(stream)
        # What looks at the world is either the colour camera or grey.
        return Camera(name, label, image.image_width, image.image_height, name == "rgb", self._rate(stream),
                      self.provider.get_num_data(stream))

    def motion(self, stream, index, device_ns):
        """An IMU's sample of that index and time; None when it cannot be read."""
        try:
            found = self.provider.get_imu_data_by_index(stream, index)
        except Exception:  # whatever C++ throws at a damaged record
            return None
        # Of a record that cannot be read the SDK gives the one before.
        return found if found.capture_timestamp_ns == device_ns else None

    def device_calibration(self):
        found = self.provider.get_device_calibration()
        if found is None:
            raise BridgeError(f"'{self.path}' has no calibration: distances cannot be measured with it; "
                              "record with a profile that keeps it")
        return found
