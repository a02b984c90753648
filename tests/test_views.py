"""What the network sees of an image is what Pillow and the papers' formulas make of it."""

from __future__ import annotations

import math
import multiprocessing
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy
import pytest
import torch
from PIL import Image
from recipe import networks
from recipe.data import Corrupt, Data
from recipe.distributed import World
from recipe.errors import UserError
from recipe.loading import (
    NO_LABEL,
    Batches,
    Draw,
    Share,
    TrainingOrder,
    Views,
    held_out_loader,
    training_loader,
)
from recipe.options import Recipe, parse
from recipe.pace import Pace
from recipe.trainer import Trainer
from recipe.views import INTERPOLATIONS, crop, normalise, training_view
from torch import Tensor

from tests.support import mostly
from tests.training.support import SMALL, TINY, example, state

PLAIN = Recipe(photometric=0.0, lighting=0.0, flip=0.0, workers=0)
SIZE = 12, 20  # height, width


def recipe(**changes: object) -> Recipe:
    return PLAIN.model_copy(update=changes)


def noise(seed: int, width: int = 50, height: int = 37) -> Image.Image:
    pixels = numpy.random.default_rng(seed).integers(0, 256, (height, width, 3), numpy.uint8)
    return Image.fromarray(pixels)


def levels(view: Tensor) -> numpy.ndarray:
    """Return a view's pixels as (height, width, 3) numbers."""
    return view.permute(1, 2, 0).numpy().astype(float)


@dataclass
class Noise:
    """Images of noise, some of which cannot be read; notes what is asked for."""

    count: int = 23
    unreadable: frozenset[int] = frozenset()
    margin: float = 256 / 224
    asked: list[int] = field(default_factory=list)

    @property
    def labels(self) -> numpy.ndarray:
        return numpy.arange(self.count) % 10

    def read(self, index: int) -> Image.Image:
        self.asked.append(index)
        if index in self.unreadable:
            raise Corrupt(f"{index}.jpg", "truncated")
        return noise(index)


def data(**kind: object) -> Data:
    return Data(tuple("0123456789"), Noise(**kind), Noise(**kind))


# ---------------------------------------------------------------------------------------- crops


def evenness(values: list[float], low: float, high: float) -> float:
    """Return Kolmogorov's distance from the even distribution, in units of its 1 % limit."""
    found = (numpy.sort(values) - low) / (high - low)
    steps = numpy.arange(len(values) + 1) / len(values)
    distance = max(abs(found - steps[1:]).max(), abs(found - steps[:-1]).max())
    return float(distance * math.sqrt(len(values)) / 1.63)


EXTENTS = [(500, 375), (375, 500), (64, 64), (90, 1000), (2000, 30), (1, 1), (7, 1)]


@pytest.mark.parametrize("extent", EXTENTS)
def test_crops_have_the_area_and_the_aspect_asked_for(extent: tuple[int, int]) -> None:
    width, height = extent
    aspects = numpy.geomspace(0.75, 4 / 3, 1000) * height / width
    least = min(0.08, numpy.minimum(aspects, 1 / aspects).max())  # the largest crop's share
    for seed in range(400):
        left, top, right, bottom = crop(extent, PLAIN, Random(seed))
        assert 0 <= left < right <= width and 0 <= top < bottom <= height
        wide, tall = right - left, bottom - top
        assert min(wide, tall) >= 1 - 1e-9
        if min(wide, tall) > 1.001:  # no crop is thinner than a pixel
            assert 0.75 - 1e-6 <= wide / tall <= 4 / 3 + 1e-6
            assert wide * tall >= (least - 1e-6) * width * height


@pytest.mark.parametrize("seed", mostly(map(str, range(60)), range(300)))
def test_any_recipe_sees_any_image(seed: int) -> None:
    draw = Random(seed)
    width, height = (round(math.exp(draw.uniform(0, math.log(600)))) for _ in range(2))
    changes = {
        "crop_area": sorted(10 ** draw.uniform(-6, 0) for _ in range(2)),
        "crop_aspect": sorted(10 ** draw.uniform(-4, 3) for _ in range(2)),
        "photometric": draw.choice([0.0, 1.0]),
        "lighting": draw.choice([0.0, 10.0]),
    }
    size = draw.randint(1, 40), draw.randint(1, 40)
    seen = training_view(noise(seed, width, height), size, recipe(**changes), seed)
    assert seen.shape == (3, *size) and seen.dtype == torch.uint8


def test_crops_are_spread_evenly() -> None:
    boxes = [crop((500, 375), PLAIN, Random(seed)) for seed in range(4000)]
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in boxes]
    assert evenness(areas, 0.08 * 500 * 375, 500 * 375) < 1
    small = [box for box, area in zip(boxes, areas, strict=True) if area < 0.4 * 500 * 375]
    aspects = [math.log((right - left) / (bottom - top)) for left, top, right, bottom in small]
    assert evenness(aspects, math.log(3 / 4), math.log(4 / 3)) < 1
    assert evenness([left / (500 - right + left) for left, _, right, _ in boxes], 0, 1) < 1
    assert evenness([top / (375 - bottom + top) for _, top, _, bottom in boxes], 0, 1) < 1


# --------------------------------------------------------------------------------- interpolation

FILTERS = {  # half of the width, and the weight at a distance
    "area": (0.5, lambda x: float(-0.5 < x <= 0.5)),
    "bilinear": (1.0, lambda x: max(0.0, 1 - abs(x))),
    "bicubic": (2.0, lambda x: cubic(abs(x))),
}


def cubic(x: float) -> float:
    """Keys' cubic with a = -1/2."""
    return 1.5 * x**3 - 2.5 * x**2 + 1 if x < 1 else -0.5 * (x**3 - 5 * x**2 + 8 * x - 4)


def weights(name: str, size: int, start: float, end: float, length: int) -> numpy.ndarray:
    """Return the weight of each pixel of a line in each pixel that a part of it is resized to."""
    made, scale = numpy.zeros((size, length)), (end - start) / size
    for i in range(size):
        centre = start + (i + 0.5) * scale
        if name == "nearest":
            made[i, int(centre)] = 1
            continue
        half, weight = FILTERS[name]
        wider = max(1.0, scale)  # the filter covers what is shrunk: nothing aliases
        first = max(0, int(centre - half * wider + 0.5))
        for j in range(first, min(length, int(centre + half * wider + 0.5))):
            made[i, j] = weight((j + 0.5 - centre) / wider)
        made[i] /= made[i].sum()
    return made


@pytest.mark.parametrize("name", INTERPOLATIONS)
@pytest.mark.parametrize("extent", [(50, 37), (9, 8), (200, 31)])
def test_a_view_is_a_crop_resized_by_the_definition(name: str, extent: tuple[int, int]) -> None:
    for seed in range(5):
        image = noise(seed, *extent)
        seen = levels(training_view(image, SIZE, recipe(interpolation=name), seed))
        left, top, right, bottom = crop(extent, PLAIN, Random(seed))
        down = weights(name, SIZE[0], top, bottom, extent[1])
        across = weights(name, SIZE[1], left, right, extent[0])
        # Pillow rounds to bytes between the two directions, and clips there.
        halfway = numpy.einsum("xw,hwc->hxc", across, numpy.asarray(image, float)).clip(0, 255)
        expected = numpy.einsum("yh,hxc->yxc", down, halfway).clip(0, 255)
        assert seen.shape == (*SIZE, 3)
        assert abs(seen - expected).max() <= 1.6


def test_interpolation_and_mirror_are_drawn_with_equal_probability() -> None:
    image, whole = noise(0, 30, 30), {"crop_area": (1.0, 1.0), "crop_aspect": (1.0, 1.0)}
    expected = {}
    for name, method in INTERPOLATIONS.items():
        plain = numpy.asarray(image.resize((12, 12), method)).astype(float)
        expected |= {(name, False): plain, (name, True): plain[:, ::-1]}
    drawn = recipe(flip=0.5, interpolation="random", **whole)
    found: Counter[tuple[str, bool]] = Counter()
    for seed in range(1600):
        seen = levels(training_view(image, (12, 12), drawn, seed))
        found.update(key for key, pixels in expected.items() if (seen == pixels).all())
    assert found.total() == 1600
    assert all(abs(count - 200) < 4 * math.sqrt(200 * 7 / 8) for count in found.values()), found


# --------------------------------------------------------------------------------------- colours


def grey(pixels: numpy.ndarray) -> numpy.ndarray:
    """ITU-R 601's luma."""
    return (pixels @ [0.299, 0.587, 0.114])[..., None]


def distorted(pixels: numpy.ndarray, kind: str, factor: float) -> numpy.ndarray:
    """Move away from black, from the mean grey, or from each pixel's own grey."""
    neutral = {
        "brightness": numpy.zeros(1),
        "contrast": numpy.rint(numpy.rint(grey(pixels)).mean()),
        "colour": numpy.rint(grey(pixels)),
    }[kind]
    return numpy.floor((neutral + factor * (pixels - neutral)).clip(0, 255))


def test_photometric_distortions_are_howards() -> None:
    orders = set()
    for seed in range(60):
        drawn = recipe(photometric=0.5, interpolation="nearest")
        plain = recipe(interpolation="nearest")
        seen = levels(training_view(noise(seed), SIZE, drawn, seed))
        expected = levels(training_view(noise(seed), SIZE, plain, seed))
        draw = Random(seed)
        crop((50, 37), PLAIN, draw)
        kinds = draw.sample(("brightness", "contrast", "colour"), 3)
        orders.add(tuple(kinds))
        for kind in kinds:
            expected = distorted(expected, kind, draw.uniform(0.5, 1.5))
        assert abs(seen - expected).max() <= 3  # a byte too few, stretched by the next of the three
        assert abs(seen - expected).mean() <= 0.1
    assert len(orders) == 6


@pytest.mark.long
def test_lighting_is_spread_as_the_colours_of_imagenet() -> None:
    image = Image.new("RGB", (8, 8), (128, 128, 128))
    lit = recipe(lighting=0.2, interpolation="nearest")
    shifts = []
    for seed in range(4000):
        seen = levels(training_view(image, (2, 2), lit, seed)) - 128
        assert (seen == seen[0, 0]).all(), "one colour for the whole image"
        shifts.append(seen[0, 0])
    found = numpy.cov(numpy.array(shifts).T)
    # Krizhevsky et al. 2012, section 4.1: the components times N(0, deviation) times their spread.
    spread = 255 * 0.2 * numpy.array([0.2175, 0.0188, 0.0045])
    components = numpy.array(
        [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
    )
    rounding = numpy.eye(3) / 12
    numpy.testing.assert_allclose(
        found, components @ numpy.diag(spread**2) @ components.T + rounding, rtol=0.06
    )
    assert abs(numpy.mean(shifts, 0)).max() < 0.5


def test_normalising_subtracts_and_scales_by_channel_in_the_layout_asked_for() -> None:
    images = torch.randint(0, 256, (4, 3, 5, 7), dtype=torch.uint8)
    mean, scale = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.5, 2.0, 4.0])
    for is_last in (False, True):
        given = recipe(mean=(1.0, 2.0, 3.0), scale=(0.5, 2.0, 4.0), channels_last=is_last)
        found = normalise(images, given)
        expected = (images.float() - mean[:, None, None]) * scale[:, None, None]
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
        assert found.is_contiguous(memory_format=torch.channels_last) == is_last
    assert normalise(images, recipe(scale=2.0)).amax() <= 510


# --------------------------------------------------------------------------------------- loading


def loaded(loader: Batches) -> Iterator[tuple[Tensor, Tensor]]:
    for images, labels in loader:
        assert images.dtype == torch.uint8 and images.is_contiguous(
            memory_format=torch.channels_last
        )
        yield images, labels


def assert_same(one: Iterator, other: Iterator) -> None:
    for pairs in zip(one, other, strict=True):
        for mine, theirs in zip(*pairs, strict=True):
            assert torch.equal(mine, theirs)


ALONE, STEPS = Share(), range(6)  # 3 an epoch


@pytest.mark.parametrize("workers", mostly(["0"], [0, 1, 2, 3]))
def test_views_depend_on_seed_epoch_and_image_alone(workers: int) -> None:
    drawn = Recipe(batch=6, workers=workers)
    images = data(unreadable=frozenset({3, 8}))

    def loader(share: Share = ALONE, steps: range = STEPS, **changes: object) -> Iterator:
        used = drawn.model_copy(update=changes)
        return loaded(training_loader(used, images, SIZE, share, steps))

    whole = list(loader(workers=0))
    assert_same(whole, loader())
    assert_same(whole[4:], loader(steps=range(4, 6)))
    halves = [list(loader(Share(rank, 2))) for rank in (0, 1)]
    for (seen, labels), *parts in zip(whole, *halves, strict=True):
        for rank, (part, theirs) in enumerate(parts):
            assert torch.equal(seen[rank::2], part) and torch.equal(labels[rank::2], theirs)
    other = list(loader(seed=1))
    assert not any(torch.equal(a[0], b[0]) for a, b in zip(whole, other, strict=True))
    views = Views(images.train, SIZE, drawn)
    epochs = [views[[Draw(0, seed)]].images for seed in range(5)]
    assert not any(torch.equal(*pair) for pair in pairwise(epochs))
    held_out = held_out_loader(drawn, images, SIZE, ALONE)
    assert_same(loaded(held_out), loaded(held_out))


@pytest.mark.long
def test_workers_live_as_long_as_they_are_needed_whoever_else_sends_signals() -> None:
    drawn, images = Recipe(batch=4, workers=2), data()
    held_out = held_out_loader(drawn, images, SIZE, ALONE)
    training = iter(training_loader(drawn, images, SIZE, ALONE, STEPS))
    next(training)
    mine = {child.pid for child in multiprocessing.active_children()}
    assert len(mine) == 2
    assert len(list(held_out)) == 6
    assert {child.pid for child in multiprocessing.active_children()} == mine
    for name in ("-INT", "-TERM"):
        subprocess.run(["kill", name, *map(str, mine)], check=True)
    assert len(list(training)) == 5
    assert not multiprocessing.active_children()


@pytest.mark.long
def test_workers_end_where_the_program_ends_in_the_midst_of_a_batch() -> None:
    training = iter(training_loader(Recipe(batch=4, workers=2), data(), SIZE, ALONE, STEPS))
    next(training)
    for child in multiprocessing.active_children():
        child.terminate()
        child.join(20)
        assert not child.is_alive()


# --------------------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize("workers", mostly(["0"], [0, 2]))
def test_an_unreadable_image_is_named_once_and_replaced(
    workers: int, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = frozenset({3, 8, 9})
    images, drawn = data(unreadable=broken), Recipe(batch=23, workers=workers)
    order = TrainingOrder(23, 23, drawn.seed, ALONE, range(2))
    batches = training_loader(drawn, images, SIZE, ALONE, range(2))
    for draws, (views, labels) in zip(order, loaded(batches), strict=True):
        for draw, view, label in zip(draws, views, labels.tolist(), strict=True):
            stands_in = draw.image in broken
            shown = set(range(23)) - broken if stands_in else {draw.image}
            same = [i for i in shown if torch.equal(view, looked_at(i, drawn, draw))]
            assert [i % 10 for i in same] == [label]
    printed = capsys.readouterr().err.splitlines()
    assert [line.split(": ", 1)[0] for line in printed] == [
        f"unreadable image, {count} of at most 10" for count in (1, 2, 3)
    ]
    found = {line.split(": ", 1)[1] for line in printed}
    assert found == {f"{index}.jpg: truncated" for index in broken}


def looked_at(index: int, drawn: Recipe, draw: Draw) -> Tensor:
    assert draw.seed is not None
    return training_view(noise(index), SIZE, drawn, draw.seed)


def test_an_unreadable_held_out_image_does_not_count() -> None:
    images, drawn = data(unreadable=frozenset({3, 8})), Recipe(batch=5)
    for share in (Share(), Share(0, 5)):
        for _ in range(2):  # evaluations
            labels = torch.cat([each for _, each in held_out_loader(drawn, images, SIZE, share)])
            counted = [i for i in range(share.rank, 23, share.size) if i not in (3, 8)]
            assert labels[labels != NO_LABEL].tolist() == [i % 10 for i in counted]


@pytest.mark.parametrize("part", ["train", "held_out"])
@pytest.mark.parametrize(("most", "unreadable"), [(0, {3}), (2, {3, 8, 9}), (99, set(range(23)))])
def test_too_many_unreadable_images_stop_a_run(most: int, unreadable: set[int], part: str) -> None:
    images, drawn = data(unreadable=frozenset(unreadable)), Recipe(batch=23, max_corrupt=most)
    if part == "train":
        loader = training_loader(drawn, images, SIZE, ALONE, range(2))
    else:
        loader = held_out_loader(drawn, images, SIZE, ALONE)
    with pytest.raises(UserError, match=r"--max-corrupt.*\d\.jpg: truncated"):
        list(loader)


def test_training_goes_on_past_a_broken_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("train", "val"):
        for name in ("black", "white"):
            folder = tmp_path / "data" / part / name
            folder.mkdir(parents=True)
            for k in range(4):
                noise(k).save(folder / f"{k}.jpg")
    broken = tmp_path / "data" / "train" / "white" / "2.jpg"
    broken.write_bytes(broken.read_bytes()[:300])
    options = (*SMALL, "--data", tmp_path / "data", "--batch", 4, "--epochs", 2)
    example("train", *options, "--out", tmp_path / "run")
    assert capsys.readouterr().err.count(str(broken)) == 1
    assert state(tmp_path / "run")["step"] == 4
    with pytest.raises(UserError, match=r"2\.jpg"):
        example("train", *options, "--max-corrupt", 0, "--out", tmp_path / "other")


# ------------------------------------------------------------------------------------------ pace


def test_an_evaluation_reads_each_held_out_image_once() -> None:
    settings, images = parse("", [*map(str, TINY)]), data()
    world = World(Share(), torch.device("cpu"))
    trainer = Trainer(settings, networks.build(settings, 10), images, world)
    for _ in range(2):
        trainer.evaluate()
    assert Counter(images.held_out.asked) == dict.fromkeys(range(23), 2)


@pytest.mark.parametrize(
    ("workers", "loading", "line"),
    [
        (2, 0.5, "loader 40 images/s (2 workers), model 10 images/s: the model is the bound\n"),
        (0, 2.0, "loader 5 images/s (without --workers), model 10 images/s: "
         "the loader is the bound, --workers adds to it\n"),
    ],
)  # fmt: skip
def test_a_run_says_what_holds_it_up(
    workers: int, loading: float, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pace = Pace(workers, 1)
    pace.add(10, 1000.0, 1000.0)  # the first steps start things
    for _ in range(30):
        pace.add(10, loading, 1.0)
    assert capsys.readouterr().out == line
