"""Torchvision's classifiers without weights, also where its compiled code is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import nn


@contextmanager
def declared() -> Iterator[None]:
    """Declare what a build of torchvision without compiled code lacks.

    One thread: on a busy machine several wait for each other at every small layer.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        library._destroy()


def made(name: str, **keywords: Any) -> nn.Module:
    """Make a classifier; on the meta device too, where the widths of a RegNet are numbers yet."""
    models = pytest.importorskip("torchvision.models")
    regnet = models.regnet

    def numbers(*given: Any, **named: Any) -> Any:
        with torch.device("cpu"):
            return computed(*given, **named)

    if name in ("googlenet", "inception_v3"):
        keywords = {"init_weights": False, **keywords}
    computed = regnet.BlockParams.from_init_params
    with patch.object(regnet.BlockParams, "from_init_params", numbers):
        model: nn.Module = models.get_model(name, weights=None, **keywords)
    return model
