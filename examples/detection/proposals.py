"""Boxes that may hold an object: selective search (Uijlings et al., 2013) by OpenCV.

Its fast mode, on pictures at most 500 pixels wide as R-CNN has them: the colour spaces HSV and Lab;
two scales of super-pixels, whose `k` is also their smallest size; joined by all four measures of
likeness, and by all but colour. The paper's section 8 doubles the size of the super-pixels, which
"halves the proposals": `k` is 100 and 200 in place of 50 and 100, and on scikit-learn's two
photographs 702 and 1,320 proposals are left of 1,900 and 3,308.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from recipe.errors import UserError
from torch import Tensor

from detection.boxes import clip, iou

WIDEST = 500  # pixels
SCALES = (50, 100)  # k of Felzenszwalb and Huttenlocher's super-pixels, in the fast mode
ENLARGED = 2  # the paper's super-pixels
SIGMA = 0.8  # of the blur before


def propose(picture: Image.Image, enlarged: float = ENLARGED) -> Tensor:
    """Return distinct boxes within a picture, (n, 4); the picture alone decides their order."""
    shrunk = min(1.0, WIDEST / picture.width)
    size = (round(picture.width * shrunk), max(round(picture.height * shrunk), 1))
    search = _search(np.asarray(picture.resize(size, Image.Resampling.BILINEAR)), enlarged)
    found = torch.from_numpy(np.asarray(search.process(), dtype=np.float32)).reshape(-1, 4)
    found[:, 2:] += found[:, :2]
    ratio = torch.tensor(picture.size, dtype=torch.float32) / torch.tensor(size)
    distinct: Tensor = torch.unique(found * ratio.repeat(2), dim=0)
    return clip(distinct, (picture.height, picture.width))


def _search(pixels: np.ndarray[Any, np.dtype[np.uint8]], enlarged: float) -> Any:
    """Set up OpenCV's search on RGB pixels."""
    try:
        import cv2

        segmentation = cv2.ximgproc.segmentation
    except (ImportError, AttributeError):
        needed = "pip install opencv-contrib-python-headless, and no other opencv beside it"
        raise UserError(f"selective search is among OpenCV's extra modules: {needed}") from None
    search = segmentation.createSelectiveSearchSegmentation()
    for space in (cv2.COLOR_RGB2HSV, cv2.COLOR_RGB2Lab):
        search.addImage(cv2.cvtColor(pixels, space))
    for scale in SCALES:
        k = scale * enlarged
        search.addGraphSegmentation(segmentation.createGraphSegmentation(SIGMA, k, round(k)))
    for measures in (("Color", "Fill", "Texture", "Size"), ("Fill", "Texture", "Size")):
        name = "createSelectiveSearchSegmentationStrategy"
        parts = [getattr(segmentation, name + measure)() for measure in measures]
        search.addStrategy(getattr(segmentation, f"{name}Multiple")(*parts))
    return search


def found(boxes: Tensor, proposals: Tensor, overlap: float = 0.5) -> Tensor:
    """Return which of the boxes a proposal overlaps at least so much: recall is the mean of it."""
    if not len(proposals):
        return torch.zeros(len(boxes), dtype=torch.bool)
    return iou(boxes, proposals).amax(1) >= overlap
