"""The proposals of many pictures: selective search's, then MultiBox's; in a file, or found now."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from PIL import Image
from recipe import checkpoint
from recipe.data import Corrupt
from recipe.errors import UserError
from torch import Tensor
from tqdm import tqdm

from detection import multibox, proposals
from detection.layouts import Pictures
from netspec.text.diagnostics import counted, escape

Propose = Callable[[Image.Image], Tensor]
"""Gives the boxes of a picture that may hold an object, (n, 4)."""


def proposer(arguments: Namespace, device: torch.device) -> Propose:
    """Return selective search, or the network of --multibox, or both, one after the other."""
    if arguments.multibox is None:
        return proposals.propose
    learnt = multibox.proposer(arguments.multibox, arguments, device)
    if arguments.alone:
        return learnt
    return lambda picture: torch.cat([proposals.propose(picture), learnt(picture)])


def propose_all(pictures: Pictures, propose: Propose, workers: int) -> list[Tensor]:
    """Return the proposals of all pictures; OpenCV and PyTorch let threads run side by side."""

    def proposed(index: int) -> Tensor:
        picture = readable(pictures, index)
        return torch.empty(0, 4) if picture is None else propose(picture)

    with ThreadPoolExecutor(max(workers, 1)) as pool:
        found = pool.map(proposed, range(len(pictures)))
        return list(tqdm(found, "proposing", len(pictures), unit="picture", disable=None))


def readable(pictures: Pictures, index: int) -> Image.Image | None:
    """Return a picture, or say that it cannot be read."""
    try:
        return pictures.read(index)
    except Corrupt as error:
        tqdm.write(escape(f"left out: {error}"), file=sys.stderr)
        return None


def told(pictures: Pictures, found: Sequence[Tensor]) -> str:
    """Say how many proposals there are, and how many of the objects they overlap by half."""
    hits = torch.cat([proposals.found(pictures.boxes(i), boxes) for i, boxes in enumerate(found)])
    text = (
        f"{counted(len(found), 'picture')}, {sum(map(len, found)) / len(found):.1f} proposals each"
    )
    return text + f", for {hits.float().mean():.1%} of {counted(len(hits), 'object')}" * bool(
        len(hits)
    )


def write(path: Path, pictures: Pictures, found: Sequence[Tensor]) -> None:
    names = [pictures.name(index) for index in range(len(pictures))]
    checkpoint.write(path, {"proposals": dict(zip(names, found, strict=True))})


def read(path: Path, pictures: Pictures) -> list[Tensor]:
    """Return what `propose` wrote for these pictures, and for others."""
    found = checkpoint.read(path).get("proposals")
    if not isinstance(found, dict):
        raise UserError(f"{path} holds no proposals: name what `detect.py propose` wrote")
    names = [pictures.name(index) for index in range(len(pictures))]
    if missing := [name for name in names if name not in found]:
        raise UserError(
            f"{path} has no proposals for {len(missing)} of {len(names)} pictures, such as "
            f"{missing[0]}: `detect.py propose` makes them"
        )
    return [found[name] for name in names]
