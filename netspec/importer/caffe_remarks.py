"""What a prototxt says that a spec has no key for: images, rates of learning, fields of forks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from netspec.importer.caffe_net import Layer
from netspec.importer.prototxt import Message

_IDLE = {
    *("engine", "blobs", "propagate_down", "loss_param", "accuracy_param", "blob_share_mode"),
    *(
        "weight_filler",
        "bias_filler",
        "filler",
        "variance_norm",
        "sparse",
        "std",
        "force_nd_im2col",
    ),
    *("axis", "data_param", "transform_param", "include", "exclude", "debug_info", "loss_weight"),
    *("is_color", "mean_file", "mirror", "param", "blobs_lr", "weight_decay", "input_param"),
}
"""Fields that change nothing of what is computed, or that only training's data depend on."""


def remarks(
    layers: Sequence[Layer], channels: Iterable[int], heads: Sequence[str]
) -> Iterator[str]:
    """Yield a sentence for each fact; `channels` are those of the network's images."""
    yield from _images([layer for layer in layers if layer.is_data], 3 in channels)
    yield from _rates(layers)
    if heads:
        names = ", ".join(heads)
        yield f"training: {names} count less in the loss, so inference goes without them"
    frozen = [x.name for x in layers if x.parameters.flag("use_global_stats", False)]
    if frozen:
        yield "use_global_stats: in training too, Caffe normalises by the running statistics here"
    yield from _unread(layers)


def _images(data: Sequence[Layer], is_colour: bool) -> Iterator[str]:
    """Yield what was done to an image before the network."""
    if is_colour:
        yield "images: channels in the order blue, green, red"
    found: dict[str, None] = {}
    for change in (y for x in data for y in (x.said.message("transform_param"), x.parameters)):
        if mean := change.numbers("mean_value"):
            found[f"images: minus the mean {', '.join(f'{value:g}' for value in mean)}"] = None
        for file in change.texts("mean_file"):
            found[f"images: minus the mean image of {file}"] = None
        for scale in change.numbers("scale"):
            found[f"images: times {scale:g}, behind the mean"] = None
    yield from found


def _rates(layers: Sequence[Layer]) -> Iterator[str]:
    """Yield the multipliers of rate and decay, the most common ones without names."""
    rates: dict[str, list[str]] = {}
    for layer in layers:
        params = layer.said.messages("param")
        lr = [x.number("lr_mult", 1) for x in params] or layer.said.numbers("blobs_lr")
        decay = [x.number("decay_mult", 1) for x in params] or layer.said.numbers("weight_decay")
        text = "; ".join(
            f"{key} {', '.join(f'{value:g}' for value in values)}"
            for key, values in (("lr_mult", lr), ("decay_mult", decay))
            if values
        )
        if text:
            rates.setdefault(text, []).append(layer.name)
    common = sorted(rates, key=lambda text: -len(rates[text]))
    for text in common[:1]:
        yield f"training: {text}" + (" of weight, bias" if "," in text else "")
    for text in common[1:]:
        yield f"training: {text} of {', '.join(rates[text])}"


def _unread(layers: Sequence[Layer]) -> Iterator[str]:
    """Yield the fields that no reader knows; what they mean is lost."""
    found: dict[str, int] = {}
    for layer in layers:
        own = layer.parameters if not (layer.is_data or layer.is_loss) else Message(layer.span)
        for item in (*layer.said.unasked(), *own.unasked()):
            if item.name not in _IDLE and not item.name.endswith("_param"):
                found.setdefault(item.name, item.span.line)
    for name, line in found.items():
        yield f"line {line}: `{name}` is not known"
