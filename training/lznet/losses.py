"""What the network is asked for.

Objects: anchors are given to boxes by task alignment (Feng et al., TOOD, ICCV 2021); class scores learn
the overlap of what they predict (quality focal loss) and distances their distribution (distribution
focal loss, both Li et al., NeurIPS 2020), with GIoU (Rezatofighi et al., CVPR 2019). For a class that a
photograph is not labelled for, the initial network's own answer is the target, so that nothing it knew
is forgotten.

Depth: scale-invariant log error (Eigen et al., NeurIPS 2014) and the likelihood of a Laplace
distribution whose width the network states.
"""

import math

import torch
import torch.nn.functional as F

from .network import BINS, DOOR, FOCAL, SIZE

TOP = 13            # anchors a box may get
SURE = 0.5          # a score of the initial network above which an anchor shows that class and no door
DOOR_LIKELY, DOOR_SURE = 0.2, 0.5  # the teacher's score: no door below, a door above, unknown between
METRES = {0: 1.7, 2: 1.5, 5: 3.0}  # heights of a person, a car, a bus; weak knowledge of depth


def pair_iou(a, b):
    """IoU and GIoU of boxes pair by pair."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    common = (high - low).clamp(min=0).prod(-1)
    area_a = (a[..., 2:] - a[..., :2]).clamp(min=0).prod(-1)
    area_b = (b[..., 2:] - b[..., :2]).clamp(min=0).prod(-1)
    union = (area_a + area_b - common).clamp(min=1e-6)
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1)
    iou = common / union
    return iou, iou - (hull - union) / hull.clamp(min=1e-6)


@torch.no_grad()
def assign(scores, boxes, batch, places, strides):
    """For each anchor the index of its box or -1, and in which ignored boxes it lies (B x K x A).
    scores B x A x C, boxes B x A x 4 (predicted)."""
    present = (batch.labels >= 0) & ~batch.ignored
    iou, _ = pair_iou(boxes[:, None], batch.boxes[:, :, None])            # B x K x A
    label = batch.labels.clamp(min=0)
    score = scores.transpose(1, 2).gather(1, label[..., None].expand(-1, -1, scores.shape[1]))
    middle = places + strides[:, None] / 2
    offsets = torch.cat((middle - batch.boxes[:, :, None, :2], batch.boxes[:, :, None, 2:] - middle), -1)
    inside = offsets.amin(-1) > 0
    centre = (batch.boxes[..., :2] + batch.boxes[..., 2:]) / 2
    near = (middle - centre[:, :, None]).abs().amax(-1) < 1.0 * strides   # something for the smallest
    wanted = (score * iou.pow(6) + 1e-9 * near) * (inside | near) * present[..., None]
    top = wanted.topk(min(TOP, wanted.shape[2]), 2)
    chosen = torch.zeros_like(wanted, dtype=torch.bool).scatter_(2, top.indices, top.values > 0)
    best, box = torch.where(chosen, iou + 1e-6, 0).max(1)                 # an anchor serves one box
    box = torch.where(best > 0, box, -1)
    covered = batch.ignored & (batch.labels >= 0)
    inside_ignored = inside & covered[..., None]
    return box, inside_ignored


def quality_focal(logits, target):
    """Elementwise, beta = 2."""
    scores = logits.sigmoid()
    return (scores - target).square() * F.binary_cross_entropy_with_logits(
        logits, target, reduction="none")


def distribution_focal(distances, target):
    """distances N x 4 x BINS logits, target N x 4 in strides."""
    target = target.clamp(0, BINS - 1.01)
    low = target.floor().long()
    part = target - low
    log = distances.log_softmax(-1)
    return -((1 - part) * log.gather(-1, low[..., None])[..., 0] +
             part * log.gather(-1, low[..., None] + 1)[..., 0]).mean(-1)


def detection_losses(logits, distances, boxes, batch, places, strides, initial, doors=None):
    """initial: (scores B x A x 80, distance logits) of the network we began with; doors: a teacher's
    scores B x A of doors, for photographs that are not labelled for them. A dict of terms."""
    logits = logits.float()
    box_of, ignored = assign(logits.sigmoid().detach(), boxes.detach(), batch, places, strides)
    positive = box_of >= 0
    picked = box_of.clamp(min=0)
    label = batch.labels.gather(1, picked)
    target_box = batch.boxes.gather(1, picked[..., None].expand(-1, -1, 4))
    count, total, classes = logits.shape

    quarter = ((places[:, 0] >= SIZE / 2).long() + 2 * (places[:, 1] >= SIZE / 2).long())
    known = batch.known[:, quarter]                                       # B x A x C
    iou, giou = pair_iou(boxes, target_box)
    quality = iou.detach().clamp(0, 1)
    target = torch.zeros_like(logits)
    target[positive, label[positive]] = quality[positive]
    # Inside a box that is too poor to count, its class is neither there nor absent.
    k = ignored.nonzero()
    certain = known.clone()
    certain[k[:, 0], k[:, 2], batch.labels[k[:, 0], k[:, 1]]] = False
    certain[positive, label[positive]] = True
    # Where something else is for certain there is no door.
    scores, taught_distances = initial
    surely_other = (scores.amax(-1) > SURE) | positive
    certain[..., DOOR] |= surely_other & (target[..., DOOR] == 0)
    supervised = (quality_focal(logits, target) * certain).sum()
    weight = quality[positive]
    norm = weight.sum().clamp(min=1)

    taught = torch.cat((scores, scores.new_zeros(count, total, classes - scores.shape[-1])), -1)
    open_classes = ~certain
    if doors is None:
        open_classes[..., DOOR] = False
    else:
        open_classes[..., DOOR] &= (doors < DOOR_LIKELY) | (doors > DOOR_SURE)
        taught[..., DOOR] = torch.where(doors > DOOR_SURE, doors, 0)
    mimic = (quality_focal(logits, taught) * open_classes).sum()
    mimic_norm = (taught.square() * open_classes).sum().clamp(min=1)
    sure = (scores * open_classes[..., :scores.shape[-1]]).amax(-1) * ~positive
    sure = torch.where(sure > 0.2, sure, 0)
    kept = sure > 0
    same = F.kl_div(distances[kept].float().log_softmax(-1), taught_distances[kept].float().softmax(-1),
                    reduction="none").sum((-1, -2)) / 4

    p = positive.nonzero()
    to_box = (places - target_box[..., :2])[positive], (target_box[..., 2:] - places)[positive]
    strides_of = strides[p[:, 1]][:, None]
    spread = distribution_focal(distances[positive].float(), torch.cat(to_box, -1) / strides_of)
    return {
        "score": supervised / norm,
        "box": 2 * ((1 - giou[positive]) * weight).sum() / norm,
        "spread": 0.25 * (spread * weight).sum() / norm,
        "mimic": mimic / mimic_norm,
        "mimic_box": (same * sure[kept]).sum() / sure.sum().clamp(min=1),
    }


def laplace(error, log_sigma, most=None):
    """Negative log likelihood; beyond `most` an error pulls no more."""
    error = error.abs()
    if most is not None:
        error = error.clamp(max=most)
    return math.sqrt(2) * error * torch.exp(-log_sigma) + log_sigma


def depth_losses(prediction, truth):
    """prediction B x 2 x n x n (log depth, log sigma), truth B x 1 x n x n in metres, 0 unknown."""
    log_depth, log_sigma = prediction[:, :1], prediction[:, 1:].clamp(-4, 1)
    valid = ((truth > 0.25) & (truth < 25)).float()
    count = valid.sum((1, 2, 3)).clamp(min=1)
    error = (log_depth - truth.clamp(min=0.1).log()) * valid
    mean = error.sum((1, 2, 3)) / count
    variance = error.square().sum((1, 2, 3)) / count - 0.5 * mean.square()
    likelihood = (laplace(error, log_sigma) * valid).sum((1, 2, 3)) / count
    edges = 0.0
    for dim in (2, 3):
        step = error.diff(dim=dim) * (valid.narrow(dim, 1, valid.shape[dim] - 1) *
                                      valid.narrow(dim, 0, valid.shape[dim] - 1))
        edges = edges + step.abs().sum((1, 2, 3)) / count
    return {"silog": 2 * variance.clamp(min=1e-6).sqrt().mean(), "likelihood": 0.3 * likelihood.mean(),
            "edges": 0.5 * edges.mean()}


@torch.no_grad()
def weak_depth(batch, size):
    """Depth of upright whole people, cars and buses from their usual height: FOCAL * height / pixels, as
    count x 1 x size x size, 0 elsewhere. The unknown focal length cancels: depth is for FOCAL."""
    steps = (torch.arange(size, device=batch.boxes.device) + 0.5) * (SIZE / size)
    x1, y1, x2, y2 = batch.boxes.unbind(-1)
    width, height = x2 - x1, y2 - y1
    whole = ~batch.ignored & (x1 > 3) & (y1 > 3) & (x2 < SIZE - 3) & (y2 < SIZE - 3)
    slim = height / width.clamp(min=1)
    metres = torch.zeros_like(width)
    for label, tall in METRES.items():
        fits = (slim > 2) & (slim < 3.5) & (height > 25) if label == 0 else (
            (slim > 0.3) & (slim < 1.1) & (height > 16))
        metres = torch.where((batch.labels == label) & fits, tall, metres)
    use = whole & (metres > 0)
    depth = torch.where(use, FOCAL * metres / height.clamp(min=1), 0)
    # Only the core of a box is surely the object.
    core_x = (steps - ((x1 + x2) / 2)[..., None]).abs() < 0.2 * width[..., None]
    core_y = (steps - ((y1 + y2) / 2)[..., None]).abs() < 0.3 * height[..., None]
    core = core_x[:, :, None, :] & core_y[:, :, :, None] & use[..., None, None]
    near = torch.where(core, depth[..., None, None], torch.inf).amin(1)
    return torch.where(near.isinf(), 0, near)[:, None]


def weak_losses(prediction, truth):
    """Heights vary and a box is no outline: errors pull little, and sigma stays wide there. Elsewhere
    in these photographs nothing is known: sigma is drawn towards a half."""
    log_depth, log_sigma = prediction[:, :1], prediction[:, 1:].clamp(-4, 1)
    valid = (truth > 0).float()
    error = (log_depth - truth.clamp(min=0.1).log()) * valid
    fit = laplace(error, log_sigma.clamp(min=-1.6), 1.6) + 0.3 * error.abs()
    doubt = (log_sigma - math.log(0.5)).square() * (1 - valid)
    return {"weak": 0.25 * (fit * valid).sum() / valid.sum().clamp(min=1), "doubt": 0.02 * doubt.mean()}
