"""COCO's layout: a json file, and its pictures beside it or in a directory called as the part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from pydantic import FiniteFloat, PositiveInt, TypeAdapter, ValidationError
from recipe.errors import UserError
from recipe.index import few

from detection.annotated import Annotated, Entry, Labelled, annotated

_SHOWN = 3  # mistakes in a file


@dataclass(frozen=True, slots=True)
class _Image:
    id: int
    file_name: str
    width: PositiveInt
    height: PositiveInt


@dataclass(frozen=True, slots=True)
class _Annotation:
    image_id: int
    category_id: int
    bbox: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]  # left, top, width, height
    iscrowd: bool = False


@dataclass(frozen=True, slots=True)
class _Category:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class _Instances:
    """What is read of a file; the rest, such as outlines, is passed over."""

    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


def coco(path: Path) -> Annotated:
    """Return the pictures of a file of instances, with its categories in the order of their ids."""
    instances = _instances(path)
    _refuse(path, _mistakes(instances))
    folder = _folder(path, instances.images)
    entries = [
        Entry(image.file_name, image.id, (image.width, image.height)) for image in instances.images
    ]
    classes = {
        each.id: each.name for each in sorted(instances.categories, key=lambda each: each.id)
    }
    return annotated(path, classes, folder, entries, _labelled(instances, sorted(classes)))


def _instances(path: Path) -> _Instances:
    """Read what a file says, or name the first places where it is not COCO's."""
    try:
        return TypeAdapter(_Instances).validate_json(path.read_bytes())
    except ValidationError as error:
        places = ((".".join(map(str, each["loc"])), each["msg"]) for each in error.errors())
        _refuse(path, (": ".join(filter(None, place)) for place in places))
        raise


def _refuse(path: Path, mistakes: Iterable[str]) -> None:
    """Raise UserError with the first of a file's mistakes, if there are any."""
    if found := [*mistakes]:
        more = [f"{path}: and {len(found) - _SHOWN} more mistakes"] if found[_SHOWN:] else []
        raise UserError(*(f"{path}: {mistake}" for mistake in found[:_SHOWN]), *more)


def _mistakes(instances: _Instances) -> Iterator[str]:
    """Say what a file says twice, and what it names that it does not have."""
    images = {image.id for image in instances.images}
    categories = {category.id for category in instances.categories}
    yield from _twice("images: the id", (each.id for each in instances.images))
    yield from _twice("images: the file_name", (each.file_name for each in instances.images))
    yield from _twice("categories: the id", (each.id for each in instances.categories))
    yield from _twice("categories: the name", (each.name for each in instances.categories))
    for place, each in enumerate(instances.annotations):
        if each.image_id not in images:
            yield f"annotations.{place}.image_id: no image has the id {each.image_id}"
        if each.category_id not in categories:
            yield f"annotations.{place}.category_id: no category has the id {each.category_id}"
    for place, image in enumerate(instances.images):
        name = PurePath(image.file_name)
        if name.is_absolute() or ".." in name.parts:
            yield f"images.{place}.file_name: {image.file_name[:80]!r} leads out of the pictures"


def _twice(what: str, values: Iterable[int | str]) -> Iterator[str]:
    if repeated := [str(value) for value, count in Counter(values).items() if count > 1]:
        yield f"{what} {few(repeated)} stands there twice"


def _folder(path: Path, images: Sequence[_Image]) -> Path:
    """Return where the pictures are: beside the file, or in `val2017` for `instances_val2017`."""
    part = path.stem.removeprefix("instances_")
    folders = (path.parent, path.parent / part, path.parent.parent / part)
    for folder in folders:
        if images and (folder / images[0].file_name).is_file():
            return folder
    first = images[0].file_name[:80] if images else "a picture"
    raise UserError(f"{path}: found {first} in none of {', '.join(map(str, folders))}")


def _labelled(instances: _Instances, categories: Sequence[int]) -> list[Labelled]:
    """Return the boxes by their corners."""
    places = {image.id: place for place, image in enumerate(instances.images)}
    labels = {category: label for label, category in enumerate(categories, 1)}
    found = []
    for each in instances.annotations:
        left, top, width, height = each.bbox
        box = (left, top, left + width, top + height)
        found.append(Labelled(places[each.image_id], box, labels[each.category_id], each.iscrowd))
    return found
