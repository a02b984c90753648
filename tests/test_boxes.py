"""Detection's boxes, shapes and proposals, against what others or naive loops compute."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

import numpy
import pytest
import torch
from detection import boxes as b
from detection.layouts import open_pictures
from detection.proposals import found, propose
from detection.scoring import scores
from detection.shapes import SIDE, Shapes
from PIL import Image, ImageDraw
from recipe.errors import UserError
from torch import Tensor

from tests.torchvision import declared


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
    assert (
        b.nms(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64), 0.3).tolist()
        == []
    )


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
    features, boxes = (
        torch.randn(1, 3, 9, 12, generator=torch.Generator().manual_seed(0)),
        drawn(4, 20),
    )
    ours = b.roi_align(features, boxes, 3, 0.25)
    naive = torch.stack([naive_roi_align(features[0], box, 3, 0.25) for box in boxes.tolist()])
    torch.testing.assert_close(ours, naive, atol=1e-5, rtol=1e-5)
    assert (ours == 0).all((1, 2, 3)).any(), "no box lies so far outside that it sees nothing"


def test_torchvisions_operators_take_over_where_they_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its Python, with a compiled kernel for which this test stands in, computes what ours does."""
    boxes, ranks = b.clip(drawn(8, 50), (40, 40)), torch.linspace(0, 1, 50)
    labels, features = torch.arange(50) % 2, torch.randn(1, 2, 10, 10)
    suppressed, aligned = b.nms(boxes, ranks, labels, 0.3), b.roi_align(features, boxes, 2, 0.25)
    seen = []

    def kernel(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
        seen.append(len(boxes))
        order = scores.argsort(descending=True)
        return order[b._greedy(boxes[order], threshold)]

    with declared(), monkeypatch.context() as patched:
        torch.library.impl("torchvision::nms", "CPU", kernel)
        regions = import_module("torchvision.ops.roi_align")
        patched.setattr(regions, "_roi_align", regions._roi_align.__wrapped__)  # not compiled
        patched.setattr("torchvision.extension._has_ops", lambda: True)
        patched.setattr(b, "compiled", b.compiled.__wrapped__)
        assert torch.equal(b.nms(boxes, ranks, labels, 0.3), suppressed)
        theirs = b.roi_align(features, boxes, 2, 0.25)
    torch.testing.assert_close(theirs, aligned, atol=1e-5, rtol=1e-5)
    assert seen == [1, 50, 1]


def test_a_region_is_the_picture_stretched_with_the_mean_around() -> None:
    """In a picture whose colours are its coordinates, each pixel says where it is from."""
    across, down = numpy.meshgrid(numpy.arange(60), numpy.arange(40))
    picture = Image.fromarray(numpy.stack([across * 4, down * 4, 0 * down], 2).astype(numpy.uint8))
    boxes, side = drawn(6, 30, 50), 24
    seen = b.warped(picture, boxes, (side, side), (7.4, 8, 250)).permute(0, 2, 3, 1).int()
    for box, region in zip(b.with_context(boxes).tolist(), seen, strict=True):
        for axis, limit in enumerate(picture.size):
            step = (box[axis + 2] - box[axis]) / side
            from_where = box[axis] + step * (torch.arange(side) + 0.5)
            line = region.transpose(0, 1 - axis)[:, :, :]
            known = line[..., 2] == 0
            error = (line[..., axis] - (from_where[:, None] - 0.5) * 4).abs()
            assert (error[known] <= 4 * step + 5).all()
            outside = (from_where < -step) | (from_where > limit + step)
            assert not known[outside].any()
    assert (seen[seen[..., 2] > 0] == torch.tensor([7, 8, 250])).all()
    assert (seen[..., 2] == 0).float().mean() > 0.5


def test_a_region_has_r_cnns_context() -> None:
    picture = Image.new("RGB", (400, 300))
    ImageDraw.Draw(picture).rectangle((100, 100, 199, 179), "white")
    (seen,) = b.warped(picture, torch.tensor([[100.0, 100, 200, 180]]), (227, 227), (0, 0, 0))
    rows, columns = (seen[0] > 127).nonzero(as_tuple=True)
    assert [*rows.aminmax(), *columns.aminmax()] == [16, 210, 16, 210]


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (300, 1)])
def test_regions_of_a_tiny_picture_and_of_none(size: tuple[int, int]) -> None:
    picture, boxes = Image.new("RGB", size, (9, 9, 9)), drawn(7, 40, 6)
    assert b.warped(picture, boxes, (5, 8), (1, 2, 3)).shape == (40, 3, 5, 8)
    assert b.warped(picture, boxes[:0], (5, 8), (1, 2, 3)).shape == (0, 3, 5, 8)


# shapes and proposals


def test_a_shape_touches_the_sides_of_its_box_and_nothing_is_around() -> None:
    """What is drawn has a colour that no ground has."""
    pictures = open_pictures("shapes")
    for index in range(0, len(pictures), 8):
        pixels = numpy.asarray(pictures.read(index))
        shape = (pixels.max(2) > 180) & (pixels.min(2) < 75)
        around = shape.copy()
        for left, top, right, bottom in pictures.boxes(index).int().tolist():
            inside = shape[top:bottom, left:right]
            assert inside[0].any() and inside[-1].any()
            assert inside[:, 0].any() and inside[:, -1].any()
            around[top:bottom, left:right] = False
        assert not around.any()


def test_shapes_are_the_same_each_time_and_others_in_another_part() -> None:
    one, again, other = Shapes("a", 3), Shapes("a", 2), Shapes("b", 3)
    assert one.read(1).tobytes() == again.read(1).tobytes() != other.read(1).tobytes()
    assert torch.equal(one.boxes(1), again.boxes(1))
    pictures = open_pictures("shapes")
    counts = torch.cat([pictures.labels(i) for i in range(len(pictures))]).bincount()
    assert counts[0] == 0 and counts[1:].min() > 40


def test_nearly_all_shapes_are_proposed() -> None:
    pytest.importorskip("cv2")
    pictures = open_pictures("shapes-held-out")
    hits = []
    for index in range(16):
        proposals = propose(pictures.read(index))
        hits += found(pictures.boxes(index), proposals).tolist()
        assert torch.equal(b.clip(proposals, (SIDE, SIDE)), proposals)
        assert (b.area(proposals) > 0).all()
        assert len(proposals.unique(dim=0)) == len(proposals) < 200
    assert sum(hits) >= 0.98 * len(hits)


def test_a_wide_picture_is_searched_smaller() -> None:
    pictures = open_pictures("shapes")
    proposals = propose(pictures.read(1).resize((1000, 250)))
    assert found(pictures.boxes(1) * torch.tensor([1000, 250] * 2) / SIDE, proposals).all()
    assert not (proposals % 2).any(), "found in a picture half as large"


def test_larger_super_pixels_give_fewer_proposals_the_same_each_time() -> None:
    picture = open_pictures("shapes").read(1)
    one, two, four = (propose(picture, enlarged) for enlarged in (1, 2, 4))
    assert len(one) > 1.5 * len(two) > 2 * len(four)
    assert torch.equal(two, propose(picture))


@pytest.mark.parametrize("size", [(1, 1), (1, 70), (2000, 1)])
def test_a_picture_without_objects_is_its_own_proposal(size: tuple[int, int]) -> None:
    assert propose(Image.new("RGB", size)).tolist() == [[0, 0, *size]]
    assert found(torch.tensor([[0.0, 0, 1, 1]]), torch.zeros(0, 4)).tolist() == [False]


@pytest.mark.parametrize("module", [None, ModuleType("cv2")])
def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType | None
) -> None:
    """There may be no OpenCV, or one without the extra modules."""
    monkeypatch.setitem(sys.modules, "cv2", module)
    monkeypatch.setitem(sys.modules, "pycocotools.cocoeval", None)
    with pytest.raises(UserError, match="opencv-contrib-python-headless"):
        propose(Image.new("RGB", (9, 9)))
    with pytest.raises(UserError, match="pycocotools"):
        scores(open_pictures("shapes"), [])
