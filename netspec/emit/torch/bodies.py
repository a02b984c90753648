"""What a body becomes in torch: a class with named children, or a sequence without names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from netspec.language.model import Body, Chain, Layer, OpCall, ShareCall, chains
from netspec.ops.fillers import Filler


def base(body: Body) -> str:
    """Return the class to derive from: a sequence or a list has no names to give its children."""
    if isinstance(body, Chain):
        return "nn.Sequential" if is_plain(body) else "nn.Module"
    is_list = all(branch.layers and not branch.named for branch in body.branches)
    return "nn.ModuleList" if is_list else "nn.Module"


def is_plain(chain: Chain) -> bool:
    """Tell whether an unnamed chain is an nn.Sequential: modules only, each reading the last."""
    for layer in chain.layers:
        if any(ref.span for ref in layer.sources) or layer.train_only:
            return False
        if isinstance(layer.call, ShareCall) or not layer.sources:
            return False
        if isinstance(layer.call, OpCall) and not layer.call.op.is_module:
            return False
        if isinstance(layer.call, Chain) and not layer.call.named and not is_plain(layer.call):
            return False
    return not chain.named


def fillers(body: Body, heads: Sequence[Layer]) -> Iterator[tuple[str, Mapping[str, Filler]]]:
    """Yield how layers are filled that are children of a class, or items of its sequences."""
    for i, chain in enumerate(chains(body)):
        yield from _filled("" if chain.named or chain is body else f"{i}.", chain.layers)
    yield from _filled("", heads)


def _filled(prefix: str, layers: Sequence[Layer]) -> Iterator[tuple[str, Mapping[str, Filler]]]:
    for layer in layers:
        if layer.init:
            yield prefix + layer.name, layer.init
        if isinstance(layer.call, Chain) and is_plain(layer.call):
            yield from _filled(f"{prefix}{layer.name}.", layer.call.layers)
