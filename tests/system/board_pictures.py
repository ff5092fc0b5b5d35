"""Pictures of a board as a known lens would take them: rays are cast from each pixel, by the lens's formula turned
around here, onto the board's plane, and the printed page is looked up where they meet it. Nothing of the program."""

import numpy as np


def kannala_brandt_rays(f, c, k, points):
    """Unit rays of places in the picture, (n, 3)."""
    angles = np.linspace(0, np.radians(110), 20000)
    distances = angles * (1 + sum(ki * angles ** (2 * i + 2) for i, ki in enumerate(k)))
    end = np.argmax(np.diff(distances) <= 0) or len(distances)
    d = (points - c) / f
    r = np.hypot(*d.T)
    angle = np.interp(r, distances[:end], angles[:end])
    around = d / np.maximum(r, 1e-12)[:, None]
    return np.concatenate([around * np.sin(angle)[:, None], np.cos(angle)[:, None]], 1)


def brown_conrady_rays(f, c, k, points):
    k1, k2, p1, p2, k3 = k
    d = (points - c) / f
    x = d.copy()
    for _ in range(30):
        s = (x ** 2).sum(1)
        radial = 1 + s * (k1 + s * (k2 + s * k3))
        xy = x.prod(1)
        shift = np.stack([2 * p1 * xy + p2 * (s + 2 * x[:, 0] ** 2), p1 * (s + 2 * x[:, 1] ** 2) + 2 * p2 * xy], 1)
        x = (d - shift) / radial[:, None]
    rays = np.concatenate([x, np.ones((len(x), 1))], 1)
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)


def turn(x_deg, y_deg, z_deg):
    """Rotation about the camera's x, then y, then z."""
    a, b, c = np.radians([x_deg, y_deg, z_deg])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


class Camera:
    """Rays of every sample of every pixel, computed once."""

    def __init__(self, rays_of, f, c, k, width, height, fine=2):
        self.width, self.height, self.fine = width, height, fine
        at = (np.arange(fine) + 0.5) / fine - 0.5
        y, x, v, u = np.meshgrid(np.arange(height), np.arange(width), at, at, indexing="ij")
        self.rays = rays_of(np.array(f), np.array(c), k, np.stack([(x + u).ravel(), (y + v).ravel()], 1))

    def shoot(self, page, page_mm, rotation, middle_mm, background=150.0, noise=0.0, random=None):
        """`page`: grey levels; its middle lies at middle_mm in the camera's frame, its axes turned by rotation."""
        normal = rotation[:, 2]
        along = self.rays @ normal
        with np.errstate(divide="ignore", invalid="ignore"):
            far = (middle_mm @ normal) / along
        hits = self.rays * far[:, None] - middle_mm
        x = (hits @ rotation[:, 0] / page_mm[0] + 0.5) * page.shape[1] - 0.5
        y = (hits @ rotation[:, 1] / page_mm[1] + 0.5) * page.shape[0] - 0.5
        on = (far > 0) & (x >= 0) & (y >= 0) & (x < page.shape[1] - 1) & (y < page.shape[0] - 1)
        levels = np.full(len(x), background)
        x, y = x[on], y[on]
        u, v = x.astype(int), y.astype(int)
        a, b = x - u, y - v
        page = page.astype(float)
        levels[on] = ((1 - b) * ((1 - a) * page[v, u] + a * page[v, u + 1])
                      + b * ((1 - a) * page[v + 1, u] + a * page[v + 1, u + 1]))
        picture = levels.reshape(self.height, self.width, -1).mean(-1)
        if noise:
            picture = picture + random.normal(0, noise, picture.shape)
        return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def poses(random, count, half_width_deg, half_height_deg, near_mm, far_mm, tilt_deg):
    """Where a person would hold a board: all over the picture, near and far, tilted each way."""
    for i in range(count):
        right = np.radians(half_width_deg * (-0.9 + 1.8 * ((i * 0.618) % 1)))
        down = np.radians(half_height_deg * (-0.9 + 1.8 * ((i * 0.382 + 0.2) % 1)))
        direction = np.array([np.sin(right) * np.cos(down), np.sin(down), np.cos(right) * np.cos(down)])
        distance = near_mm + (far_mm - near_mm) * random.random()
        facing = turn(-np.degrees(down), np.degrees(right), 0)
        tilt = turn(*random.uniform(-tilt_deg, tilt_deg, 2), random.uniform(-15, 15))
        yield facing @ tilt, direction * distance
