"""How likely a change is: what the other calls of the spec do, and what networks usually do."""

from __future__ import annotations

from collections import Counter

from netspec.analysis.repair.tokens import Token
from netspec.language.model import BlockCall, OpCall, Spec
from netspec.language.terms import Value
from netspec.ops.base import Op
from netspec.text.diagnostics import Span


class Company:
    """Which values the calls of one op or block give to an argument."""

    def __init__(self, spec: Spec) -> None:
        self._places: dict[Span, tuple[str, str]] = {}
        self._values: Counter[object] = Counter()
        self._calls: Counter[str] = Counter()
        for layer in spec.layers():
            call = layer.call
            if isinstance(call, OpCall | BlockCall):
                callee = call.op.op_name if isinstance(call, OpCall) else call.block
                self._calls[callee] += 1
                self._places[call.span] = callee, ""
                for key, argument in call.arguments.items():
                    self._places[argument.span] = callee, key
                    self._values[callee, key, argument.value] += 1
                    self._values[callee, key] += 1

    def gain(self, token: Token, new: Value) -> float:
        """Return by which share more of the other calls have the new value than the old one."""
        callee, key = self._places.get(token.span, ("", ""))
        if token.index is not None or not callee:
            return 0.0
        key = key or token.key
        calls = self._calls[callee]
        # The call itself is none of the others.
        old = self._values[callee, key, token.value] - 1
        if token.key:
            old = calls - self._values[callee, key] - 1
        return (self._values[callee, key, new] - old) / calls


def strangeness(token: Token, new: Value) -> float:
    """Return how much stranger than before the layers would be that a value feeds."""
    node = next(iter(token.nodes.values()), None)
    if node is None:
        return 0
    after = token.op(node, new)
    return _strange(after) - _strange(node.op) + (_is_pointwise(after) > _is_pointwise(node.op)) / 2


def _is_pointwise(op: Op) -> bool:
    window = op.window()
    return window is not None and max(window.kernel) == 1


_LARGEST = 11
"""The largest kernel that is usual, but for pools of a whole map."""


def _strange(op: Op) -> int:
    """Count what is unusual about a window: its kernel, stride or padding."""
    window = op.window()
    if window is None:
        return 0
    steps = zip(window.kernel, window.stride, window.padding, window.dilation, strict=True)
    return max(
        (stride > 2)
        + (kernel > _LARGEST)
        + (padding not in (0, kernel // 2 if op.is_pooling else dilation * (kernel - 1) // 2))
        + (stride == 1 and padding == 0 and kernel > 1)
        + (not op.is_pooling and kernel % 2 == 0)
        for kernel, stride, padding, dilation in steps
    )
