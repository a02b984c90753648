"""What the boxes of a picture say: what most of a kind have in common, the legend says once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from netspec.emit.diagram.tree import JOINER, Cluster, Leaf, leaves

_ONLY = " only"
"""What a box without other ops says where most have some."""

Around = tuple[tuple[str, ...], tuple[str, ...]]


class Rule(NamedTuple):
    """What stands around the op of most boxes of a kind, and whether some differ, and say so."""

    around: Around
    has_exceptions: bool


class Wording:
    """The words of the boxes of one picture."""

    def __init__(self, root: Cluster) -> None:
        self.rules: Mapping[str, Rule] = _rules(root)

    def text(self, leaf: Leaf, is_narrow: bool = False) -> str:
        """Return the words of a box, with its count; in a narrow one without what colours say."""
        text = leaf.label
        if leaf.words:
            main = leaf.brief if is_narrow else leaf.words[leaf.main]
            before, behind = leaf.around
            text = JOINER.join((*before, main, *behind))
            rule = self.rules.get(leaf.kind)
            if rule and rule.around == leaf.around:
                text = main
            elif rule and leaf.around == ((), ()):
                text = main + _ONLY
        return text + leaf.times

    def notes(self) -> list[str]:
        """Return what the legend says of all boxes of a kind."""
        return [_note(kind, rule) for kind, rule in self.rules.items()]


def _note(kind: str, rule: Rule) -> str:
    before, behind = rule.around
    text = JOINER.join((*before, kind, *behind))
    return f"{kind} stands for {text}{' unless said' if rule.has_exceptions else ''}"


def _rules(root: Cluster) -> dict[str, Rule]:
    found: dict[str, Counter[Around]] = {}
    for leaf in leaves(root):
        if leaf.has_depth:
            found.setdefault(leaf.kind, Counter())[leaf.around] += leaf.count
    rules = {}
    for kind, counts in found.items():
        around, most = counts.most_common(1)[0]
        # A box alone speaks for itself.
        if around != ((), ()) and most > 1 and 2 * most > counts.total():
            rules[kind] = Rule(around, len(counts) > 1)
    return rules
