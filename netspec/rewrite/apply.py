"""Rewritten bodies back into their network, with every tensor followed to where it is then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from netspec.analysis.network import Network
from netspec.analysis.rebuild import rebuilt
from netspec.graph.model import NodeId
from netspec.language.model import Body, Chain, Layer, Parallel, Spec
from netspec.rewrite.tensors import Arithmetic, Old, through
from netspec.rewrite.view import Edit, View

Tensors = Mapping[str, Arithmetic]
"""Each tensor of a state_dict, by its key, as made of another network's."""


def kept(network: Network) -> Tensors:
    """Return the tensors of a network that nobody has rewritten."""
    return {key: Old(key) for key in network.tensors()}


def applied(network: Network, edits: Sequence[Edit], tensors: Tensors) -> tuple[Network, Tensors]:
    """Return the network with other bodies, and what its tensors are made of.

    No body is used inside of another one that changes too.
    """
    after = rebuilt(network, _with(network.spec, {edit.old: edit.new for edit in edits}))
    edited = {
        place: (edit, View(network, edit.old), new)
        for edit in edits
        for new in [View(after, edit.new)]
        for place in new.places
    }
    found = {key: through(_source(key, edited), tensors) for key in after.tensors()}
    return after, found


def _source(key: str, edited: Mapping[NodeId, tuple[Edit, View, View]]) -> Arithmetic:
    """Return what the tensor of a key was, before edits, in the network before them."""
    words = tuple(key.split("."))
    for depth in range(len(words)):
        place = words[:depth]
        if place in edited:
            edit, old, new = edited[place]
            name = new.name_at(words[: depth + 1])
            tensor = ".".join(words[depth + 1 :])
            made = edit.tensors.get(name)
            return made(tensor, place) if made else old.old(place, name, tensor)
    return Old(key)


def _with(spec: Spec, new: Mapping[Body, Body]) -> Spec:
    """Return a spec with some bodies in place of others."""

    def inside(body: Body) -> Body:
        if body in new:
            return new[body]
        if isinstance(body, Parallel):
            branches = tuple(inside(branch) for branch in body.branches)
            return _same(body, branches, body.branches) or replace(body, branches=branches)  # type: ignore[arg-type]
        layers = tuple(map(layer, body.layers))
        return _same(body, layers, body.layers) or replace(body, layers=layers)

    def layer(old: Layer) -> Layer:
        if not isinstance(old.call, Chain | Parallel):
            return old
        call = inside(old.call)
        return old if call is old.call else replace(old, call=call)

    blocks = {
        name: block if (body := inside(block.body)) is block.body else replace(block, body=body)
        for name, block in spec.blocks.items()
    }
    return replace(spec, blocks=blocks, model=replace(spec.model, body=inside(spec.model.body)))


def _same(body: Body, new: tuple[object, ...], old: tuple[object, ...]) -> Body | None:
    """Return the body itself if nothing in it has changed."""
    return body if all(a is b for a, b in zip(new, old, strict=True)) else None
