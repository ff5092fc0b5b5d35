"""Training batches, made on the device: photographs moved, scaled, mirrored, put together by fours, the
camera of those with depth or doors turned, and their light changed. Boxes and depth follow."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .network import DOOR, FOCAL, SIZE
from .pack import GREY

LEAST_VISIBLE = 0.25  # a box of which less is in the picture is neither an object nor its absence
LEAST_SIDE = 4.0      # nor is a smaller one, in pixels


def uniform(low, high, *shape, device):
    return torch.rand(*shape, device=device) * (high - low) + low


@dataclass(frozen=True)
class Light:
    """Parts of a batch: without colour, at night, blurred by motion."""
    grey: float = 0.15
    night: float = 0.08
    moved: float = 0.1


@dataclass
class Move:
    """From a photograph's canvas to the batch's: mirrored, then scale * p + shift. Each B."""
    scale_x: torch.Tensor
    scale_y: torch.Tensor
    shift_x: torch.Tensor
    shift_y: torch.Tensor
    mirrored: torch.Tensor

    def boxes(self, boxes):
        x1, y1, x2, y2 = boxes.unbind(-1)
        mirrored = self.mirrored[:, None]
        x1, x2 = torch.where(mirrored, SIZE - x2, x1), torch.where(mirrored, SIZE - x1, x2)
        sx, sy, tx, ty = (v[:, None] for v in
                          (self.scale_x, self.scale_y, self.shift_x, self.shift_y))
        return torch.stack((x1 * sx + tx, y1 * sy + ty, x2 * sx + tx, y2 * sy + ty), -1)

    def sample(self, pictures, area, size, turn):
        """The moved pictures inside `area` (x1, y1, x2, y2 of the canvas), size x size; 0 outside. Before
        they are moved their cameras are turned."""
        device = pictures.device
        steps = (torch.arange(size, device=device) + 0.5) / size
        x = area[0] + steps * (area[2] - area[0])
        y = area[1] + steps * (area[3] - area[1])
        x = (x[None, :] - self.shift_x[:, None]) / self.scale_x[:, None]
        y = (y[None, :] - self.shift_y[:, None]) / self.scale_y[:, None]
        x = torch.where(self.mirrored[:, None], SIZE - x, x)
        count = len(x)
        places = torch.stack((x[:, None, :].expand(count, size, size),
                              y[:, :, None].expand(count, size, size)), -1)
        grid = turned(places.flatten(1, 2), turn).view(places.shape) / (SIZE / 2) - 1
        return F.grid_sample(pictures, grid.to(pictures.dtype), align_corners=False)


def turned(places, turn):
    """Where places B x N x 2 of one camera's canvas are in another's: `turn` takes a row vector's ray
    from the first to the second. Photographs' focal lengths are not known: as wide as FOCAL makes it."""
    middle = SIZE / 2
    rays = torch.cat((places - middle, torch.full_like(places[..., :1], FOCAL)), -1) @ turn
    return rays[..., :2] / rays[..., 2:].clamp(min=1.0) * FOCAL + middle


def around_turned(boxes, turn):
    """The boxes B x K x 4 around where the turned camera shows their corners."""
    x1, y1, x2, y2 = boxes.unbind(-1)
    corners = torch.stack((x1, y1, x2, y1, x1, y2, x2, y2), -1).view(len(boxes), -1, 2)
    corners = turned(corners, turn.transpose(1, 2)).view(len(boxes), -1, 4, 2)
    return torch.cat((corners.amin(2), corners.amax(2)), -1)


def draw_move(count, low, high, content, area, device):
    """Random scale and place; the photograph's content keeps touching `area`."""
    scale = torch.exp(uniform(math.log(low), math.log(high), count, device=device))
    stretch = torch.exp(uniform(-0.12, 0.12, count, device=device))
    sx, sy = scale * stretch, scale / stretch
    mirrored = torch.rand(count, device=device) < 0.5
    x1 = torch.where(mirrored, SIZE - content[:, 2], content[:, 0])
    x2 = torch.where(mirrored, SIZE - content[:, 0], content[:, 2])

    def shift(first, last, s, begin, end):
        # The middle of the content falls anywhere that keeps most of it, or of the area, in view.
        slack = (s * (last - first) - (end - begin)).abs() / 2
        middle = (begin + end) / 2 + slack * uniform(-1, 1, count, device=device)
        return middle - s * (first + last) / 2

    return Move(sx, sy, shift(x1, x2, sx, area[0], area[2]),
                shift(content[:, 1], content[:, 3], sy, area[1], area[3]), mirrored)


def smear(x):
    """Motion blur: each picture along a line of its own."""
    count, device = len(x), x.device
    angle, length = uniform(0, math.pi, count, device=device), uniform(0.5, 4, count, device=device)
    steps = torch.arange(-4, 5, device=device, dtype=torch.float32)
    y, x_ = torch.meshgrid(steps, steps, indexing="ij")
    c, s, half = (v[:, None, None] for v in (angle.cos(), angle.sin(), length))
    along, across = x_ * c + y * s, y * c - x_ * s
    kernel = (1 - across.abs()).clamp(min=0) * (half + 0.5 - along.abs()).clamp(0, 1)
    kernel = (kernel / kernel.sum((1, 2), keepdim=True)).to(x.dtype)
    size = x.shape[-1]
    blurred = F.conv2d(x.reshape(1, -1, size, size), kernel.repeat_interleave(3, 0)[:, None],
                       padding=4, groups=3 * count)
    return blurred.view_as(x)


def change_light(x, light=Light()):
    """Brightness, contrast, colour, gamma, blur, noise, night. x: B x 3 x S x S, 0..1."""
    count, device = len(x), x.device

    def draw(low, high, channels=1):
        return uniform(low, high, count, channels, 1, 1, device=device).to(x.dtype)

    grey = (x * x.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    colour = torch.where(draw(0, 1) < light.grey, 0, draw(0.4, 1.5))
    night = draw(0, 1) < light.night
    x = grey + (x - grey) * colour
    x = x * draw(0.93, 1.07, 3) * torch.where(night, draw(0.12, 0.4), draw(0.55, 1.35))
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * draw(0.7, 1.3)
    x = x.clamp(1e-3, 1) ** torch.exp(draw(-0.35, 0.35))
    blurred = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    x = torch.lerp(x, blurred, torch.where(draw(0, 1) < 0.2, draw(0.3, 1), 0))
    moved = round(count * light.moved)
    x = torch.cat((smear(x[:moved]), x[moved:])) if moved else x
    return (x + torch.randn_like(x) *
            torch.where(night | (draw(0, 1) < 0.25), draw(0, 0.05), 0)).clamp(0, 1)


@dataclass
class DetectionBatch:
    """pictures B x 3 x S x S in 0..1, `clear` the same in their own light; boxes B x K x 4; labels B x K
    (-1 none); ignored B x K: neither object nor absence; known B x 4 x classes, by quarter (left to right,
    top to bottom)."""
    pictures: torch.Tensor
    clear: torch.Tensor
    boxes: torch.Tensor
    labels: torch.Tensor
    ignored: torch.Tensor
    known: torch.Tensor


def place(photos, index, low, high, area, size, dtype, turn_doors=0.0):
    """`turn_doors`: for which part of the photographs of a door the camera is turned. The few there are
    would be learned by heart; and a door is flat, so that its corners give its box."""
    device = index.device
    with_door = (photos.labels[index] == DOOR).any(1)
    which = with_door & (torch.rand(len(index), device=device) < turn_doors)
    turn = torch.where(which[:, None, None], tilted(len(index), device, (10, 20, 8)),
                       torch.eye(3, device=device))
    content = around_turned(photos.content[index][:, None], turn)[:, 0]
    move = draw_move(len(index), low, high, content, area, device)
    pixels = move.sample(photos.pictures[index].to(dtype) - GREY, area, size, turn)
    boxes = move.boxes(around_turned(photos.boxes[index], turn))
    bounds = boxes.new_tensor(area)
    inside = torch.cat((boxes[..., :2].maximum(bounds[:2]), boxes[..., 2:].minimum(bounds[2:])), -1)
    sides = (inside[..., 2:] - inside[..., :2]).clamp(min=0)
    whole = (boxes[..., 2:] - boxes[..., :2]).prod(-1).clamp(min=1e-6)
    labels = torch.where(sides.prod(-1) > 0, photos.labels[index], -1)
    poor = (sides.prod(-1) < LEAST_VISIBLE * whole) | (sides.amin(-1) < LEAST_SIDE)
    return pixels, inside, labels, photos.difficult[index] | poor


def detection_batch(photos, count, fours, dtype, turn_doors=0.0, light=Light()):
    """`fours`: part of the batch that is made of four photographs."""
    device = photos.weight.device
    many = round(count * fours)
    index = torch.multinomial(photos.weight, count - many + 4 * many, replacement=True)
    full = (0.0, 0.0, float(SIZE), float(SIZE))
    pixels, boxes, labels, ignored = place(photos, index[:count - many], 0.6, 1.7, full, SIZE, dtype,
                                           turn_doors)
    known = photos.known[index[:count - many]][:, None].expand(-1, 4, -1)
    if many:
        half, parts = SIZE / 2, []
        for quarter in range(4):
            x, y = quarter % 2 * half, quarter // 2 * half
            chosen = index[count - many + quarter * many:count - many + (quarter + 1) * many]
            parts.append((*place(photos, chosen, 0.35, 1.0, (x, y, x + half, y + half), SIZE // 2,
                                 dtype, turn_doors), photos.known[chosen]))
        p = [part[0] for part in parts]
        made = torch.cat((torch.cat(p[:2], 3), torch.cat(p[2:], 3)), 2)
        pixels = torch.cat((pixels, made))
        joined = [torch.cat([part[k] for part in parts], 1) for k in (1, 2, 3)]
        extra = joined[0].shape[1] - boxes.shape[1]
        boxes = torch.cat((F.pad(boxes, (0, 0, 0, extra)), joined[0]))
        labels = torch.cat((F.pad(labels, (0, extra), value=-1), joined[1]))
        ignored = torch.cat((F.pad(ignored, (0, extra)), joined[2]))
        known = torch.cat((known, torch.stack([part[4] for part in parts], 1)))
    # Only as many columns as are used.
    used = (labels >= 0).sum(1).max().clamp(min=1)
    order = (labels < 0).to(torch.uint8).argsort(stable=True, dim=1)[:, :used]
    boxes = boxes.gather(1, order[..., None].expand(-1, -1, 4))
    clear = ((pixels + GREY) / 255).clamp(0, 1)
    return DetectionBatch(change_light(clear, light), clear, boxes, labels.gather(1, order),
                          ignored.gather(1, order), known)


def tilted(count, device, most):
    """Rotation matrices count x 3 x 3: a head that nods, turns and leans by so many degrees at `most`,
    mirrored half of the time."""
    pitch, yaw, roll = (uniform(-math.radians(angle), math.radians(angle), count, device=device)
                        for angle in most)
    zero, one = torch.zeros_like(pitch), torch.ones_like(pitch)

    def matrix(*entries):
        return torch.stack(entries, -1).view(-1, 3, 3)

    about_x = matrix(one, zero, zero, zero, pitch.cos(), -pitch.sin(), zero, pitch.sin(), pitch.cos())
    about_y = matrix(yaw.cos(), zero, yaw.sin(), zero, one, zero, -yaw.sin(), zero, yaw.cos())
    about_z = matrix(roll.cos(), -roll.sin(), zero, roll.sin(), roll.cos(), zero, zero, zero, one)
    mirror = torch.where(torch.rand(count, device=device) < 0.5, -1.0, 1.0)
    return about_z @ about_x @ about_y @ torch.diag_embed(torch.stack((mirror, one, one), -1))


def depth_batch(photos, count, size, dtype, light=Light()):
    """Pictures, and depth count x 1 x size x size for the canonical camera, 0 where not known. The
    camera is turned and zoomed about its own centre: what each ray sees stays, and the depth along the
    new axis follows exactly."""
    device = photos.focal.device
    index = torch.randint(len(photos.focal), (count,), device=device)
    turn = tilted(count, device, (14, 8, 12))
    focal = photos.focal[index]
    zoom = torch.exp(uniform(math.log(0.65), math.log(1.8), count, device=device))
    # A cut out of a larger picture: the axis need not meet its middle.
    shift = (uniform(-1, 1, count, 2, device=device) * (SIZE / 2 * (zoom - 1)).clamp(min=0)[:, None] *
             torch.tensor([0.5, 1.0], device=device))

    def rays(many):
        steps = (torch.arange(many, device=device) + 0.5) * (SIZE / many) - SIZE / 2
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        x, y = (v[None] - shift[:, k, None, None] for k, v in enumerate((x, y)))
        ray = torch.stack((x, y, (focal * zoom)[:, None, None].expand_as(x)), -1)
        ray = ray / ray[..., 2:]
        return ray.flatten(1, 2) @ turn  # the inverse rotation, of row vectors

    def look(what, many, mode):
        ray = rays(many)
        along = ray[..., 2].clamp(min=0.05)
        grid = (ray[..., :2] / along[..., None] * (focal / (SIZE / 2))[:, None, None]).view(
            count, many, many, 2)
        return (F.grid_sample(what, grid.to(what.dtype), mode=mode, align_corners=False),
                along.view(count, 1, many, many))

    pixels, _ = look(photos.pictures[index].to(dtype) - GREY, SIZE, "bilinear")
    depth, along = look(photos.depth[index][:, None], size, "nearest")
    pictures = change_light(((pixels + GREY) / 255).clamp(0, 1), light)
    return pictures, depth / along * (FOCAL / (focal * zoom))[:, None, None, None]
