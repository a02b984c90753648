"""Caffe's files with random weights, and what OpenCV computes from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from netspec.importer.caffemodel import messages


def caffemodel(tensors: dict[str, list[np.ndarray[Any, Any]]], kinds: dict[str, str]) -> bytes:
    """Return the file of each layer's tensors; `kinds` are the layers' types."""
    net = messages()()
    for name, arrays in tensors.items():
        layer = net.layer.add(name=name.encode(), type=kinds[name].encode())
        for array in arrays:
            blob = layer.blobs.add()
            blob.shape.dim.extend(array.shape)
            blob.data.append(array.astype("<f4").tobytes())
    return net.SerializeToString()


def opencv(text: str, weights: bytes, image: np.ndarray[Any, Any], folder: Path) -> Any:
    """Return what OpenCV's reader of Caffe's files makes of an image."""
    import cv2

    (folder / "net.prototxt").write_text(text)
    (folder / "net.caffemodel").write_bytes(weights)
    net = cv2.dnn.readNetFromCaffe(str(folder / "net.prototxt"), str(folder / "net.caffemodel"))
    net.setInput(image)
    return net.forward()
