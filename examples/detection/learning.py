"""The two trainings of detection: the classifier of regions, and MultiBox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch
from numpy.typing import NDArray
from PIL import Image
from recipe import checkpoint, optimizing
from recipe.data import Data, Size
from recipe.distributed import World
from recipe.errors import UserError
from recipe.loading import Batches, Share, training_loader
from recipe.networks import Network
from recipe.options import Recipe
from recipe.polyak import Average
from recipe.randomness import drawn_from, seed_for
from recipe.trainer import Trainer
from recipe.views import normalise
from torch import Tensor
from tqdm import tqdm

from detection import multibox
from detection.layouts import Pictures
from detection.regions import region_data

WHOLE = {"crop_area": (1.0, 1.0), "crop_aspect": (1.0, 1.0)}
"""What is shown is not cropped: a region is a crop, and MultiBox sees whole pictures."""


def learn_regions(
    recipe: Recipe, network: Network, pictures: Pictures, proposals: Sequence[Tensor], world: World
) -> None:
    """Train the classifier of regions, which is a training like any other, resumed as any."""
    if (found := _widths(network)) != [1 + len(pictures.classes)]:
        raise UserError(
            f"{recipe.module or recipe.spec} gives {found} numbers for a region, expected "
            f"[{1 + len(pictures.classes)}]: a classifier with a parameter `classes`"
        )
    data = region_data(pictures, proposals, network.size, recipe.mean)
    trainer = Trainer(recipe, network, data, world)
    trainer.resume()
    trainer.run()


@dataclass(frozen=True)
class Whole:
    """Whole pictures, stretched to the network's input; the label of each is its place."""

    pictures: Pictures
    size: Size
    labels: NDArray[numpy.int64]
    margin: float = 1.0

    def read(self, index: int) -> Image.Image:
        return self.pictures.read(index).resize(self.size[::-1], Image.Resampling.BILINEAR)


def learn_multibox(recipe: Recipe, network: Network, pictures: Pictures, world: World) -> None:
    """Train MultiBox in one process; its checkpoint is written when it has learnt."""
    if world.is_distributed:
        raise UserError("MultiBox is trained by one process: start it without torchrun")
    device = world.device
    truths = [_shares(pictures, index) for index in range(len(pictures))]
    model, per_epoch = network.model.to(device), len(pictures) // recipe.batch
    priors = _priors(recipe, network, torch.cat(truths)).to(device)
    average = Average(model, recipe.average)
    optimizer = optimizing.optimizer(model, recipe)
    schedule = optimizing.schedule(optimizer, recipe, per_epoch)
    steps = range(round(recipe.epochs * per_epoch))
    bar = tqdm(_loaded(recipe, network.size, pictures, steps), unit="batch")
    for step, (images, places) in enumerate(bar):
        batch = [truths[place] for place in places.tolist()]
        images, batch = _mirrored(images, batch, recipe, step)
        torch.manual_seed(seed_for(recipe.seed, "step", step))
        optimizer.zero_grad()
        outputs = model.train()(normalise(images.to(device), recipe))
        loss = multibox.loss(outputs, batch, priors)
        if not loss.isfinite():
            raise UserError(f"the loss is {loss} at step {step}: lower --lr or --scale")
        torch.autograd.backward(loss)
        optimizing.clip(model, recipe)
        optimizer.step()
        schedule.step()
        average.update(model)
        bar.set_postfix(loss=f"{loss:.3g}", refresh=False)
    weights = {"state_dict": average.module.state_dict(), "priors": priors.cpu()}
    about = {"recipe": recipe.to_dict(), "classes": ()}
    checkpoint.write(Path(recipe.out) / "checkpoint.pt", weights | about)


def _shares(pictures: Pictures, index: int) -> Tensor:
    """Return the true boxes of a picture in shares of its sides."""
    return pictures.boxes(index) / torch.tensor(pictures.size(index) * 2)


def _priors(recipe: Recipe, network: Network, truths: Tensor) -> Tensor:
    """Return a prior for each box that the network has, in mirrored pictures too."""
    distances, *count = _widths(network)
    if [distances] != [4 * number for number in count]:
        raise UserError(
            f"{recipe.module or recipe.spec} gives {[distances, *count]} numbers for a picture, "
            "expected four distances and one confidence a box, as examples/multibox.yaml gives"
        )
    if recipe.flip:
        truths = torch.cat([truths, _mirror(truths)])
    return multibox.priors_of(truths, count[0], recipe.seed)


@torch.inference_mode()
def _widths(network: Network) -> list[int]:
    """Return how many numbers each output of a network gives for an image in inference."""
    outputs = network.model.eval()(torch.zeros(1, 3, *network.size))
    return [output[0].numel() for output in ([outputs] if torch.is_tensor(outputs) else outputs)]


def _loaded(recipe: Recipe, size: Size, pictures: Pictures, steps: range) -> Batches:
    """Return the batches of some steps: whole pictures, and which they are."""
    whole = Whole(pictures, size, numpy.arange(len(pictures)))
    unmirrored = recipe.model_copy(update={"flip": 0.0})  # boxes are mirrored with their picture
    return training_loader(unmirrored, Data((), whole, whole), size, Share(), steps)


def _mirrored(
    images: Tensor, truths: list[Tensor], recipe: Recipe, step: int
) -> tuple[Tensor, list[Tensor]]:
    """Mirror some pictures of a batch with their boxes."""
    with drawn_from(seed_for(recipe.seed, "mirror", step)):
        chosen = torch.rand(len(images)) < recipe.flip
    images = torch.where(chosen.view(-1, 1, 1, 1), images.flip(3), images)
    pairs = zip(chosen.tolist(), truths, strict=True)
    return images, [_mirror(boxes) if turned else boxes for turned, boxes in pairs]


def _mirror(shares: Tensor) -> Tensor:
    left, top, right, bottom = shares.unbind(1)
    return torch.stack([1 - right, top, 1 - left, bottom], 1)
