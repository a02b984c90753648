"""Which shape a class makes of which, in the words of its docstring: each size is defined there."""

from __future__ import annotations

from netspec.analysis.network import Network
from netspec.emit.torch.layout import expression
from netspec.emit.torch.plan import ClassPlan, is_written
from netspec.graph.model import Instance, Sizes
from netspec.language.terms import Ref
from netspec.ops.dim import Dim, Expr, Shape, is_known

_LETTERS = {1: "C", 2: "CL", 3: "CHW", 4: "CDHW"}
_LONGEST = len("(H - 1) // 2 + 1")
"""The most letters of a size that is written as arithmetic."""


class ShapeTexts:
    """Writes the shapes of a class's inputs and outputs over the same letters."""

    def __init__(self, network: Network, plan: ClassPlan) -> None:
        self._network = network
        self._plan = plan
        self._instances = network.graph.instances[plan.body]
        self._local = dict(plan.local)
        self._inputs = [self._input(index) for index in range(len(plan.symbols))]

    def whole(self) -> str:
        """Return the line that says which shape follows from which."""
        plan = self._plan
        given = plan.result or self._output(plan.output[""], "out", None)
        return f"Shape: {', '.join(self._inputs)} -> {given}."

    def outputs(self) -> list[str]:
        """Return a line for each of several outputs."""
        plan = self._plan
        found = zip(plan.fields, plan.output.values(), plan.lowered.outputs, strict=True)
        return [f"{field}: {self._output(shape, field, ref)}" for field, shape, ref in found]

    def _input(self, index: int) -> str:
        """Write an input; one of other sizes than the first has letters of its own."""
        symbols, shapes = self._plan.symbols[index], self._network.shapes
        sources = [instance.inputs for instance in self._instances]
        is_alike = all(shapes[x[index]][1:] == shapes[x[0]][1:] for x in sources)
        suffix = "" if is_alike else f"_{self._plan.lowered.inputs[index]}"
        for axis, size in enumerate(symbols):
            if isinstance(size, Expr) and str(size.args[0])[0] == "@":
                self._local[str(size.args[0])] = _letter(axis, len(symbols)) + suffix
        return self._text(symbols)

    def _text(self, sizes: Shape) -> str:
        return f"(N, {', '.join(expression(size, self._local) for size in sizes)})"

    def _output(self, shape: Shape, name: str, ref: Ref | None) -> str:
        """Write an output; a size that no short arithmetic describes has a letter with its name."""
        nodes = [self._node(instance, ref) for instance in self._instances]
        texts = [
            self._kept(size, axis, nodes)
            or self._written(size)
            or f"{_letter(axis, len(shape))}_{name}"
            for axis, size in enumerate(shape)
        ]
        return f"(N, {', '.join(texts)})"

    def _node(self, instance: Instance, ref: Ref | None) -> Sizes:
        """Return the shape of an output in one instance, nothing where no layer alone gives it."""
        if ref is None:
            return self._network.shapes[instance.output]
        use = self._network.graph.uses.get((*instance.id, ref.name))
        return self._network.shapes[use.output] if use and not ref.port else ()

    def _kept(self, size: Dim, axis: int, nodes: list[Sizes]) -> str:
        """Write a size of the image that every instance has from one of its inputs."""
        shapes = self._network.shapes
        if not axis or not isinstance(size, Expr):
            return ""
        if size.op == "name":
            return expression(size, self._local)
        for index, symbols in enumerate(self._plan.symbols):
            read = [shapes[instance.inputs[index]] for instance in self._instances]
            pairs = zip(nodes, read, strict=True)
            if all(len(x) == len(y) and x[axis] == y[axis] for x, y in pairs):
                return expression(symbols[axis], self._local)
        return ""

    def _written(self, size: Dim) -> str:
        """Write a size as arithmetic, if that is short or one of the class's own arguments."""
        text = expression(size, self._local) if is_known(size) else ""
        return text if is_written(size) or len(text) <= _LONGEST else ""


def _letter(axis: int, rank: int) -> str:
    return _LETTERS[rank][axis] if rank in _LETTERS else f"S{axis}"
