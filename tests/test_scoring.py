"""Detection's scores against a naive average precision."""

from __future__ import annotations

import json

import numpy
import pytest
import torch
from detection import boxes as b
from detection.layouts import open_pictures
from detection.scoring import Found, results, scores
from PIL import Image
from torch import Tensor


def drawn(seed: int, count: int) -> Tensor:
    """Draw boxes."""
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand(count, 2, generator=generator) * 48 - 8
    return whole(torch.cat([low, low + torch.rand(count, 2, generator=generator) * 24], 1))


def whole(boxes: Tensor) -> Tensor:
    """Round boxes, so that overlaps are the same in 32 and in 64 bits, and leave each an area."""
    low = boxes[:, :2].round()
    return torch.cat([low, boxes[:, 2:].round().maximum(low + 1)], 1)


class Held:
    """Pictures that are never read, with boxes of three classes; the last has none that count."""

    classes = ("one", "two", "three")
    categories = (4, 5, 60)
    notes = ()

    def __init__(self, seed: int, count: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        counts = torch.randint(0, 5, (count,), generator=generator).tolist()
        self.all_boxes = [drawn(seed + place, each) for place, each in enumerate(counts)]
        self.all_labels = [torch.randint(1, 4, (each,), generator=generator) for each in counts]
        self.all_hard = [torch.rand(each, generator=generator) < 0.2 for each in counts]

    def __len__(self) -> int:
        return len(self.all_boxes)

    def name(self, index: int) -> str:
        return str(index)

    def identity(self, index: int) -> int:
        return 1000 - 3 * index

    def read(self, index: int) -> Image.Image:
        raise NotImplementedError

    def boxes(self, index: int) -> Tensor:
        return self.all_boxes[index]

    def labels(self, index: int) -> Tensor:
        return self.all_labels[index]

    def difficult(self, index: int) -> Tensor:
        return self.all_hard[index] | (self.all_labels[index] == 3)


def near(pictures: Held, seed: int) -> list[Found]:
    """Return detections: true boxes moved a little, twice, some of another class, and others."""
    generator = torch.Generator().manual_seed(seed)
    detected = []
    for index in range(len(pictures)):
        boxes = pictures.boxes(index).repeat(2, 1)
        moved = whole(boxes + torch.randn(boxes.shape, generator=generator))
        boxes = torch.cat([moved, drawn(seed + index, 3)])
        labels = torch.cat([pictures.labels(index).repeat(2), torch.tensor([1, 2, 3])])
        wrong = torch.rand(len(labels), generator=generator) < 0.1
        labels = torch.where(wrong, 1 + labels % 3, labels)
        detected.append((boxes, labels, torch.rand(len(labels), generator=generator)))
    return detected


def naive_precision(pictures: Held, detected: list[Found], label: int, overlap: float) -> float:
    """Average the best precision at or beyond each of 101 recalls."""
    rows = [
        (score, index, box)
        for index, (boxes, labels, scores_) in enumerate(detected)
        for box, its, score in zip(boxes, labels.tolist(), scores_.tolist(), strict=True)
        if its == label
    ]
    taken: set[tuple[int, int]] = set()
    hits = []
    for _, index, box in sorted(rows, key=lambda row: -row[0]):
        mine = pictures.labels(index) == label
        overlaps = b.iou(box[None].double(), pictures.boxes(index).double())[0].tolist()
        hard = pictures.difficult(index).tolist()
        free = [
            (overlaps[place], place)
            for place in mine.nonzero().flatten().tolist()
            if not hard[place] and (index, place) not in taken and overlaps[place] >= overlap
        ]
        if free:
            taken.add((index, max(free)[1]))
            hits.append(True)
        elif not in_crowd(box, pictures.boxes(index)[mine & pictures.difficult(index)], overlap):
            hits.append(False)
    count = sum(
        int(((pictures.labels(i) == label) & ~pictures.difficult(i)).sum())
        for i in range(len(pictures))
    )
    found_ = numpy.cumsum(hits)
    precision, recall = found_ / (numpy.arange(len(hits)) + 1), found_ / count
    best = [precision[recall >= level].max(initial=0) for level in numpy.linspace(0, 1, 101)]
    return float(numpy.mean(best))


def in_crowd(box: Tensor, crowds: Tensor, overlap: float) -> bool:
    """Tell whether so much of a box lies in what need not be found."""
    box, crowds = box.double(), crowds.double()
    shared = (box[2:].minimum(crowds[:, 2:]) - box[:2].maximum(crowds[:, :2])).clamp(min=0).prod(1)
    return bool((shared / b.area(box[None]) >= overlap).any())


@pytest.mark.parametrize("seed", [0, 100])
def test_precision_is_a_naive_loops(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pycocotools")
    pictures = Held(seed, 30)
    detected = near(pictures, seed + 50)
    computed = scores(pictures, detected)
    assert list(computed.classes) == ["one", "two"], "no box of the third counts"
    for label, precision in enumerate(computed.classes.values(), 1):
        naive = [
            naive_precision(pictures, detected, label, overlap)
            for overlap in numpy.linspace(0.5, 0.95, 10)
        ]
        assert precision == pytest.approx((naive[0], numpy.mean(naive)), abs=1e-6)
        assert 0.1 < precision.ap < precision.ap50 < 0.95
    mean = numpy.mean(list(computed.classes.values()), axis=0)
    assert computed.mean == pytest.approx(tuple(mean), abs=1e-9)
    assert capsys.readouterr().out == ""


def test_true_boxes_score_1_and_no_boxes_0() -> None:
    pytest.importorskip("pycocotools")
    pictures = open_pictures("shapes")
    true = [
        (pictures.boxes(index), pictures.labels(index), torch.ones(len(pictures.labels(index))))
        for index in range(len(pictures))
    ]
    assert scores(pictures, true).mean == (1, 1)
    assert scores(pictures, [tuple(part[:0] for part in each) for each in true]).mean == (0, 0)


def test_results_are_cocos_and_plain_data() -> None:
    pictures = Held(0, 2)
    some = (torch.tensor([[1.0, 2, 5, 9]]), torch.tensor([3]), torch.tensor([0.25]))
    none = tuple(part[:0] for part in some)
    (result,) = json.loads(json.dumps(results(pictures, [none, some])))
    assert result == {"image_id": 997, "category_id": 60, "bbox": [1, 2, 4, 7], "score": 0.25}
