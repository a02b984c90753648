"""MultiBox (Erhan et al., 2014): a network that proposes boxes, whatever they hold.

It gives, for each of the boxes that the data usually have (the priors), how far an object's box is
from it, in shares of the picture's sides, and how sure it is that there is one.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from PIL import Image
from recipe import checkpoint
from recipe.crops import pixels
from recipe.errors import UserError
from recipe.trained import record, trained
from recipe.views import normalise
from torch import Tensor
from torch.nn import functional as F

from detection.boxes import clip

LOCATION_WEIGHT = 0.3  # alpha, beside the loss of the confidences: Erhan et al., section 4


def priors_of(truths: Tensor, count: int, seed: int) -> Tensor:
    """Return the centres of k-means over true boxes in shares of their pictures, (count, 4)."""
    from sklearn.cluster import KMeans

    different = len({*map(tuple, truths.tolist())})
    if different < count:
        raise UserError(
            f"{count} boxes of MultiBox cannot be learnt from {different} different true boxes: "
            f"--set boxes={max(different // 2, 1)}"
        )
    found = KMeans(count, n_init=1, random_state=seed).fit(truths.numpy())
    return torch.from_numpy(found.cluster_centers_).float()


def matched(priors: Tensor, truths: Tensor) -> tuple[Tensor, Tensor]:
    """Return which priors answer for which true boxes, one each, nearest in all (section 3.2)."""
    from scipy.optimize import linear_sum_assignment

    distance = torch.cdist(priors.double(), truths.double()).square()
    rows, columns = linear_sum_assignment(distance.cpu().numpy())
    return torch.from_numpy(rows), torch.from_numpy(columns)


def loss(outputs: Sequence[Tensor], truths: Sequence[Tensor], priors: Tensor) -> Tensor:
    """Return the mean loss of a batch (Erhan et al., equations 1 to 3)."""
    distances, confidences = outputs
    boxes = priors + distances.view(len(truths), -1, 4)
    target, location = torch.zeros_like(confidences), boxes.new_zeros(())
    for picture, true in enumerate(truths):
        rows, columns = matched(priors, true)
        target[picture, rows] = 1
        location = location + (boxes[picture, rows] - true[columns]).square().sum() / 2
    confidence = F.binary_cross_entropy_with_logits(confidences, target, reduction="sum")
    return (LOCATION_WEIGHT * location + confidence) / len(truths)


def decoded(outputs: Sequence[Tensor], priors: Tensor, picture: tuple[int, int]) -> Tensor:
    """Return the boxes of a picture of (width, height) in pixels, the surest first."""
    distances, confidences = (output[0] for output in outputs)
    shares = (priors + distances.view(-1, 4))[confidences.argsort(descending=True)]
    boxes = clip(shares * shares.new_tensor(picture * 2), picture[::-1])
    return boxes[(boxes[:, 2:] - boxes[:, :2]).amin(1) >= 1]


def proposer(
    path: Path, arguments: Namespace, device: torch.device
) -> Callable[[Image.Image], Tensor]:
    """Return what proposes boxes by the network that `detect.py multibox` wrote."""
    found = record(path, arguments)
    priors = checkpoint.read(path).get("priors")
    if not isinstance(priors, Tensor):
        raise UserError(f"{path} is no MultiBox: name what `detect.py multibox` wrote")
    network = trained(found, 0)
    model, priors = network.model.to(device).eval(), priors.to(device)

    def propose(picture: Image.Image) -> Tensor:
        seen = picture.resize(network.size[::-1], Image.Resampling.BILINEAR)
        with torch.inference_mode():
            outputs = model(normalise(pixels(seen)[None].to(device), found.recipe))
        return decoded(outputs, priors, picture.size).cpu()

    return propose
