"""A PyTorch module → what it does as ATen calls, for a batch of any size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from netspec.importer.flat import Path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn
    from torch.export import ExportedProgram
    from torch.fx import Node


class Scope(NamedTuple):
    """The module that an op runs in, the classes from the outside in, and its call's number."""

    path: Path
    classes: tuple[str, ...]
    call: str


@dataclass(frozen=True, slots=True)
class Trace:
    """The calls of one mode, and what the names of tensors stand for."""

    nodes: tuple[Node, ...]
    tensors: Mapping[str, str]
    """The node of a parameter or buffer → its key."""
    learnt: frozenset[str]
    inputs: tuple[Node, ...]
    constants: Mapping[str, Tensor]
    """Tensors that stand in no state_dict, by node."""
    results: Sequence[Any]
    names: tuple[str, ...]
    """What the results are called."""


def exported(model: nn.Module, inputs: Sequence[Tensor], is_training: bool) -> Trace:
    """Return what a module does in one mode. Raises what torch.export raises."""
    import torch

    model.train(is_training)
    batch = torch.export.Dim("batch", min=2)
    with _plain_attention():
        program = torch.export.export(
            model, tuple(inputs), dynamic_shapes=[{0: batch} for _ in inputs], strict=False
        )
    return trace_of(program)


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Keep attention to ops that can be read: its fast path is one that says nothing."""
    import torch

    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def trace_of(program: ExportedProgram) -> Trace:
    """Return the calls of an exported program."""
    signature = program.graph_signature
    kinds = (signature.inputs_to_parameters, signature.inputs_to_buffers)
    tensors = {**kinds[0], **kinds[1]}
    loose = {*signature.non_persistent_buffers}
    held = {**signature.inputs_to_lifted_tensor_constants}
    held |= {node: key for node, key in tensors.items() if key in loose}
    constants = {node: program.constants[key] for node, key in held.items()}
    nodes = tuple(program.graph.nodes)
    users = {*signature.user_inputs}
    results = nodes[-1].args[0][len(signature.output_specs) - len(signature.user_outputs) :]
    return Trace(
        tuple(node for node in nodes if node.op == "call_function"),
        {node: key for node, key in tensors.items() if key not in loose},
        frozenset(signature.inputs_to_parameters),
        tuple(node for node in nodes if node.op == "placeholder" and node.name in users),
        constants,
        results,
        _names(program.call_spec.out_spec, len(results)),
    )


def _names(spec: Any, count: int) -> tuple[str, ...]:
    """Return what results are called: the fields of a named tuple, the keys of a dictionary."""
    fields = None
    if spec is not None and spec.type is not None and spec.type.__name__ == "namedtuple":
        fields = spec.context._fields
    elif spec is not None and spec.type is dict:
        fields = tuple(map(str, spec.context))
    if fields is not None and len(fields) == count:
        return tuple(fields)
    return ("logits",) if count == 1 else tuple(f"out{i}" for i in range(count))


def scope(node: Node) -> Scope:
    """Return the module around a call."""
    return scopes(node)[-1]


def scopes(node: Node) -> list[Scope]:
    """Return the modules around a call, from the outside in."""
    stack = node.meta.get("nn_module_stack") or {}
    paths: dict[Path, str] = {(): ""}
    found = [Scope((), (), "")]
    for key, (path, kind) in stack.items():
        call = key.rpartition("@")[2] if "@" in key else ""
        words = tuple(path.partition("@")[0].split(".")) if path else ()
        name = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
        paths[words] = name
        classes = tuple(_class(paths.get(words[: i + 1], "")) for i in range(len(words)))
        found.append(Scope(words, classes, call))
    return found


def _class(kind: str) -> str:
    return kind.rpartition(".")[2]


def place(node: Node) -> str:
    """Return the line of the model's source that a call comes from."""
    lines = [line.strip() for line in (node.meta.get("stack_trace") or "").splitlines()]
    files = [line for line in lines if line.startswith("File ")]
    own = [line for line in files if "/torch/nn/" not in line]
    found = (own or files or [""])[-1]
    parts = found.replace('"', "").split(", ")
    if len(parts) < 2:
        return node.name
    return f"{parts[0].removeprefix('File ')}:{parts[1].removeprefix('line ')}"
