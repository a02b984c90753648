"""The recipe: every setting of a training run, with the paper's values as defaults."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import Field, asdict, dataclass, field, fields
from typing import Any, get_type_hints


def option(default: Any, text: str, **extra: Any) -> Any:
    """Return a dataclass field that is also a command-line option."""
    return field(default=default, metadata={"help": text, **extra})


@dataclass(frozen=True)
class Recipe:
    """The GoogLeNet paper's section 6, and where it is silent, Caffe's published solver."""

    spec: str = option("specs/googlenet.yaml", "the network's spec")
    module: str = option("", "a generated model.py, instead of --spec")
    set: tuple[str, ...] = option((), "NAME=VALUE of a spec's parameter; may be repeated")
    data: str = option(
        "digits", "`digits`, `parity`, or a directory with train/CLASS/* and val/CLASS/*"
    )
    out: str = option("runs/train", "where checkpoints and logs go")

    epochs: float = option(250.0, "how often the training set is passed; may be a fraction")
    batch: int = option(32, "images in a batch, over all processes")
    lr: float = option(0.01, "learning rate at the start")
    decay: float = option(0.96, "factor on the learning rate")
    decay_epochs: float = option(8.0, "epochs between two such steps")
    warmup: int = option(0, "steps in which the learning rate rises to its start (paper: none)")
    momentum: float = option(0.9, "of SGD")
    weight_decay: float = option(2e-4, "L2 penalty (Caffe's solver)")
    average: float = option(0.9999, "the Polyak average's largest decay; it warms up by itself")

    crop_area: tuple[float, float] = option((0.08, 1.0), "a crop's share of the image", nargs=2)
    crop_aspect: tuple[float, float] = option((0.75, 4 / 3), "a crop's width/height", nargs=2)
    photometric: float = option(0.5, "brightness, contrast and saturation change by up to this")
    flip: float = option(0.0, "probability of mirroring (not in the paper's recipe)")
    mean: tuple[float, ...] = option(
        (123.0, 117.0, 104.0), "subtracted, pixels being 0-255", nargs=3
    )
    scale: float = option(1.0, "multiplies pixels less their mean; 0.0157 gives about -2 to 2")

    seed: int = option(0, "decides every random number, whatever the number of processes")
    amp: bool = option(False, "mixed precision: bfloat16 autocast")
    compile: bool = option(False, "torch.compile the network")
    fsdp: bool = option(False, "shard the weights (FSDP2) instead of copying them (DDP)")
    workers: int = option(0, "processes that load images, for each training process")
    evaluate_every: int = option(0, "steps between evaluations; 0: once an epoch")
    save_every: int = option(0, "steps between checkpoints; 0: at each evaluation")
    stop_at: int = option(0, "leave after this step, as if interrupted")
    fresh: bool = option(False, "start anew even if --out holds a checkpoint")

    @property
    def settings(self) -> dict[str, float]:
        """The values of --set as numbers."""
        pairs = (text.partition("=") for text in self.set)
        return {name: float(value) if "." in value else int(value) for name, _, value in pairs}

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def parser(description: str, **defaults: Any) -> argparse.ArgumentParser:
    """Return a parser with an option per setting; `defaults` replace the recipe's."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    types = get_type_hints(Recipe)
    for each in fields(Recipe):
        default = defaults.get(each.name, each.default)
        _add(made, each, types[each.name], default)
    return made


def recipe_of(arguments: argparse.Namespace) -> Recipe:
    """Return the recipe in parsed arguments."""
    values: dict[str, Any] = {each.name: getattr(arguments, each.name) for each in fields(Recipe)}
    for name, value in values.items():
        values[name] = tuple(value) if isinstance(value, list) else value
    return Recipe(**values)


def parse(description: str, argv: Sequence[str] | None = None) -> Recipe:
    return recipe_of(parser(description).parse_args(argv))


def _add(made: argparse.ArgumentParser, each: Field[Any], kind: Any, default: Any) -> None:
    flag, text = f"--{each.name.replace('_', '-')}", each.metadata["help"]
    if kind is bool:
        made.add_argument(flag, action="store_true", default=default, help=text)
    elif "nargs" in each.metadata:
        count = each.metadata["nargs"]
        made.add_argument(flag, type=float, nargs=count, default=default, help=text)
    elif each.name == "set":
        made.add_argument(
            flag, action="extend", nargs="+", default=list(default), metavar="NAME=VALUE", help=text
        )
    else:
        made.add_argument(flag, type=kind, default=default, help=text)
