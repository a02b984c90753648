"""Which variable holds which value of a chain, and for how long it is needed."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.emit.torch.plan import Step
from netspec.ops.base import Join, Op


class Variables:
    """Where the values of a chain are while it runs: in which variable, and for how long."""

    def __init__(self, order: Sequence[Step], variables: dict[str, str], kept: set[str]) -> None:
        self.order = order
        self.variables = variables
        self.kept = kept
        self._readers: dict[str, list[Step]] = {}
        for step in order:
            for ref in step.sources:
                self._readers.setdefault(ref.name, []).append(step)
        self._pending = {name: len(readers) for name, readers in self._readers.items()}
        self._holds: dict[str, list[str]] = {}
        for name, variable in variables.items():
            self._holds.setdefault(variable, []).append(name)
        self.ends: dict[str, Step] = {}
        """The last step of the straight run that starts at each."""
        for step in reversed(order):
            following = self._readers.get(step.name, [])
            goes_on = len(following) == 1 and len(following[0].sources) == 1
            self.ends[step.name] = self.ends[following[0].name] if goes_on else step

    def run(self, step: Step) -> set[str]:
        """Note that a step has read its inputs; return the variables that nothing needs now."""
        for ref in step.sources:
            self._pending[ref.name] -= 1
        read = {_holder(self.variables[ref.name]) for ref in step.sources}
        return {variable for variable in read if self._is_free(variable)}

    def _is_free(self, variable: str) -> bool:
        names = self._holds[variable]
        return not any(name in self.kept or self._pending.get(name) for name in names)

    def continues(self, step: Step) -> bool:
        """Tell whether a step is the only reader of the only thing that it reads."""
        return len(step.sources) == 1 and len(self._readers[step.sources[0].name]) == 1

    def assign(self, step: Step, variable: str) -> None:
        """Note which variable holds a step's result."""
        self.variables[step.name] = variable
        self._holds[variable] = [step.name]

    def alias(self, step: Step, text: str) -> None:
        """Note that a step is its input, which is written so, under another name."""
        self._pending[step.sources[0].name] -= 1
        self.variables[step.name] = text
        self._holds.setdefault(_holder(text), []).append(step.name)

    def ends_branch(self, step: Step) -> bool:
        """Tell whether a step is read beside others by a join of parts, or from outside."""
        readers = self._readers.get(step.name, ())
        return step.name in self.kept or any(_joins(r.op, False) for r in readers)

    def only_broadcast(self, step: Step) -> bool:
        """Tell whether all readers of a step repeat it over the batch by themselves."""
        readers = self._readers.get(step.name, ())
        return step.name not in self.kept and all(_joins(r.op, True) for r in readers)


def _joins(op: Op | None, by_element: bool) -> bool:
    """Tell whether an op joins its inputs element by element, or else side by side."""
    return isinstance(op, Join) and bool(op.operator) == by_element


def _holder(text: str) -> str:
    """Return the variable of `parts[0]`."""
    return text.partition("[")[0]
