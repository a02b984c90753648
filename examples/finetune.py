"""Train a network for other classes, from the weights of a checkpoint.

    python examples/finetune.py runs/digits/checkpoint.pt --freeze-through inception_3b \\
        --spec examples/googlenet_digits.yaml --set size=80 --data parity

A head is a top-level layer in which a shape has changed, or which --heads names: it starts anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path

from recipe import networks, options
from recipe.data import open_data
from recipe.distributed import World, joined
from recipe.errors import UserError, command
from recipe.options import Recipe
from recipe.randomness import be_deterministic
from recipe.trainer import Trainer
from recipe.transfer import by_layer, check_layers, transfer
from torch import nn


def freeze_through(model: nn.Module, path: str, fresh: Collection[str] = ()) -> list[str]:
    """Freeze all weights up to those of the layer at a path; return the names of those trained.

    Raises UserError where that freezes all weights, or some of those that start anew, `fresh`.
    """
    names = [name for name, _ in model.named_parameters()]
    if not path:
        return names
    check_layers("--freeze-through", [path], names)
    count = 1 + max(i for i, name in enumerate(names) if name.startswith(f"{path}."))
    if random := by_layer(name for name in names[:count] if name in fresh):
        reason = f"{', '.join(random)} would be frozen, but start anew"
        raise UserError(f"--freeze-through {path}: {reason}; name an earlier layer")
    if count == len(names):
        raise UserError(f"--freeze-through {path} leaves nothing to train; name an earlier layer")
    for weight in list(model.parameters())[:count]:
        weight.requires_grad_(False)
    return names[count:]


def run(recipe: Recipe, arguments: argparse.Namespace, world: World) -> None:
    be_deterministic()
    data = open_data(recipe.data)
    network = networks.build(recipe, len(data.classes))
    report = transfer(network.model, arguments.checkpoint, arguments.heads, recipe.allow_partial)
    trained = freeze_through(network.model, arguments.freeze_through, report.missing)
    if world.is_first:
        frozen = sum(not weight.requires_grad for weight in network.model.parameters())
        print(report)
        print(f"frozen: the first {frozen} tensors; trained: {', '.join(by_layer(trained))}")
    trainer = Trainer(recipe, network, data, world)
    trainer.resume()
    trainer.run()


def main(argv: Sequence[str] | None = None) -> None:
    text = str(__doc__).partition("\n")[0]
    parser = options.parser(text, data="parity", out="runs/finetune", epochs=2.0, lr=0.001)
    parser.add_argument("checkpoint", type=Path, help="what train.py wrote")
    parser.add_argument("--freeze-through", default="", help="path of the last layer to freeze")
    parser.add_argument("--heads", nargs="*", default=[], help="layers that start anew in any case")
    arguments = parser.parse_args(argv)
    recipe = options.recipe_of(arguments)
    with joined() as world:
        run(recipe, arguments, world)


if __name__ == "__main__":
    command(main)
