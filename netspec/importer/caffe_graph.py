"""Layers → which reads what: blobs that are overwritten in place, outputs, and losses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from netspec.importer.caffe_net import PHASES, TEST, TRAIN, Layer, Net
from netspec.text.codes import Code
from netspec.text.diagnostics import Sink, suggest


class Blob(NamedTuple):
    """What a layer gives: the layer's number, and the number of its top."""

    maker: int
    top: int = 0


class Given(NamedTuple):
    """A result of the network, and its share of the loss."""

    name: str
    blob: Blob
    weight: float = 1.0
    is_training: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Wired:
    """Layers with what each reads, and the network's results."""

    layers: tuple[Layer, ...]
    reads: tuple[tuple[Blob, ...], ...]
    outputs: tuple[Given, ...]

    def phased(self, given: Given) -> Given:
        """Return a result that training alone has if a layer that computes it is there alone."""
        layers = (self.layers[number] for number in self.needed([given.blob]))
        lacks = any(TEST not in layer.phases for layer in layers)
        return given._replace(is_training=given.is_training or lacks)

    def needed(self, blobs: Iterable[Blob]) -> set[int]:
        """Return the layers that blobs are computed by."""
        found: set[int] = set()
        waiting = [blob.maker for blob in blobs]
        while waiting:
            if (maker := waiting.pop()) not in found:
                found.add(maker)
                waiting += [blob.maker for blob in self.reads[maker]]
        return found


_SINKS = ("silence", "accuracy", "argmax", "hdf5output")
"""Layers that look at a result, and compute nothing of the network's own."""
_Env = Mapping[str, Mapping[str, Blob]]
_Reads = Sequence[tuple[Blob, ...]]


def wired(net: Net, sink: Sink) -> Wired:
    """Resolve what each layer reads; what no layer gives is reported, and left out."""
    env: dict[str, dict[str, Blob]] = {phase: {} for phase in PHASES}
    reads: list[tuple[Blob, ...]] = []
    data: dict[str, Blob] = {}
    for number, layer in enumerate(net.layers):
        found = [_read(layer, name, env, sink) for name in layer.bottoms]
        reads.append(tuple(blob for blob in found if blob))
        for index, top in enumerate(layer.tops):
            blob = Blob(number, index)
            if layer.type == "split":
                blob = next(iter(reads[-1]), blob)
            elif layer.is_data:
                # Training and validation read data of their own; for the network it is one input.
                blob = data.setdefault(top, blob)
            for phase in layer.phases:
                env[phase][top] = blob
    scored = _scored(net.layers, reads)
    results = [*_ends(net.layers, reads, env[TEST], {given.blob for given in scored}), *scored]
    graph = Wired(net.layers, tuple(reads), ())
    return replace(graph, outputs=tuple(map(graph.phased, results)))


def _read(layer: Layer, name: str, env: _Env, sink: Sink) -> Blob | None:
    """Return the blob that has a name where a layer stands."""
    found = [env[phase].get(name) for phase in PHASES if phase in layer.phases]
    message = f"`{layer.name}` reads `{name}`, which no layer above it gives"
    if None not in found and len({*found}) > 1:
        message = f"`{layer.name}` reads `{name}`, which training and inference compute differently"
    elif None not in found:
        return found[0]
    elif any(found):
        message += " in both phases"
    known = dict.fromkeys(known for phase in PHASES for known in env[phase])
    sink.error(Code.NOT_PROTOTXT, message, layer.span, help=suggest(name, known))
    return None


def _scored(layers: Sequence[Layer], reads: _Reads) -> list[Given]:
    """Return what losses are computed of; what counts less than another is for training only."""
    weights: dict[Blob, float] = {}
    for layer, read in zip(layers, reads, strict=True):
        if layer.is_loss and read and (TRAIN in layer.phases or read[0] not in weights):
            weights[read[0]] = [1.0, *layer.said.numbers("loss_weight")[:1]][-1]
    most = max(weights.values(), default=0)
    return [
        Given(layers[blob.maker].tops[blob.top], blob, weight, weight < most)
        for blob, weight in weights.items()
        if weight > 0
    ]


def _ends(
    layers: Sequence[Layer], reads: _Reads, env: Mapping[str, Blob], scored: set[Blob]
) -> Iterator[Given]:
    """Yield what nobody reads in inference, without what only shows a result that a loss is of."""
    used = {*scored}
    for layer, read in zip(layers, reads, strict=True):
        looks = layer.is_loss or (layer.type in _SINKS and layer.type != "silence")
        if TEST in layer.phases and not looks:
            used.update(read)
    for name, blob in env.items():
        maker = layers[blob.maker]
        shows = maker.type in _SINKS or maker.is_loss or maker.is_data
        shows = shows or (maker.type == "softmax" and not scored.isdisjoint(reads[blob.maker]))
        if blob not in used and not shows:
            yield Given(name, blob)
