"""Train a network that netspec builds, by default as the GoogLeNet paper did.

    python examples/train.py --spec specs/googlenet.yaml --data /data/ilsvrc2012
    torchrun --nproc-per-node 8 examples/train.py --module model.py --data /data/ilsvrc2012

A run that is started again with the same --out goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence

from recipe import networks, options
from recipe.data import open_data
from recipe.distributed import World, joined
from recipe.errors import command
from recipe.options import Recipe
from recipe.randomness import be_deterministic
from recipe.trainer import Trainer


def prepare(recipe: Recipe, world: World) -> Trainer:
    """Return the run that a recipe describes, at its first step."""
    be_deterministic()
    data = open_data(recipe.data)
    return Trainer(recipe, networks.build(recipe, len(data.classes)), data, world)


def run(recipe: Recipe, world: World) -> None:
    trainer = prepare(recipe, world)
    if trainer.resume() and world.is_first:
        print(f"going on at step {trainer.step} of {trainer.last_step} from {trainer.kept.newest}")
    trainer.run()


def main(argv: Sequence[str] | None = None) -> None:
    recipe = options.parse(str(__doc__).partition("\n")[0], argv)
    with joined() as world:
        run(recipe, world)


if __name__ == "__main__":
    command(main)
