"""The grammar: a model for each mapping of the language, a field for each of its keys.

The order of the fields is the order in which `fmt` writes the keys. Their kinds say what is read
and what editors accept; descriptions and examples are the documentation.
"""

# pydantic evaluates annotations that are no text much faster, so nothing comes from __future__.
from typing import Annotated, ClassVar

from netspec.language import extras, kinds, signature
from netspec.language.expect import Bound, Bounded, metric_meant
from netspec.language.init import Fillers, Filling, Fillings, Function
from netspec.language.keys import Keys, Kind, key
from netspec.language.kinds import REF, ref, table
from netspec.language.names import BLOCK_NAME, NAME
from netspec.language.terms import NUMBERS, Argument, Condition, Param, Ref, Series
from netspec.ops.arguments import EXPRESSION
from netspec.ops.base import CHANNELS_LAST, INTEGER, REAL, REGISTRY, Join
from netspec.ops.fillers import Filler
from netspec.text.syntax import Mapping, Scalar, Tree

JOINS = sorted(
    name for name, cls in REGISTRY.items() if issubclass(cls, Join) and len(cls.reads) > 1
)
"""The ops that join any number of branches."""
CHAINS = {"type": "array", "items": ref("chain"), "minItems": 1}
FACTOR = {"anyOf": [kinds.NUMBER, EXPRESSION]}
MODULE = {"type": "string", "pattern": r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"}
GIVES = {"anyOf": [{"const": "same"}, extras.Contract.schema]}
GIVEN = {"type": "object", "additionalProperties": {"type": ["number", "boolean", "string"]}}
TENSORS = {"type": "object", "additionalProperties": {"type": "array", "items": kinds.SIZE}}
FILE = {"type": "string", "pattern": r"^[^/~\\:][^\\:]*\.yaml$"}

Numbered = Annotated[int | None, kinds.Version()]
Doc = Annotated[str, kinds.Text()]
Filled = Annotated[Filler | None, Function()]
Limit = Annotated[Bound | None, Bounded()]


class TensorKeys(Keys):
    """The tensors of an op that `init` fills."""

    weight: Filled = key(None, "what fills the weight")
    bias: Filled = key(None, "what fills the bias")


FILLING = Filling(TensorKeys)


class LayerKeys(Keys):
    """What a layer may say beside its op."""

    share: Annotated[Scalar | None, kinds.Word(REF, wanted="a layer's name")] = key(
        None, "another layer of the same chain, whose weights this call uses too", "other"
    )
    sources: Annotated[tuple[Ref, ...], extras.Sources()] = key(
        (),
        "what it reads in place of the line above: layers of the same chain, or inputs",
        *("name", "[a, b]"),
        alias="from",
    )
    repeat: Annotated[Argument | None, extras.Amount(kinds.SIZE)] = key(
        None,
        "a stack of copies, called `name.0`, `name.1` …; in their arguments `$i` is the number of "
        "each, from 0",
        "3",
    )
    splice: Annotated[int | None, extras.Total()] = key(
        None,
        "`repeat` whose copies are layers where it stands: in a list with its numbers, else called "
        "as `copies` says",
        "7",
    )
    copies: Annotated[Series, extras.Counting()] = key(
        NUMBERS,
        "beside `repeat`, or `splice` outside of lists: what copies are called; the number at the "
        "end of the first one's name counts on",
        *("denselayer1", "block1-0"),
    )
    first: Annotated[dict[str, Argument], extras.Changes()] = key(
        dict,
        "beside `repeat` or `splice`: other arguments for the first copy of a block",
        "{stride: 2}",
    )
    when: Annotated[Condition | str | None, extras.When()] = key(
        None,
        "`train`: built, but run only in training, so that nothing of inference may read it; "
        "a condition: there only if it holds when compiling, else its (first) input passes through",
        *("train", "$project", "$stride != 1"),
    )
    otherwise: Annotated[str, kinds.OneOf(("nothing",))] = key(
        "",
        "beside a condition in a list: where it does not hold, the layer takes no number, so that "
        "those behind it move up",
        "nothing",
        alias="else",
    )
    weight: Annotated[Argument | None, extras.Amount(FACTOR)] = key(
        None, "for an output: its share of `total_loss`", "0.3"
    )
    init: Annotated[Fillers, FILLING] = key(
        dict, "how its tensors are filled, in place of the section `init`", "{bias: zeros_}"
    )
    shape: Annotated[Argument | None, extras.Contract()] = key(
        None,
        "a contract: the output's shape without the batch, checked when compiling; `null` is any "
        "size",
        "[64, 112, 112]",
    )
    doc: Doc = key("", "a sentence for people")


NOTHING = LayerKeys.model_construct()
"""What most layers say."""


class PlaceKeys(Keys):
    """Where a variant inserts a layer: beside one of these."""

    after: Annotated[Tree | None, Kind(REF)] = key(None, "the layer that the new one follows")
    before: Annotated[Tree | None, Kind(REF)] = key(None, "the layer that the new one precedes")


class InsertionKeys(PlaceKeys, LayerKeys):
    """What a layer may say that a variant inserts."""


class BodyKeys(Keys):
    """What a body is made of."""

    chain: Annotated[Tree | None, Kind(ref("chain"), role="chain")] = key(
        None, "layers one after the other"
    )
    parallel: Annotated[Tree | None, Kind(CHAINS, role="branches")] = key(
        None, "chains that all start at the block's input"
    )
    join: Annotated[Tree | None, Kind({"enum": JOINS})] = key(
        None, "how the ends of `parallel` come together", "concat"
    )


class InlineKeys(LayerKeys, BodyKeys):
    """What a layer may say that is a body itself."""


class SignatureKeys(Keys):
    """What a block says of its uses."""

    doc: Doc = key("", "what the block is, for people")
    params: Annotated[dict[str, Param], signature.Parameters()] = key(
        dict,
        "its parameters, those with a default last; one that a layer calls, `act: $act`, is the "
        "bare name of an op or a block that keeps its input's shape and takes nothing further",
        *("[out, kernel, stride=1]", "[act=relu]"),
    )
    inputs: Annotated[tuple[str, ...], signature.InputNames()] = key(
        (), "the names of its inputs, if there is more than one", "[image, mask]"
    )
    outputs: Annotated[tuple[Ref, ...], signature.LayerNames()] = key(
        (), "the layers that a use of it can be read for, as `use.low`", "[low, high]"
    )


class BlockKeys(BodyKeys, SignatureKeys):
    """What a block may say."""


class ExternKeys(Keys):
    """What a spec says of a class of somebody's own."""

    doc: Doc = key("", "what the class does, for people")
    package: Annotated[Scalar | None, kinds.Word(MODULE, wanted="the name of a module")] = key(
        ...,
        "the module that has the class; generated code imports it, if the call allows that",
        "mylib.layers",
        alias="import",
    )
    params: Annotated[dict[str, Param], signature.Parameters()] = key(
        dict, "what a use of it gives, those with a default last", "[squeeze, bias=true]"
    )
    inputs: Annotated[tuple[str, ...], signature.InputNames()] = key(
        (), "the names of its inputs, if there is more than one", "[image, mask]"
    )
    arguments: Annotated[Mapping | None, kinds.Named(GIVEN)] = key(
        None,
        "what its constructor takes, by name; without it the parameters",
        "{channels: $in_channels, reduction: $squeeze}",
    )
    shape: Annotated[Tree | None, Kind(GIVES, wanted="`same` or a list of sizes")] = key(
        ...,
        "what it gives: `same` for the shape of its (first) input, or a list, in which null is a "
        "size of the input",
        *("same", "[$out, null, null]"),
    )
    weights: Annotated[Mapping | None, kinds.Named(TENSORS)] = key(
        None,
        "its learnt tensors, by their keys in its state_dict",
        "{fc1.weight: [$squeeze, $in_channels, 1, 1]}",
    )
    buffers: Annotated[Mapping | None, kinds.Named(TENSORS)] = key(
        None, "the tensors of its state_dict that are not learnt", "{count: []}"
    )
    macs: Annotated[Tree | None, Kind(kinds.COUNT, wanted="an integer of 0 or more")] = key(
        None,
        "its multiply-adds for one input; without it none",
        "2 * $squeeze * $in_channels",
    )


class ExpectKeys(Keys):
    """The numbers of a network that can be bound."""

    unknown: ClassVar[str] = "no metric is called `{key}`"

    params: Limit = key(None, "learnt parameters in inference", "6998552")
    macs: Limit = key(None, "multiply-adds of a forward pass in inference, for one input", "<=1.6G")
    depth: Limit = key(None, "the most layers with parameters on a path", "22")
    train_params: Limit = key(None, "learnt parameters with the training-only heads")
    train_macs: Limit = key(
        None, "multiply-adds of a forward pass with the training-only heads, for one input"
    )

    @classmethod
    def instead(cls, key: Scalar, value: Tree, absent: list[str]) -> str:
        return metric_meant(key, value, absent) or "known: " + ", ".join(absent)


INIT = Fillings(FILLING)
EXPECT = kinds.Nested(ExpectKeys)


class InputKeys(Keys):
    """What an input says beside its shape."""

    shape: Annotated[Tree | None, Kind(kinds.SHAPE, wanted="a shape")] = key(
        ..., "its shape without the batch, channels first", "[128]"
    )
    dtype: Annotated[str, kinds.OneOf((REAL, INTEGER))] = key(
        REAL, "`int64` for integers, such as tokens; otherwise real numbers", "int64"
    )
    memory_format: Annotated[str, kinds.OneOf((CHANNELS_LAST,))] = key(
        "",
        "how images lie in memory: convolutions in eager mode are faster with their channels last",
        CHANNELS_LAST,
    )


INPUT = {"anyOf": [kinds.SHAPE, InputKeys.object()]}


class SpecKeys(Keys):
    """The sections of a spec."""

    netspec: Numbered = key(..., "the version of the language", "1")
    name: Annotated[Scalar | None, kinds.NetworkName()] = key(
        ..., "the network's name, which becomes the class: capitalised", "ResNet"
    )
    doc: Doc = key("", "what the network is, for people: paper, table, figure")
    params: Annotated[dict[str, Param], kinds.Params()] = key(
        dict,
        "numbers, or `true` and `false`, with names, used as `$name`; `--set classes=10` changes "
        "them",
        *("{classes: 1000}", "{bias: true}"),
    )
    inputs: Annotated[
        Mapping | None,
        kinds.Inputs(table(INPUT, NAME, minProperties=1)),
    ] = key(
        ...,
        "shapes without the batch, channels first",
        *("{image: [3, 224, 224]}", "{tokens: {shape: [128], dtype: int64}}"),
    )
    init: Annotated[dict[str, Fillers], INIT] = key(dict, "how each op's tensors are filled")
    externs: Annotated[
        Mapping | None, kinds.Named(table(ref("extern"), BLOCK_NAME), role="externs")
    ] = key(
        None,
        "classes of somebody's own, used like blocks; nothing imports them but generated code, and "
        "only if the call allows it: `--allow-import mylib`",
        "{Gate: {import: mylib.layers, shape: same}}",
    )
    blocks: Annotated[
        Mapping | None, kinds.Named(table(ref("block"), BLOCK_NAME), role="blocks")
    ] = key(None, "what is used more than once, capitalised, used like ops")
    graph: Annotated[
        Mapping | None, kinds.Layers(table(ref("layer"), NAME, minProperties=1), role="chain")
    ] = key(..., "the layers; each reads the line above unless it says `from:`")
    outputs: Annotated[
        Mapping | None, kinds.Outputs(table(ref("output"), NAME, minProperties=1), role="chain")
    ] = key(..., "names for results: a layer's name, or a head with `from:`", "{logits: fc}")
    expect: Annotated[ExpectKeys, EXPECT] = key(
        ExpectKeys.model_construct(),
        "what must be true of the whole network",
        "{macs: <=1.6G}",
        "{params: 6998552, depth: 22}",
    )


def _patch(layer: str) -> Kind[Mapping]:
    """Return a table of paths, with what a variant puts there."""
    said = [{"title": key, **kind.schema} for key, kind in SignatureKeys.kinds().items()]
    new = {
        r"^params\.": kinds.VALUE,
        r"^inputs\.": INPUT,
        rf"^externs\.{BLOCK_NAME}$": ref("extern"),
        rf"^blocks\.{BLOCK_NAME}$": ref("block"),
        rf"^blocks\.{BLOCK_NAME}\.": {"anyOf": [ref(layer), *said]},
        r"^graph\.": ref(layer),
        r"^outputs\.": {"anyOf": [ref(layer), REF]},
    }
    names = {"pattern": f"^{kinds.PATH}$"}
    schema = {"type": "object", "patternProperties": new, "propertyNames": names}
    return kinds.Named(schema, role="patch")


class VariantKeys(Keys):
    """The sections of a variant, and what it does in place of writing others anew."""

    netspec: Numbered = key(..., "the version of the language", "1")
    extends: Annotated[Scalar | None, kinds.Word(FILE, wanted="a file")] = key(
        ..., "the spec that this one patches, a path relative to this file", "googlenet.yaml"
    )
    name: Annotated[Tree | None, kinds.Replaced(kinds.NetworkName())] = key(
        None, "the variant's own name"
    )
    doc: Annotated[Tree | None, kinds.Replaced(kinds.Text())] = key(
        None, "what the variant is, for people"
    )
    params: Annotated[Tree | None, kinds.Later(kinds.Params())] = key(
        None, "other values for parameters of the extended spec", "{classes: 10}"
    )
    init: Annotated[Tree | None, kinds.Replaced(INIT)] = key(
        None, "how each op's tensors are filled, in place of the extended spec's `init`"
    )
    change: Annotated[Mapping | None, _patch("layer")] = key(
        None,
        "parts that replace others: `graph.NAME`, `outputs.NAME`, `inputs.NAME`, `externs.NAME`, "
        "`blocks.BLOCK`, and of a block a layer, `blocks.BLOCK.NAME`, or `params`, `inputs`, "
        "`outputs`",
        *("{graph.relu1: gelu}", "{inputs.image: [1, 28, 28]}", "{blocks.B.params: [a, b=2]}"),
    )
    insert: Annotated[Mapping | None, _patch("insertion")] = key(
        None,
        "new parts, also `params.NAME`; each layer `after:` or `before:` another one",
        *("{graph.norm1: {batch_norm2d: [], after: conv1}}", "{params.width: 64}"),
    )
    remove: Annotated[tuple[Scalar, ...], kinds.Paths()] = key(
        (), "the paths of parts that go", *("[graph.norm1]", "[params.width, blocks.Old]")
    )
    expect: Annotated[Tree | None, kinds.Replaced(EXPECT)] = key(
        None, "what must be true of the variant, in place of what the extended spec expects"
    )

    @classmethod
    def instead(cls, key: Scalar, value: Tree, absent: list[str]) -> str:
        return _INSTEAD.get(key.text, "")


_REPLACES = "`change: {{{0}.NAME: …}}` replaces {1}, `insert` adds one"
_INSTEAD = {
    "graph": _REPLACES.format("graph", "a layer"),
    "blocks": _REPLACES.format("blocks", "a block"),
    "outputs": _REPLACES.format("outputs", "an output"),
    "inputs": _REPLACES.format("inputs", "an input"),
    "externs": _REPLACES.format("externs", "an extern"),
    "set": "`params` gives parameters other values",
}
"""What to write for a section of a spec that a variant has not."""
