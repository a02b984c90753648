"""How long an image takes from its file to a batch, beside decoding alone and torchvision.

    python benchmarks/loading.py [DATA]

1. Milliseconds of one CPU for each image of 500x375 pixels, about 100 kB, or of the held-out ones
   of a directory that train.py reads: to decode it; for the crop and colours of training, with each
   interpolation; for the middle that an evaluation sees; and for what comes nearest among
   torchvision's transforms v2 (no lighting, bilinear, antialiased). Measured image by image.
2. Images per second of the training loader, by its number of processes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy
import torch
from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "examples")]

from recipe.data import Images, open_data  # noqa: E402
from recipe.loading import Batches, Draw, Share, TrainingOrder, Views  # noqa: E402
from recipe.options import Recipe  # noqa: E402
from recipe.views import INTERPOLATIONS  # noqa: E402

from tests.torchvision import declared  # noqa: E402

SIZE = 224, 224
COUNT, ROUNDS = 40, 5
WORKERS = (0, 1, 2, 4)


def photograph(path: Path, seed: int) -> None:
    """Write noise at all scales, with the size and the bytes of an average image of ImageNet."""
    draw, width, height = numpy.random.default_rng(seed), 500, 375
    total = numpy.zeros((height, width, 3))
    for cells in (2, 4, 8, 16, 32, 64, 128, 256):
        small = draw.integers(0, 256, (cells, cells, 3), numpy.uint8)
        grown = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        total += numpy.asarray(grown, float) / cells**0.6
    total += draw.normal(0, 15, total.shape)
    total = 255 * (total - total.min()) / numpy.ptp(total)
    Image.fromarray(total.astype(numpy.uint8)).save(path, quality=95)


def photographs(root: Path) -> Images:
    for part in ("train", "val"):
        folder = root / part / "noise"
        folder.mkdir(parents=True)
        for seed in range(COUNT):
            photograph(folder / f"{seed}.jpg", seed)
    return open_data(str(root)).held_out


def theirs() -> Iterator[tuple[str, Callable[[Image.Image], object]]]:
    """Torchvision's published transforms for training and for evaluation, on Pillow's images."""
    from torchvision.transforms import v2

    training: list[Any] = [
        v2.RandomResizedCrop(SIZE, antialias=True),
        v2.ColorJitter(0.5, 0.5, 0.5),
        v2.RandomHorizontalFlip(),
        v2.PILToTensor(),
    ]
    held_out = [v2.Resize(256, antialias=True), v2.CenterCrop(SIZE), v2.PILToTensor()]
    yield "training, torchvision v2", v2.Compose(training)
    yield "held out, torchvision v2", v2.Compose(held_out)


def subjects(images: Images) -> dict[str, Callable[[int], object]]:
    """Return what is timed, each a function of an image's number."""
    made: dict[str, Callable[[int], object]] = {"decode alone": images.read}

    def ours(name: str) -> Callable[[int], object]:
        views = Views(images, SIZE, Recipe(interpolation=name))
        return lambda index: views[[Draw(index, index)]]

    made |= {f"training, {name}": ours(name) for name in ("random", *INTERPOLATIONS)}
    evaluated = Views(images, SIZE, Recipe())
    made["held out"] = lambda index: evaluated[[Draw(index)]]
    for name, view in theirs():
        made[name] = lambda index, view=view: view(images.read(index))
    return made


def milliseconds(made: dict[str, Callable[[int], object]], count: int) -> dict[str, float]:
    """Return the median of an image's CPU time, all subjects in turn."""
    found: dict[str, list[float]] = {name: [] for name in made}
    for index in [*range(count)] * ROUNDS:
        for name, make in made.items():
            start = time.thread_time()
            make(index)
            found[name].append(1000 * (time.thread_time() - start))
    return {name: median(times[count:]) for name, times in found.items()}


def images_a_second(images: Images, workers: int) -> float:
    """Return what a loader delivers once its processes run."""
    recipe, length = Recipe(workers=workers), len(images.labels)
    order = TrainingOrder(length, min(recipe.batch, length), 0, Share(), range(40))
    batches = iter(Batches(Views(images, SIZE, recipe), order))
    for _ in range(8):
        next(batches)
    start = time.perf_counter()
    counted = sum(len(labels) for _, labels in batches)
    return counted / (time.perf_counter() - start)


def report(images: Images) -> None:
    count = min(COUNT, len(images.labels))
    found = milliseconds(subjects(images), count)
    for name, taken in found.items():
        print(f"{name:26} {taken:6.2f} ms {taken / found['decode alone']:5.2f} × decoding")
    for workers in WORKERS:
        print(f"{workers} workers: {images_a_second(images, workers):,.0f} images/s")


def main(argv: Sequence[str]) -> None:
    torch.set_num_threads(1)
    with declared(), tempfile.TemporaryDirectory() as folder:
        report(open_data(argv[0]).held_out if argv else photographs(Path(folder)))


if __name__ == "__main__":
    main(sys.argv[1:])
