"""Photographs as another camera, or another hour, would show them. For evaluation only: training has its
own, other ways to change a picture (augment.py)."""

import cv2
import numpy as np

from .network import SIZE

# A fisheye's focal length, and that of the photographs when they are taken to be 90 degrees wide: both
# have the middle of the edge in the same place.
PINHOLE, FISHEYE = SIZE / 2, SIZE / 2 / (np.pi / 4)
MIDDLE = (SIZE - 1) / 2


def grey(picture, _):
    return np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)


def fisheye(picture, _):
    """Equidistant (r = f * angle), 90 degrees wide."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32) - MIDDLE
    radius = np.hypot(x, y)
    factor = PINHOLE * np.tan(np.minimum(radius / FISHEYE, 1.5)) / np.maximum(radius, 1e-3)
    factor[radius < 1e-3] = PINHOLE / FISHEYE
    return cv2.remap(picture, (x * factor + MIDDLE).astype(np.float32),
                     (y * factor + MIDDLE).astype(np.float32), cv2.INTER_AREA,
                     borderValue=(114, 114, 114))


def through_fisheye(box):
    """The box, canvas pixels, around where `fisheye` puts the outline of a box."""
    x1, y1, x2, y2 = box
    t = np.linspace(0, 1, 33)
    x = np.concatenate((x1 + (x2 - x1) * t, x1 + (x2 - x1) * t, 0 * t + x1, 0 * t + x2)) - SIZE / 2
    y = np.concatenate((0 * t + y1, 0 * t + y2, y1 + (y2 - y1) * t, y1 + (y2 - y1) * t)) - SIZE / 2
    radius = np.maximum(np.hypot(x, y), 1e-3)
    factor = FISHEYE * np.arctan(radius / PINHOLE) / radius
    x, y = x * factor + SIZE / 2, y * factor + SIZE / 2
    return [x.min(), y.min(), x.max(), y.max()]


def blurred(picture, random):
    """A walker's head in motion: a line of 9 pixels, in any direction."""
    angle = random.uniform(0, np.pi)
    kernel = np.zeros((9, 9), np.float32)
    end = 4 * np.array([np.cos(angle), np.sin(angle)])
    cv2.line(kernel, tuple(np.rint(4 - end).astype(int).tolist()),
             tuple(np.rint(4 + end).astype(int).tolist()), 1)
    return cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


def night(picture, random):
    """A fifth of the light, and the noise of a sensor that amplifies it."""
    dark = picture / 255.0 * 0.2
    noise = random.normal(0, 1, picture.shape) * np.sqrt(0.0004 + 0.004 * dark)
    return (np.clip(dark + noise, 0, 1) * 255).astype(np.uint8)


def rain(picture, random):
    """Streaks, and a veil that takes contrast."""
    streaks = np.zeros(picture.shape[:2], np.uint8)
    lean = random.uniform(-0.3, 0.3)
    for _ in range(500):
        x, y, length = random.uniform(0, SIZE), random.uniform(0, SIZE), random.uniform(8, 28)
        cv2.line(streaks, (int(x), int(y)), (int(x + lean * length), int(y + length)),
                 int(random.uniform(60, 200)), 1, cv2.LINE_AA)
    streaks = cv2.GaussianBlur(streaks, (3, 3), 0)[..., None] / 255.0
    veiled = picture * 0.75 + 255 * 0.2
    return np.clip(veiled * (1 - 0.6 * streaks) + 255 * 0.6 * streaks, 0, 255).astype(np.uint8)


CONDITIONS = {"grey": grey, "fisheye": fisheye, "blurred": blurred, "night": night, "rain": rain}
