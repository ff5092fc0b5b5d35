#!/usr/bin/env python3
"""Makes a data set for `lazarillo eval` of others that people have.

    convert.py coco instances_val2017.json val2017/ OUT
    convert.py voc VOCdevkit/VOC2007 OUT --image-set test
    convert.py scannet scans/scene0000_00 scans/scene0011_00 OUT --every 50
    convert.py 7scenes redkitchen/seq-03 redkitchen/seq-04 OUT --every 20
    convert.py aria-twin Apartment_release_work_skeleton_seq131 OUT

OUT becomes a folder with detect.jsonl or depth.jsonl, classes.json and the pictures, unchanged
(docs/evaluation.md describes it). What a folder holds already is kept with --add: another split, or a
data set with the same classes.

scannet: scenes as ScanNet's SensReader exports them: color/*.jpg, depth/*.png, intrinsic/intrinsic_*.txt.
7scenes: frame-*.color.png and frame-*.depth.png. Its depth is that of a camera beside the colour camera, with
another focal length: both are evened out, but not the few centimetres between the cameras; edges of near
things are off by that.
aria-twin: a sequence of the Aria Digital Twin dataset, with video.vrs, depth_images.vrs, 2d_bounding_box.csv,
instances.json and aria_trajectory.csv. One camera's fisheye pictures (--camera) are straightened and turned upright,
those with depth are taken, and things of classes that lznet knows get boxes. It needs projectaria-tools:
pip install --no-deps -r requirements-aria.txt.
"""

import argparse
import io
import json
import pathlib
import re
import sys
import tarfile
import xml.etree.ElementTree as ET
from collections import defaultdict

import numpy as np
from PIL import Image


class Refused(Exception):
    """One line for the user."""


class Pack:
    """The folder that is written: pictures first, the lines that name them last."""

    def __init__(self, folder, kind, args):
        self.folder, self.kind, self.split, self.set = folder, kind, args.split, args.set
        self.lines = []
        file = folder / f"{kind}.jsonl"
        if file.exists() and not args.add:
            raise Refused(f"'{file}' is there already: name another folder, or --add to it")
        folder.mkdir(parents=True, exist_ok=True)
        self.tar = None
        if getattr(args, "tar", False):
            shard = folder / f"{args.set}-{args.split}.tar"
            if shard.exists():
                raise Refused(f"'{shard}' is there already: another --set or --split")
            self.tar = tarfile.open(shard, "w", format=tarfile.USTAR_FORMAT)

    def put(self, name, data):
        """Stores a file and gives the name it has in the data set."""
        name = f"{self.set}-{self.split}/{name}"
        if self.tar:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            self.tar.addfile(member, io.BytesIO(data))
        else:
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return name

    def add(self, **row):
        self.lines.append(json.dumps({**row, "set": self.set, "split": self.split}))
        if len(self.lines) % 500 == 0:
            print(f"{len(self.lines)} pictures", file=sys.stderr)

    def set_classes(self, names):
        file = self.folder / "classes.json"
        if file.exists() and json.loads(file.read_text()) != names:
            raise Refused(f"'{file}' has other classes: name another folder")
        file.write_text(json.dumps(names) + "\n")

    def close(self):
        if not self.lines:
            raise Refused("there is nothing to convert: no picture was found")
        if self.tar:
            self.tar.close()
        with open(self.folder / f"{self.kind}.jsonl", "a") as stream:
            stream.writelines(line + "\n" for line in self.lines)
        print(f"{self.folder}: {len(self.lines)} pictures, set {self.set}, split {self.split}")


def read(file):
    try:
        return pathlib.Path(file).read_bytes()
    except OSError as error:
        raise Refused(f"'{file}' cannot be read: {error.strerror}") from None


def size_of(data, file):
    try:
        return Image.open(io.BytesIO(data)).size
    except OSError:
        raise Refused(f"'{file}' is no picture") from None


def convert_coco(args):
    try:
        truth = json.loads(read(args.annotations))
        categories = sorted(truth["categories"], key=lambda c: c["id"])
        images, annotations = truth["images"], truth["annotations"]
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"'{args.annotations}' is not in COCO's format ({error!r})") from None
    pack = Pack(args.out, "detect", args)
    pack.set_classes([c["name"] for c in categories])
    index = {c["id"]: i for i, c in enumerate(categories)}
    of_image = defaultdict(list)
    for annotation in annotations:
        of_image[annotation["image_id"]].append(annotation)
    for image in images:
        data = read(args.images / image["file_name"])
        boxes, crowds = [], []
        for annotation in of_image[image["id"]]:
            x, y, width, height = annotation["bbox"]
            boxes.append([index[annotation["category_id"]], x, y, x + width, y + height])
            crowds.append(int(annotation.get("iscrowd", 0)))
        pack.add(file=pack.put(image["file_name"], data), width=image["width"], height=image["height"],
                 boxes=boxes, difficult=crowds, labelled_classes=list(range(len(categories))))
    pack.close()


VOC_CLASSES = ["aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
               "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
               "train", "tvmonitor"]


def convert_voc(args):
    names = read(args.folder / "ImageSets" / "Main" / f"{args.image_set}.txt").decode().split()
    pack = Pack(args.out, "detect", args)
    pack.set_classes(VOC_CLASSES)
    for name in names:
        file = args.folder / "Annotations" / f"{name}.xml"
        try:
            root = ET.fromstring(read(file))
            boxes, difficult = [], []
            for thing in root.iter("object"):
                edges = [float(thing.find("bndbox").findtext(k)) for k in ("xmin", "ymin", "xmax", "ymax")]
                # VOC counts pixels from 1 and names the last one; here edges count from the picture's.
                boxes.append([VOC_CLASSES.index(thing.findtext("name")),
                              edges[0] - 1, edges[1] - 1, edges[2], edges[3]])
                difficult.append(int(thing.findtext("difficult") or 0))
            width, height = (int(root.find("size").findtext(k)) for k in ("width", "height"))
        except (ET.ParseError, AttributeError, TypeError, ValueError) as error:
            raise Refused(f"'{file}' is not as VOC writes it ({error})") from None
        data = read(args.folder / "JPEGImages" / f"{name}.jpg")
        pack.add(file=pack.put(f"{name}.jpg", data), width=width, height=height, boxes=boxes,
                 difficult=difficult, labelled_classes=list(range(len(VOC_CLASSES))))
    pack.close()


def camera(focal, size):
    """fx, fy, cx, cy of a camera with the principal point in the middle."""
    return focal, focal, (size[0] - 1) / 2, (size[1] - 1) / 2


def seen_by(depth, depth_camera, colour_camera):
    """The depth map as a camera in the same place with other intrinsics has it: the nearest of what falls
    on a pixel, 0 where nothing does. Both cameras' values are for the map's own size."""
    y, x = np.nonzero(depth)
    z = depth[y, x]
    fx, fy, cx, cy = depth_camera
    gx, gy, dx, dy = colour_camera
    u = np.rint((x - cx) / fx * gx + dx).astype(int)
    v = np.rint((y - cy) / fy * gy + dy).astype(int)
    inside = (u >= 0) & (u < depth.shape[1]) & (v >= 0) & (v < depth.shape[0])
    u, v, z = u[inside], v[inside], z[inside]
    far_first = np.argsort(-z.astype(int), kind="stable")
    result = np.zeros_like(depth)
    result[v[far_first], u[far_first]] = z[far_first]
    return result


def read_depth(file):
    data = read(file)
    size_of(data, file)
    data = np.array(Image.open(io.BytesIO(data)))
    if data.ndim != 2:
        raise Refused(f"'{file}' is no depth map of 16 bits")
    data = data.astype(np.uint16)
    data[data == 65535] = 0
    return data


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


def put_measured(pack, name, colour_file, depth, focal):
    """`focal`: of the picture, in its pixels."""
    colour = read(colour_file)
    width, height = size_of(colour, colour_file)
    pack.add(file=pack.put(name + colour_file.suffix, colour), depth=pack.put(f"{name}-depth.png", png(depth)),
             width=width, height=height, focal=focal)


def intrinsics(file):
    try:
        matrix = np.array(read(file).decode().split(), float).reshape(-1, 4)
    except ValueError:
        raise Refused(f"'{file}' is no 4x4 matrix") from None
    return matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]


def number_in(file):
    return int(re.findall(r"\d+", file.name)[0])


def convert_scannet(args):
    pack = Pack(args.out, "depth", args)
    for scene in args.scenes:
        colour_camera = intrinsics(scene / "intrinsic" / "intrinsic_color.txt")
        depth_camera = intrinsics(scene / "intrinsic" / "intrinsic_depth.txt")
        for file in sorted(scene.glob("color/*.jpg"), key=number_in)[::args.every]:
            depth = read_depth(scene / "depth" / f"{file.stem}.png")
            width, height = size_of(read(file), file)
            # The colour camera's values for a picture as large as the map.
            x, y = depth.shape[1] / width, depth.shape[0] / height
            fx, fy, cx, cy = colour_camera
            scaled = fx * x, fy * y, (cx + 0.5) * x - 0.5, (cy + 0.5) * y - 0.5
            put_measured(pack, f"{scene.name}-{file.stem}", file,
                         seen_by(depth, depth_camera, scaled), fx)
    pack.close()


def convert_7scenes(args):
    pack = Pack(args.out, "depth", args)
    for scene in args.scenes:
        for file in sorted(scene.glob("frame-*.color.png"))[::args.every]:
            depth = read_depth(file.with_name(file.name.replace(".color.", ".depth.")))
            size = depth.shape[1], depth.shape[0]
            put_measured(pack, f"{scene.name}-{file.name.split('.')[0]}", file,
                         seen_by(depth, camera(args.depth_focal, size), camera(args.focal, size)), args.focal)
    pack.close()


def convert_aria_twin(args):
    try:
        from aria_twin import CLASSES, Recording
    except ImportError as error:
        raise Refused(f"{error}: pip install --no-deps -r tools/eval/requirements-aria.txt") from None
    measured, labelled = Pack(args.out, "depth", args), Pack(args.out, "detect", args)
    labelled.set_classes(CLASSES)
    try:
        size = () if args.as_run else (args.size, args.focal)
        recording = Recording(args.folder, *size, camera=args.camera)
        for number, colour, depth, boxes, hidden, down in recording.frames():
            name = f"{args.folder.name}-{args.camera}-{number:05}"
            picture = {"file": measured.put(f"{name}.png", png(colour)), "width": recording.width,
                       "height": recording.height}
            measured.add(**picture, depth=measured.put(f"{name}-depth.png", png(depth)), focal=recording.focal,
                         **({"down": down} if down else {}))
            labelled.add(**picture, boxes=boxes, difficult=hidden, labelled_classes=list(range(len(CLASSES))))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise Refused(f"'{args.folder}' is no sequence of Aria Digital Twin: {error}") from None
    measured.close()
    labelled.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(required=True, metavar="coco | voc | scannet | 7scenes | aria-twin")

    def kind(name, function, about):
        command = kinds.add_parser(name, help=about, description=about)
        command.set_defaults(function=function)
        return command

    coco = kind("coco", convert_coco, "boxes in COCO's JSON")
    coco.add_argument("annotations", type=pathlib.Path)
    coco.add_argument("images", type=pathlib.Path)
    voc = kind("voc", convert_voc, "boxes in PASCAL VOC's XML")
    voc.add_argument("folder", type=pathlib.Path, help="with Annotations, ImageSets, JPEGImages")
    voc.add_argument("--image-set", default="val", help="of ImageSets/Main (%(default)s)")
    scannet = kind("scannet", convert_scannet, "depth of ScanNet's scenes")
    scenes = kind("7scenes", convert_7scenes, "depth of 7-Scenes' sequences")
    for command in scannet, scenes:
        command.add_argument("scenes", type=pathlib.Path, nargs="+")
        command.add_argument("--every", type=int, default=1, help="every n-th frame (%(default)s)")
    scenes.add_argument("--focal", type=float, default=527.0, help="of the colour camera, pixels (%(default)s: fitted)")
    scenes.add_argument("--depth-focal", type=float, default=585.0, help="of the depth camera (%(default)s)")
    aria = kind("aria-twin", convert_aria_twin, "depth and boxes of Aria Digital Twin")
    aria.add_argument("folder", type=pathlib.Path)
    aria.add_argument("--camera", default="rgb", choices=["rgb", "slam-left", "slam-right"], help="(%(default)s)")
    aria.add_argument("--as-run", action="store_true",
                      help="as a run straightens: as many pixels as the camera's picture, 100 degrees wide")
    aria.add_argument("--size", type=int, default=640, help="of the straight picture, pixels (%(default)s)")
    aria.add_argument("--focal", type=float, default=400.0, help="likewise (%(default)s: 77 degrees wide)")
    for name, command in kinds.choices.items():
        command.add_argument("out", type=pathlib.Path)
        command.add_argument("--split", default="val", help="its name in the data set (%(default)s)")
        command.add_argument("--set", default=name, help="likewise (%(default)s)")
        if command is not aria:  # two lists share its pictures
            command.add_argument("--tar", action="store_true", help="pictures in one tar instead of a folder")
        command.add_argument("--add", action="store_true", help="to what the folder has already")
    args = parser.parse_args()
    try:
        args.function(args)
    except Refused as error:
        sys.exit(f"convert.py: {error}")


if __name__ == "__main__":
    main()
