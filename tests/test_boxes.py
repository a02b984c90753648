"""Detection's boxes, layouts, proposals and scores, against what others or naive loops compute."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from tests.torchvision import declared
from tests.training.support import EXAMPLES

from detection import boxes as b  # isort: skip  # found by tests.training.support
from detection.layouts import Pictures, open_pictures  # isort: skip
from detection.proposals import propose, found  # isort: skip
from detection.scoring import Found, results, scores  # isort: skip
from detection.shapes import SIDE, Shapes  # isort: skip
from recipe.data import Corrupt  # isort: skip
from recipe.errors import UserError  # isort: skip

NAIVE_PRECISION = 1e-6
Seen = Sequence[tuple[float, ...]]


def drawn(seed: int, count: int, side: float = 40) -> Tensor:
    """Draw boxes, some of which lie partly outside of a picture of that side."""
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand(count, 2, generator=generator) * side * 1.2 - side * 0.2
    return torch.cat([low, low + 1 + torch.rand(count, 2, generator=generator) * side * 0.6], 1)


# boxes


def test_overlaps_and_clipping_are_torchvisions() -> None:
    one, other = drawn(0, 40), drawn(1, 30)
    with declared():
        from torchvision.ops import box_area, box_iou, clip_boxes_to_image

        torch.testing.assert_close(b.iou(one, other), box_iou(one, other))
        torch.testing.assert_close(b.area(one), box_area(one))
        torch.testing.assert_close(b.clip(one, (30, 40)), clip_boxes_to_image(one, (30, 40)))


def test_boxes_without_area_overlap_nothing() -> None:
    flat = torch.tensor([[3.0, 3, 3, 9], [9, 9, 3, 3], [1, 1, 5, 5]])
    assert b.iou(flat, flat).tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert b.area(flat).tolist() == [0, 0, 16]


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7])
def test_suppression_is_a_naive_loops_and_opencvs(threshold: float) -> None:
    cv2 = pytest.importorskip("cv2")
    boxes, labels = drawn(2, 120), torch.arange(120) % 3
    ranks = torch.randperm(120, generator=torch.Generator().manual_seed(3))
    ours = b.nms(boxes, ranks / 120, labels, threshold).tolist()
    kept: list[int] = []
    for place in ranks.argsort(descending=True).tolist():
        rivals = [each for each in kept if labels[each] == labels[place]]
        if not (b.iou(boxes[place, None], boxes[rivals]) > threshold).any():
            kept.append(place)
    assert ours == kept
    sides = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1).double().tolist()
    theirs = cv2.dnn.NMSBoxesBatched(sides, ranks.tolist(), labels.tolist(), -1.0, threshold)
    assert set(ours) == set(theirs.tolist())


def test_suppression_of_nothing_is_nothing() -> None:
    assert b.nms(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64), 0.3).tolist() == []


def naive_roi_align(features: Tensor, box: Sequence[float], cells: int, scale: float) -> Tensor:
    """Average 2 x 2 samples a cell, as Mask R-CNN's kernel does: nothing lies beyond one pixel."""
    left, top, right, bottom = (side * scale - 0.5 for side in box)
    height, width = features.shape[1:]
    made = torch.zeros(len(features), cells, cells)
    for row, column, i, j in numpy.ndindex(cells, cells, 2, 2):
        y = top + (bottom - top) * (row + (i + 0.5) / 2) / cells
        x = left + (right - left) * (column + (j + 0.5) / 2) / cells
        if -1 <= y <= height and -1 <= x <= width:
            y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
            for corner_y, corner_x in numpy.ndindex(2, 2):
                at_y, at_x = int(y) + corner_y, int(x) + corner_x
                weight = max(0, 1 - abs(y - at_y)) * max(0, 1 - abs(x - at_x))
                if weight:
                    made[:, row, column] += weight * features[:, at_y, at_x] / 4
    return made


def test_roi_align_is_a_naive_loops() -> None:
    features, boxes = torch.randn(1, 3, 9, 12, generator=torch.Generator().manual_seed(0)), drawn(4, 20)
    ours = b.roi_align(features, boxes, 3, 0.25)
    naive = torch.stack([naive_roi_align(features[0], box, 3, 0.25) for box in boxes.tolist()])
    torch.testing.assert_close(ours, naive, atol=1e-5, rtol=1e-5)
    assert (ours == 0).all((1, 2, 3)).any(), "no box lies so far outside that it sees nothing"


def test_roi_align_is_torchvisions_where_boxes_lie_within() -> None:
    features = torch.randn(1, 3, 10, 10, generator=torch.Generator().manual_seed(0))
    boxes = b.clip(drawn(5, 20), (40, 40))
    with declared():
        import torchvision.ops.roi_align as _  # noqa: F401

        from sys import modules

        theirs = modules["torchvision.ops.roi_align"]._roi_align.__wrapped__
        regions = torch.cat([torch.zeros(20, 1), boxes], 1)
        expected = theirs(features, regions, 0.25, 3, 3, 2, True)
    torch.testing.assert_close(b.roi_align(features, boxes, 3, 0.25), expected, atol=1e-5, rtol=1e-5)
