"""Open texts over files, and where each name in them is defined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.editing.folds import folds
from netspec.editing.kept import moved, whole
from netspec.editing.places import definition, place_at, places, references
from netspec.editing.symbols import Symbol, symbols
from netspec.editing.tokens import tokens
from netspec.editing.workspace import Document, Workspace
from netspec.language.model import BlockCall, Body, Chain, Layer, Parallel, ShareCall, Spec
from netspec.language.terms import INDEX, Ref
from netspec.language.values import Scope
from netspec.text.diagnostics import Span
from tests.random_spec import specs
from tests.support import SPECS, draws
from tests.test_random_specs import examples


def workspace(files: dict[str, str] | None = None) -> Workspace:
    """Return a workspace over texts by their paths."""

    def read(path: str) -> str:
        try:
            return (files or {})[path]
        except KeyError:
            raise FileNotFoundError(f"there is no file {path}") from None

    return Workspace(read)


ZOO = {f"specs/{path.name}": path.read_text() for path in SPECS}


def check_order(document: Document) -> None:
    """Look whether the places of a document are names, in order, that do not overlap."""
    end = 0
    for place in places(document):
        assert place.span.source is document.source
        # Perhaps in quotes; of a name in several lines the first is underlined.
        first = place.span.text.partition("\n")[0]
        assert place.name.partition("\n")[0] in (first, first.strip("'\""))
        assert place.span.start >= end, place
        assert place_at(document, place.span.start + 1) == place
        end = place.span.end


@pytest.mark.parametrize("path", ZOO)
def test_places_of_shipped_specs_are_names_in_order_that_do_not_overlap(path):
    document = workspace(ZOO).change(path, ZOO[path])
    assert document.network is not None
    check_order(document)


@st.composite
def slips(draw: st.DrawFn) -> tuple[str, str]:
    """Return the path of a shipped spec, and its text with a few slips."""
    path = draw(st.sampled_from([*ZOO]))
    text = ZOO[path]
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 20)))
        typed = draw(
            st.sampled_from(["", "", "x", "{", "[", "]", "}", ": ", "\n", "  ", "$", '"', "- "])
        )
        text = f"{text[:start]}{typed}{text[end:]}"
    return path, text[: draw(st.sampled_from([len(text), draw(st.integers(0, len(text)))]))]


@examples(draws(40, 600))
@given(slips())
def test_a_text_with_slips_has_places_symbols_folds_and_tokens(spec):
    path, text = spec
    document = workspace(ZOO).change(path, text)
    check_order(document)
    assert len(tokens(document)) == len(places(document))
    lines = [span.line for span in folds(document)]
    assert lines == sorted({*lines})
    check_nested(symbols(document), Span(document.source, 0, len(text)))


def check_nested(found: Iterable[Symbol], around: Span) -> None:
    """Look whether each symbol holds its name and what stands in it."""
    for symbol in found:
        assert around.start <= symbol.whole.start <= symbol.name.start
        assert symbol.name.end <= symbol.whole.end <= around.end
        check_nested(symbol.inner, symbol.whole)


Resolved = Iterator[tuple[str, Span, Span | None]]
"""Uses of names: the kind, where the use stands, where the compiler finds what is meant.

None is what the compiler knows by its name alone.
"""


def resolved(spec: Spec) -> Resolved:
    """Yield what the compiler makes of the names of layers and of blocks."""
    heads = {layer.name: layer for layer in spec.heads}
    for block in (spec.model, *spec.blocks.values()):
        yield from _of_body(block.body)
        peers = {x.name: x for x in block.body.layers} if isinstance(block.body, Chain) else {}
        yield from (_found(ref, peers) for ref in block.outputs)
    assert isinstance(spec.model.body, Chain)
    peers = {layer.name: layer for layer in spec.model.body.layers} | heads
    yield from _of_layers(spec.heads, peers)
    yield from (_found(x.ref, peers) for x in spec.outputs if not x.head and x.ref.name in peers)
    for layer in spec.layers():
        if isinstance(layer.call, BlockCall):
            yield "block", layer.call.span, spec.blocks[layer.call.block].span


def _of_body(body: Body) -> Resolved:
    for chain in body.branches if isinstance(body, Parallel) else (body,):
        peers = {layer.name: layer for layer in chain.layers} if chain.named else {}
        yield from _of_layers(chain.layers, peers)


def _of_layers(layers: Iterable[Layer], peers: Mapping[str, Layer]) -> Resolved:
    for layer in layers:
        yield from (_found(ref, peers) for ref in layer.sources if ref.span)
        if isinstance(layer.call, ShareCall):
            yield _found(layer.call.target, peers)
        elif isinstance(layer.call, Chain | Parallel):
            yield from _of_body(layer.call)


def _found(ref: Ref, peers: Mapping[str, Layer]) -> tuple[str, Span, Span | None]:
    assert ref.span
    layer = peers.get(ref.name)
    if layer is None or layer.index is not None:  # an input, or a copy, which `copies:` names
        return "layer" if layer else "input", ref.span, None
    return "layer", ref.span, layer.span


def check_resolved(path: str, files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare the target of every name with what the compiler finds while it reads the spec."""
    params: dict[tuple[str, int], Span | None] = {}
    use = Scope.use

    def spy(scope: Scope, name: str, place: Span) -> bool:
        if name in scope.params:
            params[place.source.name, place.start + 1] = scope.params[name].span
        return use(scope, name, place)

    monkeypatch.setattr(Scope, "use", spy)
    document = workspace(files).change(path, files[path])
    assert document.network
    known = {(x.span.source.name, x.span.start): x for x in places(document)}
    for at, param in params.items():
        if at[0] == path and files[path][at[1] - 1 :].startswith("$"):
            target = known[at].target
            assert known[at].kind == "param" and param
            is_index = known[at].name == INDEX and target is None
            assert is_index or (target and param.start <= target.start < param.end)
    for kind, span, target in resolved(document.network.spec):
        if span.source is document.source:
            place = known[path, span.start]
            assert place.kind == kind
            assert target is None or place.target == target


@pytest.mark.parametrize("path", ZOO)
def test_names_of_shipped_specs_mean_what_the_compiler_finds(path, monkeypatch):
    check_resolved(path, ZOO, monkeypatch)


@examples(draws(25, 250))
@given(specs())
def test_names_of_random_specs_mean_what_the_compiler_finds(text):
    with pytest.MonkeyPatch.context() as monkeypatch:
        check_resolved("spec.yaml", {"spec.yaml": text}, monkeypatch)


SMALL = """netspec: 1
name: Small
inputs: {image: [3, 8, 8]}
graph:
  conv1: {conv2d: [4, 3]}
  relu1: relu
outputs: {out: relu1}
"""
VARIANT = """netspec: 1
name: Wide
extends: small.yaml
change: {graph.conv1: {conv2d: [8, 3]}}
"""


def test_an_open_buffer_counts_before_the_file():
    desk = workspace({"d/small.yaml": SMALL})
    variant = desk.change("d/variant.yaml", VARIANT)
    assert variant.network is not None
    assert desk.dependents("d/small.yaml") == ["d/variant.yaml"]
    desk.change("d/small.yaml", SMALL.replace("relu1: relu", "relu1: rleu"))
    [found] = desk.change("d/variant.yaml", VARIANT).diagnostics
    assert found.span and found.span.source is desk.document("d/small.yaml").source
    desk.close("d/small.yaml")
    assert desk.change("d/variant.yaml", VARIANT).network is not None


def test_a_missing_file_is_a_diagnostic_and_known_when_it_comes():
    files: dict[str, str] = {}
    desk = workspace(files)
    [found] = desk.change("variant.yaml", VARIANT).diagnostics
    assert "small.yaml" in found.message
    files["small.yaml"] = SMALL
    assert desk.dependents("small.yaml") == ["variant.yaml"]
    assert desk.change("variant.yaml", VARIANT).network is not None


def common(one: str, other: str) -> int:
    """Return the length of what two texts start with."""
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


@given(st.lists(st.text("ab\n", max_size=12), min_size=1, max_size=5))
def test_what_is_kept_of_a_text_stands_where_it_is_said_to(texts):
    first, *others = texts
    old, kept = first, whole(first)
    for new in others:
        kept, old = moved(kept, old, new), new
    ends = 0
    for run in kept if first else ():
        assert run.before >= ends and run.length > 0
        ends = run.before + run.length
        assert first[run.before : ends] == old[run.after : run.after + run.length]
        assert run.now(run.before, ends) == run.after
        assert run.now(run.before, ends + 1) is None
    if len(others) == 1:  # all in front of what was typed, and all behind it
        front = common(first, old)
        back = common(first[front:][::-1], old[front:][::-1])
        assert sum(run.length for run in kept) == front + back


def test_the_last_good_network_stays_with_its_places():
    desk = workspace()
    good = desk.change("small.yaml", SMALL).network
    desk.change("small.yaml", broken := SMALL.replace("relu1: relu", "relu1: rle"))
    document = desk.change("small.yaml", f"# new\n{broken}")
    assert (document.network, document.good) == (None, good)
    assert document.good_source and document.good_source.text == SMALL
    assert good
    conv, relu = (layer.span for layer in good.spec.layers())
    now = document.now(conv)
    assert now and now.source is document.source and now.text == "conv1"
    assert document.now(relu._replace(end=relu.end + len(": relu"))) is None
    assert document.now(now) is None


def test_what_a_broken_text_extends_is_known():
    desk = workspace({"small.yaml": SMALL})
    document = desk.change("variant.yaml", VARIANT[:-2])
    assert document.network is None
    assert desk.dependents("small.yaml") == ["variant.yaml"]


def test_a_layer_is_found_while_a_line_is_typed():
    text = SMALL.replace("outputs", "  relu2: {relu: [], from: conv1\noutputs")
    document = workspace().change("small.yaml", text)
    assert document.tree is None
    found = definition(document, text.rindex("conv1"))
    assert found and found.line == 5
    assert [span.line for span in references(document, found.start)] == [5, 7]


def test_what_a_variant_changes_is_defined_in_its_base_and_used_in_both():
    desk = workspace({"d/small.yaml": SMALL})
    base, variant = desk.change("d/small.yaml", SMALL), desk.change("d/variant.yaml", VARIANT)
    found = definition(variant, VARIANT.index("conv1"))
    assert found and (found.source, found.text, found.line) == (base.source, "conv1", 5)
    link = definition(variant, VARIANT.index("small.yaml"))
    assert link and (link.source, link.start) == (base.source, 0)
    assert references(base, found.start, [variant]) == references(variant, VARIANT.index("conv1"))


OUTLINE = """netspec: 1
name: Net
params: {width: 8}
inputs: {image: [3, 8, 8]}
blocks:
  # a block
  # of two
  Pair:
    params: [out]
    chain:
      conv: {conv2d: [$out, 1]}
      relu: relu
graph:
  pair: {Pair: [$width]}
  tail:
    - relu
    - {chain: {last: {linear: 4}}}
outputs: {out: tail}
"""


def lines_of(found: Iterable[Symbol], indent: str = "") -> Iterator[str]:
    for symbol in found:
        yield f"{indent}{symbol.kind} {symbol.text} {symbol.detail}".rstrip()
        yield from lines_of(symbol.inner, f"{indent}  ")


def test_the_outline_has_what_has_a_name():
    document = workspace().change("net.yaml", OUTLINE)
    assert [*lines_of(symbols(document))] == [
        *("section netspec 1", "section name Net", "section params", "  param width 8"),
        *("section inputs", "  input image [3, 8, 8]", "section blocks", "  block Pair [out]"),
        *("    layer conv conv2d", "    layer relu relu", "section graph", "  layer pair Pair"),
        *("  layer tail", "    layer 0 relu", "    layer 1", "      layer last linear"),
        *("section outputs", "  output out tail"),
    ]


def test_what_has_several_lines_folds():
    document = workspace().change("net.yaml", OUTLINE)
    ends = [(span.line, document.source.position(span.end)[0]) for span in folds(document)]
    assert ends == [(5, 12), (6, 7), (8, 12), (10, 12), (13, 17), (15, 17)]


def test_tokens_say_what_names_are():
    document = workspace().change("net.yaml", OUTLINE)
    line = [x for x in tokens(document) if x.span.line in (9, 14)]
    assert [(x.span.text, x.type, x.is_definition) for x in line] == [
        *(("params", "keyword", False), ("out", "parameter", True)),
        *(("pair", "variable", True), ("Pair", "class", False), ("width", "parameter", False)),
    ]


def test_what_fits_of_a_variant_is_found_while_a_path_is_typed():
    desk = workspace({"d/small.yaml": SMALL})
    text = VARIANT.replace("{conv2d: [8, 3]}", "{linear: 4, from: image}, graph.con: relu")
    document = desk.change("d/variant.yaml", text)
    assert document.network is None
    found = definition(document, text.index("image"))
    assert found and (found.source.name, found.text) == ("d/small.yaml", "image")
    path = place_at(document, text.index("con:"))
    assert path and (path.kind, path.target) == ("layer", None)
