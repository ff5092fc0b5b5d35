"""Frames of the Aria Digital Twin dataset as straight pictures: what `convert.py aria-twin` reads with.

projectaria-tools does the reading and the geometry (requirements-aria.txt). The depth maps hold depth along the
optical axis, so they stay what they are when the picture is straightened about the same axis.
"""

import csv
import json
from dataclasses import dataclass

import numpy as np
from projectaria_tools.core import calibration, data_provider
from projectaria_tools.core.sensor_data import TimeDomain
from projectaria_tools.core.stream_id import StreamId

# Of each camera: its name in the calibration, its stream in video.vrs, and that of its depth maps in depth_images.vrs.
CAMERAS = {"rgb": ("camera-rgb", StreamId("214-1"), StreamId("345-1")),
           "slam-left": ("camera-slam-left", StreamId("1201-1"), StreamId("345-2")),
           "slam-right": ("camera-slam-right", StreamId("1201-2"), StreamId("345-3"))}
SAME_NS = 5_000_000  # a frame's files differ by a tenth of a millisecond; frames are 33 ms apart
RUN_HFOV_DEG = 100
LEAST_VISIBLE = 0.3  # a thing of which less shows is hardly visible

# The dataset's categories that are classes of lznet (80 of COCO's, and doors), by the names of data/objects.toml. What
# else stands in the flat has no box here, and none counts for it: cupboards, hooks, hats.
CLASS_OF = {"door": "door", "chair": "chair", "dining chair": "chair", "armchair": "chair", "couch": "couch",
            "bed frame": "bed", "table": "dining table", "dining table": "dining table",
            "coffee table": "dining table", "side table": "dining table", "television": "tv",
            "house plant": "potted plant", "cup": "cup", "bowl": "bowl", "pet bowl": "bowl", "bottle": "bottle",
            "fork": "fork", "spoon": "spoon", "scissors": "scissors", "vase": "vase", "wall clock": "clock",
            "desk clock": "clock", "book": "book", "refrigerator": "refrigerator", "toaster": "toaster",
            "computer mouse": "mouse", "computer keyboard": "keyboard", "remote control": "remote"}
CLASSES = sorted(set(CLASS_OF.values()))


def nearest(times_ns, wanted_ns):
    """Index of the time that is the wanted one, or None."""
    i = int(np.argmin(np.abs(np.asarray(times_ns, np.int64) - int(wanted_ns))))
    return i if abs(int(times_ns[i]) - int(wanted_ns)) < SAME_NS else None


def rotation_of(x, y, z, w):
    return np.array([[1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                     [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                     [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])


# A quarter turn clockwise: every camera of the first generation is mounted lying.
UPRIGHT = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])


def bearing_deg(points):
    """Of points x right, y down, z forward: 0 is ahead, positive to the right."""
    points = np.asarray(points)
    return np.degrees(np.arctan2(points[..., 0], points[..., 2]))


@dataclass
class Thing:
    """An object of our classes. Metres; a pose takes the object's own frame to the upright camera's."""
    uid: str
    name: str
    instance: str
    pose: np.ndarray  # 4x4
    low: np.ndarray  # opposite corners of its 3D box, in its own frame
    high: np.ndarray
    box: list | None  # of what is visible of it in the straight picture: x1, y1, x2, y2; None: nothing
    visible: float  # part of it that is neither hidden nor outside of the picture

    def centre(self):
        return self.pose[:3, :3] @ (self.low + self.high) / 2 + self.pose[:3, 3]

    def holds(self, points, margin_m=0.01):
        """Which of the points of the upright camera's frame are in its 3D box."""
        own = (points - self.pose[:3, 3]) @ self.pose[:3, :3]
        return ((own > self.low - margin_m) & (own < self.high + margin_m)).all(-1)


def transform(rotation, position):
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = rotation, position
    return result


def rows_of(file):
    with open(file, newline="") as stream:
        return list(csv.DictReader(stream))


def at_moment(rows, time_ns):
    """By object, what holds at the time; -1 is always."""
    return {row["object_uid"]: row for row in rows
            if row["timestamp[ns]"] == "-1" or abs(int(row["timestamp[ns]"]) - time_ns) < SAME_NS}


class Recording:
    """One camera of a sequence: its files video.vrs, depth_images.vrs, 2d_bounding_box.csv, instances.json and
    aria_trajectory.csv (of things_at() scene_objects.csv and 3d_bounding_box.csv, too).

    The straight, upright picture is `size` pixels high and wide, `focal` in its pixels; without them it is as a run
    makes it: as many pixels as the camera's picture, `hfov_deg` wide."""

    def __init__(self, folder, size=None, focal=None, camera="rgb", hfov_deg=RUN_HFOV_DEG):
        self.folder = folder
        label, self.stream, self.depth_stream = CAMERAS[camera]
        self.video = data_provider.create_vrs_data_provider(str(folder / "video.vrs"))
        self.depths = data_provider.create_vrs_data_provider(str(folder / "depth_images.vrs"))
        if self.video is None or self.depths is None:
            raise ValueError("its VRS files cannot be read")
        device = self.video.get_device_calibration()
        self.camera = device.get_camera_calib(label)
        self.height, self.width = (size, size) if size else map(int, self.camera.get_image_size())
        self.focal = focal or self.width / 2 / float(np.tan(np.radians(hfov_deg / 2)))
        self.device_from_upright = (device.get_transform_device_sensor(label).to_matrix()
                                    @ transform(UPRIGHT.T, 0))
        self.straight = calibration.get_linear_camera_calibration(self.height, self.width, self.focal)
        self.instances = {uid: (CLASS_OF[thing["category"]], thing["instance_name"])
                          for uid, thing in json.loads((folder / "instances.json").read_text()).items()
                          if thing["category"] in CLASS_OF}
        self.boxes = [row for row in rows_of(folder / "2d_bounding_box.csv")
                      if row["stream_id"] == str(self.stream) and row["object_uid"] in self.instances]
        self.poses = rows_of(folder / "aria_trajectory.csv")

    def times_ns(self):
        return self.video.get_timestamps_ns(self.stream, TimeDomain.DEVICE_TIME)

    def frames(self):
        """Of each picture with depth: number, RGB or grey, depth in millimetres, boxes [class, x1, y1, x2, y2], which of
        them are hardly visible, and down in the camera frame; all of the straight, upright picture."""
        depth_times = self.depths.get_timestamps_ns(self.depth_stream, TimeDomain.DEVICE_TIME)
        for i, time_ns in enumerate(self.times_ns()):
            k = nearest(depth_times, time_ns)
            if k is None:
                continue
            picture = self.straightened(self.video.get_image_data_by_index(self.stream, i),
                                        calibration.distort_by_calibration)
            depth = self.straightened(self.depths.get_image_data_by_index(self.depth_stream, k), self.nearest_pixel)
            boxes, hidden = self.boxes_at(time_ns)
            yield i, picture, depth.astype(np.uint16), boxes, hidden, self.down_at(time_ns)

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
        # In the upright picture: x to the right is the lying one's -y.
        x = [(self.width - 1) / 2 - r[1] * self.focal + 0.5 for r in rays]
        y = [(self.height - 1) / 2 + r[0] * self.focal + 0.5 for r in rays]
        box = np.clip([min(x), min(y), max(x), max(y)], 0, [self.width, self.height] * 2)
        whole = (max(x) - min(x)) * (max(y) - min(y))
        inside = (box[2] - box[0]) * (box[3] - box[1])
        return (box.round(2).tolist(), inside / whole) if inside > 0 else None

    def seen_box(self, row):
        """Of a row of 2d_bounding_box.csv: the box in the straight picture, None where it lies outside, and which
        part of the thing it shows."""
        straight = self.straight_box([float(row[f"{k}[pixel]"]) for k in ("x_min", "y_min", "x_max", "y_max")])
        return (straight[0], float(row["visibility_ratio[%]"]) * straight[1]) if straight else (None, 0.0)

    def boxes_at(self, time_ns):
        boxes, hidden = [], []
        for row in self.boxes:
            box, visible = self.seen_box(row) if abs(int(row["timestamp[ns]"]) - time_ns) < SAME_NS else (None, 0)
            if box:
                boxes.append([CLASSES.index(self.instances[row["object_uid"]][0]), *box])
                hidden.append(int(visible < LEAST_VISIBLE))
        return boxes, hidden

    def pose_at(self, time_ns):
        """The row of the trajectory, and world from device, 4x4; None, where it is not known."""
        i = nearest([int(p["tracking_timestamp_us"]) * 1000 for p in self.poses], time_ns)
        if i is None:
            return None
        pose = {k: float(v) for k, v in self.poses[i].items() if k != "graph_uid"}
        return pose, transform(rotation_of(*(pose[f"q{k}_world_device"] for k in "xyzw")),
                               [pose[f"t{k}_world_device"] for k in "xyz"])

    def down_at(self, time_ns):
        known = self.pose_at(time_ns)
        if known is None:
            return None
        pose, world_from_device = known
        gravity = np.array([pose[f"gravity_{k}_world"] for k in "xyz"])
        down = (world_from_device @ self.device_from_upright)[:3, :3].T @ gravity
        return [round(v, 6) for v in (down / np.linalg.norm(down)).tolist()]

    def things_at(self, time_ns):
        """Every object of our classes, in view or not."""
        upright_from_world = np.linalg.inv(self.pose_at(time_ns)[1] @ self.device_from_upright)
        extents = at_moment(rows_of(self.folder / "3d_bounding_box.csv"), time_ns)
        seen = at_moment(self.boxes, time_ns)
        for uid, row in at_moment(rows_of(self.folder / "scene_objects.csv"), time_ns).items():
            if uid not in self.instances or uid not in extents:
                continue
            rotation = rotation_of(*(float(row[f"q_wo_{k}"]) for k in "xyzw"))
            pose = upright_from_world @ transform(rotation, [float(row[f"t_wo_{k}[m]"]) for k in "xyz"])
            low, high = (np.array([float(extents[uid][f"p_local_obj_{k}{end}[m]"]) for k in "xyz"])
                         for end in ("min", "max"))
            yield Thing(uid, *self.instances[uid], pose, low, high,
                        *(self.seen_box(seen[uid]) if uid in seen else (None, 0.0)))
