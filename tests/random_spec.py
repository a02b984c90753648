"""A Hypothesis strategy of valid specs, which follows shapes while it writes.

Sizes are texts: channels are Python expressions over a block's parameters and its input's channels
`C`, and the image's size is the list of the strides on the way from the block's input. Layers with
a stride keep `ceil(size / stride)`, so what is joined needs equal lists only.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch
from hypothesis import strategies as st
from torch import nn

from netspec.language.grammar import InlineKeys

T = TypeVar("T")

EMITTED = (
    *("self", "x", "out", "i", "torch", "nn", "F", "Tensor", "NamedTuple", "range", "super"),
    *("self_", "x_", "out_", "i_", "torch_", "nn_", "F_", "Tensor_", "module", "isinstance"),
    *("Net", "NetOutput", "NetStem", "NetOutput_", "StochasticDepth", "in_channels", "in_features"),
    *("input", "left_channels", "image_features", "total_loss", "criterion", "fc_in_features"),
    *("training", "forward", "loss", "kwargs", "args", "cls", "add_module", "expand"),
    *("l", "I", "O"),
)
_KNOWN = {*EMITTED, *dir(builtins), *keyword.softkwlist, *dir(nn.Module), *dir(torch)}
_KEYS = {*InlineKeys.kinds()}
VOCABULARY = sorted(word for word in _KNOWN - _KEYS if re.fullmatch(r"[A-Za-z]\w*", word))
"""Names that Python, torch and the emitter use themselves."""
CLASSES = sorted({word for word in (*VOCABULARY, *dir(nn)) if word[0].isupper()})
_CAPITAL = [word for word in EMITTED if word[0].isupper()]

NAMES = (
    *("conv", "relu", "out", "x", "features", "self_", "torch", "nn", "F", "range", "Tensor"),
    *("self", "super", "print", "list", "i", "branch1", "reduce", "pool", "NamedTuple", "a", "b"),
    *("l", "I", "O"),
)
"""Names of layers, among them those that generated code uses itself."""

SAME = (
    *("relu", "{batch_norm2d: [], eps: 0.001}", "silu", "identity", "{leaky_relu: 0.2}", "sigmoid"),
    *(
        "batch_norm2d",
        "{group_norm: 2}",
        "{dropout: 0.2}",
        "dropout2d",
        "{chain: [dropout2d, {relu: [], inplace: true}]}",
    ),
    *("{local_response_norm: 3}", "{max_pool2d: 3, stride: 1, padding: 1}", "gelu", "hardswish"),
    *("{avg_pool2d: 3, stride: 1, padding: 1}", "prelu", "{batch_norm2d: [], affine: false}"),
    "layer_norm2d",
)
"""Modules that keep the shape of a feature map with an even number of channels."""

FUNCTIONS = (
    *("{scale: 0.5}", "{channel_shuffle: 2}", "{clamp: [], max: 6}", "neg", "{pow: 2}"),
    *("{roll: [1, 2]}", "normalize"),
)

TWO = (
    "{params: [out], inputs: [left, right], chain: {a: {conv2d: [$out, 1], from: left}, "
    "b: {conv2d: [$out, 3], padding: 1, from: right}, product: {mul: [], from: [b, a]}, "
    "cat: {concat: [], from: [product, left, right]}, end: {conv2d: [$out, 1]}}}"
)

WIDE = (
    "{inputs: [left, right], chain: {a: {conv2d: [$left_channels, 1], from: right}, "
    "b: {linear: $right_features, from: left}, sum: {add: [], from: [a, b]}, "
    "c: {conv2d: [$left_channels, 3], padding: 1, when: $right_channels != 8}, "
    "d: {batch_norm2d: [], when: $left_features > 8}, cat: {concat: [], from: [d, right]}}}"
)
"""A block that reads the widths of two inputs."""

GATED = "{chain: {gate: sigmoid, scaled: {mul: [], from: [input, gate]}}}"
"""A block that can be an argument."""

SHRINKING = (
    *(
        "{max_pool2d: 3, stride: 2, ceil_mode: true, padding: 1}",
        "{avg_pool2d: 2, ceil_mode: true}",
    ),
    *(
        "{adaptive_avg_pool2d: [[3, 5]]}",
        "{interpolate: [], scale_factor: 2}",
        "{pad: [[1, 0, 2, 1]]}",
    ),
    *(
        "{max_pool2d: [[1, 2]], stride: 1}",
        "{adaptive_max_pool2d: 4}",
        "{avg_pool2d: 1, stride: 2}",
    ),
)
"""Layers that change the size of a map."""

COUNTED = (("2 * $i + 1", "$i"), ("($i + 2) * 6 / 3 - 1", "1 * $i + 1")) * 2
"""Kernels of copies, which keep the size of a map."""
SERIES = ("unit0", "block1-0", "layer_9", "i1", "a3b7")
"""What copies may be called."""
KERNELS = (("1", "0"), ("3", "1"), ("[1, 3]", "[0, 1]"), ("[3, 1]", "[1, 0]"))

PARAMS = {
    "out": ("out", ("8", "12", "4")),
    "stride": ("s=1", ("1", "2")),
    "kernel": ("k=3, p=1", KERNELS),
    "flag": ("flag=false", ("true", "false")),
    "count": ("times=2", ("1", "2", "3")),
    "act": ("act=relu", ("Gated", "gelu", "relu", "identity", "silu")),
}
"""Parameters that a block may have: how it declares them, and what a use may give."""


@dataclass(frozen=True)
class Map:
    """A feature map that a layer can read. `unit` divides its channels."""

    name: str
    channels: str
    strides: tuple[str, ...] = ()
    unit: int = 4


@dataclass
class Signature:
    """What a use of a block needs to know."""

    name: str
    params: tuple[str, ...]
    ends: dict[str, Map]


@dataclass
class Chain:
    """Lines of a chain while they are written."""

    maps: list[Map]
    params: tuple[str, ...] = ()
    taken: set[str] = field(default_factory=set)
    lines: dict[str, str] = field(default_factory=dict)
    modules: dict[str, tuple[Map, Map]] = field(default_factory=dict)
    """Layers that another may share: what they read and what they give."""
    reads: dict[str, list[str]] = field(default_factory=dict)
    heads: list[str] = field(default_factory=list)
    """Layers that run only in training."""
    last: str = ""

    def loose(self) -> list[str]:
        """Return the lines that no other line reads."""
        read = {name for names in self.reads.values() for name in names}
        return [name for name in self.lines if name not in read]

    def drop(self, names: Iterable[str]) -> None:
        for name in names:
            self._unshare(name, self.lines.pop(name))
            self.reads.pop(name, None)
            self.modules.pop(name, None)
            self.maps = [one for one in self.maps if one.name.partition(".")[0] != name]

    def _unshare(self, name: str, line: str) -> None:
        """Write a line that goes in place of those that share its weights."""
        line = re.sub(r", from: \w+(\.\w+)?(?=}$)", "", line)
        line = line if ":" in line else f"{{{line}: []}}"
        for key, other in self.lines.items():
            if match := re.fullmatch(rf"{{share: {name}((, when: [^,]*)?(, from: .*)?)}}", other):
                self.lines[key] = f"{line[:-1]}{match[1] or ''}}}"

    @property
    def end(self) -> Map:
        return self.maps[-1]


def written(expression: str) -> str:
    """Write an expression as a spec does; the input's channels have a name there."""
    expression = re.sub(r"\bC\b", "in_channels", expression)
    return re.sub(r"[A-Za-z_]\w*", lambda match: "$" + match[0], expression)


def length(expression: str) -> int:
    """Return how long an expression is in generated code."""
    return len(re.sub(r"\bC\b", "in_channels", expression))


def is_writable(expression: str) -> bool:
    return not re.search(r"\bC\b|\bif\b", expression)


def folded(expression: str) -> str:
    """Return the number that an expression comes to, if it has one."""
    return str(eval(expression)) if not re.search(r"[A-Za-z_]", expression) else expression


def put(text: str, values: dict[str, str]) -> str:
    """Replace names by expressions."""

    def value(match: re.Match[str]) -> str:
        new = values.get(match[0], match[0])
        return new if re.fullmatch(r"\w+", new) else f"({new})"

    return folded(re.sub(r"[A-Za-z_]\w*", value, text))


class Writer:
    """Draws one spec."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self.blocks: dict[str, str] = {}
        self.signatures: list[Signature] = []
        self._sizes = 0
        self.copied = False
        """Whether arguments are those of copies."""

    def pick(self, options: Sequence[T]) -> T:
        return options[self._draw(st.integers(0, len(options) - 1))]

    def chance(self, percent: int) -> bool:
        return self._draw(st.integers(0, 99)) >= 100 - percent

    # -------------------------------------------------------------- layers

    def add(self, chain: Chain, text: str, reads: Sequence[Map], gives: Map | None) -> Map | None:
        """Add a line; `text` is a flow mapping without braces, or a bare word."""
        name = self.name(chain.taken)
        is_next = len(reads) == 1 and (reads[0].name == chain.last)
        if text[0] != "[" and reads and not (is_next and self.chance(90)):
            sources = [one.name for one in reads]
            where = sources[0] if len(sources) == 1 else f"[{', '.join(sources)}]"
            text = text if ":" in text else f"{text}: []"
            text = f"{text}, from: {where}"
        chain.lines[name] = f"{{{text}}}" if ":" in text and text[0] != "[" else text
        chain.last = name
        chain.reads[name] = [one.name.partition(".")[0] for one in reads]
        if gives is None:
            return None
        gives = replace(gives, name=name)
        chain.maps.append(gives)
        return gives

    def name(self, taken: set[str]) -> str:
        name = self.pick(NAMES)
        number = 0
        while name in taken or name == "self_":
            number += 1
            name = f"{name.rstrip('0123456789')}{number}"
        taken.add(name)
        return name

    def source(self, chain: Chain) -> Map:
        return chain.end if self.chance(75) else self.pick(chain.maps)

    def layer(self, chain: Chain, depth: int = 0) -> None:
        """Add one of the constructs to a chain."""
        kinds: list[Callable[[Chain, int], None]] = [
            *[self.plain, self.conv, self.unit] * 3,
            *[self.join, self.residual, self.share, self.scaled, self.cut, self.chosen],
            *[self.listed, self.attention, self.resized],
        ]
        if chain.params == ("graph",) and depth == 0:
            kinds += [self.shrunk, self.auxiliary]
        if self.signatures:
            kinds += [self.call, self.call, self.repeated, self.repeated]
        if depth < 2:
            kinds += [self.inline, self.parallel, self.two]
        self.pick(kinds)(chain, depth)

    def plain(self, chain: Chain, depth: int) -> None:
        source = self.source(chain)
        own = ["$act: []"] * 20 if "act" in chain.params else []
        text = self.pick([*SAME, *own]).strip("{}")
        self.module(chain, text, source, source)

    def module(self, chain: Chain, text: str, source: Map, gives: Map) -> Map:
        made = self.add(chain, text, [source], gives)
        assert made is not None
        chain.modules[made.name] = (source, made)
        return made

    def width(self, chain: Chain) -> str:
        """Return a number of channels that divides by four."""
        own = ["out", "out * 2"] if "out" in chain.params else []
        own += ["C", "C * 2"] if chain.params != ("graph",) and self.chance(30) else []
        return self.pick([*own, "8", "4"])

    def convolution(self, chain: Chain, width: str, stride: str = "1") -> str:
        own = [("$k", "$p")] * 4 if "kernel" in chain.params else []
        kernel, padding = self.pick([*KERNELS, *own])
        if stride != "1":
            kernel, padding = self.pick(KERNELS[:2])
        options = [
            *([f"stride: {written(stride)}"] if stride != "1" else []),
            *([f"padding: {padding}"] if padding != "0" else []),
        ]
        more = self.pick(["", "bias: false", "bias: $plain", "groups: 2", "same"])
        if more == "same" and stride == "1" and kernel != "$k":
            options = ["padding: same"]
        elif more and more != "same":
            options.append(more)
        head = f"conv2d: [{written(width)}, {kernel}]"
        return ", ".join([head, *options])

    def conv(self, chain: Chain, depth: int) -> None:
        source, width = self.source(chain), self.width(chain)
        stride = "s" if "stride" in chain.params and self.chance(30) else "1"
        strides = (*source.strides, stride) if stride != "1" else source.strides
        gives = Map("", width, strides)
        self.module(chain, self.convolution(chain, width, stride), source, gives)

    def unit(self, chain: Chain, depth: int) -> None:
        self.conv(chain, depth)
        self.add(chain, self.pick(["relu", "batch_norm2d", "silu"]), [chain.end], chain.end)

    def scaled(self, chain: Chain, depth: int) -> None:
        """Add a free parameter and what it scales or shifts, or a function."""
        source = self.source(chain)
        if not is_writable(source.channels) or self.chance(40):
            self.module(chain, self.pick(FUNCTIONS).strip("{}"), source, source)
            return
        size = f"[{written(source.channels)}, 1, 1]"
        made = Map(self.name(chain.taken), source.channels)
        kinds = [
            f"parameter: [{size}]",
            f"parameter: [{size}], batch: 1",
            f"constant: 0.5, size: {size}",
        ]
        chain.lines[made.name] = f"{{{self.pick(kinds)}}}"
        end = made.name
        if self.chance(30):
            end = self.name(chain.taken)
            chain.lines[end] = f"{{permute: [[0, 1, 3, 2]], from: {made.name}}}"
            chain.reads[end] = [made.name]
        self.add(chain, self.pick(["mul", "add", "sub"]), [source, replace(made, name=end)], source)

    def attention(self, chain: Chain, depth: int) -> None:
        """Let the rows of each channel attend to each other."""
        source = self.source(chain)
        text = self.pick(
            ["scaled_dot_product_attention", "scaled_dot_product_attention: [], scale: 0.5"]
        )
        self.add(chain, text, [source] * 3, source)

    def resized(self, chain: Chain, depth: int) -> None:
        """Give a map the size of another one."""
        source, like = self.source(chain), self.pick(chain.maps)
        gives = replace(source, strides=like.strides)
        self.add(chain, "interpolate", [source, like], gives)

    def fit(self, chain: Chain, wanted: Map) -> Map:
        """Add a convolution that gives channels of another map from one of its size."""
        peers = [one for one in chain.maps if one.strides == wanted.strides]
        text = self.convolution(chain, wanted.channels)
        return self.module(chain, text, self.pick(peers), replace(wanted, unit=4))

    def residual(self, chain: Chain, depth: int) -> None:
        wanted = self.source(chain)
        same = [
            one
            for one in chain.maps
            if one is not wanted
            and (one.channels, one.strides) == (wanted.channels, wanted.strides)
        ]
        if same:
            other = self.pick(same)
        elif is_writable(wanted.channels):
            other = self.fit(chain, wanted)
        else:
            return
        parts = [wanted, other] if self.chance(50) else [other, wanted]
        if self.chance(20):
            parts.append(wanted)
        self.add(chain, self.pick(["add", "mul"]), parts, wanted)

    def join(self, chain: Chain, depth: int) -> None:
        first = self.source(chain)
        peers = [one for one in chain.maps if one.strides == first.strides]
        second = self.pick(peers)
        channels = folded(f"{first.channels} + {second.channels}")
        gives = Map("", channels, first.strides, min(first.unit, second.unit))
        if len(channels) < 60:
            self.add(chain, "concat: []", [first, second], gives)

    def share(self, chain: Chain, depth: int) -> None:
        """Call a module again on a map with the same channels, perhaps under a condition."""
        if not chain.modules:
            return
        target = self.pick([*chain.modules])
        read, gave = chain.modules[target]
        same = [one for one in chain.maps if one.channels == read.channels and one.name != target]
        source = self.pick(same or [read])
        strides = (*source.strides, *gave.strides[len(read.strides) :])
        gives = replace(gave, strides=strides)
        condition = self.condition(chain)
        is_same = (source.channels, source.strides) == (gives.channels, gives.strides)
        when = f", when: {condition[0]}" if condition and is_same and self.chance(40) else ""
        if target not in chain.loose() or strides == gave.strides:
            other = self.add(chain, f"share: {target}{when}", [source], gives)
            if other and strides == gave.strides:
                self.add(chain, "add", [other, gave], gave)

    def cut(self, chain: Chain, depth: int) -> None:
        source = self.source(chain)
        if source.unit < 4:
            return
        half = folded(f"({source.channels}) // 2")
        ports = self.pick([("0", "1"), ("low", "high")])
        names = f", names: [{', '.join(ports)}]" if ports[0] != "0" else ""
        self.add(chain, f"chunk: 2{names}", [source], None)
        parts = [Map(f"{chain.last}.{port}", half, source.strides, 2) for port in ports]
        chain.last = ""
        one = self.module(
            chain, self.convolution(chain, "4"), parts[0], Map("", "4", source.strides)
        )
        if self.chance(50):
            channels = folded(f"{half} + 4")
            self.add(chain, "concat: []", [parts[1], one], Map("", channels, source.strides, 2))

    def condition(self, chain: Chain) -> tuple[str, str] | None:
        """Return a condition as a spec and as Python write it, nothing for a map's size."""
        found = []
        if chain.params != ("graph",):
            found += [("$in_channels != 8", "C != 8"), ("$in_features > 8", "")]
        if "flag" in chain.params:
            found += [("$flag", "flag"), ("$flag == false", "not flag"), ("$flag != false", "flag")]
        if "stride" in chain.params:
            found += [("$s != 1", "s != 1"), ("$s > 1", "s != 1")]
        if "count" in chain.params:
            found += [("$times > 2", "times > 2"), ("$times % 2 == 0", "times % 2 == 0")]
        if chain.params == ("graph",):
            found += [("$deep > 2", "3 > 2"), ("$deep == 7", "3 == 7"), ("$deep == 2", "3 == 2")]
            found += [("$plain", "True"), ("$plain == false", "not True")]
        return self.pick(found) if found else None

    def chosen(self, chain: Chain, depth: int) -> None:
        """Add a layer that is there only under a condition."""
        condition = self.condition(chain)
        if condition is None:
            return
        source = self.source(chain)
        text, test = condition
        if not test or self.chance(40):
            self.module(chain, self.under(text).strip("{}"), source, source)
            return
        width = self.width(chain)
        body = f"{self.convolution(chain, width)}, when: {text}"
        if self.chance(50):
            inner = self.convolution(chain, width)
            body = f"chain: [{{{inner}}}, {self.pick(SAME)}], when: {text}"
        has = eval(test) if chain.params == ("graph",) else None
        channels = f"({width} if {test} else {source.channels})"
        channels = channels if has is None else width if has else source.channels
        gives = replace(source, channels=channels, unit=min(4, source.unit))
        self.module(chain, body, source, gives)

    def under(self, condition: str) -> str:
        """Return a layer that keeps its input's shape and is there only under a condition."""
        layer = self.pick([*SAME, *FUNCTIONS]).strip("{}")
        layer = layer if ":" in layer else f"{layer}: []"
        return f"{{{layer}, when: {condition}}}"

    # -------------------------------------------------------------- bodies

    def steps(self, chain: Chain, most: int, depth: int) -> None:
        for _ in range(self._draw(st.integers(min(2, most), most))):
            self.layer(chain, depth)
        self.tie(chain)
        if not chain.lines or "." in chain.end.name or chain.last != chain.end.name:
            self.add(chain, "relu", [chain.end], chain.end)

    def tie(self, chain: Chain) -> None:
        """Join loose lines with the end where they fit, and drop the others."""
        for name in [name for name in chain.loose() if name not in chain.heads]:
            found = [one for one in chain.maps if one.name == name]
            end = chain.end
            if found and end.name != name and found[0].strides == end.strides:
                channels = folded(f"{found[0].channels} + {end.channels}")
                unit = min(found[0].unit, end.unit)
                if len(channels) < 60:
                    gives = Map("", channels, end.strides, unit)
                    self.add(chain, "concat: []", [found[0], end], gives)
        kept = {chain.end.name.partition(".")[0], *chain.heads}
        while loose := [name for name in chain.loose() if name not in kept]:
            chain.drop(loose)
            chain.last = "" if chain.last in loose else chain.last

    def named(self, chain: Chain, source: Map, taken: set[str], depth: int) -> tuple[str, Map]:
        """Return an inner chain in braces, and the map at its end."""
        inner = Chain([replace(source, name="input")], chain.params, taken, last="input")
        self.steps(inner, 3, depth + 1)
        text = ", ".join(f"{name}: {line}" for name, line in inner.lines.items())
        return f"{{{text}}}", inner.end

    def sequence(self, chain: Chain, source: Map) -> tuple[str, Map]:
        """Return an inner chain of unnamed layers, and the map at its end."""
        items, end = [], source
        for _ in range(self._draw(st.integers(1, 3))):
            kind = self.pick(
                ["same", "conv", "conv", "nested", "function", "spliced", "wide", "chosen"]
            )
            count = self.pick(["1", "2", "3"])
            condition = self.condition(chain)
            if kind == "spliced":
                kernel, padding = self.pick([*COUNTED, ("3", "1")])
                width = self.width(chain)
                text = f"conv2d: [{written(width)}, {kernel}], padding: {padding}"
                items.append(f"{{{text}, splice: {count}}}")
                end = Map("", width, end.strides)
            elif kind == "wide":
                items.append(f"{{conv2d: [4 * $i + 4, 1], splice: {count}}}")
                end = Map("", str(4 * int(count)), end.strides)
            elif kind == "conv":
                width = self.width(chain)
                items.append(f"{{{self.convolution(chain, width)}}}")
                end = Map("", width, end.strides)
            elif kind == "nested":
                items.append(f"[{self.pick(SAME)}, {self.pick(SAME)}]")
            elif kind == "chosen" and condition:
                items.append(self.under(condition[0]))
            else:
                own = ["$act"] * 20 if "act" in chain.params else []
                items.append(self.pick(FUNCTIONS if kind == "function" else [*SAME, *own]))
        text = f"[{', '.join(items)}]"
        if self.chance(50) and not any(one[1:-1] in text for one in FUNCTIONS):
            text = re.sub(r"(when: [^,}]*)}", r"\1, else: nothing}", text)
        return text, end

    def shrunk(self, chain: Chain, depth: int) -> None:
        """Add a layer after which maps have sizes of their own."""
        text = self.pick(SHRINKING).strip("{}")
        self._sizes += 1
        source = self.source(chain)
        self.add(chain, text, [source], replace(source, strides=(f"size{self._sizes}",)))

    def auxiliary(self, chain: Chain, depth: int) -> None:
        """Add a layer that runs only in training."""
        end = chain.end
        name = self.name(chain.taken)
        text = self.pick(["Head: []", "chain: [relu, {conv2d: [2, 1]}]", "sigmoid: []"])
        chain.lines[name] = f"{{{text}, from: {end.name}, when: train}}"
        chain.reads[name] = [end.name.partition(".")[0]]
        chain.last = name
        chain.heads.append(name)

    def listed(self, chain: Chain, depth: int) -> None:
        if chain.last != chain.end.name:
            return
        text, end = self.sequence(chain, chain.end)
        self.add(chain, text, [chain.end], end)

    def inline(self, chain: Chain, depth: int) -> None:
        source = self.source(chain)
        text, end = self.named(chain, source, set(), depth)
        self.add(chain, f"chain: {text}", [source], end)

    def parallel(self, chain: Chain, depth: int) -> None:
        source = self.source(chain)
        text, end = self.branches(chain, source, depth)
        self.add(chain, text, [source], end)

    def branches(self, chain: Chain, source: Map, depth: int) -> tuple[str, Map]:
        """Return `parallel: ..., join: ...` and what it gives."""
        join = self.pick(["concat", "add", "mul"])
        taken: set[str] = set()
        branches, ends = [], []
        for i in range(self._draw(st.integers(2, 3))):
            if i and self.chance(20) and (join == "concat" or is_writable(source.channels)):
                branches.append("[]")
                ends.append(source)
            elif self.chance(30):
                text, end = self.sequence(chain, source)
                branches.append(text)
                ends.append(end)
            else:
                text, end = self.named(chain, source, taken, depth)
                branches.append(text)
                ends.append(end)
        ends = [self.meet(branches, taken, ends, i, source, join) for i in range(len(ends))]
        channels = source.channels if join != "concat" else " + ".join(x.channels for x in ends)
        if join != "concat":
            channels = ends[0].channels
        unit = min(end.unit for end in ends)
        gives = Map("", folded(channels), ends[0].strides, unit)
        return f"parallel: [{', '.join(branches)}], join: {join}", gives

    def meet(
        self,
        branches: list[str],
        taken: set[str],
        ends: Sequence[Map],
        i: int,
        source: Map,
        join: str,
    ) -> Map:
        """End a branch so that it can be joined: the input's size, the first's channels."""
        end = ends[i]
        wanted = end.channels
        if join != "concat":
            wanted = source.channels if is_writable(source.channels) else "8"
        if end.strides == source.strides and end.channels == wanted:
            return end
        if end.strides != source.strides:
            branches[i] = "[relu]"
            end = source
        if end.channels != wanted and is_writable(wanted):
            text = f"{{conv2d: [{written(wanted)}, 1]}}"
            inner = branches[i][1:-1]
            is_list = branches[i][0] == "["
            item = text if is_list else f"{self.name(taken)}: {text}"
            brackets = "[]" if is_list else "{}"
            branches[i] = f"{brackets[0]}{inner}{', ' if inner else ''}{item}{brackets[1]}"
            end = Map("", wanted, end.strides)
        return end

    # -------------------------------------------------------------- blocks

    def block(self) -> None:
        """Define a block over those that stand above it."""
        params = tuple(key for key in PARAMS if self.chance(60))
        chain = Chain([Map("input", "C")], params, last="input")
        name = f"Block{len(self.signatures)}"
        parts: list[str] = []
        if self.chance(25):
            text, end = self.branches(chain, chain.end, 0)
            body, ends = text, {"": end}
        elif self.chance(20):
            text, end = self.sequence(chain, chain.end)
            body, ends = f"chain: {text}", {"": end}
        else:
            self.steps(chain, 5, 0)
            lines = ", ".join(f"{key}: {line}" for key, line in chain.lines.items())
            body, ends = f"chain: {{{lines}}}", {"": chain.end}
            others = [x for x in chain.maps[1:-1] if "." not in x.name]
            if others and self.chance(15):
                ends = {x.name: x for x in (self.pick(others), chain.end)}
                parts.append(f"outputs: [{', '.join(ends)}]")
        if "$act" not in body:  # a parameter with the name of an op is one that a layer calls
            params = tuple(key for key in params if key != "act")
        if params:
            parts.insert(0, f"params: [{', '.join(PARAMS[key][0] for key in params)}]")
        self.blocks[name] = "{" + ", ".join([*parts, body]) + "}"
        self.signatures.append(Signature(name, params, ends))

    def arguments(
        self, chain: Chain, signature: Signature, fixed: Sequence[str] = ()
    ) -> tuple[str, dict[str, str]]:
        """Return the arguments of a use as text and as values by name; `fixed` keep defaults."""
        values, texts, by_name = {}, [], False
        for key in signature.params:
            if key == "kernel":
                by_name = self.kernel(chain, texts, by_name)
                continue
            name, _, default = PARAMS[key][0].partition("=")
            options = list(PARAMS[key][1])
            own = {"out": "out", "stride": "s", "flag": "flag", "count": "times", "act": "act"}[key]
            options += [own] * 2 if key in chain.params else []
            options += ["C"] if key == "out" and chain.params != ("graph",) else []
            if default and (key in fixed or self.chance(15 if key == "act" else 40)):
                values[name], by_name = default, True
                continue
            values[name] = value = self.pick(options)
            if value == "Gated":
                self.blocks["Gated"] = GATED
            bare = (*PARAMS["flag"][1], *PARAMS["act"][1])
            value = value if value in bare else written(value)
            texts.append(f"{name}: {value}" if by_name else value)
        positional = [text for text in texts if ":" not in text]
        keywords = "".join(f", {text}" for text in texts if ":" in text)
        return f"{signature.name}: [{', '.join(positional)}]{keywords}", values

    def kernel(self, chain: Chain, texts: list[str], by_name: bool) -> bool:
        """Give a kernel and its padding; tell whether what follows needs keywords."""
        if self.chance(40):
            return True
        known = [*KERNELS, *COUNTED] if self.copied else [*KERNELS]
        known += [*([("$k", "$p")] * 2 if "kernel" in chain.params else [])]
        for name, value in zip("kp", self.pick(known), strict=True):
            texts.append(f"{name}: {value}" if by_name else value)
        return by_name

    def fitting(self, many: bool) -> list[Signature]:
        return [x for x in self.signatures if many or "" in x.ends]

    def call(self, chain: Chain, depth: int) -> None:
        source = self.source(chain)
        known = self.fitting(True)
        if source.unit < 4 or not known:
            return
        signature = self.pick(known)
        text, values = self.arguments(chain, signature)
        ends = {key: self.given(end, values, source) for key, end in signature.ends.items()}
        if any(length(end.channels) > 60 for end in ends.values()):
            return
        if "" in ends:
            self.module(chain, text, source, ends[""])
            return
        self.add(chain, text, [source], None)
        use, chain.last = chain.last, ""
        chain.maps += [replace(end, name=f"{use}.{key}") for key, end in ends.items()]

    def given(self, end: Map, values: dict[str, str], source: Map) -> Map:
        """Return what a block gives in one use."""
        python = {key: {"true": "True", "false": "False"}.get(v, v) for key, v in values.items()}
        channels = put(end.channels, {**python, "C": source.channels})
        strides = [put(stride, python) for stride in end.strides]
        kept = (*source.strides, *(stride for stride in strides if stride != "1"))
        return Map("", channels, kept, end.unit)

    def repeated(self, chain: Chain, depth: int) -> None:
        """Add a repeated block, the first one with other arguments where it can have them."""
        source = self.source(chain)
        if self.chance(20):
            self.stack(chain, source)
            return
        known = self.fitting(False)
        if source.unit < 4 or not known:
            return
        signature = self.pick(known)
        self.copied = True
        text, values = self.arguments(chain, signature, fixed=("stride",))
        self.copied = False
        count = self.count(chain)
        firsts = {"s": "2"} if "stride" in signature.params and self.chance(60) else {}
        if "flag" in signature.params and self.chance(60):
            firsts["flag"] = "true"
        end = signature.ends[""]
        made = source
        for i in range(int(count) if count.isdecimal() else 2):
            made = self.given(end, {**values, **(firsts if i == 0 else {})}, made)
        if not count.isdecimal() and re.search(r"\bC\b", end.channels) and end.channels != "C":
            return
        first = ", ".join(f"{key}: {value}" for key, value in firsts.items())
        text += f", repeat: {written(count)}{self.series()}" + (
            f", first: {{{first}}}" if first else ""
        )
        if end.unit == 4 and length(made.channels) < 60:
            self.add(chain, text, [source], made)

    def count(self, chain: Chain) -> str:
        """Return how many copies there are: a number, a parameter, or what a width comes to."""
        own = ["times"] * 2 if "times" in self.names(chain) else []
        own += ["C // 4"] if chain.params != ("graph",) else []
        return self.pick(["1", "2", "3", *own])

    def stack(self, chain: Chain, source: Map) -> None:
        """Add a repeated op or inline body."""
        count, width = self.count(chain), self.width(chain)
        text = self.convolution(chain, width)
        if self.chance(30):
            kernel, padding = self.pick(COUNTED)
            text = f"conv2d: [{written(width)}, {kernel}], padding: {padding}"
        elif self.chance(50):
            text = f"chain: [{{{text}}}, {self.pick(SAME)}]"
        elif self.chance(50):
            text = f"chain: {{conv: {{{text}}}, sum: {{mul: [], from: [conv, conv]}}}}"
        gives = replace(source, channels=width, unit=4)
        if count.isdecimal() and self.chance(30):
            stem = f"copy{len(chain.taken)}_"
            gives = replace(gives, name=stem + count)
            copies = f"splice: {count}, copies: {stem}1, from: {source.name}"
            chain.lines[gives.name] = f"{{{text}, {copies}}}"  # called as its last copy is
            chain.reads[gives.name] = [source.name.partition(".")[0]]
            chain.maps.append(gives)
            chain.taken.add(gives.name)
            chain.last = gives.name
            return
        self.add(chain, f"{text}, repeat: {written(count)}{self.series()}", [source], gives)

    def series(self) -> str:
        """Return names for copies, or nothing."""
        return f", copies: {self.pick(SERIES)}" if self.chance(30) else ""

    def names(self, chain: Chain) -> list[str]:
        return [PARAMS[key][0].partition("=")[0] for key in chain.params if key in PARAMS]

    def two(self, chain: Chain, depth: int) -> None:
        """Add a use of a block with two inputs."""
        left = self.source(chain)
        right = self.pick([one for one in chain.maps if one.strides == left.strides])
        channels = folded(f"{left.channels} + {right.channels}")
        if self.chance(50) and length(channels) < 60:
            self.blocks["Wide"] = WIDE
            gives = replace(left, channels=channels, unit=min(left.unit, right.unit))
            self.add(chain, "Wide: []", [left, right], gives)
        else:
            self.blocks["Two"] = TWO
            self.add(chain, "Two: 8", [left, right], replace(left, channels="8", unit=4))

    # -------------------------------------------------------------- the network

    def graph(self) -> str:
        for _ in range(self._draw(st.integers(1, 4))):
            self.block()
        chain = Chain([Map("image", "4")], ("graph",), {"image", "vector"}, last="image")
        stem = self.pick(
            ["{conv2d: [8, 3], padding: 1", "{conv2d: [$width, 3], stride: 2, padding: 1"]
        )
        first = Map("stem", *(("width", ("2",)) if "stride" in stem else ("8",)))
        chain.lines["stem"] = stem + ", from: image}"
        chain.taken.add("stem")
        chain.maps, chain.last = [first], "stem"
        self.steps(chain, 10, 0)
        outputs = list(self.ends(chain))
        lines = [f"  {name}: {line}" for name, line in chain.lines.items()]
        blocks = [f"  {name}: {text}" for name, text in self.blocks.items()]
        return "\n".join(
            [
                "netspec: 1",
                "name: Net",
                "params: {classes: 10, width: 8, deep: 3, plain: true}",
                f"inputs: {{image: [3, {self.pick(['16, 16', '9, 12', '17, 17'])}], vector: [7]}}",
                *(["blocks:", *blocks] if blocks else []),
                "graph:",
                *lines,
                f"outputs: {{{', '.join(outputs)}}}",
                "",
            ]
        )

    def ends(self, chain: Chain) -> Iterable[str]:
        """Add what ends a network and return its outputs."""
        end = chain.end
        yield f"y_map: {end.name}"
        for i, name in enumerate(chain.heads):
            yield f"y_head{i}: {name}"
        if self.chance(50):
            self.blocks["Flat"] = "{params: [out], chain: {flat: flatten, fc: {linear: $out}}}"
            self.blocks["Deep"] = "{chain: {conv: {conv2d: [2, 1]}, end: {Flat: $classes}}}"
            for i in range(self._draw(st.integers(1, 3))):
                use = self.pick(["Flat: 5", "Deep: []"])
                yield f"y_flat{i}: {{{use}, from: {self.pick(chain.maps).name}}}"
        head = "[{adaptive_avg_pool2d: 2}, flatten, {linear: 6}, relu, {linear: $classes}]"
        self.blocks["Head"] = f"{{chain: {head}}}"
        if self.chance(60):
            source = self.pick(chain.maps).name
            weight = self.pick(["0.3", "1"])
            yield f"aux: {{Head: [], from: {source}, when: train, weight: {weight}}}"
        vector = self.pick(["{linear: 8, from: vector}", "[{linear: 8}, relu, {layer_norm: 8}]"])
        if vector[0] == "[":
            vector = f"{{chain: {vector}, from: vector}}"
        pooled = self.pick(["[global_avg_pool, flatten]", "{mean: [[2, 3]]}", "{chain: [flatten]}"])
        if pooled[0] == "[":
            pooled = f"{{chain: {pooled}}}"
        chain.lines["pooled"] = f"{pooled[:-1]}, from: {end.name}}}"
        chain.lines["words"] = vector
        chain.lines["token"] = "{parameter: [[4]]}"
        chain.lines["both"] = "{concat: [], from: [pooled, words, token]}"
        chain.lines["logits"] = "{linear: $classes}"
        yield "y1: logits"


@st.composite
def specs(draw: st.DrawFn) -> str:
    """Return the text of a spec."""
    return Writer(draw).graph()


_FREE = re.compile(
    r"\b(image|vector|classes|width|deep|plain|flag|act|Gated|times|stem|pooled|words|token|logits|left|right"
    r"|aux|y1|y_map|y_head\d|y_flat\d|Block\d|Two|Wide|Flat|Deep|Head)"
    r"(?=(_channels|_features)?\b)"
)
"""Names of inputs, parameters, layers, outputs and blocks that stand for nothing else."""


@st.composite
def renamed_specs(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """Return a spec whose names come from Python, torch and the emitter, and what they were."""
    text = draw(specs())
    free = sorted({match[1] for match in _FREE.finditer(text)})
    taken = set(re.findall(r"\w+", text))
    new: dict[str, str] = {}
    often = draw(st.sampled_from((0, 10, 70)))  # most specs with many new names are refused
    for name in free:
        words = (EMITTED, VOCABULARY) if name[0].islower() else (_CAPITAL, CLASSES)
        word = draw(st.sampled_from(draw(st.sampled_from(words))))
        if word not in taken and draw(st.integers(0, 99)) < often:
            taken.add(word)
            new[name] = word
    return _FREE.sub(lambda match: new.get(match[1], match[1]), text), new
