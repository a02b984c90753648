"""Caffe's files with random weights, and what OpenCV and the imported network make of an image."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import netspec
from netspec.importer import caffe
from netspec.importer.caffemodel import messages, state
from netspec.importer.flat import Flat
from netspec.importer.spec import imported
from netspec.text.diagnostics import Source

Array = np.ndarray[Any, Any]
SUMS = np.array([999.0], "f4")
"""What Caffe's running statistics are to be divided by."""


def read(text: str, *size: int) -> Flat:
    return caffe.read(Source("net.prototxt", text), size)


def weights(
    flat: Flat, shapes: dict[str, tuple[int, ...]], seed: int = 0
) -> dict[str, list[Array]]:
    """Return random tensors for the layers of a network, that keep numbers at their size."""
    random = np.random.default_rng(seed)
    found: dict[str, dict[int, Array]] = {}
    for step in flat.steps:
        for name, key in step.tensors.items():
            shape = shapes[".".join((*step.path, name)).rstrip(".")]
            layer, index = re.fullmatch(r"(.*)\[(\d+)\]", key).groups()
            if name == "weight" and len(shape) > 1:
                array = random.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape)
            elif name in ("running_var", "weight"):
                array = random.uniform(0.5, 1, shape)
            else:
                array = random.normal(0, 0.1, shape)
            if name.startswith("running"):
                array = array * SUMS
                found.setdefault(layer, {})[2] = SUMS
            if step.op == "parameter":
                array = array.reshape(-1)
            found.setdefault(layer, {})[int(index)] = array.astype("f4")
    return {layer: [arrays[i] for i in sorted(arrays)] for layer, arrays in found.items()}


def caffemodel(tensors: dict[str, list[Array]], is_old: bool = False) -> bytes:
    """Return the file of each layer's tensors, in the form of 2014 those of four dimensions."""
    net = messages()()
    for name, arrays in tensors.items():
        layer = (net.layers if is_old else net.layer).add(name=name.encode())
        if not is_old and arrays[2:]:
            layer.type = b"BatchNorm"
        for array in arrays:
            blob = layer.blobs.add(data=[array.astype("<f4").tobytes()])
            if is_old:
                four = (*(1,) * (4 - array.ndim), *array.shape)
                blob.num, blob.channels, blob.height, blob.width = four
            else:
                blob.shape.dim.extend(array.shape)
    return bytes(net.SerializeToString())


def outputs(text: str, folder: Path, is_old: bool = False) -> tuple[Array, Array]:
    """Return what the imported network, and OpenCV, give for a random image."""
    cv2 = pytest.importorskip("cv2")
    flat = read(text)
    network = imported(flat)
    tensors = weights(flat, network.tensors())
    data = caffemodel(tensors, is_old)
    (size,) = flat.inputs.values()
    image = np.random.default_rng(1).normal(0, 1, (2, *size)).astype("f4")
    (folder / "net.prototxt").write_text(text)
    (folder / "net.caffemodel").write_bytes(data)
    files = ("prototxt", "caffemodel")[: 1 + bool(tensors)]
    theirs = cv2.dnn.readNetFromCaffe(*(str(folder / f"net.{end}") for end in files))
    theirs.setInput(image)
    model = netspec.loads(network.spec.source.text).build().eval()
    if tensors:
        found, left = state(flat, data, network.tensors())
        assert left == []
        model.load_state_dict(found)
    with torch.no_grad():
        ours = model(torch.from_numpy(image))
    return ours.numpy(), theirs.forward()


def difference(ours: Array, theirs: Array) -> float:
    """Return how far apart two results are, of the largest number in them."""
    assert ours.shape == theirs.shape
    assert np.ptp(theirs) > 1e-3
    return float(abs(ours - theirs).max() / abs(theirs).max())
