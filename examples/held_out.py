"""Write held-out images with their labels, as `netspec bench --data` reads them.

    python examples/held_out.py --size 80 --out digits.npz
    netspec bench examples/googlenet_digits.yaml --set size=80 --set classes=10 \\
        --weights runs/digits/checkpoint.pt --data digits.npz --dtype float32,bf16,int8

The images are those by which train.py evaluates, in another order, less the mean and scaled as
there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy
import torch
from recipe import options
from recipe.arguments import whole
from recipe.data import open_held_out
from recipe.errors import command
from recipe.loading import Draw, Views
from recipe.views import normalise


def main(argv: Sequence[str] | None = None) -> None:
    parser = options.parser(str(__doc__).partition("\n")[0], ("data", "mean", "scale"))
    parser.add_argument("--size", type=whole(1, 4096), default=224, help="height and width")
    parser.add_argument("--most", type=whole(1), default=360, help="how many images")
    parser.add_argument("--out", type=Path, dest="file", default=Path("digits.npz"))
    arguments = parser.parse_args(argv)
    recipe = options.recipe_of(arguments)
    _, held_out = open_held_out(recipe.data)
    views = Views(held_out, (arguments.size, arguments.size), recipe)
    # A directory has its images class by class.
    order = torch.randperm(len(held_out.labels), generator=torch.Generator().manual_seed(0))
    batch = views[[Draw(i) for i in order[: arguments.most].tolist()]]
    images = normalise(batch.images, recipe)
    numpy.savez(arguments.file, images=images.numpy(), labels=batch.labels.numpy())


if __name__ == "__main__":
    command(main)
