"""What the network sees of an image in training; `crops` has what it sees in evaluation."""

from __future__ import annotations

import math
from random import Random

import torch
from PIL import Image, ImageEnhance
from torch import Tensor

from recipe.crops import pixels
from recipe.data import Size
from recipe.options import Recipe

Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels of the image

# Pillow widens each filter by the factor of shrinking, so that nothing but "nearest" aliases.
INTERPOLATIONS = {
    "area": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
    "bicubic": Image.Resampling.BICUBIC,
}
_COLOURS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)

# The principal components of ImageNet's colours, pixels being 0-1: github.com/facebookarchive/
# fb.resnet.torch, datasets/imagenet.lua; a row for red, green and blue, a column per component.
_SPREAD = (0.2175, 0.0188, 0.0045)
_COMPONENTS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)


def training_view(image: Image.Image, size: Size, recipe: Recipe, seed: int) -> Tensor:
    """The paper's section 6: a crop, resized in a random way, and photometric distortions.

    These are Howard's ("Some Improvements on Deep Convolutional Neural Network Based Image
    Classification", 2013, section 2.2), made with his library: brightness, contrast and colour in
    random order, then Krizhevsky's lighting noise. The mirror is Caffe's. Returns uint8
    (3, height, width).
    """
    draw = Random(seed)
    box = crop(image.size, recipe, draw)
    seen = image.resize(size[::-1], _interpolation(recipe, draw), box)
    seen = _coloured(seen, recipe.photometric, draw)
    seen = _lit(seen, recipe.lighting, draw)
    if draw.random() < recipe.flip:
        seen = seen.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return pixels(seen)


def crop(extent: tuple[int, int], recipe: Recipe, draw: Random) -> Box:
    """Draw a crop of an image of `extent` (width, height); every crop has the aspect asked for.

    Its area is even between the recipe's shares, up to the largest crop of an allowed aspect, the
    logarithm of its aspect even between what fits that area, its place even in the image.
    """
    width, height = extent
    own, (narrowest, widest) = width / height, recipe.crop_aspect
    nearest = min(max(own, narrowest), widest)
    largest = min(nearest / own, own / nearest)
    share = draw.uniform(*(min(limit, largest) for limit in recipe.crop_area))
    fitting = max(narrowest, share * own), min(widest, own / share)
    aspect = math.exp(draw.uniform(*map(math.log, fitting)))
    wide = min(width, max(1, math.sqrt(share * width * height * aspect)))
    tall = min(height, max(1, math.sqrt(share * width * height / aspect)))
    left, top = draw.uniform(0, width - wide), draw.uniform(0, height - tall)
    return left, top, min(width, left + wide), min(height, top + tall)


def normalise(images: Tensor, recipe: Recipe) -> Tensor:
    """Return floats of uint8 images (N, 3, height, width), as the network takes them."""
    mean, scale = (
        torch.tensor(values, device=images.device).view(-1, 1, 1)
        for values in (recipe.mean, recipe.scale)
    )
    layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
    return ((images - mean) * scale).contiguous(memory_format=layout)


def _interpolation(recipe: Recipe, draw: Random) -> Image.Resampling:
    name = recipe.interpolation
    return INTERPOLATIONS[draw.choice([*INTERPOLATIONS]) if name == "random" else name]


def _coloured(image: Image.Image, amount: float, draw: Random) -> Image.Image:
    """Change brightness, contrast and colour in random order, each by up to `amount`."""
    for enhance in draw.sample(_COLOURS, len(_COLOURS)) if amount else ():
        image = enhance(image).enhance(draw.uniform(1 - amount, 1 + amount))
    return image


def _lit(image: Image.Image, amount: float, draw: Random) -> Image.Image:
    """Add to all pixels one colour, drawn along the principal components of ImageNet's."""
    if not amount:
        return image
    drawn = [255 * spread * draw.gauss(0, amount) for spread in _SPREAD]
    shifts = [sum(map(float.__mul__, row, drawn)) for row in _COMPONENTS]
    return image.point([round(value + shift) for shift in shifts for value in range(256)])
