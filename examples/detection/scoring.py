"""How good detections are: COCO's average precision, by pycocotools' COCOeval."""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import redirect_stdout
from typing import Any, NamedTuple

from recipe.errors import UserError
from torch import Tensor

from detection.layouts import Pictures

Found = tuple[Tensor, Tensor, Tensor]
"""A picture's detections: boxes (n, 4), labels from 1 on, scores."""

MOST = 100  # detections of a class in a picture that count, as for COCO
_DIGITS = 3  # of a pixel, in results


class Precision(NamedTuple):
    """Average precision at an overlap of 0.5, and the mean of those at 0.5, 0.55, ..., 0.95."""

    ap50: float
    ap: float


class Scores(NamedTuple):
    """The precision of each class that has boxes which count, and the mean over them."""

    classes: dict[str, Precision]
    mean: Precision


def results(pictures: Pictures, found: Iterable[Found]) -> list[dict[str, Any]]:
    """Return the detections in all pictures, in their order, as COCO's results files have them."""
    return [
        _annotation(pictures, index, int(label), box) | {"score": score}
        for index, detections in enumerate(found)
        for box, label, score in zip(*(part.tolist() for part in detections), strict=True)
    ]


def scores(pictures: Pictures, found: Iterable[Found]) -> Scores:
    """Compare the detections in all pictures with what they hold.

    Difficult objects count as COCO's crowds do: neither they nor what lies in them.
    """
    try:
        from pycocotools.cocoeval import COCOeval
    except ImportError:
        raise UserError("average precision needs a package: pip install pycocotools") from None
    with redirect_stdout(io.StringIO()):
        truths, detected = _dataset(pictures, _truths(pictures)), results(pictures, found)
        run = COCOeval(truths, _dataset(pictures, detected), "bbox")
        run.params.areaRng, run.params.areaRngLbl = [[0, float("inf")]], ["all"]
        run.params.maxDets = [MOST]
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"][..., 0, 0]  # overlap, recall, class; -1 without boxes
    known = precision.max((0, 1)) >= 0
    by_class = {
        name: _precision(precision[..., place])
        for place, name in enumerate(pictures.classes)
        if known[place]
    }
    return Scores(by_class, _precision(precision[..., known]))


def _precision(precision: Any) -> Precision:
    return Precision(float(precision[0].mean()), float(precision.mean()))


def _truths(pictures: Pictures) -> list[dict[str, Any]]:
    """Return what the pictures hold as COCO's annotations."""
    return [
        _annotation(pictures, index, label, box) | {"iscrowd": int(difficult)}
        for index in range(len(pictures))
        for box, label, difficult in zip(
            pictures.boxes(index).tolist(),
            pictures.labels(index).tolist(),
            pictures.difficult(index).tolist(),
            strict=True,
        )
    ]


def _annotation(pictures: Pictures, index: int, label: int, box: list[float]) -> dict[str, Any]:
    left, top, right, bottom = box
    return {
        "image_id": pictures.identity(index),
        "category_id": pictures.categories[label - 1],
        "bbox": [round(side, _DIGITS) for side in (left, top, right - left, bottom - top)],
    }


def _dataset(pictures: Pictures, annotations: list[dict[str, Any]]) -> Any:
    """Give annotations to pycocotools, with numbers of their own; 0 would mean none."""
    from pycocotools.coco import COCO

    made = COCO()
    made.dataset = {
        "images": [{"id": pictures.identity(index)} for index in range(len(pictures))],
        "categories": [{"id": category} for category in pictures.categories],
        "annotations": [
            {"id": number, "area": each["bbox"][2] * each["bbox"][3], "iscrowd": 0} | each
            for number, each in enumerate(annotations, 1)
        ],
    }
    made.createIndex()
    return made
