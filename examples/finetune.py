"""Train a network for other classes, from the weights of a checkpoint.

    python examples/finetune.py runs/digits/checkpoint.pt --freeze-through inception_3b \\
        --spec examples/googlenet_digits.yaml --set size=80 --data parity

A head is a top-level layer in which a shape has changed, or which --heads names: it starts anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from recipe import checkpoint, networks, options
from recipe.data import open_data
from recipe.distributed import World, joined
from recipe.options import Recipe
from recipe.randomness import be_deterministic
from recipe.trainer import Trainer
from torch import Tensor, nn

Weights = Mapping[str, Tensor]


@dataclass
class Transfer:
    """What a network took from a file, by tensor, and why the rest was left."""

    loaded: dict[str, Tensor] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"loaded  {layer}: {count} tensors" for layer, count in by_layer(self.loaded).items()
        ]
        lines += [f"skipped {key}: {reason}" for key, reason in self.skipped.items()]
        return "\n".join([*lines, f"starts anew: {', '.join(by_layer(self.missing)) or 'nothing'}"])


def by_layer(keys: Collection[str]) -> dict[str, int]:
    """Count tensors by top-level layer."""
    counts: dict[str, int] = {}
    for key in keys:
        layer = key.partition(".")[0]
        counts[layer] = counts.get(layer, 0) + 1
    return counts


def transfer(model: nn.Module, given: Weights, heads: Collection[str]) -> Transfer:
    """Load into a model what fits and belongs to no head."""
    own = model.state_dict()
    changed = {
        key.partition(".")[0]: key for key in own if key in given and _differ(key, own, given)
    }
    result = Transfer()
    for key, tensor in given.items():
        layer = key.partition(".")[0]
        if reason := _reason(key, own, given, changed.get(layer, ""), layer in heads):
            result.skipped[key] = reason
        else:
            result.loaded[key] = tensor
    result.missing = [key for key in own if key not in result.loaded]
    model.load_state_dict(result.loaded, strict=False)
    return result


def _reason(key: str, own: Weights, given: Weights, changed: str, is_head: bool) -> str:
    """Say why a tensor is not loaded; nothing if it is."""
    if key not in own:
        return "the network has no such tensor"
    if _differ(key, own, given):
        return f"{_shape(given[key])} in the file, {_shape(own[key])} in the network"
    if is_head:
        return "--heads names it"
    return f"of the same head as {changed}" if changed else ""


def _differ(key: str, own: Weights, given: Weights) -> bool:
    return own[key].shape != given[key].shape


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "one number"


def freeze_through(model: nn.Module, path: str) -> list[str]:
    """Freeze all weights up to those of the layer at a path; return the names of those trained."""
    names = [name for name, _ in model.named_parameters()]
    inside = [i for i, name in enumerate(names) if f"{name}.".startswith(f"{path}.")]
    if path and not inside:
        raise SystemExit(f"no weights at {path!r}; the layers are {', '.join(by_layer(names))}")
    count = inside[-1] + 1 if path else 0
    for weight in list(model.parameters())[:count]:
        weight.requires_grad_(False)
    return names[count:]


def run(recipe: Recipe, arguments: argparse.Namespace, world: World) -> None:
    be_deterministic()
    data = open_data(recipe.data)
    network = networks.build(recipe, len(data.classes))
    given = checkpoint.read_averaged(arguments.checkpoint)
    report = transfer(network.model, given, arguments.heads)
    trained = freeze_through(network.model, arguments.freeze_through)
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
    main()
