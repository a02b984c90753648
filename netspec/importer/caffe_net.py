"""Caffe's messages → layers in one form: old and new, with the phases in which each is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from netspec.importer.prototxt import Field, Message, refuse
from netspec.text.diagnostics import Span

TRAIN, TEST = PHASES = ("TRAIN", "TEST")
Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A layer as Caffe runs it; `type` is Caffe's in lower case without `_`."""

    name: str
    type: str
    said: Message
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    phases: frozenset[str]
    span: Span
    """Its type's place."""

    @property
    def is_data(self) -> bool:
        """Whether it gives what comes from outside of the network."""
        return not self.bottoms and self.type not in ("parameter", "silence")

    @property
    def is_loss(self) -> bool:
        return self.type.endswith("loss")

    @property
    def parameters(self) -> Message:
        """Its own message: `convolution_param` of a convolution."""
        return self.said.message(_MESSAGES.get(self.type, f"{self.type}_param"))

    @property
    def place(self) -> str:
        return str(self.span)


_MESSAGES = {
    "innerproduct": "inner_product_param",
    "batchnorm": "batch_norm_param",
    "deconvolution": "convolution_param",
    "convolutiondepthwise": "convolution_param",
    "depthwiseconvolution": "convolution_param",
    "relu6": "relu_param",
    "memorydata": "memory_data_param",
    "imagedata": "image_data_param",
    "dummydata": "dummy_data_param",
    "windowdata": "window_data_param",
    "hdf5data": "hdf5_data_param",
    "shufflechannel": "shuffle_channel_param",
}
_ALIASES = {
    "softmaxloss": "softmaxwithloss",
    "convolutiondepthwise": "depthwiseconvolution",
}


@dataclass(frozen=True, slots=True, eq=False)
class Net:
    """A whole network."""

    name: str
    layers: tuple[Layer, ...]


def net(root: Message) -> Net:
    """Read a network. Raises SpecError."""
    layers = _joined(list(_layers(root)))
    if not layers:
        other = root.text("net") or root.text("train_net")
        help = f"name the network's own file, `{other}`" if other else "a network has `layer {…}`"
        refuse("there is no layer in this file", root.span, help)
    return Net(root.text("name"), (*_inputs(root), *layers))


def _layers(root: Message) -> Iterator[Layer]:
    for message in root.messages("layer", "layers"):
        if message.all("layer"):
            help = "Caffe's `upgrade_net_proto_text` writes it in today's form"
            refuse("a layer within a layer is Caffe's form of 2013", message.span, help)
        found = message.all("type")
        if not found:
            refuse("a layer without a `type`", message.span)
        kind = message.text("type").replace("_", "").lower()
        bottoms, tops = tuple(message.texts("bottom")), tuple(message.texts("top"))
        phases = frozenset(phase for phase in PHASES if _is_there(message, phase))
        name = message.text("name") or (tops or bottoms or ("layer",))[0]
        kind = _ALIASES.get(kind, kind)
        if phases and (kind == "dropout" or not bottoms):
            phases = frozenset(PHASES)  # dropout does nothing in inference, and data are an input
        yield Layer(name, kind, message, bottoms, tops, phases, found[-1].value.span)


def _is_there(layer: Message, phase: str) -> bool:
    """Tell whether a layer is there in a phase, at level 0 without stages."""
    include, exclude = (
        [_meets(rule, phase) for rule in layer.messages(name)] for name in ("include", "exclude")
    )
    return any(include) if include else not any(exclude)


def _meets(rule: Message, phase: str) -> bool:
    within = rule.integer("min_level", 0) <= 0 <= rule.integer("max_level", 0)
    rule.texts("not_stage")  # there is none, so none is there that must not be
    return rule.word("phase", PHASES, phase) == phase and within and not rule.texts("stage")


def _joined(layers: list[Layer]) -> list[Layer]:
    """Return layers of which no two are one layer, written once for each phase."""
    found: dict[tuple[object, ...], Layer] = {}
    for layer in layers:
        same: tuple[object, ...] = (layer.name, layer.type, layer.bottoms, layer.tops)
        known = found.get(same)
        if known and known.phases.isdisjoint(layer.phases):
            # The one of inference is kept: what it says is what is computed there.
            kept = layer if TEST in layer.phases else known
            found[same] = replace(kept, phases=known.phases | layer.phases)
        else:
            found[(*same, len(found)) if known else same] = layer
    return [layer for layer in found.values() if layer.phases]


# ------------------------------------------------------------------ inputs


def _inputs(root: Message) -> Iterator[Layer]:
    """Yield the inputs that stand beside the layers, as layers."""
    dims, shapes = root.all("input_dim"), root.all("input_shape")
    for index, (item, name) in enumerate(zip(root.all("input"), root.texts("input"), strict=True)):
        sizes = [field._replace(name="dim") for field in dims[4 * index : 4 * index + 4]]
        shape = [field._replace(name="shape") for field in shapes[index : index + 1]]
        if sizes:
            shape = [Field("shape", Message(item.span, sizes), item.span)]
        own = Field("input_param", Message(item.span, shape), item.span)
        said = Message(item.span, [own])
        yield Layer(name, "input", said, (), (name,), frozenset(PHASES), item.span)


def shape_of(layer: Layer, top: str) -> Sizes:
    """Return the shape, without the batch, of what a layer reads from outside; () if unsaid."""
    index = layer.tops.index(top)
    own = layer.parameters
    if shapes := [tuple(shape.integers("dim")) for shape in own.messages("shape")]:
        return shapes[min(index, len(shapes) - 1)][1:]
    if index:
        return ()
    change = layer.said.message("transform_param")
    crop = change.integer("crop_size", own.integer("crop_size", 0))
    channels = own.integer("channels", 1 if change.flag("force_gray", False) else 3)
    height = crop or own.integer("height", own.integer("new_height", 0))
    width = crop or own.integer("width", own.integer("new_width", 0))
    return (channels, height, width) if height and width else ()
