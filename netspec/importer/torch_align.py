"""Two traces of one module laid side by side: what only training has, and that they agree else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from netspec.importer.lifting import Held
from netspec.importer.refusal import Unliftable
from netspec.importer.torch_lift import Draft

Drafts = Mapping[int, Draft]
NOISE = "stochastic_depth"
"""Of calls in training only: inference passes it by."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """The drafts of training that inference lacks, and where the two differ otherwise."""

    only: frozenset[int]
    wrong: tuple[Unliftable, ...]


def aligned(training: Drafts, inference: Drafts) -> Aligned:
    """Compare the drafts of two traces."""
    both, only = _matched(training, inference)
    left = [number for number in inference if number not in both]
    wrong = [_refusal(inference[number], "runs only in inference") for number in left]
    noise = {number for number in only if training[number].op == NOISE}
    for other, number in both.items():
        one, two = training[number], inference[other]
        if _said(one) != _said(two):
            wrong.append(_refusal(one, "has other arguments in training"))
        elif [*_reads(one, training, noise, {})] != [*_reads(two, inference, set(), both)]:
            wrong.append(_refusal(one, "reads something else in training"))
    return Aligned(frozenset(only - noise), tuple(wrong))


def _matched(training: Drafts, inference: Drafts) -> tuple[dict[int, int], set[int]]:
    """Return which draft of training each one of inference is, and those that are none."""
    numbers, others = [*training], [*inference]
    ones, twos = ([_key(draft) for draft in drafts.values()] for drafts in (training, inference))
    both: dict[int, int] = {}
    for start, other, size in SequenceMatcher(
        None, ones, twos, autojunk=False
    ).get_matching_blocks():
        both.update((others[other + i], numbers[start + i]) for i in range(size))
    return both, {*numbers} - {*both.values()}


def _key(draft: Draft) -> object:
    return draft.scope.path, draft.op, *draft.tensors.values()


def _said(draft: Draft) -> dict[str, object]:
    """Return a draft's arguments, but for noise of training, which inference is called without."""
    return {key: value for key, value in draft.arguments.items() if key != "dropout"}


def _reads(
    draft: Draft, drafts: Drafts, noise: set[int], names: Mapping[int, int]
) -> Iterator[tuple[int, str]]:
    """Yield what a draft reads, by the numbers of training."""
    for read in draft.reads:
        source: Held = read
        while source.draft in noise:
            (source,) = drafts[source.draft].reads
        yield names.get(source.draft, source.draft), source.port


def _refusal(draft: Draft, what: str) -> Unliftable:
    return Unliftable(f"{draft.op}, which {what}", draft.scope.path, draft.place, "")
