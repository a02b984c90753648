"""Batches in an order that only the seed and the step decide, for any number of processes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from tqdm import tqdm

from netspec.text.diagnostics import escape
from recipe.crops import CROPS, cut
from recipe.data import Corrupt, Data, Images, Size
from recipe.errors import UserError
from recipe.options import Recipe
from recipe.pace import Pace
from recipe.randomness import permutation, seed_for
from recipe.views import training_view

NO_LABEL = -100  # what cross_entropy ignores: fills up the last batch of an evaluation


class Draw(NamedTuple):
    """One look at an image: the seed decides its crop and colours, without one it is its middle."""

    image: int
    seed: int | None = None
    counts: bool = True


class Batch(NamedTuple):
    """Images (N, 3, height, width) in uint8, their labels; what was unreadable; what it took."""

    images: Tensor
    labels: Tensor
    corrupt: list[str]
    seconds: float


class Views(Dataset[Batch]):
    """Images as the network sees them, a batch at a time.

    In training, one that cannot be read is replaced by another, which its draw decides; in
    evaluation it does not count.
    """

    def __init__(self, images: Images, size: Size, recipe: Recipe) -> None:
        self.images, self.size, self.recipe = images, size, recipe
        self.most_corrupt = min(recipe.max_corrupt, len(images.labels) - 1)

    def __getitem__(self, draws: Sequence[Draw]) -> Batch:
        start, corrupt = time.perf_counter(), list[str]()
        views, labels = zip(*(self._look(draw, corrupt) for draw in draws), strict=True)
        # The layout of pixels in memory stays a decoded image's, channels last.
        images = torch.stack([view.permute(1, 2, 0) for view in views]).permute(0, 3, 1, 2)
        return Batch(images, torch.tensor(labels), corrupt, time.perf_counter() - start)

    def _look(self, draw: Draw, corrupt: list[str]) -> tuple[Tensor, int]:
        """Return a view and its label; put what cannot be read on a list."""
        for index in self._candidates(draw):
            try:
                image = self.images.read(index)
            except Corrupt as error:
                corrupt.append(str(error))
                continue
            label = int(self.images.labels[index])
            if draw.seed is None:
                return cut(image, CROPS[1], self.size, self.images.margin)[0], label
            return training_view(image, self.size, self.recipe, draw.seed), label
        return torch.zeros(3, *self.size, dtype=torch.uint8), NO_LABEL

    def _candidates(self, draw: Draw) -> Iterator[int]:
        """The image of a draw that counts, and in training what stands in for it."""
        if draw.counts:
            yield draw.image
        if draw.seed is not None:
            start = seed_for("instead", draw.seed)
            for attempt in range(self.most_corrupt + 1):
                yield (start + attempt) % len(self.images.labels)


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
            raise UserError(
                f"--batch {batch} must be at most the number of images, {length}, "
                f"and a multiple of that of the processes, {share.size}"
            )

    @property
    def steps_per_epoch(self) -> int:
        return self.length // self.batch

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[Draw]]:
        known = -1, torch.empty(0)
        for step in self.steps:
            epoch, place = divmod(step, self.steps_per_epoch)
            if known[0] != epoch:
                known = (epoch, permutation(self.length, seed_for(self.seed, "order", epoch)))
            batch = known[1][place * self.batch : (place + 1) * self.batch]
            mine = batch[self.share.rank :: self.share.size]
            yield [Draw(i, seed_for(self.seed, "view", epoch, i)) for i in mine.tolist()]


class HeldOutOrder(Sampler[list[Draw]]):
    """Every image once; batches are filled up with images that do not count."""

    def __init__(self, length: int, batch: int, share: Share) -> None:
        self.length, self.batch, self.share = length, batch, share

    def __len__(self) -> int:
        return -(-self.length // self.batch)

    def __iter__(self) -> Iterator[list[Draw]]:
        for start in range(0, len(self) * self.batch, self.batch):
            mine = range(start, start + self.batch)[self.share.rank :: self.share.size]
            yield [Draw(min(i, self.length - 1), counts=i < self.length) for i in mine]


class Batches:
    """Uint8 images (N, 3, height, width) with labels; its processes live while it is iterated.

    Names what cannot be read, once; raises UserError when that is more than --max-corrupt. Each
    training process counts what it has met itself.
    """

    def __init__(
        self, views: Views, order: Sampler[list[Draw]], pace: Callable[[], Pace] | None = None
    ) -> None:
        self.most_corrupt, self.pace, self.corrupt = views.most_corrupt, pace, dict[str, None]()
        self.loader: DataLoader[Batch] = DataLoader(
            views,
            sampler=order,
            batch_size=None,  # an entry of the order is a batch
            num_workers=views.recipe.workers,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_heed_the_parent_alone,
        )

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        pace = self.pace() if self.pace else None
        for batch in self.loader:
            for found in batch.corrupt:
                self._count(found)
            start = time.perf_counter()
            yield batch.images, batch.labels
            if pace is not None:
                pace.add(len(batch.labels), batch.seconds, time.perf_counter() - start)

    def _count(self, found: str) -> None:
        """Count an unreadable image, if it is a new one."""
        if found in self.corrupt:
            return
        self.corrupt[found] = None
        count, most = len(self.corrupt), self.most_corrupt
        if count > most:
            raise UserError(
                f"{count} images cannot be read and {most} may (--max-corrupt): fix or remove "
                f"them, the last is {found}"
            )
        tqdm.write(f"unreadable image, {count} of at most {most}: {escape(found)}", file=sys.stderr)


def training_loader(recipe: Recipe, data: Data, size: Size, share: Share, steps: range) -> Batches:
    order = TrainingOrder(len(data.train.labels), recipe.batch, recipe.seed, share, steps)
    pace = partial(Pace, recipe.workers, share.size) if share.rank == 0 else None
    return Batches(Views(data.train, size, recipe), order, pace)


def held_out_loader(recipe: Recipe, data: Data, size: Size, share: Share) -> Batches:
    order = HeldOutOrder(len(data.held_out.labels), recipe.batch, share)
    return Batches(Views(data.held_out, size, recipe), order)


def _heed_the_parent_alone(_worker: int) -> None:
    """Leave the signals that a terminal or a scheduler sends to all processes to the trainer."""
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":  # others cannot tell who sent a signal
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)
