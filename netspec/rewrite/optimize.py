"""The order of the rewrites, and each of them until it finds nothing more to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from netspec.analysis.network import Network
from netspec.analysis.rebuild import rebuilt
from netspec.graph.model import NodeId
from netspec.language.write import written
from netspec.rewrite.apply import Tensors, applied, kept
from netspec.rewrite.band import band_response_norm
from netspec.rewrite.drop import drop_idle, inference
from netspec.rewrite.flatten import flatten_concat
from netspec.rewrite.fold import fold_batch_norm
from netspec.rewrite.fuse import fuse_siblings
from netspec.rewrite.join import join_linear
from netspec.rewrite.memory import channels_last, in_place
from netspec.rewrite.pool import order_pools
from netspec.rewrite.tidy import tidied
from netspec.rewrite.view import Edit, View
from netspec.text.diagnostics import suggest

Rewrite = Callable[[View], Edit | None]
REWRITES: Mapping[str, Rewrite] = {
    rewrite.__name__: rewrite
    for rewrite in (
        drop_idle,
        order_pools,
        fold_batch_norm,
        join_linear,
        fuse_siblings,
        flatten_concat,
        band_response_norm,
        in_place,
    )
}
"""What changes a body, in the order in which it is tried."""
NAMES = (*REWRITES, channels_last.__name__)
"""Everything that can be chosen."""
WITHOUT: Mapping[str, Collection[str]] = {
    "eager": (),
    "compile": (),
    "onnxruntime": (fuse_siblings.__name__,),
    "openvino": (fuse_siblings.__name__,),
}
"""What does not pay, by the engine that runs the network."""


def chosen(
    only: Collection[str] = (), without: Collection[str] = (), engine: str = "eager"
) -> tuple[str, ...]:
    """Return the rewrites to apply: those alone that are named, else what pays for an engine.

    Raises ValueError for a rewrite or an engine that does not exist.
    """
    if engine not in WITHOUT:
        raise ValueError(f"engine `{engine[:64]}`: expected one of {', '.join(WITHOUT)}")
    for name in (*only, *without):
        if name not in NAMES:
            hint = suggest(name, NAMES) or "there are " + ", ".join(NAMES)
            raise ValueError(f"no rewrite is called `{name[:64]}`; {hint}")
    paying = [name for name in NAMES if name not in WITHOUT[engine]]
    return tuple(name for name in only or paying if name not in without)


@dataclass(frozen=True, slots=True)
class Applied:
    """How often a rewrite was applied, and how many ops of each kind there were and are."""

    name: str
    count: int = 0
    ops: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def __str__(self) -> str:
        changes = ", ".join(f"{old} {op} → {new}" for op, (old, new) in self.ops.items())
        return f"{self.count} × {self.name}" + (f": {changes}" if changes else "")


@dataclass(frozen=True, slots=True)
class Optimized:
    """The text of a spec, what its tensors are made of, and what was done."""

    text: str
    tensors: Tensors
    applied: Sequence[Applied]


def optimize(network: Network, names: Collection[str] = NAMES) -> Optimized:
    """Return a spec that computes the same in inference with less work, at the same parameters.

    `names` are the rewrites to apply.
    """
    network = rebuilt(network, inference(network))
    tensors = kept(network)
    log: dict[str, Applied] = {}
    is_done = False
    while not is_done:
        is_done = True
        for name, rewrite in REWRITES.items():
            while name in names and (edits := _apart(network, rewrite)):
                is_done = False
                before = network
                network, tensors = applied(network, edits, tensors)
                log[name] = _more(log.get(name, Applied(name)), edits, before, network)
    spec = network.spec
    if channels_last.__name__ in names and (images := channels_last(network)):
        spec = replace(spec, channels_last=images)
        log[channels_last.__name__] = Applied(channels_last.__name__, len(images))
    total = network.totals.inference
    text = written(tidied(spec), {"params": total.params, "macs": total.macs})
    return Optimized(text, tensors, tuple(log.values()))


def _apart(network: Network, rewrite: Rewrite) -> Sequence[Edit]:
    """Return what a rewrite finds in bodies none of which is used inside of another of them."""
    edits: list[Edit] = []
    taken: set[NodeId] = set()
    around: set[NodeId] = set()
    for body in network.graph.bodies:
        view = View(network, body)
        above = {place[:depth] for place in view.places for depth in range(len(place))}
        is_apart = taken.isdisjoint(above) and around.isdisjoint(view.places)
        if is_apart and (edit := rewrite(view)):
            edits.append(edit)
            taken.update(view.places)
            around |= above
    return edits


def _more(past: Applied, edits: Sequence[Edit], before: Network, after: Network) -> Applied:
    """Add edits to what a rewrite has done."""
    old, new = (
        Counter(node.call.op.op_name for node in network.graph.inference())
        for network in (before, after)
    )
    ops = dict(past.ops)
    for op in sorted(old.keys() | new.keys()):
        if old[op] != new[op]:
            ops[op] = (ops.get(op, (old[op], 0))[0], new[op])
    count = sum(edit.times * len(View(before, edit.old).places) for edit in edits)
    return Applied(past.name, past.count + count, ops)
