"""Which variable holds which value of a chain, and for how long it is needed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from netspec.language.model import Call, Layer, OpCall
from netspec.ops.base import Join


class Variables:
    """Where the values of a chain are while it runs: in which variable, and for how long."""

    def __init__(self, order: Sequence[Layer], variables: dict[str, str], kept: set[str]) -> None:
        self.order = order
        self.variables = variables
        self.kept = kept
        self._readers: dict[str, list[Layer]] = {}  # each once, however often it reads it
        for layer in order:
            for name in _read(layer):
                self._readers.setdefault(name, []).append(layer)
        self._pending = {name: len(readers) for name, readers in self._readers.items()}
        self._holds: dict[str, list[str]] = {}
        for name, variable in variables.items():
            self._holds.setdefault(variable, []).append(name)
        self.ends: dict[str, Layer] = {}
        """The last layer of the straight run that starts at each."""
        for layer in reversed(order):
            following = self._readers.get(layer.name, [])
            goes_on = len(following) == 1 and _reads_one(following[0])
            self.ends[layer.name] = self.ends[following[0].name] if goes_on else layer

    def run(self, layer: Layer) -> set[str]:
        """Note that a layer has read its inputs; return the variables that nothing needs now."""
        for name in _read(layer):
            self._pending[name] -= 1
        read = {_holder(self.variables[ref.name]) for ref in layer.sources}
        return {variable for variable in read if self._is_free(variable)}

    def _is_free(self, variable: str) -> bool:
        names = self._holds[variable]
        return not any(name in self.kept or self._pending.get(name) for name in names)

    def continues(self, layer: Layer) -> bool:
        """Tell whether a layer is the only reader of the only thing that it reads."""
        return _reads_one(layer) and len(self._readers[layer.sources[0].name]) == 1

    def assign(self, layer: Layer, variable: str) -> None:
        """Note which variable holds a layer's result."""
        self.variables[layer.name] = variable
        self._holds[variable] = [layer.name]

    def alias(self, layer: Layer, text: str) -> None:
        """Note that a layer is its input, which is written so, under another name."""
        # Whoever reads the layer holds the input's variable from now on, so it may not be reused.
        self._pending[layer.sources[0].name] -= 1
        self.variables[layer.name] = text
        self._holds.setdefault(_holder(text), []).append(layer.name)

    def ends_branch(self, layer: Layer) -> bool:
        """Tell whether a layer is read beside others by a join of parts, or from outside."""
        readers = self._readers.get(layer.name, ())
        return layer.name in self.kept or any(_joins(r.call, False) for r in readers)

    def is_skip(self, layer: Layer) -> bool:
        """Tell whether a result waits for a reader that is far, while others go on with it.

        Not where all that reads it comes together at once, as around a residual branch.
        """
        readers = self._readers.get(layer.name, [])
        if len(readers) < 2:
            return False
        start = self.order.index(layer) + 1
        if {*self.order[start : start + len(readers)]} == {*readers}:
            return False
        return len({self._meeting(reader) for reader in readers}) > 1

    def _meeting(self, layer: Layer) -> Layer:
        """Return the op behind a straight run that reads its end beside something else."""
        readers = self._readers.get(self.ends[layer.name].name, [])
        is_alone = _reads_one(layer) and len(readers) == 1
        return readers[0] if is_alone and isinstance(readers[0].call, OpCall) else layer

    def batch_of(self, layer: Layer) -> int | None:
        """Return the batch that a tensor without inputs needs: 0 is none at all, None that of x.

        Where only sums, products and the like read it, they repeat it over the batch by themselves.
        """
        readers = self._readers.get(layer.name, ())
        if layer.name not in self._single:
            return None
        return 0 if all(_joins(r.call, True) and not self._is_fixed(r) for r in readers) else 1

    @property
    def needs_batch(self) -> bool:
        """Whether the size of the batch is asked for where some variable has a batch of 1."""
        free = [layer for layer in self.order if not layer.sources]
        return bool(self._single) and any(self.batch_of(layer) is None for layer in free)

    def _is_fixed(self, layer: Layer) -> bool:
        return layer.name in self._fixed

    @cached_property
    def _fixed(self) -> set[str]:
        """The layers that depend on no input, and so are the same for every image."""
        fixed: set[str] = set()
        for layer in self.order:
            alike = isinstance(layer.call, OpCall) and layer.call.op.may_run_once
            if not layer.sources or (alike and all(ref.name in fixed for ref in layer.sources)):
                fixed.add(layer.name)
        return fixed

    @cached_property
    def _single(self) -> set[str]:
        """The fixed layers that are computed once for all images, and repeated by their readers."""
        single = self._fixed - self.kept
        while lost := {name for name in single if not self._may_be_single(name, single)}:
            single -= lost
        return single

    def _may_be_single(self, name: str, single: set[str]) -> bool:
        for reader in self._readers.get(name, ()):
            if self._is_fixed(reader):
                # What stands side by side must have one batch.
                together = {ref.name for ref in reader.sources}
                if reader.name not in single or not together <= single:
                    return False
            elif not _joins(reader.call, True):
                return False
        return True


def _read(layer: Layer) -> set[str]:
    """Return the names of the layers that a layer reads."""
    return {ref.name for ref in layer.sources}


def _reads_one(layer: Layer) -> bool:
    """Tell whether a layer reads one thing alone, be it in several places."""
    return len({(ref.name, ref.port) for ref in layer.sources}) == 1


def _joins(call: Call, by_element: bool) -> bool:
    """Tell whether a call joins its inputs element by element, or else side by side."""
    op = call.op if isinstance(call, OpCall) else None
    return isinstance(op, Join) and bool(op.operator) == by_element


def _holder(text: str) -> str:
    """Return the variable of `parts[0]` or of `parts.low`; a free parameter is one itself."""
    return text if text.startswith("self.") else re.split(r"[.\[]", text)[0]
