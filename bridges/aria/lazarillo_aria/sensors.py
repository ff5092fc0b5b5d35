"""The cameras and IMUs of a recording or of glasses, and how they are called."""

from dataclasses import dataclass

from .console import BridgeError


@dataclass
class Camera:
    name: str  # "rgb", "slam-left", ...
    label: str  # what the SDK calls it: "camera-rgb", "slam-front-left", ...
    width: int
    height: int
    colour: bool
    rate_hz: float | None
    frames: int | None = None  # how many there will be; None: nobody knows

    @property
    def shape(self):
        return (self.height, self.width, 3) if self.colour else (self.height, self.width)


@dataclass
class Imu:
    name: str  # also the SDK's label: "imu-left", "imu-right"
    rate_hz: float | None
    samples: int | None = None


def camera_name(label):
    """The cameras that look at the world; None for those that look at the wearer's eyes, and for what is
    no camera."""
    name = (label or "").removeprefix("camera-")
    return name if name == "rgb" or name.startswith("slam-") else None


def chosen(names, wanted, where):
    """Those of `names` that were asked for, by name or by kind ("slam" is every slam camera); all without
    `wanted`."""
    if not wanted:
        return list(names)
    for word in wanted:
        if not any(word in (name, name.split("-")[0]) for name in names):
            raise BridgeError(f"{where} has no stream '{word}': there is {', '.join(names) or 'none'}")
    return [name for name in names if name in wanted or name.split("-")[0] in wanted]
