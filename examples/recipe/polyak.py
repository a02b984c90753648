"""The Polyak average of the weights, with which the paper evaluates."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn


class Average:
    """A running average of a model's weights, and of the statistics of its batch normalisations.

    It covers about the last ninth of a short run, and 1 / (1 - decay) steps of a long one, as
    TensorFlow's ExponentialMovingAverage(decay, num_updates) did for Inception. Statistics are
    averaged over the same steps as the weights: those of the newest weights are not theirs.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.module = deepcopy(model).eval()
        self.decay, self.steps = decay, 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights after a step."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps)) if self.steps else 0.0
        torch._foreach_lerp_(list(self.module.parameters()), list(model.parameters()), 1 - decay)
        for average, value in zip(self.module.buffers(), model.buffers(), strict=True):
            if value.is_floating_point():
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)
        self.steps += 1
