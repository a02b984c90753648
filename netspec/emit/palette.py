"""One colour per kind of op, for every picture.

The fills stay apart in lightness as well as in hue, so that a grey print and the common colour
deficiencies still tell them apart, and dark text reads on all of them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of op is drawn: its name in the legend, and its fill on each theme."""

    name: str
    light: str
    dark: str
    grey: str


KINDS: dict[str, Kind] = {
    "input": Kind("input, output", "#ffffff", "#1f242b", "#ffffff"),
    "conv1": Kind("conv 1×1", "#d3e5f5", "#1d3a57", "#e3e3e3"),
    "conv3": Kind("conv 3×3", "#9fc9ea", "#1f4f7d", "#c9c9c9"),
    "conv5": Kind("conv 5×5", "#6ea9da", "#2465a3", "#ababab"),
    "conv7": Kind("conv 7×7", "#4a88c7", "#2f7fcb", "#8c8c8c"),
    "linear": Kind("linear", "#79b878", "#276b3c", "#bebebe"),
    "attention": Kind("attention", "#d9dc7c", "#5d6413", "#d4d4d4"),
    "pool": Kind("pool", "#f2a65e", "#8f5310", "#b4b4b4"),
    "norm": Kind("norm", "#cfa3c4", "#7d4a92", "#cfcfcf"),
    "activation": Kind("activation", "#f7c6c4", "#6b1f1f", "#d9d9d9"),
    "dropout": Kind("dropout", "#fff4c9", "#5c5423", "#f6f6f6"),
    "join": Kind("concat, add, mul", "#dcdcdc", "#454b54", "#ececec"),
    "reshape": Kind("reshape", "#f5f5f2", "#2b3138", "#fbfbfb"),
    "block": Kind("block", "#e9ebf0", "#28303c", "#f1f1f1"),
    "other": Kind("other", "#e3d3ae", "#57523f", "#e0e0e0"),
}
