"""How the weights learn: SGD by groups of weights, the learning rate, the loss of mixed images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Beta
from torch.nn import functional as F
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR

from recipe.options import Recipe
from recipe.randomness import drawn_from

Targets = Sequence[tuple[Tensor, float]]
"""The labels of a batch with their share: mixed images have two."""

_NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)


def optimizer(model: nn.Module, recipe: Recipe) -> SGD:
    """Return SGD over what is trained of a model: weights, normalisations and biases.

    In Caffe's published GoogLeNet (bvlc_googlenet/train_val.prototxt) biases have `lr_mult: 2` and
    `decay_mult: 0`. What decays not in torchvision's `set_weight_decay(norm_weight_decay=0)` is
    the whole of a normalisation, its bias too.
    """
    return SGD(
        _groups(model, recipe), recipe.lr, momentum=recipe.momentum, nesterov=recipe.nesterov
    )


def _groups(model: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Return the groups with their rates; which ones there are, the model alone decides."""
    rates = {
        "weight": (recipe.lr, recipe.weight_decay),
        "norm": (recipe.lr, recipe.weight_decay * recipe.norm_decay),
        "bias": (recipe.lr * recipe.bias_lr, recipe.weight_decay * recipe.bias_decay),
    }
    norms = [module for module in model.modules() if isinstance(module, _NORMS)]
    of_norms = {id(weight) for norm in norms for weight in norm.parameters(recurse=False)}
    members: dict[str, list[nn.Parameter]] = {kind: [] for kind in rates}
    for name, weight in model.named_parameters():
        kind = "norm" if id(weight) in of_norms else "bias" if name.endswith("bias") else "weight"
        if weight.requires_grad:
            members[kind].append(weight)
    return [
        {"params": members[kind], "lr": lr, "initial_lr": lr, "weight_decay": decay}
        for kind, (lr, decay) in rates.items()
        if members[kind]
    ]


def renew(found: SGD, model: nn.Module, recipe: Recipe) -> None:
    """Give an optimizer that was read from a checkpoint the rates of a recipe."""
    for group, new in zip(found.param_groups, optimizer(model, recipe).param_groups, strict=True):
        group |= {name: value for name, value in new.items() if name != "params"}


def schedule(optimizer: SGD, recipe: Recipe, steps_per_epoch: int, step: int = 0) -> LambdaLR:
    """Return the learning rate's course, at a step: it depends on nothing else."""
    last = max(1, round(recipe.epochs * steps_per_epoch))
    period = max(1, round(recipe.decay_epochs * steps_per_epoch))
    floor = recipe.lr_min / recipe.lr

    def rate(step: int) -> float:
        warm = min(1.0, (step + 1) / max(1, recipe.warmup))
        match recipe.schedule:
            case "exponential":
                return warm * recipe.decay ** (step // period)
            case "cosine":
                done = (step - recipe.warmup) / max(1, last - recipe.warmup)
                half = (1 + math.cos(math.pi * min(1.0, max(0.0, done)))) / 2
                return warm * (floor + (1 - floor) * half)
            case "constant":
                return warm

    return LambdaLR(optimizer, rate, step - 1)


def clip(model: nn.Module, recipe: Recipe) -> None:
    """Scale the gradients to the recipe's norm, if theirs is larger."""
    if recipe.clip_norm:
        nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)


def mixed(images: Tensor, labels: Tensor, recipe: Recipe, seed: int) -> tuple[Tensor, Targets]:
    """Mix each image with the one before it, if the recipe says so (mixup, Zhang et al. 2018).

    As in torchvision's references, a batch has one share, drawn from Beta(mixup, mixup). With
    `accumulate` and in several processes it is a part of the batch that is mixed so.
    """
    if not recipe.mixup:
        return images, [(labels, 1.0)]
    with drawn_from(seed):
        share = float(Beta(recipe.mixup, recipe.mixup).sample())
    others = images.roll(1, 0)
    return images * share + others * (1 - share), [(labels, share), (labels.roll(1), 1 - share)]


def losses(
    outputs: Tensor | tuple[Tensor, ...], targets: Targets, smoothing: float
) -> tuple[Tensor, ...]:
    """Return each output's loss, the network's own first."""
    heads = (outputs,) if isinstance(outputs, Tensor) else outputs
    return tuple(_loss(head, targets, smoothing) for head in heads)


def _loss(logits: Tensor, targets: Targets, smoothing: float) -> Tensor:
    parts = [
        F.cross_entropy(logits, labels, label_smoothing=smoothing) * share
        for labels, share in targets
    ]
    return torch.stack(parts).sum()
