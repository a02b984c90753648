"""Images with labels from a file, to tell what an engine's arithmetic costs in accuracy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from netspec.runtime.installed import NotInstalledError, require
from netspec.text import files

if TYPE_CHECKING:
    from torch import Tensor

CALIBRATING = 64
"""How many images, the first ones, a quantiser sees; accuracy is of the others."""


class Labelled(NamedTuple):
    """Images as the network reads them, and the number of the class of each."""

    images: Tensor
    labels: Tensor

    def batches(self, size: int, calibrating: bool = False) -> list[tuple[Tensor, Tensor]]:
        """Return whole batches of images with their labels; what is left over is left out."""
        start, stop = (0, CALIBRATING) if calibrating else (CALIBRATING, len(self.labels))
        places = range(start, min(stop, len(self.labels)) - size + 1, size)
        return [(self.images[i : i + size], self.labels[i : i + size]) for i in places]


def read(path: str, shape: Sequence[int]) -> Labelled:
    """Read `images` and `labels` from an .npz file; `shape` is that of the network's input.

    Raises OSError, ValueError which says what is wrong with it, and NotInstalledError.
    """
    require("reading labelled images", ["torch"])
    import torch

    try:
        import numpy
    except ImportError:
        raise NotInstalledError("an .npz file needs numpy: pip install numpy") from None

    if not Path(path).is_file():
        raise files.absent(path)
    try:
        with numpy.load(path, allow_pickle=False) as found:
            images, labels = torch.tensor(found["images"]), torch.tensor(found["labels"])
    except OSError as error:
        raise files.barred("read", path, error) from None
    except Exception:  # whatever numpy makes of bytes that are none of its own
        raise ValueError(f"{path} holds no `images` and `labels`, as numpy.savez writes") from None
    if tuple(images.shape[1:]) != tuple(shape) or tuple(labels.shape) != (len(images),):
        wanted, given = ("×".join(map(str, sizes)) for sizes in (shape, images.shape[1:]))
        raise ValueError(
            f"{path} has {len(images)} images of {given} and {labels.numel()} labels; "
            f"the network reads {wanted}"
        )
    if len(labels) <= CALIBRATING:
        raise ValueError(f"{path} has {len(labels)} images; at least {CALIBRATING + 1} are needed")
    return Labelled(images.float(), labels.long())


def accuracy(run: Callable[[Sequence[Tensor]], list[Any]], data: Labelled, batch: int) -> float:
    """Return the share of images for which the first output is largest at the label."""
    import torch

    right = [
        torch.as_tensor(run([images])[0]).argmax(1) == labels
        for images, labels in data.batches(batch)
    ]
    return float(torch.cat(right).float().mean())
