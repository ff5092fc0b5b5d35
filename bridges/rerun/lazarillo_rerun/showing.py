"""Puts lines and pictures into a Rerun recording."""

import io

import rerun as rr

PRIORITIES = {"critical": "ERROR", "warning": "WARN", "info": "INFO"}


class Shown:
    """One recording. Time is the stream's, seconds."""

    def __init__(self, rrd, with_boxes):
        self.out = rr.RecordingStream("lazarillo")
        self.out.save(str(rrd))
        self.with_boxes = with_boxes
        self.camera = None
        self.boxes = "camera"
        self.origin_ns = None  # the monotonic clock at stream time 0
        self.early = []  # IMU samples before that is known
        self.counts = {"pictures": 0, "frames": 0, "cues": 0}

    def picture(self, time_s, image):
        packed = io.BytesIO()
        image.save(packed, format="JPEG", quality=85)
        self.out.set_time("stream", duration=time_s)
        self.out.log("camera", rr.EncodedImage(contents=packed.getvalue(), media_type="image/jpeg"))
        self.counts["pictures"] += 1

    def line(self, line):
        kind = line.get("type")
        if kind == "recording":
            self.out.log("about", rr.TextDocument(f"{line['source']}, lazarillo {line['version']}\n\n"
                                                  f"{line['config']}"), static=True)
        elif kind == "given":
            self._given(line)
        elif kind in ("frame", "sighting"):
            self._frame(line)
        elif kind in ("cue", "command"):
            self._told(line)
        elif kind == "imu":
            self._motion(line["unit"], line["samples"])

    def finish(self):
        self.out.flush()
        self.out.disconnect()

    def _at(self, stream_ns):
        self.out.set_time("stream", duration=stream_ns / 1e9)

    def _given(self, line):
        if line["kind"] != "frame":
            return
        frame = line["frame"]
        _, _, capture_ns, stream_ns = frame["stamp"]
        if self.origin_ns is None:
            self.origin_ns = capture_ns - stream_ns
            for unit, samples in self.early:
                self._motion(unit, samples)
        if frame["camera"] == self.camera:
            return
        self.camera = frame["camera"]
        fx, fy, cx, cy, width, height, _ = self.camera
        # Boxes are those of the straight picture: they do not fit over a bent one.
        self.boxes = "straight" if frame["lens"] else "camera"
        self._at(stream_ns)
        self.out.log(self.boxes, rr.Pinhole(focal_length=[fx, fy], principal_point=[cx, cy],
                                            resolution=[width, height]))

    def _frame(self, line):
        self._at(line["stream_ns"])
        self.counts["frames"] += 1
        tracks = line["tracks"]
        if self.with_boxes and self.camera is not None:
            self.out.log(f"{self.boxes}/tracks", rr.Boxes2D(
                array=[t["box"] for t in tracks], array_format=rr.Box2DFormat.XYXY,
                labels=[_label(t) for t in tracks], class_ids=[t["track"] for t in tracks]))
        for name in ("distance_m", "ttc_s"):
            now = {t["track"]: t for t in tracks if t[name] is not None}
            for track, t in now.items():
                self.out.log([name, f"{track} {t['label']}"], rr.Scalars(t[name]))

    def _told(self, line):
        self._at(line["stream_ns"])
        if line["type"] == "command":
            self.out.log("commands", rr.TextLog(line["command"], level="INFO"))
            return
        self.counts["cues"] += 1
        self.out.log("cues", rr.TextLog(line["text"], level=PRIORITIES.get(line["priority"], "INFO")))

    def _motion(self, unit, samples):
        if self.origin_ns is None:
            self.early.append((unit, samples))
            return
        for capture_ns, _, *values, flags in samples:
            self._at(capture_ns - self.origin_ns)
            if flags & 2:
                self.out.log(f"imu/{unit}/gyro_rad_s", rr.Scalars(values[:3]))
            if flags & 1:
                self.out.log(f"imu/{unit}/acceleration_m_s2", rr.Scalars(values[3:]))


def _label(track):
    distance = "" if track["distance_m"] is None else f" {track['distance_m']:.1f} m"
    return f"{track['label']}{distance}"
