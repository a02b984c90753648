"""Write the gradients of a run's first batch to OUT/gradients.pt, then train as train.py does.

Started as `torchrun gradients.py OPTION...` or without torchrun.
"""

import sys
from pathlib import Path

import torch
from torch.distributed.tensor import DTensor

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

import train
from recipe import options
from recipe.distributed import World, joined
from recipe.loading import training_loader
from recipe.options import Recipe


def main() -> None:
    recipe = options.parse("")
    with joined() as world:
        run(recipe, world)


def run(recipe: Recipe, world: World) -> None:
    trainer = train.prepare(recipe, world)
    loader = training_loader(recipe, trainer.data, trainer.size, world.share, range(1))
    before = [buffer.clone() for buffer in trainer.model.buffers()]
    trainer.backward(*next(iter(loader)))
    for buffer, value in zip(trainer.model.buffers(), before, strict=True):
        buffer.copy_(value)  # the run starts with the statistics of no batch
    found = {name: whole(weight.grad) for name, weight in trainer.model.named_parameters()}
    trainer.run()
    if world.is_first:
        torch.save(found, Path(recipe.out, "gradients.pt"))


def whole(gradient: torch.Tensor) -> torch.Tensor:
    """A copy of a gradient, put together if it is sharded."""
    return (gradient.full_tensor() if isinstance(gradient, DTensor) else gradient).clone()


main()
