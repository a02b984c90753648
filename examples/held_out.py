"""Write held-out images with their labels, as `netspec bench --data` reads them.

    python examples/held_out.py --size 80 --out digits.npz
    netspec bench examples/googlenet_digits.yaml --set size=80 --set classes=10 \\
        --weights runs/digits/checkpoint.pt --data digits.npz --dtype float32,bf16,int8

The images are those by which train.py evaluates, in another order, less the mean and scaled as
there.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy
import torch
from recipe.data import open_held_out
from recipe.loading import Draw, Views
from recipe.options import Recipe
from recipe.views import normalise


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--data", default="digits", help="as train.py has it")
    parser.add_argument("--size", type=int, default=224, help="height and width of an image")
    parser.add_argument("--scale", type=float, default=1.0, help="as train.py has it")
    parser.add_argument("--most", type=int, default=360, help="how many images")
    parser.add_argument("--out", type=Path, default=Path("digits.npz"))
    options = parser.parse_args(argv)
    size = options.size, options.size
    _, held_out = open_held_out(options.data)
    recipe = Recipe(scale=options.scale)
    views = Views(held_out, size, recipe)
    # A directory has its images class by class.
    order = torch.randperm(len(held_out.labels), generator=torch.Generator().manual_seed(0))
    batch = views[[Draw(i) for i in order[: options.most].tolist()]]
    images = normalise(batch.images, recipe)
    numpy.savez(options.out, images=images.numpy(), labels=batch.labels.numpy())


if __name__ == "__main__":
    main()
