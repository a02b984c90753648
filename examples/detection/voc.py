"""PASCAL VOC's layout: Annotations/*.xml, JPEGImages/*.jpg and lists in ImageSets/Main/*.txt."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from recipe.errors import UserError

from detection.annotated import Annotated, Entry, Labelled, annotated

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


class _Object(NamedTuple):
    name: str
    box: tuple[float, ...]
    difficult: bool


class _Annotation(NamedTuple):
    size: tuple[int, int]
    objects: list[_Object]


def voc(path: Path) -> Annotated:
    """Return the pictures of a directory such as VOC2007, or of one of its lists.

    The classes are those of the whole directory, so that all of its lists agree.
    """
    root = _root(path)
    files = sorted((root / "Annotations").glob("*.xml"))
    if not files:
        raise UserError(f"{path}: no Annotations/*.xml; expected a directory such as VOC2007")
    read = {file.stem: _annotation(file) for file in files}
    chosen = [*read] if path.is_dir() else _listed(path, root, read)
    names = sorted({each.name for annotation in read.values() for each in annotation.objects})
    labels = {name: label for label, name in enumerate(names, 1)}
    entries = [
        Entry(f"{stem}.jpg", number, read[stem].size) for number, stem in enumerate(chosen, 1)
    ]
    found = [
        Labelled(place, each.box, labels[each.name], each.difficult)
        for place, stem in enumerate(chosen)
        for each in read[stem].objects
    ]
    return annotated(path, dict(enumerate(names, 1)), root / "JPEGImages", entries, found)


def _root(path: Path) -> Path:
    """Return a directory, or the one that a list belongs to."""
    above = (path, *path.absolute().parents)
    return next((folder for folder in above if (folder / "Annotations").is_dir()), path)


def _listed(path: Path, root: Path, known: dict[str, _Annotation]) -> list[str]:
    """Return the pictures of a list, which has one in each line, first."""
    lines = path.read_text("utf-8", "replace").splitlines()
    stems = [line.split()[0] for line in lines if line.strip()]
    for place, stem in enumerate(stems, 1):
        if stem not in known:
            raise UserError(f"{path}:{place}: {root / 'Annotations'} has no {stem[:80]}.xml")
    return [*dict.fromkeys(stems)]


def _annotation(file: Path) -> _Annotation:
    """Read a picture's size and objects."""
    try:
        root = ElementTree.parse(file).getroot()
        width, height = (int(_number(root, f"size/{side}")) for side in ("width", "height"))
        if min(width, height) < 1:
            raise ValueError(f"<size> is {width}x{height}, expected pixels")
        return _Annotation((width, height), [_object(each) for each in root.findall("object")])
    except (ElementTree.ParseError, ValueError) as error:
        raise UserError(f"{file}: {error}") from None


def _object(element: Element) -> _Object:
    """Read an object; VOC counts pixels from 1, and includes the last."""
    corners = [_number(element, f"bndbox/{corner}") for corner in _CORNERS]
    left, top, right, bottom = corners
    difficult = element.findtext("difficult", "0").strip() == "1"
    return _Object(_text(element, "name"), (left - 1, top - 1, right, bottom), difficult)


def _text(element: Element, path: str) -> str:
    text = (element.findtext(path) or "").strip()
    if not text:
        raise ValueError(f"<{element.tag}> has no <{path}>")
    return text


def _number(element: Element, path: str) -> float:
    text = _text(element, path)
    with suppress(ValueError):
        if math.isfinite(value := float(text)):
            return value
    raise ValueError(f"<{path}> is {text[:80]!r}, expected a number")
