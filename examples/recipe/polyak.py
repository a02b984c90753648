"""The Polyak average of the weights, with which the paper evaluates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def averaged(model: nn.Module, decay: float) -> AveragedModel:
    """Return a running average of a model's weights; its buffers are the model's own."""
    return AveragedModel(model, multi_avg_fn=_warming_up(decay))


def _warming_up(decay: float) -> Callable[[Any, Any, Any], None]:
    """Average over about the last ninth of a short run, over 1 / (1 - decay) steps of a long one.

    This is what TensorFlow's ExponentialMovingAverage(decay, num_updates) did for Inception.
    """

    def update(averages: Any, weights: Any, count: Any) -> None:
        steps = float(count)
        now = min(decay, (1 + steps) / (10 + steps))
        get_ema_multi_avg_fn(now)(averages, weights, count)

    return update
