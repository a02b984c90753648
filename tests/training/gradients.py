"""Write the gradients of a run's first batch to a file, whoever shares the batch.

Started as `torchrun gradients.py FILE OPTION...` or without torchrun.
"""

import sys
from pathlib import Path

import torch
from torch.distributed.tensor import DTensor

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

import train
from recipe import options
from recipe.distributed import joined
from recipe.loading import training_loader


def main(path: str, *argv: str) -> None:
    recipe = options.parse("", argv)
    with joined() as world:
        trainer = train.prepare(recipe, world)
        loader = training_loader(recipe, trainer.data, trainer.size, world.share, range(1))
        trainer.backward(*next(iter(loader)))
        found = {name: whole(weight.grad) for name, weight in trainer.model.named_parameters()}
        if world.is_first:
            torch.save(found, path)


def whole(gradient: torch.Tensor) -> torch.Tensor:
    return gradient.full_tensor() if isinstance(gradient, DTensor) else gradient


main(*sys.argv[1:])
