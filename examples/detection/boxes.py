"""Boxes: left, top, right, bottom in pixels, (n, 4); how they overlap, and what they hold.

Torchvision's compiled operators take over where they load; beside PyTorch's wheel for the CPU they
do not, and plain torch computes the same.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType

import numpy as np
import torch
from PIL import Image
from recipe.data import Size
from torch import Tensor
from torch.nn import functional as F

CONTEXT = 16 / 227  # of the warped region's side: R-CNN (Girshick et al., 2014), appendix A
SAMPLES = 2  # of RoIAlign, along each side of a cell


def area(boxes: Tensor) -> Tensor:
    """Return the areas, (n,); a box whose right is left of its left has none."""
    width, height = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).unbind(1)
    return width * height


def iou(one: Tensor, other: Tensor) -> Tensor:
    """Return intersection over union of each box with each, (n, m); 0 for boxes without area."""
    low = torch.maximum(one[:, None, :2], other[None, :, :2])
    high = torch.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(2)
    union = area(one)[:, None] + area(other)[None] - shared
    return shared / union.clamp(min=torch.finfo(shared.dtype).tiny)


def clip(boxes: Tensor, size: Size) -> Tensor:
    """Return what lies of the boxes in a picture of (height, width)."""
    height, width = size
    limit = boxes.new_tensor([width, height, width, height])
    return boxes.clamp(min=0).minimum(limit)


def with_context(boxes: Tensor, share: float = CONTEXT) -> Tensor:
    """Enlarge boxes so that `share` of the result's side, on each side, is what surrounds them."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 / (1 - 2 * share)
    return torch.cat([middle - half, middle + half], 1)


def warped(picture: Image.Image, boxes: Tensor, size: Size, mean: tuple[float, ...]) -> Tensor:
    """Return each box with its context, stretched to (height, width): bytes (n, 3, height, width).

    What lies outside of the picture has the mean colour, as in R-CNN, appendix A.
    """
    fill = tuple(round(part) for part in mean)
    regions = [_region(picture, box, size, fill) for box in with_context(boxes).tolist()]
    stacked = np.stack(regions) if regions else np.empty((0, *size, 3), np.uint8)
    return torch.from_numpy(stacked).permute(0, 3, 1, 2)


def _region(
    picture: Image.Image, box: list[float], size: Size, fill: tuple[int, ...]
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Stretch what lies of a box in the picture, and put it at its place of a filled canvas."""
    canvas = Image.new("RGB", size[::-1], fill)
    spans = [
        _span(box[axis], box[axis + 2], picture.size[axis], canvas.size[axis]) for axis in (0, 1)
    ]
    (left, right, x, width), (top, bottom, y, height) = spans
    if width and height:
        inside = (left, top, right, bottom)
        part = picture.resize((width, height), Image.Resampling.BILINEAR, inside)
        canvas.paste(part, (x, y))
    return np.asarray(canvas)


def _span(low: float, high: float, available: int, wanted: int) -> tuple[float, float, int, int]:
    """Return which part of a side the picture has, and where on the canvas it goes, how long."""
    start, stop = max(low, 0.0), min(high, float(available))
    if stop <= start:
        return 0, 0, 0, 0
    scale = wanted / (high - low)
    place = min(round((start - low) * scale), wanted - 1)
    return start, stop, place, max(round((stop - low) * scale) - place, 1)


@cache
def compiled() -> ModuleType | None:
    """Return torchvision's operators if they load and work here."""
    try:
        from torchvision import ops

        ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except (ImportError, RuntimeError):
        return None
    return ops


def nms(boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float) -> Tensor:
    """Return the places of boxes that no better one of their class overlaps more, best first."""
    if operators := compiled():
        kept: Tensor = operators.batched_nms(boxes, scores, labels, threshold)
        return kept
    order = scores.argsort(descending=True, stable=True)
    chosen = torch.zeros_like(labels, dtype=torch.bool)
    for label in set(labels.tolist()):
        places = order[labels[order] == label]
        chosen[places[_greedy(boxes[places], threshold)]] = True
    return order[chosen[order]]


def _greedy(boxes: Tensor, threshold: float) -> Tensor:
    """Return which of the boxes, best first, no box that stays overlaps more."""
    overlap = (iou(boxes, boxes) > threshold).cpu().numpy()
    stays = np.ones(len(boxes), dtype=bool)
    for place, row in enumerate(overlap):
        if stays[place]:
            stays[place + 1 :] &= ~row[place + 1 :]
    return torch.from_numpy(stays)


def roi_align(features: Tensor, boxes: Tensor, cells: int, scale: float) -> Tensor:
    """Return the mean features of each box's cells, (n, channels, cells, cells).

    `features` is (1, channels, height, width), and `scale` its size as a part of the picture's.
    As torchvision's with `aligned=True` and 2 x 2 samples a cell (He et al., 2017, Mask R-CNN).
    """
    if operators := compiled():
        aligned: Tensor = operators.roi_align(features, [boxes], cells, scale, SAMPLES, True)
        return aligned
    side = cells * SAMPLES
    part = (torch.arange(side, dtype=boxes.dtype, device=boxes.device) + 0.5) / side
    low, high = boxes[:, :2, None] * scale, boxes[:, 2:, None] * scale
    x, y = (low + (high - low) * part).unbind(1)
    points = torch.stack([x[:, None].expand(-1, side, -1), y[..., None].expand(-1, -1, side)], 3)
    limit = points.new_tensor(features.shape[:1:-1])  # width, height
    grid = (points / limit * 2 - 1).view(1, -1, side, 2)
    sampled = F.grid_sample(features, grid, padding_mode="border", align_corners=False)
    known = ((points >= -0.5) & (points <= limit + 0.5)).all(3)
    taken = sampled.view(features.shape[1], -1, side, side).transpose(0, 1) * known[:, None]
    return F.avg_pool2d(taken, SAMPLES)
