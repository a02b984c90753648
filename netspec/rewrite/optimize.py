"""The order of the rewrites, and each of them until it finds nothing more to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from netspec.analysis.network import Network
from netspec.analysis.rebuild import rebuilt
from netspec.language.write import written
from netspec.rewrite.apply import Tensors, applied, kept
from netspec.rewrite.band import band_response_norm
from netspec.rewrite.drop import drop_idle, inference
from netspec.rewrite.fold import fold_batch_norm
from netspec.rewrite.fuse import fuse_siblings
from netspec.rewrite.memory import channels_last, in_place
from netspec.rewrite.pool import pool_before_conv
from netspec.rewrite.tidy import tidied
from netspec.rewrite.view import Edit, View
from netspec.text.diagnostics import suggest

Rewrite = Callable[[View], Edit | None]
REWRITES: Mapping[str, Rewrite] = {
    rewrite.__name__: rewrite
    for rewrite in (
        drop_idle,
        fold_batch_norm,
        pool_before_conv,
        fuse_siblings,
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
            while name in names and (edit := _first(network, rewrite)):
                is_done = False
                before = network
                network, tensors = applied(network, edit, tensors)
                log[name] = _more(log.get(name, Applied(name)), edit, before, network)
    spec = network.spec
    if channels_last.__name__ in names and (images := channels_last(network)):
        spec = replace(spec, channels_last=images)
        log[channels_last.__name__] = Applied(channels_last.__name__, len(images))
    total = network.totals.inference
    text = written(tidied(spec), {"params": total.params, "macs": total.macs})
    return Optimized(text, tensors, tuple(log.values()))


def _first(network: Network, rewrite: Rewrite) -> Edit | None:
    """Return the first edit that a rewrite finds in a body of a network."""
    edits = (rewrite(View(network, body)) for body in network.graph.bodies)
    return next((edit for edit in edits if edit is not None), None)


def _more(past: Applied, edit: Edit, before: Network, after: Network) -> Applied:
    """Add an edit to what a rewrite has done."""
    old, new = (
        Counter(node.call.op.op_name for node in network.graph.inference())
        for network in (before, after)
    )
    ops = dict(past.ops)
    for op in sorted(old.keys() | new.keys()):
        if old[op] != new[op]:
            ops[op] = (ops.get(op, (old[op], 0))[0], new[op])
    count = edit.times * len(View(before, edit.old).places)
    return Applied(past.name, past.count + count, ops)
