"""Bytes of an ONNX file → its nodes, its arrays and what is known about its shapes."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from netspec import limits
from netspec.text import files
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, SpecError, counted, escape

if TYPE_CHECKING:
    import numpy as np
    import onnx

    Array = np.ndarray[Any, np.dtype[Any]]

Known = tuple["int | None", ...]
"""A shape with the batch; None is what the file leaves open."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A node of the graph; empty names are inputs that it leaves out."""

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Branch:
    """A graph within a node."""

    nodes: tuple[Node, ...]
    arrays: Mapping[str, Array]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """A file's graph. `file` is the path under which people know it."""

    file: str
    nodes: tuple[Node, ...]
    arrays: Mapping[str, Array]
    inputs: Mapping[str, Known]
    integers: frozenset[str]
    outputs: tuple[str, ...]
    shapes: Mapping[str, Known]
    opset: int


def read(path: str) -> Graph:
    """Return the graph of a file. Raises SpecError for one that is malformed, and OSError."""
    data = files.read(path, limits.TENSORS)
    return parsed(data, path, Path(path).parent)


def parsed(data: bytes, name: str, folder: Path | None = None) -> Graph:
    """Return the graph of a file's bytes; arrays beside it lie in `folder`. Raises SpecError."""
    import onnx

    refusal = Refusal(name)
    if len(data) > limits.TENSORS:
        refusal.stop(f"the file has more than {limits.TENSORS:,} bytes", Code.LIMIT)
    try:
        model = onnx.load_model_from_string(data)
    except Exception:  # protobuf's own kinds
        refusal.stop("these bytes are no ONNX model, or only a part of one")
    try:
        return _read(model, name, folder, refusal)
    except UnicodeDecodeError:
        refusal.stop("a name in it is no text")


def _read(model: onnx.ModelProto, name: str, folder: Path | None, refusal: Refusal) -> Graph:
    graph = model.graph
    _refuse_size(graph, refusal)
    arrays = dict(_arrays(graph, folder, refusal))
    nodes = tuple(_node(node, refusal) for node in graph.node)
    for value in (*graph.input, *graph.output):
        _text(value.name)
    shapes = _shapes(_light(model, arrays), refusal)
    return _graph(model, name, (nodes, arrays, shapes), refusal)


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a file is refused."""

    file: str

    def stop(self, message: str, code: str = Code.NOT_ONNX, help: str = "") -> NoReturn:
        """Raise SpecError."""
        raise SpecError([Diagnostic(code, f"{self.file}: {message}", help=help)])


def _refuse_size(graph: onnx.GraphProto, refusal: Refusal) -> None:
    if not graph.node:
        refusal.stop("these bytes are no ONNX model: there are no nodes in it")
    if len(graph.node) > limits.IMPORTED:
        refusal.stop(f"the graph has more than {counted(limits.IMPORTED, 'node')}", Code.LIMIT)
    if graph.sparse_initializer:
        refusal.stop("the graph has sparse arrays, which netspec does not read")


# -------------------------------------------------------------------- arrays


def _arrays(
    graph: onnx.GraphProto, folder: Path | None, refusal: Refusal
) -> Iterator[tuple[str, Array]]:
    """Yield the arrays of a graph by their names."""
    store = _Store(folder, refusal)
    for tensor in graph.initializer:
        yield _text(tensor.name), store.array(tensor)


@dataclass(slots=True)
class _Store:
    """Reads arrays, also those that stand in files beside the model."""

    folder: Path | None
    refusal: Refusal
    total: int = 0

    def array(self, tensor: onnx.TensorProto) -> Array:
        import onnx

        told = f"the array `{escape(_text(tensor.name))}`"
        if len(tensor.dims) > limits.RANK or any(size < 0 for size in tensor.dims):
            self.refusal.stop(f"{told} has no possible shape")
        raw = tensor
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raw = onnx.TensorProto()
            raw.CopyFrom(tensor)
            raw.data_location = onnx.TensorProto.DEFAULT
            raw.raw_data = self._outside(tensor, told)
            del raw.external_data[:]
        try:
            found: Array = onnx.numpy_helper.to_array(raw)
        except Exception:  # whatever numpy makes of too few bytes or of an unknown type
            self.refusal.stop(f"{told} has other bytes than its shape and type say")
        return found.astype("float32") if found.dtype.kind not in "fiub" else found

    def _outside(self, tensor: onnx.TensorProto, told: str) -> bytes:
        """Return an array's bytes from a file in the model's folder or below it."""
        said = {_text(item.key): _text(item.value) for item in tensor.external_data}
        place = self._place(said.get("location", ""), told)
        try:
            start, length = int(said.get("offset", "0")), int(said.get("length", "-1"))
        except ValueError:
            self.refusal.stop(f"{told} has no possible place in a file")
        if start < 0 or length < -1:
            self.refusal.stop(f"{told} has no possible place in a file")
        try:
            with place.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                length = size - start if length < 0 else length
                self.total += max(length, 0)
                if self.total > limits.TENSORS or start + length > size or length < 0:
                    self.refusal.stop(f"{told} lies beyond the end of its file")
                file.seek(start)
                return file.read(length)
        except OSError as error:
            raise files.barred("read", str(place), error) from None

    def _place(self, location: str, told: str) -> Path:
        """Return where a file of arrays lies, which must be the model's folder or below."""
        if self.folder is None or not location or "\0" in location or "\\" in location:
            self.refusal.stop(f"{told} has no possible place in a file")
        root = Path(os.path.realpath(self.folder))
        place = Path(os.path.realpath(root / location))
        if not place.is_relative_to(root):
            message = f"{told} lies in `{escape(location[:80])}`, outside of the model's folder"
            self.refusal.stop(message, Code.OUTSIDE)
        if not place.is_file():
            message = f"there is no file {place}, where {told} lies"
            raise files.refusal(errno.ENOENT, message, str(place))
        return place


# -------------------------------------------------------------------- checks

_SMALL = 1_000
"""Elements of an array that shapes may follow from."""


def _light(model: onnx.ModelProto, arrays: Mapping[str, Array]) -> onnx.ModelProto:
    """Return a model whose large arrays are inputs, so that a check of it copies none."""
    import onnx

    made = onnx.ModelProto()
    made.CopyFrom(_without_arrays(model))
    given = {value.name for value in made.graph.input}
    for tensor in model.graph.initializer:
        array = arrays[tensor.name]
        if array.size <= _SMALL and array.dtype.kind == "i":
            made.graph.initializer.append(onnx.numpy_helper.from_array(array, tensor.name))
        elif tensor.name not in given:
            kind = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
            made.graph.input.append(
                onnx.helper.make_tensor_value_info(tensor.name, kind, array.shape)
            )
    return made


def _without_arrays(model: onnx.ModelProto) -> onnx.ModelProto:
    import onnx

    made = onnx.ModelProto(
        ir_version=model.ir_version, opset_import=model.opset_import, functions=model.functions
    )
    graph = model.graph
    made.graph.MergeFrom(
        onnx.GraphProto(name=graph.name or "graph", node=graph.node, input=graph.input)
    )
    made.graph.output.extend(graph.output)
    made.graph.value_info.extend(graph.value_info)
    return made


def _shapes(model: onnx.ModelProto, refusal: Refusal) -> dict[str, Known]:
    """Check a model, and return the shapes that can be inferred."""
    import onnx

    try:
        onnx.checker.check_model(model)
        graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        values = [*graph.value_info, *graph.output]
        return {x.name: _known(x) for x in values if x.type.tensor_type.HasField("shape")}
    except Exception as error:  # the checker's own, and what its bindings raise
        text = escape(str(error).strip().partition("\n")[0][:200])
        refusal.stop(f"ONNX's own checker refuses the file: {text}")


def _known(value: onnx.ValueInfoProto) -> Known:
    shape = value.type.tensor_type.shape
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in shape.dim)


# --------------------------------------------------------------------- graph


def _graph(
    model: onnx.ModelProto,
    name: str,
    parts: tuple[tuple[Node, ...], Mapping[str, Array], Mapping[str, Known]],
    refusal: Refusal,
) -> Graph:
    nodes, arrays, shapes = parts
    graph = model.graph
    inputs = [value for value in graph.input if value.name not in arrays]
    for value in inputs:
        if not value.type.HasField("tensor_type"):
            refusal.stop(f"the input `{escape(value.name)}` is no tensor")
    real = (1, 10, 11, 16)  # float, half, double, bfloat16
    return Graph(
        name,
        nodes,
        arrays,
        {value.name: _known(value) for value in inputs},
        frozenset(x.name for x in inputs if x.type.tensor_type.elem_type not in real),
        tuple(value.name for value in graph.output),
        shapes,
        max((x.version for x in model.opset_import if x.domain in ("", "ai.onnx")), default=1),
    )


def _text(value: str | bytes) -> str:
    """Return a name. Raises UnicodeDecodeError; some versions of protobuf raise it, some do not."""
    return value.decode() if isinstance(value, bytes) else value


def _node(node: onnx.NodeProto, refusal: Refusal) -> Node:
    domain, op = _text(node.domain), _text(node.op_type)
    return Node(
        _text(node.name),
        op if domain in ("", "ai.onnx") else f"{domain}.{op}",
        tuple(map(_text, node.input)),
        tuple(map(_text, node.output)),
        dict(_attributes(node.attribute, refusal)),
        {_text(item.key): _text(item.value) for item in node.metadata_props},
    )


def _attributes(
    given: Iterable[onnx.AttributeProto], refusal: Refusal
) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of a node as Python's values."""
    import onnx

    kinds = onnx.AttributeProto
    for item in given:
        _text(item.name)
        if item.type == kinds.TENSOR:
            yield item.name, _Store(None, refusal).array(item.t)
        elif item.type == kinds.GRAPH:
            yield item.name, _branch(item.g, refusal)
        elif item.type == kinds.STRING:
            yield item.name, item.s.decode("utf-8", "replace")
        elif item.type in (kinds.INT, kinds.FLOAT, kinds.INTS, kinds.FLOATS):
            value = onnx.helper.get_attribute_value(item)
            yield item.name, value if isinstance(value, int | float) else tuple(value)


def _branch(graph: onnx.GraphProto, refusal: Refusal) -> Branch:
    nodes = tuple(_node(node, refusal) for node in graph.node)
    arrays = dict(_arrays(graph, None, refusal))
    return Branch(nodes, arrays, tuple(value.name for value in graph.output))
