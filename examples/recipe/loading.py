"""Batches in an order that only the seed and the step decide, for any number of processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from recipe.data import Data, Images, Size
from recipe.options import Recipe
from recipe.randomness import drawn_from, permutation, seed_for
from recipe.views import held_out_view, training_view

NO_LABEL = -100  # what cross_entropy ignores: fills up the last batch of an evaluation


class Draw(NamedTuple):
    """One look at an image; the seed decides its crop and colours."""

    image: int
    seed: int
    counts: bool = True


class Views(Dataset[tuple[Tensor, int]]):
    """Images as the network sees them."""

    def __init__(self, images: Images, size: Size, view: nn.Module, recipe: Recipe) -> None:
        self.images, self.size, self.view = images, size, view
        self.mean, self.scale = torch.tensor(recipe.mean).view(3, 1, 1), recipe.scale

    def __getitem__(self, draw: Draw) -> tuple[Tensor, int]:
        image = self.images.image(draw.image, self.size)[None]
        with drawn_from(draw.seed):
            seen = self.view(image)[0]
        label = self.images.labels[draw.image] if draw.counts else NO_LABEL
        return (seen * 255 - self.mean) * self.scale, label


@dataclass(frozen=True)
class Share:
    """Which images of each global batch a process takes: every `size`-th, from `rank` on."""

    rank: int = 0
    size: int = 1


class TrainingOrder(Sampler[list[Draw]]):
    """A new permutation each epoch; what does not fill a batch waits for the next epoch."""

    def __init__(self, length: int, batch: int, seed: int, share: Share, steps: range) -> None:
        self.length, self.batch, self.seed, self.share, self.steps = (
            length,
            batch,
            seed,
            share,
            steps,
        )
        if batch > length or batch % share.size:
            raise SystemExit(
                f"a batch of {batch} needs as many images and {share.size} equal parts"
            )

    @property
    def steps_per_epoch(self) -> int:
        return self.length // self.batch

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[Draw]]:
        known: tuple[int, list[int]] = (-1, [])
        for step in self.steps:
            epoch, place = divmod(step, self.steps_per_epoch)
            if known[0] != epoch:
                known = (epoch, permutation(self.length, seed_for(self.seed, "order", epoch)))
            batch = known[1][place * self.batch : (place + 1) * self.batch]
            mine = batch[self.share.rank :: self.share.size]
            yield [Draw(i, seed_for(self.seed, "view", epoch, i)) for i in mine]


class HeldOutOrder(Sampler[list[Draw]]):
    """Every image once; batches are filled up with images that do not count."""

    def __init__(self, length: int, batch: int, share: Share) -> None:
        self.length, self.batch, self.share = length, batch, share

    def __len__(self) -> int:
        return -(-self.length // self.batch)

    def __iter__(self) -> Iterator[list[Draw]]:
        for start in range(0, len(self) * self.batch, self.batch):
            mine = range(start, start + self.batch)[self.share.rank :: self.share.size]
            yield [Draw(min(i, self.length - 1), 0, counts=i < self.length) for i in mine]


Loader = DataLoader[tuple[Tensor, int]]


def training_loader(recipe: Recipe, data: Data, size: Size, share: Share, steps: range) -> Loader:
    order = TrainingOrder(len(data.train.labels), recipe.batch, recipe.seed, share, steps)
    return _loader(Views(data.train, size, training_view(recipe, size), recipe), order, recipe)


def held_out_loader(recipe: Recipe, data: Data, size: Size, share: Share) -> Loader:
    images = data.held_out
    order = HeldOutOrder(len(images.labels), recipe.batch, share)
    view = held_out_view(size, images.margin)
    return _loader(Views(images, size, view, recipe), order, recipe)


def _loader(views: Views, order: Sampler[list[Draw]], recipe: Recipe) -> Loader:
    return DataLoader(
        views,
        batch_sampler=order,
        num_workers=recipe.workers,
        persistent_workers=recipe.workers > 0,
        pin_memory=torch.cuda.is_available(),
    )
