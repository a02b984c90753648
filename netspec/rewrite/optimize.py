"""The order of the rewrites, and each of them until it finds nothing more to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from netspec.analysis.network import Network
from netspec.language.write import written
from netspec.rewrite.apply import Tensors, applied, kept, rebuilt
from netspec.rewrite.band import band_response_norm
from netspec.rewrite.drop import drop_idle, drop_unread, inference
from netspec.rewrite.fold import fold_batch_norm
from netspec.rewrite.fuse import fuse_siblings
from netspec.rewrite.memory import channels_last, in_place
from netspec.rewrite.tidy import tidied
from netspec.rewrite.view import Edit, View

Rewrite = Callable[[View], Edit | None]
REWRITES: Sequence[Rewrite] = (
    drop_unread,
    drop_idle,
    fold_batch_norm,
    fuse_siblings,
    band_response_norm,
    in_place,
)
"""In the order in which they run."""


@dataclass(frozen=True, slots=True)
class Applied:
    """How often a rewrite was applied, and how many ops of each kind there were and are."""

    name: str
    count: int
    ops: Mapping[str, tuple[int, int]]

    def __str__(self) -> str:
        changes = ", ".join(f"{old} {op} → {new}" for op, (old, new) in self.ops.items())
        return f"{self.count} × {self.name}" + (f": {changes}" if changes else "")


@dataclass(frozen=True, slots=True)
class Optimized:
    """A network for inference, the text of its spec, and what its tensors are made of."""

    network: Network
    text: str
    tensors: Tensors
    applied: Sequence[Applied]


def optimize(network: Network, names: Collection[str] | None = None) -> Optimized:
    """Return a network that computes the same in inference with less work.

    `names` are the rewrites to apply, by default all.
    """
    tensors = kept(network)
    network = rebuilt(network, inference(network))
    log: dict[str, Applied] = {}
    is_done = False
    while not is_done:
        is_done = True
        for rewrite in REWRITES:
            if names is not None and rewrite.__name__ not in names:
                continue
            while found := _first(network, rewrite):
                is_done = False
                after, tensors = applied(network, found, tensors)
                _note(log, rewrite.__name__, found, network, after)
                network = after
    if names is None or channels_last.__name__ in names:
        network = rebuilt(network, channels_last(network))
    spec = tidied(network.spec)
    total = network.totals.inference
    text = written(spec, {"params": total.params, "macs": total.macs})
    return Optimized(rebuilt(network, spec), text, tensors, tuple(log.values()))


def _first(network: Network, rewrite: Rewrite) -> Edit | None:
    """Return the first edit that a rewrite finds in a body of a network."""
    edits = (rewrite(View(network, body)) for body in network.graph.bodies)
    return next((edit for edit in edits if edit is not None), None)


def _note(log: dict[str, Applied], name: str, edit: Edit, before: Network, after: Network) -> None:
    """Add an edit to what is known of its rewrite."""
    old, new = (
        Counter(node.call.op.op_name for node in network.graph.inference())
        for network in (before, after)
    )
    past = log.get(name, Applied(name, 0, {}))
    ops = dict(past.ops)
    for op in sorted(old.keys() | new.keys()):
        if old[op] != new[op]:
            ops[op] = (ops.get(op, (old[op], 0))[0], new[op])
    count = past.count + len(View(before, edit.old).places)
    log[name] = Applied(name, count, ops)
