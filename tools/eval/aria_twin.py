"""Frames of the Aria Digital Twin dataset as straight pictures: what `convert.py aria-twin` reads with.

projectaria-tools does the reading and the geometry (requirements-aria.txt). The depth maps hold depth along the
optical axis, so they stay what they are when the picture is straightened about the same axis.
"""

import csv
import json

import numpy as np
from projectaria_tools.core import calibration, data_provider
from projectaria_tools.core.sensor_data import TimeDomain
from projectaria_tools.core.stream_id import StreamId

# The colour camera, and its depth maps in depth_images.vrs.
COLOUR = StreamId("214-1")
DEPTH = StreamId("345-1")
SAME_NS = 5_000_000  # a frame's files differ by a tenth of a millisecond; frames are 33 ms apart

# The dataset's categories that are classes of COCO. What else stands in the flat has no box here, and none counts
# for it: cupboards, hooks, hats.
CLASS_OF = {"chair": "chair", "table": "dining table", "sofa": "couch", "couch": "couch", "bed": "bed",
            "television": "tv", "tv": "tv", "potted plant": "potted plant", "plant": "potted plant", "cup": "cup",
            "bowl": "bowl", "bottle": "bottle", "wine glass": "wine glass", "fork": "fork", "knife": "knife",
            "spoon": "spoon", "scissors": "scissors", "vase": "vase", "clock": "clock", "book": "book",
            "refrigerator": "refrigerator", "toaster": "toaster", "oven": "oven", "microwave": "microwave",
            "sink": "sink", "toilet": "toilet", "laptop": "laptop"}
CLASSES = sorted(set(CLASS_OF.values()))


def nearest(times_ns, wanted_ns):
    """Index of the time that is the wanted one, or None."""
    i = int(np.argmin(np.abs(np.asarray(times_ns, np.int64) - int(wanted_ns))))
    return i if abs(int(times_ns[i]) - int(wanted_ns)) < SAME_NS else None


def rotation_of(x, y, z, w):
    return np.array([[1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                     [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                     [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])


def upright(direction):
    """A direction of the camera, which is mounted lying, in the picture turned clockwise by a quarter."""
    return [-direction[1], direction[0], direction[2]]


class Recording:
    """video.vrs, depth_images.vrs, 2d_bounding_box.csv, instances.json and aria_trajectory.csv of a folder."""

    def __init__(self, folder, size, focal):
        self.video = data_provider.create_vrs_data_provider(str(folder / "video.vrs"))
        self.depths = data_provider.create_vrs_data_provider(str(folder / "depth_images.vrs"))
        if self.video is None or self.depths is None:
            raise ValueError("its VRS files cannot be read")
        self.size, self.focal = size, focal
        device = self.video.get_device_calibration()
        self.camera = device.get_camera_calib("camera-rgb")
        self.camera_in_device = device.get_transform_device_sensor("camera-rgb").to_matrix()[:3, :3]
        self.straight = calibration.get_linear_camera_calibration(size, size, focal)
        categories = {uid: CLASS_OF.get(thing["category"])
                      for uid, thing in json.loads((folder / "instances.json").read_text()).items()}
        self.boxes = []  # time, class, x1, y1, x2, y2, visible part
        with open(folder / "2d_bounding_box.csv", newline="") as stream:
            for row in csv.DictReader(stream):
                name = categories.get(row["object_uid"])
                if row["stream_id"] == str(COLOUR) and name:
                    edges = [float(row[f"{k}[pixel]"]) for k in ("x_min", "y_min", "x_max", "y_max")]
                    self.boxes.append((int(row["timestamp[ns]"]), name, *edges, float(row["visibility_ratio[%]"])))
        with open(folder / "aria_trajectory.csv", newline="") as stream:
            self.poses = list(csv.DictReader(stream))

    def frames(self):
        """Of each picture with depth: number, RGB, depth in millimetres, boxes [class, x1, y1, x2, y2], which of
        them are hardly visible, and down in the camera frame; all of the straight, upright picture."""
        depth_times = self.depths.get_timestamps_ns(DEPTH, TimeDomain.DEVICE_TIME)
        for i, time_ns in enumerate(self.video.get_timestamps_ns(COLOUR, TimeDomain.DEVICE_TIME)):
            k = nearest(depth_times, time_ns)
            if k is None:
                continue
            colour = self.straightened(self.video.get_image_data_by_index(COLOUR, i), calibration.distort_by_calibration)
            depth = self.straightened(self.depths.get_image_data_by_index(DEPTH, k), self.nearest_pixel)
            boxes, hidden = self.boxes_at(time_ns)
            yield i, colour, depth.astype(np.uint16), boxes, hidden, self.down_at(time_ns)

    @staticmethod
    def nearest_pixel(data, straight, camera):
        from projectaria_tools.core.image import InterpolationMethod
        return calibration.distort_by_calibration(data, straight, camera, InterpolationMethod.NEAREST_NEIGHBOR)

    def straightened(self, image, distort):
        data = image[0].to_numpy_array()
        return np.ascontiguousarray(np.rot90(distort(data, self.straight, self.camera), 3))

    def straight_box(self, edges):
        """The box around a box's outline; None where it lies outside."""
        x1, y1, x2, y2 = edges
        outline = [(x, y) for t in np.linspace(0, 1, 9)
                   for x, y in ((x1 + t * (x2 - x1), y1), (x1 + t * (x2 - x1), y2),
                                (x1, y1 + t * (y2 - y1)), (x2, y1 + t * (y2 - y1)))]
        rays = [self.camera.unproject(np.array(p, float)) for p in outline]
        rays = [r / r[2] for r in rays if r is not None and r[2] > 0.05]
        if not rays:
            return None
        middle = (self.size - 1) / 2
        # In the upright picture: x to the right is the lying one's -y.
        x = [middle - r[1] * self.focal + 0.5 for r in rays]
        y = [middle + r[0] * self.focal + 0.5 for r in rays]
        box = np.clip([min(x), min(y), max(x), max(y)], 0, self.size)
        whole = (max(x) - min(x)) * (max(y) - min(y))
        inside = (box[2] - box[0]) * (box[3] - box[1])
        return (box.round(2).tolist(), inside / whole) if inside > 0 else None

    def boxes_at(self, time_ns):
        boxes, hidden = [], []
        for at, name, *edges, visible in self.boxes:
            straight = self.straight_box(edges) if abs(at - time_ns) < SAME_NS else None
            if straight:
                boxes.append([CLASSES.index(name), *straight[0]])
                hidden.append(int(visible * straight[1] < 0.3))
        return boxes, hidden

    def down_at(self, time_ns):
        i = nearest([int(p["tracking_timestamp_us"]) * 1000 for p in self.poses], time_ns)
        if i is None:
            return None
        pose = {k: float(v) for k, v in self.poses[i].items() if k != "graph_uid"}
        device = rotation_of(*(pose[f"q{k}_world_device"] for k in "xyzw"))
        gravity = np.array([pose[f"gravity_{k}_world"] for k in "xyz"])
        down = self.camera_in_device.T @ device.T @ gravity
        return [round(v, 6) for v in upright((down / np.linalg.norm(down)).tolist())]
