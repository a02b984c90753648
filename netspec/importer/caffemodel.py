"""A .caffemodel → its tensors, with no more of Caffe's messages than hold them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netspec import limits
from netspec.importer.flat import Flat
from netspec.text.diagnostics import escape

if TYPE_CHECKING:
    from torch import Tensor

_INTEGER, _MESSAGE, _BYTES = 3, 11, 12
"""Kinds of fields, as descriptors number them."""
_ONE, _MANY = 1, 3
_FIELDS = {
    "Shape": [("dim", 1, _INTEGER, _MANY, "")],
    "Blob": [
        ("num", 1, _INTEGER, _ONE, ""),
        ("channels", 2, _INTEGER, _ONE, ""),
        ("height", 3, _INTEGER, _ONE, ""),
        ("width", 4, _INTEGER, _ONE, ""),
        # Caffe packs numbers side by side: they are read as the bytes that they are, since a list
        # of Python's numbers would take eight times the memory.
        ("data", 5, _BYTES, _MANY, ""),
        ("shape", 7, _MESSAGE, _ONE, "Shape"),
        ("double_data", 8, _BYTES, _MANY, ""),
    ],
    "Layer": [
        ("name", 1, _BYTES, _ONE, ""),
        ("type", 2, _BYTES, _ONE, ""),
        ("blobs", 7, _MESSAGE, _MANY, "Blob"),
    ],
    "OldLayer": [
        ("name", 4, _BYTES, _ONE, ""),
        ("type", 5, _INTEGER, _ONE, ""),
        ("blobs", 6, _MESSAGE, _MANY, "Blob"),
    ],
    "Net": [
        ("layers", 2, _MESSAGE, _MANY, "OldLayer"),
        ("layer", 100, _MESSAGE, _MANY, "Layer"),
    ],
}
"""Of each message the fields: name, number, kind, how many, and of which message."""


def messages() -> Any:
    """Return the class of a network's message. Raises ImportError without protobuf."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for key, number, kind, label, inner in fields:
            of = f".caffe.{inner}" if inner else None
            message.field.add(name=key, number=number, type=kind, label=label, type_name=of)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("caffe.Net"))


def read(data: bytes) -> dict[str, Tensor]:
    """Return the tensors of a caffemodel: the second one of `conv1` is `conv1[1]`.

    Running statistics stand in it as sums, with the number to divide them by behind them.
    Raises ValueError for bytes that are no caffemodel, ImportError without protobuf.
    """
    from google.protobuf.message import DecodeError

    net = messages()()
    try:
        net.ParseFromString(data)
    except DecodeError:
        raise ValueError("it is no caffemodel, or only a part of one") from None
    found: dict[str, Tensor] = {}
    for layer in (*net.layers, *net.layer):
        name = layer.name.decode("utf-8", "replace")
        tensors = [_tensor(blob, name) for blob in layer.blobs]
        if len(tensors) == 3 and tensors[2].numel() == 1 and layer.type == b"BatchNorm":
            count = tensors.pop()
            tensors = [tensor / count if count else tensor * 0 for tensor in tensors]
        found |= {f"{name}[{index}]": tensor for index, tensor in enumerate(tensors)}
    if not found:
        raise ValueError("it is no caffemodel: no layer in it has a tensor")
    return found


def _tensor(blob: Any, name: str) -> Tensor:
    """Return a blob's numbers; old ones have four dimensions, the first of them 1."""
    import torch

    old = (blob.num, blob.channels, blob.height, blob.width)
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else old
    is_double = bool(blob.double_data)
    raw = b"".join(blob.double_data if is_double else blob.data)
    size = 8 if is_double else 4
    if len(shape) > limits.RANK or any(side < 0 for side in shape):
        raise ValueError(f"`{escape(name)}` has a tensor of no possible shape")
    if math.prod(shape) * size != len(raw):
        held = f"{len(raw) // size:,} numbers for {'×'.join(map(str, shape)) or 'one'}"
        raise ValueError(f"`{escape(name)}` has a tensor of {held}")
    kind = torch.float64 if is_double else torch.float32
    flat = torch.frombuffer(bytearray(raw), dtype=kind) if raw else torch.empty(0, dtype=kind)
    return flat.reshape(shape).float()


def state(
    flat: Flat, data: bytes, wanted: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, Tensor], list[str]]:
    """Return the state_dict for the network that a prototxt has become, and what it leaves.

    `wanted` are the shapes of its tensors by key. Raises ValueError if one is not there.
    """
    import torch

    given = read(data)
    sources = {
        ".".join((*step.path, name)).rstrip("."): key
        for step in flat.steps
        for name, key in step.tensors.items()
    }
    found, missing = {}, []
    for key, shape in wanted.items():
        tensor = given.get(sources.get(key, ""))
        if key.endswith("num_batches_tracked"):
            found[key] = torch.zeros(shape, dtype=torch.int64)
        elif tensor is None:
            missing.append(f"`{escape(sources.get(key, key))}`, which is {key}, is not there")
        elif _sides(tuple(tensor.shape)) != _sides(shape):
            sizes = ("×".join(map(str, x)) for x in (tensor.shape, shape))
            missing.append(f"`{escape(sources[key])}` is {' and not '.join(sizes)} of {key}")
        else:
            found[key] = tensor.reshape(shape)
    if missing:
        more = f", and {len(missing) - 3} more" if missing[3:] else ""
        raise ValueError(f"it fits another network: {'; '.join(missing[:3])}{more}")
    return found, sorted({*given} - {*sources.values()})


def _sides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without what Caffe adds to it or leaves out: dimensions of 1."""
    return tuple(side for side in shape if side != 1)
