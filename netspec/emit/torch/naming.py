"""Names of the generated code: classes from paths, local variables that shadow nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable

RESERVED_LOCALS = frozenset(("self", "torch", "nn", "F", "Tensor", "NamedTuple", "range", "super"))


def class_name(path: Iterable[str]) -> str:
    """Return a class name from a path: GoogLeNet, stem → GoogLeNetStem."""
    words = [word for part in path for word in re.split(r"_", part) if word]
    return "".join(word[0].upper() + word[1:] for word in words)


def unique(text: str, taken: set[str]) -> str:
    """Return the text, or the text with underscores so that it is new; it is then taken."""
    while text in taken:
        text += "_"
    taken.add(text)
    return text
