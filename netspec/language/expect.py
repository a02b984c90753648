"""`expect:` bounds of the numbers of a whole network."""

from __future__ import annotations

import re
from collections.abc import Sequence as Items
from fractions import Fraction
from typing import ClassVar

from netspec.language.keys import Kind, Reading, Schema, kind
from netspec.language.kinds import NUMBER
from netspec.language.terms import Argument
from netspec.text.codes import Code
from netspec.text.diagnostics import suggest
from netspec.text.syntax import Scalar, Tree

MAX_DEPTH = 1000
_BOUND = re.compile(
    r"(<=|>=|<|>)?\s*((?!0[0-9])[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,2})?)\s*([KMG])?", re.ASCII
)


_SYNONYMS = {
    "params": "parameters weights size n_params num_params nparams",
    "macs": "madds maccs mult_adds multiply_adds mul_adds gmacs mac muladds",
    "depth": "layers num_layers",
}


def metric_meant(name: str, value: Tree, absent: Items[str]) -> str:
    """Return the metric that another name stands for, with the number that follows."""
    word = name.lower()
    for metric, others in _SYNONYMS.items():
        if word in others.split():
            return f"did you mean `{metric}`?"
    if word.lstrip("gm") not in ("flops", "flop"):
        is_depth = (
            isinstance(value, Scalar) and type(value.value) is int and value.value <= MAX_DEPTH
        )
        meant = "did you mean `depth`?" if is_depth and "depth" in absent else ""
        return suggest(name, absent) or meant
    match = _BOUND.fullmatch(value.span.text.strip("'\"")[:64])
    unit = "G" if word[0] == "g" else "M" if word[0] == "m" else ""
    half = f"{match[1] or ''}{_halved(match[2])}{match[3] or unit}" if match else "half of it"
    return f"multiply-adds count once, and are two FLOPs: `macs: {half}`"


def _halved(number: str) -> str:
    half = Fraction(number) / 2
    return str(half) if half.denominator == 1 else str(float(half))


Bound = tuple[str, float, Argument]
"""A comparison with a number, and the number as written."""
_PATTERN = r"^(<=|>=|<|>)?\s*[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]{1,2})?\s*[KMG]?$"


class Bounded(Kind[Tree]):
    """A number, or a bound such as `<=1.6G`."""

    schema: ClassVar[Schema] = {"anyOf": [NUMBER, {"type": "string", "pattern": _PATTERN}]}

    def read(self, tree: Tree, reading: Reading) -> Bound | None:
        text = tree.span.text if isinstance(tree, Scalar) else ""
        match = _BOUND.fullmatch(text.strip("'\""))
        if match is None or len(text) > 64:
            message = "a bound is a positive number such as 6998552 or `<=1.6G`, "
            meant = text.strip("'\"").lstrip("-+=~ ")
            help = f"write `{meant}`" if len(text) <= 64 and _BOUND.fullmatch(meant) else ""
            reading.sink.error(Code.RANGE, f"{message}found {kind(tree)}", tree.span, help=help)
            return None
        number = float(match[2]) if "." in match[2] or "e" in match[2].lower() else int(match[2])
        scale = {"K": 10**3, "M": 10**6, "G": 10**9}.get(match[3] or "", 1)
        return match[1] or "==", number * scale, Argument(text, tree.span)
