"""Drafts that are one op of netspec in several calls of PyTorch, with nothing in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from netspec.importer.torch_lift import Draft

Drafts = dict[int, Draft]


def tidied(drafts: Mapping[int, Draft], results: frozenset[int]) -> Drafts:
    """Return drafts with each run of three that is one op as that; `results` are kept."""
    found = dict(drafts)
    times = Counter(read.draft for draft in drafts.values() for read in draft.reads)
    for number in [*drafts]:
        run = _run(found, number, times, results)
        if len(run) < 3:
            continue
        new = _norm(*run) or _shuffle(*run)
        if new is not None:
            for gone in _numbers(found, number):
                del found[gone]
            found[number] = new
    return found


def _run(drafts: Drafts, number: int, times: Counter[int], results: frozenset[int]) -> list[Draft]:
    """Return a draft and the two before it, if only that one reads each."""
    run = [drafts[number]]
    for above in _numbers(drafts, number):
        draft = drafts.get(above)
        if draft is None or times[above] > 1 or above in results or len(draft.reads) != 1:
            break
        run.insert(0, draft)
    return run


def _numbers(drafts: Drafts, number: int) -> Iterator[int]:
    """Yield the two drafts before one."""
    found = []
    for _ in range(2):
        reads = drafts[number].reads if number in drafts else ()
        if len(reads) != 1:
            break
        number = reads[0].draft
        found.append(number)
    yield from found


def _norm(before: Draft, norm: Draft, after: Draft) -> Draft | None:
    """Return the norm over the channels that a norm between two permutations is."""
    ops = (before.op, norm.op, after.op)
    if ops != ("permute", "layer_norm", "permute") or before.scope != after.scope:
        return None
    there, back = before.arguments["dims"], after.arguments["dims"]
    is_affine = {*norm.arguments} <= {"eps"}
    if (there, back) != ((0, 2, 3, 1), (0, 3, 1, 2)) or not is_affine or norm.scope != after.scope:
        return None
    return replace(norm, op="layer_norm2d", reads=before.reads)


def _shuffle(cut: Draft, swap: Draft, joined: Draft) -> Draft | None:
    """Return the shuffle of channels that cutting, swapping and joining is."""
    if (cut.op, swap.op, joined.op) != ("reshape", "permute", "reshape"):
        return None
    sizes, dims = cut.arguments["size"], swap.arguments["dims"]
    whole = cut.reads[0].sizes
    assert isinstance(sizes, tuple) and isinstance(dims, tuple)
    is_swap = dims == (0, 2, 1, *range(3, len(sizes) + 1)) and len(sizes) == len(whole) + 1
    if not is_swap or sizes[2:] != whole[1:] or joined.arguments["size"] != whole:
        return None
    return replace(joined, op="channel_shuffle", arguments={"groups": sizes[0]}, reads=cut.reads)
